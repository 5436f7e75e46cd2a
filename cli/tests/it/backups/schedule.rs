//! Backups by the settings of a server, and how many are kept.

use std::path::Path;
use std::time::{Duration, Instant};

use super::{back_up, elsewhere};
use super::{materialized, names, trips};
use crate::support::{Repository, Server, eventually};

/// With a directory `backups` that is there.
fn with_schedule(schedule: &str) -> Repository {
    let repository = materialized();
    std::fs::create_dir(repository.path.join("backups")).unwrap();
    let settings = std::fs::read_to_string(repository.path.join("feature_store.yaml")).unwrap();
    assert!(!settings.contains("\nserving:"));
    let schedule = format!("{settings}\nserving:\n  metrics_route: true\n  backups: {schedule}\n");
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
        let found = names(&directory);
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
    eventually("it is a warning", || warnings(&server).contains("no backup was made"));
    assert_eq!(last_success(&server), Some(0.0));
    std::fs::remove_file(repository.path.join("file")).unwrap();
    std::fs::create_dir_all(repository.path.join("file/backups")).unwrap();
    eventually("it is none any more", || warnings(&server) == "[]");
    assert!(last_success(&server).unwrap() > 1e9);
    let (_, log) = server.stop();
    assert!(log.contains("no backup was made"), "{log}");
}

/// The server is ready with them.
fn warnings(server: &Server) -> String {
    let answer = server.send("GET", "/ready", &[], "");
    assert_eq!(answer.status, 200);
    answer.json()["warnings"].to_string()
}

/// What the metrics say of the newest backup.
fn last_success(server: &Server) -> Option<f64> {
    let page = server.send("GET", "/metrics", &[], "").body;
    let mut lines = page.lines();
    let line = lines.find(|line| line.starts_with("feast_backup_last_success_seconds{"))?;
    line.rsplit(' ').next()?.parse().ok()
}

#[test]
fn a_directory_whose_disk_is_not_mounted_is_not_made_and_not_taken_for_another() {
    let repository = with_schedule("{directory: backups, every: 1s, keep: 2}");
    let directory = repository.path.join("backups");
    let server = repository.serve();
    let has_backups = || last_success(&server).is_some_and(|time| time > 0.0);
    eventually("there are backups", || has_backups() && warnings(&server) == "[]");
    let mounted = repository.path.join("elsewhere");
    std::fs::rename(&directory, &mounted).unwrap();
    eventually("it is missed", || warnings(&server).contains("is not there"));
    assert!(!directory.exists());
    // What the disk is mounted at.
    std::fs::create_dir(&directory).unwrap();
    let is_other = |server: &Server| warnings(server).contains("is not the one that had backups");
    eventually("it is another one", || is_other(&server));
    drop(server);
    let server = repository.serve();
    eventually("also for the next server", || is_other(&server));
    assert_eq!(names(&directory), Vec::<String>::new());
    std::fs::remove_dir(&directory).unwrap();
    std::fs::rename(&mounted, &directory).unwrap();
    eventually("it is mounted again", || warnings(&server) == "[]");
    // Somebody wants to begin anew.
    std::fs::remove_dir_all(&directory).unwrap();
    eventually("it is missed", || warnings(&server).contains("is not there"));
    back_up(&repository, &directory);
    eventually("there are backups again", || warnings(&server) == "[]");
}

/// Holds the lock of a directory or a file, as a process does that hangs.
fn held(lock: &Path) -> std::fs::File {
    let file = std::fs::File::create(lock).unwrap();
    file.lock().unwrap();
    file
}

#[test]
fn a_backup_that_hangs_is_a_warning_and_the_server_stops_without_it() {
    let repository = with_schedule("{directory: backups, every: 1s}");
    let held = held(&repository.path.join("backups/.backups.lock"));
    let server = repository.serve();
    eventually("it is a warning", || {
        warnings(&server).contains("is not complete after 1s")
    });
    let page = server.send("GET", "/metrics", &[], "").body;
    assert!(page.contains("feast_condition{kind=\"backup_failed\"} 1"), "{page}");
    let begun = Instant::now();
    let (code, log) = server.stop();
    // Whoever hangs does so for a minute.
    assert!(begun.elapsed() < Duration::from_secs(20), "{log}");
    assert_eq!(code, Some(0), "{log}");
    assert!(
        log.contains("is not complete after 1s") && log.contains("does not end"),
        "{log}"
    );
    drop(held);
    // It has let the store go.
    let server = repository.serve();
    eventually("there is one", || last_success(&server).is_some_and(|time| time > 0.0));
}

#[test]
fn the_second_signal_ends_a_server_whose_threads_hang() {
    let repository = materialized();
    let server = repository.serve();
    let _held = held(&repository.path.join("data/.registry.db.lock"));
    let address = server.address().to_owned();
    let asked = std::thread::spawn(move || {
        let body = "{\"end_ts\": \"2030-01-02T00:00:00\"}";
        let request = format!(
            "POST /materialize-incremental HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        std::io::Write::write_all(&mut stream, request.as_bytes()).unwrap();
        let _ = std::io::Read::read_to_end(&mut stream, &mut Vec::new());
    });
    // It waits for the lock by then, for a minute.
    std::thread::sleep(Duration::from_secs(1));
    let begun = Instant::now();
    server.signal("TERM");
    std::thread::sleep(Duration::from_millis(200));
    server.signal("TERM");
    let (_, log) = server.wait();
    assert!(begun.elapsed() < Duration::from_secs(20), "{log}");
    asked.join().unwrap();
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
