//! The replies to the commands of one request, and how much memory those of all requests may take.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use redis::Value;

use super::reply::Reply;
use super::trouble::{Reason, Trouble};

/// Replies in the order of their commands. Their memory counts until this is dropped.
#[derive(Debug, Default)]
pub(crate) struct Replies {
    replies: Vec<Reply>,
    held: Vec<Held>,
}

/// Counts the bytes of replies that are coming or not used up yet.
#[derive(Debug)]
pub(super) struct ReplyMemory {
    limit: usize,
    used: AtomicUsize,
}

/// A part of that memory, until it is dropped.
#[derive(Debug, Default)]
pub(super) struct Held {
    memory: Option<Arc<ReplyMemory>>,
    bytes: usize,
    /// Those of replies that are complete.
    kept: usize,
}

impl Replies {
    pub(super) fn new(replies: Vec<Reply>, held: Held) -> Self {
        Self {
            replies,
            held: vec![held],
        }
    }

    /// For so many commands, of which none has been answered.
    pub(super) fn unanswered(count: usize) -> Self {
        Self {
            replies: vec![Reply::nil(); count],
            held: Vec::new(),
        }
    }

    /// As the library gives them, for those that are not read often.
    ///
    /// # Errors
    /// `Protocol` for what it cannot read.
    pub(super) fn values(&self, server: &Arc<str>) -> Result<Vec<Value>, Trouble> {
        let unreadable = || Trouble::new(server, Reason::Protocol("a reply cannot be read".to_owned()));
        let values = self.replies.iter().map(|reply| reply.value().ok_or_else(unreadable));
        values.collect()
    }

    /// Puts replies of `other` in their places: the one at the first position of a pair goes to the second.
    pub(super) fn place(&mut self, other: Self, positions: impl IntoIterator<Item = (usize, usize)>) {
        for (from, to) in positions {
            self.replies[to] = other.replies[from].clone();
        }
        self.held.extend(other.held);
    }
}

impl Deref for Replies {
    type Target = [Reply];

    fn deref(&self) -> &[Reply] {
        &self.replies
    }
}

impl ReplyMemory {
    pub(super) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            limit,
            used: AtomicUsize::new(0),
        })
    }

    /// In bytes.
    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    #[cfg(test)]
    pub(super) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }
}

impl Held {
    /// Holds so many bytes beside those of complete replies. Whether there is room for them.
    pub(super) fn hold(&mut self, memory: &Arc<ReplyMemory>, bytes: usize) -> bool {
        let wanted = self.kept.saturating_add(bytes);
        let more = wanted.saturating_sub(self.bytes);
        if more == 0 {
            return true;
        }
        let before = memory.used.fetch_add(more, Ordering::Relaxed);
        if before.saturating_add(more) > memory.limit {
            memory.used.fetch_sub(more, Ordering::Relaxed);
            return false;
        }
        self.memory.get_or_insert_with(|| Arc::clone(memory));
        self.bytes = wanted;
        true
    }

    /// What is held belongs to complete replies.
    pub(super) fn keep(&mut self) {
        self.kept = self.bytes;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(memory) = &self.memory {
            memory.used.fetch_sub(self.bytes, Ordering::Relaxed);
        }
    }
}
