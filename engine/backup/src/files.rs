//! Single files: copies and checksums in one pass, and links.
//!
//! What is read may have been put there by somebody else: it must be a file, and no more of it is read than it should have.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use feast_files::open_plain;
use feast_model::error::{Error, Result};
use ring::digest::{Context, SHA256};

const BUFFER_BYTES: usize = 1 << 20;

/// The size and the checksum of what was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
}

/// How a file is read.
#[derive(Clone, Copy)]
pub(crate) struct Reading<'a> {
    /// Reading ends when there are more.
    pub(crate) most_bytes: u64,
    /// Asked after each piece; its error ends the reading.
    pub(crate) go_on: &'a dyn Fn() -> Result<()>,
}

impl Reading<'static> {
    /// To its end, if it has no more than so many bytes.
    pub(crate) fn up_to(most_bytes: u64) -> Self {
        Self {
            most_bytes,
            go_on: &|| Ok(()),
        }
    }
}

/// The checksum of bytes.
pub(crate) fn sum_of(bytes: &[u8]) -> Sum {
    Sum {
        bytes: bytes.len() as u64,
        sha256: hex(ring::digest::digest(&SHA256, bytes).as_ref()),
    }
}

/// Reads a file for its checksum.
pub(crate) fn sum_file(path: &Path, how: Reading<'_>) -> Result<Sum> {
    read_through(path, how, |_| Ok(()))
}

/// The bytes of a file; at least one more than `most_bytes` where there are more.
pub(crate) fn read(path: &Path, most_bytes: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    read_through(path, Reading::up_to(most_bytes), |part| {
        bytes.extend_from_slice(part);
        Ok(())
    })?;
    Ok(bytes)
}

/// Copies a file to one that must not be there yet, readable by its owner only. Its bytes are on disk when this returns.
pub(crate) fn copy(from: &Path, to: &Path, how: Reading<'_>) -> Result<Sum> {
    let failed = |source| Error::io("write", to, source);
    let mut file = create(to).map_err(failed)?;
    let sum = read_through(from, how, |bytes| file.write_all(bytes).map_err(failed))?;
    file.sync_all().map_err(failed)?;
    Ok(sum)
}

/// Writes a file that must not be there yet, as [`copy`] does.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<Sum> {
    let written = create(path).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    written.map_err(|source| Error::io("write", path, source))?;
    Ok(sum_of(bytes))
}

/// Gives a file a second name. `false` where that is not possible: on another file system, or one without links.
pub(crate) fn link(from: &Path, to: &Path) -> Result<bool> {
    match std::fs::hard_link(from, to) {
        Ok(()) => Ok(true),
        Err(source) => match source.kind() {
            ErrorKind::CrossesDevices
            | ErrorKind::Unsupported
            | ErrorKind::TooManyLinks
            // Some systems link only files that the user owns, and some file systems say it so.
            | ErrorKind::PermissionDenied => Ok(false),
            _ => Err(Error::io("write", to, source)),
        },
    }
}

/// Whether both names are of one file.
pub(crate) fn are_one(first: &Path, second: &Path) -> bool {
    let id = |path: &Path| std::fs::symlink_metadata(path).map(|file| (file.dev(), file.ino()));
    matches!((id(first), id(second)), (Ok(first), Ok(second)) if first == second)
}

/// Makes the names in a directory durable.
pub(crate) fn sync_directory(path: &Path) -> Result<()> {
    let synced = File::open(path).and_then(|directory| directory.sync_all());
    synced.map_err(|source| Error::io("sync", path, source))
}

fn create(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

fn read_through(path: &Path, how: Reading<'_>, mut take: impl FnMut(&[u8]) -> Result<()>) -> Result<Sum> {
    let failed = |source| Error::io("read", path, source);
    let mut file = open_plain(path).map_err(failed)?;
    let mut context = Context::new(&SHA256);
    let (mut buffer, mut bytes) = (vec![0; BUFFER_BYTES], 0);
    while bytes <= how.most_bytes {
        (how.go_on)()?;
        let read = match file.read(&mut buffer) {
            Err(source) if source.kind() == ErrorKind::Interrupted => continue,
            outcome => outcome.map_err(failed)?,
        };
        let Some(part) = buffer.get(..read).filter(|part| !part.is_empty()) else {
            break;
        };
        context.update(part);
        take(part)?;
        bytes += read as u64;
    }
    Ok(Sum {
        bytes,
        sha256: hex(context.finish().as_ref()),
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
