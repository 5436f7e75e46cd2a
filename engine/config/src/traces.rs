//! The block `serving.traces`: spans of requests for a collector of OpenTelemetry.

use std::path::{Path, PathBuf};

use feast_model::error::{Error, Result};
use serde_json::Value;

use super::block::{has_login, path_at, string_at};
use super::keys::check_keys;
use super::settings::TRACES;

const BLOCK: &str = "serving.traces";

/// One of a hundred: what all requests would send is more than most collectors take.
const DEFAULT_SAMPLE_RATE: f64 = 0.01;

/// Which requests are traced, and where their spans go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TracesConfig {
    /// The base of the collector's address (`endpoint`). `None`: what the environment says, or this machine.
    pub endpoint: Option<String>,
    /// The share of the requests that belong to no trace yet (`sample_rate`). Others are traced if their trace is.
    pub sample_rate: SampleRate,
    /// The authorities that sign the collector's certificate (`ca_cert_path`); those of the system when `None`.
    pub authorities: Option<PathBuf>,
}

/// A share of requests, 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SampleRate(f64);

// It is a number.
impl Eq for SampleRate {}

impl SampleRate {
    /// The share.
    pub fn share(self) -> f64 {
        self.0
    }
}

pub(super) fn traces(root: &Value, base: &Path) -> Result<Option<TracesConfig>> {
    let block = match root.get("serving").and_then(|serving| serving.get("traces")) {
        None | Some(Value::Null) => return Ok(None),
        Some(block @ Value::Object(_)) => block,
        Some(other) => return Err(Error::invalid(format!("{BLOCK} must be a mapping, not {other}"))),
    };
    check_keys(BLOCK, block, &[&TRACES])?;
    let endpoint = string_at(block, BLOCK, "endpoint")?;
    if let Some(endpoint) = endpoint.filter(|endpoint| !is_http(endpoint)) {
        return Err(
            Error::invalid(format!("{BLOCK}.endpoint {endpoint:?} is not an address"))
                .with_hint("write the one at which the collector takes OTLP over HTTP, such as http://collector:4318"),
        );
    }
    if endpoint.is_some_and(has_login) {
        return Err(
            Error::invalid(format!("{BLOCK}.endpoint has a user or a password in it"))
                .with_hint("name the header that signs in to the collector in OTEL_EXPORTER_OTLP_HEADERS"),
        );
    }
    Ok(Some(TracesConfig {
        endpoint: endpoint.map(|endpoint| endpoint.trim_end_matches('/').to_owned()),
        sample_rate: sample_rate(block)?,
        authorities: path_at(block, BLOCK, "ca_cert_path")?.map(|path| base.join(path)),
    }))
}

fn is_http(endpoint: &str) -> bool {
    let host = endpoint
        .strip_prefix("http://")
        .or_else(|| endpoint.strip_prefix("https://"));
    // The path of the signal is added at the end.
    let is_part = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#');
    host.is_some_and(|host| !host.is_empty() && host.bytes().all(is_part))
}

fn sample_rate(block: &Value) -> Result<SampleRate> {
    let share = match block.get("sample_rate") {
        None | Some(Value::Null) => Some(DEFAULT_SAMPLE_RATE),
        Some(value) => value.as_f64().filter(|share| (0.0..=1.0).contains(share)),
    };
    share.map(SampleRate).ok_or_else(|| {
        Error::invalid(format!(
            "{BLOCK}.sample_rate must be a number from 0 to 1, not {}",
            block["sample_rate"]
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse_yaml;

    fn check(block: &str, expected: &str) {
        let root = parse_yaml(&format!("serving: {{traces: {block}}}")).unwrap();
        let answer = match traces(&root, Path::new("/shop")) {
            Ok(config) => format!(
                "{:?}",
                config.map(|config| (config.endpoint, config.sample_rate.share(), config.authorities))
            ),
            Err(error) => error.to_string(),
        };
        assert_eq!(answer, expected, "{block}");
    }

    #[test]
    fn the_block_is_read_and_what_is_wrong_is_named() {
        check("null", "None");
        check("{}", "Some((None, 0.01, None))");
        check(
            "{endpoint: 'https://collector:4318/', sample_rate: 1, ca_cert_path: ca.pem}",
            r#"Some((Some("https://collector:4318"), 1.0, Some("/shop/ca.pem")))"#,
        );
        check("true", "serving.traces must be a mapping, not true");
        check(
            "{sample_rates: 1}",
            "serving.traces.sample_rates is not known: did you mean sample_rate?",
        );
        for wrong in ["1.5", "-0.1", "yes"] {
            let error = traces(
                &parse_yaml(&format!("serving: {{traces: {{sample_rate: {wrong}}}}}")).unwrap(),
                Path::new("/"),
            );
            let error = error.unwrap_err().to_string();
            assert!(
                error.starts_with("serving.traces.sample_rate must be a number from 0 to 1"),
                "{error}"
            );
        }
        check(
            "{endpoint: 'http://user:word@collector:4318'}",
            "serving.traces.endpoint has a user or a password in it",
        );
        for wrong in ["collector:4318", "grpc://collector", "'http://'", "'http://a b'"] {
            let root = parse_yaml(&format!("serving: {{traces: {{endpoint: {wrong}}}}}")).unwrap();
            let error = traces(&root, Path::new("/")).unwrap_err().to_string();
            assert!(error.ends_with("is not an address"), "{error}");
        }
    }
}
