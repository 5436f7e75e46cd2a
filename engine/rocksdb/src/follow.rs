//! Following what another opening of the store writes.
//!
//! A follower catches up from time to time; in between it stands still. Its readers take a lock, so that none of them sees rows of a table
//! that was changed before the tables are read again. Rows in memory are forgotten whenever anything has changed, so they are as old as the
//! last look at most.
//!
//! **A file that is taken in counts as older than the log of writes**: RocksDB's follower keeps rows of the log in memory until the log
//! that follows has its first write, and looks there first. So a load writes something once more after its file is taken in.

use feast_model::error::Result;
use rocksdb::DB;
use rocksdb::properties::CURRENT_SUPER_VERSION_NUMBER;

use super::RocksDbStore;
use super::opening::Opening;

impl RocksDbStore {
    /// Brings a follower up to what was written since. Nothing is to be done for an opening that writes.
    pub(crate) fn follow(&self) -> Result<()> {
        let db = self.opening.load_full();
        if db.is_writable {
            return Ok(());
        }
        if self.place.check().is_ok() && self.catch_up(&db).is_ok() {
            return Ok(());
        }
        // What could not be followed is read from the start.
        let follower = Opening::to_follow(&self.options, &self.path).map_err(|source| self.error(source))?;
        self.replace_opening(follower).map(drop)
    }

    fn catch_up(&self, db: &DB) -> Result<()> {
        let _readers = self.catching_up.write();
        let before = state_of(db);
        db.try_catch_up_with_primary().map_err(|source| self.error(source))?;
        if state_of(db) != before {
            self.publish(&self.read_directory_of(db)?);
            self.row_cache.clear();
        }
        Ok(())
    }
}

/// Grows with every change that a follower has seen.
fn state_of(db: &DB) -> (u64, Option<u64>) {
    let version = db.property_int_value(CURRENT_SUPER_VERSION_NUMBER);
    (db.latest_sequence_number(), version.ok().flatten())
}
