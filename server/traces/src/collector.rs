//! The collector: where it is, and how it is asked.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use feast_config::{TracesConfig, has_login};
use feast_http_client::http::{Request, Response};
use feast_http_client::{Client, Trust};
use feast_model::error::{Error, Result};
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{
    OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_PROTOCOL, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT,
    OTEL_EXPORTER_OTLP_TRACES_PROTOCOL, SpanExporter, WithExportConfig, WithHttpConfig,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanExporter as _;
use parking_lot::Mutex;

/// What the environment calls the protocol of this crate.
const PROTOCOL: &str = "http/protobuf";
/// Where OTLP has spans, below the address of a collector.
const PATH: &str = "/v1/traces";
const DEFAULT_ENDPOINT: &str = "http://localhost:4318";
/// Of one request. Retries are the exporter's, within its own 10 s.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Of the process among all that are traced, unless `OTEL_SERVICE_NAME` or `OTEL_RESOURCE_ATTRIBUTES` name it.
const SERVICE_NAME: &str = "feast";

/// The whole address: that of the settings, else that of the environment, else this machine.
///
/// # Errors
/// `Invalid` when the environment asks for another protocol, or the address has a password in it, which would be in the log.
pub(crate) fn endpoint(config: &TracesConfig, variable: impl Fn(&str) -> Option<String>) -> Result<String> {
    let variable = |name| variable(name).filter(|value| !value.is_empty());
    for name in [OTEL_EXPORTER_OTLP_TRACES_PROTOCOL, OTEL_EXPORTER_OTLP_PROTOCOL] {
        match variable(name) {
            Some(protocol) if protocol != PROTOCOL => {
                return Err(
                    Error::invalid(format!("{name} is {protocol:?}, but spans are sent by {PROTOCOL} only")).with_hint(
                        "collectors take it on port 4318: set serving.traces.endpoint to it, and take the variable out",
                    ),
                );
            }
            Some(_) => break,
            None => {}
        }
    }
    let below = |base: &str| {
        let base = base.trim_end_matches('/');
        if base.ends_with(PATH) {
            base.to_owned()
        } else {
            format!("{base}{PATH}")
        }
    };
    let endpoint = match &config.endpoint {
        Some(endpoint) => below(endpoint),
        // As it is, by the specification.
        None => variable(OTEL_EXPORTER_OTLP_TRACES_ENDPOINT).unwrap_or_else(|| {
            let base = variable(OTEL_EXPORTER_OTLP_ENDPOINT);
            below(base.as_deref().unwrap_or(DEFAULT_ENDPOINT))
        }),
    };
    if has_login(&endpoint) {
        return Err(
            Error::invalid("the address of the collector has a user or a password in it")
                .with_hint("name the header that signs in to the collector in OTEL_EXPORTER_OTLP_HEADERS"),
        );
    }
    Ok(endpoint)
}

/// Why the collector could not be asked the last time: the exporter says no more than that there was a problem with the network.
#[derive(Debug, Clone, Default)]
pub(crate) struct LastProblem(Arc<Mutex<Option<String>>>);

impl LastProblem {
    pub(crate) fn take(&self) -> Option<String> {
        self.0.lock().take()
    }
}

/// What sends spans there. Headers, such as those that sign in, come from the environment (`OTEL_EXPORTER_OTLP_HEADERS`).
///
/// # Errors
/// `Invalid` when the address or the file of authorities cannot be used.
pub(crate) fn exporter(config: &TracesConfig, endpoint: &str, problem: &LastProblem) -> Result<SpanExporter> {
    let trust = config.authorities.as_deref().map_or(Trust::System, Trust::File);
    let collector = Collector {
        client: Client::new(&trust, TIMEOUT, true)?,
        problem: problem.clone(),
    };
    let builder = SpanExporter::builder()
        .with_http()
        .with_http_client(collector)
        .with_endpoint(endpoint);
    let mut exporter = builder
        .build()
        .map_err(|source| Error::invalid(format!("spans cannot be sent to {endpoint}: {source}")))?;
    exporter.set_resource(&resource(std::env::var("OTEL_SERVICE_NAME").is_ok()));
    Ok(exporter)
}

fn resource(is_named: bool) -> Resource {
    let of_environment = Resource::builder();
    let named_by_attribute = std::env::var("OTEL_RESOURCE_ATTRIBUTES").is_ok_and(|all| all.contains("service.name="));
    if is_named || named_by_attribute {
        return of_environment.build();
    }
    of_environment.with_service_name(SERVICE_NAME).build()
}

/// The client of the exporter, which is polled on the thread that sends: it may block.
#[derive(Debug)]
struct Collector {
    client: Client,
    problem: LastProblem,
}

#[async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> std::result::Result<Response<Bytes>, HttpError> {
        self.client.send(request).map_err(|problem| {
            *self.problem.0.lock() = Some(problem.clone());
            problem.into()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(setting: Option<&str>, variables: &[(&str, &str)], expected: &str) {
        let yaml = setting.map_or_else(|| "{}".to_owned(), |endpoint| format!("{{endpoint: '{endpoint}'}}"));
        let text = format!("project: shop\nregistry: registry.db\nserving: {{traces: {yaml}}}");
        let config = feast_config::RepositoryConfig::parse(&text, std::path::Path::new("/")).unwrap();
        let variable = |name: &str| {
            let found = variables.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let answer = endpoint(&config.traces.unwrap(), variable).unwrap_or_else(|error| error.to_string());
        assert_eq!(answer, expected, "{setting:?} {variables:?}");
    }

    #[test]
    fn settings_come_before_the_environment() {
        check(None, &[], "http://localhost:4318/v1/traces");
        check(
            Some("http://c:4318/"),
            &[(OTEL_EXPORTER_OTLP_ENDPOINT, "http://d")],
            "http://c:4318/v1/traces",
        );
        check(Some("https://c/otlp/v1/traces"), &[], "https://c/otlp/v1/traces");
        check(
            None,
            &[(OTEL_EXPORTER_OTLP_ENDPOINT, "http://d:1/")],
            "http://d:1/v1/traces",
        );
        check(
            None,
            &[
                (OTEL_EXPORTER_OTLP_ENDPOINT, "http://d:1"),
                (OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, "http://e/spans"),
            ],
            "http://e/spans",
        );
        check(
            None,
            &[(OTEL_EXPORTER_OTLP_ENDPOINT, "")],
            "http://localhost:4318/v1/traces",
        );
        check(
            None,
            &[(OTEL_EXPORTER_OTLP_PROTOCOL, "http/protobuf")],
            "http://localhost:4318/v1/traces",
        );
        check(
            None,
            &[(OTEL_EXPORTER_OTLP_ENDPOINT, "http://user:word@d:1")],
            "the address of the collector has a user or a password in it",
        );
        check(
            None,
            &[(OTEL_EXPORTER_OTLP_PROTOCOL, "grpc")],
            "OTEL_EXPORTER_OTLP_PROTOCOL is \"grpc\", but spans are sent by http/protobuf only",
        );
    }
}
