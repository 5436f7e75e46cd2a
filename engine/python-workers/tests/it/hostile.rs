//! Functions that do what functions should not: it costs their own call, and the next one works.

use std::time::Duration;

use feast_functions::Mode;
use feast_python_workers::{CallError, Pool, Settings};

use crate::support::{call, each, eventually, function, pool, python, runs, settings};

/// The process of a worker.
fn pid(pool: &Pool) -> i64 {
    call(pool, "pid", &[1]).unwrap()[0]
}

fn good() -> Vec<feast_python_workers::PoolFunction> {
    vec![each("pid", "os.getpid()"), each("double", "x * 2")]
}

fn pool_with(expression: &str) -> Option<Pool> {
    let mut functions = good();
    functions.push(each("bad", expression));
    pool(functions)
}

fn works(pool: &Pool) {
    assert_eq!(call(pool, "double", &[1, 2]), Ok(vec![2, 4]));
}

#[test]
fn what_a_function_raises_is_told_with_its_class() {
    let Some(pool) = pool_with("1 // 0 if x == 1 else {}[x] if x == 2 else sys.exit(3)") else {
        return;
    };
    let raised = |class: &str, text: &str| {
        Err(CallError::Raised {
            class: class.to_owned(),
            text: text.to_owned(),
        })
    };
    let before = pid(&pool);
    assert_eq!(
        call(&pool, "bad", &[1]),
        raised("ZeroDivisionError", "integer division or modulo by zero")
    );
    assert_eq!(call(&pool, "bad", &[2]), raised("KeyError", "2"));
    assert_eq!(call(&pool, "bad", &[3]), raised("SystemExit", "3"));
    works(&pool);
    assert_eq!(pid(&pool), before);
}

#[test]
fn an_exception_without_a_text_is_told() {
    let text = "def f(i):\n    class E(Exception):\n        def __str__(self):\n            raise ValueError()\n    raise E()\n";
    let other = "def f(i):\n    raise ValueError('\\udce4')\n";
    let Some(pool) = pool(vec![
        function("bad", Mode::Python, text),
        function("surrogate", Mode::Python, other),
    ]) else {
        return;
    };
    assert!(matches!(call(&pool, "bad", &[1]), Err(CallError::Raised { class, .. }) if class == "E"));
    assert!(matches!(call(&pool, "surrogate", &[1]), Err(CallError::Raised { text, .. }) if text == "\\udce4"));
}

#[test]
fn a_function_that_prints_a_lot_is_not_held_up() {
    let Some(pool) = pool_with("(print('line\\n' * 200000), print('x' * 5000000, file=sys.stderr), x)[2]") else {
        return;
    };
    assert_eq!(call(&pool, "bad", &[7]), Ok(vec![7]));
    works(&pool);
}

#[test]
fn a_function_that_hangs_is_killed() {
    let Some(python) = python() else {
        return;
    };
    let mut functions = good();
    functions.push(each("bad", "time.sleep(1000) or x"));
    let settings = Settings {
        timeout: Duration::from_secs(5),
        ..settings(python)
    };
    let pool = Pool::start(settings, functions);
    let before = pid(&pool);
    assert_eq!(
        call(&pool, "bad", &[1]),
        Err(CallError::TimedOut { milliseconds: 5000 })
    );
    assert!(!runs(before));
    works(&pool);
    assert_ne!(pid(&pool), before);
    assert_eq!(
        (
            pool.counters().timeouts,
            pool.counters().deaths,
            pool.counters().restarts
        ),
        (1, 0, 1)
    );
}

#[test]
fn a_function_that_exits_is_told_with_status_and_last_words() {
    let Some(pool) = pool_with("(print('first'), print('no model here', file=sys.stderr), os._exit(3))") else {
        return;
    };
    let died = CallError::Died {
        status: "exit status: 3".to_owned(),
        last_line: "no model here".to_owned(),
    };
    assert_eq!(call(&pool, "bad", &[1]), Err(died));
    works(&pool);
    assert_eq!((pool.counters().deaths, pool.counters().restarts), (1, 1));
}

#[test]
fn a_function_that_is_killed_is_told() {
    for signal in [11, 9, 6] {
        let Some(pool) = pool_with(&format!("os.kill(os.getpid(), {signal})")) else {
            return;
        };
        match call(&pool, "bad", &[1]) {
            Err(CallError::Died { status, .. }) => assert!(status.contains(&format!("signal: {signal}")), "{status}"),
            other => panic!("{other:?}"),
        }
        works(&pool);
    }
}

#[test]
fn a_function_that_stops_its_process_is_killed() {
    let Some(python) = python() else {
        return;
    };
    let mut functions = good();
    functions.push(each("bad", "os.kill(os.getpid(), 19)"));
    let settings = Settings {
        timeout: Duration::from_secs(5),
        ..settings(python)
    };
    let pool = Pool::start(settings, functions);
    works(&pool);
    assert_eq!(
        call(&pool, "bad", &[1]),
        Err(CallError::TimedOut { milliseconds: 5000 })
    );
    works(&pool);
}

