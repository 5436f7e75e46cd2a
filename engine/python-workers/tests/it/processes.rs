//! What a worker's process is: its environment, its rights and limits, and that it ends with the server.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use arrow::array::{Array, AsArray};
use feast_functions::Mode;
use feast_model::ValueType;
use feast_python_workers::{CallError, Pool, PoolFunction, Settings};

use crate::support::{call, call_typed, each, eventually, function, int64, is_there, pool, python, runs, settings};

/// A function that gives the text of an expression.
fn text_of(view: &str, expression: &str) -> PoolFunction {
    let text = format!(
        "def f(i):\n    import os, sys, resource, json\n    return {{'o': [str({expression}) for x in i['x']]}}\n"
    );
    function(view, Mode::Python, &text)
}

fn text(pool: &Pool, view: &str) -> String {
    let array = call_typed(pool, view, (&ValueType::Int64, int64(&[Some(1)])), &ValueType::String).unwrap();
    assert!(array.is_valid(0));
    array.as_string::<i32>().value(0).to_owned()
}

#[test]
fn a_worker_has_only_what_functions_need() {
    let Some(python) = python() else {
        return;
    };
    // Inherited by all that start now, if anything were.
    let open = std::fs::File::open(env!("CARGO_MANIFEST_DIR")).unwrap();
    let settings = Settings {
        env: vec!["CARGO_PKG_NAME".to_owned()],
        ..settings(python.clone())
    };
    let functions = vec![
        text_of("environment", "' '.join(sorted(os.environ))"),
        text_of(
            "descriptors",
            "' '.join(os.readlink(f'/proc/self/fd/{n}').split(':')[0] for n in range(64) if os.path.exists(f'/proc/self/fd/{n}') or os.path.islink(f'/proc/self/fd/{n}'))",
        ),
        text_of("stdin", "repr(sys.stdin.read())"),
        text_of("group", "os.getpgid(0) == os.getpid()"),
        text_of(
            "limits",
            "[resource.getrlimit(l) for l in (resource.RLIMIT_AS, resource.RLIMIT_CORE, resource.RLIMIT_NOFILE)]",
        ),
        text_of(
            "privileges",
            "[l.split()[1] for l in open('/proc/self/status') if l.startswith('NoNewPrivs')]",
        ),
        text_of("prefix", "sys.prefix"),
        text_of("directory", "os.getcwd()"),
    ];
    let pool = Pool::start(settings, functions);
    let environment = text(&pool, "environment");
    for name in environment.split(' ') {
        let usual = [
            "PATH",
            "HOME",
            "LANG",
            "TZ",
            "VIRTUAL_ENV",
            "CARGO_PKG_NAME",
            "LC_CTYPE",
        ]
        .contains(&name);
        let own = name.ends_with("_NUM_THREADS") || name == "ARROW_DEFAULT_MEMORY_POOL";
        assert!(usual || own || name.starts_with("PYTHON"), "{environment}");
    }
    assert!(environment.contains("CARGO_PKG_NAME"));
    assert_eq!(text(&pool, "descriptors"), "/dev/null pipe pipe socket");
    assert_eq!(text(&pool, "stdin"), "''");
    assert_eq!(text(&pool, "group"), "True");
    assert_eq!(text(&pool, "limits"), "[(2147483648, 2147483648), (0, 0), (256, 256)]");
    assert_eq!(text(&pool, "privileges"), "['1']");
    assert_eq!(
        text(&pool, "prefix"),
        python.parent().unwrap().parent().unwrap().to_str().unwrap()
    );
    assert_eq!(text(&pool, "directory"), env!("CARGO_MANIFEST_DIR"));
    drop(open);
}

