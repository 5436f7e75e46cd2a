//! Rows in memory before a Redis that others write too.
//!
//! Redis tells a client which keys are changed (`CLIENT TRACKING ON BCAST`, RESP3), and the row cache forgets them. **A read is behind
//! the write of another client by `serving.redis_cache_staleness` at most, and by nothing behind a write through this process**, which
//! forgets the entity itself before the write is acknowledged. Normally a message takes less than a millisecond; the bound is for the
//! case that no message comes. Each connection is asked for a sign of life at least twice within the bound, and messages come in
//! order: an answer to a question that was sent at a moment says that all changes before that moment are known. So rows in memory are
//! used up to the bound after the last such question of which every connection has answered, and not an instant longer: a read looks
//! at the clock. When a connection breaks, is silent for the bound, or the primaries are others than before, rows in memory are
//! forgotten, and reads pass the cache by until changes on all primaries are tracked again.
//!
//! The order makes it right. First tracking is on everywhere; then the cache is cleared, which also refuses what was fetched before;
//! then it is used. A change that is made while a row is on its way counts as a write, so that the row is not inserted.
//!
//! BCAST and not the default mode, where Redis remembers which client has read which key: here it remembers prefixes only, and a read
//! costs it nothing more. The cost is a message of some 40 bytes a write, also of other projects with the same join keys.
//!
//! What Redis does not tell: `SWAPDB`, and the expiry of a key before it removes it, which may take its time. With `key_ttl_seconds`
//! no row is therefore held longer than its hash lives: a fetch asks for the time to live too, rows of
//! hashes near their end are not held, and the others for less than that. Without that setting it is not asked for: the expiry that
//! another client has set is seen when Redis removes the key.
//!
//! Knows connections and keys, nothing of what is in rows. Nothing here is waited for by a read, and commands that end soon never
//! start it.

mod counts;
mod primaries;
mod rows;
mod session;
#[cfg(test)]
mod tests;
mod tracked;

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use feast_codec::entity_key::{key_length, names_prefix};
use feast_config::RedisConfig;
use feast_rows::{MissingRows, RowCache, StoredView};
use parking_lot::Mutex;
use redis::Cmd;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::connection::{Connection, Reply};

pub use counts::TrackingCounts;
use rows::TrackedRows;

/// No row is held longer than this where hashes expire.
const MAX_LIFETIME: Duration = Duration::from_secs(600);
/// Where hashes expire, a row is held for this part of the time that a hash lives after a write, and not in the last such part.
const LIFETIME_SHARE: u32 = 4;
/// Replies to `PTTL`.
const FOR_EVER: i64 = -1;
const NO_KEY: i64 = -2;

/// The rows in memory, and the task that keeps them true.
pub(crate) struct Tracking {
    shared: Arc<Shared>,
    task: OnceLock<Task>,
}

/// What reads, writes, the task and its connections share.
struct Shared {
    config: RedisConfig,
    connection: Connection,
    /// At the end of the keys of this project.
    project: String,
    rows: TrackedRows,
    prefixes: Mutex<BTreeSet<Vec<u8>>>,
    /// There are new prefixes.
    prefixes_changed: Notify,
}

/// Ends with the store.
struct Task(JoinHandle<()>);

impl Tracking {
    /// Nothing is connected before [`Tracking::start`].
    pub(crate) fn new(config: &RedisConfig, connection: &Connection, project: &str) -> Self {
        // A replica may be behind what its primary has told long ago.
        let bound = config.cache_staleness.filter(|_| !config.reads_from_replicas);
        Self {
            shared: Arc::new(Shared {
                config: config.clone(),
                connection: connection.clone(),
                project: project.to_owned(),
                rows: TrackedRows::new(config.row_cache, bound),
                prefixes: Mutex::default(),
                prefixes_changed: Notify::new(),
            }),
            task: OnceLock::new(),
        }
    }

