//! Connections to the file: some that only read, and one that writes. A file that was removed, or that another one has replaced,
//! is noticed by device and inode at each use; a connection would go on with the former one.
//!
//! This module never opens the file by itself: POSIX locks of a file are lost when any descriptor of it is closed in the process.

use std::fs::Metadata;
use std::io::ErrorKind as IoKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use feast_model::error::{Error, ErrorKind, Result, path as error_path};
use parking_lot::{Mutex, MutexGuard, RwLock};
use rusqlite::{Connection, OpenFlags};

use crate::error::from_rusqlite;

/// How long a read waits for the commit of another process.
const READ_TIMEOUT: Duration = Duration::from_millis(100);
/// How long a read waits for a commit of this process, which may take as long as the disk.
const MAX_COMMIT_WAIT: Duration = Duration::from_secs(1);
/// How long a write waits for writers and readers of other processes, as Python's.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);
/// Connections that are kept for later reads: as many as read at once, which are few.
const MAX_IDLE_READERS: usize = 16;
/// Pages that a reading connection may hold in memory, in KiB. They are read again after each commit of another connection. With
/// SQLite's own 2 MB a read of 100 entities in a file of 50 MB takes half as long again, as each page is asked of the system.
const READ_CACHE_KIB: u32 = 16 << 10;
/// Prepared statements of a connection: one a view when it reads, three when it writes.
const MAX_STATEMENTS: usize = 256;

/// Which file a path means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileIdentity {
    device: u64,
    inode: u64,
}

/// Connections that only read.
pub(super) struct Readers {
    path: PathBuf,
    idle: Mutex<Idle>,
}

/// All of them have the same file open.
#[derive(Default)]
struct Idle {
    file: Option<FileIdentity>,
    connections: Vec<Connection>,
}

/// The connection that writes, opened at the first write.
pub(super) struct Writer {
    path: PathBuf,
    open: Mutex<Option<OpenWriter>>,
    /// Held for writing during a commit, so that reads of this process wait for it instead of trying again and again.
    committing: RwLock<()>,
}

struct OpenWriter {
    file: FileIdentity,
    connection: Connection,
}

/// The connection that writes, for one writer.
pub(super) struct WriteTurn<'store> {
    path: &'store Path,
    open: MutexGuard<'store, Option<OpenWriter>>,
    committing: &'store RwLock<()>,
}

impl Readers {
    pub(super) fn new(path: &Path) -> Self {
        Self {
            path: path.to_path_buf(),
            idle: Mutex::default(),
        }
    }

    /// Runs `read` on a connection; `None` when there is no file. The connection is closed when `read` fails, and with it whatever
    /// `read` has left open.
    pub(super) fn with<T, E>(&self, read: impl FnOnce(&Connection) -> Result<T, E>) -> Result<Option<Result<T, E>>> {
        let Some(file) = identity(&self.path)? else {
            return Ok(None);
        };
        let known = self.idle.lock().take(file);
        let connection = match known {
            Some(connection) => connection,
            None => match open_to_read(&self.path) {
                Ok(connection) => connection,
                // It was removed meanwhile.
                Err(_) if identity(&self.path)?.is_none() => return Ok(None),
                Err(source) => return Err(from_rusqlite(source, &self.path)),
            },
        };
        let outcome = read(&connection);
        if outcome.is_ok() {
            self.idle.lock().put_back(file, connection);
        }
        Ok(Some(outcome))
    }
}

impl Idle {
    fn take(&mut self, file: FileIdentity) -> Option<Connection> {
        if self.file != Some(file) {
            self.connections.clear();
            self.file = Some(file);
        }
        self.connections.pop()
    }

    fn put_back(&mut self, file: FileIdentity, connection: Connection) {
        if self.file == Some(file) && self.connections.len() < MAX_IDLE_READERS {
            self.connections.push(connection);
        }
    }
}

impl Writer {
    pub(super) fn new(path: &Path) -> Self {
        Self {
            path: path.to_path_buf(),
            open: Mutex::default(),
            committing: RwLock::default(),
        }
    }

