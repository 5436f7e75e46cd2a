//! Recorded requests and answers of Python Feast's server, replayed against ours.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

use feast_fixtures::{RedisServer, copy_directory};
use serde_json::{Value, json};

use crate::support::{Repository, Response, Server};

const SETTINGS: &str =
    "project: types_repo\nregistry: data/registry.db\nonline_store:\n    type: rocksdb\n    path: data/online_store\n";

/// The repository of every type, with the registry that Python Feast made.
pub(crate) fn types_repository() -> Repository {
    let repository = Repository::empty();
    copy_directory(Path::new(feast_fixtures::TYPES_REPOSITORY), &repository.path);
    repository.write("feature_store.yaml", SETTINGS);
    repository
}

#[test]
fn pythons_registry_needs_no_change() {
    let repository = types_repository();
    assert_eq!(
        repository.succeed(&["apply"]),
        "Applying changes for project types_repo\nNo changes to registry\nNo changes to infrastructure\n"
    );
}

#[test]
fn recorded_answers_are_given_again() {
    let mut found = Vec::new();
    for (answers, min) in [
        (feast_fixtures::GOLDEN_ANSWERS, 61),
        (feast_fixtures::CLIENT_ANSWERS, 310),
    ] {
        let repository = types_repository();
        std::fs::remove_file(repository.path.join("data/registry.db")).unwrap();
        repository.succeed(&["apply"]);
        repository.succeed(&["materialize", "2019-01-01T00:00:00", "2026-07-01T00:00:00"]);
        let server = repository.serve();
        let records: Vec<Value> = answers
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert!(records.len() >= min, "{} cases", records.len());
        found.extend(records.iter().filter_map(|record| difference(&server, record)));
    }
    let parts = found
        .iter()
        .map(|difference| (text(&difference["name"]), text(&difference["differs"])));
    let parts: BTreeMap<_, _> = parts.collect();
    assert_eq!(parts.len(), found.len(), "names of cases are unique");
    assert_eq!(parts, intended_differences());
    // What is answered instead is recorded too.
    let lines: Vec<String> = found.iter().map(Value::to_string).collect();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        let path = Path::new(feast_fixtures::GOLDEN).join("differences.jsonl");
        std::fs::write(path, lines.join("\n") + "\n").unwrap();
        return;
    }
    let expected: Vec<&str> = feast_fixtures::DIFFERENT_ANSWERS.lines().collect();
    assert_eq!(lines, expected, "if this is intended: UPDATE_GOLDEN=1 ./run test");
}

/// The same from a SQLite store, be it as Python has filled it or as this binary does.
#[test]
fn recorded_answers_are_given_again_from_sqlite() {
    let recorded = by_name(feast_fixtures::GOLDEN_ANSWERS);
    let mut expected = by_name(feast_fixtures::DIFFERENT_ANSWERS);
    // SQLite keeps no fractions of event times, here as in Python.
    expected.retain(|name, _| recorded.contains_key(name) && name != "types_timestamps");
    assert!(recorded.len() >= 61 && !expected.is_empty());
    for filled_by in ["python", "this binary"] {
        let repository = Repository::empty();
        copy_directory(Path::new(feast_fixtures::TYPES_REPOSITORY), &repository.path);
        // The settings are those of Python.
        assert!(
            std::fs::read_to_string(repository.path.join("feature_store.yaml"))
                .unwrap()
                .contains("type: sqlite")
        );
        if filled_by == "python" {
            let file = Path::new(feast_fixtures::SQLITE_STORE).join("online_store.db");
            std::fs::copy(file, repository.path.join("data/online_store.db")).unwrap();
        } else {
            repository.succeed(&["apply"]);
            repository.succeed(&["materialize", "2019-01-01T00:00:00", "2026-07-01T00:00:00"]);
        }
        let server = repository.serve();
        let records = feast_fixtures::GOLDEN_ANSWERS.lines();
        let found = records.filter_map(|line| difference(&server, &serde_json::from_str(line).unwrap()));
        let found: BTreeMap<String, Value> = found.map(|found| (text(&found["name"]), found)).collect();
        let others = found.iter().filter(|(name, found)| expected.get(*name) != Some(*found));
        assert_eq!(others.collect::<Vec<_>>(), [], "filled by {filled_by}");
        assert_eq!(found.len(), expected.len(), "filled by {filled_by}");
    }
}

