//! How often one client may ask (`serving.rate_limit`): a bucket of tokens for each. Off unless it is configured.
//!
//! A client is an address, as long as it is not known who asks. Who has signed in has a bucket of their own, from wherever they come, so
//! that those behind one proxy do not take the requests of each other, and nobody gets more by using several machines. The bucket of an
//! address then is for those who are not let in: when it is empty, tokens from there are not checked, as that is what costs something,
//! and so is guessing. Whoever was let in a moment ago, or has an API key, goes on.

use std::convert::Infallible;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::Instant;

use feast_engine::{Principal, RateLimit};
use feast_sign_in::{Shown, SignIn};
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use quick_cache::sync::Cache;

use super::Call;
use super::sign_in::required_sign_in;
use crate::context::Context;
use crate::error::ApiError;
use crate::http::{Client, Response};
use crate::routes::Matched;

/// Clients whose buckets are known, those that asked last: some ten megabytes.
const MAX_CLIENTS: usize = 100_000;

/// Refuses a request of a client that asks too often, unless the layer `sign_in` finds out who that is. Probes are always answered.
pub(super) async fn admit<F>(context: &Context, call: Call, next: impl FnOnce(Call) -> F) -> Result<Response, ApiError>
where
    F: Future<Output = Result<Response, ApiError>>,
{
    if let Some(limits) = &context.rate_limits {
        let is_probe = matches!(call.matched, Matched::Route(route, _) if route.is_probe());
        if !is_probe && required_sign_in(context, &call).is_none() {
            limits.take(Key::of(call.head.peer.client))?;
        }
    }
    next(call).await
}

/// Whose bucket it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    /// An address, or of version 6 the network that one host usually has.
    Address(IpAddr),
    /// A user of this machine.
    User(u32),
    /// Everybody whose address is not known.
    Unknown,
    /// Somebody who has signed in, by a hash that nobody else can make.
    Principal(u64),
}

impl Key {
    fn of(client: Client) -> Self {
        match (client.address().map(|address| address.to_canonical()), client) {
            (Some(IpAddr::V6(address)), _) => {
                Self::Address(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into())
            }
            (Some(address), _) => Self::Address(address),
            (None, Client::Process { user, .. }) => Self::User(user),
            (None, _) => Self::Unknown,
        }
    }
}

/// The buckets of all clients.
pub(crate) struct RateLimits {
    quota: Quota,
    clock: DefaultClock,
    buckets: Cache<Key, Arc<DefaultDirectRateLimiter>>,
    /// Until when no tokens are checked that come from where too many were refused.
    guessers: Cache<Key, Instant>,
    names: RandomState,
}

impl RateLimits {
    pub(crate) fn new(limit: RateLimit) -> Self {
        Self {
            quota: Quota::per_second(limit.requests_per_second).allow_burst(limit.burst),
            clock: DefaultClock::default(),
            buckets: Cache::new(MAX_CLIENTS),
            guessers: Cache::new(MAX_CLIENTS),
            names: RandomState::new(),
        }
    }

    /// Who signs in.
    ///
    /// # Errors
    /// `NotSignedIn`; `TooMany` where too many are not let in.
    pub(super) async fn principal(
        &self,
        sign_in: &SignIn,
        shown: Shown<'_>,
        client: Client,
    ) -> Result<Arc<Principal>, ApiError> {
        let client = Key::of(client);
        let found = match shown {
            Shown::Known(found) => found,
            Shown::New(token) => {
                self.check_guesser(client)?;
                sign_in.check(token).await
            }
        };
        if found.is_err() {
            self.take(client).inspect_err(|error| {
                if let ApiError::TooMany(wait) = error {
                    self.guessers.insert(client, Instant::now() + *wait);
                }
            })?;
        }
        found.map_err(ApiError::NotSignedIn)
    }

    /// Takes a token of somebody who has signed in.
    ///
    /// # Errors
    /// `TooMany` when there is none.
    pub(super) fn admit_principal(&self, principal: &Principal) -> Result<(), ApiError> {
        self.take(self.key_of(principal))
    }

    /// Roles and groups may change from token to token.
    fn key_of(&self, principal: &Principal) -> Key {
        Key::Principal(self.names.hash_one((principal.sign_in, &principal.name)))
    }

    fn check_guesser(&self, client: Key) -> Result<(), ApiError> {
        let until = self.guessers.get(&client);
        match until.and_then(|until| until.checked_duration_since(Instant::now())) {
            Some(wait) if !wait.is_zero() => Err(ApiError::TooMany(wait)),
            _ => Ok(()),
        }
    }

    /// Takes a token.
    ///
    /// # Errors
    /// `TooMany` when there is none, with the time until the next.
    fn take(&self, key: Key) -> Result<(), ApiError> {
        let full = || Ok::<_, Infallible>(Arc::new(RateLimiter::direct(self.quota)));
        let Ok(bucket) = self.buckets.get_or_insert_with(&key, full);
        let taken = bucket.check();
        taken.map_err(|later| ApiError::TooMany(later.wait_time_from(self.clock.now())))
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::num::NonZeroU32;
    use std::time::Duration;

    use feast_engine::SignInKind;

    use super::*;

    fn key(address: &str) -> Key {
        Key::of(Client::Address(address.parse::<SocketAddr>().unwrap()))
    }

    #[test]
    fn each_client_has_its_bucket() {
        let limits = RateLimits::new(RateLimit {
            requests_per_second: NonZeroU32::MIN,
            burst: NonZeroU32::new(3).unwrap(),
        });
        for _ in 0..3 {
            limits.take(key("10.0.0.1:1000")).unwrap();
        }
        let Err(ApiError::TooMany(wait)) = limits.take(key("10.0.0.1:2000")) else {
            panic!("the port does not matter");
        };
        assert!(
            wait <= Duration::from_secs(1) && wait > Duration::from_millis(500),
            "{wait:?}"
        );
        limits.take(key("10.0.0.2:1000")).unwrap();
        limits.take(Key::of(Client::Process { id: Some(1), user: 0 })).unwrap();
    }

    #[test]
    fn who_has_signed_in_is_known_by_name_and_kind() {
        let limits = RateLimits::new(RateLimit {
            requests_per_second: NonZeroU32::MIN,
            burst: NonZeroU32::MIN,
        });
        let key = |name: &str, kind, roles: &[&str]| {
            let roles = roles.iter().map(|role| (*role).to_owned()).collect();
            limits.key_of(&Principal {
                roles,
                ..Principal::new(name, kind)
            })
        };
        let ann = key("ann", SignInKind::Oidc, &["reader"]);
        assert_eq!(ann, key("ann", SignInKind::Oidc, &[]));
        assert_ne!(ann, key("ann", SignInKind::ApiKey, &["reader"]));
        assert_ne!(ann, key("anna", SignInKind::Oidc, &["reader"]));
    }

    #[test]
    fn a_network_of_version_6_is_one_client() {
        assert_eq!(key("[2001:db8::1]:1"), key("[2001:db8::ffff:1:2:3]:9"));
        assert_ne!(key("[2001:db8::1]:1"), key("[2001:db8:0:1::1]:1"));
        assert_eq!(key("[::ffff:10.0.0.1]:1"), key("10.0.0.1:1"));
    }
}