    /// Waits until no other thread writes.
    pub(super) fn wait_for_turn(&self) -> WriteTurn<'_> {
        WriteTurn {
            path: &self.path,
            open: self.open.lock(),
            committing: &self.committing,
        }
    }

    /// Runs `read` while this process commits nothing.
    ///
    /// # Errors
    /// `Unavailable` when a commit takes too long, and those of `read`.
    pub(super) fn between_commits<T>(&self, read: impl FnOnce() -> Result<T>) -> Result<T> {
        match self.committing.try_read_for(MAX_COMMIT_WAIT) {
            Some(_reading) => read(),
            None => {
                let message = format!("online store {}: a commit takes very long", error_path(&self.path));
                Err(Error::new(ErrorKind::Unavailable, message).with_hint("try again; the disk may be slow"))
            }
        }
    }
}

impl WriteTurn<'_> {
    /// Runs `write` in a transaction that no other process writes beside. The file and its directory are made if they are not there.
    /// The changes are durable when this returns; when `write` or the commit fails, nothing has changed.
    ///
    /// # Errors
    /// `Unavailable` when other processes lock the file for too long, and those of `write`.
    pub(super) fn transaction<T>(&mut self, write: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let (path, committing) = (self.path, self.committing);
        let connection = self.connection()?;
        let error = |source| from_rusqlite(source, path);
        connection.execute_batch("BEGIN IMMEDIATE").map_err(error)?;
        let written = write(connection).and_then(|written| {
            let _alone = committing.write();
            connection.execute_batch("COMMIT").map_err(error)?;
            Ok(written)
        });
        if written.is_err() && !connection.is_autocommit() && connection.execute_batch("ROLLBACK").is_err() {
            // Closing it rolls back.
            *self.open = None;
        }
        written
    }

    /// Rolls back what a killed writer has left, if there is a file.
    pub(super) fn recover(&mut self) -> Result<()> {
        if identity(self.path)?.is_none() {
            return Ok(());
        }
        let path = self.path;
        let read = self
            .connection()?
            .query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()));
        read.map_err(|source| from_rusqlite(source, path))
    }

    /// Removes the file, which has no tables any more.
    pub(super) fn remove_file(&mut self) -> Result<()> {
        *self.open = None;
        match std::fs::remove_file(self.path) {
            Err(source) if source.kind() != IoKind::NotFound => Err(Error::io("remove", self.path, source)),
            _ => Ok(()),
        }
    }

    fn connection(&mut self) -> Result<&Connection> {
        let file = identity(self.path)?;
        let is_current = |open: &OpenWriter| Some(open.file) == file;
        let open = match self.open.take().filter(is_current) {
            Some(open) => open,
            None => open_to_write(self.path)?,
        };
        Ok(&self.open.insert(open).connection)
    }
}

/// The file at a path, if there is one.
pub(super) fn identity(path: &Path) -> Result<Option<FileIdentity>> {
    let of = |metadata: Metadata| FileIdentity {
        device: metadata.dev(),
        inode: metadata.ino(),
    };
    match std::fs::metadata(path) {
        Ok(metadata) => Ok(Some(of(metadata))),
        Err(source) if source.kind() == IoKind::NotFound => Ok(None),
        Err(source) => Err(Error::io("read", path, source)),
    }
}

/// A connection that only reads.
pub(super) fn open_to_read(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(READ_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(MAX_STATEMENTS);
    connection.execute_batch(&format!("PRAGMA cache_size = -{READ_CACHE_KIB}"))?;
    Ok(connection)
}

fn open_to_write(path: &Path) -> Result<OpenWriter> {
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory).map_err(|source| Error::io("make", directory, source))?;
    }
    let open = || {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(WRITE_TIMEOUT)?;
        connection.set_prepared_statement_cache_capacity(MAX_STATEMENTS);
        // Settings of the connection, not of the file. With `extra` the removal of the journal is on disk too when a commit returns.
        // Without spilling readers are kept out during commits only; the pages of a transaction are in memory until then.
        connection.execute_batch("PRAGMA synchronous = extra; PRAGMA cache_spill = off")?;
        Ok(connection)
    };
    let connection = open().map_err(|source| from_rusqlite(source, path))?;
    let file = identity(path)?.ok_or_else(|| {
        let message = format!("online store {} was removed while it was opened", error_path(path));
        Error::new(ErrorKind::Unavailable, message).with_hint("try again")
    })?;
    Ok(OpenWriter { file, connection })
}