    /// Starts to track changes on the runtime of the caller, if rows are to be held and it does not do so yet. For processes that
    /// read again and again. Costs an atomic load after the first time.
    #[inline]
    pub(crate) fn start(&self) {
        if self.task.get().is_none() {
            self.start_once();
        }
    }

    #[cold]
    fn start_once(&self) {
        if !self.shared.rows.may_hold_rows() {
            return;
        }
        if let Ok(runtime) = Handle::try_current() {
            let shared = Arc::clone(&self.shared);
            self.task.get_or_init(|| Task(runtime.spawn(session::run(shared))));
        }
    }

    /// The rows that a read may use now, and may add to. One that holds nothing while changes are not tracked.
    #[inline]
    pub(crate) fn rows(&self) -> &RowCache {
        self.shared.rows.for_reads()
    }

    /// Forgets what is in memory of an entity. To be called after this process has written it, before it acknowledges that.
    pub(crate) fn forget(&self, entity: &[u8]) {
        self.shared.rows.forget(entity);
    }

    /// With `key_ttl_seconds`: what to ask Redis after the hashes of these entities were read, for [`Tracking::forget_expiring`].
    pub(crate) fn lifetime_commands(&self, missing: MissingRows<'_>) -> Vec<Cmd> {
        if self.task.get().is_none() || self.shared.lifetime().is_none() {
            return Vec::new();
        }
        let command = |entity: &[u8]| {
            let mut command = redis::cmd("PTTL");
            command.arg([entity, self.shared.project.as_bytes()].concat());
            command
        };
        let by_query = missing.by_query();
        by_query.flat_map(|(_, entities)| entities.map(command)).collect()
    }

    /// Takes the replies to [`Tracking::lifetime_commands`]. What was fetched of hashes that will expire soon is not held: a message
    /// of the expiry comes when Redis removes the key, and that may be late.
    pub(crate) fn forget_expiring(&self, missing: MissingRows<'_>, replies: &[Reply]) {
        let Some(lifetime) = self.shared.lifetime() else { return };
        let entities = missing.by_query().flat_map(|(_, entities)| entities);
        for (entity, reply) in entities.zip(replies) {
            let stays = match reply.integer() {
                Some(FOR_EVER | NO_KEY) => true,
                Some(milliseconds) => {
                    u64::try_from(milliseconds).is_ok_and(|left| Duration::from_millis(left) > lifetime)
                }
                None => false,
            };
            if !stays {
                self.forget(entity);
            }
        }
    }

    /// Tracks the keys of these views too. To be called before rows of new views are read.
    pub(crate) fn follow(&self, views: &[StoredView]) {
        let prefixes = views.iter().map(|view| {
            let names = view.join_keys.iter().map(|key| key.name.as_str());
            names_prefix(names)
        });
        let mut known = self.shared.prefixes.lock();
        let before = known.len();
        known.extend(prefixes);
        let is_new = known.len() > before;
        drop(known);
        if is_new {
            self.shared.rows.end_any_session();
            self.shared.prefixes_changed.notify_one();
        }
    }

    /// What has happened so far.
    pub(crate) fn counts(&self) -> &TrackingCounts {
        self.shared.rows.counts()
    }
}

impl Shared {
    /// With `key_ttl_seconds`: how long a row is held at most, and how long its hash must live on for it to be held at all.
    fn lifetime(&self) -> Option<Duration> {
        let seconds = self.config.key_ttl_seconds.filter(|_| self.rows.may_hold_rows())?;
        Some((Duration::from_secs(seconds) / LIFETIME_SHARE).min(MAX_LIFETIME))
    }

    /// Forgets the entity of a key that another client has changed. Keys of other projects have the same prefixes.
    fn key_changed(&self, key: &[u8]) {
        let Some((entity, project)) = key_length(key).map(|length| key.split_at(length)) else {
            return;
        };
        if project == self.project.as_bytes() {
            TrackingCounts::add(&self.rows.counts().changed_entities);
            self.rows.forget(entity);
        }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}
