//! Servers and commands that only read, beside a server that writes.

use serde_json::json;

use crate::support::{Repository, eventually};

const READ: &str = r#"{"features":["driver_hourly_stats:avg_daily_trips"],"entities":{"driver_id":[1001]}}"#;
const PUSH: &str = r#"{"push_source_name":"driver_stats_push_source","df":{"driver_id":[1001],"event_timestamp":["2026-05-13T10:59:42Z"],"created":["2026-05-13"],"conv_rate":[1.0],"acc_rate":[1.0],"avg_daily_trips":[777]},"to":"online"}"#;

#[test]
fn a_server_that_only_reads_sees_what_another_writes() {
    let repository = Repository::from_template();
    repository.succeed(&["apply"]);
    let writer = repository.serve();
    assert_eq!(writer.post("/push", PUSH).status, 200);
    let reader = repository.serve_with(&["--read-only"]);
    eventually("the row is seen", || {
        reader.post("/get-online-features", READ).body.contains("777")
    });
    assert_eq!(
        writer
            .post(
                "/push",
                &PUSH.replace("777", "888").replace("2026-05-13T10", "2026-05-13T11")
            )
            .status,
        200
    );
    eventually("the newer row is seen", || {
        reader.post("/get-online-features", READ).body.contains("888")
    });

    let before = std::fs::read(repository.path.join("data/registry.db")).unwrap();
    let refused = reader.post("/push", PUSH);
    assert_eq!(refused.status, 503, "{}", refused.body);
    assert!(refused.body.contains("this server is read-only"), "{}", refused.body);
    let both = reader.post(
        "/push",
        &PUSH.replace(r#""to":"online""#, r#""to":"online_and_offline""#),
    );
    assert_eq!(both.status, 503, "{}", both.body);
    for query in ["", "?async=true"] {
        let refused = reader.post_json(
            &format!("/materialize{query}"),
            &json!({"start_ts": "2020-01-01", "end_ts": "2030-01-01"}),
        );
        assert_eq!(refused.status, 503, "{query}: {}", refused.body);
    }
    assert_eq!(reader.send("GET", "/ready", &[], "").status, 200);
    let (code, log) = reader.stop();
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("and only reads"), "{log}");
    assert_eq!(std::fs::read(repository.path.join("data/registry.db")).unwrap(), before);
    // The server that writes was not disturbed, and commands still find it.
    assert_eq!(writer.post("/push", PUSH).status, 200);
    let outcome = repository.feast(&["materialize-incremental", "2100-01-01T00:00:00"]);
    assert!(
        outcome.stderr.contains("has the online store open and does it"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn single_features_are_read_beside_a_server() {
    let repository = Repository::from_template();
    repository.succeed(&["apply"]);
    let server = repository.serve();
    assert_eq!(server.post("/push", PUSH).status, 200);
    let printed = repository.succeed(&[
        "get-online-features",
        "-e",
        "driver_id=1001",
        "-f",
        "driver_hourly_stats:avg_daily_trips",
    ]);
    assert!(printed.contains("777"), "{printed}");
}
