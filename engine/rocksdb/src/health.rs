//! Stores that take no writes for a while, and how they come back.
//!
//! After a failure in the background, such as a full disk or no handle for a file, RocksDB refuses all writes. From most of them it does not
//! recover, also when the cause is gone: to resume is not in its C interface, and is refused after the failures that it takes for fatal. So
//! the database is closed and opened again, in steps that each leave the store readable:
//!
//! 1. A trial file of the size that opening may need says whether files can be written by now, and if not, why. That is
//!    what writers are told, not RocksDB's memory of a former failure.
//! 2. A follower is opened beside the database, and readers go over to it.
//! 3. The database is closed when its last reader has let it go, and opened again. Readers and writers go over to it.
//!
//! Between its closing and opening another process may take the store. Then the follower follows that one, until it ends.
//! Attempts come from whoever tends the store and from writers, one at a time and with growing pauses.
//!
//! Nothing that was acknowledged is lost, as it was on disk before. Rows that were written but not acknowledged yet are read from the log
//! of writes again; if one were missing, the new opening would have a smaller count of writes and is not used.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use arc_swap::Guard;
use feast_codec::storage_key::KeyTag;
use feast_model::error::{Error, ErrorKind, Result, io_hint, path as error_path};
use parking_lot::Mutex;
use rocksdb::WriteBatch;
use rocksdb::properties::{BACKGROUND_ERRORS, CUR_SIZE_ALL_MEM_TABLES};

use super::RocksDbStore;
use super::opening::Opening;

const FIRST_PAUSE: Duration = if cfg!(test) {
    Duration::from_millis(20)
} else {
    Duration::from_secs(1)
};
const MAX_PAUSE: Duration = Duration::from_secs(30);
/// Until a store that was moved away is looked for again.
const MOVED_PAUSE: Duration = if cfg!(test) {
    FIRST_PAUSE
} else {
    Duration::from_millis(200)
};
/// A failure that soon after an attempt that succeeded is taken for the same one.
const SETTLED_AFTER: Duration = Duration::from_secs(60);
/// For readers of the former opening to come to their end, of one attempt.
const MAX_READ: Duration = Duration::from_secs(2);
const READ_STEP: Duration = Duration::from_millis(2);
/// What opening writes beside the rows of the log of writes.
const OPENING_BYTES: u64 = 1 << 20;

/// Whether a store takes writes, and if not, why.
pub(crate) struct Health {
    is_refusing: AtomicBool,
    state: Mutex<State>,
    /// How many writes the last opening had that took some.
    written: AtomicU64,
    /// Held during an attempt. The former opening, as long as readers have it.
    former: Mutex<Option<Arc<Opening>>>,
}

struct State {
    trouble: Option<Error>,
    next_attempt: Instant,
    pause: Duration,
    healed: Option<Instant>,
    /// RocksDB's count when it was last looked at.
    background_errors: u64,
}

impl Default for Health {
    fn default() -> Self {
        Self {
            is_refusing: AtomicBool::new(false),
            state: Mutex::new(State {
                trouble: None,
                next_attempt: Instant::now(),
                pause: FIRST_PAUSE,
                healed: None,
                background_errors: 0,
            }),
            written: AtomicU64::new(0),
            former: Mutex::default(),
        }
    }
}

impl Health {
    fn trouble(&self) -> Option<Error> {
        // The usual case takes no lock.
        if !self.is_refusing.load(Ordering::SeqCst) {
            return None;
        }
        self.state.lock().trouble.as_ref().map(Error::repeated)
    }

    /// Refuses writes from now on, for a first time as long as `pause` if there is one. Says whether they were taken so far.
    pub(crate) fn refuse(&self, error: &Error, pause: Option<Duration>) -> bool {
        let mut state = self.state.lock();
        let is_new = state.trouble.is_none();
        if is_new {
            if state.healed.is_none_or(|healed| healed.elapsed() > SETTLED_AFTER) {
                state.pause = FIRST_PAUSE;
            }
            state.next_attempt = Instant::now() + pause.unwrap_or(state.pause);
        }
        state.trouble = Some(error.repeated());
        self.is_refusing.store(true, Ordering::SeqCst);
        is_new
    }

    /// Waits for as long as `pause`, or twice as long as the last time.
    fn put_off(&self, error: &Error, pause: Option<Duration>) {
        let mut state = self.state.lock();
        state.trouble = Some(error.repeated());
        if pause.is_none() {
            state.pause = MAX_PAUSE.min(state.pause * 2);
        }
        state.next_attempt = Instant::now() + pause.unwrap_or(state.pause);
    }

