//! Who sent which token a moment ago, so that a client that asks often is not checked anew each time. A token is known by its hash.
//!
//! What is remembered is at most seconds old: somebody who is locked out at the provider, or in the cluster, is so here by then.

use std::sync::Arc;

use feast_model::Timestamp;
use feast_permissions::Principal;
use quick_cache::sync::Cache;

use crate::{Refusal, TokenHash};

/// Those that were used last: some megabytes.
const MAX_TOKENS: usize = 10_000;
/// How long the outcome of a check is used without another.
const TOKEN_LIFESPAN_MICROS: i64 = 30_000_000;
/// The same of what a cluster says, which can take a token back at any time.
const CLUSTER_LIFESPAN_MICROS: i64 = 10_000_000;

/// The outcomes of checks.
pub(crate) struct Remembered(Cache<TokenHash, Outcome>);

#[derive(Clone)]
struct Outcome {
    principal: Result<Arc<Principal>, Refusal>,
    until: Timestamp,
}

impl Default for Remembered {
    fn default() -> Self {
        Self(Cache::new(MAX_TOKENS))
    }
}

impl Remembered {
    /// The outcome of the last check, if it still counts.
    pub(crate) fn get(&self, hash: &TokenHash, now: Timestamp) -> Option<Result<Arc<Principal>, Refusal>> {
        let outcome = self.0.get(hash)?;
        (now < outcome.until).then_some(outcome.principal)
    }

    /// Remembers an outcome, until a token ends at the latest.
    pub(crate) fn keep(&self, hash: TokenHash, principal: Result<Arc<Principal>, Refusal>, ends: Timestamp) {
        let until = feast_clock::now().plus_micros(TOKEN_LIFESPAN_MICROS).min(ends);
        self.0.insert(hash, Outcome { principal, until });
    }

    /// Remembers what a cluster said.
    pub(crate) fn keep_briefly(&self, hash: TokenHash, principal: Result<Arc<Principal>, Refusal>, now: Timestamp) {
        let until = now.plus_micros(CLUSTER_LIFESPAN_MICROS);
        self.0.insert(hash, Outcome { principal, until });
    }
}
