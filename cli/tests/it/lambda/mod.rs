//! The server's answers in a function of AWS Lambda: the binary, and an emulator of what is around it there.

mod bounds;
mod emulator;
mod events;
mod settings;
mod writes;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use feast_fixtures::copy_directory;
use serde_json::{Value, json};

use crate::golden::{Recorded, types_repository};
use crate::support::{Repository, Response};
use emulator::{Function, Outcome, Start};
use events::{Asked, CLIENT, GATEWAYS, Gateway};

/// As events have it.
const JSON: &[(&str, &str)] = &[("content-type", "application/json")];
const READ: &str = r#"{"features":["driver_hourly_stats:avg_daily_trips"],"entities":{"driver_id":[1001,7]}}"#;

/// The repository of the template with its rows in the online store.
fn materialized() -> Repository {
    let repository = Repository::from_template();
    repository.succeed(&["apply"]);
    repository.succeed(&["materialize-incremental", "2100-01-01T00:00:00"]);
    repository
}

/// Adds lines to the settings.
fn configure(repository: &Repository, lines: &str) {
    let given = std::fs::read_to_string(repository.path.join("feature_store.yaml")).unwrap();
    repository.write("feature_store.yaml", &format!("{given}\n{lines}\n"));
}

fn is_write(path: &str) -> bool {
    ["/push", "/write-to-online-store", "/materialize"]
        .iter()
        .any(|write| path.starts_with(write))
}

/// All that is the same of a response, whoever gives it.
fn comparable(response: &Response) -> (u16, [Option<&str>; 6], &[u8]) {
    let headers = [
        "content-type",
        "allow",
        "location",
        "retry-after",
        "x-feast-feature-view",
        "x-feast-stale-rows",
    ];
    (
        response.status,
        headers.map(|name| response.header(name)),
        &response.bytes,
    )
}

/// Requests of recordings, through whichever gateway: a server that only reads answers the same, and writes nothing either.
#[test]
fn the_answers_are_those_of_a_server() {
    let repository = types_repository();
    repository.succeed(&["apply"]);
    repository.succeed(&["materialize", "2019-01-01T00:00:00", "2026-07-01T00:00:00"]);
    let server = repository.serve_with(&["--read-only"]);
    let mut function = Function::of(&repository, &[]);
    let (mut reads, mut writes) = (0, 0);
    for line in feast_fixtures::GOLDEN_ANSWERS
        .lines()
        .chain(feast_fixtures::CLIENT_ANSWERS.lines())
    {
        let record: Value = serde_json::from_str(line).unwrap();
        let recorded = Recorded::of(&record);
        let asked = Asked::of(&recorded);
        let expected = recorded.send(&server);
        if is_write(recorded.path) {
            writes += 1;
            // What is wrong with them is said first, here as there.
            let answer = function.ask(Gateway::Url, &asked);
            let name = &record["name"];
            assert!(answer.status >= 400, "{name}: {}", answer.body);
            if answer.status != expected.status || answer.status == 503 {
                assert_eq!(answer.status, 503, "{name}: {}", answer.body);
                assert!(
                    answer.body.contains("only reads its embedded online store"),
                    "{name}: {}",
                    answer.body
                );
            }
            continue;
        }
        reads += 1;
        for gateway in GATEWAYS {
            let answer = function.ask(gateway, &asked);
            assert_eq!(
                comparable(&answer),
                comparable(&expected),
                "{gateway:?} {}",
                record["name"]
            );
        }
    }
    assert!(reads > 200 && writes > 50, "{reads} {writes}");
}

