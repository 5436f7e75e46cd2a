//! Locks over plain values. Knows nothing of what they guard.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks a value that every holder leaves whole, so that it does not matter if one has panicked.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
