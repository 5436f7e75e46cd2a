//! Backups of an online store, and their way back.

use std::num::NonZero;
use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
#[command(after_help = "Example: feast backup /mnt/backups --keep 7")]
pub(crate) struct BackupArguments {
    /// Directory of backups: each is a directory there, named by the time at which it began. With --verify: one backup.
    #[arg(value_name = "DIR")]
    pub(crate) directory: PathBuf,

    /// When the backup is complete, remove the oldest ones of the same online store, so that so many are left.
    #[arg(long, value_name = "N")]
    pub(crate) keep: Option<NonZero<usize>>,

    /// Make none, but read all files of the backup that DIR is, and compare their checksums.
    #[arg(long, conflicts_with = "keep")]
    pub(crate) verify: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Example: feast restore /mnt/backups/2026-11-27T01-40-12Z")]
pub(crate) struct RestoreArguments {
    /// The directory of one backup.
    #[arg(value_name = "BACKUP")]
    pub(crate) backup: PathBuf,

    /// Move an online store and a registry that are there aside. Nothing of them is removed.
    #[arg(long)]
    pub(crate) force: bool,
}
