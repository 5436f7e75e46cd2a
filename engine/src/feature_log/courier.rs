//! The thread that hands files over to their destinations. It is apart from the one that writes the spool, as a destination may be on a
//! network whose other end does not answer, and rows must be on a disk meanwhile.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use feast_background::give_way;
use feast_model::error::{Error, ErrorKind};
use parking_lot::{Condvar, Mutex};

use super::batch::Batch;
use super::counts::{Counts, Place};
use super::{FeatureLogRemark, TakeRemark};

/// From a hand-over that failed to the next try, unless the flush interval is shorter.
const RETRY_INTERVAL: Duration = Duration::from_secs(10);

/// Files that are to be handed over.
#[derive(Default)]
pub(super) struct Outbox {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    batches: Vec<Batch>,
    is_stopped: bool,
}

impl Outbox {
    pub(super) fn add(&self, batches: Vec<Batch>) {
        if !batches.is_empty() {
            self.waiting.lock().batches.extend(batches);
            self.changed.notify_one();
        }
    }

    /// Has what is there handed over, and nothing any more.
    pub(super) fn stop(&self) {
        self.waiting.lock().is_stopped = true;
        self.changed.notify_one();
    }

    /// Waits until there is something to do. Gives the new files, and whether they are the last.
    fn wait(&self, deadline: Option<Instant>) -> (Vec<Batch>, bool) {
        let mut waiting = self.waiting.lock();
        while waiting.batches.is_empty() && !waiting.is_stopped {
            match deadline {
                None => self.changed.wait(&mut waiting),
                Some(deadline) if Instant::now() >= deadline => break,
                Some(deadline) => {
                    self.changed.wait_until(&mut waiting, deadline);
                }
            }
        }
        (std::mem::take(&mut waiting.batches), waiting.is_stopped)
    }
}

pub(super) struct Courier {
    pub(super) outbox: Arc<Outbox>,
    /// Relative destinations start here.
    pub(super) repository: PathBuf,
    pub(super) flush_interval: Duration,
    pub(super) counts: Arc<Counts>,
    pub(super) remark: Arc<TakeRemark>,
    /// What was said last: it is not said again until it changes.
    pub(super) trouble: Option<String>,
}

impl Courier {
    /// Hands over until the outbox is stopped.
    pub(super) fn work(&mut self) {
        give_way();
        let mut kept = Vec::new();
        loop {
            let retry = self.flush_interval.min(RETRY_INTERVAL);
            let deadline = (!kept.is_empty()).then(|| Instant::now() + retry);
            let (batches, is_last) = self.outbox.wait(deadline);
            kept.extend(batches);
            self.hand_over(&mut kept);
            if is_last {
                return;
            }
        }
    }

    /// Keeps what fails.
    fn hand_over(&mut self, batches: &mut Vec<Batch>) {
        let mut trouble = None;
        batches.retain_mut(|batch| match batch.hand_over(&self.repository, &self.counts) {
            Ok(()) => false,
            Err(error) => {
                self.counts.hand_over_failed();
                let is_done = error.kind() == ErrorKind::Data;
                if is_done {
                    (self.remark)(FeatureLogRemark::Trouble(error.to_string()));
                } else {
                    trouble.get_or_insert(error);
                }
                !is_done
            }
        });
        let text = trouble.as_ref().map(Error::to_string);
        match (&text, &self.trouble) {
            (Some(text), former) if former.as_ref() != Some(text) => {
                (self.remark)(FeatureLogRemark::Trouble(format!("{text}; it is tried again")));
            }
            (None, Some(_)) => {
                let text = "logged features that waited in the spool are in their destinations".to_owned();
                (self.remark)(FeatureLogRemark::Note(text));
            }
            _ => {}
        }
        self.counts.note_trouble(Place::Destination, trouble);
        self.trouble = text;
    }
}
