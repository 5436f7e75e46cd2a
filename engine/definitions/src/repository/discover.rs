//! Which files of a repository are definition files: every `.py` below it, but for what Feast leaves out.

use std::path::{Path, PathBuf};

use crate::error::DefinitionError;

const IGNORED_DIRECTORIES: [&str; 5] = [".git", ".venv", ".ipynb_checkpoints", ".pytest_cache", "__pycache__"];

/// Paths relative to the repository, sorted.
pub(super) fn definition_files(repository: &Path) -> Result<Vec<PathBuf>, Vec<DefinitionError>> {
    let ignored = std::fs::read_to_string(repository.join(".feastignore")).unwrap_or_default();
    let lines = ignored
        .lines()
        .map(|line| line.split('#').next().unwrap_or_default().trim());
    let patterns: Vec<Vec<&str>> = lines
        .filter(|line| !line.is_empty())
        .map(|line| line.trim_start_matches("./").trim_end_matches('/').split('/').collect())
        .collect();
    let mut found = Vec::new();
    let mut pending = vec![PathBuf::new()];
    while let Some(directory) = pending.pop() {
        let failed = |source: std::io::Error| {
            vec![DefinitionError::for_file(
                directory.clone(),
                format!("cannot be listed: {source}"),
            )]
        };
        for entry in std::fs::read_dir(repository.join(&directory)).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let path = directory.join(entry.file_name());
            let name = entry.file_name();
            let parts: Vec<String> = path.iter().map(|part| part.to_string_lossy().into_owned()).collect();
            if patterns.iter().any(|pattern| matches(pattern, &parts)) {
                continue;
            }
            if entry.file_type().map_err(failed)?.is_dir() {
                if !IGNORED_DIRECTORIES.iter().any(|ignored| name == *ignored) {
                    pending.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "py")
                && name != "__init__.py"
                // As in Feast: links that lead nowhere, and what is not a file, are left out.
                && repository.join(&path).is_file()
            {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// A glob of `.feastignore`, part by part: `**` stands for any number of parts. A directory that matches is not entered.
fn matches(pattern: &[&str], path: &[String]) -> bool {
    match (pattern.split_first(), path.split_first()) {
        (None, _) => path.is_empty(),
        (Some((&"**", rest)), None) => matches(rest, path),
        (Some((&"**", rest)), Some((_, below))) => matches(rest, path) || matches(pattern, below),
        (Some((part, rest)), Some((name, below))) => {
            part_matches(part.as_bytes(), name.as_bytes()) && matches(rest, below)
        }
        (Some(_), None) => false,
    }
}

/// `*` stands for any characters, `?` for one.
fn part_matches(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern.split_first(), name.split_first()) {
        (None, _) => name.is_empty(),
        (Some((b'*', rest)), None) => part_matches(rest, name),
        (Some((b'*', rest)), Some((_, later))) => part_matches(rest, name) || part_matches(pattern, later),
        (Some((b'?', rest)), Some((_, later))) => part_matches(rest, later),
        (Some((expected, rest)), Some((found, later))) => expected == found && part_matches(rest, later),
        (Some(_), None) => false,
    }
}
