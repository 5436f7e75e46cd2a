//! Which files a source consists of: one file, the files below a directory, or those that a pattern matches.
//!
//! Owns what is left out and the order of files. Of what is in them it knows only the four bytes with which parquet begins and
//! ends.

use std::collections::HashSet;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use feast_model::error::{Error, ErrorKind, Result};
use glob::{MatchOptions, glob_with};

use super::{FileIdentity, SourceLayout};
use crate::partition::{PartitionValue, partition_of};

/// More files than this are not one source: their footers alone would fill the memory.
const MAX_FILES: usize = 100_000;

/// A path like `/` is a mistake.
const MAX_ENTRIES: usize = 1_000_000;

/// One file of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ListedFile {
    pub(crate) path: PathBuf,
    /// By what it is known again; `None` for a source that is one file, which is not looked at here.
    pub(crate) identity: Option<FileIdentity>,
    /// The columns that its folders name, from the outermost.
    pub(crate) partition: Vec<PartitionValue>,
}

/// The files of a source in their order.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    pub(crate) files: Vec<ListedFile>,
    /// What was passed over although its name does not say that it is not data, with the reason.
    pub(crate) left_out: Vec<String>,
}

/// What a path stands for. A path that exists is never taken for a pattern, whatever characters are in it.
pub(super) fn layout_of(path: &Path) -> SourceLayout {
    if path.is_dir() {
        SourceLayout::Directory
    } else if path.exists() || !is_pattern(path) {
        SourceLayout::File
    } else {
        SourceLayout::Pattern
    }
}

fn is_pattern(path: &Path) -> bool {
    path.as_os_str()
        .as_encoded_bytes()
        .iter()
        .any(|byte| b"*?[".contains(byte))
}

/// Finds the files of a source. Rows of equal keys and times are decided by the order of files: those of pushes come first, the
/// latest before the others, then all by their names.
///
/// # Errors
/// `NotFound` when there is none, `Unavailable` when a directory cannot be read, `Invalid` when there are too many.
pub(super) fn list(name: &str, path: &Path) -> Result<Listing> {
    let layout = layout_of(path);
    let mut walk = Walk {
        source: name,
        listing: Listing::default(),
        directories: HashSet::new(),
        files: HashSet::new(),
        entries: 0,
    };
    match layout {
        SourceLayout::File => {
            return Ok(Listing {
                files: vec![ListedFile {
                    path: path.to_path_buf(),
                    identity: None,
                    partition: Vec::new(),
                }],
                left_out: Vec::new(),
            });
        }
        SourceLayout::Directory => walk.directory(path, path)?,
        SourceLayout::Pattern => walk.pattern(path)?,
    }
    let mut listing = walk.listing;
    listing.left_out.sort_unstable();
    listing.files.sort_by(|a, b| order(&a.path).cmp(&order(&b.path)));
    if listing.files.is_empty() {
        return Err(nothing_found(name, path, layout, &listing.left_out));
    }
    Ok(listing)
}

fn nothing_found(name: &str, path: &Path, layout: SourceLayout, left_out: &[String]) -> Error {
    const SHOWN: usize = 3;
    let place = match layout {
        SourceLayout::Pattern => "matches the pattern",
        _ => "in",
    };
    let mut message = format!("data source {name}: no parquet file {place} {}", path.display());
    let prefix = format!("data source {name}: ");
    for reason in left_out.iter().take(SHOWN) {
        message += "; ";
        message += reason.strip_prefix(&prefix).unwrap_or(reason);
    }
    Error::new(ErrorKind::NotFound, message)
        .with_hint("put the files there, or correct the path of the source in the definitions and run: feast apply")
}

/// Pushed parts carry a number in their name that is smaller the later they came.
fn order(path: &Path) -> (bool, Option<&str>, &Path) {
    let pushed = path
        .file_name()
        .and_then(|name| name.to_str())
        .filter(|name| is_pushed_part(name));
    (pushed.is_none(), pushed, path)
}

fn is_pushed_part(name: &str) -> bool {
    let number = name.strip_prefix("push-").and_then(|rest| rest.split_once('-'));
    number.is_some_and(|(number, _)| number.len() == 20 && number.bytes().all(|byte| byte.is_ascii_digit()))
}

struct Walk<'a> {
    source: &'a str,
    listing: Listing,
    /// Directories by device and inode: links may lead to one of them again, or round in a circle.
    directories: HashSet<(u64, u64)>,
    /// A pattern may match a file and the directory that it is in.
    files: HashSet<PathBuf>,
    entries: usize,
}

