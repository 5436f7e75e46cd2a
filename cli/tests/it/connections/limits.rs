//! Clients that hold connections, handles and memory: they lose them, and others are answered meanwhile.

use std::io::Write;
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use super::{BODY_TO_COME, GET_HEALTH, PUSH, READ, connect, connect_and_send, is_open, repository, response, rest};
use crate::support::{Server, eventually};

fn answers(server: &Server) {
    assert_eq!(server.post("/get-online-features", READ).status, 200);
    assert_eq!(server.post("/push", PUSH).status, 200);
}

#[test]
fn clients_without_a_request_lose_their_connections_and_others_keep_them() {
    let repository = repository("header_timeout_seconds: 1");
    let server = repository.serve_with(&["--keep-alive-timeout", "1"]);
    let idle: Vec<TcpStream> = (0..40).map(|_| connect(&server)).collect();
    let heads: Vec<TcpStream> = (0..40)
        .map(|_| connect_and_send(&server, b"POST /push HTTP/1.1\r\nx: "))
        .collect();
    let mut was_used = connect_and_send(&server, GET_HEALTH);
    response(&mut was_used);
    // One that sends a byte of its head now and then: what counts is when the head began.
    let mut trickling = connect_and_send(&server, b"GET");
    let mut in_use = connect(&server);
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(4) {
        in_use.write_all(GET_HEALTH).unwrap();
        assert!(response(&mut in_use).0.starts_with("http/1.1 200"));
        let _ = trickling.write_all(b"x");
        std::thread::sleep(Duration::from_millis(200));
    }
    for stream in idle.iter().chain(&heads).chain([&was_used, &trickling]) {
        assert!(!is_open(stream));
    }
    answers(&server);
    let (_, log) = server.stop();
    assert!(
        log.contains("connections were ended without a complete head of a request within 1 s"),
        "{log}"
    );
}

#[test]
fn the_connection_that_is_idle_for_longest_makes_room() {
    let repository = repository("");
    let server = repository.serve_with(&["--workers", "1", "--worker-connections", "5"]);
    let mut open: Vec<TcpStream> = Vec::new();
    for _ in 0..5 {
        let mut stream = connect_and_send(&server, GET_HEALTH);
        response(&mut stream);
        open.push(stream);
        std::thread::sleep(Duration::from_millis(20));
    }
    // The first is used again, so the second has been idle for longest.
    open[0].write_all(GET_HEALTH).unwrap();
    response(&mut open[0]);
    let mut newest = connect_and_send(&server, GET_HEALTH);
    assert!(response(&mut newest).0.starts_with("http/1.1 200"));
    assert_eq!(rest(&mut open[1]), "");
    for (index, stream) in open.iter().enumerate() {
        assert_eq!(is_open(stream), index != 1, "{index}");
    }
}

#[test]
fn without_room_a_client_is_told() {
    let repository = repository("");
    let server = repository.serve_with(&["--workers", "1", "--worker-connections", "3"]);
    let mut busy: Vec<TcpStream> = (0..3).map(|_| connect_and_send(&server, BODY_TO_COME)).collect();
    // Until the server has seen that they are at work.
    std::thread::sleep(Duration::from_millis(500));
    let mut refused = connect_and_send(&server, GET_HEALTH);
    let (head, body) = response(&mut refused);
    assert!(
        head.starts_with("http/1.1 503") && head.contains("retry-after: 1"),
        "{head}"
    );
    assert_eq!(
        body,
        r#""The server is busy: too many connections are open. Try again later.""#
    );
    assert_eq!(rest(&mut refused), "");
    assert!(busy.iter().all(is_open));
    drop(busy.pop());
    eventually("there is room again", || {
        let mut stream = connect_and_send(&server, GET_HEALTH);
        response(&mut stream).0.starts_with("http/1.1 200")
    });
}

#[test]
fn large_heads_are_refused_and_count_as_memory() {
    let repository = repository("max_memory_mib: 1, max_requests: 4");
    let server = repository.serve();
    let head = |bytes: usize| format!("GET /health HTTP/1.1\r\nhost: x\r\nx: {}\r\n", "x".repeat(bytes));
    let mut large = connect_and_send(&server, (head(31 << 10) + "\r\n").as_bytes());
    assert!(response(&mut large).0.starts_with("http/1.1 200"));
    let mut too_large = connect_and_send(&server, (head(33 << 10) + "\r\n").as_bytes());
    assert!(rest(&mut too_large).starts_with("HTTP/1.1 431"));
    let unfinished: Vec<TcpStream> = (0..60)
        .map(|_| connect_and_send(&server, head(20 << 10).as_bytes()))
        .collect();
    eventually("those that find no memory are ended", || {
        let open = unfinished.iter().filter(|stream| is_open(stream)).count();
        (1..=16).contains(&open)
    });
    answers(&server);
}

