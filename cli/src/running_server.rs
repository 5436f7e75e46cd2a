//! A server that has the online store open, and handing work to it.
//!
//! It leaves its address in the directory of the store. Another server may listen there by now, so requests name the store.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use feast_engine::{FeatureStore, MaterializeRange, MaterializeRequest};
use serde_json::{Value, json};

use crate::output::Failure;

const CONNECT_TIME: Duration = Duration::from_secs(5);

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
        let path = file(store);
        let text = format!(
            "{}\n{}\n",
            SocketAddr::new(reachable, bound.port()),
            store.online_store_identity()?
        );
        std::fs::write(&path, text)
            .map_err(|source| Failure::new(format!("cannot write {}: {source}", path.display())))?;
        Ok(Self(path))
    }
}

impl Drop for PostedAddress {
    fn drop(&mut self) {
        // One that stays behind is found out by whoever uses it.
        let _ = std::fs::remove_file(&self.0);
    }
}

fn file(store: &FeatureStore) -> PathBuf {
    Path::new(&store.config().online_store_path).join("SERVER")
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

    /// Has the server materialize, and waits until it has. `None` when no server of this store answers.
    ///
    /// # Errors
    /// What the server says.
    pub(crate) fn materialize(&self, request: &MaterializeRequest) -> Option<Result<(), Failure>> {
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
        let (status, answer) = self.post(path, &body.to_string()).ok()??;
        match status {
            200 => Some(Ok(())),
            // Of another store: this one's server is gone.
            409 => None,
            _ => {
                let text = serde_json::from_str::<Value>(&answer).ok();
                let text = text.and_then(|text| text.as_str().map(str::to_owned)).unwrap_or(answer);
                Some(Err(Failure::new(format!(
                    "the server at http://{} says: {text}",
                    self.address
                ))))
            }
        }
    }

    /// Status and body of the answer; `None` when it is no HTTP.
    fn post(&self, path: &str, body: &str) -> std::io::Result<Option<(u16, String)>> {
        let mut stream = TcpStream::connect_timeout(&self.address, CONNECT_TIME)?;
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-type: application/json\r\n\
             x-feast-store: {}\r\ncontent-length: {}\r\n\r\n",
            self.address,
            self.store,
            body.len()
        );
        stream.write_all(head.as_bytes())?;
        stream.write_all(body.as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let parts = answer.split_once("\r\n\r\n").and_then(|(head, body)| {
            let status = head.split(' ').nth(1)?.parse().ok()?;
            Some((status, body.to_owned()))
        });
        Ok(parts)
    }
}
