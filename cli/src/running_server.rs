//! A server that has the online store open, and handing work to it.
//!
//! A server leaves its address in the directory of its store. Another server may listen there by now, so its store is checked
//! before it is given work. The only module that uses ureq.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use feast_engine::{FeatureStore, MaterializeRange, MaterializeRequest};
use feast_server::STORE_HEADER;
use serde_json::{Value, json};
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Body};

use crate::output::Failure;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// For the response to a request that takes no work.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(5);
/// More than any response to these requests: an error's message is cut at 16 KiB.
const MAX_RESPONSE_BYTES: u64 = 1 << 20;
/// In the directory of the store.
const FILE_NAME: &str = "SERVER";

/// The file with the address of this process, while it serves.
pub(crate) struct ServerLockfile(Option<PathBuf>);

impl ServerLockfile {
    /// Writes the address at which a server that listens on `bound` can be reached from this machine.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn create(store: &FeatureStore, bound: SocketAddr) -> Result<Self, Failure> {
        let contents = format!("{}\n{}\n", reachable(bound), store.online_store_identity()?);
        store.write_beside_online_store(FILE_NAME, contents.as_bytes())?;
        Ok(Self(path(store)))
    }
}

impl Drop for ServerLockfile {
    fn drop(&mut self) {
        // If it stays, a command that reads it finds out that no server of the store answers there.
        let _ = self.0.as_ref().map(std::fs::remove_file);
    }
}

/// The address for clients on this machine. A link-local one keeps its interface.
fn reachable(mut bound: SocketAddr) -> SocketAddr {
    match bound.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => bound.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => bound.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    bound
}

/// The address of every request, whatever its URL says. A URL cannot name the interface that a link-local address needs (`%eth0`).
#[derive(Debug)]
struct FixedAddress(SocketAddr);

// ureq may change this trait in a minor version, which Cargo.lock does not take by itself.
impl Resolver for FixedAddress {
    fn resolve(&self, _: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let mut addresses = self.empty();
        addresses.push(self.0);
        Ok(addresses)
    }
}

/// `None` for a store that many processes have open: none of them has to do the work of others.
fn path(store: &FeatureStore) -> Option<PathBuf> {
    let directory = store.config().online_store.directory()?;
    Some(directory.join(FILE_NAME))
}

/// A server as its file describes it.
pub(crate) struct RunningServer {
    address: SocketAddr,
    store: String,
    agent: Agent,
}

impl RunningServer {
    /// The server that has left its file beside a store.
    pub(crate) fn find(store: &FeatureStore) -> Option<Self> {
        let contents = std::fs::read_to_string(path(store)?).ok()?;
        let (address, store) = contents.trim().split_once('\n')?;
        let address = address.parse().ok()?;
        // Each request goes to this address on a connection of its own, whatever proxy the environment names or redirect the
        // response.
        let config = Config::builder()
            .proxy(None)
            .max_redirects(0)
            .max_idle_connections(0)
            .http_status_as_error(false)
            .user_agent(concat!("feast/", env!("CARGO_PKG_VERSION")))
            .timeout_connect(Some(CONNECT_TIMEOUT));
        Some(Self {
            address,
            store: store.to_owned(),
            agent: Agent::with_parts(config.build(), DefaultConnector::default(), FixedAddress(address)),
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
        let says = |what: &str| Failure::new(format!("the server at http://{} {what}", self.address));
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

    /// The status and the body of the response. A materialization takes as long as it takes, so there is no time limit.
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
        format!("http://{}{path}", without_interface(self.address))
    }
}

fn without_interface(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip(), address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_keep_their_interface_in_the_file_and_not_in_urls() {
        let check = |bound: &str, in_file: &str, in_url: &str| {
            let address = reachable(bound.parse().unwrap());
            assert_eq!(address.to_string(), in_file);
            assert_eq!(in_file.parse(), Ok(address));
            assert_eq!(without_interface(address).to_string(), in_url);
        };
        check("127.0.0.1:6566", "127.0.0.1:6566", "127.0.0.1:6566");
        check("0.0.0.0:6566", "127.0.0.1:6566", "127.0.0.1:6566");
        check("[::]:6566", "[::1]:6566", "[::1]:6566");
        check("[fe80::1%4]:6566", "[fe80::1%4]:6566", "[fe80::1]:6566");
    }
}
