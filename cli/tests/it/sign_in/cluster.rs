//! The API of a Kubernetes cluster on loopback, with TLS: reviews of tokens, and role bindings.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use feast_fixtures::RedisCertificates;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

use super::provider::read_head;
use crate::support::{Repository, Server};

const OWN_TOKEN: &str = "the-servers-own-token";

pub(super) struct Cluster {
    port: u16,
    certificates: RedisCertificates,
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    data: Value,
    /// Paths that were asked for.
    pub(super) requests: Mutex<Vec<String>>,
    pub(super) reviews: AtomicUsize,
    pub(super) is_away: AtomicBool,
    /// The server has no right to read role bindings.
    pub(super) hides_bindings: AtomicBool,
}

impl Cluster {
    pub(super) fn start() -> Self {
        let certificates = RedisCertificates::new();
        // What a pod has of its service account.
        std::fs::write(certificates.path("token"), OWN_TOKEN).unwrap();
        std::fs::write(certificates.path("namespace"), "feast-system\n").unwrap();
        let chain = vec![CertificateDer::from_pem_file(certificates.path("server.crt")).unwrap()];
        let key = PrivateKeyDer::from_pem_file(certificates.path("server.key")).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            data: serde_json::from_str(feast_fixtures::CLUSTER).unwrap(),
            requests: Mutex::default(),
            reviews: AtomicUsize::new(0),
            is_away: AtomicBool::new(false),
            hides_bindings: AtomicBool::new(false),
        });
        let cluster = Self {
            port,
            certificates,
            shared: Arc::clone(&shared),
        };
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (shared, config) = (Arc::clone(&shared), Arc::clone(&config));
                std::thread::spawn(move || answer(stream.unwrap(), config, &shared));
            }
        });
        cluster
    }

    /// The settings of where the server has what it needs to ask.
    pub(super) fn serving(&self) -> String {
        format!(
            "serving: {{service_account_path: \"{}\"}}",
            self.certificates.directory().display()
        )
    }

    /// A server that believes to be in this cluster.
    pub(super) fn serve(&self, repository: &Repository) -> Server {
        Server::start(self.command(repository))
    }

    pub(super) fn command(&self, repository: &Repository) -> Command {
        let mut command = repository.command(&["serve", "--port", "0"]);
        command.env("KUBERNETES_SERVICE_HOST", "127.0.0.1");
        command.env("KUBERNETES_SERVICE_PORT", self.port.to_string());
        command
    }
}

fn answer(stream: TcpStream, config: Arc<ServerConfig>, shared: &Shared) {
    if shared.is_away.load(Ordering::SeqCst) {
        return;
    }
    let mut stream = StreamOwned::new(ServerConnection::new(config).unwrap(), stream);
    let head = read_head(&mut stream).to_ascii_lowercase();
    let Some(path) = head.split(' ').nth(1).map(str::to_owned) else {
        return;
    };
    let length = head
        .split("content-length: ")
        .nth(1)
        .and_then(|rest| rest.split('\r').next());
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body).unwrap();
    shared.requests.lock().unwrap().push(path.clone());
    let is_known = head.contains(&format!("authorization: bearer {OWN_TOKEN}"));
    let (status, body) = match path.rsplit('/').next().unwrap() {
        _ if !is_known => (401, json!({"kind": "Status", "code": 401})),
        "tokenreviews" => {
            shared.reviews.fetch_add(1, Ordering::SeqCst);
            let token = serde_json::from_slice::<Value>(&body).unwrap()["spec"]["token"]
                .as_str()
                .unwrap()
                .to_owned();
            (
                201,
                json!({"kind": "TokenReview", "status": review(&shared.data["reviews"], &token)}),
            )
        }
        _ if shared.hides_bindings.load(Ordering::SeqCst) => (403, json!({"kind": "Status", "code": 403})),
        "rolebindings" => {
            let namespace = path
                .split("/namespaces/")
                .nth(1)
                .map(|rest| rest.split('/').next().unwrap());
            let all = shared.data["role_bindings"].as_array().unwrap().iter();
            let items: Vec<&Value> = all
                .filter(|binding| namespace.is_none_or(|namespace| binding["metadata"]["namespace"] == namespace))
                .collect();
            (200, json!({"kind": "RoleBindingList", "items": items}))
        }
        "clusterrolebindings" => (200, json!({"items": shared.data["cluster_role_bindings"]})),
        _ => (404, json!({"kind": "Status", "code": 404})),
    };
    let body = body.to_string();
    let head = format!(
        "HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
    stream.conn.send_close_notify();
    let _ = stream.flush();
}

/// By the token itself, or by whom it says that it is of: here nobody checks signatures but the cluster, and it accepts none that is
/// forged.
fn review(reviews: &Value, token: &str) -> Value {
    let claims = token
        .split('.')
        .nth(1)
        .and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
    let claims = claims.and_then(|claims| serde_json::from_slice::<Value>(&claims).ok());
    let subject = claims.as_ref().and_then(|claims| claims["sub"].as_str());
    let known = reviews.get(token).or_else(|| reviews.get(subject?));
    known
        .cloned()
        .unwrap_or_else(|| json!({"authenticated": false, "error": "[invalid bearer token]"}))
}
