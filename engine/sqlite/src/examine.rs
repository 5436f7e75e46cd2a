//! What is found of a file by a process that does nothing with it: no file is made beside it.

use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use feast_model::error::{Error, Result, path as error_path};
use rusqlite::{Connection, OpenFlags};

use crate::SqliteStore;
use crate::connections::open_to_read;
use crate::error::{from_rusqlite, needs_rollback};

/// A file as it was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Examined {
    /// A killed writer has left something in it that the first process which may write it rolls back.
    pub is_mended_first: bool,
}

impl SqliteStore {
    /// Looks at the file. `None` when there is none yet.
    ///
    /// # Errors
    /// Those of [`SqliteStore::open`], and what may pass, such as a lock.
    pub fn examine(path: &Path) -> Result<Option<Examined>> {
        super::refuse_directory(path)?;
        let failed = |source| Error::io("read", path, source);
        match path.metadata() {
            Err(source) if source.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(failed(source)),
            // A pipe would be waited for.
            Ok(file) if !file.is_file() => {
                return Err(Error::data(format!("online store {} is not a file", error_path(path))));
            }
            Ok(_) => {}
        }
        // With a log of writes that nobody has open, a connection would make the files of that log, and leave them.
        let connection = match has_log_of_writes(path).map_err(failed)? && !beside(path, "-shm").exists() {
            true => open_as_it_is(path),
            false => open_to_read(path),
        };
        let number = connection
            .and_then(|connection| connection.pragma_query_value(None, "schema_version", |row| row.get::<_, i64>(0)));
        match number {
            Ok(_) => Ok(Some(Examined { is_mended_first: false })),
            Err(source) if needs_rollback(&source) => Ok(Some(Examined { is_mended_first: true })),
            Err(source) => Err(from_rusqlite(source, path)),
        }
    }
}

/// As the head of a database says it: the version with which it is read, after its name and the size of its pages.
fn has_log_of_writes(path: &Path) -> std::io::Result<bool> {
    const READ_VERSION: usize = 19;
    let mut head = Vec::with_capacity(READ_VERSION + 1);
    File::open(path)?.take(READ_VERSION as u64 + 1).read_to_end(&mut head)?;
    Ok(head.get(READ_VERSION) == Some(&2))
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// Without locks and without files beside it, which is right for one that nobody has open.
fn open_as_it_is(path: &Path) -> rusqlite::Result<Connection> {
    let escaped = path.as_os_str().as_bytes().iter().map(|byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'_' | b'-' => char::from(*byte).to_string(),
        other => format!("%{other:02X}"),
    });
    let uri = format!("file:{}?immutable=1", escaped.collect::<String>());
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    Connection::open_with_flags(uri, flags)
}

#[cfg(test)]
mod tests {
    use feast_model::error::ErrorKind;

    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(directory).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn no_file_is_made_whatever_the_journal_is() {
        for journal in ["delete", "wal"] {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("a b%?.db");
            assert_eq!(SqliteStore::examine(&path).unwrap(), None);
            let connection = Connection::open(&path).unwrap();
            connection.pragma_update(None, "journal_mode", journal).unwrap();
            connection.execute_batch("CREATE TABLE t (x)").unwrap();
            let open = names(directory.path());
            assert!(SqliteStore::examine(&path).unwrap().is_some());
            assert_eq!(names(directory.path()), open);
            drop(connection);
            let closed = names(directory.path());
            assert_eq!(closed.len(), 1, "{closed:?}");
            assert!(SqliteStore::examine(&path).unwrap().is_some());
            assert_eq!(names(directory.path()), closed);
        }
    }

    #[test]
    fn what_is_no_database_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("online.db");
        std::fs::write(&path, [2; 4096]).unwrap();
        assert_eq!(SqliteStore::examine(&path).unwrap_err().kind(), ErrorKind::Data);
        assert_eq!(names(directory.path()), ["online.db"]);
        assert_eq!(
            SqliteStore::examine(directory.path()).unwrap_err().kind(),
            ErrorKind::Invalid
        );
    }
}