    /// Says whether writes were refused so far.
    pub(crate) fn accept(&self) -> bool {
        if !self.is_refusing.load(Ordering::SeqCst) {
            return false;
        }
        let mut state = self.state.lock();
        state.healed = Some(Instant::now());
        self.is_refusing.store(false, Ordering::SeqCst);
        state.trouble.take().is_some()
    }

    fn is_attempt_due(&self) -> bool {
        self.is_refusing.load(Ordering::SeqCst) && self.state.lock().next_attempt <= Instant::now()
    }
}

impl RocksDbStore {
    /// Why the store takes no writes for now, or why one that was opened to be read cannot be followed: its rows are as they were then.
    pub fn trouble(&self) -> Option<Error> {
        self.health.trouble()
    }

    /// Does what is due from time to time: looks whether the store takes writes and is where it was opened, and brings it back if not.
    /// What becomes of that is logged, and [`RocksDbStore::trouble`] says it. Gives files that RocksDB has made since the last call the mode
    /// and group of the store.
    pub fn tend(&self) {
        if self.is_read_only {
            self.tend_follower();
            return;
        }
        if self.health.is_refusing.load(Ordering::SeqCst) {
            self.heal_if_due();
            self.follow_meanwhile();
            return;
        }
        if let Err(error) = self.place.check() {
            self.refuse_moved(&error);
            return;
        }
        let db = self.db();
        let errors = db
            .property_int_value(BACKGROUND_ERRORS)
            .ok()
            .flatten()
            .unwrap_or_default();
        if std::mem::replace(&mut self.health.state.lock().background_errors, errors) < errors
            && let Err(source) = self.write_trial(&db)
        {
            self.refuse(&self.error(source), None);
        }
        drop(db);
        self.modes.apply();
    }

    /// The database, if it takes writes. To be called under the writer lock.
    pub(crate) fn writable(&self) -> Result<Guard<Arc<Opening>>> {
        if self.is_read_only {
            return Err(self.unavailable("is open to be read only"));
        }
        if let Some(trouble) = self.health.trouble() {
            return Err(trouble);
        }
        Ok(self.db())
    }

    /// # Errors
    /// `Unavailable` when the directory is not where it was opened. Writes are refused from then on.
    pub(crate) fn check_place(&self) -> Result<()> {
        self.place.check_lock().inspect_err(|error| self.refuse_moved(error))
    }

    /// The error of a write that failed. If all later ones would fail too, they are refused from now on.
    pub(crate) fn failed_write(&self, db: &Arc<Opening>, source: rocksdb::Error) -> Error {
        let error = self.error(source);
        self.refuse_if_latched(db, &error);
        error
    }

    /// To be called when something failed that is part of a write.
    pub(crate) fn refuse_if_latched(&self, db: &Arc<Opening>, error: &Error) {
        let is_in_use = Arc::ptr_eq(db, &self.db());
        if is_in_use && db.write(WriteBatch::default()).is_err() {
            self.refuse(error, None);
        }
    }

    fn refuse(&self, error: &Error, pause: Option<Duration>) {
        if self.health.refuse(error, pause) {
            tracing::error!("writes are refused until it is over, which is tried from time to time: {error}");
        }
    }

    fn refuse_moved(&self, error: &Error) {
        self.refuse(error, Some(MOVED_PAUSE));
        // Its files would be made in a directory of somebody else.
        self.db().stop();
    }

    /// Tries to bring the store back, if it is time for that and nobody else does.
    pub(crate) fn heal_if_due(&self) {
        if self.is_read_only || !self.health.is_attempt_due() {
            return;
        }
        let Some(mut former) = self.health.former.try_lock() else {
            return;
        };
        // Another thread may have just done it.
        if !self.health.is_attempt_due() {
            return;
        }
        match self.heal(&mut former) {
            Ok(()) => {
                self.health.accept();
                tracing::info!(store = ?self.path, "the online store takes writes again");
            }
            Err(error) => {
                let is_moved = self.place.check().is_err();
                self.health.put_off(&error, is_moved.then_some(MOVED_PAUSE));
            }
        }
    }

    /// Another process may have taken the store between two attempts.
    fn follow_meanwhile(&self) {
        let Some(_attempt) = self.health.former.try_lock() else {
            return;
        };
        if let Err(error) = self.follow() {
            self.health.put_off(&error, None);
        }
    }

