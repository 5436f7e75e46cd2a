//! How a server ends, and what it reads again while it runs.

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::{BODY_TO_COME, GET_HEALTH, READ, connect, connect_and_send, repository, response, rest};
use crate::support::{Server, eventually};

fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").into_bytes()
}

/// Well below the ten seconds that requests under way are waited for.
fn ends_soon(mut server: Server) -> String {
    let begun = Instant::now();
    while !server.has_ended() {
        assert!(begun.elapsed() < Duration::from_secs(8), "it waits for someone");
        std::thread::sleep(Duration::from_millis(20));
    }
    let (code, log) = server.wait();
    assert_eq!(code, Some(0), "{log}");
    log
}

#[test]
fn a_server_that_drains_answers_and_says_that_it_is_not_ready() {
    let repository = repository("");
    let server = repository.serve_with(&["--drain-seconds", "3"]);
    let mut kept = connect_and_send(&server, &get("/ready"));
    let (head, body) = response(&mut kept);
    assert!(
        head.starts_with("http/1.1 200") && !head.contains("connection: close"),
        "{head}"
    );
    assert_eq!(body, r#"{"ready":true,"reasons":[],"warnings":[]}"#);
    server.signal("TERM");
    eventually("it is not ready", || {
        server.send("GET", "/ready", &[], "").status == 503
    });
    kept.write_all(&get("/ready")).unwrap();
    let (head, body) = response(&mut kept);
    assert!(
        head.starts_with("http/1.1 503") && head.contains("connection: close"),
        "{head}"
    );
    assert_eq!(
        body,
        r#"{"ready":false,"reasons":["the server is about to stop"],"warnings":[]}"#
    );
    assert_eq!(rest(&mut kept), "");
    // Those who have not noticed are answered.
    assert_eq!(server.post("/get-online-features", READ).status, 200);
    assert_eq!(server.send("GET", "/health", &[], "").status, 200);
    ends_soon(server);
}

#[test]
fn a_request_on_a_kept_connection_is_answered_when_the_server_stops() {
    let repository = repository("");
    let server = repository.serve();
    let mut kept = connect_and_send(&server, GET_HEALTH);
    response(&mut kept);
    server.signal("TERM");
    eventually("nobody listens", || TcpStream::connect(server.address()).is_err());
    kept.write_all(GET_HEALTH).unwrap();
    let (head, _) = response(&mut kept);
    assert!(
        head.starts_with("http/1.1 200") && head.contains("connection: close"),
        "{head}"
    );
    ends_soon(server);
}

#[test]
fn half_a_request_does_not_keep_a_server() {
    let repository = repository("");
    let server = repository.serve();
    let _halves = [connect_and_send(&server, b"GET /hea"), connect(&server)];
    std::thread::sleep(Duration::from_millis(300));
    server.signal("TERM");
    ends_soon(server);
}

#[test]
fn a_second_signal_ends_it_now() {
    let repository = repository("");
    for (option, first) in [("--drain-seconds=60", "INT"), ("--drain-seconds=0", "TERM")] {
        let server = repository.serve_with(&[option]);
        let _under_way = connect_and_send(&server, BODY_TO_COME);
        std::thread::sleep(Duration::from_millis(300));
        server.signal(first);
        std::thread::sleep(Duration::from_millis(1500));
        server.signal("TERM");
        let log = ends_soon(server);
        assert!(
            log.contains("1 connections with requests under way were cut off"),
            "{log}"
        );
    }
}

#[test]
fn hanging_up_reads_settings_again() {
    let repository = repository("");
    let server = repository.serve();
    assert_eq!(
        server.send("GET", "/health", &[("x-request-id", "before")], "").status,
        200
    );
    let settings = std::fs::read_to_string(repository.path.join("feature_store.yaml")).unwrap();
    let quiet = settings.replace("serving: {", "serving: {log_level: error");
    repository.write("feature_store.yaml", &quiet);
    server.signal("HUP");
    // Nothing else shows that it was read.
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(
        server.send("GET", "/health", &[("x-request-id", "quiet")], "").status,
        200
    );
    let broken = settings.replace("serving: {", "serving: {log_level: [}");
    repository.write("feature_store.yaml", &broken);
    server.signal("HUP");
    std::thread::sleep(Duration::from_millis(500));
    repository.write("feature_store.yaml", &settings);
    server.signal("HUP");
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(
        server.send("GET", "/health", &[("x-request-id", "after")], "").status,
        200
    );
    // This time the log would also show that it was read.
    repository.write("feature_store.yaml", &broken);
    server.signal("HUP");
    std::thread::sleep(Duration::from_millis(500));
    let (code, log) = server.stop();
    assert_eq!(code, Some(0));
    assert!(
        log.contains("before") && log.contains("after") && !log.contains("quiet"),
        "{log}"
    );
    for (line, times) in [
        ("the level of the log stays as it was: ", 2),
        ("is read again from the settings", 1),
    ] {
        assert_eq!(log.matches(line).count(), times, "{line}: {log}");
    }
}
