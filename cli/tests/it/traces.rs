//! Spans of requests, as a collector gets them, and the log of slow requests.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::symlink;
use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;

use crate::support::{Repository, Server, eventually};

const READ: &str = r#"{"features":["driver_hourly_stats:conv_rate"],"entities":{"driver_id":[1001,7]}}"#;
const PUSH: &str = r#"{"push_source_name":"driver_stats_push_source","to":"online","df":{"driver_id":[1001],"event_timestamp":["2100-01-01T00:00:00Z"],"created":["2026-05-13"],"conv_rate":[null],"acc_rate":[1.0],"avg_daily_trips":[777]}}"#;
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

/// A collector on loopback.
pub(crate) struct Collector {
    address: String,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    spans: Vec<Span>,
    services: Vec<String>,
    /// Heads of the requests that it got.
    heads: Vec<String>,
    /// Requests that it refuses with a status.
    refuses: Option<u16>,
}

impl Collector {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let state = Arc::<Mutex<State>>::default();
        let collector = Self {
            address,
            state: Arc::clone(&state),
        };
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let state = Arc::clone(&state);
                std::thread::spawn(move || take(stream.unwrap(), &state));
            }
        });
        collector
    }

    /// A server whose spans come here.
    fn serve(&self, settings: &str, options: &[&str]) -> (Repository, Server) {
        serve(&self.traces(settings), options)
    }

    /// The settings of a server whose spans come here.
    pub(crate) fn traces(&self, settings: &str) -> String {
        format!(
            "traces: {{endpoint: \"http://{}\", sample_rate: {settings}}}",
            self.address
        )
    }

    fn refuse(&self, status: Option<u16>) {
        self.state.lock().unwrap().refuses = status;
    }

    /// The spans of one request of this name, that of the request first, once they are here.
    pub(crate) fn request(&self, name: &str) -> Vec<Span> {
        let found = || {
            let state = self.state.lock().unwrap();
            let above = state.spans.iter().find(|span| span.name == name)?.clone();
            let below = state.spans.iter().filter(|span| span.parent_span_id == above.span_id);
            let below: Vec<Span> = below.cloned().collect();
            Some([vec![above], below].concat())
        };
        eventually(&format!("the span {name}"), || found().is_some());
        found().unwrap()
    }
}

fn serve(settings: &str, options: &[&str]) -> (Repository, Server) {
    let repository = repository(settings, "");
    let server = repository.serve_with(options);
    (repository, server)
}

fn repository(serving: &str, more: &str) -> Repository {
    let repository = Repository::from_template();
    let given = std::fs::read_to_string(repository.path.join("feature_store.yaml")).unwrap();
    repository.write(
        "feature_store.yaml",
        &format!("{given}\nserving: {{{serving}}}\n{more}\n"),
    );
    repository.succeed(&["apply"]);
    repository
}

fn take(mut stream: TcpStream, state: &Mutex<State>) {
    loop {
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read(&mut byte) {
                Ok(1) => head.push(byte[0]),
                _ => return,
            }
        }
        let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
        let length = head.split("content-length: ").nth(1).unwrap().lines().next().unwrap();
        let mut body = vec![0; length.parse().unwrap()];
        stream.read_exact(&mut body).unwrap();
        let status = {
            let mut state = state.lock().unwrap();
            state.heads.push(head);
            match state.refuses {
                Some(status) => status,
                None => {
                    state.keep(&body);
                    200
                }
            }
        };
        let response =
            format!("HTTP/1.1 {status} x\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n");
        if stream.write_all(response.as_bytes()).is_err() {
            return;
        }
    }
}

