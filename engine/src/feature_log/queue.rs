//! Rows of answers that wait in memory for the thread that writes them. Whoever brings some waits for nothing but a short lock.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use feast_config::machine_memory;
use parking_lot::{Condvar, Mutex};

use crate::online::ServedRows;

/// Of the memory that this process may have, the part for rows that wait, and the bounds of that.
const MEMORY_SHARE: u64 = 64;
const MIN_BYTES: u64 = 32 << 20;
const MAX_BYTES: u64 = 256 << 20;

/// Rows that wait, bounded by the rows of each service and by the bytes of all.
pub(super) struct Queue {
    /// Of one service.
    max_rows: usize,
    max_bytes: usize,
    waiting: Mutex<Waiting>,
    /// The thread that writes should look.
    changed: Condvar,
    /// The last thread of the log has ended.
    ended: Condvar,
}

#[derive(Default)]
struct Waiting {
    answers: Vec<ServedRows>,
    /// Also of what is being written: it is in memory until it is on disk.
    rows_of: HashMap<String, usize>,
    bytes: usize,
    /// So much waits that it should be written at once.
    is_urgent: bool,
    is_stopped: bool,
    has_ended: bool,
}

/// What the thread that writes has to do.
pub(super) struct Work {
    pub(super) answers: Vec<ServedRows>,
    pub(super) is_last: bool,
}

impl Queue {
    /// Takes so many rows of a service.
    pub(super) fn new(max_rows: usize) -> Self {
        let bytes = (machine_memory() / MEMORY_SHARE).clamp(MIN_BYTES, MAX_BYTES);
        Self::with_bytes(max_rows, usize::try_from(bytes).unwrap_or(usize::MAX))
    }

    fn with_bytes(max_rows: usize, max_bytes: usize) -> Self {
        Self {
            max_rows,
            max_bytes,
            waiting: Mutex::default(),
            changed: Condvar::new(),
            ended: Condvar::new(),
        }
    }

    /// Says whether there was room for all rows; otherwise none is taken.
    pub(super) fn push(&self, answer: ServedRows) -> bool {
        let (rows, bytes) = (answer.rows(), answer.bytes());
        let mut waiting = self.waiting.lock();
        let of_service = waiting.rows_of.get(answer.log.service()).copied().unwrap_or_default();
        if waiting.is_stopped || of_service + rows > self.max_rows || waiting.bytes + bytes > self.max_bytes {
            return false;
        }
        waiting.bytes += bytes;
        match waiting.rows_of.get_mut(answer.log.service()) {
            Some(known) => *known += rows,
            None => {
                waiting.rows_of.insert(answer.log.service().to_owned(), rows);
            }
        }
        waiting.answers.push(answer);
        // So that there is still room while it is written.
        let is_much = (of_service + rows) * 2 >= self.max_rows || waiting.bytes * 2 >= self.max_bytes;
        if is_much && !waiting.is_urgent {
            waiting.is_urgent = true;
            self.changed.notify_one();
        }
        true
    }

    /// Waits until `deadline`, or until all must be written; with `hurries` also until much is there. Gives what is there.
    pub(super) fn wait(&self, deadline: Instant, hurries: bool) -> Work {
        let mut waiting = self.waiting.lock();
        while !(waiting.is_stopped || hurries && waiting.is_urgent) && Instant::now() < deadline {
            self.changed.wait_until(&mut waiting, deadline);
        }
        waiting.is_urgent = false;
        Work {
            answers: std::mem::take(&mut waiting.answers),
            is_last: waiting.is_stopped,
        }
    }

    /// Makes room for what was taken: it is not in memory any more.
    pub(super) fn release(&self, service: &str, rows: usize, bytes: usize) {
        let mut waiting = self.waiting.lock();
        waiting.bytes = waiting.bytes.saturating_sub(bytes);
        if let Some(known) = waiting.rows_of.get_mut(service) {
            *known = known.saturating_sub(rows);
            if *known == 0 {
                waiting.rows_of.remove(service);
            }
        }
    }

    /// Rows and bytes in memory.
    pub(super) fn waiting(&self) -> (usize, usize) {
        let waiting = self.waiting.lock();
        (waiting.rows_of.values().sum(), waiting.bytes)
    }

    /// Takes no more, and waits until the last thread of the log has ended. Says whether it has.
    pub(super) fn stop(&self, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        let mut waiting = self.waiting.lock();
        waiting.is_stopped = true;
        self.changed.notify_all();
        while !waiting.has_ended && Instant::now() < deadline {
            self.ended.wait_until(&mut waiting, deadline);
        }
        waiting.has_ended
    }

    /// Says that the last thread of the log ends.
    pub(super) fn end(&self) {
        self.waiting.lock().has_ended = true;
        self.ended.notify_all();
    }
}
