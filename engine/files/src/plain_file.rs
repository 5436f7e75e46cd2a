//! Opening files in a directory that others may have written to.

use std::fs::{File, OpenOptions};
use std::io::{Error, ErrorKind, Result};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

/// Opens what is a file, to read it. A link is not followed, and a pipe or a device is not waited for.
///
/// # Errors
/// Those of the system, and `InvalidData` for anything but a regular file.
pub fn open_plain(path: &Path) -> Result<File> {
    let mut options = OpenOptions::new();
    let opened = plain(options.read(true)).open(path);
    let is_link = || std::fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink());
    let no_file = || Error::new(ErrorKind::InvalidData, "it is not a file");
    let file = opened.map_err(|source| if is_link() { no_file() } else { source })?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(no_file()),
    }
}

/// The same options, by which a link is not followed and a pipe not waited for.
pub(crate) fn plain(options: &mut OpenOptions) -> &mut OpenOptions {
    options.custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_are_opened() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        std::fs::write(path("file"), "x").unwrap();
        std::os::unix::fs::symlink(path("file"), path("link")).unwrap();
        std::fs::create_dir(path("directory")).unwrap();
        let made = std::process::Command::new("mkfifo").arg(path("pipe")).status();
        assert!(made.unwrap().success());
        assert!(open_plain(&path("file")).is_ok());
        for name in ["link", "directory", "pipe"] {
            assert_eq!(
                open_plain(&path(name)).unwrap_err().kind(),
                ErrorKind::InvalidData,
                "{name}"
            );
        }
        assert_eq!(open_plain(&path("none")).unwrap_err().kind(), ErrorKind::NotFound);
    }
}
