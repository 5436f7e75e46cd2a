//! Files that are replaced whole: their permissions, and what a killed process leaves.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::{FileLock, REQUEST_PATIENCE};

fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().mode() & 0o777
}

#[test]
fn a_failed_replacement_leaves_the_old_file_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("registry.db");
    replace_bytes(&path, b"old").unwrap();
    let failed = replace(&path, |writer| {
        writer.write_all(b"half").unwrap();
        Err(Error::invalid("no"))
    });
    assert!(failed.is_err());
    assert_eq!(std::fs::read(&path).unwrap(), b"old");
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn a_temporary_file_is_never_more_open_than_what_it_replaces() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("registry.db");
    replace_bytes(&path, b"old").unwrap();
    for wanted in [0o600, 0o640, 0o660, 0o400] {
        std::fs::set_permissions(&path, Permissions::from_mode(wanted)).unwrap();
        let mut seen = Vec::new();
        replace(&path, |_| {
            let others = names(directory.path());
            let others = others.iter().filter(|name| *name != "registry.db");
            seen.extend(others.map(|name| mode(&directory.path().join(name))));
            Ok(())
        })
        .unwrap();
        assert_eq!((seen.as_slice(), mode(&path)), (&[wanted][..], wanted));
    }
}

#[test]
fn a_replacement_has_the_owner_of_what_it_replaces() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("registry.db");
    replace_bytes(&path, b"old").unwrap();
    // Only root can give a file away, and then other users' files are replaced by root too.
    if std::os::unix::fs::chown(&path, Some(12_345), Some(12_346)).is_err() {
        return;
    }
    replace_bytes(&path, b"new").unwrap();
    drop(FileLock::acquire(&path, REQUEST_PATIENCE).unwrap());
    for path in [path, directory.path().join(".registry.db.lock")] {
        let metadata = std::fs::metadata(path).unwrap();
        assert_eq!((metadata.uid(), metadata.gid()), (12_345, 12_346));
    }
}

#[test]
fn leftovers_of_the_dead_are_removed_and_nothing_of_the_living() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("stats.parquet");
    std::fs::write(&path, "rows").unwrap();
    let temporary = Temporary::beside(&path).unwrap();
    let before = names(directory.path());

    // What a killed process has left: no process holds the locks.
    let dead = random_id();
    let write = |name: String| std::fs::write(directory.path().join(name), "").unwrap();
    write(format!(".stats.parquet.{dead}.tmp"));
    // Of an older version: process numbers end before the first, and the second is one's own, as in a container.
    write(".stats.parquet.4194999-0.tmp".to_owned());
    write(format!(".stats.parquet.{}-7.scan", std::process::id()));
    // These are none of ours.
    write(format!(".other.{dead}.tmp"));
    write(".stats.parquet.mine.tmp".to_owned());
    write(".notes.scan".to_owned());
    remove_leftovers(directory.path(), |name| name == "stats.parquet");

    let mut expected = before;
    expected.extend([
        format!(".other.{dead}.tmp"),
        ".stats.parquet.mine.tmp".to_owned(),
        ".notes.scan".to_owned(),
    ]);
    expected.sort();
    assert_eq!(names(directory.path()), expected);

    drop(temporary);
    assert!(
        names(directory.path())
            .iter()
            .all(|name| !name.contains(".stats.parquet.") || name.contains("mine"))
    );
}

#[test]
fn replacements_go_on_while_leftovers_are_removed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("registry.db");
    replace_bytes(&path, b"0").unwrap();
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..3)
            .map(|_| scope.spawn(|| (0..100).try_for_each(|_| replace_bytes(&path, b"1"))))
            .collect();
        for _ in 0..300 {
            remove_leftovers(directory.path(), |_| true);
        }
        for writer in writers {
            writer.join().unwrap().unwrap();
        }
    });
    assert_eq!(names(directory.path()), ["registry.db"]);
}

#[test]
fn directories_are_made() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a/b/registry.db");
    replace_bytes(&path, b"new").unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"new");
}
