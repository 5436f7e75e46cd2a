//! More work than the server takes on: it is refused at once, and everything else goes on.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use socket2::{Domain, Socket, Type};

use crate::support::{Repository, Response, Server};

fn served(limits: &str) -> (Repository, Server) {
    let repository = Repository::from_template();
    let settings = std::fs::read_to_string(repository.path.join("feature_store.yaml")).unwrap();
    repository.write("feature_store.yaml", &format!("{settings}\nserving: {{{limits}}}\n"));
    repository.succeed(&["apply"]);
    repository.succeed(&["materialize-incremental", "2100-01-01T00:00:00"]);
    let server = repository.serve();
    (repository, server)
}

fn read_of(drivers: usize) -> String {
    json!({
        "features": ["driver_hourly_stats:conv_rate", "driver_hourly_stats:acc_rate"],
        "entities": { "driver_id": vec![1001; drivers] },
    })
    .to_string()
}

fn check_refused(answer: &Response, why: &str) {
    assert_eq!(answer.status, 503, "{}", answer.body);
    assert_eq!(answer.header("retry-after"), Some("1"));
    let text = answer.json();
    assert!(text.as_str().unwrap().starts_with("The server is busy: "), "{text}");
    assert!(text.as_str().unwrap().contains(why), "{text}");
}

#[test]
fn bodies_that_hold_too_much_memory_keep_others_out_until_they_are_done() {
    let (_repository, server) = served("max_memory_mib: 1");
    let large = " ".repeat(700 << 10) + &read_of(3);
    // All of it but the last byte, so that the server waits for that.
    let mut first = TcpStream::connect(server.address()).unwrap();
    let head = format!(
        "POST /get-online-features HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        large.len()
    );
    first.write_all(head.as_bytes()).unwrap();
    first.write_all(&large.as_bytes()[..large.len() - 1]).unwrap();
    // Until the server holds it. Nothing shows that from outside, and of two that arrive together either may be refused.
    std::thread::sleep(Duration::from_secs(1));
    let second = server.post("/get-online-features", &large);
    check_refused(&second, "hold up to 1 MiB in memory");
    assert_eq!(server.send("GET", "/health", &[], "").status, 200);
    assert_eq!(server.post("/get-online-features", &read_of(3)).status, 200);
    first.write_all(b"}").unwrap();
    let mut answer = String::new();
    first.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    crate::support::eventually("the memory is free again", || {
        server.post("/get-online-features", &large).status == 200
    });
}

#[test]
fn short_values_are_counted_before_they_are_parsed() {
    let (_repository, server) = served("max_requests: 1");
    let body = format!("{{\"push_source_name\": [{}1]}}", "1,".repeat(10_000_000));
    let refused = server.post("/push", &body);
    assert_eq!(refused.status, 413, "{}", refused.body);
    assert_eq!(
        refused.json(),
        json!({ "detail": "The body has more than 10000000 commas and brackets" })
    );
}

/// What does not fit into the buffers of both sockets waits in the server.
#[test]
fn a_client_that_does_not_read_its_answer_is_cut_off() {
    let (_repository, server) = served("max_memory_mib: 1, send_timeout_seconds: 1");
    let large = read_of(300_000);
    // Otherwise the kernel may take tens of megabytes for the client.
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(64 << 10).unwrap();
    let address: SocketAddr = server.address().parse().unwrap();
    socket.connect(&address.into()).unwrap();
    let mut stalled = TcpStream::from(socket);
    stalled.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let head = format!(
        "POST /get-online-features HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n",
        large.len()
    );
    stalled.write_all(head.as_bytes()).unwrap();
    stalled.write_all(large.as_bytes()).unwrap();
    let is_free = || {
        server
            .post("/get-online-features", &(" ".repeat(700 << 10) + &read_of(3)))
            .status
            == 200
    };
    let mut start = [0; 12];
    while stalled.peek(&mut start).unwrap() < start.len() {}
    assert_eq!(&start, b"HTTP/1.1 200");
    assert!(!is_free(), "the rest of the answer is in memory");
    crate::support::eventually("the memory is free again", is_free);
    let mut answer = Vec::new();
    let end = stalled.read_to_end(&mut answer).unwrap_err();
    assert_eq!(
        end.kind(),
        ErrorKind::ConnectionReset,
        "{end}, after {} bytes",
        answer.len()
    );
}

#[test]
fn more_large_reads_than_allowed_are_refused_and_small_ones_are_not() {
    let (_repository, server) = served("max_requests: 1");
    // Now its row is in memory. A read that needs the disk is counted, however small.
    assert_eq!(server.post("/get-online-features", &read_of(3)).status, 200);
    let refused = AtomicUsize::new(0);
    let end = Instant::now() + Duration::from_secs(30);
    // Every thread looks at the clock, so that none outlives the failure of another.
    let goes_on = || refused.load(Ordering::SeqCst) < 3 && Instant::now() < end;
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while goes_on() {
                    let answer = server.post("/get-online-features", &read_of(20_000));
                    if answer.status != 200 {
                        check_refused(&answer, "1 reads are under way");
                        refused.fetch_add(1, Ordering::SeqCst);
                    }
                }
            });
        }
        while goes_on() {
            assert_eq!(server.send("GET", "/health", &[], "").status, 200);
            assert_eq!(server.post("/get-online-features", &read_of(3)).status, 200);
        }
    });
    assert!(refused.load(Ordering::SeqCst) >= 3);
    assert_eq!(server.post("/get-online-features", &read_of(20_000)).status, 200);
}
