//! An online store that is gone while the registry still tells of its rows.

use crate::support::{Repository, eventually};

const READ: &str = r#"{"features":["driver_hourly_stats:conv_rate"],"entities":{"driver_id":[1001]}}"#;
const END: &str = "2100-01-01T00:00:00";

fn has_rows(answer: &str) -> bool {
    !answer.contains("NOT_FOUND")
}

#[test]
fn rows_of_a_lost_volume_are_missed_and_come_back() {
    let repository = Repository::from_template();
    repository.succeed(&["apply"]);
    // Before the first run nothing is missing.
    let server = repository.serve();
    assert_eq!(server.send("GET", "/ready", &[], "").status, 200);
    drop(server);
    repository.succeed(&["materialize-incremental", END]);
    let server = repository.serve();
    assert_eq!(server.send("GET", "/ready", &[], "").status, 200);
    assert!(has_rows(&server.post("/get-online-features", READ).body));
    server.stop();

    std::fs::remove_dir_all(repository.path.join("data/online_store")).unwrap();
    let server = repository.serve();
    let ready = server.send("GET", "/ready", &[], "");
    assert_eq!(ready.status, 503, "{}", ready.body);
    let reason = ready.json()["reasons"][0].as_str().unwrap().to_owned();
    assert!(
        reason.starts_with("driver_hourly_stats: the online store has no rows of it")
            && reason.ends_with("run: feast materialize-incremental END_TS --full -v driver_hourly_stats"),
        "{reason}"
    );
    // The command says it as well, and reads what came since, which is nothing.
    let outcome = repository.feast(&["materialize-incremental", END]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert!(!has_rows(&server.post("/get-online-features", READ).body));
    // The server does it for the command.
    let outcome = repository.feast(&["materialize-incremental", END, "--full"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert!(has_rows(&server.post("/get-online-features", READ).body));
    eventually("it is ready", || server.send("GET", "/ready", &[], "").status == 200);
    let (code, log) = server.stop();
    assert_eq!(code, Some(0));
    assert!(log.contains(&reason), "{log}");
}

#[test]
fn without_a_server_the_command_does_it_itself() {
    let repository = Repository::from_template();
    repository.succeed(&["apply"]);
    repository.succeed(&["materialize-incremental", END]);
    std::fs::remove_dir_all(repository.path.join("data/online_store")).unwrap();
    let outcome = repository.feast(&["materialize-incremental", END]);
    assert!(outcome.stderr.contains("--full"), "{}", outcome.stderr);
    let printed = repository.succeed(&["materialize-incremental", END, "--full"]);
    assert!(printed.contains("driver_hourly_stats"), "{printed}");
    let server = repository.serve();
    assert!(has_rows(&server.post("/get-online-features", READ).body));
    assert_eq!(server.send("GET", "/ready", &[], "").status, 200);
}
