//! What a store opens when it is first needed. Knows nothing of what that is.

use std::sync::OnceLock;

use feast_model::error::{Error, Result};
use parking_lot::Mutex;

/// A value that is made by the first caller that needs it and succeeds.
pub(crate) struct OpenOnce<T> {
    value: OnceLock<T>,
    /// Held while the value is made.
    opening: Mutex<()>,
}

impl<T> OpenOnce<T> {
    /// Not open yet.
    pub(crate) fn new() -> Self {
        Self {
            value: OnceLock::new(),
            opening: Mutex::default(),
        }
    }

    /// The value if it is there.
    pub(crate) fn get(&self) -> Option<&T> {
        self.value.get()
    }

    /// The value, made by `open` if it is not there yet. Callers that arrive meanwhile wait.
    pub(crate) fn get_or_open(&self, open: impl FnOnce() -> Result<T>) -> Result<&T> {
        if let Some(value) = self.value.get() {
            return Ok(value);
        }
        let _opening = self.opening.lock();
        if self.value.get().is_none() {
            // No other thread can have set it while this one holds the lock.
            let _ = self.value.set(open()?);
        }
        self.value
            .get()
            .ok_or_else(|| Error::internal("a store is not open right after it was opened"))
    }
}
