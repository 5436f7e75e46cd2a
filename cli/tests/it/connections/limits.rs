//! Clients that hold connections, handles and memory: they lose them, and others are answered meanwhile.

use std::io::Write;
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;

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
        // One that was used just now is not taken for idle.
        std::thread::sleep(Duration::from_millis(100));
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

/// Responses of 2 MB are in hyper's buffers for some milliseconds before the first byte is written.
#[test]
fn responses_are_not_cut_off_to_make_room() {
    let repository = repository("");
    repository.succeed(&["materialize-incremental", "2100-01-01T00:00:00"]);
    let server = repository.serve_with(&["--workers", "1", "--worker-connections", "3"]);
    let body = json!({
        "features": ["driver_hourly_stats:conv_rate", "driver_hourly_stats:acc_rate"],
        "entities": { "driver_id": vec![1001; 12_000] },
    });
    let request = format!(
        "POST /get-online-features HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.to_string().len()
    );
    let end = Instant::now() + Duration::from_secs(4);
    let answered: usize = std::thread::scope(|scope| {
        scope.spawn(|| {
            while Instant::now() < end {
                drop(connect_and_send(&server, GET_HEALTH));
                std::thread::sleep(Duration::from_millis(3));
            }
        });
        let clients = [(); 3].map(|()| {
            scope.spawn(|| {
                let (mut answered, mut stream) = (0, None);
                while Instant::now() < end {
                    let mut open = stream.take().unwrap_or_else(|| connect(&server));
                    // A connection may be closed or refused before its request is answered, not during that.
                    if open.write_all(request.as_bytes()).is_ok() && begins_with_200(&mut open) {
                        let (_, response) = response(&mut open);
                        assert!(response.ends_with('}'), "{} bytes", response.len());
                        answered += 1;
                        stream = Some(open);
                    }
                }
                answered
            })
        });
        clients.map(|client| client.join().unwrap()).iter().sum()
    });
    assert!(answered > 10, "{answered}");
}

/// Waits for the first bytes of a response.
fn begins_with_200(stream: &mut TcpStream) -> bool {
    let mut first = [0; 12];
    loop {
        match stream.peek(&mut first) {
            Ok(12) => return first.ends_with(b"200"),
            Ok(0) | Err(_) => return false,
            Ok(_) => std::thread::sleep(Duration::from_millis(1)),
        }
    }
}

#[test]
fn clients_that_come_all_at_once_are_answered_or_told() {
    let repository = repository("");
    let server = repository.serve_with(&["--workers", "1", "--worker-connections", "4"]);
    let _busy: Vec<TcpStream> = (0..3).map(|_| connect_and_send(&server, BODY_TO_COME)).collect();
    std::thread::sleep(Duration::from_millis(500));
    for _ in 0..5 {
        let mut all: Vec<TcpStream> = (0..12).map(|_| connect_and_send(&server, GET_HEALTH)).collect();
        for stream in &mut all {
            let (head, _) = response(stream);
            assert!(
                head.starts_with("http/1.1 200") || head.starts_with("http/1.1 503"),
                "{head}"
            );
        }
    }
}

#[test]
fn commands_take_no_places_of_clients() {
    let repository = repository("");
    let server = repository.serve_with(&["--workers", "1", "--worker-connections", "10"]);
    let mut idle: Vec<TcpStream> = (0..10).map(|_| connect(&server)).collect();
    let socket = repository.path.join("data/online_store/SERVER.sock");
    let commands: Vec<UnixStream> = (0..16).map(|_| UnixStream::connect(&socket).unwrap()).collect();
    std::thread::sleep(Duration::from_millis(500));
    let mut newcomer = connect_and_send(&server, GET_HEALTH);
    assert!(response(&mut newcomer).0.starts_with("http/1.1 200"));
    idle.clear();
    drop(commands);
}

#[test]
fn what_is_sent_after_a_body_is_a_head_or_not() {
    let repository = repository("header_timeout_seconds: 1");
    let server = repository.serve_with(&["--keep-alive-timeout", "20"]);
    let after_push = |more: &str| {
        let request = format!(
            "POST /push HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{PUSH}{more}",
            PUSH.len()
        );
        let mut stream = connect_and_send(&server, request.as_bytes());
        response(&mut stream);
        stream
    };
    let (empty_line, half_a_head) = (after_push("\r\n"), after_push("GET /hea"));
    std::thread::sleep(Duration::from_secs(5));
    assert!(is_open(&empty_line));
    assert!(!is_open(&half_a_head));
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
    drop(unfinished);
    // What is answered does not count any more.
    let idle: Vec<TcpStream> = (0..20)
        .map(|_| {
            let mut stream = connect_and_send(&server, (head(9 << 10) + "\r\n").as_bytes());
            response(&mut stream);
            stream
        })
        .collect();
    let padded = " ".repeat(100 << 10) + READ;
    assert_eq!(server.post("/get-online-features", &padded).status, 200);
    assert!(idle.iter().all(is_open));
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