#[test]
fn open_files_are_left_for_the_store() {
    let repository = repository("");
    let serve = |limit: &str| {
        let feast = repository.command(&[]);
        let mut command = Command::new("prlimit");
        command
            .arg(format!("--nofile={limit}"))
            .arg(feast.get_program())
            .args(["serve", "--port", "0"])
            .current_dir(&repository.path);
        Server::start(command)
    };
    let server = serve("64:4096");
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", server.process_id())).unwrap();
    let limit = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    assert_eq!(limit.split_whitespace().nth(3), Some("4096"), "{limit}");
    server.stop();

    let server = serve("160:160");
    // Clients that are at work, so that none of them is closed for another.
    let attackers: Vec<TcpStream> = (0..300).map(|_| connect_and_send(&server, BODY_TO_COME)).collect();
    std::thread::sleep(Duration::from_millis(500));
    // It was connected when there was room, or is told that there is none.
    drop(attackers);
    eventually("there is room again", || {
        let mut stream = connect_and_send(&server, GET_HEALTH);
        response(&mut stream).0.starts_with("http/1.1 200")
    });
    answers(&server);
    let (_, log) = server.stop();
    assert!(!log.contains("no connection can be taken"), "{log}");
    assert!(log.contains("connections can be open, not"), "{log}");
}

#[test]
fn bodies_that_come_too_slowly_are_refused() {
    let tell = |seconds: u64| {
        format!(
            "{{\"detail\":\"The body came too slowly: it may take {seconds} s in whole, 30 s for a piece, and after 10 s must come \
             with at least 1 KiB a second\"}}"
        )
    };
    let repository = repository("body_timeout_seconds: 2");
    let server = repository.serve();
    let mut trickling = connect_and_send(&server, BODY_TO_COME);
    for _ in 0..10 {
        let _ = trickling.write_all(b" ");
        std::thread::sleep(Duration::from_millis(300));
    }
    let (head, body) = response(&mut trickling);
    assert!(head.starts_with("http/1.1 408"), "{head}");
    assert_eq!(body, tell(2));
    assert_eq!(rest(&mut trickling), "");
    answers(&server);
    drop(server);

    let server = super::repository("").serve_and_keep();
    let mut trickling = connect_and_send(&server.1, BODY_TO_COME);
    let begun = Instant::now();
    while is_open(&trickling) {
        assert!(begun.elapsed() < Duration::from_secs(40), "it is still open");
        if trickling.write_all(b" ").is_err() {
            break;
        }
        std::thread::sleep(Duration::from_millis(500));
    }
    let (head, body) = response(&mut trickling);
    assert!(head.starts_with("http/1.1 408"), "{head}");
    assert_eq!(body, tell(300));
}

#[test]
fn a_client_that_asks_too_often_is_told_when_to_come_back() {
    let repository = repository("rate_limit: {requests_per_second: 1, burst: 3}");
    let server = repository.serve();
    let statuses: Vec<u16> = (0..4)
        .map(|_| server.post("/get-online-features", READ).status)
        .collect();
    assert_eq!(statuses, [200, 200, 200, 429]);
    let refused = server.post("/push", PUSH);
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("1")));
    assert_eq!(
        refused.body,
        r#"{"detail":"Too many requests come from this client. Try again later."}"#
    );
    for probe in ["/health", "/ready"] {
        assert_eq!(server.send("GET", probe, &[], "").status, 200);
    }
    eventually("a token has come back", || {
        server.post("/get-online-features", READ).status == 200
    });
}

#[test]
fn answers_and_errors_carry_the_id_of_their_request() {
    let repository = repository("");
    let server = repository.serve();
    let id = [("x-request-id", "checkout-7")];
    for (method, path, body) in [
        ("POST", "/get-online-features", READ),
        ("POST", "/get-online-features", "{"),
        ("GET", "/nothing", ""),
        ("GET", "/health", ""),
    ] {
        let answer = server.send(method, path, &id, body);
        assert_eq!(answer.header("x-request-id"), Some("checkout-7"), "{path}");
    }
    let made = server.send("GET", "/health", &[("x-request-id", "two words")], "");
    let made = made.header("x-request-id").unwrap().to_owned();
    assert_eq!(made.len(), 36, "{made}");
    let (_, log) = server.stop();
    assert!(log.contains(&made) && log.contains("ms checkout-7"), "{log}");
}
