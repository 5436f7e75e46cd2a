//! A server that has the online store open, and handing work to it.
//!
//! It leaves its address in the directory of the store. Another server may listen there by now, so it is asked first which
//! store it has.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use feast_engine::{FeatureStore, MaterializeRange, MaterializeRequest};
use serde_json::{Value, json};

use crate::output::Failure;

const CONNECT_TIME: Duration = Duration::from_secs(5);
/// In the directory of the store.
const FILE: &str = "SERVER";
const STORE_HEADER: &str = "x-feast-store";

/// The address of this process, while it serves.
pub(crate) struct PostedAddress(PathBuf);

impl PostedAddress {
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn post(store: &FeatureStore, bound: SocketAddr) -> Result<Self, Failure> {
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
        store.write_beside_online_store(FILE, text.as_bytes())?;
        Ok(Self(file(store)))
    }
}

impl Drop for PostedAddress {
    fn drop(&mut self) {
        // One that stays behind is found out by whoever uses it.
        let _ = std::fs::remove_file(&self.0);
    }
}

fn file(store: &FeatureStore) -> PathBuf {
    store.config().online_store.directory().join(FILE)
}

/// A server as it is known from its file.
pub(crate) struct RunningServer {
    address: SocketAddr,
    store: String,
}

impl RunningServer {
    /// The server of a store, if one says that it has it open.
    pub(crate) fn of(store: &FeatureStore) -> Option<Self> {
        let text = std::fs::read_to_string(file(store)).ok()?;
        let (address, store) = text.trim().split_once('\n')?;
        Some(Self {
            address: address.parse().ok()?,
            store: store.to_owned(),
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether the server of this store answers there.
    pub(crate) fn answers(&self) -> bool {
        let answer = self.send("GET", "/health", "", Some(CONNECT_TIME));
        let wanted = format!("{STORE_HEADER}: {}", self.store);
        answer.is_ok_and(|answer| {
            let head = answer.split("\r\n\r\n").next().unwrap_or_default();
            head.lines().any(|line| line.eq_ignore_ascii_case(&wanted))
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
        let answer = self
            .send("POST", path, &body.to_string(), None)
            .map_err(|source| says(&format!("does not answer any more: {source}")))?;
        let parts = answer.split_once("\r\n\r\n").and_then(|(head, body)| {
            let status: u16 = head.split(' ').nth(1)?.parse().ok()?;
            Some((status, body))
        });
        match parts {
            Some((200, _)) => Ok(()),
            Some((_, body)) => {
                let text = serde_json::from_str::<Value>(body).ok();
                let text = text.and_then(|text| text.as_str().map(str::to_owned));
                Err(says(&format!("says: {}", text.as_deref().unwrap_or(body))))
            }
            None => Err(says("has broken off")),
        }
    }

    /// The whole answer.
    fn send(&self, method: &str, path: &str, body: &str, patience: Option<Duration>) -> std::io::Result<String> {
        let mut stream = TcpStream::connect_timeout(&self.address, CONNECT_TIME)?;
        stream.set_read_timeout(patience)?;
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-type: application/json\r\n\
             {STORE_HEADER}: {}\r\ncontent-length: {}\r\n\r\n",
            self.address,
            self.store,
            body.len()
        );
        stream.write_all(head.as_bytes())?;
        stream.write_all(body.as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }
}
