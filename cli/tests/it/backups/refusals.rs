//! What is not backed up and not restored, and that nothing changes then.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::json;

use super::{back_up, elsewhere, materialized, names, push, trips};
use crate::support::Repository;

fn refused(repository: &Repository, arguments: &[&str], expected: &str) {
    let outcome = repository.feast(arguments);
    assert_eq!(outcome.code, Some(1), "{}", outcome.stderr);
    assert!(
        outcome.stderr.contains(expected),
        "{} does not say: {expected}",
        outcome.stderr
    );
}

/// A copy of a backup in which something was changed.
fn damaged(backup: &Path, change: impl Fn(&Path)) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    feast_fixtures::copy_directory(backup, copy.path());
    change(copy.path());
    copy
}

fn a_table(backup: &Path) -> std::path::PathBuf {
    let files = std::fs::read_dir(backup.join("online_store")).unwrap();
    let mut files = files.map(|file| file.unwrap().path());
    files
        .find(|path| path.extension().is_some_and(|end| end == "sst"))
        .unwrap()
}

#[test]
fn backups_that_are_not_as_they_were_written_are_refused_and_nothing_is_restored() {
    let repository = materialized();
    let directory = tempfile::tempdir().unwrap();
    let backup = back_up(&repository, directory.path());
    let other = elsewhere(&repository);
    let check = |change: &dyn Fn(&Path), expected: &str| {
        let copy = damaged(&backup, change);
        let path = copy.path().to_str().unwrap();
        refused(&other, &["backup", "--verify", path], expected);
        refused(&other, &["restore", path], expected);
        assert!(!other.exists("data/online_store") && !other.exists("data/registry.db"));
    };
    let flip = |path: &Path| {
        let mut bytes = std::fs::read(path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(path, bytes).unwrap();
    };
    check(&|copy| flip(&a_table(copy)), "has another checksum");
    check(
        &|copy| flip(&copy.join("registry.db")),
        "registry.db has another checksum",
    );
    check(&|copy| flip(&copy.join("manifest.json")), "manifest.json is damaged");
    check(&|copy| std::fs::remove_file(a_table(copy)).unwrap(), "is missing");
    check(
        &|copy| std::fs::write(copy.join("online_store/000099.sst"), "").unwrap(),
        "holds a file that is not its own",
    );
    check(
        &|copy| {
            std::fs::File::options()
                .append(true)
                .open(a_table(copy))
                .unwrap()
                .write_all(b"x")
                .unwrap()
        },
        "bytes instead of",
    );
    check(
        &|copy| std::fs::remove_file(copy.join("manifest.json")).unwrap(),
        "is not a backup",
    );
    other.succeed(&["restore", backup.to_str().unwrap()]);
}

#[test]
fn what_is_there_is_restored_over_only_when_asked_for_and_moved_aside() {
    let repository = materialized();
    let directory = tempfile::tempdir().unwrap();
    let backup = back_up(&repository, directory.path());
    let backup = backup.to_str().unwrap();
    let server = repository.serve();
    assert_eq!(server.post_json("/push", &push(50_000, 3, "online")).status, 200);
    refused(&repository, &["restore", backup], "there is an online store already");
    refused(
        &repository,
        &["restore", backup, "--force"],
        "is in use by another process",
    );
    assert_eq!(trips(&server, &[50_000]), [Some(3)]);
    drop(server);
    refused(&repository, &["restore", backup], "there is an online store already");
    let outcome = repository.feast(&["restore", backup, "--force"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("online_store.before-"), "{}", outcome.stderr);
    let server = repository.serve();
    assert_eq!(trips(&server, &[50_000]), [None]);
    assert!(trips(&server, &[1001])[0].is_some());
    let aside = names(&repository.path.join("data"));
    let aside = |start: &str| aside.iter().any(|name| name.starts_with(start));
    assert!(aside("online_store.before-") && aside("registry.db.before-"));
}

#[test]
fn a_backup_of_another_project_is_not_restored() {
    let repository = materialized();
    let directory = tempfile::tempdir().unwrap();
    let backup = back_up(&repository, directory.path());
    let other = elsewhere(&repository);
    let settings = std::fs::read_to_string(other.path.join("feature_store.yaml")).unwrap();
    other.write(
        "feature_store.yaml",
        &settings.replacen("project: ", "project: other_", 1),
    );
    refused(&other, &["restore", backup.to_str().unwrap()], "is of project");
}

#[test]
fn only_commands_may_have_a_server_make_backups() {
    let repository = materialized();
    let directory = tempfile::tempdir().unwrap();
    let server = repository.serve();
    let body = json!({"directory": directory.path().to_str().unwrap(), "keep": null});
    assert_eq!(server.post_json("/backup", &body).status, 404);
    drop(server);
    let server = repository.serve_with(&["--socket", "public.sock"]);
    assert_eq!(
        server.post_json("/backup", &body).status,
        404,
        "a socket for clients is none for commands"
    );
    assert_eq!(names(directory.path()), Vec::<String>::new());
}

#[test]
fn stores_with_means_of_their_own_are_refused_and_these_are_named() {
    let repository = Repository::from_template();
    let settings = std::fs::read_to_string(repository.path.join("feature_store.yaml")).unwrap();
    assert!(settings.contains("type: rocksdb"));
    let sqlite = settings
        .replace("type: rocksdb", "type: sqlite")
        .replace("data/online_store", "data/online.db");
    repository.write("feature_store.yaml", &sqlite);
    repository.succeed(&["apply"]);
    let directory = tempfile::tempdir().unwrap();
    refused(
        &repository,
        &["backup", directory.path().to_str().unwrap()],
        "sqlite3 FILE",
    );
    assert_eq!(names(directory.path()), Vec::<String>::new());
}

#[test]
fn a_directory_that_cannot_be_written_leaves_nothing_and_names_it() {
    let repository = materialized();
    refused(
        &repository,
        &["backup", "data/online_store/backups"],
        "is inside of the online store",
    );
    repository.write("file", "");
    refused(&repository, &["backup", "file/backups"], "cannot create the directory");
    // A file size limit stands for a full disk.
    let directory = tempfile::tempdir().unwrap();
    let script = "trap '' XFSZ; ulimit -f 1; exec \"$0\" backup \"$1\"";
    let outcome = std::process::Command::new("sh")
        .args([
            "-c",
            script,
            env!("CARGO_BIN_EXE_feast"),
            directory.path().to_str().unwrap(),
        ])
        .current_dir(&repository.path)
        .output()
        .unwrap();
    assert_eq!(outcome.status.code(), Some(1));
    assert_eq!(names(directory.path()), Vec::<String>::new());
    let backup = back_up(&repository, directory.path());
    let mode = backup.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700, "backups hold what the store does");
}

#[test]
fn a_store_that_is_not_backed_up_leaves_no_directory() {
    let repository = Repository::empty();
    repository.write(
        "feature_store.yaml",
        "project: shop\nregistry: data/registry.db\nonline_store: sqlite\n",
    );
    refused(
        &repository,
        &["backup", "backups"],
        "an online store in SQLite is not backed up by this command",
    );
    assert!(!repository.exists("backups"));
}
