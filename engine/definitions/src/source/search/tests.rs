//! Modules that Python would find, and the constants that are read from them.

use super::*;
use crate::source::module_path::site_packages;
use crate::tests::reader;
use crate::{DefinitionReader, RepositoryDefinitions};

/// A repository, a directory of `PYTHONPATH` and a virtual environment, with these files.
struct Places {
    directory: tempfile::TempDir,
}

impl Places {
    fn new(files: &[(&str, &str)]) -> Self {
        let places = Self {
            directory: tempfile::tempdir().unwrap(),
        };
        std::fs::create_dir_all(places.at("path")).unwrap();
        std::fs::create_dir_all(places.at(PACKAGES)).unwrap();
        for (name, text) in files {
            let path = places.at(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        places
    }

    fn at(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn read(&self) -> Result<RepositoryDefinitions, String> {
        let place = ModulePath {
            repository: self.at("repository"),
            python_path: vec![self.at("path")],
            installed: site_packages(&self.at("venv")),
        };
        let reader = DefinitionReader {
            modules: place,
            ..reader(&self.at("repository"))
        };
        reader
            .read()
            .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    }

    /// The names of the entities.
    fn names(&self) -> Vec<String> {
        let read = self.read().unwrap();
        read.definitions
            .entities
            .into_iter()
            .map(|entity| entity.metadata.name)
            .collect()
    }
}

const PACKAGES: &str = "venv/lib/python3.11/site-packages";
const VIEWS: &str = "repository/views.py";

/// The name that a repository gives an entity, which `source` computes, with other files.
fn check(source: &str, files: &[(&str, &str)], expected: &str) {
    let text = format!("from feast import Entity\n{source}\nentity = Entity(name=NAME)\n");
    let files: Vec<_> = files.iter().copied().chain([(VIEWS, text.as_str())]).collect();
    assert_eq!(Places::new(&files).names(), [expected], "{source}");
}

fn installed(name: &str) -> String {
    format!("{PACKAGES}/{name}")
}

#[test]
fn constants_of_other_places_are_read() {
    check("from acme import NAME", &[("path/acme.py", "NAME = 'a'\n")], "a");
    check(
        "from acme import NAME",
        &[(&installed("acme/__init__.py"), "NAME = 'a'\n")],
        "a",
    );
    check(
        "import acme.deep.names as n\nNAME = n.NAME",
        &[(&installed("acme/deep/names.py"), "NAME = 'a'\n")],
        "a",
    );
    check(
        "import acme.names\nNAME = acme.names.NAME",
        &[("path/acme/names.py", "NAME = 'a'\n")],
        "a",
    );
    check(
        "from acme import names\nNAME = names.NAME",
        &[("path/acme/names.py", "NAME = 'a'\n")],
        "a",
    );
    check("from acme import *", &[("path/acme.py", "NAME = 'a'\n_X = 1\n")], "a");
    check(
        "from acme import make\nNAME = make('b')",
        &[("path/acme.py", "P = 'a'\ndef make(x):\n    return P + x\n")],
        "ab",
    );
    // Relative imports, within the package and no further.
    check(
        "from acme import NAME",
        &[
            (&installed("acme/__init__.py"), "from .deep import NAME\n"),
            (
                &installed("acme/deep/__init__.py"),
                "from ..base import NAME\nfrom . import other\nNAME = NAME + other.X\n",
            ),
            (&installed("acme/deep/other.py"), "X = 'x'\n"),
            (&installed("acme/base.py"), "NAME = 'a'\n"),
        ],
        "ax",
    );
    check(
        "from acme import NAME",
        &[("path/acme/__init__.py", "NAME = __name__\n")],
        "acme",
    );
    check(
        "from acme import os\nNAME = os.path.basename(os.getcwd())",
        &[("path/acme.py", "import os\n")],
        "repository",
    );
}

#[test]
fn the_path_of_python_comes_before_the_repository_and_packages_after_it() {
    let everywhere = [
        ("path/names.py", "NAME = 'path'\n"),
        ("repository/names.py", "NAME = 'own'\n"),
    ];
    check("from names import NAME", &everywhere, "path");
    let packages = installed("names.py");
    check(
        "from names import NAME",
        &[everywhere[1], (&packages, "NAME = 'package'\n")],
        "own",
    );
    // What comes with Python and Feast is not looked for.
    check(
        "import json\nNAME = json.loads('\"a\"')",
        &[("path/json.py", "loads = 1\n")],
        "a",
    );
    check(
        "import pandas as pd\nNAME = str(pd.Timedelta('1 day').days)",
        &[(&installed("pandas/__init__.py"), "x = (\n")],
        "1",
    );
}

#[test]
fn packages_that_are_edited_elsewhere_are_found() {
    let link = installed("__editable__.acme.pth");
    let places = Places::new(&[
        ("elsewhere/acme/__init__.py", "NAME = 'edited'\n"),
        (
            VIEWS,
            "from feast import Entity\nfrom acme import NAME\nentity = Entity(name=NAME)\n",
        ),
    ]);
    let target = format!(
        "import os; os.abort()\n{}\n/no/such/directory\n",
        places.at("elsewhere").display()
    );
    std::fs::write(places.at(&link), target).unwrap();
    assert_eq!(places.names(), ["edited"]);
}

#[test]
fn objects_of_a_shared_package_are_registered_where_they_have_a_name() {
    let package = "from feast import Entity\ncustomer = Entity(name='customer')\nother = Entity(name='other')\n";
    let places = Places::new(&[("path/acme.py", package), (VIEWS, "from acme import customer\n")]);
    assert_eq!(places.names(), ["customer"]);
}

#[test]
fn a_repository_below_the_path_of_python_has_each_file_once() {
    let places = Places::new(&[
        (
            "path/repository/entities.py",
            "from feast import Entity\ndriver = Entity(name='driver')\n",
        ),
        (
            "path/repository/views.py",
            "from repository.entities import driver\nfrom entities import driver as same\n",
        ),
    ]);
    let place = ModulePath {
        repository: places.at("path/repository"),
        python_path: vec![places.at("path")],
        installed: Vec::new(),
    };
    let alone = reader(&place.repository);
    let read = DefinitionReader {
        modules: place,
        ..alone
    }
    .read()
    .unwrap();
    assert_eq!(read.definitions.entities.len(), 1);
}

/// What cannot be read outside of the repository is not an error until it is stored.
#[test]
fn what_cannot_be_read_elsewhere_stays_unknown() {
    let packages: &[(&str, &str)] = &[
        ("acme.py", "x = (\n"),
        ("acme.py", "while True:\n    pass\n"),
        ("acme.py", "raise ValueError('no')\n"),
        ("acme.py", "def f():\n    return f()\nf()\n"),
        ("acme/__init__.py", "from .deep import *\n"),
        ("acme.py", "import other_library\nNAME = other_library.NAME\n"),
        ("acme.py", "def __getattr__(name):\n    return name\n"),
    ];
    for (name, text) in packages {
        let file = format!("path/{name}");
        let unused = Places::new(&[
            (&file, text),
            (
                VIEWS,
                "from feast import Entity\nfrom acme import NAME\ne = Entity(name='e')\n",
            ),
        ]);
        assert_eq!(unused.names(), ["e"], "{text}");
        let stored = Places::new(&[
            (&file, text),
            (
                VIEWS,
                "from feast import Entity\nfrom acme import NAME\ne = Entity(name=NAME)\n",
            ),
        ]);
        let error = stored.read().unwrap_err();
        assert!(error.starts_with("views.py:3: name of Entity depends on "), "{error}");
    }
}

#[test]
fn large_packages_are_not_looked_into() {
    let file = installed("acme/__init__.py");
    let places = Places::new(&[
        (&file, "NAME = 'a'\n"),
        (
            VIEWS,
            "from feast import Entity\nfrom acme import NAME\ne = Entity(name=NAME)\n",
        ),
    ]);
    assert_eq!(places.names(), ["a"]);
    for number in 0..=MAX_PACKAGE_FILES {
        std::fs::write(places.at(&installed(&format!("acme/m{number}.py"))), "").unwrap();
    }
    assert!(
        places
            .read()
            .unwrap_err()
            .contains("depends on NAME of the module acme")
    );
}

#[test]
fn circles_and_links_end() {
    let circle = [
        ("path/a.py", "from b import X\nNAME = 'a'\n"),
        ("path/b.py", "import a\nX = 1\n"),
    ];
    check("from a import NAME", &circle, "a");
    let places = Places::new(&[
        ("path/a/__init__.py", "from .a import NAME\n"),
        (
            VIEWS,
            "from feast import Entity\nfrom a import NAME\ne = Entity(name='e')\n",
        ),
    ]);
    std::os::unix::fs::symlink(places.at("path/a"), places.at("path/a/a")).unwrap();
    assert_eq!(places.names(), ["e"]);
    let pipe = Places::new(&[(
        VIEWS,
        "from feast import Entity\nfrom zero import NAME\ne = Entity(name='e')\n",
    )]);
    std::os::unix::fs::symlink("/dev/zero", pipe.at("path/zero.py")).unwrap();
    assert_eq!(pipe.names(), ["e"]);
}

#[test]
fn names_of_modules_cannot_leave_the_directories() {
    let search = Search::new(ModulePath {
        repository: Path::new("/repository").to_path_buf(),
        python_path: vec![PathBuf::from("/")],
        installed: Vec::new(),
    });
    for module in ["/etc/passwd", "", "...", "a/../b", "../a"] {
        assert_eq!(search.module(module), None, "{module}");
    }
}
