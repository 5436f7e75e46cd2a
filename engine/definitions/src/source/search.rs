//! Where the file of a module lies: in `PYTHONPATH`, in the repository, among the installed packages.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::module_path::{ModuleFile, ModulePath};
use super::packages;

/// A package with more files than this does not hold constants: it is not read.
const MAX_PACKAGE_FILES: usize = 500;
/// How deep the folders of a package are looked through when its files are counted.
const MAX_PACKAGE_DEPTH: usize = 12;

/// Looks for modules, and remembers which packages are too large to be read.
pub(crate) struct Search {
    place: ModulePath,
    /// The repository without links.
    repository: PathBuf,
    is_small: RefCell<HashMap<PathBuf, bool>>,
}

impl Search {
    pub(crate) fn new(place: ModulePath) -> Self {
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

    pub(crate) fn absolute(&self, file: &ModuleFile) -> PathBuf {
        self.place.repository.join(&file.path)
    }

    /// The file of a module by its full name. Those that Feast has loaded come first, those of Python and Feast are not read.
    pub(crate) fn module(&self, module: &str) -> Option<ModuleFile> {
        if module.is_empty() || module.contains('/') || packages::is_loaded(module) {
            return None;
        }
        let path = path_of(module);
        let outside = |root: &PathBuf| self.outside(root, &path).filter(|_| !packages::is_installed(module));
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

    /// The file of a module that `from` imports by a relative name, `level` packages up.
    pub(crate) fn relative(&self, module: &str, level: u32, from: &ModuleFile) -> Option<ModuleFile> {
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
    pub(crate) fn submodule(&self, package: &ModuleFile, name: &str) -> Option<ModuleFile> {
        if !package.is_package() {
            return None;
        }
        self.relative(name, 1, package)
    }

    /// Whether a name is that of a folder which is a package without an `__init__.py`.
    pub(crate) fn is_namespace(&self, module: &str) -> bool {
        let path = path_of(module);
        if self.place.repository.join(&path).is_dir() {
            return true;
        }
        let top = module.split('.').next().unwrap_or(module);
        let is_read = !packages::is_installed(module) && !packages::is_loaded(module);
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
        // The repository may lie in such a directory; a file of it is one module, whichever way it is found.
        let real = found.path.canonicalize().ok()?;
        match real.strip_prefix(&self.repository) {
            Ok(own) => Some(ModuleFile::in_repository(own)),
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
