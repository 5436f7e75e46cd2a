//! Backups through the binary: under a server that takes pushes, in a directory of another file system, by the settings of a server.

mod refusals;
mod schedule;
mod under_pushes;

use std::path::{Path, PathBuf};

use feast_fixtures::copy_directory;
use serde_json::{Value, json};

use crate::support::{Repository, Server};

/// The repository of `feast init`, applied and materialized.
fn materialized() -> Repository {
    let repository = Repository::from_template();
    repository.succeed(&["apply"]);
    repository.succeed(&["materialize", "2020-01-01", "2030-01-01"]);
    repository
}

/// Another machine with the same definitions and history, and neither registry nor online store.
fn elsewhere(repository: &Repository) -> Repository {
    let other = Repository::empty();
    copy_directory(&repository.path, &other.path);
    let _ = std::fs::remove_dir_all(other.path.join("data/online_store"));
    let _ = std::fs::remove_file(other.path.join("data/registry.db"));
    other
}

fn back_up(repository: &Repository, directory: &Path) -> PathBuf {
    let printed = repository.succeed(&["backup", directory.to_str().unwrap()]);
    PathBuf::from(printed.trim_end())
}

/// The names in a directory of backups, without the file of their lock.
fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.filter(|name| !name.ends_with(".lock")).collect();
    names.sort();
    names
}

/// A push of one row, whose number of trips is `number` and whose event time follows from it.
fn push(driver: i64, number: i64, to: &str) -> Value {
    let time = format!(
        "2026-05-13T{:02}:{:02}:{:02}Z",
        number / 3600 % 24,
        number / 60 % 60,
        number % 60
    );
    json!({
        "push_source_name": "driver_stats_push_source", "to": to,
        "df": {"driver_id": [driver], "event_timestamp": [time], "created": [time],
               "conv_rate": [0.5], "acc_rate": [0.25], "avg_daily_trips": [number]}
    })
}

/// The number of trips of each driver, null where there is no row.
fn trips(server: &Server, drivers: &[i64]) -> Vec<Option<i64>> {
    let body = json!({"features": ["driver_hourly_stats:avg_daily_trips"], "entities": {"driver_id": drivers}});
    let answer = server.post_json("/get-online-features", &body);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let values = answer.json()["results"][1]["values"].clone();
    values.as_array().unwrap().iter().map(Value::as_i64).collect()
}