impl Walk<'_> {
    fn directory(&mut self, root: &Path, directory: &Path) -> Result<()> {
        let mut pending = vec![directory.to_path_buf()];
        while let Some(directory) = pending.pop() {
            if !self.is_new(&directory)? {
                if directory.is_symlink() {
                    self.leave_out(&directory, "it links to a directory that is read already");
                }
                continue;
            }
            let entries = std::fs::read_dir(&directory).map_err(|source| Error::io("read", &directory, source))?;
            let mut found = Vec::new();
            for entry in entries {
                let failed = |source| Error::io("read", &directory, source);
                let entry = entry.map_err(failed)?;
                found.push((entry.path(), entry.file_type().map_err(failed)?));
                self.entries += 1;
                if self.entries > MAX_ENTRIES {
                    return Err(self.too_many(MAX_ENTRIES));
                }
            }
            // Of links to one directory, the first in the order of names counts: the last that is put on the stack.
            found.sort_by(|(a, _), (b, _)| b.cmp(a));
            for (path, kind) in found {
                if is_hidden(&path) {
                    continue;
                }
                if kind.is_dir() || kind.is_symlink() && path.is_dir() {
                    pending.push(path);
                } else if !is_side_file(&path) {
                    self.file(root, path)?;
                }
            }
        }
        Ok(())
    }

    fn pattern(&mut self, pattern: &Path) -> Result<()> {
        let invalid = |problem: &dyn std::fmt::Display| {
            Error::invalid(format!(
                "data source {}: the pattern {} {problem}",
                self.source,
                pattern.display()
            ))
        };
        let pattern_str = pattern.to_str().ok_or_else(|| invalid(&"is not UTF-8"))?;
        let options = MatchOptions {
            case_sensitive: true,
            require_literal_separator: true,
            require_literal_leading_dot: true,
        };
        let matches =
            glob_with(pattern_str, options).map_err(|problem| invalid(&format!("is not valid: {problem}")))?;
        let fixed = pattern.ancestors().find(|ancestor| !is_pattern(ancestor));
        let root = fixed.map(Path::to_path_buf).unwrap_or_default();
        let names_hidden = pattern
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with(['_', '.']));
        for path in matches {
            let path = path.map_err(|problem| {
                let place = problem.path().to_path_buf();
                Error::io("read", &place, problem.into())
            })?;
            let below_root = path.strip_prefix(&root).unwrap_or(&path);
            let is_hidden = below_root.ancestors().any(is_hidden) && !names_hidden;
            if is_hidden {
                continue;
            }
            if path.is_dir() {
                self.directory(&root, &path)?;
            } else if names_hidden || !is_side_file(&path) {
                self.file(&root, path)?;
            }
        }
        Ok(())
    }

    fn file(&mut self, root: &Path, path: PathBuf) -> Result<()> {
        let metadata = match std::fs::metadata(&path) {
            Ok(metadata) => metadata,
            Err(source) if source.kind() == std::io::ErrorKind::NotFound => {
                // Removed meanwhile, or a link to nothing.
                if path.is_symlink() {
                    self.leave_out(&path, "it links to a file that is not there");
                }
                return Ok(());
            }
            Err(source) => return Err(Error::io("read", &path, source)),
        };
        if !metadata.is_file() {
            self.leave_out(&path, "it is not a file");
        } else if metadata.len() == 0 || !self.files.insert(path.clone()) {
            // As Spark does with files that nothing has been written to.
        } else if !has_parquet_name(&path) && !has_magic(&path).map_err(|source| Error::io("read", &path, source))? {
            self.leave_out(&path, "it is not parquet");
        } else if self.listing.files.len() == MAX_FILES {
            return Err(self.too_many(MAX_FILES));
        } else {
            let partition = partition_of(root, &path);
            let identity = Some(FileIdentity::from_metadata(&metadata));
            self.listing.files.push(ListedFile {
                path,
                identity,
                partition,
            });
        }
        Ok(())
    }

    fn is_new(&mut self, directory: &Path) -> Result<bool> {
        let metadata = std::fs::metadata(directory).map_err(|source| Error::io("read", directory, source))?;
        Ok(self.directories.insert((metadata.dev(), metadata.ino())))
    }

    fn too_many(&self, most: usize) -> Error {
        Error::invalid(format!("data source {}: there are more than {most} files", self.source)).with_hint(
            "write the rows into fewer, larger files, or let the path of the source name the directory of its files",
        )
    }

    fn leave_out(&mut self, path: &Path, reason: &str) {
        let reason = format!("data source {}: {} is left out: {reason}", self.source, path.display());
        self.listing.left_out.push(reason);
    }
}

/// What Spark and pyarrow pass over, such as `_SUCCESS`. A folder like `_c=1` names a column.
fn is_hidden(path: &Path) -> bool {
    let Some(name) = path.file_name().map(|name| name.to_string_lossy()) else {
        return false;
    };
    name.starts_with('.') || name.starts_with('_') && !name.contains('=')
}

/// Checksums, and files that are being written. A folder may end so for the value in its name.
fn is_side_file(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.ends_with("._COPYING_") || name.ends_with(".crc")
}

/// Files whose names say that they are parquet are so, or damaged.
fn has_parquet_name(path: &Path) -> bool {
    let ending = path.extension().map(|ending| ending.to_ascii_lowercase());
    ending.is_some_and(|ending| ending == "parquet" || ending == "parq" || ending == "pq")
}

