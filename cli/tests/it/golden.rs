//! Recorded requests and answers of Python Feast's server, replayed against ours.

use std::collections::{BTreeMap, BTreeSet};
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
    assert_eq!(parts, intended_differences(feast_fixtures::GOLDEN_DIFFERENCES));
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
pub(crate) fn repository_on_redis(redis: &RedisServer, is_filled: bool, serving: &str) -> Repository {
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

/// What Python answers on Redis: to the first requests, and to those of clients of many kinds, most of them as on SQLite.
fn recorded_on_redis() -> [Vec<Value>; 2] {
    let parsed = |lines: &str| lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let others = by_name(feast_fixtures::REDIS_CLIENT_ANSWERS);
    let mut clients: Vec<Value> = parsed(feast_fixtures::CLIENT_ANSWERS);
    for record in &mut clients {
        if let Some(other) = others.get(record["name"].as_str().unwrap()) {
            assert_eq!(record["request"], other["request"]);
            record.clone_from(other);
        }
        if record["name"] == "null_edges" {
            // The time that Python has for none.
            let results = record["response"]["body"]["results"].as_array_mut().unwrap().iter_mut();
            let values = results.flat_map(|result| result["values"].as_array_mut().unwrap());
            let times: Vec<&mut Value> = values.filter(|value| **value == i64::MIN).collect();
            assert_eq!(times.len(), 1);
            times.into_iter().for_each(|time| *time = Value::Null);
        }
    }
    [parsed(feast_fixtures::REDIS_ANSWERS), clients]
}

/// The cases of a row of the table of answers in the list of differences on Redis.
fn listed_on_redis(row: &str) -> BTreeSet<String> {
    let rows = feast_fixtures::REDIS_DIFFERENCES.lines();
    let mut rows = rows.filter_map(|line| line.strip_prefix("| ")?.strip_prefix(row)?.split_once('|'));
    let (_, names) = rows.next().unwrap_or_else(|| panic!("there is no row {row:?}"));
    names.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// An answer with the statuses of Python on Redis, which does not tell what is not there from what is null.
fn all_present(answer: &Value) -> Value {
    let mut answer = answer.clone();
    let results = answer.pointer_mut("/body/results").and_then(Value::as_array_mut);
    for result in results.into_iter().flatten() {
        for status in result["statuses"].as_array_mut().unwrap() {
            *status = Value::from("PRESENT");
        }
    }
    answer
}

/// The answers are those of Python on Redis, but for what differs on every store, and but for statuses unless the settings say so.
#[test]
fn recorded_answers_of_python_on_redis_are_given_again() {
    let [same, as_written, unknown] = ["the same on Redis", "as written", "`NOT_FOUND`"].map(listed_on_redis);
    let mut differs_if_filled_here = by_name(feast_fixtures::DIFFERENT_ANSWERS);
    let different = |name: &String| differs_if_filled_here.contains_key(name);
    assert!(same.union(&as_written).all(different), "{same:?} {as_written:?}");
    differs_if_filled_here.retain(|name, _| !same.contains(name));
    let recorded = recorded_on_redis();
    let by_list = recorded.each_ref().map(Vec::len);
    assert!(by_list[0] >= 61 && by_list[1] >= 310, "{by_list:?}");
    let redis = RedisServer::start(&[]);
    for (is_filled, serving) in [
        (true, "{}"),
        (false, "{}"),
        (true, "{redis_statuses: python}"),
        (false, "{redis_statuses: python}"),
    ] {
        let (mut others, mut statuses) = (BTreeMap::new(), BTreeSet::new());
        for records in &recorded {
            let repository = repository_on_redis(&redis, is_filled, serving);
            let server = repository.serve();
            for record in records {
                let Some(found) = difference(&server, record) else {
                    continue;
                };
                let answer = all_present(&found["answer"]);
                let name = text(&found["name"]);
                if found["differs"] == "body" && comparable(&answer["body"]) == comparable(&record["response"]["body"])
                {
                    statuses.insert(name);
                } else {
                    others.insert(name, json!([found["differs"], answer]));
                }
            }
        }
        let listed = differs_if_filled_here.iter();
        let listed = listed.filter(|(name, _)| !(is_filled && as_written.contains(*name)));
        let listed: BTreeMap<_, _> = listed
            .map(|(name, found)| (name.clone(), json!([found["differs"], all_present(&found["answer"])])))
            .collect();
        let names: BTreeSet<_> = others.keys().chain(listed.keys()).collect();
        let pairs = names.iter().map(|name| (name, others.get(*name), listed.get(*name)));
        let wrong: Vec<_> = pairs.filter(|(_, found, listed)| found != listed).collect();
        assert!(
            wrong.is_empty(),
            "filled by Python: {is_filled}, serving: {serving}: {wrong:#?}"
        );
        let unknown = if serving == "{}" {
            unknown.clone()
        } else {
            BTreeSet::new()
        };
        assert_eq!(statuses, unknown, "filled by Python: {is_filled}, serving: {serving}");
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// Case name to the part that differs, from the table of intended differences.
pub(crate) fn intended_differences(table: &str) -> BTreeMap<String, String> {
    let rows = table
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| case"));
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        assert!(!cells[3].is_empty(), "{row}");
        (cells[1].to_owned(), cells[2].to_owned())
    })
    .collect()
}

/// A recorded request.
pub(crate) struct Recorded<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) headers: Vec<(&'a str, &'a str)>,
    pub(crate) body: Vec<u8>,
}

