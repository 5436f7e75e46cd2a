//! What lines are appended to: a file of this server alone, or its standard output.
//!
//! A line that was cut off, by a full disk or by the end of a process, is ended before the next one, so that it spoils no other.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind as IoKind, Write};
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use feast_engine::error::path as shown_path;
use feast_engine::{Error, ErrorKind, check_writable};

/// Between two attempts on a pipe that another process has set not to block.
const RETRY_INTERVAL: Duration = Duration::from_millis(10);

pub(super) struct Target {
    file: File,
    /// `None` for the standard output.
    path: Option<PathBuf>,
    /// What is there last is not a whole line.
    is_in_line: bool,
}

impl Target {
    /// The file at `path`, for this process alone. A new one can be read by its owner only.
    ///
    /// # Errors
    /// `Conflict` when another process has it; those of opening it.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let target = Self::open_shared(path)?;
        target.lock(path)?;
        Ok(target)
    }

    /// Whether [`Target::open`] would succeed, as far as that is known without opening it: nothing is made or locked.
    ///
    /// # Errors
    /// As [`Target::open`].
    pub(super) fn examine(path: &Path) -> Result<(), Error> {
        let failed = |kind: IoKind| Err(Error::io("open the audit log", path, kind.into()));
        if path.is_dir() {
            return failed(IoKind::IsADirectory);
        }
        // It makes the file, and no directory for it.
        if !path.exists() && !path.parent().is_some_and(Path::is_dir) {
            return failed(IoKind::NotFound);
        }
        check_writable(path).map_err(|error| error.within(|message| format!("the audit log: {message}")))
    }

    /// The standard output.
    pub(super) fn stdout(file: File) -> Self {
        Self {
            file,
            path: None,
            is_in_line: false,
        }
    }

    fn open_shared(path: &Path) -> Result<Self, Error> {
        let failed = |source| Error::io("open the audit log", path, source);
        let mut options = OpenOptions::new();
        options.read(true).append(true).mode(0o600);
        let file = match options.open(path) {
            Err(source) if source.kind() == IoKind::NotFound => {
                let file = options.create(true).open(path).map_err(failed)?;
                // Its name is on disk before any line that somebody waits for.
                let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty());
                let directory = File::open(directory.unwrap_or_else(|| Path::new("."))).map_err(failed)?;
                synced(directory.sync_all()).map_err(failed)?;
                file
            }
            opened => opened.map_err(failed)?,
        };
        let length = file.metadata().map_err(failed)?.len();
        let mut last = [b'\n'];
        if let Some(position) = length.checked_sub(1) {
            file.read_exact_at(&mut last, position).map_err(failed)?;
        }
        Ok(Self {
            file,
            path: Some(path.to_owned()),
            is_in_line: last != [b'\n'],
        })
    }

    /// The lock goes with the process. A device or a pipe is not one file with one writer, and has none.
    fn lock(&self, path: &Path) -> Result<(), Error> {
        if !self.file.metadata().is_ok_and(|metadata| metadata.is_file()) {
            return Ok(());
        }
        match self.file.try_lock() {
            Ok(()) => Ok(()),
            Err(TryLockError::WouldBlock) => {
                let message = format!("another process writes the audit log {}", shown_path(path));
                Err(Error::new(ErrorKind::Conflict, message).with_hint(
                    "give each server a file of its own, such as feature_server.audit_logging.file_path: ${AUDIT_FILE}",
                ))
            }
            // A file system without locks.
            Err(TryLockError::Error(_)) => Ok(()),
        }
    }

    /// Opens the file at the path, if that is another one by now: it was moved away. The former one is complete before.
    ///
    /// # Errors
    /// As [`Target::open`]; the former one stays in use.
    pub(super) fn follow_path(&mut self) -> Result<(), Error> {
        let Some(path) = &self.path else { return Ok(()) };
        let new = Self::open_shared(path)?;
        let identity = |file: &File| file.metadata().map(|metadata| (metadata.dev(), metadata.ino()));
        if identity(&new.file).ok() == identity(&self.file).ok() {
            return Ok(());
        }
        new.lock(path)?;
        self.sync().map_err(|source| self.failure(source))?;
        *self = new;
        Ok(())
    }

    pub(super) fn is_pipe(&self) -> bool {
        self.file
            .metadata()
            .is_ok_and(|metadata| metadata.file_type().is_fifo())
    }

    /// Whether the file has no name any more: whatever is written to it is lost.
    pub(super) fn is_removed(&self) -> bool {
        self.path.is_some() && self.file.metadata().is_ok_and(|metadata| metadata.nlink() == 0)
    }

    /// Appends whole lines, as many as can be, and takes them out of `lines`.
    ///
    /// # Errors
    /// Those of writing. What is left in `lines` then begins with a whole line.
    pub(super) fn append(&mut self, lines: &mut Vec<u8>) -> std::io::Result<()> {
        if self.is_in_line && !lines.is_empty() {
            self.write_all(b"\n").1?;
            self.is_in_line = false;
        }
        let (written, outcome) = self.write_all(lines);
        let whole = lines[..written].iter().rposition(|byte| *byte == b'\n');
        let whole = whole.map_or(0, |position| position + 1);
        self.is_in_line = written > whole;
        lines.drain(..whole);
        outcome
    }

    /// How many bytes were written, and what kept it from more.
    fn write_all(&mut self, bytes: &[u8]) -> (usize, std::io::Result<()>) {
        let mut written = 0;
        while written < bytes.len() {
            match self.file.write(&bytes[written..]) {
                Ok(0) => return (written, Err(IoKind::WriteZero.into())),
                Ok(count) => written += count,
                Err(source) if source.kind() == IoKind::Interrupted => {}
                Err(source) if source.kind() == IoKind::WouldBlock => std::thread::sleep(RETRY_INTERVAL),
                Err(source) => return (written, Err(source)),
            }
        }
        (written, Ok(()))
    }

    /// Returns when everything is on disk.
    ///
    /// # Errors
    /// Those of the disk. It is not known then what is on it.
    pub(super) fn sync(&self) -> std::io::Result<()> {
        synced(self.file.sync_data())
    }

    pub(super) fn failure(&self, source: std::io::Error) -> Error {
        match &self.path {
            Some(path) => Error::io("write the audit log", path, source),
            None => {
                let message = format!("cannot write the audit log to the standard output: {source}");
                Error::new(ErrorKind::Unavailable, message)
            }
        }
    }
}

