//! What is not backed up and not restored, and that nothing changes then.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

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
        "has more bytes than",
    );
    check(
        &|copy| std::fs::remove_file(copy.join("manifest.json")).unwrap(),
        "is not a backup",
    );
    // What has no end, and what nobody writes to.
    let replaced = |path: &Path, by: &str| {
        std::fs::remove_file(path).unwrap();
        match by {
            "pipe" => assert!(Command::new("mkfifo").arg(path).status().unwrap().success()),
            target => std::os::unix::fs::symlink(target, path).unwrap(),
        }
    };
    for by in ["pipe", "/dev/zero"] {
        check(&|copy| replaced(&a_table(copy), by), "it is not a file");
        check(&|copy| replaced(&copy.join("registry.db"), by), "it is not a file");
        check(&|copy| replaced(&copy.join("manifest.json"), by), "it is not a file");
    }
    let lengthened = |path: &Path| {
        let file = std::fs::File::options().write(true).open(path).unwrap();
        file.set_len(1 << 40).unwrap();
    };
    check(&|copy| lengthened(&a_table(copy)), "has more bytes than");
    check(&|copy| lengthened(&copy.join("registry.db")), "has more bytes than");
    check(&|copy| lengthened(&copy.join("manifest.json")), "is damaged");
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
    refused(&repository, &["backup", "backups"], "sqlite3 FILE");
    assert!(!repository.exists("backups"));
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
    let outcome = Command::new("sh")
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
    let files = std::fs::read_dir(backup.join("online_store")).unwrap();
    for file in files.map(|file| file.unwrap().path()) {
        let mode = file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", file.display());
    }
}

/// Starts a restore and stops it, as a slow disk would, while it copies. `None` when it was too fast.
fn held_up(repository: &Repository, arguments: &[&str]) -> Option<Child> {
    let mut command = repository.command(arguments);
    let mut restore = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let staged = repository.path.join("data/online_store/RESTORE.tmp");
    while !staged.exists() {
        if restore.try_wait().unwrap().is_some() {
            return None;
        }
    }
    signal(&restore, "-STOP");
    // It is stopped a little later.
    std::thread::sleep(Duration::from_millis(50));
    if staged.exists() && !repository.exists("data/online_store/RESTORE") {
        return Some(restore);
    }
    signal(&restore, "-CONT");
    restore.wait().unwrap();
    None
}

fn signal(process: &Child, name: &str) {
    let sent = Command::new("kill").args([name, &process.id().to_string()]).status();
    assert!(sent.unwrap().success());
}

#[test]
fn no_server_starts_while_a_restore_copies() {
    let repository = materialized();
    let directory = tempfile::tempdir().unwrap();
    let backup = back_up(&repository, directory.path());
    let backup = backup.to_str().unwrap();
    for is_there in [true, false] {
        let mut tries = 0;
        loop {
            let place = elsewhere(&repository);
            if is_there {
                place.succeed(&["restore", backup]);
            }
            let Some(mut restore) = held_up(&place, &["restore", backup, "--force"]) else {
                tries += 1;
                assert!(tries < 100, "each was too fast");
                continue;
            };
            refused(&place, &["serve", "--port", "0"], "is in use by another process");
            refused(&place, &["restore", backup, "--force"], "is in use by another process");
            signal(&restore, "-CONT");
            assert!(restore.wait().unwrap().success());
            assert!(trips(&place.serve(), &[1001])[0].is_some());
            break;
        }
    }
}

#[test]
fn a_store_that_a_link_leads_to_is_restored_where_it_is() {
    let repository = materialized();
    let directory = tempfile::tempdir().unwrap();
    let backup = back_up(&repository, directory.path());
    let (disk, store) = (tempfile::tempdir().unwrap(), repository.path.join("data/online_store"));
    let target = disk.path().join("store");
    feast_fixtures::copy_directory(&store, &target);
    std::fs::remove_dir_all(&store).unwrap();
    std::os::unix::fs::symlink(&target, &store).unwrap();
    repository.succeed(&["restore", backup.to_str().unwrap(), "--force"]);
    assert!(store.is_symlink() && target.join("CURRENT").exists());
    assert!(names(disk.path()).iter().any(|name| name.starts_with("store.before-")));
    assert!(trips(&repository.serve(), &[1001])[0].is_some());
}

#[test]
fn one_repository_does_not_remove_the_backups_of_another_of_the_same_project() {
    let production = materialized();
    let staging = elsewhere(&production);
    staging.succeed(&["apply"]);
    staging.succeed(&["materialize", "2020-01-01", "2030-01-01"]);
    let directory = tempfile::tempdir().unwrap();
    let made: Vec<_> = (0..2).map(|_| back_up(&production, directory.path())).collect();
    let path = directory.path().to_str().unwrap();
    // A copy of production is another store too.
    let copy = elsewhere(&production);
    copy.succeed(&["restore", made[0].to_str().unwrap()]);
    for other in [&staging, &copy] {
        let outcome = other.feast(&["backup", path, "--keep", "1"]);
        assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
        assert!(
            outcome.stderr.contains("of other online stores of this project"),
            "{}",
            outcome.stderr
        );
    }
    assert!(made.iter().all(|backup| backup.exists()));
    assert_eq!(names(directory.path()).len(), 4);
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