/// By the name of each case.
fn by_name(lines: &str) -> BTreeMap<String, Value> {
    let records = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    records.map(|record| (text(&record["name"]), record)).collect()
}

/// The repository of every type on an empty Redis, or on one that Python has filled.
fn repository_on_redis(redis: &RedisServer, is_filled: bool, serving: &str) -> Repository {
    redis.cli(&["FLUSHALL"]);
    let repository = types_repository();
    let address = redis.address();
    repository.write(
        "feature_store.yaml",
        &format!(
            "project: types_repo\nregistry: data/registry.db\nentity_key_serialization_version: 3\n\
             online_store: {{type: redis, connection_string: \"{address}\"}}\nserving: {serving}\n"
        ),
    );
    if is_filled {
        fill(redis);
    } else {
        repository.succeed(&["materialize", "2019-01-01T00:00:00", "2026-07-01T00:00:00"]);
    }
    repository
}

/// Writes the hashes of Python Feast.
fn fill(redis: &RedisServer) {
    let bytes = |hex: &str| -> Vec<u8> {
        let pairs = (0..hex.len()).step_by(2);
        pairs
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
            .collect()
    };
    let mut stream = TcpStream::connect(redis.address()).unwrap();
    for hash in feast_fixtures::REDIS_HASHES.lines() {
        let hash: Value = serde_json::from_str(hash).unwrap();
        let mut arguments = vec![b"HSET".to_vec(), bytes(hash["key"].as_str().unwrap())];
        for pair in hash["fields"].as_array().unwrap() {
            arguments.extend([0, 1].map(|part| bytes(pair[part].as_str().unwrap())));
        }
        let mut command = format!("*{}\r\n", arguments.len()).into_bytes();
        for argument in &arguments {
            command.extend(format!("${}\r\n", argument.len()).into_bytes());
            command.extend(argument);
            command.extend(b"\r\n");
        }
        stream.write_all(&command).unwrap();
        let mut reply = [0; 64];
        let length = stream.read(&mut reply).unwrap();
        assert_eq!(reply[0], b':', "{}", String::from_utf8_lossy(&reply[..length]));
    }
}

/// The same from Redis, be it as Python has filled it or as this binary does: the answers are those from the embedded store.
#[test]
fn recorded_answers_are_given_again_from_redis() {
    let recorded = by_name(feast_fixtures::GOLDEN_ANSWERS);
    let mut expected = by_name(feast_fixtures::DIFFERENT_ANSWERS);
    expected.retain(|name, _| recorded.contains_key(name));
    assert!(recorded.len() >= 61 && !expected.is_empty());
    let redis = RedisServer::start(&[]);
    for is_filled in [true, false] {
        let repository = repository_on_redis(&redis, is_filled, "{}");
        let server = repository.serve();
        let records = feast_fixtures::GOLDEN_ANSWERS.lines();
        let found = records.filter_map(|line| difference(&server, &serde_json::from_str(line).unwrap()));
        let found: BTreeMap<String, Value> = found.map(|found| (text(&found["name"]), found)).collect();
        let others = found.iter().filter(|(name, found)| expected.get(*name) != Some(*found));
        assert_eq!(others.collect::<Vec<_>>(), [], "filled by Python: {is_filled}");
        assert_eq!(found.len(), expected.len(), "filled by Python: {is_filled}");
    }
}

