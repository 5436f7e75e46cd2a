//! Who sent which token a moment ago, so that a client that asks often is not checked anew each time. A token is known by its hash.
//!
//! What is remembered is at most seconds old: somebody who is locked out at the provider, or in the cluster, is so here by then.

use std::sync::Arc;

use feast_model::Timestamp;
use feast_permissions::Principal;
use quick_cache::sync::Cache;

use crate::{Refusal, TokenHash};

/// Tokens that were used last, of those that were accepted and of those that were refused: some megabytes. Refused ones, which anybody can
/// make up, take no places of others.
const MAX_TOKENS: usize = 10_000;
/// How long the outcome of a check is used without another.
const TOKEN_LIFESPAN_MICROS: i64 = 30_000_000;
/// The same of what a cluster says, which can take a token back at any time.
const CLUSTER_LIFESPAN_MICROS: i64 = 10_000_000;

/// The outcomes of checks.
pub(crate) struct Remembered {
    accepted: Cache<TokenHash, Outcome<Arc<Principal>>>,
    refused: Cache<TokenHash, Outcome<Refusal>>,
}

#[derive(Clone)]
struct Outcome<T> {
    found: T,
    until: Timestamp,
}

impl<T> Outcome<T> {
    fn at(self, now: Timestamp) -> Option<T> {
        (now < self.until).then_some(self.found)
    }
}

impl Default for Remembered {
    fn default() -> Self {
        Self {
            accepted: Cache::new(MAX_TOKENS),
            refused: Cache::new(MAX_TOKENS),
        }
    }
}

impl Remembered {
    /// The outcome of the last check, if it still counts.
    pub(crate) fn get(&self, hash: &TokenHash, now: Timestamp) -> Option<Result<Arc<Principal>, Refusal>> {
        if let Some(principal) = self.accepted.get(hash).and_then(|outcome| outcome.at(now)) {
            return Some(Ok(principal));
        }
        self.refused.get(hash)?.at(now).map(Err)
    }

    /// Whether a token was accepted the last time that it was checked, however long ago.
    pub(crate) fn was_accepted(&self, hash: &TokenHash) -> bool {
        self.accepted.get(hash).is_some()
    }

    /// Remembers who has a token, until it ends at the latest.
    pub(crate) fn keep(&self, hash: TokenHash, principal: Arc<Principal>, ends: Timestamp) {
        let until = feast_clock::now().plus_micros(TOKEN_LIFESPAN_MICROS).min(ends);
        self.accepted.insert(
            hash,
            Outcome {
                found: principal,
                until,
            },
        );
    }

    /// Remembers what a cluster said.
    pub(crate) fn keep_briefly(&self, hash: TokenHash, outcome: Result<Arc<Principal>, Refusal>, now: Timestamp) {
        let until = now.plus_micros(CLUSTER_LIFESPAN_MICROS);
        match outcome {
            Ok(found) => self.accepted.insert(hash, Outcome { found, until }),
            Err(found) => {
                self.accepted.remove(&hash);
                self.refused.insert(hash, Outcome { found, until });
            }
        }
    }
}
