//! HTTP/2, frame by frame: where it is spoken, and clients that take no answers.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::json;

use super::{connect_and_send, repository, rest};
use crate::support::eventually;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const GO_AWAY: u8 = 7;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// A header as HPACK writes one that it does not remember.
fn header(name: &str, value: &str) -> Vec<u8> {
    let mut bytes = vec![0];
    for text in [name, value] {
        bytes.push(u8::try_from(text.len()).unwrap());
        bytes.extend(text.as_bytes());
    }
    bytes
}

fn headers(method: &str, path: &str) -> Vec<u8> {
    [
        (":method", method),
        (":scheme", "http"),
        (":authority", "x"),
        (":path", path),
    ]
    .into_iter()
    .flat_map(|(name, value)| header(name, value))
    .collect()
}

/// The kind and the payload of the next frame.
fn next_frame(stream: &mut TcpStream) -> (u8, Vec<u8>) {
    let mut head = [0; 9];
    stream.read_exact(&mut head).unwrap();
    let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
    stream.read_exact(&mut payload).unwrap();
    assert_ne!(head[3], GO_AWAY, "{payload:?}");
    (head[3], payload)
}

#[test]
fn without_tls_it_is_spoken_only_if_asked_for() {
    let repository = repository("");
    let server = repository.serve();
    let hello = [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat();
    let answer = rest(&mut connect_and_send(&server, &hello));
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    drop(server);

    let (_repository, server) = super::repository("http2: true").serve_and_keep();
    let get = frame(HEADERS, END_HEADERS | END_STREAM, 1, &headers("GET", "/health"));
    let mut stream = connect_and_send(&server, &[hello, get].concat());
    while next_frame(&mut stream).0 != HEADERS {}
    assert_eq!(server.send("GET", "/health", &[], "").status, 200, "HTTP/1.1 goes on");
}

/// The answers that it does not take are in the memory that all requests share.
#[test]
fn a_client_that_gives_no_credit_loses_its_connection() {
    let repository = repository("http2: true, max_memory_mib: 1, send_timeout_seconds: 1");
    repository.succeed(&["materialize-incremental", "2100-01-01T00:00:00"]);
    let server = repository.serve();
    let body = json!({
        "features": ["driver_hourly_stats:conv_rate"],
        "entities": { "driver_id": vec![1001; 10_000] },
    });
    let body = body.to_string();
    assert!(body.len() < 65_535, "more may not be sent before the server says so");
    // SETTINGS_INITIAL_WINDOW_SIZE = 0.
    let settings = frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]);
    let mut hello = [PREFACE, &settings].concat();
    hello.extend(frame(HEADERS, END_HEADERS, 1, &headers("POST", "/get-online-features")));
    let pieces: Vec<&[u8]> = body.as_bytes().chunks(16_000).collect();
    for (index, piece) in pieces.iter().enumerate() {
        let flags = if index + 1 == pieces.len() { END_STREAM } else { 0 };
        hello.extend(frame(DATA, flags, 1, piece));
    }
    let mut stalled = connect_and_send(&server, &hello);
    while next_frame(&mut stalled).0 != HEADERS {}
    let padded =
        " ".repeat(900 << 10) + r#"{"features":["driver_hourly_stats:conv_rate"],"entities":{"driver_id":[1001]}}"#;
    assert_eq!(
        server.post("/get-online-features", &padded).status,
        503,
        "its answer is in memory"
    );
    eventually("the memory is free again", || {
        // It is not enough to go on talking.
        let _ = stalled.try_clone().unwrap().write_all(&frame(6, 0, 0, &[0; 8]));
        server.post("/get-online-features", &padded).status == 200
    });
    rest(&mut stalled);
}
