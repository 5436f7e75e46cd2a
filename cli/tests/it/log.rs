//! A log that is not read stops nothing, and a request or a name adds no line of its own to it.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::{Repository, exchange};

const TIMEOUT: Duration = Duration::from_secs(60);

/// A server whose stderr is something special.
struct Server {
    process: Child,
    address: String,
}

impl Server {
    fn start(repository: &Repository, stderr: Stdio) -> Self {
        let mut command = repository.command(&["serve", "--port", "0"]);
        let process = command.stdout(Stdio::null()).stderr(stderr).spawn().unwrap();
        let address = lockfile_address(&repository.path);
        Self { process, address }
    }

    fn send(&self, method: &str, path: &str, body: &str) -> u16 {
        let (host, length) = (&self.address, body.len());
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        exchange(&self.address, request.as_bytes()).status
    }

    /// The exit code after SIGTERM.
    fn stop(&mut self) -> Option<i32> {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        let end = Instant::now() + TIMEOUT;
        loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < end, "SIGTERM does nothing");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have been stopped already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The log is not read here, but the server leaves its address beside its store.
fn lockfile_address(repository: &Path) -> String {
    let file = repository.join("data/online_store/SERVER");
    let end = Instant::now() + TIMEOUT;
    loop {
        if let Ok(text) = std::fs::read_to_string(&file)
            && let Some(address) = text.lines().nth(2).and_then(|place| place.strip_prefix("http://"))
        {
            return address.to_owned();
        }
        assert!(Instant::now() < end, "the server does not start");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn push(driver: i64) -> String {
    json!({
        "push_source_name": "driver_stats_push_source",
        "df": {"driver_id": [driver], "event_timestamp": ["2026-05-13T10:59:42Z"], "created": ["2026-05-13"],
               "conv_rate": [1.0], "acc_rate": [1.0], "avg_daily_trips": [1]}
    })
    .to_string()
}

/// Requests with long lines in the log: more than a pipe and all buffers hold together.
fn fill_the_log(server: &Server) {
    let path = format!("/{}", "x".repeat(8000));
    for _ in 0..400 {
        assert_eq!(server.send("GET", &path, ""), 404);
    }
}

fn check(stderr: Stdio) {
    let repository = Repository::from_template();
    repository.succeed(&["apply"]);
    let mut server = Server::start(&repository, stderr);
    fill_the_log(&server);
    // The second one is logged, as an older row.
    let read = r#"{"features":["driver_hourly_stats:conv_rate"],"entities":{"driver_id":[7]}}"#;
    assert_eq!(server.send("POST", "/push", &push(7)), 200);
    assert_eq!(
        server.send("POST", "/push", &push(7).replace("2026-05-13T", "2026-05-12T")),
        200
    );
    assert_eq!(server.send("POST", "/get-online-features", read), 200);
    // As is a failure.
    std::fs::write(repository.path.join("data/driver_stats.parquet"), "none").unwrap();
    let run = r#"{"start_ts":"2020-01-01","end_ts":"2030-01-01"}"#;
    assert_eq!(server.send("POST", "/materialize", run), 500);
    assert_eq!(server.send("GET", "/health", ""), 200);
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn a_log_whose_reader_is_gone_stops_nothing() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    check(writer.into());
}

#[test]
fn a_log_that_is_not_read_stops_nothing() {
    let (reader, writer) = std::io::pipe().unwrap();
    check(writer.into());
    drop(reader);
}

#[test]
fn a_log_on_a_full_disk_stops_nothing() {
    check(File::options().write(true).open("/dev/full").unwrap().into());
}

#[test]
fn lines_that_were_lost_are_counted() {
    let repository = Repository::from_template();
    repository.succeed(&["apply"]);
    let (reader, writer) = std::io::pipe().unwrap();
    let mut server = Server::start(&repository, writer.into());
    fill_the_log(&server);
    let lines = std::thread::spawn(move || BufReader::new(reader).lines().map(Result::unwrap).collect::<Vec<_>>());
    assert_eq!(server.stop(), Some(0));
    drop(server);
    let lines = lines.join().unwrap();
    let lost: usize = lines
        .iter()
        .filter_map(|line| line.split_once(" lines of the log were lost")?.0.parse::<usize>().ok())
        .sum();
    let long = lines.iter().filter(|line| line.contains("/xxx")).count();
    assert!(lost > 0, "{} lines", lines.len());
    // Others may be among the lost.
    assert!(lost + long >= 400, "{lost} + {long}");
    assert!(lines.iter().all(|line| line.len() < 9000), "no line runs into another");
}

#[test]
fn a_name_makes_no_line_of_its_own() {
    let repository = Repository::from_template();
    let definitions = std::fs::read_to_string(repository.path.join("feature_definitions.py")).unwrap();
    let forged = "driver_stats_push_source\\n2026-01-01T00:00:00Z ERROR forged\\x1b[31m\\u2028";
    repository.write(
        "feature_definitions.py",
        &definitions.replace("driver_stats_push_source\"", &format!("{forged}\"")),
    );
    repository.succeed(&["apply"]);
    let server = repository.serve();
    let name = "driver_stats_push_source\n2026-01-01T00:00:00Z ERROR forged\u{1b}[31m\u{2028}";
    let push = |day: &str| {
        let body = json!({
            "push_source_name": name,
            "df": {"driver_id": [7], "event_timestamp": [day], "created": [day],
                   "conv_rate": [1.0], "acc_rate": [1.0], "avg_daily_trips": [1]}
        });
        let answer = server.post_json("/push", &body);
        assert_eq!(answer.status, 200, "{}", answer.body);
    };
    push("2026-05-13");
    push("2026-05-12");
    let (_, log) = server.stop();
    assert!(
        log.contains("driver_stats_push_source\\n2026-01-01T00:00:00Z ERROR forged\\u{1b}[31m\\u{2028} are older"),
        "{log}"
    );
    assert!(
        !log.lines().any(|line| line.starts_with("2026-01-01T00:00:00Z")),
        "{log}"
    );
}

#[test]
fn connections_that_do_not_speak_http_are_not_errors_of_the_server() {
    let repository = Repository::from_template();
    repository.succeed(&["apply"]);
    let log_of = |level: &str| {
        let server = crate::support::Server::start(repository.command(&["--log-level", level, "serve", "--port", "0"]));
        let answer = server.send_raw("\x16\x03\x01 this is no HTTP\r\n\r\n");
        assert_eq!(answer.status, 400);
        server.stop().1
    };
    let log = log_of("info");
    assert!(!log.contains("ERROR") && !log.contains("connection ended"), "{log}");
    let log = log_of("debug");
    let line = log.lines().find(|line| line.contains("connection ended"));
    assert!(line.is_some_and(|line| line.contains("DEBUG 127.0.0.1:")), "{log}");
}

#[test]
fn a_log_in_json_has_an_object_in_each_line() {
    let repository = Repository::from_template();
    repository.succeed(&["apply"]);
    let server = repository.serve_with(&["--log-format", "json"]);
    let headers = [("x-request-id", "mine")];
    assert_eq!(server.send("GET", "/none", &headers, "").status, 404);
    let (_, log) = server.stop();
    let lines: Vec<serde_json::Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).expect(line))
        .collect();
    let access = lines.iter().find(|line| line["request_id"] == "mine").expect(&log);
    assert_eq!(
        (&access["level"], &access["method"], &access["path"], &access["status"]),
        (&"INFO".into(), &"GET".into(), &"/none".into(), &404.into())
    );
    assert!(access["duration_ms"].is_number() && access["client"].is_string() && access["timestamp"].is_string());
    assert!(
        lines.iter().any(|line| line["message"] == "Feature server stopped"),
        "{log}"
    );
}
