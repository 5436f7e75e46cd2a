//! What RocksDB says of itself, for operators.

use std::ffi::OsStr;
use std::path::Path;

use feast_files::room_on_disk_of;
use rocksdb::properties::{
    ACTUAL_DELAYED_WRITE_RATE, BACKGROUND_ERRORS, BLOCK_CACHE_USAGE, CUR_SIZE_ALL_MEM_TABLES, ESTIMATE_NUM_KEYS,
    ESTIMATE_PENDING_COMPACTION_BYTES, IS_WRITE_STOPPED, LIVE_SST_FILES_SIZE, NUM_RUNNING_COMPACTIONS,
    NUM_RUNNING_FLUSHES, PropName, num_files_at_level,
};

use super::RocksDbStore;

/// More than RocksDB has by default.
const LEVELS: usize = 7;

/// The state of an embedded store at one moment. A number that RocksDB does not know is 0.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Statistics {
    /// Table files of each level.
    pub files: [u64; LEVELS],
    /// Bytes of all table files.
    pub table_bytes: u64,
    /// Bytes of rows that are in the log and in memory only.
    pub memtable_bytes: u64,
    /// Bytes of blocks that are in memory.
    pub block_cache_bytes: u64,
    /// Rows and records, those that were replaced counted until they are compacted.
    pub estimated_rows: u64,
    /// Bytes that compactions have to rewrite until the levels have their sizes.
    pub pending_compaction_bytes: u64,
    /// Compactions under way.
    pub running_compactions: u64,
    /// Memtables that are being written to table files.
    pub running_flushes: u64,
    /// Failures in the background since the database was opened.
    pub background_errors: u64,
    /// Writes wait until compactions have caught up.
    pub is_write_stopped: bool,
    /// Bytes a second to which writes are slowed down; 0 when they are not.
    pub delayed_write_rate: u64,
    /// Bytes that are free for this process on the disk.
    pub disk_free_bytes: u64,
    /// Bytes of the disk.
    pub disk_bytes: u64,
}

impl RocksDbStore {
    /// Bytes of the files that hold rows, compressed and with what was replaced: tables, and the log of writes.
    pub fn file_bytes(&self) -> u64 {
        let tables = self.db().property_int_value(LIVE_SST_FILES_SIZE).ok().flatten();
        // A file that goes meanwhile is not counted.
        let entries = std::fs::read_dir(&self.path).into_iter().flatten().flatten();
        let logs = entries.filter(|entry| Path::new(&entry.file_name()).extension() == Some(OsStr::new("log")));
        let log_bytes: u64 = logs.filter_map(|log| Some(log.metadata().ok()?.len())).sum();
        tables.unwrap_or_default() + log_bytes
    }

    /// What RocksDB says of itself. It waits for the file system to say how full it is.
    pub fn statistics(&self) -> Statistics {
        let db = self.db();
        let number = |name: &PropName| db.property_int_value(name).ok().flatten().unwrap_or_default();
        let files_at = |level| {
            let files = db.property_value(num_files_at_level(level)).ok().flatten();
            files.and_then(|files| files.parse().ok()).unwrap_or_default()
        };
        let disk = room_on_disk_of(&self.path).unwrap_or_default();
        Statistics {
            files: std::array::from_fn(files_at),
            table_bytes: number(LIVE_SST_FILES_SIZE),
            memtable_bytes: number(CUR_SIZE_ALL_MEM_TABLES),
            block_cache_bytes: number(BLOCK_CACHE_USAGE),
            estimated_rows: number(ESTIMATE_NUM_KEYS),
            pending_compaction_bytes: number(ESTIMATE_PENDING_COMPACTION_BYTES),
            running_compactions: number(NUM_RUNNING_COMPACTIONS),
            running_flushes: number(NUM_RUNNING_FLUSHES),
            background_errors: number(BACKGROUND_ERRORS),
            is_write_stopped: number(IS_WRITE_STOPPED) != 0,
            delayed_write_rate: number(ACTUAL_DELAYED_WRITE_RATE),
            disk_free_bytes: disk.free,
            disk_bytes: disk.size,
        }
    }
}
