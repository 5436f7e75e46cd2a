//! Backups by the settings of a server, and how many are kept.

use super::{back_up, elsewhere};
use super::{materialized, names, trips};
use crate::support::{Repository, eventually};

fn with_schedule(schedule: &str) -> Repository {
    let repository = materialized();
    let settings = std::fs::read_to_string(repository.path.join("feature_store.yaml")).unwrap();
    assert!(!settings.contains("\nserving:"));
    let schedule = format!("{settings}\nserving:\n  backups: {schedule}\n");
    repository.write("feature_store.yaml", &schedule);
    repository
}

#[test]
fn a_server_makes_backups_by_itself_and_keeps_the_newest() {
    let repository = with_schedule("{directory: backups, every: 1s, keep: 2}");
    let directory = repository.path.join("backups");
    let server = repository.serve();
    let first = std::cell::RefCell::new(None);
    eventually("three were made, of which two are kept", || {
        let found = if directory.exists() {
            names(&directory)
        } else {
            Vec::new()
        };
        let oldest = found.iter().find(|name| !name.starts_with('.')).cloned();
        let mut first = first.borrow_mut();
        if first.is_none() {
            *first = oldest.clone();
        }
        oldest.is_some() && oldest != *first
    });
    let (_, log) = server.stop();
    assert!(log.contains("was removed: 2 are kept"), "{log}");
    let newest = names(&directory)
        .into_iter()
        .rfind(|name| !name.starts_with('.'))
        .unwrap();
    let other = elsewhere(&repository);
    other.write(
        "feature_store.yaml",
        &std::fs::read_to_string(other.path.join("feature_store.yaml"))
            .unwrap()
            .replace("1s", "1d"),
    );
    other.succeed(&["restore", directory.join(newest).to_str().unwrap()]);
    assert!(trips(&other.serve(), &[1001])[0].is_some());
}

#[test]
fn a_server_that_is_started_again_makes_none_before_its_time() {
    let repository = with_schedule("{directory: backups, every: 1d}");
    let directory = repository.path.join("backups");
    let made = back_up(&repository, &directory);
    let server = repository.serve();
    // It has looked by then.
    std::thread::sleep(std::time::Duration::from_secs(2));
    drop(server);
    assert_eq!(names(&directory), [made.file_name().unwrap().to_str().unwrap()]);
}

#[test]
fn a_backup_that_fails_is_a_warning_and_the_server_stays_ready() {
    let repository = with_schedule("{directory: file/backups, every: 1s}");
    repository.write("file", "");
    let server = repository.serve();
    let ready = || {
        let answer = server.send("GET", "/ready", &[], "");
        (answer.status, answer.json()["warnings"].to_string())
    };
    eventually("it is a warning", || ready().1.contains("no backup was made"));
    assert_eq!(ready().0, 200);
    std::fs::remove_file(repository.path.join("file")).unwrap();
    eventually("it is none any more", || ready().1 == "[]");
    let (_, log) = server.stop();
    assert!(log.contains("no backup was made"), "{log}");
}

#[test]
fn so_many_are_kept_as_a_command_says() {
    let repository = materialized();
    let directory = repository.path.join("backups");
    let mut made = Vec::new();
    for _ in 0..4 {
        let printed = repository.succeed(&["backup", directory.to_str().unwrap(), "--keep", "2"]);
        made.push(printed.trim_end().rsplit('/').next().unwrap().to_owned());
    }
    assert_eq!(names(&directory), made[2..]);
}