impl State {
    fn keep(&mut self, body: &[u8]) {
        for resource in ExportTraceServiceRequest::decode(body).unwrap().resource_spans {
            let attributes = resource.resource.unwrap().attributes;
            let service = attributes.into_iter().find(|attribute| attribute.key == "service.name");
            match service.unwrap().value.unwrap().value {
                Some(Value::StringValue(name)) => self.services.push(name),
                other => panic!("{other:?}"),
            }
            self.spans
                .extend(resource.scope_spans.into_iter().flat_map(|scope| scope.spans));
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn names(spans: &[Span]) -> Vec<&str> {
    spans.iter().map(|span| span.name.as_str()).collect()
}

fn attribute(span: &Span, key: &str) -> String {
    let found = span.attributes.iter().find(|attribute| attribute.key == key);
    match found.and_then(|attribute| attribute.value.clone()?.value) {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    }
}

#[test]
fn a_request_is_a_span_and_its_steps_are_spans_below_it() {
    let collector = Collector::start();
    let (_repository, server) = collector.serve("1", &[]);
    let headers = [("x-request-id", "the-one"), ("content-type", "application/json")];
    assert_eq!(server.send("POST", "/get-online-features", &headers, READ).status, 200);
    assert_eq!(server.post("/push", PUSH).status, 200);
    assert_eq!(server.post("/none", "{}").status, 404);

    let read = collector.request("POST /get-online-features");
    let steps = ["receive", "parse", "plan", "convert", "look_up", "decode", "write"];
    let found: Vec<&str> = names(&read)[1..]
        .iter()
        .copied()
        .filter(|name| *name != "wait")
        .collect();
    assert_eq!(found, steps);
    let expected = [
        ("http.request.method", "POST"),
        ("http.route", "/get-online-features"),
        ("url.path", "/get-online-features"),
        ("http.response.status_code", "200"),
        ("network.protocol.version", "1.1"),
        ("client.address", "127.0.0.1"),
        ("feast.request_id", "the-one"),
        ("feast.rows", "2"),
    ];
    for (key, value) in expected {
        assert_eq!(attribute(&read[0], key), value, "{key}");
    }
    assert!(read[0].parent_span_id.is_empty());
    // One after the other, within the request.
    for pair in read[1..].windows(2) {
        assert_eq!(pair[0].end_time_unix_nano, pair[1].start_time_unix_nano);
    }
    assert_eq!(read[1].start_time_unix_nano, read[0].start_time_unix_nano);
    assert_eq!(read.last().unwrap().end_time_unix_nano, read[0].end_time_unix_nano);
    assert!(read.iter().all(|span| span.trace_id == read[0].trace_id));

    let push = collector.request("POST /push");
    assert_eq!(
        names(&push)[1..],
        ["receive", "wait", "parse", "plan", "convert", "store"]
    );
    assert_eq!(attribute(&push[0], "feast.subject"), "driver_stats_push_source");
    assert_eq!(attribute(&push[0], "feast.rows"), "1");
    // Not by its path, of which there are as many as clients like.
    let unknown = collector.request("POST");
    assert_eq!(attribute(&unknown[0], "url.path"), "/none");

    let state = collector.state.lock().unwrap();
    assert!(state.heads.iter().all(|head| head.starts_with("post /v1/traces ")));
    assert!(state.services.iter().all(|name| name == "feast"));
    // No keys and no values.
    let keys = state
        .spans
        .iter()
        .flat_map(|span| &span.attributes)
        .map(|attribute| attribute.key.as_str());
    let more = ["feast.subject"];
    let known = expected.iter().map(|(key, _)| *key).chain(more);
    assert!(
        keys.clone().all(|key| known.clone().any(|known| known == key)),
        "{:?}",
        keys.collect::<Vec<_>>()
    );
}

#[test]
fn a_trace_of_the_client_goes_on_whatever_the_sample_rate() {
    let collector = Collector::start();
    let (_repository, server) = collector.serve("0", &[]);
    let read = |parent: &str| {
        let headers = [("traceparent", parent), ("content-type", "application/json")];
        assert_eq!(server.send("POST", "/get-online-features", &headers, READ).status, 200);
    };
    read(&format!("00-{TRACE}-{PARENT}-00"));
    read("not-a-trace");
    read(&format!("00-{TRACE}-{PARENT}-01"));
    let spans = collector.request("POST /get-online-features");
    assert_eq!(
        (hex(&spans[0].trace_id), hex(&spans[0].parent_span_id)),
        (TRACE.to_owned(), PARENT.to_owned())
    );
    server.stop();
    let state = collector.state.lock().unwrap();
    let requests = state.spans.iter().filter(|span| span.name.starts_with("POST"));
    assert_eq!(requests.count(), 1);
}

#[test]
fn lines_about_a_request_have_the_id_of_its_trace() {
    let collector = Collector::start();
    let serving = format!("{}, audit_strict: true", collector.traces("0"));
    let repository = repository(&serving, "feature_server: {audit_logging: {enabled: true, sink: file}}");
    let audit = repository.path.join("feast_audit.log");
    // It takes nothing, so that writes fail.
    symlink("/dev/full", &audit).unwrap();
    let server = repository.serve_with(&["--log-format", "json"]);
    let ask = |id: &str, parent: &str, path: &str, body: &str| {
        let headers = [("x-request-id", id), ("traceparent", parent)];
        server.send("POST", path, &headers, body).status
    };
    let traced = format!("00-{TRACE}-{PARENT}-01");
    assert_eq!(ask("fails", &traced, "/push", PUSH), 503);
    assert_eq!(ask("reads", &traced, "/get-online-features", READ), 200);
    assert_eq!(ask("none", "", "/get-online-features", READ), 200);
    std::fs::remove_file(&audit).unwrap();
    server.signal("HUP");
    eventually("pushes are taken", || ask("later", "", "/push", PUSH) == 200);
    let (_, log) = server.stop();
    let parsed = |text: &str| -> Vec<serde_json::Value> {
        let lines = text.lines().filter_map(|line| serde_json::from_str(line).ok());
        lines.collect()
    };
    let (log, audit) = (parsed(&log), parsed(&std::fs::read_to_string(&audit).unwrap()));
    // Of the request that fails there is a line of the failure, one of the access log, and one of the audit log.
    for (id, traced, in_log) in [("fails", true, 2), ("reads", true, 1), ("none", false, 1)] {
        let of_request = |lines: &[serde_json::Value]| -> Vec<Option<String>> {
            let lines = lines.iter().filter(|line| line["request_id"] == id);
            lines
                .map(|line| Some(line.get("trace_id")?.as_str()?.to_owned()))
                .collect()
        };
        let expected = traced.then(|| TRACE.to_owned());
        assert_eq!(of_request(&log), vec![expected.clone(); in_log], "{id}: {log:#?}");
        assert_eq!(of_request(&audit), [expected], "{id}: {audit:#?}");
    }
}

#[test]
fn spans_that_wait_are_sent_when_the_server_stops() {
    let collector = Collector::start();
    let (_repository, server) = collector.serve("1", &[]);
    for _ in 0..300 {
        assert_eq!(server.post("/get-online-features", READ).status, 200);
    }
    let (code, log) = server.stop();
    assert_eq!(code, Some(0), "{log}");
    assert!(
        log.contains(&format!("Traces go to http://{}/v1/traces", collector.address)),
        "{log}"
    );
    let state = collector.state.lock().unwrap();
    let requests = state
        .spans
        .iter()
        .filter(|span| span.name == "POST /get-online-features");
    assert_eq!(requests.count(), 300);
}

#[test]
fn a_collector_that_refuses_costs_spans_and_no_request() {
    let collector = Collector::start();
    collector.refuse(Some(400));
    let (_repository, server) = serve(
        &format!(
            "metrics_route: true, traces: {{endpoint: \"http://{}\", sample_rate: 1}}",
            collector.address
        ),
        &[],
    );
    let requests = |outcome: &str| {
        let page = server.send("GET", "/metrics", &[], "").body;
        let name = format!("feast_traced_requests_total{{outcome=\"{outcome}\"}} ");
        let line = page
            .lines()
            .find_map(|line| line.strip_prefix(&name).map(str::to_owned));
        line.unwrap_or_default()
    };
    assert_eq!(server.post("/get-online-features", READ).status, 200);
    eventually("the spans are lost", || requests("failed") == "1");
    collector.refuse(None);
    assert_eq!(server.post("/get-online-features", READ).status, 200);
    eventually("the spans are sent", || {
        requests("sent").parse::<u64>().is_ok_and(|sent| sent > 0)
    });
    assert_eq!(requests("dropped"), "0");
    let (_, log) = server.stop();
    assert_eq!(log.matches("spans are lost, as http://").count(), 1, "{log}");
    assert!(log.contains("status code: 400"), "{log}");
    assert!(log.contains("again; those of 1 requests are lost"), "{log}");
}

#[test]
fn a_collector_that_is_away_keeps_no_server_from_stopping() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (_repository, server) = serve(
        &format!("traces: {{endpoint: \"http://127.0.0.1:{port}\", sample_rate: 1}}"),
        &[],
    );
    assert_eq!(server.post("/get-online-features", READ).status, 200);
    let (code, log) = server.stop();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("Connection refused"), "{log}");
}

#[test]
fn slow_requests_say_where_their_time_went() {
    let (_repository, server) = serve("slow_requests: 0", &["--log-format", "json"]);
    let headers = [("x-request-id", "the-one"), ("content-type", "application/json")];
    assert_eq!(server.send("POST", "/get-online-features", &headers, READ).status, 200);
    // One line a second.
    assert_eq!(server.post("/get-online-features", READ).status, 200);
    let (_, log) = server.stop();
    let lines: Vec<serde_json::Value> = log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let slow: Vec<_> = lines
        .iter()
        .filter(|line| {
            line["message"]
                .as_str()
                .is_some_and(|message| message.starts_with("slow: "))
        })
        .collect();
    assert_eq!(slow.len(), 1, "{log}");
    let expected = [
        ("path", "/get-online-features"),
        ("request_id", "the-one"),
        ("subject", ""),
        ("level", "WARN"),
    ];
    for (key, value) in expected {
        assert_eq!(slow[0][key], value, "{log}");
    }
    assert_eq!(slow[0]["rows"], 2);
    let steps = slow[0]["steps"].as_str().unwrap();
    assert!(
        steps.starts_with("receive ") && steps.contains("look_up ") && steps.contains(", write "),
        "{steps}"
    );
}

#[test]
fn requests_that_are_fast_enough_are_not_in_the_log() {
    let (_repository, server) = serve("slow_requests: 1h", &[]);
    assert_eq!(server.post("/get-online-features", READ).status, 200);
    let (_, log) = server.stop();
    assert!(!log.contains("slow:"), "{log}");
}
