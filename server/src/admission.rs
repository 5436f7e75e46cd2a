//! How much the server works on at once. What is beyond that is refused with 503 and `Retry-After`, and not queued for more than
//! a second: a queue would make every client wait and hold every request's memory.
//!
//! Of what is answered inline, small reads from memory and `/health`, only the memory is counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use feast_engine::ServingLimits;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::error::ApiError;

/// Smaller bodies and responses are not counted: connections hold about as much by themselves.
const MIN_COUNTED_BYTES: usize = 64 << 10;
/// Memory is counted in these.
const UNIT_BYTES: usize = 1 << 10;

/// How long a large read waits for its slot. After that its client is better served by a quick refusal.
const MAX_WAIT: Duration = Duration::from_secs(1);

/// What may be under way at once.
pub(crate) struct Admission {
    reads: Arc<Semaphore>,
    writes: Arc<Semaphore>,
    large_reads: Arc<Semaphore>,
    threads: usize,
    memory: Arc<Memory>,
    limits: ServingLimits,
    max_wait: Duration,
    refused: Refused,
}

/// The memory of all requests.
struct Memory {
    /// Those that are free.
    units: Arc<Semaphore>,
    /// How many requests were refused as there were not enough.
    refused: AtomicU64,
}

/// How many requests were refused, by what there was too much of.
#[derive(Debug, Default)]
struct Refused {
    reads: AtomicU64,
    writes: AtomicU64,
    large_reads: AtomicU64,
}

/// What is under way at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) reads: usize,
    pub(crate) writes: usize,
    pub(crate) large_reads: usize,
    pub(crate) memory_bytes: usize,
    pub(crate) memory_limit_bytes: usize,
}

/// Counts memory until it is dropped. The default counts nothing.
#[derive(Default)]
pub(crate) struct MemoryPermit {
    memory: Option<Arc<Memory>>,
    permit: Option<OwnedSemaphorePermit>,
    /// What a request takes in any case, in bytes. If that is counted, so is all else.
    base: usize,
    /// In bytes, for all requests together.
    limit: usize,
}

/// Bytes that are counted as long as anything refers to them.
struct CountedBytes {
    bytes: Vec<u8>,
    _permit: MemoryPermit,
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
            threads,
            memory: Arc::new(Memory {
                units: Arc::new(Semaphore::new(units)),
                refused: AtomicU64::new(0),
            }),
            limits,
            max_wait: MAX_WAIT,
            refused: Refused::default(),
        }
    }

    /// Counts a read as long as the permit is held.
    ///
    /// # Errors
    /// `Overloaded` when there are too many.
    pub(crate) fn admit_read(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        self.admit(&self.reads, &self.refused.reads, "reads")
    }

    /// Counts a write, or a materialization, as long as the permit is held. Reads do not keep writes out, nor they reads.
    ///
    /// # Errors
    /// `Overloaded` when there are too many.
    pub(crate) fn admit_write(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        self.admit(&self.writes, &self.refused.writes, "writes")
    }

    fn admit(
        &self,
        semaphore: &Arc<Semaphore>,
        refused: &AtomicU64,
        what: &str,
    ) -> Result<OwnedSemaphorePermit, ApiError> {
        let permit = Arc::clone(semaphore).try_acquire_owned();
        permit.map_err(|_| {
            refused.fetch_add(1, Ordering::Relaxed);
            ApiError::Overloaded(format!("{} {what} are under way", self.limits.requests))
        })
    }

    /// Waits for a slot for a large read that was admitted: more of them at once would only take cores from each other. Small
    /// reads that wait for disks need none.
    ///
    /// # Errors
    /// `Overloaded` when no slot is free for a second.
    pub(crate) async fn acquire_large_read_slot(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        let slot = Arc::clone(&self.large_reads).acquire_owned();
        match timeout(self.max_wait, slot).await {
            Ok(Ok(slot)) => Ok(slot),
            Ok(Err(_)) | Err(_) => {
                self.refused.large_reads.fetch_add(1, Ordering::Relaxed);
                let milliseconds = self.max_wait.as_millis();
                Err(ApiError::Overloaded(format!(
                    "large reads wait for more than {milliseconds} ms"
                )))
            }
        }
    }

    /// What is under way.
    pub(crate) fn usage(&self) -> Usage {
        let used = |semaphore: &Semaphore, whole: usize| whole.saturating_sub(semaphore.available_permits());
        let requests = self.limits.requests.min(Semaphore::MAX_PERMITS);
        let units = (self.limits.memory / UNIT_BYTES).min(Semaphore::MAX_PERMITS);
        Usage {
            reads: used(&self.reads, requests),
            writes: used(&self.writes, requests),
            large_reads: used(&self.large_reads, self.threads),
            memory_bytes: used(&self.memory.units, units) * UNIT_BYTES,
            memory_limit_bytes: self.limits.memory,
        }
    }

    /// How many requests were refused since the start, by what there was too much of.
    pub(crate) fn refused(&self) -> [(&'static str, u64); 4] {
        let Refused {
            reads,
            writes,
            large_reads,
        } = &self.refused;
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        [
            ("reads", count(reads)),
            ("writes", count(writes)),
            ("large_reads", count(large_reads)),
            ("memory", count(&self.memory.refused)),
        ]
    }

    /// Nothing yet, to be grown.
    pub(crate) fn memory_permit(&self) -> MemoryPermit {
        MemoryPermit {
            memory: Some(Arc::clone(&self.memory)),
            permit: None,
            base: 0,
            limit: self.limits.memory,
        }
    }

    /// For a request that takes so many bytes in any case, and came with many others on its connection.
    ///
    /// # Errors
    /// As [`MemoryPermit::resize_to`].
    pub(crate) fn memory_permit_with(&self, base: usize) -> Result<MemoryPermit, ApiError> {
        let mut permit = MemoryPermit {
            base,
            ..self.memory_permit()
        };
        permit.resize_to(0)?;
        Ok(permit)
    }
}

