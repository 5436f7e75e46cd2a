//! The durable steps at which a test may end the process, as a crash would. Outside of tests nothing observes them.

use std::sync::OnceLock;

/// A step, named by what has just been done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A push is in the log, but the log may not be on disk.
    PushLogged,
    /// The log is on disk; the parquet source is as before.
    LogSynced,
    /// The new file is complete beside the old one.
    FileWritten,
    /// The new file has the name of the old one.
    FileRenamed,
    /// The parquet source holds the push; the online store does not.
    PushAppended,
    /// The online store holds the push and its log record is gone, but neither may be on disk.
    PushFinished,
    /// Tables were made, hidden, restored or dropped, but that may not be on disk.
    TablesChanged,
    /// Some rows of a materialization are written.
    RowsWritten,
    /// Some rows of a load are sorted and on disk, in a file of its own.
    RunSpilled,
    /// A file with rows of a load is complete, but not part of the store.
    ChunkWritten,
    /// Some rows of a load are part of the store.
    ChunkLoaded,
    /// All rows of a materialization are on disk; its interval is not recorded.
    RowsSynced,
    /// Some rows of a store of an older format are there in the new one too.
    RowsMoved,
    /// The store has the new format; the old rows still take room.
    FormatChanged,
    /// A backup holds all its files, under a temporary name.
    BackupWritten,
    /// A backup has its name; older ones are still there.
    BackupNamed,
    /// An old backup has lost its name, but not its files.
    BackupUnnamed,
    /// A restored online store is complete beside the place where it goes; nothing there has changed.
    RestoreWritten,
    /// No process opens the store in whose place a backup is restored; its files are still there.
    RestoreMarked,
    /// A file of the store was moved aside, or one of the restored store into its place.
    StoreFileMoved,
    /// No file of the former store is in its place, and none of the restored one.
    StoreMovedAside,
    /// A restored online store is in its place; the registry is not.
    StoreRestored,
    /// The registry is in its place too; no process opens the store yet.
    RegistryRestored,
}

static OBSERVER: OnceLock<fn(Step)> = OnceLock::new();

/// Calls `observer` at each step from now on. Only the first observer of a process counts.
pub fn observe(observer: fn(Step)) {
    let _ = OBSERVER.set(observer);
}

/// Says that a step has been done. Costs one atomic load if nothing observes.
pub fn reached(step: Step) {
    if let Some(observer) = OBSERVER.get() {
        observer(step);
    }
}

impl Step {
    /// All steps.
    pub const ALL: [Self; 23] = [
        Self::PushLogged,
        Self::LogSynced,
        Self::FileWritten,
        Self::FileRenamed,
        Self::PushAppended,
        Self::PushFinished,
        Self::TablesChanged,
        Self::RowsWritten,
        Self::RunSpilled,
        Self::ChunkWritten,
        Self::ChunkLoaded,
        Self::RowsSynced,
        Self::RowsMoved,
        Self::FormatChanged,
        Self::BackupWritten,
        Self::BackupNamed,
        Self::BackupUnnamed,
        Self::RestoreWritten,
        Self::RestoreMarked,
        Self::StoreFileMoved,
        Self::StoreMovedAside,
        Self::StoreRestored,
        Self::RegistryRestored,
    ];
}