#[test]
fn arrow_streams_come_and_go_as_they_are() {
    const STREAM: &str = "application/vnd.apache.arrow.stream";
    let repository = materialized();
    let server = repository.serve_with(&["--read-only"]);
    let mut function = Function::of(&repository, &[]);
    let keys = crate::arrow::stream(
        "driver_id",
        std::sync::Arc::new(arrow::array::Int64Array::from(vec![1002, 1, 1001])),
    );
    let target = "/get-online-features?features=driver_hourly_stats%3Aconv_rate";
    let headers = [("content-type", STREAM), ("accept", STREAM)];
    let expected = server.send_bytes("POST", target, &headers, &keys);
    assert_eq!((expected.status, expected.header("content-type")), (200, Some(STREAM)));
    let asked = Asked {
        method: "POST",
        target,
        headers: &headers,
        body: &keys,
    };
    for gateway in GATEWAYS {
        let answer = function.ask(gateway, &asked);
        assert_eq!(comparable(&answer), comparable(&expected), "{gateway:?}");
    }
}

/// Files of an image that nobody can write, a backup in it, and a process that is started again where another one has ended.
#[test]
fn a_backup_is_restored_before_the_first_event() {
    let made = materialized();
    let backup = made.succeed(&["backup", "../backups"]);
    let image = Repository::empty();
    for file in ["feature_store.yaml", "feature_definitions.py"] {
        std::fs::copy(made.path.join(file), image.path.join(file)).unwrap();
    }
    copy_directory(Path::new(backup.trim()), &image.path.join("backup"));
    let set_mode = |mode| std::fs::set_permissions(&image.path, std::fs::Permissions::from_mode(mode)).unwrap();
    set_mode(0o555);
    let temporary = tempfile::tempdir().unwrap();
    let start = Start {
        options: &["--restore", "backup"],
        temporary: Some(temporary.path()),
        ..Start::default()
    };
    let expected = made
        .serve_with(&["--read-only"])
        .send("POST", "/get-online-features", JSON, READ);
    for _ in 0..2 {
        let mut function = Function::start(&image, &start).unwrap();
        let answer = function.post("/get-online-features", READ);
        assert_eq!(comparable(&answer), comparable(&expected));
        assert_eq!(function.get("/health").status, 200);
        assert_eq!(
            function.get("/ready").json(),
            json!({"ready": true, "reasons": [], "warnings": []})
        );

        // What is in use is not replaced.
        let refused = Function::start(&image, &start).err().unwrap();
        assert_eq!(refused.code, Some(1));
        let told = refused.told.unwrap()["errorMessage"].as_str().unwrap().to_owned();
        assert!(
            told.contains("another process has restored a backup") && told.contains("TMPDIR"),
            "{told}"
        );

        let log = function.kill();
        assert!(log.contains("Restored project feature_repo as it was at"), "{log}");
        assert!(log.contains("is ready and only reads"), "{log}");
    }
    assert!(!image.exists("data"));
    set_mode(0o755);
}

#[test]
fn a_changed_registry_is_seen_by_the_next_event() {
    let repository = materialized();
    let mut function = Function::of(&repository, &[]);
    let read = READ.replace("driver_hourly_stats:", "other:");
    assert_eq!(function.post("/get-online-features", &read).status, 404);
    let definitions = std::fs::read_to_string(repository.path.join("feature_definitions.py")).unwrap();
    let changed = definitions.replace("name=\"driver_hourly_stats\"", "name=\"other\"");
    assert_ne!(changed, definitions);
    repository.write("feature_definitions.py", &changed);
    repository.succeed(&["apply"]);
    let answer = function.post("/get-online-features", &read);
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(function.post("/get-online-features", READ).status, 404);
}

#[test]
fn events_that_are_no_requests_are_errors_and_the_next_one_is_answered() {
    let repository = materialized();
    // Some emulators have the API at a path.
    let start = Start {
        base: "/.rt",
        ..Start::default()
    };
    let mut function = Function::start(&repository, &start).unwrap();
    for event in [
        json!({"key1": "value1"}),
        json!(null),
        json!({"version": "0", "source": "aws.events"}),
    ] {
        let Outcome::Error(kind, message) = function.invoke(&event) else {
            panic!("{event} is no request");
        };
        assert_eq!(kind, "Feast.NoRequest");
        assert!(
            message.contains("function URL, API Gateway or load balancer"),
            "{message}"
        );
    }
    assert_eq!(function.get("/health").status, 200);
}

