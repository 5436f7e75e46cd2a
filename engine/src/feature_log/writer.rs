//! The thread that writes rows to the spool.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use feast_background::give_way;
use feast_model::error::{Error, ErrorKind};

use super::batch::SpoolError;
use super::counts::{Counts, DropReason, Place, ServiceRows};
use super::courier::Outbox;
use super::queue::Queue;
use super::spool::Spool;
use super::{FeatureLogRemark, TakeRemark};
use crate::online::ServedRows;

/// From a write that failed to the next try, unless the write interval is shorter.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// One line about rows that are lost in so long.
const DROP_REMARK_INTERVAL: Duration = Duration::from_secs(10);

pub(super) struct Writer {
    pub(super) write_interval: Duration,
    pub(super) flush_interval: Duration,
    pub(super) queue: Arc<Queue>,
    pub(super) spool: Spool,
    pub(super) counts: Arc<Counts>,
    pub(super) outbox: Arc<Outbox>,
    pub(super) remark: Arc<TakeRemark>,
    pub(super) told: Told,
    /// Answers that could not be written yet.
    pub(super) unwritten: Vec<ServedRows>,
}

/// What was said, so that it is not said again.
#[derive(Default)]
pub(super) struct Told {
    /// What is wrong with the spool.
    trouble: Option<String>,
    /// Rows that were lost by then.
    lost: BTreeMap<String, ServiceRows>,
    at: Option<Instant>,
}

impl Writer {
    /// Writes until the queue is stopped.
    pub(super) fn work(&mut self) {
        give_way();
        self.take_over();
        let mut next_write = Instant::now() + self.write_interval;
        let mut next_flush = Instant::now() + self.flush_interval;
        loop {
            // What could not be written is not tried again with each request that comes.
            let hurries = self.unwritten.is_empty();
            let retry = if hurries {
                next_write
            } else {
                next_write.min(Instant::now() + RETRY_INTERVAL)
            };
            let work = self.queue.wait(retry.min(next_flush), hurries);
            self.unwritten.extend(work.answers);
            self.write();
            let now = Instant::now();
            next_write = now + self.write_interval;
            if now >= next_flush || work.is_last {
                next_flush = now + self.flush_interval;
                self.spool.close();
            }
            self.outbox.add(self.spool.take_closed());
            if work.is_last {
                let lost = std::mem::take(&mut self.unwritten);
                self.drop_rows(&lost, DropReason::NotWritten);
            }
            self.remark_losses(work.is_last);
            if work.is_last {
                return self.outbox.stop();
            }
        }
    }

    /// Hands over what dead processes have left.
    fn take_over(&mut self) {
        let left = self.spool.take_closed();
        if !left.is_empty() {
            let text = format!(
                "{} files of logged features were left in the spool and are handed over",
                left.len()
            );
            (self.remark)(FeatureLogRemark::Note(text));
        }
        self.outbox.add(left);
    }

    /// Writes what waits to the spool, by service. What cannot be written now stays.
    fn write(&mut self) {
        let mut by_table: Vec<Vec<ServedRows>> = Vec::new();
        for answer in std::mem::take(&mut self.unwritten) {
            let of_table = by_table.iter_mut().find(|group| group[0].is_of_same_table(&answer));
            match of_table {
                Some(group) => group.push(answer),
                None => by_table.push(vec![answer]),
            }
        }
        let mut trouble = None;
        for group in by_table {
            trouble = self.write_group(group).or(trouble);
        }
        if trouble.is_none() && self.unwritten.is_empty() && self.told.trouble.is_some() {
            (self.remark)(FeatureLogRemark::Note(
                "logged features are written to disk again".to_owned(),
            ));
        }
        let text = trouble.as_ref().map(Error::to_string);
        if let Some(text) = &text
            && self.told.trouble.as_ref() != Some(text)
        {
            (self.remark)(FeatureLogRemark::Trouble(text.clone()));
        }
        self.counts.note_trouble(Place::Spool, trouble);
        self.told.trouble = text;
    }

    /// Gives what is wrong.
    fn write_group(&mut self, group: Vec<ServedRows>) -> Option<Error> {
        let table = Arc::clone(group[0].table());
        let spool = &mut self.spool;
        // The libraries that make columns and files panic where they find a defect of their own.
        let written = catch_unwind(AssertUnwindSafe(|| spool.write(&table, &group)));
        let written = written.unwrap_or_else(|_| Err(SpoolError::BadValue(Error::internal("writing them failed"))));
        match written {
            Ok(()) => {
                self.release(&group);
                None
            }
            Err(SpoolError::Full) => {
                self.drop_rows(&group, DropReason::SpoolFull);
                Some(Error::new(
                    ErrorKind::Unavailable,
                    "as much waits for destinations as may: more logged features are lost until some can be written",
                ))
            }
            Err(SpoolError::BadValue(error)) if group.len() == 1 => {
                self.drop_rows(&group, DropReason::BadValue);
                Some(error.within(|message| format!("rows are not logged: {message}")))
            }
            // One of them must not keep the others.
            Err(SpoolError::BadValue(_)) => {
                let outcomes = group.into_iter().map(|answer| self.write_group(vec![answer]));
                outcomes.fold(None, Option::or)
            }
            Err(SpoolError::Failed(error)) => {
                self.counts.spool_failed();
                self.unwritten.extend(group);
                Some(
                    error.within(|message| {
                        format!("logged features stay in memory, as they cannot be written: {message}")
                    }),
                )
            }
        }
    }

    fn release(&self, group: &[ServedRows]) {
        for answer in group {
            self.queue.release(answer.log.service(), answer.rows(), answer.bytes());
        }
    }

    fn drop_rows(&self, group: &[ServedRows], reason: DropReason) {
        self.release(group);
        for answer in group {
            self.counts.dropped(answer.log.service(), reason, answer.rows() as u64);
        }
    }

    /// Says how many rows were lost since that was last said.
    fn remark_losses(&mut self, is_last: bool) {
        if !is_last && self.told.at.is_some_and(|said| said.elapsed() < DROP_REMARK_INTERVAL) {
            return;
        }
        let counted = self.counts.services();
        for (service, rows) in &counted {
            let said = self.told.lost.get(service).copied().unwrap_or_default();
            for ((reason, now), before) in DropReason::ALL.iter().zip(rows.dropped).zip(said.dropped) {
                if now > before {
                    self.told.at = Some(Instant::now());
                    let (lost, reason) = (now - before, reason.name());
                    let text = format!("{lost} rows of feature service {service} were not logged ({reason})");
                    (self.remark)(FeatureLogRemark::Trouble(text));
                }
            }
        }
        self.told.lost = counted;
    }
}
