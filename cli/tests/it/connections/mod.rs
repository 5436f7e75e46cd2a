//! Connections as attackers, load balancers and operators use them.

mod endings;
mod health;
mod http2;
mod limits;
pub(crate) mod places;

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::support::{Repository, Server};

const READ: &str = r#"{"features":["driver_hourly_stats:conv_rate"],"entities":{"driver_id":[1001]}}"#;
const PUSH: &str = r#"{"push_source_name":"driver_stats_push_source","to":"online","df":{"driver_id":[1001],"event_timestamp":["2026-05-13T10:59:42Z"],"created":["2026-05-13"],"conv_rate":[1.0],"acc_rate":[1.0],"avg_daily_trips":[777]}}"#;

/// A repository with rows, and these settings in its block `serving`.
fn repository(serving: &str) -> Repository {
    let repository = Repository::from_template();
    let settings = std::fs::read_to_string(repository.path.join("feature_store.yaml")).unwrap();
    repository.write("feature_store.yaml", &format!("{settings}\nserving: {{{serving}}}\n"));
    repository.succeed(&["apply"]);
    repository
}

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream
}

fn connect_and_send(server: &Server, bytes: &[u8]) -> TcpStream {
    let mut stream = connect(server);
    stream.write_all(bytes).unwrap();
    stream
}

/// Everything until the server closes the connection.
fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        Err(error) => panic!("{error}, after {}", String::from_utf8_lossy(&bytes)),
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Whether a connection is open, without waiting.
fn is_open(stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    let peeked = stream.peek(&mut [0]);
    stream.set_nonblocking(false).unwrap();
    matches!(peeked, Err(error) if error.kind() == ErrorKind::WouldBlock)
}

/// A response on a connection that may stay open: its head and its body.
fn response(stream: &mut TcpStream) -> (String, String) {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        bytes.push(byte[0]);
    }
    let head = String::from_utf8(bytes).unwrap().to_ascii_lowercase();
    let length = head.split("content-length: ").nth(1).unwrap();
    let length = length.split('\r').next().unwrap().parse().unwrap();
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    (head, String::from_utf8(body).unwrap())
}

const GET_HEALTH: &[u8] = b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n";
/// The head of a request whose body never comes.
const BODY_TO_COME: &[u8] = b"POST /get-online-features HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{";
