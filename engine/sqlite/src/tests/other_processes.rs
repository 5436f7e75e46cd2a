//! Beside a Python that reads and writes the same file.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use feast_model::error::ErrorKind;

use super::*;

/// A Python process that runs a line of code at a time on `db`, a connection to the file. It is killed when this is dropped.
struct Python {
    child: Child,
    input: ChildStdin,
    output: BufReader<std::process::ChildStdout>,
}

const LOOP: &str = "
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
for line in sys.stdin:
    try:
        exec(line)
        print('done', flush=True)
    except sqlite3.Error as error:
        print(error, flush=True)
";

impl Python {
    /// `None` where there is no Python.
    fn start(file: &Path) -> Option<Self> {
        let mut command = Command::new("python3");
        command
            .args(["-c", LOOP])
            .arg(file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(source) => {
                assert!(std::env::var_os("FEAST_REQUIRE_PYTHON").is_none(), "python3: {source}");
                return None;
            }
        };
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Some(Self {
            child,
            input,
            output: BufReader::new(output),
        })
    }

    /// What a line of code ends with: `done`, or the error of SQLite.
    fn run(&mut self, code: &str) -> String {
        writeln!(self.input, "{code}").unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A store with a row, and a Python on it.
fn beside_python() -> Option<(Opened, Python)> {
    let opened = Opened::new();
    opened.write(&[(1, 5_000_000, None, Some(1), Some("x"))]);
    assert_eq!(opened.read(1), "a=1 b=x at 5");
    let python = Python::start(opened.path())?;
    Some((opened, python))
}

const CHANGE: &str = "db.execute(\"UPDATE p_v SET value = x'2009', event_ts = 7 WHERE feature_name = 'a'\")";

#[test]
fn reads_go_on_while_python_collects_changes_and_see_its_commit() {
    let Some((opened, mut python)) = beside_python() else {
        return;
    };
    assert_eq!(python.run("db.execute('BEGIN IMMEDIATE')"), "done");
    assert_eq!(python.run(CHANGE), "done");
    assert_eq!(opened.read(1), "a=1 b=x at 5");
    // No read of ours is left open.
    assert_eq!(python.run("db.execute('COMMIT')"), "done");
    assert_eq!(opened.read(1), "a=9 b=x at 7");
}

#[test]
fn a_read_does_not_wait_for_long_and_works_again_afterwards() {
    let Some((opened, mut python)) = beside_python() else {
        return;
    };
    assert_eq!(python.run("db.execute('BEGIN EXCLUSIVE')"), "done");
    let error = opened.try_read(1).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(error.to_string().contains("another process has it locked"), "{error}");
    assert_eq!(python.run("db.execute('ROLLBACK')"), "done");
    assert_eq!(opened.read(1), "a=1 b=x at 5");
}

#[test]
fn a_write_waits_for_python_and_compares_with_what_it_has_written() {
    let Some((opened, mut python)) = beside_python() else {
        return;
    };
    assert_eq!(python.run("db.execute('BEGIN IMMEDIATE')"), "done");
    assert_eq!(python.run(CHANGE), "done");
    let is_waiting = AtomicBool::new(false);
    let count = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            is_waiting.store(true, Ordering::SeqCst);
            opened.write(&[(1, 6_000_000, None, Some(2), Some("y"))])
        });
        while !is_waiting.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
        assert_eq!(python.run("import time; time.sleep(0.2); db.execute('COMMIT')"), "done");
        writer.join().unwrap()
    });
    assert_eq!(count.stale, 1);
    assert_eq!(opened.read(1), "a=9 b=x at 7");
}

/// A killed writer leaves a journal that only a connection which may write can roll back.
#[test]
fn what_a_killed_writer_has_left_is_rolled_back() {
    let Some((opened, mut python)) = beside_python() else {
        return;
    };
    let spill = "db.execute('PRAGMA cache_size = 1'); db.execute('BEGIN IMMEDIATE'); \
                 db.executemany('INSERT INTO p_v (entity_key, feature_name, value, event_ts) VALUES (?, ?, ?, 9)', \
                 [(bytes([n % 256]) * 40, str(n), bytes(900)) for n in range(400)])";
    assert_eq!(python.run(spill), "done");
    assert_eq!(python.run(CHANGE), "done");
    drop(python);
    let journal = opened.path().with_extension("db-journal");
    assert!(std::fs::metadata(&journal).unwrap().len() > 0);
    // One who only reads leaves it where it is.
    let read_only = SqliteStore::open_read_only(opened.path(), "p").unwrap();
    let error = read_only.forget_changed_rows().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(error.to_string().contains("must be rolled back first"), "{error}");
    assert!(std::fs::metadata(&journal).unwrap().len() > 0);
    assert_eq!(opened.read(1), "a=1 b=x at 5");
    read_only.forget_changed_rows().unwrap();
    assert!(!journal.exists() || std::fs::metadata(&journal).unwrap().len() == 0);
}

/// Reads and writes of ours and Python's at once: none fails, and no newer row is lost.
#[test]
fn both_write_at_once() {
    let Some((opened, mut python)) = beside_python() else {
        return;
    };
    let (opened, is_done) = (&opened, &AtomicBool::new(false));
    std::thread::scope(|scope| {
        let writer = scope.spawn(move || {
            for number in 0..60 {
                opened.write(&[(2, number * 1_000_000, None, Some(number), Some("x"))]);
            }
        });
        for _ in 0..2 {
            scope.spawn(move || {
                let mut last = 0.0;
                while !is_done.load(Ordering::SeqCst) {
                    let read = match opened.try_read(2) {
                        Ok(read) => read,
                        // A commit took longer than a read waits.
                        Err(error) => {
                            assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
                            continue;
                        }
                    };
                    let Some((_, time)) = read.split_once("at ") else {
                        continue;
                    };
                    let time: f64 = time.parse().unwrap();
                    assert!(time >= last, "{time} after {last}");
                    last = time;
                }
            });
        }
        let change = CHANGE.replace("WHERE", "WHERE entity_key = x'00' AND");
        for _ in 0..60 {
            assert_eq!(python.run(&change), "done");
        }
        let outcome = writer.join();
        is_done.store(true, Ordering::SeqCst);
        outcome.unwrap();
    });
    assert_eq!(opened.read(2), "a=59 b=x at 59");
}
