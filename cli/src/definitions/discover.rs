//! Which files of a repository are definition files: every `.py` below it, but for what Feast leaves out.

use std::path::{Path, PathBuf};

use super::DefinitionError;

const IGNORED_DIRECTORIES: [&str; 5] = [".git", ".venv", ".ipynb_checkpoints", ".pytest_cache", "__pycache__"];

/// Paths relative to the repository, sorted.
pub(super) fn definition_files(repository: &Path) -> Result<Vec<PathBuf>, Vec<DefinitionError>> {
    let mut found = Vec::new();
    let mut pending = vec![PathBuf::new()];
    while let Some(directory) = pending.pop() {
        let failed = |source: std::io::Error| {
            vec![DefinitionError {
                file: directory.clone(),
                line: 0,
                message: format!("cannot be listed: {source}"),
            }]
        };
        for entry in std::fs::read_dir(repository.join(&directory)).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let path = directory.join(entry.file_name());
            let name = entry.file_name();
            if entry.file_type().map_err(failed)?.is_dir() {
                if !IGNORED_DIRECTORIES.iter().any(|ignored| name == *ignored) {
                    pending.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "py") && name != "__init__.py" {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}