    fn heal(&self, former: &mut Option<Arc<Opening>>) -> Result<()> {
        self.place.check().inspect_err(|_| self.db().stop())?;
        let db = self.opening.load_full();
        // RocksDB recovers from some failures by itself, such as a disk that was full and has room for a whole memtable.
        if db.is_writable() && !db.is_stopped() && self.write_trial(&db).is_ok() {
            return Ok(());
        }
        self.write_trial_file(&db)?;
        if db.is_writable() {
            drop(db);
            let follower = Opening::to_follow(&self.options, &self.path)?;
            *former = Some(self.replace_opening(follower)?);
        }
        if let Some(former) = former.take_if(has_no_reader) {
            // The last one, which closes it.
            drop(former);
        }
        if former.is_some() {
            return Err(self.unavailable("is still being read, and cannot be opened again yet"));
        }
        let opened = Opening::to_write_again(&self.options, &self.path).map_err(|error| match error.kind() {
            ErrorKind::Conflict => self
                .unavailable("was taken by another process while it was opened again")
                .with_hint("writes go on when that process has ended"),
            _ => error,
        })?;
        self.replace_opening(opened)?;
        self.publish_dropped()?;
        self.modes.apply();
        Ok(())
    }

    /// Puts another opening of the same store into use, and gives the former one.
    pub(crate) fn replace_opening(&self, opening: Opening) -> Result<Arc<Opening>> {
        // Until now writers may have written to the former one.
        let mut writer = self.lock_writer();
        if !self.is_read_only {
            self.check_successor(&opening)?;
        }
        let directory = self.read_directory_of(&opening)?;
        // A reader that knows these tables already reads rows of the former opening, which follow schemas that are in them too.
        self.publish(&directory);
        let former = self.opening.swap(Arc::new(opening));
        self.row_cache.clear();
        // A write that failed may be there all the same.
        writer.note_all();
        Ok(former)
    }

    /// Refuses an opening of another store, or one that lacks rows.
    fn check_successor(&self, opening: &Opening) -> Result<()> {
        let identity: Option<String> = self.read_record_of(opening, KeyTag::Identity)?;
        if identity.as_deref() != Some(&self.identity) {
            return Err(self.unavailable("holds another store now than the one that is in use"));
        }
        // A follower may have seen more: a write that failed, and that nobody sees again.
        let former = self.db();
        if former.is_writable() {
            let written = former.latest_sequence_number();
            self.health.written.store(written, Ordering::SeqCst);
        }
        if opening.latest_sequence_number() < self.health.written.load(Ordering::SeqCst) {
            let error = self.unavailable("lacks rows that were just written, and none of which was acknowledged");
            return Err(
                error.with_hint("the disk may be failing: look at the log of the system, then restart the process")
            );
        }
        Ok(())
    }

    /// Writes what the store holds already, in the way of all writes.
    fn write_trial(&self, db: &Opening) -> std::result::Result<(), rocksdb::Error> {
        if let Some(format) = db.get(KeyTag::Format.single())? {
            db.put(KeyTag::Format.single(), format)?;
        }
        db.flush_wal(true)
    }

    /// Writes and removes a file as large as what opening the store may write.
    fn write_trial_file(&self, db: &Opening) -> Result<()> {
        let in_log = db.property_int_value(CUR_SIZE_ALL_MEM_TABLES).ok().flatten();
        let bytes = in_log.unwrap_or_default() + OPENING_BYTES;
        write_zeros(&self.path, bytes).map_err(|source| {
            let store = error_path(&self.path);
            let message = format!("online store {store} cannot be written for now: {source}");
            let error = Error::new(ErrorKind::Unavailable, message);
            io_hint(&source)
                .into_iter()
                .fold(error, Error::with_hint)
                .with_source(source)
        })
    }

    pub(crate) fn unavailable(&self, problem: &str) -> Error {
        let message = format!("online store {} {problem}", error_path(&self.path));
        Error::new(ErrorKind::Unavailable, message)
    }
}

fn write_zeros(directory: &Path, bytes: u64) -> std::io::Result<()> {
    static BLOCK: [u8; 64 << 10] = [0; 64 << 10];
    // One without a name goes when it is closed, also by the end of the process.
    let mut file = tempfile::tempfile_in(directory)?;
    for _ in 0..bytes.div_ceil(BLOCK.len() as u64) {
        file.write_all(&BLOCK)?;
    }
    file.sync_all()
}

/// Waits for a while until nobody else has an opening.
fn has_no_reader(opening: &mut Arc<Opening>) -> bool {
    let started = Instant::now();
    while Arc::get_mut(opening).is_none() {
        if started.elapsed() > MAX_READ {
            return false;
        }
        thread::sleep(READ_STEP);
    }
    true
}

#[cfg(test)]
mod tests;
