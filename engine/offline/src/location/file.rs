//! One file of a source: opened once, read by many threads, and known again when it has been replaced or written into.
//!
//! Knows nothing of what is in it.

use std::fs::File;
use std::io::{self, BufReader};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use datafusion::parquet::errors::ParquetError;
use datafusion::parquet::file::reader::{ChunkReader, Length};
use feast_model::error::{Error, ErrorKind, Result};

use super::ListedFile;

/// By what a file is known again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileIdentity {
    device: u64,
    inode: u64,
    length: u64,
    modified: (i64, i64),
}

impl FileIdentity {
    pub(super) fn from_metadata(metadata: &std::fs::Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            length: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }
}

/// A file that many threads may read at once: each read says where, so none moves the place of another.
#[derive(Debug, Clone)]
pub(crate) struct SourceFile {
    file: Arc<File>,
    identity: FileIdentity,
}

impl SourceFile {
    /// Opens a file that was listed.
    ///
    /// # Errors
    /// `NotFound` when it is missing, `Data` when it is not a file, `Unavailable` when it cannot be read now or has gone since it
    /// was listed.
    pub(crate) fn open(source: &str, listed: &ListedFile) -> Result<Self> {
        let path = &listed.path;
        let missing = |problem: io::Error| match (problem.kind(), listed.identity) {
            (io::ErrorKind::NotFound, Some(_)) => changed(path),
            _ => missing_or(source, path, problem),
        };
        // Before it is opened: a pipe would be waited for.
        let metadata = std::fs::metadata(path).map_err(missing)?;
        if !metadata.is_file() {
            return Err(Error::data(format!(
                "data source {source}: {} is not a file",
                path.display()
            )));
        }
        let file = File::open(path).map_err(missing)?;
        let metadata = file.metadata().map_err(|problem| Error::io("read", path, problem))?;
        Ok(Self {
            file: Arc::new(file),
            identity: FileIdentity::from_metadata(&metadata),
        })
    }

    /// Opens a file that was open before and closed.
    ///
    /// # Errors
    /// `Unavailable` when it is another one now, or cannot be read.
    pub(crate) fn open_again(path: &Path, identity: FileIdentity) -> Result<Self> {
        let file = File::open(path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => changed(path),
            _ => Error::io("read", path, source),
        })?;
        let file = Self {
            file: Arc::new(file),
            identity,
        };
        file.check_unchanged(path)?;
        Ok(file)
    }

    pub(crate) fn identity(&self) -> FileIdentity {
        self.identity
    }

    /// Makes sure that what was read is of the state in which it was opened first: programs like pandas write into the file that
    /// is there. One that was replaced is another file, and this one goes on with its old state.
    ///
    /// # Errors
    /// `Unavailable` when the file is another one now.
    pub(crate) fn check_unchanged(&self, path: &Path) -> Result<()> {
        let metadata = self.file.metadata().map_err(|source| Error::io("read", path, source))?;
        if FileIdentity::from_metadata(&metadata) == self.identity {
            Ok(())
        } else {
            Err(changed(path))
        }
    }
}

impl Length for SourceFile {
    fn len(&self) -> u64 {
        self.identity.length
    }
}

impl ChunkReader for SourceFile {
    type T = BufReader<ReadFrom>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        Ok(BufReader::new(ReadFrom {
            file: Arc::clone(&self.file),
            offset: start,
        }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        // A damaged footer may name any length.
        if start.checked_add(length as u64).is_none_or(|end| end > self.len()) {
            return Err(ParquetError::EOF(format!(
                "{length} bytes at {start} of a file of {} bytes",
                self.len()
            )));
        }
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, start)?;
        Ok(bytes.into())
    }
}

/// Reads a file from some place on.
#[derive(Debug)]
pub(crate) struct ReadFrom {
    file: Arc<File>,
    offset: u64,
}

impl io::Read for ReadFrom {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(bytes, self.offset)?;
        self.offset += count as u64;
        Ok(count)
    }
}

fn changed(path: &Path) -> Error {
    let message = format!(
        "{} was changed, replaced or removed while it was being read",
        path.display()
    );
    Error::new(ErrorKind::Unavailable, message).with_hint("run it again")
}

fn missing_or(source: &str, path: &Path, problem: io::Error) -> Error {
    if problem.kind() != io::ErrorKind::NotFound {
        return Error::io("read", path, problem);
    }
    let message = format!("data source {source}: there is no parquet file {}", path.display());
    Error::new(ErrorKind::NotFound, message)
        .with_hint("put the file there, or correct the path of the source in the definitions and run: feast apply")
}