/// The Python of the system, which every user can read, and a directory that is as readable; only root can become another user.
fn as_nobody() -> Option<(Settings, tempfile::TempDir)> {
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
    if !is_root || !std::path::Path::new("/usr/bin/python3").exists() {
        eprintln!("skipped: only root can start workers as another user, and needs /usr/bin/python3");
        return None;
    }
    let directory = tempfile::tempdir().unwrap();
    std::fs::set_permissions(directory.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let settings = Settings {
        user: "nobody".to_owned(),
        directory: directory.path().to_owned(),
        ..settings("/usr/bin/python3".into())
    };
    Some((settings, directory))
}

#[test]
fn a_server_that_is_root_starts_workers_as_another_user() {
    let Some((settings, _directory)) = as_nobody() else {
        return;
    };
    let lines =
        "''.join(l for l in open('/proc/self/status') if l.split(':')[0] in ('Uid', 'Gid', 'CapEff', 'Groups'))";
    let functions = vec![
        text_of("who", lines),
        text_of("write", "open('/x', 'w')"),
        text_of("home", "os.environ['HOME']"),
    ];
    let pool = Pool::start(settings, functions);
    let who = text(&pool, "who");
    let all_are = |name: &str, value: &str| {
        let line = who.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        assert!(line.split_whitespace().all(|word| word == value), "{who}");
    };
    all_are("Uid:", "65534");
    all_are("Gid:", "65534");
    all_are("Groups:", "65534");
    all_are("CapEff:", "0000000000000000");
    assert_eq!(text(&pool, "home"), "/nonexistent");
    assert!(matches!(call(&pool, "write", &[1]), Err(CallError::Raised { class, .. }) if class == "PermissionError"));
}

#[test]
fn a_user_who_cannot_be_is_told() {
    let Some((settings, directory)) = as_nobody() else {
        return;
    };
    let reason = |settings: Settings| match call(&Pool::start(settings, vec![each("same", "x")]), "same", &[1]) {
        Err(CallError::NotStarted(reason)) => reason,
        other => panic!("{other:?}"),
    };
    let unknown = Settings {
        user: "nobody-of-that-name".to_owned(),
        ..settings.clone()
    };
    assert!(reason(unknown).contains("there is no user nobody-of-that-name"));
    std::fs::set_permissions(directory.path(), std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let reason = reason(settings);
    assert!(
        reason.contains("the user nobody cannot read") && reason.contains("serving.python.user"),
        "{reason}"
    );
}

#[test]
fn no_process_is_left_of_a_pool() {
    let Some(python) = python() else {
        return;
    };
    let settings = Settings {
        workers: 2,
        ..settings(python)
    };
    let functions = vec![
        each("pid", "(time.sleep(0.05), os.getpid())[1]"),
        each("fork", "(os.fork() or (time.sleep(1000), os._exit(0)))"),
        each("exit", "os._exit(1)"),
    ];
    let pool = Pool::start(settings, functions);
    let mut processes = Vec::new();
    for _ in 0..5 {
        processes.push(call(&pool, "pid", &[1]).unwrap()[0]);
        processes.push(call(&pool, "fork", &[1]).unwrap()[0]);
        assert!(call(&pool, "exit", &[1]).is_err());
    }
    processes.push(call(&pool, "pid", &[1]).unwrap()[0]);
    drop(pool);
    // Children of workers are reaped by the first process of the system, unless that is this one.
    let workers = processes.iter().step_by(2);
    assert!(!workers.clone().any(|process| is_there(*process)));
    eventually("the end of all", || !processes.iter().any(|process| runs(*process)));
}

const SERVER: &str = "FEAST_TEST_SERVER";

/// Is a server, when the test below starts it.
#[test]
fn a_server() {
    if std::env::var_os(SERVER).is_none() {
        return;
    }
    let functions = vec![
        each("pid", "os.getpid()"),
        each("fork", "(os.fork() or (time.sleep(1000), os._exit(0)))"),
    ];
    let Some(pool) = pool(functions) else {
        return;
    };
    println!("\nprocess {}", call(&pool, "pid", &[1]).unwrap()[0]);
    println!("\nprocess {}", call(&pool, "fork", &[1]).unwrap()[0]);
    std::thread::sleep(Duration::from_secs(600));
}

#[test]
fn workers_end_with_a_server_that_is_killed() {
    if python().is_none() {
        return;
    }
    let mut server = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "processes::a_server", "--nocapture"])
        .env(SERVER, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(server.stdout.take().unwrap()).lines();
    let numbers = lines.filter_map(|line| line.unwrap().strip_prefix("process ")?.parse().ok());
    let processes: Vec<i64> = numbers.take(2).collect();
    assert_eq!(processes.len(), 2);
    assert!(processes.iter().all(|process| runs(*process)));
    server.kill().unwrap();
    server.wait().unwrap();
    eventually("the end of its workers", || {
        !processes.iter().any(|process| runs(*process))
    });
}