#[test]
fn a_function_that_allocates_too_much_ends_alone() {
    let Some(pool) = pool_with("len(bytearray(3 << 30)) if x == 1 else len([bytes(1 << 20) for _ in range(4096)])")
    else {
        return;
    };
    for value in [1, 2] {
        match call(&pool, "bad", &[value]) {
            Err(CallError::Raised { class, .. }) => assert_eq!(class, "MemoryError"),
            Err(CallError::Died { .. }) => {}
            other => panic!("{other:?}"),
        }
        works(&pool);
    }
}

#[test]
fn a_function_that_calls_itself_without_end_ends_alone() {
    let text = "def f(i):\n    import sys\n    sys.setrecursionlimit(10**9)\n    def g(n):\n        return sorted([n], key=g)\n    return {'o': [g(1)]}\n";
    let plain = "def f(i):\n    return f(i)\n";
    let mut functions = good();
    functions.extend([
        function("deep", Mode::Python, text),
        function("bad", Mode::Python, plain),
    ]);
    let Some(pool) = pool(functions) else {
        return;
    };
    assert!(matches!(call(&pool, "bad", &[1]), Err(CallError::Raised { class, .. }) if class == "RecursionError"));
    let deep = call(&pool, "deep", &[1]);
    assert!(
        matches!(deep, Err(CallError::Died { .. } | CallError::Raised { .. })),
        "{deep:?}"
    );
    works(&pool);
}

#[test]
fn what_is_written_to_the_socket_costs_the_call_only() {
    let write = |what: &str| {
        format!(
            "def f(i):\n    import os\n    for fd in range(3, 64):\n        try:\n            os.write(fd, {what})\n        except OSError:\n            pass\n    return {{'o': i['x']}}\n"
        )
    };
    let mut functions = good();
    functions.extend([
        function("short", Mode::Python, &write("b'garbage' * 3")),
        function("answer", Mode::Python, &write("bytes([5, 0, 0, 0, 99, 99, 0, 0, 0])")),
        function("long", Mode::Python, &write("bytes(200)")),
    ]);
    let Some(pool) = pool(functions) else {
        return;
    };
    for view in ["short", "answer", "long"] {
        match call(&pool, view, &[1]) {
            Err(CallError::Died { status, .. }) => assert!(status.contains("it has sent"), "{status}"),
            other => panic!("{view}: {other:?}"),
        }
        works(&pool);
    }
}

#[test]
fn what_a_function_has_started_ends_with_its_worker() {
    let child = "(os.fork() or (time.sleep(1000), os._exit(0)))";
    let other = "__import__('subprocess').Popen(['sleep', '1000']).pid";
    let mut functions = good();
    functions.extend([each("fork", child), each("start", other), each("bad", "os._exit(1)")]);
    let Some(pool) = pool(functions) else {
        return;
    };
    let children = [
        call(&pool, "fork", &[1]).unwrap()[0],
        call(&pool, "start", &[1]).unwrap()[0],
    ];
    works(&pool);
    assert!(children.iter().all(|child| runs(*child)));
    // The child has no end of the socket, or the end of its parent would not be noticed.
    assert!(matches!(call(&pool, "bad", &[1]), Err(CallError::Died { .. })));
    works(&pool);
    eventually("the end of what it started", || {
        !children.iter().any(|child| runs(*child))
    });
}

#[test]
fn a_function_that_cannot_be_loaded_does_not_keep_others_from_it() {
    let absent = function("absent", Mode::Python, "def f(i):\n    return i\n");
    let absent = feast_python_workers::PoolFunction {
        names: "import not_there_at_all\n".to_owned(),
        ..absent
    };
    let mut functions = good();
    functions.extend([
        absent,
        function("syntax", Mode::Python, "def f(i:\n"),
        function("nothing", Mode::Python, "x = 1\n"),
        function(
            "exits",
            Mode::Python,
            "def f(i, k=__import__('os')._exit(4)):\n    return i\n",
        ),
        function("raises", Mode::Python, "def f(i, k=1 // 0):\n    return i\n"),
    ]);
    let Some(pool) = pool(functions) else {
        return;
    };
    works(&pool);
    let not_loaded = |view: &str, text: &str| match call(&pool, view, &[1]) {
        Err(CallError::NotLoaded(reason)) => assert!(reason.contains(text), "{view}: {reason}"),
        other => panic!("{view}: {other:?}"),
    };
    not_loaded("absent", "ModuleNotFoundError: No module named 'not_there_at_all'");
    not_loaded("syntax", "SyntaxError");
    not_loaded("nothing", "has no functions");
    not_loaded("exits", "exit status: 4");
    not_loaded("raises", "ZeroDivisionError");
    not_loaded("unknown", "unknown");
    assert_eq!(pool.refusals().len(), 5);
    works(&pool);
}
