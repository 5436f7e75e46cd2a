//! A server that has the online store open, and handing work to it.
//!
//! A server leaves its address in the directory of its store. Another server may listen there by now, so it is asked first which
//! store it has, and only then given work.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use feast_engine::{FeatureStore, MaterializeRange, MaterializeRequest};
use feast_server::STORE_HEADER;
use serde_json::{Value, json};
use ureq::config::Config;
use ureq::{Agent, Body};

use crate::output::Failure;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// For answers that take no work.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(5);
/// More than any answer to these requests: an error's message is cut at 16 KiB.
const MAX_RESPONSE_BYTES: u64 = 1 << 20;
/// In the directory of the store.
const FILE_NAME: &str = "SERVER";

/// The file with the address of this process, while it serves.
pub(crate) struct ServerLockfile(PathBuf);

impl ServerLockfile {
    /// Writes the address at which a server that listens on `bound` can be reached from this machine.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn create(store: &FeatureStore, bound: SocketAddr) -> Result<Self, Failure> {
        let reachable = match bound.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
            ip => ip,
        };
        let text = format!(
            "{}\n{}\n",
            SocketAddr::new(reachable, bound.port()),
            store.online_store_identity()?
        );
        store.write_beside_online_store(FILE_NAME, text.as_bytes())?;
        Ok(Self(path(store)))
    }
}

impl Drop for ServerLockfile {
    fn drop(&mut self) {
        // If it stays, whoever uses it finds out that no server of the store answers there.
        let _ = std::fs::remove_file(&self.0);
    }
}

fn path(store: &FeatureStore) -> PathBuf {
    store.config().online_store.directory().join(FILE_NAME)
}

/// A server as its file describes it.
pub(crate) struct RunningServer {
    address: SocketAddr,
    store: String,
    agent: Agent,
}

impl RunningServer {
    /// The server of a store, if there is the file of one that has it open.
    pub(crate) fn find(store: &FeatureStore) -> Option<Self> {
        let text = std::fs::read_to_string(path(store)).ok()?;
        let (address, store) = text.trim().split_once('\n')?;
        // Each request goes to this address on a connection of its own, whatever proxy the environment or redirect the answer names.
        let config = Config::builder()
            .proxy(None)
            .max_redirects(0)
            .max_idle_connections(0)
            .http_status_as_error(false)
            .user_agent(concat!("feast/", env!("CARGO_PKG_VERSION")))
            .timeout_connect(Some(CONNECT_TIMEOUT));
        Some(Self {
            address: address.parse().ok()?,
            store: store.to_owned(),
            agent: config.build().new_agent(),
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether the server of this store answers there.
    pub(crate) fn answers(&self) -> bool {
        let request = self
            .agent
            .get(self.url("/health"))
            .config()
            .timeout_recv_response(Some(HEALTH_TIMEOUT))
            .build();
        request.call().is_ok_and(|response| {
            let store = response.headers().get(STORE_HEADER);
            store.is_some_and(|store| store.as_bytes() == self.store.as_bytes())
        })
    }

    /// Has the server materialize, and waits until it has.
    ///
    /// # Errors
    /// What the server says, or that it does not answer any more.
    pub(crate) fn materialize(&self, request: &MaterializeRequest) -> Result<(), Failure> {
        let (path, body) = match request.range {
            MaterializeRange::Between { start, end } => (
                "/materialize",
                json!({"start_ts": start.to_string(), "end_ts": end.to_string(), "feature_views": request.views}),
            ),
            MaterializeRange::Until { end } => (
                "/materialize-incremental",
                json!({"end_ts": end.to_string(), "feature_views": request.views}),
            ),
        };
        let says = |text: &str| Failure::new(format!("the server at http://{} {text}", self.address));
        let (status, body) = self.post(path, &body).map_err(|error| match error {
            ureq::Error::Io(source) if source.kind() == ErrorKind::UnexpectedEof => says("has broken off"),
            ureq::Error::Io(source) => says(&format!("does not answer any more: {source}")),
            ureq::Error::Timeout(_) => says("does not answer any more"),
            other => says(&format!("has sent an answer that cannot be read: {other}")),
        })?;
        if status == 200 {
            return Ok(());
        }
        let message = serde_json::from_str::<Value>(&body).ok();
        let message = message.as_ref().and_then(Value::as_str);
        Err(says(&format!("says: {}", message.unwrap_or(&body))))
    }

    /// The status and the body of the answer. There is no limit to the time it may take.
    fn post(&self, path: &str, body: &Value) -> Result<(u16, String), ureq::Error> {
        let request = self
            .agent
            .post(self.url(path))
            .header(STORE_HEADER, &self.store)
            .content_type("application/json");
        let mut response = request.send(body.to_string())?;
        let body = Body::with_config(response.body_mut()).limit(MAX_RESPONSE_BYTES);
        let body = body.read_to_string()?;
        Ok((response.status().as_u16(), body))
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}
