//! The documents name files and headings that exist, and the first of them is short.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// Folders in which each Markdown file is read, and those below. Those of the root are read too.
const FOLDERS: [&str; 4] = ["docs", "benches", "fixtures", "deploy"];
/// Whoever opens the repository should have read its front page in three minutes. Counted as `wc -w` does, tables and code too.
const README_WORDS: usize = 700;

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

/// A document without its blocks of code.
fn prose(document: &str) -> String {
    let mut is_code = false;
    let lines = document.lines().filter(|line| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    });
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// The targets of links within the repository, as `[text](target)` has them: a path, which is empty for the document itself, and the
/// heading that follows `#`.
fn links(prose: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    let targets = prose.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets
        .filter(|target| !target.contains("://"))
        .map(|target| match target.split_once('#') {
            Some((path, heading)) => (path, Some(heading)),
            None => (target, None),
        })
}

/// Paths in code marks: `engine/src/lib.rs`, `server/src/wire/`.
fn paths(document: &str) -> impl Iterator<Item = &str> {
    const PREFIXES: [&str; 7] = [
        "engine/",
        "server/",
        "cli/",
        "fixtures/",
        "benches/",
        "docs/",
        "deploy/",
    ];
    let quoted = document.split('`').skip(1).step_by(2);
    quoted.filter(|path| {
        PREFIXES.iter().any(|prefix| path.starts_with(prefix))
            && !path.contains(|c: char| c.is_whitespace() || "*{<".contains(c))
    })
}

/// The names by which GitHub links to the headings of a document.
fn anchors(document: &str) -> HashSet<String> {
    let mut anchors = HashSet::new();
    let prose = prose(document);
    for line in prose.lines().filter(|line| line.starts_with('#')) {
        let title = line.trim_start_matches('#').trim();
        // Of a link in a heading the text counts.
        let mut parts = title.split("](");
        let mut text = parts.next().unwrap_or_default().to_lowercase();
        for part in parts {
            text += &part.split_once(')').map_or(part, |(_, rest)| rest).to_lowercase();
        }
        let kept = text.chars().filter_map(|c| match c {
            ' ' => Some('-'),
            '-' | '_' => Some(c),
            _ => c.is_alphanumeric().then_some(c),
        });
        let anchor: String = kept.collect();
        let repeated = (1..).map(|n| format!("{anchor}-{n}"));
        let free = std::iter::once(anchor.clone())
            .chain(repeated)
            .find(|anchor| !anchors.contains(anchor));
        anchors.extend(free);
    }
    anchors
}

#[test]
fn documents_name_files_and_headings_that_exist() {
    let mut checked = 0;
    let mut missing = Vec::new();
    for document in documents() {
        let text = std::fs::read_to_string(&document).unwrap();
        let mut complain = |what: &str| missing.push(format!("{}: {what}", document.display()));
        for path in paths(&text).filter(|path| !root().join(path).exists()) {
            complain(path);
        }
        for (path, heading) in links(&prose(&text)) {
            checked += 1;
            let target = match path {
                "" => document.clone(),
                path => document.parent().unwrap().join(path),
            };
            if !target.exists() {
                complain(path);
                continue;
            }
            if let Some(heading) = heading
                && !anchors(&std::fs::read_to_string(&target).unwrap()).contains(heading)
            {
                complain(&format!("{path}#{heading}"));
            }
        }
    }
    assert!(checked > 300, "only {checked} links were found");
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn the_front_page_is_short() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let words = readme.split_whitespace().count();
    assert!(
        words <= README_WORDS,
        "README.md has {words} words: the rest belongs to docs/"
    );
}

#[test]
fn headings_are_named_as_on_github() {
    let document = "# Rows of `one` entity\n## What's there?\n```sh\n# a comment\n```\n## What's there?\n### [Speed](a.md) and x_y, 2\n";
    let mut found: Vec<_> = anchors(document).into_iter().collect();
    found.sort_unstable();
    assert_eq!(
        found,
        ["rows-of-one-entity", "speed-and-x_y-2", "whats-there", "whats-there-1"]
    );
}
