//! How much the server works on at once. What is more is refused with 503 and `Retry-After`, and not queued beyond a second:
//! a queue would make every client wait and hold every request's memory.
//!
//! Of what is answered where it was read, small reads from memory and `/health`, only the memory is counted.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use feast_engine::ServingLimits;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::error::ApiError;

/// Smaller bodies and answers are not counted: connections hold about as much by themselves.
const LEAST_COUNTED_BYTES: usize = 64 << 10;
/// Memory is counted in these.
const UNIT_BYTES: usize = 1 << 10;

/// A client that has waited so long for the turn of its read is better off elsewhere.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

const LOG_INTERVAL: Duration = Duration::from_secs(1);

/// What may be under way at once.
pub(crate) struct Admission {
    reads: Arc<Semaphore>,
    writes: Arc<Semaphore>,
    large_reads: Arc<Semaphore>,
    memory: Arc<Semaphore>,
    limits: ServingLimits,
    longest_wait: Duration,
    /// Since the last line in the log: when that was, and how many there were.
    refusals: Mutex<(Instant, usize)>,
}

/// Memory that is counted until this is dropped. The default counts nothing.
#[derive(Default)]
pub(crate) struct Reservation {
    memory: Option<Arc<Semaphore>>,
    permit: Option<OwnedSemaphorePermit>,
    /// In bytes, for all requests together.
    limit: usize,
}

/// Bytes that are counted as long as anybody holds them.
struct CountedBytes {
    bytes: Vec<u8>,
    _reservation: Reservation,
}

impl AsRef<[u8]> for CountedBytes {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Admission {
    /// `threads` is how many large reads go on at once; each keeps a core busy.
    pub(crate) fn new(limits: ServingLimits, threads: usize) -> Self {
        let units = (limits.memory / UNIT_BYTES).min(Semaphore::MAX_PERMITS);
        Self {
            reads: Arc::new(Semaphore::new(limits.requests.min(Semaphore::MAX_PERMITS))),
            writes: Arc::new(Semaphore::new(limits.requests.min(Semaphore::MAX_PERMITS))),
            large_reads: Arc::new(Semaphore::new(threads)),
            memory: Arc::new(Semaphore::new(units)),
            limits,
            longest_wait: LONGEST_WAIT,
            refusals: Mutex::new((Instant::now(), 0)),
        }
    }

    /// Counts a read as long as the permit is held.
    ///
    /// # Errors
    /// `Overloaded` when there are too many.
    pub(crate) fn admit_read(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        self.admit(&self.reads, "reads")
    }

    /// Counts a write, or a materialization, as long as the permit is held. Reads do not keep writes out, nor they reads.
    ///
    /// # Errors
    /// `Overloaded` when there are too many.
    pub(crate) fn admit_write(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        self.admit(&self.writes, "writes")
    }

    fn admit(&self, semaphore: &Arc<Semaphore>, what: &str) -> Result<OwnedSemaphorePermit, ApiError> {
        let permit = Arc::clone(semaphore).try_acquire_owned();
        permit.map_err(|_| ApiError::Overloaded(format!("{} {what} are under way", self.limits.requests)))
    }

    /// Logs refusals, at most one line a second.
    pub(crate) fn note_refusal(&self, why: &ApiError) {
        let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        refusals.1 += 1;
        if refusals.0.elapsed() >= LOG_INTERVAL {
            tracing::warn!("{} requests were refused, the last: {}", refusals.1, why.log_text());
            *refusals = (Instant::now(), 0);
        }
    }

    /// Waits for the turn of a large read that was admitted: more of them at once would only take cores from each other.
    /// Small ones that wait for disks need none.
    ///
    /// # Errors
    /// `Overloaded` when its turn does not come soon.
    pub(crate) async fn turn_to_work(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        let turn = Arc::clone(&self.large_reads).acquire_owned();
        match timeout(self.longest_wait, turn).await {
            Ok(Ok(turn)) => Ok(turn),
            Ok(Err(_)) | Err(_) => Err(ApiError::Overloaded(format!(
                "large reads wait for more than {} ms",
                self.longest_wait.as_millis()
            ))),
        }
    }

