//! The page of metrics: Feast's own names, ours beside them, and what Prometheus makes of it.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use socket2::SockRef;

use crate::interop::python;
use crate::support::{Repository, Response, Server, eventually, exchange};

const READ: &str = r#"{"features":["driver_hourly_stats:conv_rate","driver_hourly_stats:acc_rate"],"entities":{"driver_id":[1001,7]}}"#;
const PUSH: &str = r#"{"push_source_name":"driver_stats_push_source","to":"online","df":{"driver_id":[1001],"event_timestamp":["2100-01-01T00:00:00Z"],"created":["2026-05-13"],"conv_rate":[null],"acc_rate":[1.0],"avg_daily_trips":[777]}}"#;

/// A repository whose server has its metrics on a free port, and that port.
fn repository(settings: &str) -> (Repository, String) {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let repository = Repository::from_template();
    let given = std::fs::read_to_string(repository.path.join("feature_store.yaml")).unwrap();
    let place = format!("serving: {{metrics_host: 127.0.0.1, metrics_port: {port}, metrics_route: true}}");
    repository.write("feature_store.yaml", &format!("{given}\n{place}\n{settings}\n"));
    repository.succeed(&["apply"]);
    (repository, format!("127.0.0.1:{port}"))
}

fn page(address: &str, accept: &str) -> Response {
    let request = format!("GET /whatever HTTP/1.1\r\nhost: x\r\naccept: {accept}\r\nconnection: close\r\n\r\n");
    exchange(address, request.as_bytes())
}

/// Each sample with its labels, as it is written.
fn samples(text: &str) -> BTreeMap<String, f64> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (sample, value) = line.rsplit_once(' ').unwrap();
            (sample.to_owned(), value.parse().unwrap())
        })
        .collect()
}

/// The families that a parser of Prometheus' own client finds.
fn parsed(python: &OsStr, module: &str, text: &str) -> BTreeSet<String> {
    let program = format!(
        "import sys\nfrom {module} import text_string_to_metric_families as parse\n\
         for family in parse(sys.stdin.read()): print(family.name, family.type, len(family.samples))"
    );
    let mut python = Command::new(python)
        .args(["-c", &program])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    python.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success(), "{module} refuses the page");
    let families = String::from_utf8(output.stdout).unwrap();
    families
        .lines()
        .map(|line| line.split(' ').next().unwrap().to_owned())
        .collect()
}

/// Some of everything.
fn work(server: &Server) {
    assert_eq!(server.post("/get-online-features", READ).status, 200);
    assert_eq!(server.post("/push", PUSH).status, 200);
    assert_eq!(server.post("/get-online-features", READ).status, 200);
    let unknown = r#"{"features":["none:x"],"entities":{"driver_id":[1]}}"#;
    assert_eq!(server.post("/get-online-features", unknown).status, 404);
    assert_eq!(server.post("/get-online-features", "{}").status, 422);
    assert_eq!(server.post("/none", "{}").status, 404);
    let end = r#"{"end_ts":"2100-01-01T00:00:00"}"#;
    assert_eq!(server.post("/materialize-incremental", end).status, 200);
}

