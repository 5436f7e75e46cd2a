//! Who can open a lock, and how long one waits for it.

use super::*;

const BRIEFLY: Duration = Duration::from_millis(30);

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().mode() & 0o777
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn lock_files_are_for_those_who_may_change_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let cases = [
        // Of the directory, of the file, of the lock.
        (0o700, Some(0o600), 0o600),
        (0o755, Some(0o644), 0o600),
        (0o755, Some(0o664), 0o660),
        (0o755, Some(0o666), 0o666),
        // Others can replace the file.
        (0o775, Some(0o644), 0o660),
        (0o777, Some(0o644), 0o666),
        (0o1777, Some(0o644), 0o600),
        // One that is not there yet.
        (0o755, None, 0o600),
        (0o770, None, 0o660),
    ];
    for (number, (of_directory, of_file, of_lock)) in cases.into_iter().enumerate() {
        let folder = directory.path().join(number.to_string());
        std::fs::create_dir(&folder).unwrap();
        let path = folder.join("registry.db");
        if let Some(mode) = of_file {
            std::fs::write(&path, "").unwrap();
            set_mode(&path, mode);
        }
        set_mode(&folder, of_directory);
        let lock = folder.join(".registry.db.lock");
        drop(FileLock::acquire(&path, BRIEFLY).unwrap());
        assert_eq!(mode(&lock), of_lock, "{of_directory:o} {of_file:?}");
        // As an older version has left it, with less for some.
        for left in [0o644, 0o666, 0o600] {
            set_mode(&lock, left);
            drop(FileLock::acquire(&path, BRIEFLY).unwrap());
            assert_eq!(mode(&lock), left & of_lock, "{of_directory:o} {of_file:?} {left:o}");
        }
    }
}

#[test]
fn a_lock_that_another_holds_is_not_waited_for_for_ever() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("registry.db");
    let held = FileLock::acquire(&path, BRIEFLY).unwrap();
    let refused = FileLock::acquire(&path, BRIEFLY).err().unwrap();
    assert_eq!(refused.kind(), ErrorKind::Unavailable);
    let message = refused.public_message();
    assert!(message.starts_with("cannot lock .registry.db.lock: "), "{message}");
    assert!(message.ends_with(" has held it for more than 0.03 s"), "{message}");
    // This process, unless the file system of the test is one whose files have other numbers in the list.
    #[cfg(target_os = "linux")]
    if !message.contains("another process") {
        let process = format!(": process {} (", std::process::id());
        assert!(message.contains(&process), "{message}");
    }
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| FileLock::acquire(&path, REQUEST_PATIENCE));
        std::thread::sleep(BRIEFLY);
        drop(held);
        assert!(waiting.join().unwrap().is_ok());
    });
}

#[test]
fn a_lock_that_can_only_be_read_is_locked_all_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("registry.db");
    std::fs::write(directory.path().join(".registry.db.lock"), "").unwrap();
    set_mode(&directory.path().join(".registry.db.lock"), 0o400);
    assert!(FileLock::acquire(&path, BRIEFLY).is_ok());
}

#[test]
fn a_link_in_the_place_of_a_lock_leads_nowhere() {
    let directory = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let target = elsewhere.path().join("target");
    std::fs::write(&target, "").unwrap();
    set_mode(&target, 0o666);
    let lock = directory.path().join(".backups.lock");
    std::os::unix::fs::symlink(&target, &lock).unwrap();
    assert!(FileLock::acquire_in(directory.path(), "backups", BRIEFLY).is_err());
    assert_eq!(mode(&target), 0o666, "its mode is that of somebody else's file");
    std::fs::remove_file(&lock).unwrap();
    // Of what the lock is of.
    std::os::unix::fs::symlink(&target, directory.path().join("backups")).unwrap();
    drop(FileLock::acquire_in(directory.path(), "backups", BRIEFLY).unwrap());
    assert!(lock.exists());
    assert_eq!(std::fs::read_dir(elsewhere.path()).unwrap().count(), 1);
    // A pipe, which nobody reads.
    std::fs::remove_file(&lock).unwrap();
    let made = std::process::Command::new("mkfifo").arg(&lock).status().unwrap();
    assert!(made.success());
    let _ = FileLock::acquire_in(directory.path(), "backups", BRIEFLY);
}