    /// Nothing yet, to be grown.
    pub(crate) fn reservation(&self) -> Reservation {
        Reservation {
            memory: Some(Arc::clone(&self.memory)),
            permit: None,
            limit: self.limits.memory,
        }
    }
}

impl Reservation {
    /// Counts that many bytes from now on.
    ///
    /// # Errors
    /// `Overloaded` when others hold too much. Alone, anything goes.
    pub(crate) fn resize_to(&mut self, bytes: usize) -> Result<(), ApiError> {
        let Some(memory) = &self.memory else { return Ok(()) };
        let bytes = if bytes < LEAST_COUNTED_BYTES { 0 } else { bytes };
        let (wanted, held) = (bytes.min(self.limit) / UNIT_BYTES, self.held());
        if wanted <= held {
            drop(self.permit.as_mut().and_then(|permit| permit.split(held - wanted)));
            return Ok(());
        }
        let missing = u32::try_from(wanted - held).unwrap_or(u32::MAX);
        let permit = Arc::clone(memory).try_acquire_many_owned(missing).map_err(|_| {
            let limit = self.limit >> 20;
            ApiError::Overloaded(format!("requests under way hold up to {limit} MiB in memory"))
        })?;
        match &mut self.permit {
            Some(held) => held.merge(permit),
            None => self.permit = Some(permit),
        }
        Ok(())
    }

    /// In units.
    fn held(&self) -> usize {
        self.permit.as_ref().map_or(0, OwnedSemaphorePermit::num_permits)
    }

    /// The bytes, counted until they are sent.
    pub(crate) fn hold(self, bytes: Vec<u8>) -> Bytes {
        if self.held() == 0 {
            return Bytes::from(bytes);
        }
        Bytes::from_owner(CountedBytes {
            bytes,
            _reservation: self,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission() -> Admission {
        let limits = ServingLimits {
            requests: 2,
            memory: 1 << 20,
            ..ServingLimits::default()
        };
        Admission::new(limits, 1)
    }

    #[test]
    fn more_requests_than_allowed_are_refused_until_one_is_done() {
        let admission = admission();
        let first = admission.admit_read().unwrap();
        let _second = admission.admit_read().unwrap();
        assert!(matches!(admission.admit_read(), Err(ApiError::Overloaded(_))));
        assert!(admission.admit_write().is_ok());
        drop(first);
        assert!(admission.admit_read().is_ok());
    }

    #[tokio::test]
    async fn nobody_waits_long_for_a_turn() {
        let admission = Admission {
            longest_wait: Duration::from_millis(20),
            ..admission()
        };
        let first = admission.turn_to_work().await.unwrap();
        assert!(matches!(admission.turn_to_work().await, Err(ApiError::Overloaded(_))));
        drop(first);
        assert!(admission.turn_to_work().await.is_ok());
    }

    #[test]
    fn memory_is_counted_until_it_is_sent() {
        let admission = admission();
        let grown = |bytes| {
            let mut reservation = admission.reservation();
            reservation.resize_to(bytes).map(|()| reservation)
        };
        let mut large = grown(600 << 10).ok().unwrap();
        assert!(grown(600 << 10).is_err());
        assert!(grown(100).is_ok());
        large.resize_to(700 << 10).unwrap();
        assert!(large.resize_to(2 << 20).is_ok(), "alone, anything goes");
        assert!(grown(100 << 10).is_err());
        large.resize_to(600 << 10).unwrap();
        assert!(grown(300 << 10).is_ok(), "what is too much is given back");
        let sent = large.hold(vec![0; 100]);
        assert!(grown(600 << 10).is_err());
        drop(sent);
        assert!(grown(600 << 10).is_ok());
    }
}
