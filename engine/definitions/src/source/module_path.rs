//! The directories that modules are looked for in, and the files that are modules.

use std::path::{Path, PathBuf};

use crate::environment::Environment;

/// The directories that modules are looked for in.
#[derive(Debug, Clone, Default)]
pub struct ModulePath {
    /// The repository.
    pub repository: PathBuf,
    /// `PYTHONPATH`, which Python looks through first.
    pub python_path: Vec<PathBuf>,
    /// site-packages, with what is installed there to be edited elsewhere.
    pub installed: Vec<PathBuf>,
}

/// A file that is a module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ModuleFile {
    /// Relative to the repository; absolute if it lies outside.
    pub(crate) path: PathBuf,
    /// The directory that its name is counted from: empty for the repository.
    pub(super) root: PathBuf,
}

impl ModulePath {
    /// The directories that the environment names, as Python takes them from there.
    #[must_use]
    pub fn from_environment(repository: &Path, environment: &Environment) -> Self {
        let listed = environment.variable("PYTHONPATH").unwrap_or_default();
        let python_path = std::env::split_paths(listed).filter(|path| !path.as_os_str().is_empty());
        // Relative ones are so to where the command is called, whatever the repository is.
        let python_path = python_path.map(|path| environment.directory.join(path));
        let environment = environment.variable("VIRTUAL_ENV").map(PathBuf::from);
        Self {
            repository: repository.to_path_buf(),
            python_path: python_path.filter(|path| path.is_dir()).collect(),
            installed: environment.map_or_else(Vec::new, |environment| site_packages(&environment)),
        }
    }
}

/// The site-packages of a virtual environment, and the directories that its `.pth` files name.
pub(super) fn site_packages(environment: &Path) -> Vec<PathBuf> {
    const MAX_ENTRIES: usize = 10_000;
    const MAX_BYTES: u64 = 64 << 10;
    let entries = |directory: &Path| {
        let entries = std::fs::read_dir(directory).into_iter().flatten().take(MAX_ENTRIES);
        let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        paths.sort();
        paths
    };
    let versions = entries(&environment.join("lib"));
    let versions = versions.iter().map(|version| version.join("site-packages"));
    let mut found = Vec::new();
    for packages in versions.filter(|packages| packages.is_dir()) {
        found.push(packages.clone());
        let links = entries(&packages).into_iter().filter(|path| {
            path.extension().is_some_and(|extension| extension == "pth")
                && path
                    .metadata()
                    .is_ok_and(|file| file.is_file() && file.len() <= MAX_BYTES)
        });
        for link in links {
            let lines = std::fs::read_to_string(link).unwrap_or_default();
            let directories = lines.lines().map(|line| packages.join(line.trim()));
            found.extend(directories.filter(|directory| *directory != packages && directory.is_dir()));
        }
    }
    found
}

impl ModuleFile {
    /// A file of the repository.
    pub(crate) fn in_repository(path: &Path) -> Self {
        Self {
            path: path.to_path_buf(),
            root: PathBuf::new(),
        }
    }

    pub(crate) fn is_outside(&self) -> bool {
        self.path.is_absolute()
    }

    /// The name under which it is imported.
    pub(crate) fn name(&self) -> String {
        let path = self.path.strip_prefix(&self.root).unwrap_or(&self.path);
        let path = path.with_extension("");
        let path = if path.ends_with("__init__") {
            path.parent().unwrap_or(&path)
        } else {
            &path
        };
        path.to_string_lossy().replace('/', ".")
    }

    pub(super) fn is_package(&self) -> bool {
        self.path.ends_with("__init__.py")
    }
}