impl MemoryPermit {
    /// Counts that many bytes from now on.
    ///
    /// # Errors
    /// `Overloaded` when other requests hold too much. A request that is alone may take any amount.
    pub(crate) fn resize_to(&mut self, bytes: usize) -> Result<(), ApiError> {
        let Some(memory) = &self.memory else { return Ok(()) };
        let bytes = match self.base {
            0 if bytes < MIN_COUNTED_BYTES => 0,
            base => base.saturating_add(bytes),
        };
        let (requested, held) = (bytes.min(self.limit) / UNIT_BYTES, self.held());
        if requested <= held {
            drop(self.permit.as_mut().and_then(|permit| permit.split(held - requested)));
            return Ok(());
        }
        let missing = u32::try_from(requested - held).unwrap_or(u32::MAX);
        let permit = Arc::clone(&memory.units).try_acquire_many_owned(missing).map_err(|_| {
            memory.refused.fetch_add(1, Ordering::Relaxed);
            let limit = self.limit >> 20;
            ApiError::Overloaded(format!("requests under way hold up to {limit} MiB in memory"))
        })?;
        match &mut self.permit {
            Some(held) => held.merge(permit),
            None => self.permit = Some(permit),
        }
        Ok(())
    }

    /// Counts that many bytes at least.
    ///
    /// # Errors
    /// As [`MemoryPermit::resize_to`].
    pub(crate) fn grow_to(&mut self, bytes: usize) -> Result<(), ApiError> {
        self.resize_to(bytes.max((self.held() * UNIT_BYTES).saturating_sub(self.base)))
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
        Bytes::from_owner(CountedBytes { bytes, _permit: self })
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
    async fn large_reads_do_not_wait_long_for_a_slot() {
        let admission = Admission {
            max_wait: Duration::from_millis(20),
            ..admission()
        };
        let first = admission.acquire_large_read_slot().await.unwrap();
        assert!(matches!(
            admission.acquire_large_read_slot().await,
            Err(ApiError::Overloaded(_))
        ));
        drop(first);
        assert!(admission.acquire_large_read_slot().await.is_ok());
    }

    #[test]
    fn memory_is_counted_until_it_is_sent() {
        let admission = admission();
        let grown = |bytes| {
            let mut permit = admission.memory_permit();
            permit.resize_to(bytes).map(|()| permit)
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
