//! Materializations whose clients wait for them: how many at once, and what becomes of them when their clients are gone.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, Float32Array, Int64Array, RecordBatch, TimestampMicrosecondArray};
use serde_json::json;

use crate::support::{Repository, Server, eventually};

/// Enough for a run of some seconds.
const ROWS: i64 = 2_000_000;
const PUSH: &str = r#"{"push_source_name":"driver_stats_push_source","to":"online","df":{"driver_id":[1001],"event_timestamp":["2026-05-13T10:59:42Z"],"created":["2026-05-13"],"conv_rate":[1.0],"acc_rate":[1.0],"avg_daily_trips":[777]}}"#;

/// The template, with many rows.
fn repository(serving: &str) -> Repository {
    let repository = Repository::from_template();
    let settings = std::fs::read_to_string(repository.path.join("feature_store.yaml")).unwrap();
    repository.write("feature_store.yaml", &format!("{settings}\nserving: {{{serving}}}\n"));
    let numbers = || 0..ROWS;
    let times = || -> ArrayRef {
        let times = numbers().map(|number| 1_700_000_000_000_000 + number);
        Arc::new(TimestampMicrosecondArray::from_iter_values(times).with_timezone("UTC"))
    };
    let floats = || -> ArrayRef { Arc::new(Float32Array::from_iter_values(numbers().map(|number| number as f32))) };
    let integers = || -> ArrayRef { Arc::new(Int64Array::from_iter_values(numbers())) };
    let columns = [
        ("event_timestamp", times()),
        ("driver_id", integers()),
        ("conv_rate", floats()),
        ("acc_rate", floats()),
        ("avg_daily_trips", integers()),
        ("created", times()),
    ];
    let rows = RecordBatch::try_from_iter(columns).unwrap();
    feast_engine::create_parquet(&repository.path.join("data/driver_stats.parquet"), &rows).unwrap();
    repository.succeed(&["apply"]);
    repository
}

/// A client that asks for a run and does not read its answer yet.
fn ask(server: &Server, query: &str) -> TcpStream {
    let body = json!({"start_ts": "2020-01-01", "end_ts": "2030-01-01"}).to_string();
    let mut client = TcpStream::connect(server.address()).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
    let head = format!(
        "POST /materialize{query} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    client.write_all(head.as_bytes()).unwrap();
    client.write_all(body.as_bytes()).unwrap();
    client
}

fn answer(mut client: TcpStream) -> String {
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    answer
}

fn begun(log: &str) -> usize {
    log.matches("materializing driver_hourly_stats from").count()
}

#[test]
fn runs_wait_in_a_short_queue_and_writes_go_on() {
    let repository = repository("max_requests: 4");
    let server = repository.serve();
    let mut clients = Vec::new();
    for _ in 0..12 {
        clients.push(ask(&server, ""));
        // So that they wait in this order.
        std::thread::sleep(Duration::from_millis(20));
    }
    for _ in 0..20 {
        let pushed = server.post("/push", PUSH);
        assert_eq!(pushed.status, 200, "{}", pushed.body);
    }
    let refused: Vec<String> = clients.split_off(10).into_iter().map(answer).collect();
    for refused in refused {
        assert!(
            refused.starts_with("HTTP/1.1 503") && refused.contains("retry-after"),
            "{refused}"
        );
        assert!(
            refused.contains("2 materializations are under way and 8 wait for them"),
            "{refused}"
        );
    }
    // These are gone before it is their turn.
    drop(clients.split_off(3));
    for done in clients.into_iter().map(answer) {
        assert!(done.starts_with("HTTP/1.1 200"), "{done}");
    }
    let (code, log) = server.stop();
    assert_eq!(code, Some(0));
    assert_eq!(begun(&log), 3, "{log}");
}

#[test]
fn clients_that_wait_do_not_keep_a_server_that_stops() {
    let repository = repository("");
    let server = repository.serve();
    let clients: Vec<TcpStream> = (0..8).map(|_| ask(&server, "")).collect();
    std::thread::sleep(Duration::from_millis(300));
    let asked = Instant::now();
    let (code, log) = server.stop();
    assert_eq!(code, Some(0));
    assert!(
        asked.elapsed() < Duration::from_secs(25),
        "it waits for clients that wait"
    );
    assert!(begun(&log) <= 2, "{log}");
    let answers: Vec<String> = clients.into_iter().map(answer).collect();
    let told = answers
        .iter()
        .filter(|answer| answer.contains("the server is about to stop"));
    assert_eq!(told.count(), 6, "{answers:?}");
}

fn is_recorded(repository: &Repository) -> bool {
    let described = repository.succeed(&["feature-views", "describe", "driver_hourly_stats"]);
    described.contains("2030-01-01")
}

#[test]
fn a_run_goes_on_without_its_client() {
    let repository = repository("");
    let server = repository.serve();
    let client = ask(&server, "");
    std::thread::sleep(Duration::from_millis(300));
    drop(client);
    eventually("the run is recorded", || is_recorded(&repository));
    let (_, log) = server.stop();
    assert!(log.contains("materialized driver_hourly_stats"), "{log}");
}

#[test]
fn a_setting_ends_runs_without_their_clients_but_not_those_in_the_background() {
    let repository = repository("cancel_abandoned_runs: true");
    let server = repository.serve();
    let client = ask(&server, "");
    std::thread::sleep(Duration::from_millis(300));
    drop(client);
    assert!(answer(ask(&server, "?async=true")).starts_with("HTTP/1.1 202"));
    eventually("the run in the background is recorded", || is_recorded(&repository));
    let (_, log) = server.stop();
    assert!(
        log.contains("the materialization of driver_hourly_stats was stopped"),
        "{log}"
    );
    assert_eq!(log.matches("materialized driver_hourly_stats").count(), 1, "{log}");
}
