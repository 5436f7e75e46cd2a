//! Requests of a server to others: blocking, within a time and a size, without following redirects.
//!
//! Knows nothing of what is asked: tokens, keys or traces. The only crate of the server that names ureq.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use feast_model::error::{Error, Result, path as error_path};
use rustls::crypto::ring::default_provider;
use serde_json::Value;
use ureq::Agent;
pub use ureq::http;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, TlsProvider, parse_pem};

/// Of a response. The bindings of a large cluster take some of it, keys of a provider a few KiB.
const MAX_RESPONSE_BYTES: u64 = 32 << 20;
const USER_AGENT: &str = concat!("feast/", env!("CARGO_PKG_VERSION"));

/// What asks.
#[derive(Debug, Clone)]
pub struct Client {
    agent: Agent,
}

/// Whom to believe that they are who they say.
pub enum Trust<'a> {
    /// Whoever the authorities of the system sign for.
    System,
    /// Whoever the authorities in this file sign for.
    File(&'a Path),
    /// Everybody.
    Anybody,
}

/// A response to a request for JSON.
pub enum Reply {
    /// That of a success.
    Json(Value),
    /// Another status than that of success.
    Status(u16),
}

impl Client {
    /// `timeout` is that of a whole request and its response. `uses_proxy`: that of the environment (`HTTPS_PROXY` and the like).
    ///
    /// # Errors
    /// `Invalid` when the file of authorities has none, `NotFound` or `Unavailable` when it cannot be read.
    pub fn new(trust: &Trust<'_>, timeout: Duration, uses_proxy: bool) -> Result<Self> {
        let roots = match trust {
            Trust::System => system_authorities(),
            Trust::File(path) => authorities_of(path)?,
            Trust::Anybody => Vec::new(),
        };
        let tls = TlsConfig::builder()
            .provider(TlsProvider::Rustls)
            .root_certs(RootCerts::Specific(Arc::new(roots)))
            .disable_verification(matches!(trust, Trust::Anybody))
            .unversioned_rustls_crypto_provider(Arc::new(default_provider()));
        let config = Agent::config_builder()
            .tls_config(tls.build())
            .timeout_global(Some(timeout))
            .max_redirects(0)
            .http_status_as_error(false)
            .user_agent(USER_AGENT);
        let config = if uses_proxy { config } else { config.proxy(None) };
        Ok(Self {
            agent: config.build().into(),
        })
    }

    /// Asks for JSON.
    ///
    /// # Errors
    /// Why there is no response that is JSON.
    pub fn get(&self, url: &str, bearer: Option<&str>) -> Result<Reply, String> {
        let mut request = self.agent.get(url).header("accept", "application/json");
        if let Some(bearer) = bearer {
            request = request.header("authorization", format!("Bearer {bearer}"));
        }
        read(request.call())
    }

    /// The status of a response, and its text.
    ///
    /// # Errors
    /// Why no response came, or that it is too large or no text.
    pub fn status(&self, url: &str) -> Result<(u16, String), String> {
        let mut response = self.agent.get(url).call().map_err(|error| error.to_string())?;
        let text = bytes_of(response.body_mut())?;
        let text = String::from_utf8(text).map_err(|_| "the response is no text".to_owned())?;
        Ok((response.status().as_u16(), text))
    }

    /// Sends JSON, and asks for JSON.
    ///
    /// # Errors
    /// Why there is no response that is JSON.
    pub fn post(&self, url: &str, bearer: &str, body: &Value) -> Result<Reply, String> {
        let request = self
            .agent
            .post(url)
            .header("accept", "application/json")
            .header("authorization", format!("Bearer {bearer}"))
            .content_type("application/json");
        read(request.send(body.to_string()))
    }

    /// Sends a request as it is.
    ///
    /// # Errors
    /// Why no response came. A response with an error status is not an error.
    pub fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, String> {
        let (head, body) = request.into_parts();
        let response = self.agent.run(http::Request::from_parts(head, body.as_ref()));
        let (head, mut body) = response.map_err(|error| error.to_string())?.into_parts();
        Ok(http::Response::from_parts(head, bytes_of(&mut body)?.into()))
    }
}

fn read(response: Result<http::Response<ureq::Body>, ureq::Error>) -> Result<Reply, String> {
    let mut response = response.map_err(|error| error.to_string())?;
    let status = response.status();
    if !status.is_success() {
        return Ok(Reply::Status(status.as_u16()));
    }
    let body = bytes_of(response.body_mut())?;
    let json = serde_json::from_slice(&body).map_err(|_| "the response is not JSON".to_owned())?;
    Ok(Reply::Json(json))
}

fn bytes_of(body: &mut ureq::Body) -> Result<Vec<u8>, String> {
    let body = body.with_config().limit(MAX_RESPONSE_BYTES).read_to_vec();
    body.map_err(|error| error.to_string())
}

/// Those that cannot be read are left out: each of them is one that nobody is believed by.
fn system_authorities() -> Vec<Certificate<'static>> {
    let found = rustls_native_certs::load_native_certs();
    found
        .certs
        .iter()
        .map(|der| Certificate::from_der(der).to_owned())
        .collect()
}

fn authorities_of(path: &Path) -> Result<Vec<Certificate<'static>>> {
    let pem = std::fs::read(path).map_err(|source| Error::io("read", path, source))?;
    let certificates = parse_pem(&pem).filter_map(|item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(certificate),
        _ => None,
    });
    let certificates: Vec<_> = certificates.collect();
    if certificates.is_empty() {
        return Err(Error::invalid(format!(
            "{} has no certificate in PEM",
            error_path(path)
        )));
    }
    Ok(certificates)
}
