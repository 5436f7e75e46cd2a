//! Directories with backups. Each backup is a directory of its own there, named by the UTC time at which it began:
//!
//! ```text
//! DIR/2026-11-27T01-40-12Z/manifest.json    what it is of, and each file with its size and SHA-256
//! DIR/2026-11-27T01-40-12Z/registry.db
//! DIR/2026-11-27T01-40-12Z/online_store/... the files of the online store
//! ```
//!
//! **A backup is whole, or not there.** It is made under a temporary name; its files, the manifest and the directory are on disk before it
//! is renamed. What a killed process has left is removed by the next backup into the same directory.
//!
//! **Files that do not change take room once.** A table file is a hard link to the one it is made from where that is on the same file
//! system, else to the one of the backup before, if their bytes are the same. So each backup is complete by itself, and any of
//! them can be removed.
//!
//! **Only backups of one store are counted and removed.** Two repositories may have one project name and one directory: what one of them keeps
//! says nothing of the other. A restored store is another one, too, so that a copy for tests that was restored from the backups of
//! production does not remove those.
//!
//! **Others may write to the directory.** What is read there is a file, through no link, and no more of it than its manifest says; the manifest
//! itself has a bound.
//!
//! Knows files and bytes, and nothing of registries and stores.

mod draft;
mod files;
mod manifest;
mod whole;

pub use draft::{BackupReport, Draft, make_directory, was_used};
pub use manifest::{FileEntry, Manifest, StoreDescription};
pub use whole::{Backup, backups_in, backups_of};