impl<'a> Recorded<'a> {
    pub(crate) fn of(record: &'a Value) -> Self {
        let request = &record["request"];
        let body = match &request["body"] {
            Value::Null => String::new(),
            Value::String(raw) => raw.clone(),
            object => object.to_string(),
        };
        let headers = request["headers"].as_object().unwrap().iter();
        Self {
            method: request["method"].as_str().unwrap(),
            path: request["path"].as_str().unwrap(),
            headers: headers
                .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
                .collect(),
            body: encoded(&body, request["encoding"].as_str().unwrap_or("utf-8")),
        }
    }

    pub(crate) fn send(&self, server: &Server) -> Response {
        server.send_bytes(self.method, self.path, &self.headers, &self.body)
    }
}

/// Sends a recorded request; if the answer is not as recorded, returns it, with the parts that differ.
pub(crate) fn difference(server: &Server, record: &Value) -> Option<Value> {
    let expected = &record["response"];
    let answer = Recorded::of(record).send(server);
    let mut parts = Vec::new();
    if expected["status"] != answer.status {
        parts.push("status");
    }
    for name in ["content-type", "allow", "location"] {
        let recorded = expected["headers"].get(name).and_then(Value::as_str);
        let given = answer.header(name).map(|value| match name {
            "location" => resolved(record["request"]["path"].as_str().unwrap(), value),
            _ => value.to_owned(),
        });
        // The others were not recorded everywhere.
        if recorded != given.as_deref() && (recorded.is_some() || name == "content-type") {
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

/// A client may see the server below a path that the server does not: of a proxy, of a stage.
#[test]
fn a_redirect_stays_below_the_path_that_a_client_sees() {
    let repository = types_repository();
    repository.succeed(&["apply"]);
    let server = repository.serve();
    for (path, target) in [
        ("/health/", "/health"),
        ("/health///", "/health"),
        ("/push/?a=b/c", "/push?a=b/c"),
        ("/v1/vector_stores/", "/v1/vector_stores"),
    ] {
        let answer = server.send_bytes("GET", path, &[], b"");
        assert_eq!(answer.status, 307, "{path}");
        let (seen, _) = path.split_once('?').unwrap_or((path, ""));
        for prefix in ["", "/prod", "/a/b"] {
            let led = resolved(&format!("{prefix}{seen}"), answer.header("location").unwrap());
            assert_eq!(led, format!("{prefix}{target}"));
        }
    }
}

/// Where a relative location leads from a path, as clients resolve it (RFC 3986, 5.2.4).
fn resolved(path: &str, location: &str) -> String {
    let mut segments: Vec<&str> = path.split('/').collect();
    segments.pop();
    let mut rest = location;
    while let Some(after) = rest.strip_prefix("../") {
        segments.pop();
        rest = after;
    }
    segments.push(rest);
    segments.join("/")
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
