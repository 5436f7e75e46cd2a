//! What pushes take in memory: less than they did, and counted before it is taken.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::json;

use crate::support::{Repository, Server, eventually};

fn served(limits: &str) -> (Repository, Server) {
    let repository = Repository::from_template();
    let settings = std::fs::read_to_string(repository.path.join("feature_store.yaml")).unwrap();
    repository.write("feature_store.yaml", &format!("{settings}\nserving: {{{limits}}}\n"));
    repository.succeed(&["apply"]);
    let server = repository.serve();
    (repository, server)
}

fn push(rows: usize, to: &str, more: &str) -> String {
    let repeated = |value: &str| vec![value; rows].join(",");
    let ids: Vec<String> = (0..rows).map(|id| id.to_string()).collect();
    format!(
        r#"{{"push_source_name":"driver_stats_push_source","to":"{to}","df":{{"driver_id":[{}],"event_timestamp":[{}],"created":[{}],
        "conv_rate":[{}],"acc_rate":[{}],"avg_daily_trips":[{}]{more}}}}}"#,
        ids.join(","),
        repeated("\"2026-01-01\""),
        repeated("1"),
        repeated("0.5"),
        repeated("1"),
        repeated("7"),
    )
}

#[cfg(target_os = "linux")]
fn peak_mib(server: &Server) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.process_id())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.trim().strip_suffix("kB").unwrap().trim().parse::<usize>().unwrap() >> 10
}

/// Of 18 MB, whose values take 31 times as much as JSON.
#[cfg(target_os = "linux")]
#[test]
fn a_large_push_takes_little_more_than_its_values() {
    const ROWS: usize = 600_000;
    let (_repository, server) = served("max_requests: 4");
    let body = push(ROWS, "online_and_offline", "");
    let before = peak_mib(&server);
    let answer = server.post("/push", &body);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let counted = (2 * body.len() + 6 * ROWS * 2 * 72) >> 20;
    let taken = peak_mib(&server) - before;
    assert!(
        10 * taken < 13 * counted,
        "{taken} MiB are taken, and {counted} were counted"
    );
}

#[test]
fn a_push_that_would_take_too_much_beside_others_is_refused_before_it_is_done() {
    let (_repository, server) = served("max_memory_mib: 64");
    let waiting = " ".repeat(20 << 20);
    // All of it but the last byte, so that the server waits for that.
    let mut first = TcpStream::connect(server.address()).unwrap();
    let head = format!(
        "POST /get-online-features HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        waiting.len()
    );
    first.write_all(head.as_bytes()).unwrap();
    first.write_all(&waiting.as_bytes()[..waiting.len() - 1]).unwrap();
    // Until the server holds it. Nothing shows that from outside.
    std::thread::sleep(Duration::from_secs(1));
    // The text is once in the body and once as a value, though it is not written anywhere.
    let text = format!(r#","notes":"{}""#, "x".repeat(25 << 20));
    let large = push(1, "online", &text);
    let refused = server.post("/push", &large);
    assert_eq!(refused.status, 503, "{}", refused.body);
    let message = refused.json();
    assert!(
        message.as_str().unwrap().contains("hold up to 64 MiB in memory"),
        "{message}"
    );
    let read = json!({ "features": ["driver_hourly_stats:conv_rate"], "entities": { "driver_id": [0] } });
    let stored = || server.post_json("/get-online-features", &read).json()["results"][1]["statuses"][0].clone();
    assert_eq!(stored(), "NOT_FOUND");
    assert_eq!(
        server.post("/push", &push(1, "online", "")).status,
        200,
        "a small one goes on"
    );
    first.write_all(b" ").unwrap();
    first.read_to_end(&mut Vec::new()).unwrap();
    eventually("the memory is free again", || {
        server.post("/push", &large).status == 200
    });
    assert_eq!(stored(), "PRESENT");
}