#[test]
fn requests_are_told_apart_by_who_has_sent_them() {
    let repository = materialized();
    configure(
        &repository,
        "serving: {rate_limit: {requests_per_second: 1, burst: 2}}\n\
         feature_server: {audit_logging: {enabled: true, sink: file, file_path: data/audit.log}}",
    );
    let mut function = Function::of(&repository, &[]);
    let asked = Asked::post("/get-online-features", READ);
    let mut status_of = |forwarded_for: &str| {
        let mut event = Gateway::LoadBalancer.event(&asked);
        event["headers"]["x-forwarded-for"] = json!(forwarded_for);
        match function.invoke(&event) {
            Outcome::Answer(answer) => Gateway::LoadBalancer.response(&answer).status,
            other => panic!("{other:?}"),
        }
    };
    // The bucket fills by one a second, which is less than are asked.
    let mut is_refused = |forwarded_for: &str| (0..100).any(|_| status_of(forwarded_for) == 429);
    assert!(is_refused(CLIENT));
    // What a client says of itself does not count.
    assert!(is_refused(&format!("203.0.113.9, {CLIENT}")));
    assert_eq!(status_of(&format!("{CLIENT}, 203.0.113.9")), 200);
    let mut is_refused_by = |gateway| (0..100).any(|_| function.ask(gateway, &asked).status == 429);
    for gateway in GATEWAYS {
        assert!(is_refused_by(gateway), "{gateway:?}");
    }

    let log = function.kill();
    let line = format!("{CLIENT} - \"POST /get-online-features\" 200");
    assert!(log.contains(&line), "{log}");
    // The lines were there before the answers, and have the id of the invocation.
    let audit = std::fs::read_to_string(repository.path.join("data/audit.log")).unwrap();
    let lines: Vec<Value> = audit.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |address: &str| lines.iter().filter(|line| line.to_string().contains(address)).count();
    assert!(of(CLIENT) > 6, "{audit}");
    assert!(of("203.0.113.9") > 0, "{audit}");
    assert!(audit.contains("8476a536-e9f4-11e8-9739-000000000001"), "{audit}");
}

#[test]
fn browsers_and_keys_are_as_on_a_server() {
    let repository = materialized();
    let made = repository.feast(&["api-key", "reader", "--role", "reader"]);
    let key = made
        .stderr
        .lines()
        .find_map(|line| line.split_once("shown only now: "))
        .unwrap()
        .1
        .to_owned();
    let entry: Vec<&str> = made.stdout.trim_end().lines().collect();
    configure(&repository, &entry.join("\n"));
    let mut function = Function::of(&repository, &[]);
    let mut ask = |headers: &[(&str, &str)]| {
        let asked = Asked {
            headers,
            ..Asked::post("/get-online-features", READ)
        };
        let statuses = GATEWAYS.map(|gateway| function.ask(gateway, &asked).status);
        assert!(
            statuses.iter().all(|status| *status == statuses[0]),
            "{headers:?}: {statuses:?}"
        );
        statuses[0]
    };
    let bearer = format!("Bearer {key}");
    assert_eq!(ask(&[("authorization", &bearer)]), 200);
    assert_eq!(ask(&[("authorization", "Bearer x")]), 401);
    assert_eq!(ask(&[]), 401);
    let page = [("authorization", &*bearer), ("origin", "https://evil.example")];
    assert_eq!(ask(&page), 403);
    assert_eq!(function.get("/health").status, 200);
    assert_eq!(
        function
            .ask(
                Gateway::Url,
                &Asked {
                    method: "HEAD",
                    ..Asked::get("/health")
                }
            )
            .bytes,
        b""
    );
}

#[test]
fn a_base_path_is_taken_off() {
    let repository = materialized();
    let mut function = Function::of(&repository, &["--base-path", "/features"]);
    for gateway in GATEWAYS {
        let asked = Asked::post("/features/get-online-features", READ);
        assert_eq!(function.ask(gateway, &asked).status, 200, "{gateway:?}");
        let asked = Asked::post("/get-online-features", READ);
        assert_eq!(function.ask(gateway, &asked).status, 200, "{gateway:?}");
    }
}
