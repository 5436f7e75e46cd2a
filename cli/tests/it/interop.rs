//! Python Feast itself, at the version whose formats this binary speaks.
//!
//! `./run test` makes the Python environment and names it in `FEAST_PYTHON`. Without it these tests say that they are
//! skipped; where `FEAST_REQUIRE_PYTHON` is set, as in CI, they fail instead.

use std::path::Path;
use std::process::Command;

#[expect(clippy::print_stderr, reason = "a skipped test must not look like a passed one")]
fn check(script: &str) {
    let Some(python) = std::env::var_os("FEAST_PYTHON") else {
        assert!(
            std::env::var_os("FEAST_REQUIRE_PYTHON").is_none(),
            "FEAST_REQUIRE_PYTHON is set, but FEAST_PYTHON is not: run ./run test"
        );
        eprintln!("skipped: FEAST_PYTHON is not set (./run test makes the environment and sets it)");
        return;
    };
    let script = Path::new(feast_fixtures::INTEROP).join(script);
    let output = Command::new(python)
        .arg(script)
        .args(["--feast", env!("CARGO_BIN_EXE_feast")])
        .env_remove("FEATURE_REPO_DIR_ENV_VAR")
        .env_remove("FEAST_FS_YAML_FILE_PATH")
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn the_registries_of_the_corpus_are_equal() {
    check("registries.py");
}

#[test]
fn readers_of_a_file_that_is_pushed_to_see_whole_files() {
    check("concurrent_pushes.py");
}

#[test]
fn sources_of_any_kind_give_the_values_of_their_files() {
    check("source_directories.py");
}

#[test]
fn pyarrow_reads_and_writes_streams() {
    check("arrow_stream.py");
}

#[test]
fn the_sdk_works_through_the_server() {
    check("remote_store.py");
}

#[test]
fn python_reads_the_times_of_a_registry() {
    check("registry_times.py");
}

#[test]
fn answers_are_as_the_openapi_document_says() {
    check("openapi_fuzz.py");
}

#[test]
fn each_serves_what_the_other_applied() {
    check("round_trip.py");
}

#[test]
fn rows_come_back_after_a_change_of_join_keys() {
    check("renamed_keys.py");
}

#[test]
fn python_and_this_binary_share_a_sqlite_store() {
    check("sqlite_store.py");
}