/// With its statuses, the answers are those of Python on Redis, but for the errors that differ on every store.
#[test]
fn recorded_answers_of_python_on_redis_are_given_again() {
    let recorded = by_name(feast_fixtures::REDIS_ANSWERS);
    let mut expected = by_name(feast_fixtures::DIFFERENT_ANSWERS);
    // Where Python on Redis does as this binary on every store: it keeps fractions of seconds, and newer rows.
    let as_here = |name: &str| name == "types_timestamps" || name.starts_with("push_older");
    expected.retain(|name, _| recorded.contains_key(name) && !as_here(name));
    assert_eq!(recorded.len(), 61);
    let redis = RedisServer::start(&[]);
    for is_filled in [true, false] {
        let repository = repository_on_redis(&redis, is_filled, "{redis_statuses: python}");
        let server = repository.serve();
        let records = feast_fixtures::REDIS_ANSWERS.lines();
        let found = records.filter_map(|line| difference(&server, &serde_json::from_str(line).unwrap()));
        let found: BTreeMap<String, Value> = found.map(|found| (text(&found["name"]), found)).collect();
        let others = found.iter().filter(|(name, found)| expected.get(*name) != Some(*found));
        assert_eq!(others.collect::<Vec<_>>(), [], "filled by Python: {is_filled}");
        assert_eq!(found.len(), expected.len(), "filled by Python: {is_filled}");
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// Case name to the part that differs, from the table of intended differences.
fn intended_differences() -> BTreeMap<String, String> {
    let rows = feast_fixtures::GOLDEN_DIFFERENCES
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| case"));
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        assert!(!cells[3].is_empty(), "{row}");
        (cells[1].to_owned(), cells[2].to_owned())
    })
    .collect()
}

/// Sends a recorded request; if the answer is not as recorded, returns it, with the parts that differ.
fn difference(server: &Server, record: &Value) -> Option<Value> {
    let (request, expected) = (&record["request"], &record["response"]);
    let body = match &request["body"] {
        Value::Null => String::new(),
        Value::String(raw) => raw.clone(),
        object => object.to_string(),
    };
    let headers: Vec<(&str, &str)> = request["headers"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
        .collect();
    let answer = server.send_bytes(
        request["method"].as_str().unwrap(),
        request["path"].as_str().unwrap(),
        &headers,
        &encoded(&body, request["encoding"].as_str().unwrap_or("utf-8")),
    );
    let mut parts = Vec::new();
    if expected["status"] != answer.status {
        parts.push("status");
    }
    for name in ["content-type", "allow", "location"] {
        let recorded = expected["headers"].get(name).and_then(Value::as_str);
        // The others were not recorded everywhere.
        if recorded != answer.header(name) && (recorded.is_some() || name == "content-type") {
            parts.push(name);
        }
    }
    let body = body_of(&answer);
    if comparable(&expected["body"]) != comparable(&body) {
        parts.push("body");
    }
    let given = || json!({ "status": answer.status, "body": body });
    (!parts.is_empty()).then(|| json!({ "name": record["name"], "differs": parts.join(" "), "answer": given() }))
}

/// A string in an encoding as Python names it; `-sig` is with a byte order mark.
fn encoded(text: &str, encoding: &str) -> Vec<u8> {
    let (encoding, mark) = match encoding.strip_suffix("-sig") {
        Some(bare) => (bare, "\u{feff}"),
        None => (encoding, ""),
    };
    let text = format!("{mark}{text}");
    let units = text.encode_utf16();
    let characters = text.chars().map(u32::from);
    match encoding {
        "utf-8" => text.into_bytes(),
        "utf-16-le" => units.flat_map(u16::to_le_bytes).collect(),
        "utf-16-be" => units.flat_map(u16::to_be_bytes).collect(),
        "utf-32-le" => characters.flat_map(u32::to_le_bytes).collect(),
        "utf-32-be" => characters.flat_map(u32::to_be_bytes).collect(),
        other => panic!("{other} is not an encoding of the recordings"),
    }
}

fn body_of(answer: &Response) -> Value {
    if answer.body.is_empty() {
        Value::from("")
    } else {
        answer.json()
    }
}

/// Python orders the features of one view as its hash seed happens to fall, so columns are compared by name.
fn comparable(body: &Value) -> Value {
    let (Some(results), Some(names)) = (body["results"].as_array(), body["metadata"]["feature_names"].as_array())
    else {
        return body.clone();
    };
    let by_name: BTreeMap<&str, &Value> = names.iter().map(|name| name.as_str().unwrap()).zip(results).collect();
    let mut sorted = Value::Object(body.as_object().unwrap().clone());
    sorted["results"] = json!(by_name);
    sorted["metadata"]["feature_names"] = json!(by_name.keys().collect::<Vec<_>>());
    sorted
}
