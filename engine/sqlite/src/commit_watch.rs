//! Rows in memory are those of the file: whoever commits, this process or another, all of them are forgotten before the next look-up.
//!
//! SQLite counts the commits of other connections for each connection (`PRAGMA data_version`), and says the count after a look at the
//! head of the file. So a connection that never writes sees every commit. It costs 3 us a look-up, where a read of the rows takes 5 us
//! an entity and view.
//!
//! A row that was fetched before a commit does not come into memory after it: to forget all rows counts as a write of every entity
//! ([`RowCache::clear`]), and a row is only taken if its entity was not written since the look-up began.

use std::path::{Path, PathBuf};

use feast_model::error::Result;
use feast_rows::RowCache;
use parking_lot::Mutex;
use rusqlite::Connection;

use crate::connections::{FileIdentity, identity, open_to_read};
use crate::error::{from_rusqlite, needs_rollback};

/// Looks for commits.
pub(super) struct CommitWatch {
    path: PathBuf,
    watched: Mutex<Option<Watched>>,
}

/// The file whose rows are in memory.
struct Watched {
    file: FileIdentity,
    connection: Connection,
    /// Its count of commits when rows were last forgotten.
    version: i64,
}

impl CommitWatch {
    pub(super) fn new(path: &Path) -> Self {
        Self {
            path: path.to_path_buf(),
            watched: Mutex::default(),
        }
    }

    /// Forgets all rows in `cache` if there was a commit since the last call, or if the file is another one. `false` when a killed
    /// writer's journal has to be rolled back first.
    ///
    /// # Errors
    /// `Unavailable` when the file is locked for too long.
    pub(super) fn forget_changed(&self, cache: &RowCache) -> Result<bool> {
        let file = identity(&self.path)?;
        let mut watched = self.watched.lock();
        if watched.as_ref().map(|watched| watched.file) != file {
            *watched = None;
            cache.clear();
        }
        let Some(file) = file else {
            return Ok(true);
        };
        match Self::look(&self.path, file, &mut watched) {
            Ok(is_changed) => {
                // Others wait for it: what they find in the cache afterwards is of this version or newer.
                if is_changed {
                    cache.clear();
                }
                Ok(true)
            }
            Err(source) => {
                // What was missed is found by the next one, which starts without rows.
                *watched = None;
                cache.clear();
                match needs_rollback(&source) {
                    true => Ok(false),
                    false => Err(from_rusqlite(source, &self.path)),
                }
            }
        }
    }

    /// Whether there was a commit since the last look.
    fn look(path: &Path, file: FileIdentity, watched: &mut Option<Watched>) -> rusqlite::Result<bool> {
        let known = match watched {
            Some(known) => known,
            none => none.insert(Watched {
                file,
                connection: open_to_read(path)?,
                version: i64::MIN,
            }),
        };
        let mut statement = known.connection.prepare_cached("PRAGMA data_version")?;
        let version: i64 = statement.query_row([], |row| row.get(0))?;
        Ok(std::mem::replace(&mut known.version, version) != version)
    }
}
