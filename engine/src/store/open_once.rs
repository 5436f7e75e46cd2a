//! What a store opens when it is first needed. Knows nothing of what that is.

use std::sync::{Mutex, OnceLock};

use feast_model::error::{Error, Result};

use crate::locks::lock;

/// A value that is made by the first caller that needs it and succeeds.
pub(super) struct OpenOnce<T> {
    value: OnceLock<T>,
    /// Held while the value is made.
    opening: Mutex<()>,
}

impl<T> OpenOnce<T> {
    /// Not open yet.
    pub(super) fn new() -> Self {
        Self {
            value: OnceLock::new(),
            opening: Mutex::default(),
        }
    }

    /// The value if it is there.
    pub(super) fn get(&self) -> Option<&T> {
        self.value.get()
    }

    /// The value, made by `open` if it is not there yet. Callers that come meanwhile wait.
    pub(super) fn get_or_open(&self, open: impl FnOnce() -> Result<T>) -> Result<&T> {
        if let Some(value) = self.value.get() {
            return Ok(value);
        }
        let _opening = lock(&self.opening);
        if self.value.get().is_none() {
            // Under the lock nobody else can have set it.
            let _ = self.value.set(open()?);
        }
        self.value
            .get()
            .ok_or_else(|| Error::internal("a store is not open right after it was opened"))
    }
}
