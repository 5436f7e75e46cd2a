//! Where the file of a module lies: in `PYTHONPATH`, in the repository, among the installed packages.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::library;

/// A package with more files than that is not one of constants: it is not read.
const MAX_PACKAGE_FILES: usize = 500;
/// How deep the folders of a package are looked through when its files are counted.
const MAX_PACKAGE_DEPTH: usize = 12;

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
pub(super) struct ModuleFile {
    /// Relative to the repository; absolute if it lies outside.
    pub(super) path: PathBuf,
    /// The directory that its name is counted from: empty for the repository.
    root: PathBuf,
}

impl ModulePath {
    /// The directories that the environment names, as Python takes them from there.
    pub fn from_environment(repository: &Path) -> Self {
        let listed = std::env::var_os("PYTHONPATH").unwrap_or_default();
        let here = std::env::current_dir().unwrap_or_default();
        let python_path = std::env::split_paths(&listed).filter(|path| !path.as_os_str().is_empty());
        // What is relative is so to where the command is called, whatever the repository is.
        let python_path = python_path.map(|path| here.join(path)).filter(|path| path.is_dir());
        let environment = std::env::var_os("VIRTUAL_ENV").map(PathBuf::from);
        Self {
            repository: repository.to_path_buf(),
            python_path: python_path.collect(),
            installed: environment.map_or_else(Vec::new, |environment| site_packages(&environment)),
        }
    }
}

/// The site-packages of a virtual environment, and the directories that its `.pth` files name.
fn site_packages(environment: &Path) -> Vec<PathBuf> {
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
    pub(super) fn of_repository(path: &Path) -> Self {
        Self {
            path: path.to_path_buf(),
            root: PathBuf::new(),
        }
    }

    pub(super) fn is_outside(&self) -> bool {
        self.path.is_absolute()
    }

    /// The name under which it is imported.
    pub(super) fn name(&self) -> String {
        let path = self.path.strip_prefix(&self.root).unwrap_or(&self.path);
        let path = path.with_extension("");
        let path = if path.ends_with("__init__") {
            path.parent().unwrap_or(&path)
        } else {
            &path
        };
        path.to_string_lossy().replace('/', ".")
    }

    fn is_package(&self) -> bool {
        self.path.ends_with("__init__.py")
    }
}

/// Looks for modules, and remembers which packages are too large to be read.
pub(super) struct Search {
    place: ModulePath,
    /// The repository without links.
    repository: PathBuf,
    is_small: RefCell<HashMap<PathBuf, bool>>,
}

impl Search {
    pub(super) fn new(place: ModulePath) -> Self {
        let repository = place
            .repository
            .canonicalize()
            .unwrap_or_else(|_| place.repository.clone());
        Self {
            place,
            repository,
            is_small: RefCell::default(),
        }
    }

    pub(super) fn absolute(&self, file: &ModuleFile) -> PathBuf {
        self.place.repository.join(&file.path)
    }

    /// The file of a module by its full name. Those that Feast has loaded come first, those of Python and Feast are not read.
    pub(super) fn module(&self, module: &str) -> Option<ModuleFile> {
        if module.is_empty() || module.contains('/') || library::is_loaded(module) {
            return None;
        }
        let path = path_of(module);
        let outside = |root: &PathBuf| self.outside(root, &path).filter(|_| !library::is_installed(module));
        let first = || self.place.python_path.iter().find_map(outside);
        let own = || self.file(Path::new(""), &path);
        let top = module.split('.').next().unwrap_or(module);
        let installed = || {
            let roots = self.place.installed.iter().enumerate();
            let mut roots = roots.filter(|(index, root)| *index > 0 || self.is_small_package(&root.join(top)));
            roots.find_map(|(_, root)| outside(root))
        };
        first().or_else(own).or_else(installed)
    }

    /// The file of a module that `from` imports by a relative name, so many packages up.
    pub(super) fn relative(&self, module: &str, level: u32, from: &ModuleFile) -> Option<ModuleFile> {
        let mut directory = from.path.parent()?.to_path_buf();
        for _ in 1..level {
            if directory == from.root {
                return None;
            }
            directory = directory.parent()?.to_path_buf();
        }
        let root = if from.is_outside() { &from.root } else { Path::new("") };
        let relative = directory.strip_prefix(root).ok()?.join(path_of(module));
        self.file(root, &relative)
    }

    /// A file of a package beside its `__init__.py`.
    pub(super) fn submodule(&self, package: &ModuleFile, name: &str) -> Option<ModuleFile> {
        if !package.is_package() {
            return None;
        }
        self.relative(name, 1, package)
    }

    /// Whether a name is that of a folder which is a package without an `__init__.py`.
    pub(super) fn is_namespace(&self, module: &str) -> bool {
        let path = path_of(module);
        if self.place.repository.join(&path).is_dir() {
            return true;
        }
        let top = module.split('.').next().unwrap_or(module);
        let is_read = !library::is_installed(module) && !library::is_loaded(module);
        let installed = self
            .place
            .installed
            .iter()
            .filter(|root| self.is_small_package(&root.join(top)));
        let mut roots = self.place.python_path.iter().chain(installed).filter(|_| is_read);
        roots.any(|root| {
            let directory = root.join(&path);
            directory.is_dir() && !directory.join("__init__.py").exists()
        })
    }

    fn outside(&self, root: &Path, path: &Path) -> Option<ModuleFile> {
        let found = self.file(root, path)?;
        // The repository may lie in such a directory; each of its files is one module.
        let real = found.path.canonicalize().ok()?;
        match real.strip_prefix(&self.repository) {
            Ok(own) => Some(ModuleFile::of_repository(own)),
            Err(_) => Some(found),
        }
    }

    /// The file of a module or package by its path without an ending. A package hides a file of its name.
    fn file(&self, root: &Path, path: &Path) -> Option<ModuleFile> {
        let base = root.join(path);
        let name = base.file_name()?.to_string_lossy().into_owned();
        let candidates = [base.join("__init__.py"), base.with_file_name(format!("{name}.py"))];
        let mut files = candidates
            .into_iter()
            .filter(|file| self.place.repository.join(file).is_file());
        files.next().map(|path| ModuleFile {
            path,
            root: root.to_path_buf(),
        })
    }

    /// Whether a package has few enough files to be one of shared definitions.
    fn is_small_package(&self, directory: &Path) -> bool {
        if let Some(known) = self.is_small.borrow().get(directory) {
            return *known;
        }
        let mut left = MAX_PACKAGE_FILES;
        let is_small = !directory.is_dir() || has_fewer_files(directory, MAX_PACKAGE_DEPTH, &mut left);
        self.is_small.borrow_mut().insert(directory.to_path_buf(), is_small);
        is_small
    }
}

fn has_fewer_files(directory: &Path, depth: usize, left: &mut usize) -> bool {
    if depth == 0 {
        return false;
    }
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    for entry in entries {
        if *left == 0 {
            return false;
        }
        *left -= 1;
        // A link is not followed: it may lead back.
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) && !has_fewer_files(&entry.path(), depth - 1, left) {
            return false;
        }
    }
    true
}

fn path_of(module: &str) -> PathBuf {
    module.split('.').filter(|part| !part.is_empty()).collect()
}

#[cfg(test)]
mod tests;