#[test]
fn feasts_metrics_have_its_names_and_labels_and_ours_stand_beside_them() {
    let (repository, address) = repository("");
    let server = repository.serve_with(&["--metrics"]);
    work(&server);
    let page = page(&address, "*/*");
    assert_eq!(page.status, 200);
    assert_eq!(
        page.header("content-type"),
        Some("text/plain; version=0.0.4; charset=utf-8")
    );
    let found = samples(&page.body);
    let expected = [
        (
            r#"feast_feature_server_request_total{endpoint="/get-online-features",status="success"}"#,
            2.0,
        ),
        (
            r#"feast_feature_server_request_total{endpoint="/get-online-features",status="error"}"#,
            1.0,
        ),
        (
            r#"feast_feature_server_request_total{endpoint="/push",status="success"}"#,
            1.0,
        ),
        (
            r#"feast_feature_server_request_total{endpoint="/materialize-incremental",status="success"}"#,
            1.0,
        ),
        (
            r#"feast_feature_server_request_latency_seconds_count{endpoint="/get-online-features",feature_count="1-10",feature_view_count="1"}"#,
            2.0,
        ),
        (
            r#"feast_feature_server_request_latency_seconds_count{endpoint="/push",feature_count="",feature_view_count=""}"#,
            1.0,
        ),
        ("feast_online_features_request_total", 2.0),
        (r#"feast_online_features_entity_count_bucket{le="1.0"}"#, 0.0),
        (r#"feast_online_features_entity_count_bucket{le="5.0"}"#, 2.0),
        (
            r#"feast_online_features_status_total{feature_view="driver_hourly_stats",status="present"}"#,
            2.0,
        ),
        (
            r#"feast_online_features_status_total{feature_view="driver_hourly_stats",status="not_found"}"#,
            6.0,
        ),
        (
            r#"feast_push_request_total{push_source="driver_stats_push_source",mode="online"}"#,
            1.0,
        ),
        (
            r#"feast_materialization_result_total{feature_view="driver_hourly_stats",status="success"}"#,
            1.0,
        ),
        (
            r#"feast_materialization_duration_seconds_count{feature_view="driver_hourly_stats"}"#,
            1.0,
        ),
        // Ours.
        (
            r#"feast_http_requests_total{endpoint="/get-online-features",code="200"}"#,
            2.0,
        ),
        (
            r#"feast_http_requests_total{endpoint="/get-online-features",code="404"}"#,
            1.0,
        ),
        (
            r#"feast_http_requests_total{endpoint="/get-online-features",code="422"}"#,
            1.0,
        ),
        (r#"feast_http_requests_total{endpoint="other",code="404"}"#, 1.0),
        (
            r#"feast_view_rows_total{feature_view="driver_hourly_stats",outcome="found"}"#,
            1.0,
        ),
        (
            r#"feast_view_rows_total{feature_view="driver_hourly_stats",outcome="not_found"}"#,
            3.0,
        ),
        (
            r#"feast_view_null_values_total{feature_view="driver_hourly_stats"}"#,
            1.0,
        ),
        (r#"feast_written_rows_total{outcome="written"}"#, 1.0),
        ("feast_ready", 1.0),
    ];
    for (sample, value) in expected {
        assert_eq!(found.get(sample), Some(&value), "{sample} in\n{}", page.body);
    }
    let freshness = r#"feast_feature_freshness_seconds{feature_view="driver_hourly_stats",project="#;
    assert!(
        found.keys().any(|sample| sample.starts_with(freshness)),
        "{}",
        page.body
    );
    assert!(found["process_resident_memory_bytes"] > 1e6);
    assert!(found["feast_online_store_disk_free_bytes"] > 0.0);
    // Also on the serving port, where it is configured.
    let route = server.send("GET", "/metrics", &[], "");
    assert_eq!(route.status, 200);
    assert!(route.body.contains("feast_online_features_request_total 2"));
}

#[test]
fn prometheus_reads_both_formats() {
    let Some(python) = python() else { return };
    let (repository, address) = repository("feature_server: {metrics: {enabled: true}}");
    let server = repository.serve();
    work(&server);
    let text = parsed(&python, "prometheus_client.parser", &page(&address, "text/plain").body);
    let open = page(&address, "application/openmetrics-text; version=1.0.0,text/plain;q=0.5");
    assert_eq!(
        open.header("content-type"),
        Some("application/openmetrics-text; version=1.0.0; charset=utf-8")
    );
    let open = parsed(&python, "prometheus_client.openmetrics.parser", &open.body);
    assert_eq!(text, open);
    assert!(open.contains("feast_feature_server_request"), "{open:?}");
}

#[test]
fn what_is_switched_off_is_not_there() {
    let (repository, address) = repository("feature_server: {metrics: {enabled: true, push: false, request: false}}");
    let server = repository.serve();
    work(&server);
    let body = page(&address, "*/*").body;
    for gone in [
        "feast_push_request",
        "feast_http_requests",
        "feast_feature_server_request",
    ] {
        assert!(!body.contains(gone), "{gone} in\n{body}");
    }
    assert!(body.contains("feast_online_features_request_total 2"));
}

#[test]
fn nothing_is_served_unless_asked_for() {
    let repository = Repository::from_template();
    repository.succeed(&["apply"]);
    let server = repository.serve();
    assert_eq!(server.send("GET", "/metrics", &[], "").status, 404);
    let (_, log) = server.stop();
    assert!(!log.contains("Metrics are on"), "{log}");
}

/// They are asked for most when the server has no room left.
#[test]
fn the_page_is_there_when_clients_take_all_connections() {
    let (repository, address) = repository("");
    let server = repository.serve_with(&["--metrics", "--workers", "1", "--worker-connections", "2"]);
    let busy: Vec<_> = (0..2)
        .map(|_| {
            let mut stream = std::net::TcpStream::connect(server.address()).unwrap();
            stream
                .write_all(b"POST /push HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{")
                .unwrap();
            stream
        })
        .collect();
    let in_bodies = r#"feast_connections{phase="body"}"#;
    eventually("both are seen", || {
        samples(&page(&address, "*/*").body).get(in_bodies) == Some(&2.0)
    });
    drop(busy);
}

/// Words that look like metrics in a file.
fn named_metrics(path: &str) -> BTreeSet<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    let text = std::fs::read_to_string(path).unwrap();
    let words = text.split(|character: char| !(character.is_ascii_alphanumeric() || character == '_'));
    let is_metric = |word: &&str| {
        let is_ours = word.starts_with("feast_") && word.len() > "feast_".len();
        is_ours || word.starts_with("process_")
    };
    words.filter(is_metric).map(str::to_owned).collect()
}

#[test]
fn the_dashboard_and_the_alerts_name_metrics_that_exist() {
    let (repository, address) = repository("feature_server: {feature_logging: {enabled: true}}");
    // Rows are counted of services that are to be logged.
    let definitions = std::fs::read_to_string(repository.path.join("feature_definitions.py")).unwrap();
    let logged = r#"
from feast.feature_logging import LoggingConfig
from feast.infra.offline_stores.file_source import FileLoggingDestination

to_files = LoggingConfig(destination=FileLoggingDestination(path="logs"))
logged = FeatureService(name="logged", features=[driver_hourly_stats], logging_config=to_files)
"#;
    repository.write("feature_definitions.py", &format!("{definitions}{logged}"));
    repository.succeed(&["apply"]);
    // Only a server that makes backups says when the last one was made.
    let given = std::fs::read_to_string(repository.path.join("feature_store.yaml")).unwrap();
    let with_backups = given.replace(
        "metrics_route: true}",
        "metrics_route: true, backups: {directory: backups}}",
    );
    assert_ne!(with_backups, given);
    repository.write("feature_store.yaml", &with_backups);
    let server = repository.serve_with(&["--metrics"]);
    work(&server);
    let by_service = r#"{"feature_service":"driver_activity","entities":{"driver_id":[1001]}}"#;
    assert_eq!(server.post("/get-online-features", by_service).status, 200);
    let body = page(&address, "*/*").body;
    let families = body.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let samples = body.lines().filter(|line| !line.starts_with('#'));
    let names: BTreeSet<&str> = families
        .chain(samples)
        .filter_map(|line| line.split(['{', ' ']).next())
        .collect();
    for file in ["deploy/monitoring/alerts.yml", "deploy/monitoring/dashboard.json"] {
        let named = named_metrics(file);
        assert!(named.len() > 5, "{file}");
        let unknown: Vec<&String> = named.iter().filter(|name| !names.contains(name.as_str())).collect();
        assert!(unknown.is_empty(), "{file} names {unknown:?}");
    }
}

/// The sum of the samples that begin like this.
fn sum(page: &str, start: &str) -> f64 {
    let samples = samples(page);
    let found = samples.iter().filter(|(sample, _)| sample.starts_with(start));
    found.map(|(_, value)| value).sum()
}

#[test]
fn requests_of_clients_that_hang_up_are_noted_as_they_end() {
    let (repository, _) = repository("");
    let server = repository.serve_with(&["--metrics"]);
    let request = format!(
        "POST /push HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{PUSH}",
        PUSH.len()
    );
    for pause in (0..40).map(|number| number % 8) {
        let mut client = TcpStream::connect(server.address()).unwrap();
        client.write_all(request.as_bytes()).unwrap();
        std::thread::sleep(Duration::from_millis(pause));
        // The connection is reset when it is closed.
        SockRef::from(&client).set_linger(Some(Duration::ZERO)).unwrap();
    }
    let page = || server.send("GET", "/metrics", &[], "").body;
    let all = r#"feast_http_requests_total{endpoint="/push""#;
    let written = r#"feast_http_requests_total{endpoint="/push",code="200"}"#;
    eventually("each request is noted", || {
        let page = page();
        sum(&page, all) > 20.0 && sum(&page, written) == sum(&page, "feast_push_request_total{")
    });
    std::thread::sleep(Duration::from_millis(200));
    let (noted, log) = (sum(&page(), all), server.stop().1);
    assert_eq!(log.matches("\"POST /push\" ").count() as f64, noted, "{log}");
}

#[test]
fn many_who_ask_for_the_page_at_once_do_not_keep_the_server_from_its_work() {
    let (repository, address) = repository("");
    let server = repository.serve_with(&["--metrics"]);
    let request = b"GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n";
    // They do not read.
    let clients: Vec<TcpStream> = (0..200)
        .map(|_| {
            let mut client = TcpStream::connect(&address).unwrap();
            client.write_all(request).unwrap();
            client
        })
        .collect();
    assert_eq!(server.post("/push", PUSH).status, 200);
    let threads = std::fs::read_dir(format!("/proc/{}/task", server.process_id()))
        .unwrap()
        .count();
    assert!(threads < 100, "{threads} threads");
    drop(clients);
    eventually("the page can be had again", || page(&address, "*/*").status == 200);
}
