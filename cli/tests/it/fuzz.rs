//! Changed requests, byte by byte: each gets a response, and the server lives.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use feast_fixtures::{Random, fuzz};
use serde_json::Value;

use crate::golden::types_repository;

/// What is put into bodies besides random bytes.
const TOKENS: &[&str] = &[
    "null",
    "true",
    "-1",
    "0.5",
    "1e999",
    "-0.0",
    "9223372036854775808",
    "18446744073709551616",
    "\"\"",
    "\"x\"",
    "[]",
    "{}",
    "[[]]",
    "NaN",
    "-Infinity",
    "\"\\ud800\"",
    "\"\\u0000\"",
    "\"1677-01-01\"",
    "\"9999-12-31T23:59:60Z\"",
    "\"now\"",
    "\"driver_stats:note\"",
    "\"driver_id\"",
    "\"é\"",
    ",",
    ":",
    "\"",
    "\\",
    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
];

/// Recorded requests that have a body: path and body.
fn recorded() -> Vec<(String, Vec<u8>)> {
    let lines = feast_fixtures::GOLDEN_ANSWERS
        .lines()
        .chain(feast_fixtures::CLIENT_ANSWERS.lines());
    let records = lines.map(|line| serde_json::from_str::<Value>(line).unwrap());
    let requests = records.filter_map(|record| {
        let request = &record["request"];
        let body = match &request["body"] {
            Value::Null => return None,
            Value::String(raw) => raw.clone(),
            object => object.to_string(),
        };
        Some((request["path"].as_str()?.to_owned(), body.into_bytes()))
    });
    requests.collect()
}

/// Changes some bytes: single ones, a span taken out or repeated, a token put in.
fn change(bytes: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..=random.below(4) {
        let start = random.below(bytes.len() + 1);
        let end = (start + random.below(24)).min(bytes.len());
        match random.below(5) {
            0 if start < bytes.len() => bytes[start] = random.byte(),
            1 => drop(bytes.drain(start..end)),
            2 => {
                let span = bytes[start..end].to_vec();
                bytes.splice(start..start, span);
            }
            3 => bytes.truncate(start),
            _ => {
                let token = TOKENS[random.below(TOKENS.len())].bytes();
                bytes.splice(start..end, token);
            }
        }
    }
}

/// Sends bytes that may not be HTTP, and returns what comes back until the server closes.
fn send_raw(address: &str, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut answer = Vec::new();
    // The server may close before it has read all, but it must not leave a client waiting.
    if stream.write_all(bytes).is_ok() && stream.shutdown(Shutdown::Write).is_ok() {
        let problem = stream.read_to_end(&mut answer).err().map(|problem| problem.kind());
        let waited = matches!(problem, Some(ErrorKind::WouldBlock | ErrorKind::TimedOut));
        assert!(!waited, "no answer to {}", String::from_utf8_lossy(bytes));
    }
    answer
}

fn is_fine(status: u16) -> bool {
    (200..500).contains(&status) || status == 501 || status == 503
}

#[test]
fn changed_requests_are_answered() {
    let repository = types_repository();
    repository.succeed(&["apply"]);
    repository.succeed(&["materialize", "2019-01-01T00:00:00", "2026-07-01T00:00:00"]);
    let server = repository.serve();
    let requests = recorded();
    let mut random = Random::seeded();
    let runs = fuzz(|| {
        let (path, body) = &requests[random.below(requests.len())];
        let mut body = body.clone();
        change(&mut body, &mut random);
        if random.below(8) > 0 {
            // Now and then at an endpoint that it is not for.
            let other = &requests[random.below(requests.len())].0;
            let path = if random.below(8) > 0 { path } else { other };
            let answer = server.send_bytes("POST", path, &[], &body);
            let sent = String::from_utf8_lossy(&body);
            assert!(
                is_fine(answer.status),
                "{} to {path}: {sent}\n{}",
                answer.status,
                answer.body
            );
            return;
        }
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let mut whole = [head.as_bytes(), body.as_slice()].concat();
        change(&mut whole, &mut random);
        let answer = String::from_utf8_lossy(&send_raw(server.address(), &whole)).into_owned();
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
        // Bytes that are not HTTP may get no response at all.
        assert!(
            status.is_none_or(is_fine),
            "{}\n{answer}",
            String::from_utf8_lossy(&whole)
        );
        assert_eq!(server.send("GET", "/health", &[], "").status, 200);
    });
    assert!(runs > 0);
    let (code, log) = server.stop();
    assert_eq!(code, Some(0));
    assert!(!log.contains("panicked"), "{log}");
}
