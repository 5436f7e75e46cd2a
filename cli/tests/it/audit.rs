//! The audit log through the binary: a line for each request, in a file that is moved away, full, torn or somebody else's.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::net::TcpStream;
use std::os::unix::fs::{FileExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::interop::python;
use crate::support::{Disk, Repository, Server, eventually};

const READ: &str = r#"{"features":["driver_hourly_stats:conv_rate"],"entities":{"driver_id":[1001]}}"#;
const PUSH: &str = r#"{"push_source_name":"driver_stats_push_source","to":"online","df":{"driver_id":[1001],"event_timestamp":["2100-01-01T00:00:00Z"],"created":["2026-05-13"],"conv_rate":[null],"acc_rate":[1.0],"avg_daily_trips":[777]}}"#;
const TO_FILE: &str = "enabled: true, sink: file";
const STRICT: &str = "serving: {audit_strict: true}";

/// A repository whose server has an audit log with these settings.
fn repository(audit_logging: &str, more: &str) -> Repository {
    let repository = Repository::from_template();
    let settings = std::fs::read_to_string(repository.path.join("feature_store.yaml")).unwrap();
    let audit = format!("feature_server: {{audit_logging: {{{audit_logging}}}}}");
    repository.write("feature_store.yaml", &format!("{settings}\n{audit}\n{more}\n"));
    repository.succeed(&["apply"]);
    repository
}

fn log_of(repository: &Repository) -> PathBuf {
    repository.path.join("feast_audit.log")
}

fn lines(file: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let line = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    text.lines().map(line).collect()
}

/// What differs between lines, in short: type of event; type, name and actions of the resource; outcome; detail.
pub(crate) fn shown(line: &Value) -> String {
    let text = |pointer: &str| line.pointer(pointer).unwrap().as_str().unwrap().to_owned();
    let actions: Vec<&str> = line["resource"]["actions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|action| action.as_str().unwrap())
        .collect();
    let resource = match (
        text("/resource/type").as_str(),
        text("/resource/name"),
        actions.join("+"),
    ) {
        ("", name, actions) if name.is_empty() && actions.is_empty() => "-".to_owned(),
        (kind, name, actions) => format!("{kind} {name} {actions}"),
    };
    format!(
        "{} | {} | {} | {}",
        text("/event_type"),
        resource,
        text("/outcome"),
        text("/detail")
    )
}

/// The lines of a server that was stopped.
fn shown_after_stop(server: Server, file: &Path) -> Vec<String> {
    let (code, log) = server.stop();
    assert_eq!(code, Some(0), "{log}");
    lines(file).iter().map(shown).collect()
}

/// Method, path, body, status, and what is in its line: the resource and the outcome.
const REQUESTS: [(&str, &str, &str, u16, &str); 16] = [
    (
        "POST",
        "/get-online-features",
        READ,
        200,
        "feature_view driver_hourly_stats READ_ONLINE | success",
    ),
    (
        "POST",
        "/get-online-features",
        r#"{"feature_service":"driver_activity","entities":{"driver_id":[1,2]}}"#,
        200,
        "feature_service driver_activity READ_ONLINE | success",
    ),
    (
        "POST",
        "/get-online-features",
        r#"{"features":["driver_hourly_stats:conv_rate","offer_value:fare_per_km"],"entities":{"driver_id":[1],"fare":[1.5],"distance_km":[2.0]}}"#,
        200,
        "feature_view,on_demand_feature_view driver_hourly_stats,offer_value READ_ONLINE | success",
    ),
    // What is not there is what was asked all the same.
    (
        "POST",
        "/get-online-features",
        r#"{"features":["no\"ne\n:x","driver_hourly_stats:conv_rate"],"entities":{"driver_id":[1]}}"#,
        404,
        "feature_view driver_hourly_stats,no\"ne\n READ_ONLINE | failure",
    ),
    (
        "POST",
        "/get-online-features",
        r#"{"feature_service":"none","entities":{"driver_id":[1]}}"#,
        404,
        "feature_service none READ_ONLINE | failure",
    ),
    // It did not come so far: Feast's words for the path.
    (
        "POST",
        "/get-online-features",
        "{}",
        422,
        "feature_service  READ_ONLINE | failure",
    ),
    (
        "POST",
        "/push",
        PUSH,
        200,
        "push_source driver_stats_push_source WRITE_ONLINE | success",
    ),
    (
        "POST",
        "/push",
        r#"{"push_source_name":"none","to":"online_and_offline","df":{"a":[1]}}"#,
        422,
        "push_source none WRITE_ONLINE+WRITE_OFFLINE | failure",
    ),
    (
        "POST",
        "/push",
        "[",
        422,
        "push_source  WRITE_ONLINE+WRITE_OFFLINE | failure",
    ),
    (
        "POST",
        "/write-to-online-store",
        r#"{"feature_view_name":"driver_hourly_stats","df":{"driver_id":[1]}}"#,
        400,
        "feature_view driver_hourly_stats WRITE_ONLINE | failure",
    ),
    (
        "POST",
        "/materialize-incremental",
        r#"{"end_ts":"2020-01-01"}"#,
        200,
        "feature_view driver_hourly_stats WRITE_ONLINE | success",
    ),
    (
        "GET",
        "/v1/vector_stores",
        "",
        200,
        "feature_view driver_hourly_stats DESCRIBE | success",
    ),
    (
        "GET",
        "/push",
        "",
        405,
        "push_source  WRITE_ONLINE+WRITE_OFFLINE | failure",
    ),
    ("GET", "/none%0a%22?token=secret", "", 404, "- | failure"),
    ("POST", "/push/", "", 307, "- | success"),
    ("GET", "/health/", "", 307, "- | success"),
];

#[test]
fn each_request_has_a_line_of_what_it_really_asked_and_got() {
    let repository = repository(TO_FILE, "");
    let server = repository.serve();
    let mut expected = Vec::new();
    for (method, path, body, status, line) in &REQUESTS {
        let answer = server.send(method, path, &[], body);
        assert_eq!(answer.status, *status, "{method} {path} {body}: {}", answer.body);
        let path = path.split('?').next().unwrap();
        expected.push(format!("http.request | {line} | {method} {path} -> {status}"));
    }
    for path in [
        "/health",
        "/ready",
        "/docs",
        "/openapi.json",
        "/static/x",
        "/mcp",
        "/mcp/sse",
    ] {
        server.send("GET", path, &[], "");
    }
    assert_eq!(shown_after_stop(server, &log_of(&repository)), expected);
    assert_eq!(
        log_of(&repository).metadata().unwrap().permissions().mode() & 0o777,
        0o600
    );
}

#[test]
fn a_line_has_feasts_members_in_feasts_order() {
    let repository = repository(TO_FILE, "");
    let server = repository.serve();
    let headers = [
        ("x-request-id", "my-id"),
        ("x-forwarded-for", "10.9.8.7"),
        ("x-feast-auth-type", "root"),
        ("content-type", "application/json"),
    ];
    assert_eq!(server.send("POST", "/get-online-features", &headers, READ).status, 200);
    server.stop();
    let text = std::fs::read_to_string(log_of(&repository)).unwrap();
    let line: Value = serde_json::from_str(&text).unwrap();
    let (timestamp, duration) = (line["timestamp"].as_str().unwrap(), &line["duration_ms"]);
    // Whoever sends it chooses what those headers say: they count for nothing.
    assert_eq!(
        text,
        format!(
            concat!(
                r#"{{"event_type":"http.request","timestamp":"{}","request_id":"my-id","#,
                r#""principal":{{"username":"","roles":[],"auth_type":""}},"source":{{"ip":"127.0.0.1","transport":"http"}},"#,
                r#""action":{{"mcp_tool":"","path":"/get-online-features"}},"#,
                r#""resource":{{"type":"feature_view","name":"driver_hourly_stats","actions":["READ_ONLINE"]}},"#,
                r#""outcome":"success","duration_ms":{},"detail":"POST /get-online-features -> 200"}}"#,
                "\n"
            ),
            timestamp, duration
        )
    );
    assert_eq!(
        (timestamp.len(), &timestamp[10..11], &timestamp[23..]),
        (24, "T", "Z"),
        "{timestamp}"
    );
}

#[test]
fn python_feast_reads_a_line_and_writes_the_same_one() {
    let Some(python) = python() else { return };
    let repository = repository(TO_FILE, "");
    let server = repository.serve();
    for (method, path, body, ..) in &REQUESTS {
        server.send(method, path, &[], body);
    }
    server.stop();
    let program = "import sys\nfrom feast.audit.audit_logger import AuditEvent\nfor line in open(sys.argv[1]):\n    \
                   written = AuditEvent.model_validate_json(line).to_jsonl()\n    assert written + '\\n' == line, (written, line)\n";
    let run = Command::new(python)
        .arg("-c")
        .arg(program)
        .arg(log_of(&repository))
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
}

#[test]
fn answered_reads_can_be_left_out_and_nothing_else() {
    let repository = repository(&format!("{TO_FILE}, log_successful_reads: false, file_path: a.log"), "");
    let server = repository.serve();
    assert_eq!(server.post("/get-online-features", READ).status, 200);
    assert_eq!(server.post("/get-online-features", "{}").status, 422);
    assert_eq!(server.post("/push", PUSH).status, 200);
    assert_eq!(server.send("GET", "/v1/vector_stores", &[], "").status, 200);
    let expected = [
        "http.request | feature_service  READ_ONLINE | failure | POST /get-online-features -> 422",
        "http.request | push_source driver_stats_push_source WRITE_ONLINE | success | POST /push -> 200",
        "http.request | feature_view driver_hourly_stats DESCRIBE | success | GET /v1/vector_stores -> 200",
    ];
    assert_eq!(shown_after_stop(server, &repository.path.join("a.log")), expected);
}

#[test]
fn commands_by_the_socket_beside_the_store_have_lines() {
    let repository = repository(TO_FILE, "serving: {audit_strict: true}");
    let server = repository.serve();
    repository.succeed(&[
        "materialize-incremental",
        "2100-01-01T00:00:00",
        "-v",
        "driver_hourly_stats",
    ]);
    let backups = repository.path.join("backups");
    repository.succeed(&["backup", backups.to_str().unwrap()]);
    for view in [vec!["--view", "driver_hourly_stats"], vec!["--entity"]] {
        let delete = [&["online-store", "delete"], view.as_slice(), &["driver_id=1001"]].concat();
        repository.succeed(&delete);
    }
    server.stop();
    let found = lines(&log_of(&repository));
    let project = "feature_repo";
    let expected = [
        "feature_view driver_hourly_stats WRITE_ONLINE | success | POST /materialize-incremental".to_owned(),
        format!("project {project} DESCRIBE+READ_ONLINE | success | POST /backup"),
        "feature_view driver_hourly_stats WRITE_ONLINE | success | POST /forget-rows".to_owned(),
        format!("project {project} WRITE_ONLINE | success | POST /forget-rows"),
    ];
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    let user = log_of(&repository)
        .metadata()
        .map(|metadata| std::os::unix::fs::MetadataExt::uid(&metadata))
        .unwrap();
    for (line, expected) in found.iter().zip(&expected) {
        let text = shown(line);
        assert!(
            text.starts_with(&format!("http.request | {expected} -> 200 (process "))
                && text.ends_with(&format!(" of user {user})")),
            "{text}"
        );
        let principal = json!({"username": format!("uid {user}"), "roles": [], "auth_type": "store_owner"});
        assert_eq!(line["principal"], principal);
        assert_eq!(line["source"], json!({"ip": "", "transport": "unix"}));
        // What is removed is not named.
        assert!(!line.to_string().contains("1001"), "{line}");
    }
}

#[test]
fn a_request_whose_client_goes_away_has_its_line() {
    let repository = repository(TO_FILE, "");
    let server = repository.serve();
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream
        .write_all(b"POST /push HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n{\"push")
        .unwrap();
    // Its head has come when the next request is answered.
    assert_eq!(server.post("/get-online-features", READ).status, 200);
    drop(stream);
    let file = log_of(&repository);
    eventually("both have a line", || lines(&file).len() == 2);
    let found = shown_after_stop(server, &file);
    assert!(
        found[1].starts_with("http.request | push_source  WRITE_ONLINE+WRITE_OFFLINE | ")
            && !found[1].contains("success"),
        "{found:?}"
    );
}

#[test]
fn a_file_that_is_moved_away_is_complete_and_another_one_goes_on() {
    let repository = repository(TO_FILE, STRICT);
    let server = repository.serve();
    let (file, moved) = (log_of(&repository), repository.path.join("feast_audit.log.1"));
    let ask = |id: &str| {
        let answer = server.send("POST", "/push", &[("x-request-id", id)], PUSH);
        assert_eq!(answer.status, 200, "{}", answer.body);
    };
    let ids = |file: &Path| -> Vec<Value> { lines(file).into_iter().map(|line| line["request_id"].clone()).collect() };
    ask("a");
    assert_eq!(ids(&file), ["a"]);
    std::fs::rename(&file, &moved).unwrap();
    ask("b");
    assert_eq!(ids(&moved), ["a", "b"]);
    server.signal("HUP");
    eventually("there is a new file", || file.exists());
    ask("c");
    // Without being moved, it is the same one.
    server.signal("HUP");
    ask("d");
    assert_eq!(
        (ids(&moved), ids(&file)),
        (vec![json!("a"), json!("b")], vec![json!("c"), json!("d")])
    );
    // One that was removed takes nothing with it.
    std::fs::remove_file(&file).unwrap();
    ask("e");
    assert_eq!(ids(&file), ["e"]);
    let (code, log) = server.stop();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("the level of the log is read again"), "{log}");
}

#[test]
fn nothing_is_written_while_a_strict_log_has_no_room_and_reads_go_on() {
    let repository = repository(TO_FILE, STRICT);
    let file = log_of(&repository);
    symlink("/dev/full", &file).unwrap();
    let server = repository.serve();
    // A read whose line is not taken says that there is trouble.
    assert_eq!(server.post("/get-online-features", READ).status, 200);
    let warnings = || server.send("GET", "/ready", &[], "").json()["warnings"].to_string();
    eventually("it is a warning", || warnings().contains("cannot write the audit log"));
    let writes: [(&str, &str); 4] = [
        ("/push", PUSH),
        (
            "/write-to-online-store",
            r#"{"feature_view_name":"driver_hourly_stats","df":{"driver_id":[1]}}"#,
        ),
        ("/materialize-incremental", r#"{"end_ts":"2100-01-01T00:00:00"}"#),
        (
            "/materialize?async=true",
            r#"{"start_ts":"2000-01-01","end_ts":"2100-01-01T00:00:00"}"#,
        ),
    ];
    for (path, body) in writes {
        let refused = server.post(path, body);
        assert_eq!(
            (refused.status, refused.header("retry-after")),
            (503, Some("1")),
            "{path}: {}",
            refused.body
        );
        let said = refused.json();
        let said = said.as_str().unwrap();
        assert!(
            said.starts_with("cannot write the audit log feast_audit.log: ")
                && said
                    .ends_with("Nothing is written to the feature store without the audit log (serving.audit_strict)"),
            "{said}"
        );
    }
    let backup = repository.feast(&["backup", repository.path.join("backups").to_str().unwrap()]);
    assert_eq!(backup.code, Some(1));
    assert!(
        backup.stderr.contains("cannot write the audit log"),
        "{}",
        backup.stderr
    );
    assert!(!repository.exists("backups"));
    let read = server.post("/get-online-features", READ);
    assert_eq!(read.status, 200);
    assert!(!read.body.contains("PRESENT\",\"PRESENT"), "{}", read.body);
    assert_eq!(server.send("GET", "/ready", &[], "").status, 200);
    // There is room again: all lines come, those of what was refused too.
    std::fs::remove_file(&file).unwrap();
    server.signal("HUP");
    eventually("pushes are taken", || server.post("/push", PUSH).status == 200);
    assert_eq!(warnings(), "[]");
    let (code, log) = server.stop();
    assert_eq!(code, Some(0), "{log}");
    for said in ["cannot write the audit log ", "the audit log is written again"] {
        assert!(log.contains(said), "{log}");
    }
    let found: Vec<String> = lines(&file).iter().map(shown).collect();
    for expected in [
        "POST /get-online-features -> 200",
        "POST /push -> 503",
        "POST /materialize -> 503",
        "POST /backup -> 503",
        "WRITE_ONLINE | success | POST /push -> 200",
    ] {
        assert!(
            found.iter().any(|line| line.contains(expected)),
            "{expected} in {found:#?}"
        );
    }
}

/// How large a file may be while a disk counts as full: no other file of a test comes near it.
const FULL: u64 = 1 << 30;

/// A server whose audit log has room for so many bytes. It has a hole before them, which is on no disk.
fn serve_with_room(repository: &Repository, bytes: u64) -> Server {
    let file = File::create(log_of(repository)).unwrap();
    file.write_all_at(b"\n", FULL - bytes - 1).unwrap();
    let mut command = Command::new("sh");
    // The signal that comes with the limit would end the process.
    command
        .args(["-c", "trap '' XFSZ; exec \"$0\" serve --port 0"])
        .arg(env!("CARGO_BIN_EXE_feast"))
        .current_dir(&repository.path);
    let server = Server::start(command);
    limit_files(&server, &FULL.to_string());
    server
}

/// Sets how large a file of the server may be from now on.
fn limit_files(server: &Server, bytes: &str) {
    let status = Command::new("prlimit")
        .args(["--pid", &server.process_id().to_string()])
        .arg(format!("--fsize={bytes}:unlimited"))
        .status();
    assert!(status.unwrap().success());
}

/// The lines behind the hole, but for one that was cut off.
fn lines_after_hole(repository: &Repository, bytes: u64) -> Vec<Value> {
    let mut file = File::open(log_of(repository)).unwrap();
    file.seek(SeekFrom::Start(FULL - bytes)).unwrap();
    let mut text = String::new();
    file.read_to_string(&mut text).unwrap();
    assert!(text.ends_with("}\n"), "{text}");
    let whole: Vec<Value> = text
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    assert!(text.lines().count() - whole.len() <= 1, "{text}");
    whole
}

/// The number of a metric.
fn metric(server: &Server, name: &str) -> f64 {
    let page = server.send("GET", "/metrics", &[], "");
    assert_eq!(page.status, 200, "{}", page.body);
    let line = page.body.lines().find_map(|line| line.strip_prefix(name));
    let line = line.unwrap_or_else(|| panic!("no {name} in {}", page.body));
    line.trim().parse().unwrap()
}

const FAILS: &str = "feast_condition{kind=\"audit_fails\"}";
const LOST: &str = "feast_audit_lines_dropped_total";
/// Room for some lines.
const ROOM: u64 = 3000;

#[test]
fn on_a_full_disk_a_strict_log_has_all_that_was_acknowledged_and_nothing_else_is_written() {
    let repository = repository(TO_FILE, "serving: {audit_strict: true, metrics_route: true}");
    let server = serve_with_room(&repository, ROOM);
    assert_eq!(metric(&server, FAILS), 0.0);
    let mut acknowledged = Vec::new();
    for number in 0.. {
        let id = format!("push-{number}");
        match server.send("POST", "/push", &[("x-request-id", &id)], PUSH).status {
            200 => acknowledged.push(id),
            503 => break,
            status => panic!("{status}"),
        }
        assert!(number < 50, "the disk does not fill up");
    }
    assert!(!acknowledged.is_empty());
    // From now on nothing is done at all.
    let refused = server.post("/push", &PUSH.replace("1001", "5555"));
    assert_eq!(
        (refused.status, refused.header("retry-after")),
        (503, Some("1")),
        "{}",
        refused.body
    );
    let said = refused.json();
    assert!(
        said.as_str()
            .unwrap()
            .starts_with("cannot write the audit log feast_audit.log: "),
        "{said}"
    );
    let read = |driver: &str| {
        let read = server.post("/get-online-features", &READ.replace("1001", driver));
        assert_eq!(read.status, 200, "{}", read.body);
        read.body
    };
    assert!(!read("1001").contains("NOT_FOUND"));
    assert!(read("5555").contains("NOT_FOUND"));
    // The page that says so is still answered.
    assert_eq!((metric(&server, FAILS), metric(&server, LOST)), (1.0, 0.0));
    limit_files(&server, "unlimited");
    eventually("pushes are taken", || server.post("/push", PUSH).status == 200);
    assert_eq!(metric(&server, FAILS), 0.0);
    let (code, log) = server.stop();
    assert_eq!(code, Some(0), "{log}");
    let found = lines_after_hole(&repository, ROOM);
    for id in &acknowledged {
        let lines: Vec<&Value> = found.iter().filter(|line| line["request_id"] == id.as_str()).collect();
        assert_eq!(lines.len(), 1, "{id}: {found:#?}");
        assert_eq!(lines[0]["outcome"], "success");
    }
    let found: Vec<String> = found.iter().map(shown).collect();
    assert!(
        found.iter().any(|line| line.contains("| error | POST /push -> 503")),
        "{found:#?}"
    );
    assert!(!found.iter().any(|line| line.starts_with("audit.lost")), "{found:#?}");
}

#[test]
fn on_a_full_disk_requests_are_answered_without_strictness_and_lost_lines_are_counted() {
    const REQUESTS_AT_ONCE: usize = 5000;
    let repository = repository(TO_FILE, "serving: {metrics_route: true}");
    let server = serve_with_room(&repository, ROOM);
    for _ in 0..20 {
        assert_eq!(server.post("/push", PUSH).status, 200);
    }
    let warnings = || server.send("GET", "/ready", &[], "").json()["warnings"].to_string();
    eventually("it is a warning", || warnings().contains("cannot write the audit log"));
    assert_eq!((metric(&server, FAILS), metric(&server, LOST)), (1.0, 0.0));
    // More than what may wait.
    let path = "x".repeat(1020);
    let mut stream = TcpStream::connect(server.address()).unwrap();
    let mut reader = stream.try_clone().unwrap();
    let answers = std::thread::spawn(move || {
        let mut answers = String::new();
        reader.read_to_string(&mut answers).unwrap();
        answers.matches("HTTP/1.1 404").count()
    });
    for number in 1..=REQUESTS_AT_ONCE {
        let last = if number == REQUESTS_AT_ONCE {
            "connection: close\r\n"
        } else {
            ""
        };
        let request = format!("GET /{path} HTTP/1.1\r\nhost: x\r\n{last}\r\n");
        stream.write_all(request.as_bytes()).unwrap();
    }
    assert_eq!(answers.join().unwrap(), REQUESTS_AT_ONCE);
    let lost = metric(&server, LOST);
    assert!(lost > 0.0);
    limit_files(&server, "unlimited");
    eventually("lines are taken", || warnings() == "[]");
    let (code, log) = server.stop();
    assert_eq!(code, Some(0), "{log}");
    assert!(
        log.contains("lines of the audit log are lost, as they could not be written"),
        "{log}"
    );
    let found = lines_after_hole(&repository, ROOM);
    // The log itself says how many, once for each time that it took lines again.
    let (notes, lines): (Vec<&Value>, Vec<&Value>) = found.iter().partition(|line| line["event_type"] == "audit.lost");
    let noted = notes.iter().map(|line| {
        let detail = line["detail"].as_str().unwrap();
        detail.split(' ').next().unwrap().parse::<usize>().unwrap()
    });
    let noted: usize = noted.sum();
    assert!(noted as f64 >= lost, "{noted} {lost}");
    let flood = lines
        .iter()
        .filter(|line| line["detail"].as_str().unwrap().contains("xxx"))
        .count();
    let pushes = lines.iter().filter(|line| line["action"]["path"] == "/push").count();
    assert_eq!(pushes, 20);
    assert!(
        flood < REQUESTS_AT_ONCE && flood + noted >= REQUESTS_AT_ONCE,
        "{flood} {noted}"
    );
}

#[test]
fn a_line_that_a_full_disk_cut_off_spoils_no_other() {
    let repository = repository(&format!("{TO_FILE}, file_path: logs/audit.log"), STRICT);
    let Some(disk) = Disk::at(&repository.path.join("logs"), "64k") else {
        return;
    };
    let file = disk.0.join("audit.log");
    let server = repository.serve();
    let mut acknowledged = Vec::new();
    for number in 0.. {
        let id = format!("{number}-{}", "x".repeat(100));
        match server.send("POST", "/push", &[("x-request-id", &id)], PUSH).status {
            200 => acknowledged.push(id),
            503 => break,
            status => panic!("{status}"),
        }
        assert!(number < 1000, "the disk does not fill up");
    }
    let read = server.post("/get-online-features", READ);
    assert_eq!(read.status, 200, "{}", read.body);
    // A larger one has room.
    let grown = Command::new("mount")
        .args(["-o", "remount,size=4m"])
        .arg(&disk.0)
        .status();
    assert!(grown.unwrap().success());
    eventually("pushes are taken", || server.post("/push", PUSH).status == 200);
    server.stop();
    let text = std::fs::read_to_string(&file).unwrap();
    let whole: Vec<Value> = text
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    // A line that was cut off stays in the file, and follows once more as a whole.
    assert!(text.lines().count() - whole.len() <= 1, "{text}");
    let ids: Vec<&str> = whole.iter().map(|line| line["request_id"].as_str().unwrap()).collect();
    for id in &acknowledged {
        assert_eq!(ids.iter().filter(|known| *known == id).count(), 1, "{id}");
    }
    assert!(text.ends_with("}\n") && !text.contains("audit.lost"), "{text}");
}

#[test]
fn what_a_killed_server_left_in_the_middle_of_a_line_is_ended() {
    let repository = repository(TO_FILE, STRICT);
    let file = log_of(&repository);
    let server = repository.serve();
    assert_eq!(
        server.send("POST", "/push", &[("x-request-id", "first")], PUSH).status,
        200
    );
    server.kill();
    // What was acknowledged is there.
    assert_eq!(lines(&file).len(), 1);
    let mut torn = File::options().append(true).open(&file).unwrap();
    torn.write_all(b"{\"event_type\":\"http.requ").unwrap();
    let server = repository.serve();
    assert_eq!(
        server.send("POST", "/push", &[("x-request-id", "second")], PUSH).status,
        200
    );
    server.stop();
    let text = std::fs::read_to_string(&file).unwrap();
    let found: Vec<&str> = text.lines().collect();
    assert_eq!((found.len(), found[1]), (3, "{\"event_type\":\"http.requ"));
    let last: Value = serde_json::from_str(found[2]).unwrap();
    assert_eq!(last["request_id"], "second");
}

#[test]
fn a_file_has_one_server() {
    let repository = repository(TO_FILE, "");
    let _server = repository.serve();
    let second = repository.feast(&["serve", "--port", "0", "--read-only"]);
    assert_eq!(second.code, Some(1));
    for said in [
        "another process writes the audit log ",
        "Hint: give each server a file of its own",
    ] {
        assert!(second.stderr.contains(said), "{}", second.stderr);
    }
}

#[test]
fn a_file_that_cannot_be_opened_is_said_at_the_start() {
    let repository = repository(&format!("{TO_FILE}, file_path: none/audit.log"), "");
    let outcome = repository.feast(&["serve", "--port", "0"]);
    assert_eq!(outcome.code, Some(1));
    assert!(
        outcome.stderr.contains("cannot open the audit log "),
        "{}",
        outcome.stderr
    );
    // Commands have none.
    repository.succeed(&["materialize-incremental", "2100-01-01T00:00:00"]);
}

#[test]
fn lines_go_to_stdout_and_to_the_log() {
    let repository_on_stdout = repository("enabled: true", "");
    let printed = repository_on_stdout.path.join("printed");
    let command = repository_on_stdout.command(&["serve", "--port", "0"]);
    let server = Server::start_with_stdout(command, File::create(&printed).unwrap().into());
    assert_eq!(server.post("/push", PUSH).status, 200);
    let expected = "http.request | push_source driver_stats_push_source WRITE_ONLINE | success | POST /push -> 200";
    assert_eq!(shown_after_stop(server, &printed), [expected]);

    let repository = repository("enabled: true, sink: logger", "");
    let server = repository.serve_with(&["--log-format", "json"]);
    assert_eq!(server.post("/push", PUSH).status, 200);
    let (_, log) = server.stop();
    let said = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let said: Vec<String> = said
        .filter_map(|line| serde_json::from_str::<Value>(line["message"].as_str()?).ok())
        .map(|line| shown(&line))
        .collect();
    assert_eq!(said, [expected], "{log}");
    let server = repository.serve_with(&["--log-level", "warn"]);
    assert_eq!(server.post("/push", PUSH).status, 200);
    assert!(!server.stop().1.contains("http.request"));
}

#[test]
fn feasts_other_log_is_in_the_same_place() {
    let both = format!("audit_logging: {{{TO_FILE}, log_successful_reads: false}}, metrics: {{audit_logging: true}}");
    let repository = Repository::from_template();
    let settings = std::fs::read_to_string(repository.path.join("feature_store.yaml")).unwrap();
    repository.write(
        "feature_store.yaml",
        &format!("{settings}\nfeature_server: {{{both}}}\n"),
    );
    repository.succeed(&["apply"]);
    let server = repository.serve();
    let bodies = [
        r#"{"features":["offer_value:fare_per_km","driver_hourly_stats:conv_rate"],"entities":{"fare":[1.5,2.5],"driver_id":[1,2],"distance_km":[2.0,3.0]}}"#,
        r#"{"feature_service":"driver_activity","entities":{"driver_id":[1]}}"#,
        // Found out after the plan, and before.
        r#"{"feature_service":"driver_activity","entities":{"driver_id":["x"]}}"#,
        r#"{"feature_service":"none","entities":{"driver_id":[1]}}"#,
    ];
    let statuses = bodies.map(|body| server.post("/get-online-features", body).status);
    assert_eq!(statuses, [200, 200, 400, 404]);
    server.stop();
    let mut found = lines(&log_of(&repository));
    found.retain(|line| line["event"] == "online_feature_request");
    let shown: Vec<Value> = found
        .iter_mut()
        .map(|line| {
            assert!(
                line["latency_ms"].is_f64() && line["timestamp"].as_str().unwrap().ends_with("+00:00"),
                "{line}"
            );
            let members = line.as_object_mut().unwrap();
            members.remove("timestamp");
            members.remove("latency_ms");
            line.clone()
        })
        .collect();
    let line = |keys: Value, count: usize, views: Value, features: usize, status: &str| {
        json!({
            "event": "online_feature_request", "requestor_id": "anonymous", "entity_keys": keys, "entity_count": count,
            "feature_views": views, "feature_count": features, "status": status,
        })
    };
    let service = json!(["driver_hourly_stats"]);
    assert_eq!(
        shown,
        [
            line(
                json!(["fare", "driver_id", "distance_km"]),
                2,
                json!(["driver_hourly_stats", "offer_value"]),
                2,
                "success"
            ),
            line(json!(["driver_id"]), 1, service.clone(), 3, "success"),
            line(json!(["driver_id"]), 1, service, 3, "error"),
        ]
    );
}

#[test]
fn lines_that_have_nowhere_to_go_are_said_at_the_start() {
    let repository = Repository::from_template();
    let settings = std::fs::read_to_string(repository.path.join("feature_store.yaml")).unwrap();
    repository.write(
        "feature_store.yaml",
        &format!("{settings}\nfeature_server: {{metrics: {{audit_logging: true}}}}\n"),
    );
    repository.succeed(&["apply"]);
    let (_, log) = repository.serve().stop();
    assert!(
        log.contains("Warning: feature_server.metrics.audit_logging has no effect: "),
        "{log}"
    );
}