fn has_magic(path: &Path) -> std::io::Result<bool> {
    const MAGIC: [u8; 4] = *b"PAR1";
    let mut file = File::open(path)?;
    if file.metadata()?.len() < 12 {
        return Ok(false);
    }
    let mut bytes = [0; 4];
    file.read_exact(&mut bytes)?;
    if bytes != MAGIC {
        return Ok(false);
    }
    file.seek(SeekFrom::End(-4))?;
    file.read_exact(&mut bytes)?;
    Ok(bytes == MAGIC)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Makes files below a directory: `PAR1` stands for one that begins and ends as parquet does.
    fn directory(files: &[(&str, &str)]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = directory.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            let bytes = if *content == "PAR1" { "PAR1....PAR1" } else { content };
            std::fs::write(path, bytes).unwrap();
        }
        directory
    }

    fn found(directory: &Path, pattern: &str) -> (Vec<String>, Vec<String>) {
        let listing = list("s", &directory.join(pattern)).unwrap();
        let name = |path: &Path| path.strip_prefix(directory).unwrap().display().to_string();
        let left_out = listing
            .left_out
            .iter()
            .map(|message| message.replace(&format!("{}/", directory.display()), ""));
        (
            listing.files.iter().map(|file| name(&file.path)).collect(),
            left_out.collect(),
        )
    }

    #[test]
    fn parts_are_found_by_name_or_by_their_bytes() {
        let directory = directory(&[
            ("d/a.parquet", "x"),
            ("d/b.parq", "x"),
            ("d/c.PQ", "x"),
            ("d/part-0", "PAR1"),
            ("d/x.snappy", "PAR1"),
            ("d/notes.txt", "read me, I am not data"),
            ("d/empty.parquet", ""),
            ("d/_SUCCESS", "x"),
            ("d/.a.parquet.crc", "x"),
            ("d/a.parquet.crc", "x"),
            ("d/b.parquet._COPYING_", "x"),
            ("d/_temporary/0/p.parquet", "x"),
            ("d/.hidden/p.parquet", "x"),
            ("d/sub/folder/e.parquet", "x"),
            ("d/v=x.crc/f.parquet", "x"),
        ]);
        let (files, left_out) = found(directory.path(), "d");
        assert_eq!(
            files,
            [
                "d/a.parquet",
                "d/b.parq",
                "d/c.PQ",
                "d/part-0",
                "d/sub/folder/e.parquet",
                "d/v=x.crc/f.parquet",
                "d/x.snappy"
            ]
        );
        assert_eq!(left_out, ["data source s: d/notes.txt is left out: it is not parquet"]);
    }

    #[test]
    fn pushed_parts_come_first_and_the_latest_before_the_others() {
        let directory = directory(&[
            ("d/r=A/a.parquet", "x"),
            ("d/r=B/push-18446744073709551000-s-1.parquet", "x"),
            ("d/r=A/push-18446744073709552000-s-0.parquet", "x"),
            ("d/push-notes.parquet", "x"),
        ]);
        assert_eq!(
            found(directory.path(), "d").0,
            [
                "d/r=B/push-18446744073709551000-s-1.parquet",
                "d/r=A/push-18446744073709552000-s-0.parquet",
                "d/push-notes.parquet",
                "d/r=A/a.parquet",
            ]
        );
    }

    #[test]
    fn patterns_match_files_and_directories() {
        let directory = directory(&[
            ("2026-01/a.parquet", "x"),
            ("2026-02/a.parquet", "x"),
            ("2026-02/_SUCCESS", "PAR1"),
            ("2025-12/a.parquet", "x"),
            ("deep/x/y/a.parquet", "x"),
        ]);
        let check = |pattern: &str, expected: &[&str]| assert_eq!(found(directory.path(), pattern).0, expected);
        check("2026-*/*.parquet", &["2026-01/a.parquet", "2026-02/a.parquet"]);
        check("2026-*", &["2026-01/a.parquet", "2026-02/a.parquet"]);
        check("2026-02/*", &["2026-02/a.parquet"]);
        check("202[5]-1?/a.parquet", &["2025-12/a.parquet"]);
        check("deep/**/*.parquet", &["deep/x/y/a.parquet"]);
        check("deep/**", &["deep/x/y/a.parquet"]);
        assert_eq!(found(directory.path(), "deep/**").1, [] as [&str; 0]);
        let none = list("s", &directory.path().join("2024-*/*.parquet")).unwrap_err();
        assert_eq!(none.kind(), ErrorKind::NotFound);
        assert!(
            list("s", &directory.path().join("a["))
                .unwrap_err()
                .to_string()
                .contains("is not valid")
        );
    }

    #[test]
    fn links_in_a_circle_end() {
        let directory = directory(&[("d/a.parquet", "x")]);
        let d = directory.path().join("d");
        std::os::unix::fs::symlink(&d, d.join("one")).unwrap();
        std::os::unix::fs::symlink("..", d.join("two")).unwrap();
        std::os::unix::fs::symlink("nowhere", d.join("gone.parquet")).unwrap();
        std::os::unix::fs::symlink("a.parquet", d.join("b.parquet")).unwrap();
        let (files, left_out) = found(directory.path(), "d");
        assert_eq!(files, ["d/a.parquet", "d/b.parquet"]);
        assert_eq!(left_out.len(), 2, "{left_out:?}");
    }
}