/// A pipe or a device that has no disk says so.
fn synced(outcome: std::io::Result<()>) -> std::io::Result<()> {
    match outcome {
        Err(source) if source.kind() == IoKind::InvalidInput => Ok(()),
        outcome => outcome,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents(path: &Path) -> String {
        std::fs::read_to_string(path).unwrap()
    }

    #[test]
    fn a_line_that_was_cut_off_is_ended_first() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("audit.log");
        for (before, expected) in [("", "a\n"), ("b\n", "b\na\n"), ("b\n{\"c", "b\n{\"c\na\n")] {
            std::fs::write(&path, before).unwrap();
            let mut lines = b"a\n".to_vec();
            Target::open(&path).unwrap().append(&mut lines).unwrap();
            assert_eq!((contents(&path).as_str(), lines.len()), (expected, 0));
        }
    }

    #[test]
    fn a_file_has_one_writer_and_is_its_owners() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("audit.log");
        let first = Target::open(&path).unwrap();
        assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o600);
        let refused = Target::open(&path).err().unwrap();
        assert_eq!(refused.kind(), ErrorKind::Conflict);
        assert_eq!(
            refused.public_message(),
            "another process writes the audit log audit.log"
        );
        drop(first);
        assert!(Target::open(&path).is_ok());
        // Devices have many.
        let full = Path::new("/dev/full");
        assert!(Target::open(full).and_then(|_first| Target::open(full)).is_ok());
    }

    #[test]
    fn a_file_that_was_moved_away_is_followed_by_a_new_one() {
        let directory = tempfile::tempdir().unwrap();
        let (path, moved) = (directory.path().join("a"), directory.path().join("b"));
        let mut target = Target::open(&path).unwrap();
        let mut append = |line: &str, follows: bool| {
            if follows {
                target.follow_path().unwrap();
            }
            target.append(&mut line.as_bytes().to_vec()).unwrap();
            target.is_removed()
        };
        append("1\n", true);
        std::fs::rename(&path, &moved).unwrap();
        append("2\n", false);
        append("3\n", true);
        assert_eq!((contents(&moved).as_str(), contents(&path).as_str()), ("1\n2\n", "3\n"));
        std::fs::remove_file(&path).unwrap();
        assert!(append("4\n", false));
        assert!(!append("5\n", true));
        assert_eq!(contents(&path), "5\n");
    }

    #[test]
    fn what_a_full_disk_does_not_take_stays() {
        let mut target = Target::open(Path::new("/dev/full")).unwrap();
        let mut lines = b"a\nb\n".to_vec();
        assert!(target.append(&mut lines).is_err());
        assert_eq!(lines, b"a\nb\n");
    }
}
