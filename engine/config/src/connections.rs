//! What of the block `serving` is about connections: how long they may take for what, and how often a client may ask.

use std::num::NonZeroU32;
use std::time::Duration;

use feast_model::error::{Error, Result};
use serde_json::Value;

use super::block::{flag_at, number_at};
use super::keys::check_keys;
use super::settings::RATE_LIMIT;

/// A day.
const MAX_SECONDS: u64 = 86_400;

/// How a server deals with its connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionConfig {
    /// How long the head of a request, or a TLS handshake, may take (`serving.header_timeout_seconds`).
    pub head_timeout: Duration,
    /// How long the body of a request may take (`serving.body_timeout_seconds`).
    pub body_timeout: Duration,
    /// After that a connection is closed with its next answer (`serving.connection_lifetime_seconds`); never when `None`.
    pub lifetime: Option<Duration>,
    /// HTTP/2 is also spoken without TLS (`serving.http2`).
    pub http2_in_clear: bool,
    /// How often one client may ask (`serving.rate_limit`).
    pub rate_limit: Option<RateLimit>,
}

/// A bucket of tokens: a request takes one, and it is filled again at a rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// Tokens that come back each second.
    pub requests_per_second: NonZeroU32,
    /// What the bucket holds.
    pub burst: NonZeroU32,
}

impl Default for ConnectionConfig {
    fn default() -> Self {
        Self {
            head_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(300),
            lifetime: Some(Duration::from_secs(3600)),
            http2_in_clear: false,
            rate_limit: None,
        }
    }
}

pub(super) fn connections(root: &Value) -> Result<ConnectionConfig> {
    let default = ConnectionConfig::default();
    Ok(ConnectionConfig {
        head_timeout: seconds_at(root, "header_timeout_seconds", 1)?.unwrap_or(default.head_timeout),
        body_timeout: seconds_at(root, "body_timeout_seconds", 1)?.unwrap_or(default.body_timeout),
        lifetime: match seconds_at(root, "connection_lifetime_seconds", 0)? {
            Some(Duration::ZERO) => None,
            Some(lifetime) => Some(lifetime),
            None => default.lifetime,
        },
        http2_in_clear: flag_at(root, "serving", "http2")?,
        rate_limit: rate_limit(root)?,
    })
}

fn seconds_at(root: &Value, key: &str, least: u64) -> Result<Option<Duration>> {
    match number_at(root, "serving", key, least)? {
        Some(seconds) if seconds > MAX_SECONDS => Err(Error::invalid(format!(
            "serving.{key} must be at most {MAX_SECONDS}, not {seconds}"
        ))),
        seconds => Ok(seconds.map(Duration::from_secs)),
    }
}

fn rate_limit(root: &Value) -> Result<Option<RateLimit>> {
    let block = match root.get("serving").and_then(|serving| serving.get("rate_limit")) {
        None | Some(Value::Null) => return Ok(None),
        Some(block @ Value::Object(_)) => block,
        Some(other) => {
            return Err(
                Error::invalid(format!("serving.rate_limit must be a mapping, not {other}"))
                    .with_hint("write rate_limit: {requests_per_second: 100, burst: 200}"),
            );
        }
    };
    check_keys("serving.rate_limit", block, &[&RATE_LIMIT])?;
    let number = |key: &str| match block.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value
            .as_u64()
            .and_then(|number| u32::try_from(number).ok())
            .and_then(NonZeroU32::new)
            .map(Some)
            .ok_or_else(|| {
                Error::invalid(format!(
                    "serving.rate_limit.{key} must be a whole number from 1 to {}, not {value}",
                    u32::MAX
                ))
            }),
    };
    let Some(requests_per_second) = number("requests_per_second")? else {
        return Err(Error::invalid("serving.rate_limit has no requests_per_second"));
    };
    Ok(Some(RateLimit {
        requests_per_second,
        burst: number("burst")?.unwrap_or(requests_per_second),
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(serving: Value) -> Result<ConnectionConfig> {
        connections(&json!({ "serving": serving }))
    }

    #[test]
    fn settings_are_read() {
        assert_eq!(read(Value::Null).unwrap(), ConnectionConfig::default());
        let given = read(json!({
            "header_timeout_seconds": 2,
            "body_timeout_seconds": 3,
            "connection_lifetime_seconds": 0,
            "http2": true,
            "rate_limit": {"requests_per_second": 10},
        }));
        let ten = NonZeroU32::new(10).unwrap();
        assert_eq!(
            given.unwrap(),
            ConnectionConfig {
                head_timeout: Duration::from_secs(2),
                body_timeout: Duration::from_secs(3),
                lifetime: None,
                http2_in_clear: true,
                rate_limit: Some(RateLimit {
                    requests_per_second: ten,
                    burst: ten,
                }),
            }
        );
    }

    #[test]
    fn settings_that_mean_nothing_are_named() {
        let refused = |serving: Value, expected: &str| {
            assert_eq!(read(serving).unwrap_err().to_string(), expected);
        };
        refused(
            json!({"header_timeout_seconds": 0}),
            "serving.header_timeout_seconds must be a whole number of at least 1, not 0",
        );
        refused(
            json!({"body_timeout_seconds": 86_401}),
            "serving.body_timeout_seconds must be at most 86400, not 86401",
        );
        refused(json!({"rate_limit": 5}), "serving.rate_limit must be a mapping, not 5");
        refused(
            json!({"rate_limit": {"burst": 5}}),
            "serving.rate_limit has no requests_per_second",
        );
        refused(
            json!({"rate_limit": {"requests_per_second": 0}}),
            "serving.rate_limit.requests_per_second must be a whole number from 1 to 4294967295, not 0",
        );
    }
}
