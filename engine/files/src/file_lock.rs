//! The lock under which a file is read, changed and replaced: a file of its own beside it, for all processes of ours.
//!
//! Whoever may open a lock file can hold it, and a process that holds it may hang. So no one waits for ever, and only those who may
//! change the file can open its lock.

use std::fs::{File, Metadata, OpenOptions, Permissions, TryLockError};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

use feast_model::error::{Error, ErrorKind, Result, path as error_path};

use crate::durable_file::{file_name, give_to, parent};
use crate::lock_holder::holder_of;
use crate::plain_file::plain;

/// How long a request waits for a lock.
pub const REQUEST_PATIENCE: Duration = Duration::from_secs(10);
/// How long a command does, and what must not be in vain after a long run.
pub const COMMAND_PATIENCE: Duration = Duration::from_secs(60);

/// After so long it is said what is waited for.
const NOTICE_AFTER: Duration = Duration::from_secs(3);
/// Between two tries, at most.
const MAX_PAUSE: Duration = Duration::from_millis(20);

/// Held while a file is read, changed and replaced. Other processes of ours wait for it.
pub struct FileLock {
    // Closing the file releases the lock.
    _file: File,
}

impl FileLock {
    /// Waits for the lock of `path`, which is a file `.NAME.lock` beside it.
    ///
    /// # Errors
    /// `Unavailable` when another process holds it for longer than `patience`, naming the process where that can be known; those of the
    /// file.
    pub fn acquire(path: &Path, patience: Duration) -> Result<Self> {
        // A link and the file it points at have one lock.
        Self::acquire_at(
            &std::fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf()),
            patience,
        )
    }

    /// As [`FileLock::acquire`], of a name in a directory, whatever is there under that name: a link does not lead elsewhere.
    ///
    /// # Errors
    /// As [`FileLock::acquire`].
    pub fn acquire_in(directory: &Path, name: &str, patience: Duration) -> Result<Self> {
        Self::acquire_at(&directory.join(name), patience)
    }

    fn acquire_at(path: &Path, patience: Duration) -> Result<Self> {
        let directory = parent(path);
        std::fs::create_dir_all(&directory).map_err(|source| Error::io("create the directory", &directory, source))?;
        let lock_path = directory.join(format!(".{}.lock", file_name(path)));
        let failed = |source| Error::io("lock", &lock_path, source);
        let file = open_lock(path, &lock_path).map_err(failed)?;
        let start = Instant::now();
        let mut pause = Duration::from_millis(1);
        let mut is_said = false;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::Error(source)) => return Err(failed(source)),
                Err(TryLockError::WouldBlock) => {}
            }
            let waited = start.elapsed();
            if waited >= patience {
                return Err(locked_for(patience, &lock_path, &file));
            }
            if waited >= NOTICE_AFTER && !is_said {
                is_said = true;
                let problem = locked_for(NOTICE_AFTER, &lock_path, &file);
                tracing::warn!("{problem}; it is tried for {} s", patience.as_secs());
            }
            std::thread::sleep(pause.min(patience.saturating_sub(waited)));
            pause = (2 * pause).min(MAX_PAUSE);
        }
    }
}

fn locked_for(time: Duration, lock_path: &Path, file: &File) -> Error {
    let message = format!(
        "cannot lock {}: {} has held it for more than {} s",
        error_path(lock_path),
        holder_of(file),
        time.as_secs_f64()
    );
    Error::new(ErrorKind::Unavailable, message).with_hint("try again when that process is done, or end it if it hangs")
}

/// The lock file of `path`, created if it is missing. One that is there, perhaps from an older version, is used as it is, but those who
/// cannot change the file lose their access to it.
fn open_lock(path: &Path, lock_path: &Path) -> std::io::Result<File> {
    let made = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(lock_path);
    match made {
        Ok(file) => {
            let access = Access::of(path)?;
            give_to(&file, access.owner, access.group);
            // Not every file system has modes.
            let _ = file.set_permissions(Permissions::from_mode(access.mode));
            Ok(file)
        }
        Err(source) if source.kind() == std::io::ErrorKind::AlreadyExists => {
            // Not through a link: it would be another file whose mode is changed below.
            let opened = plain(OpenOptions::new().write(true)).open(lock_path);
            // A file that can only be read can be locked all the same.
            let file = opened.or_else(|_| plain(OpenOptions::new().read(true)).open(lock_path))?;
            let (access, there) = (Access::of(path)?, file.metadata()?);
            if there.mode() & 0o077 & !access.mode != 0 {
                // Only its owner can do that.
                let _ = file.set_permissions(Permissions::from_mode(there.mode() & access.mode));
            }
            Ok(file)
        }
        Err(source) => Err(source),
    }
}

/// Who may use a lock file.
struct Access {
    owner: u32,
    group: u32,
    mode: u32,
}

impl Access {
    /// Those who may change a file: who can write it, or replace it in its directory. The lock gets the owner of the file, so that one
    /// that root created does not lock other users out.
    fn of(path: &Path) -> std::io::Result<Self> {
        let directory = std::fs::metadata(parent(path))?;
        let Ok(file) = std::fs::metadata(path) else {
            return Ok(Self {
                owner: directory.uid(),
                group: directory.gid(),
                mode: 0o600 | for_writers(&directory),
            });
        };
        // The owner of the directory can replace the file too, but is neither owner nor surely in the group: whoever reads the file may
        // hold the lock then.
        if file.uid() != directory.uid() {
            return Ok(Self {
                owner: file.uid(),
                group: file.gid(),
                mode: 0o600 | (file.mode() & 0o066) | for_writers(&file),
            });
        }
        let group = match for_writers(&file) & 0o060 {
            0 => directory.gid(),
            _ => file.gid(),
        };
        // In a directory such as /tmp only the owner can replace a file.
        let is_sticky = directory.mode() & 0o1000 != 0;
        let by_directory = if is_sticky { 0 } else { for_writers(&directory) };
        Ok(Self {
            owner: file.uid(),
            group,
            mode: 0o600 | for_writers(&file) | by_directory,
        })
    }
}

/// The bits that let those use a lock who may write a file or directory, beside its owner.
fn for_writers(of: &Metadata) -> u32 {
    let writes = of.mode() & 0o022;
    writes | (writes << 1)
}

#[cfg(test)]
mod tests;
