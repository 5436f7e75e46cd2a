//! Python Feast itself, at the version whose formats this binary speaks.
//!
//! `./run test` makes the Python environment and names it in `FEAST_PYTHON`. Without it these tests say that they are
//! skipped; where `FEAST_REQUIRE_PYTHON` is set, as in CI, they fail instead.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use feast_fixtures::RedisServer;

#[expect(clippy::print_stderr, reason = "a skipped test must not look like a passed one")]
pub(crate) fn python() -> Option<OsString> {
    let python = std::env::var_os("FEAST_PYTHON");
    if python.is_none() {
        assert!(
            std::env::var_os("FEAST_REQUIRE_PYTHON").is_none(),
            "FEAST_REQUIRE_PYTHON is set, but FEAST_PYTHON is not: run ./run test"
        );
        eprintln!("skipped: FEAST_PYTHON is not set (./run test makes the environment and sets it)");
    }
    python
}

/// Runs a script, which ends with another code than 0 if anything is not as it should be.
#[expect(
    clippy::print_stdout,
    reason = "measurements, for those who run tests with --nocapture"
)]
pub(crate) fn check(script: &str, arguments: &[&str]) {
    let Some(python) = python() else { return };
    let script = Path::new(feast_fixtures::INTEROP).join(script);
    let output = Command::new(python)
        .arg(script)
        .args(arguments)
        .args(["--feast", env!("CARGO_BIN_EXE_feast")])
        .env_remove("FEATURE_REPO_DIR_ENV_VAR")
        .env_remove("FEAST_FS_YAML_FILE_PATH")
        .env_remove("FEATURE_STORE_YAML_BASE64")
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{printed}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    print!("{printed}");
}

/// The same with a Redis of its own.
fn check_on_redis(script: &str, arguments: &[&str]) {
    let redis = RedisServer::start(&[]);
    check(script, &[arguments, &["--redis", &redis.address()]].concat());
}

#[test]
fn the_registries_of_the_corpus_are_equal() {
    check("registries.py", &[]);
}

#[test]
fn readers_of_a_file_that_is_pushed_to_see_whole_files() {
    check("concurrent_pushes.py", &[]);
}

#[test]
fn sources_of_any_kind_give_the_values_of_their_files() {
    check("source_directories.py", &[]);
}

#[test]
fn pyarrow_reads_and_writes_streams() {
    check("arrow_stream.py", &[]);
}

#[test]
fn python_reads_what_was_logged_of_its_services() {
    check("feature_logs.py", &[]);
}

#[test]
fn the_sdk_works_through_the_server() {
    check("remote_store.py", &[]);
}

#[test]
fn the_sdk_signs_in_and_commands_about_permissions_print_the_same() {
    check("signed_in.py", &[]);
}

#[test]
fn python_reads_the_times_of_a_registry() {
    check("registry_times.py", &[]);
}

#[test]
fn answers_are_as_the_openapi_document_says() {
    check("openapi_fuzz.py", &[]);
}

#[test]
fn each_serves_what_the_other_applied() {
    check("round_trip.py", &[]);
}

#[test]
fn rows_come_back_after_a_change_of_join_keys() {
    check("renamed_keys.py", &[]);
}

#[test]
fn python_and_this_binary_share_a_sqlite_store() {
    check("sqlite_store.py", &[]);
}

#[test]
fn python_answers_as_recorded_from_a_redis_that_was_filled_here() {
    check_on_redis("redis_store.py", &["answers"]);
}

#[test]
fn redis_holds_what_python_has_written() {
    check_on_redis("redis_store.py", &["hashes"]);
}

#[test]
fn python_reads_every_type_that_was_sent_as_json() {
    check_on_redis("redis_store.py", &["types"]);
}

#[test]
fn odd_rows_on_redis_are_read_as_by_python_or_refused() {
    check_on_redis("redis_rows.py", &["odd"]);
}

#[test]
fn services_that_python_reads_from_copies_are_named_in_the_log() {
    check_on_redis("redis_rows.py", &["copies"]);
}

#[test]
fn both_read_and_write_the_second_version_of_a_view_on_redis() {
    check_on_redis("redis_rows.py", &["versions"]);
}

#[test]
fn rows_in_memory_follow_what_python_writes() {
    check_on_redis("redis_store.py", &["following"]);
}

#[test]
fn no_row_written_here_replaces_a_newer_one_beside_python_writers() {
    check_on_redis("redis_writers.py", &[]);
}
