//! How many files this process may have open: each connection is one, and so is each file of the store.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What counts as the limit where the system sets none.
const UNLIMITED: u64 = 1 << 20;
/// What is kept for the store, its log and whatever is read and written: a quarter, within these.
const MIN_RESERVE: u64 = 64;
const MAX_RESERVE: u64 = 4096;

/// Raises the limit as far as the system lets this process, and says what it is then.
pub(crate) fn raise_limit() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let highest = limit.maximum.unwrap_or(UNLIMITED);
    if limit.current.is_some_and(|current| current < highest) {
        let raised = Rlimit {
            current: Some(highest),
            maximum: limit.maximum,
        };
        // If not, it stays what it is.
        let _ = setrlimit(Resource::Nofile, raised);
    }
    getrlimit(Resource::Nofile).current.unwrap_or(UNLIMITED)
}

/// How many of so many open files connections may take.
pub(crate) fn for_connections(limit: u64) -> usize {
    let reserve = (limit / 4).clamp(MIN_RESERVE, MAX_RESERVE);
    usize::try_from(limit.saturating_sub(reserve).max(1)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_files_are_kept_for_the_store() {
        let cases = [
            (20, 1),
            (128, 64),
            (1024, 768),
            (65_536, 61_440),
            (1 << 20, (1 << 20) - 4096),
        ];
        for (limit, connections) in cases {
            assert_eq!(for_connections(limit), connections, "{limit}");
        }
    }
}
