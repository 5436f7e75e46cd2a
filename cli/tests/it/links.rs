//! The documents name files that exist.

use std::path::{Path, PathBuf};

/// Folders in which each Markdown file is read, and those below.
const FOLDERS: [&str; 3] = ["docs", "benches", "fixtures"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

fn documents() -> Vec<PathBuf> {
    let mut pending: Vec<PathBuf> = FOLDERS.iter().map(|folder| root().join(folder)).collect();
    let mut found = Vec::new();
    let entries = |directory: &Path| std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    found.extend(entries(&root()).filter(|path| path.is_file()));
    while let Some(directory) = pending.pop() {
        for path in entries(&directory) {
            if path.is_dir() {
                pending.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    found
}

/// The targets of links within the repository, as `[text](target)` has them.
fn targets(document: &str) -> impl Iterator<Item = &str> {
    document
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split([')', '#']).next())
        .filter(|target| !target.is_empty() && !target.contains("://"))
}

/// Paths in code marks: `engine/src/lib.rs`, `server/src/wire/`.
fn paths(document: &str) -> impl Iterator<Item = &str> {
    const PREFIXES: [&str; 6] = ["engine/", "server/", "cli/", "fixtures/", "benches/", "docs/"];
    let quoted = document.split('`').skip(1).step_by(2);
    quoted.filter(|path| {
        PREFIXES.iter().any(|prefix| path.starts_with(prefix))
            && !path.contains(|c: char| c.is_whitespace() || "*{<".contains(c))
    })
}

#[test]
fn documents_name_files_that_exist() {
    let mut checked = 0;
    let mut missing = Vec::new();
    for document in documents() {
        let text = std::fs::read_to_string(&document).unwrap();
        let folder = document.parent().unwrap().to_path_buf();
        let links = targets(&text).map(|target| folder.join(target));
        for path in links.chain(paths(&text).map(|path| root().join(path))) {
            checked += 1;
            if !path.exists() {
                missing.push(format!("{}: {}", document.display(), path.display()));
            }
        }
    }
    assert!(checked > 50, "only {checked} paths were found");
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}
