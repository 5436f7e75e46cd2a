//! An OpenID provider on loopback: it says where its keys are, and which they are. It can be away, slow, or have other keys.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

pub(super) struct Provider {
    pub(super) address: String,
    shared: Arc<Shared>,
}

struct Shared {
    behaviour: Mutex<Behaviour>,
    /// How often the keys were asked for.
    fetches: AtomicUsize,
}

/// What it does.
#[derive(Clone)]
struct Behaviour {
    keys: Value,
    is_away: bool,
    delay: Duration,
}

impl Provider {
    /// One with all keys of the fixtures that are published.
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let shared = Arc::new(Shared {
            behaviour: Mutex::new(Behaviour {
                keys: published_keys(),
                is_away: false,
                delay: Duration::ZERO,
            }),
            fetches: AtomicUsize::new(0),
        });
        let provider = Self {
            address: address.clone(),
            shared: Arc::clone(&shared),
        };
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (shared, address) = (Arc::clone(&shared), address.clone());
                std::thread::spawn(move || answer(stream.unwrap(), &shared, &address));
            }
        });
        provider
    }

    /// The settings of a server that accepts its tokens, and more of them.
    pub(super) fn auth(&self, more: &str) -> String {
        format!(
            "auth: {{type: oidc, auth_discovery_url: \"http://{}/.well-known/openid-configuration\"{more}}}",
            self.address
        )
    }

    pub(super) fn go_away(&self, is_away: bool) {
        self.shared.behaviour.lock().unwrap().is_away = is_away;
    }

    pub(super) fn be_slow(&self, delay: Duration) {
        self.shared.behaviour.lock().unwrap().delay = delay;
    }

    /// Publishes only the keys of these names.
    pub(super) fn publish(&self, names: &[&str]) {
        let all = published_keys();
        let keys = all["keys"].as_array().unwrap().iter();
        let keys: Vec<&Value> = keys
            .filter(|key| names.contains(&key["kid"].as_str().unwrap()))
            .collect();
        self.shared.behaviour.lock().unwrap().keys = json!({ "keys": keys });
    }

    /// Publishes these keys, as they are.
    pub(super) fn publish_as(&self, keys: Value) {
        self.shared.behaviour.lock().unwrap().keys = keys;
    }

    /// How often its keys were asked for.
    pub(super) fn fetches(&self) -> usize {
        self.shared.fetches.load(Ordering::SeqCst)
    }
}

pub(super) fn published_keys() -> Value {
    serde_json::from_str(feast_fixtures::PROVIDER_KEYS).unwrap()
}

fn answer(mut stream: TcpStream, shared: &Shared, address: &str) {
    let request = read_head(&mut stream);
    let behaviour = shared.behaviour.lock().unwrap().clone();
    if request.contains("/certs") {
        shared.fetches.fetch_add(1, Ordering::SeqCst);
    }
    if behaviour.is_away {
        // The connection ends without an answer.
        return;
    }
    std::thread::sleep(behaviour.delay);
    let body = if request.contains("/certs") {
        behaviour.keys
    } else {
        json!({
            // As in the recorded tokens.
            "issuer": "http://127.0.0.1:18085/realms/golden",
            "jwks_uri": format!("http://{address}/certs"),
        })
    };
    let body = body.to_string();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    // A server that does not wait any more is gone.
    let _ = stream.write_all(format!("{head}{body}").as_bytes());
}

/// The head of a request.
pub(super) fn read_head(stream: &mut impl Read) -> String {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read == 1) {
        bytes.push(byte[0]);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
