//! How often one client may ask (`serving.rate_limit`): a bucket of tokens for each. Off unless it is configured.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use feast_engine::RateLimit;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use quick_cache::sync::Cache;

use super::Call;
use crate::context::Context;
use crate::error::ApiError;
use crate::http::{Client, Response};
use crate::routes::Matched;

/// Clients whose buckets are known, those that asked last: some ten megabytes.
const MAX_CLIENTS: usize = 100_000;

/// Refuses a request of a client that asks too often. Probes are always answered.
pub(super) async fn admit<F>(context: &Context, call: Call, next: impl FnOnce(Call) -> F) -> Result<Response, ApiError>
where
    F: Future<Output = Result<Response, ApiError>>,
{
    if let Some(limits) = &context.rate_limits {
        let is_probe = matches!(call.matched, Matched::Route(route, _) if route.is_probe());
        if !is_probe {
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
}

impl Key {
    fn of(client: Client) -> Self {
        match client {
            Client::Process { user, .. } => Self::User(user),
            Client::Address(address) => Self::Address(match address.ip().to_canonical() {
                IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
                address => address,
            }),
        }
    }
}

/// The buckets of all clients.
pub(crate) struct RateLimits {
    quota: Quota,
    clock: DefaultClock,
    buckets: Cache<Key, Arc<DefaultDirectRateLimiter>>,
}

impl RateLimits {
    pub(crate) fn new(limit: RateLimit) -> Self {
        Self {
            quota: Quota::per_second(limit.requests_per_second).allow_burst(limit.burst),
            clock: DefaultClock::default(),
            buckets: Cache::new(MAX_CLIENTS),
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
    fn a_network_of_version_6_is_one_client() {
        assert_eq!(key("[2001:db8::1]:1"), key("[2001:db8::ffff:1:2:3]:9"));
        assert_ne!(key("[2001:db8::1]:1"), key("[2001:db8:0:1::1]:1"));
        assert_eq!(key("[::ffff:10.0.0.1]:1"), key("10.0.0.1:1"));
    }
}
