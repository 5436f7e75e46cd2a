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

#[test]
fn a_response_to_head_is_its_head() {
    let (_repository, server) = super::repository("http2: true").serve_and_keep();
    let settings = frame(SETTINGS, 0, 0, &[]);
    let head = frame(HEADERS, END_HEADERS | END_STREAM, 1, &headers("HEAD", "/health"));
    let get = frame(HEADERS, END_HEADERS | END_STREAM, 3, &headers("GET", "/none"));
    let mut stream = connect_and_send(&server, &[PREFACE, &settings, &head].concat());
    while next_frame(&mut stream).0 != HEADERS {}
    stream.write_all(&get).unwrap();
    // Of the second, and none before it.
    let next: Vec<u8> = std::iter::from_fn(|| Some(next_frame(&mut stream).0))
        .filter(|kind| [HEADERS, DATA].contains(kind))
        .take(2)
        .collect();
    assert_eq!(next, [HEADERS, DATA]);
}

/// A header that both sides remember takes a byte.
fn request_with_headers(stream: u32, count: usize) -> Vec<u8> {
    const REMEMBER: u8 = 0x40;
    const FIRST_REMEMBERED: u8 = 0x80 | 62;
    let mut head = headers("POST", "/push");
    let mut remembered = header("x", "");
    remembered[0] = REMEMBER;
    head.extend(remembered);
    head.extend(vec![FIRST_REMEMBERED; count]);
    frame(HEADERS, END_HEADERS, stream, &head)
}

/// The body of the next response, whatever stream it is of.
fn next_body(stream: &mut TcpStream) -> String {
    loop {
        let (kind, payload) = next_frame(stream);
        if kind == DATA {
            return String::from_utf8(payload).unwrap();
        }
    }
}

#[test]
fn heads_have_so_many_headers_and_count_as_memory() {
    let (_repository, server) = super::repository("http2: true, max_memory_mib: 1").serve_and_keep();
    let hello = [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat();
    let connect_with = |streams: std::ops::Range<u32>, count: usize| {
        let requests = streams.flat_map(|number| request_with_headers(2 * number + 1, count));
        connect_and_send(&server, &hello.iter().copied().chain(requests).collect::<Vec<_>>())
    };
    let mut large = connect_with(0..1, 200);
    assert_eq!(
        next_body(&mut large),
        r#"{"detail":"The request has more than 100 headers"}"#
    );
    // They wait for their bodies. A head takes 4 KiB and these headers, so a mebibyte is full long before.
    let waiting = connect_with(0..90, 80);
    let mut refused = connect_with(0..90, 80);
    let busy = "\"The server is busy: requests under way hold up to 1 MiB in memory. Try again later.\"";
    assert_eq!(next_body(&mut refused), busy);
    drop((waiting, refused));
    eventually("the memory is free again", || {
        let mut next = connect_with(0..1, 80);
        next.write_all(&frame(DATA, END_STREAM, 1, b"{}")).unwrap();
        next_body(&mut next) != busy
    });
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
