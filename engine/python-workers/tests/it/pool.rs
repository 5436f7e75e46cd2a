//! Many calls at once, other functions, and pools that end or cannot begin.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, AsArray, Int64Array};
use arrow::datatypes::Int64Type;
use feast_functions::{Mode, Output};
use feast_model::ValueType;
use feast_python_workers::{CallError, Pool, Settings};
use tokio::runtime::Runtime;

use crate::support::{call, each, eventually, function, input, is_there, pool, python, settings};

async fn call_async(pool: Arc<Pool>, view: &str, value: i64) -> Result<i64, CallError> {
    let values: ArrayRef = Arc::new(Int64Array::from(vec![value]));
    let outputs = [Output {
        name: "o",
        value_type: &ValueType::Int64,
    }];
    let given = pool
        .call(view, &[input("x", &ValueType::Int64, values)], &outputs, 1)
        .await?;
    Ok(given[0].1.as_primitive::<Int64Type>().value(0))
}

/// What comes of so many calls at once.
fn at_once(pool: &Arc<Pool>, view: &'static str, count: i64) -> Vec<Result<i64, CallError>> {
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async {
        let calls: Vec<_> = (0..count)
            .map(|value| tokio::spawn(call_async(Arc::clone(pool), view, value)))
            .collect();
        let mut given = Vec::new();
        for call in calls {
            given.push(call.await.unwrap());
        }
        given
    })
}

fn two_workers(queue: usize) -> Option<Settings> {
    Some(Settings {
        workers: 2,
        queue,
        ..settings(python()?)
    })
}

#[test]
fn each_of_many_calls_is_answered_once() {
    let Some(settings) = two_workers(256) else {
        return;
    };
    let pool = Arc::new(Pool::start(
        settings,
        vec![each("double", "(time.sleep(0.002), x * 2)[1]")],
    ));
    for (value, given) in (0..).zip(at_once(&pool, "double", 200)) {
        assert_eq!(given, Ok(value * 2));
    }
    let counters = pool.counters();
    assert_eq!(
        (counters.calls, counters.busy, counters.in_flight, counters.restarts),
        (200, 0, 0, 0)
    );
}

#[test]
fn calls_beyond_the_queue_are_turned_away() {
    let Some(settings) = two_workers(10) else {
        return;
    };
    let pool = Arc::new(Pool::start(
        settings,
        vec![each("double", "(time.sleep(0.02), x * 2)[1]")],
    ));
    let (mut done, mut busy) = (0, 0);
    for (value, given) in (0..).zip(at_once(&pool, "double", 200)) {
        match given {
            Ok(given) => {
                assert_eq!(given, value * 2);
                done += 1;
            }
            Err(CallError::Busy(_)) => busy += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!(done >= 10 && busy > 0, "{done} are done, {busy} are turned away");
    assert_eq!((pool.counters().calls, pool.counters().busy), (200, busy));
}

#[test]
fn calls_that_end_their_worker_cost_no_other_call() {
    let Some(settings) = two_workers(256) else {
        return;
    };
    let pool = Arc::new(Pool::start(
        settings,
        vec![each("some", "os._exit(1) if x % 10 == 5 else x")],
    ));
    for (value, given) in (0..).zip(at_once(&pool, "some", 60)) {
        match given {
            Ok(given) => assert!(given == value && value % 10 != 5),
            Err(CallError::Died { .. }) => assert_eq!(value % 10, 5),
            other => panic!("{value}: {other:?}"),
        }
    }
    assert_eq!(pool.counters().deaths, 6);
}

#[test]
fn calls_that_came_before_a_change_get_the_old_functions() {
    let Some(settings) = two_workers(256) else {
        return;
    };
    let generation = |number: i64| vec![each("which", &format!("(time.sleep(0.01), x * 10 + {number})[1]"))];
    let pool = Arc::new(Pool::start(settings, generation(0)));
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async {
        let mut calls = Vec::new();
        for number in 0..4 {
            pool.replace(generation(number));
            for value in 0..20 {
                calls.push((
                    value * 10 + number,
                    tokio::spawn(call_async(Arc::clone(&pool), "which", value)),
                ));
            }
            // So that all of them wait.
            while pool.counters().calls < u64::try_from(number + 1).unwrap() * 20 {
                tokio::task::yield_now().await;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        for (expected, call) in calls {
            assert_eq!(call.await.unwrap(), Ok(expected));
        }
    });
    // The same functions again are no change.
    let restarts = pool.counters().restarts;
    pool.replace(generation(3));
    assert_eq!(call(&pool, "which", &[1]), Ok(vec![13]));
    assert_eq!(pool.counters().restarts, restarts);
    pool.replace(Vec::new());
    assert!(matches!(call(&pool, "which", &[1]), Err(CallError::NotLoaded(_))));
}

#[test]
fn a_pool_that_is_closed_answers_what_runs_and_waits() {
    let Some(settings) = two_workers(256) else {
        return;
    };
    let pool = Arc::new(Pool::start(
        settings,
        vec![each("pid", "os.getpid()"), each("hang", "time.sleep(1000) or x")],
    ));
    let process = call(&pool, "pid", &[1]).unwrap()[0];
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async {
        let calls: Vec<_> = (0..10)
            .map(|_| tokio::spawn(call_async(Arc::clone(&pool), "hang", 1)))
            .collect();
        while pool.counters().in_flight < 2 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        pool.close();
        for call in calls {
            assert!(matches!(call.await.unwrap(), Err(CallError::NotStarted(_))));
        }
    });
    assert!(!is_there(process));
    assert!(matches!(call(&pool, "pid", &[1]), Err(CallError::NotStarted(_))));
}

#[test]
fn a_pool_that_is_dropped_while_a_call_runs_leaves_no_process() {
    let Some(pool) = pool(vec![each("pid", "os.getpid()"), each("hang", "time.sleep(1000) or x")]) else {
        return;
    };
    let pool = Arc::new(pool);
    let process = call(&pool, "pid", &[1]).unwrap()[0];
    let runtime = Runtime::new().unwrap();
    let running = runtime.spawn(call_async(Arc::clone(&pool), "hang", 1));
    eventually("the call", || pool.counters().in_flight == 1);
    running.abort();
    assert!(runtime.block_on(running).is_err());
    drop(Arc::into_inner(pool).unwrap());
    assert!(!is_there(process));
}

#[test]
fn calls_whose_caller_has_gone_are_left_out() {
    let Some(pool) = pool(vec![
        each(
            "count",
            "sys.modules.setdefault('count', []).append(x) or len(sys.modules['count'])",
        ),
        each("sleep", "time.sleep(0.3) or x"),
    ]) else {
        return;
    };
    let pool = Arc::new(pool);
    let runtime = Runtime::new().unwrap();
    let first = runtime.spawn(call_async(Arc::clone(&pool), "sleep", 1));
    eventually("the call", || pool.counters().in_flight == 1);
    let gone = runtime.spawn(call_async(Arc::clone(&pool), "count", 1));
    eventually("the second call", || pool.counters().calls == 2);
    gone.abort();
    assert!(runtime.block_on(gone).is_err());
    assert_eq!(runtime.block_on(first).unwrap(), Ok(1));
    assert!(call(&pool, "count", &[1]).unwrap()[0] <= 2);
}

#[test]
fn a_command_that_is_no_python_is_told_at_once() {
    for (command, text) in [
        ("/not/there/python", "serving.python.command"),
        ("/bin/false", "exit status: 1"),
        ("/bin/echo", "the last it printed"),
    ] {
        let pool = Pool::start(settings(command.into()), vec![each("same", "x")]);
        let started = Runtime::new().unwrap().block_on(pool.started());
        for given in [started, call(&pool, "same", &[1]).map(|_| ())] {
            match given {
                Err(CallError::NotStarted(reason)) => assert!(reason.contains(text), "{command}: {reason}"),
                other => panic!("{command}: {other:?}"),
            }
        }
    }
}

#[test]
fn a_start_that_takes_too_long_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let command = directory.path().join("python");
    std::fs::write(&command, "#!/bin/sh\nsleep 1000\n").unwrap();
    std::fs::set_permissions(&command, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let settings = Settings {
        start_timeout: Duration::from_secs(1),
        ..settings(command)
    };
    let pool = Pool::start(settings, vec![each("same", "x")]);
    assert!(
        matches!(call(&pool, "same", &[1]), Err(CallError::NotStarted(reason)) if reason.contains("longer than 1 s"))
    );
}

#[test]
fn a_function_that_takes_too_long_to_load_is_left_out() {
    let Some(python) = python() else {
        return;
    };
    let settings = Settings {
        start_timeout: Duration::from_secs(5),
        ..settings(python)
    };
    let slow = function(
        "slow",
        Mode::Python,
        "def f(i, k=__import__('time').sleep(1000)):\n    return i\n",
    );
    let pool = Pool::start(settings, vec![each("same", "x"), slow, each("other", "x")]);
    assert_eq!(call(&pool, "same", &[1]), Ok(vec![1]));
    assert_eq!(call(&pool, "other", &[1]), Ok(vec![1]));
    assert!(
        matches!(call(&pool, "slow", &[1]), Err(CallError::NotLoaded(reason)) if reason.contains("longer than 5 s"))
    );
}

#[test]
fn a_worker_that_ends_between_calls_is_started_again_but_not_without_pause() {
    let text = "def f(i):\n    import threading, os, time\n    threading.Thread(target=lambda: (time.sleep(0.05), os._exit(9))).start()\n    return {'o': i['x']}\n";
    let Some(pool) = pool(vec![function("later", Mode::Python, text), each("same", "x")]) else {
        return;
    };
    assert_eq!(call(&pool, "later", &[1]), Ok(vec![1]));
    eventually("the end of the worker", || pool.counters().deaths == 1);
    eventually("another worker", || call(&pool, "same", &[1]) == Ok(vec![1]));
}

#[test]
fn no_workers_answer_no_calls() {
    let pool = Pool::start(
        Settings {
            workers: 0,
            ..settings("/not/there".into())
        },
        vec![each("same", "x")],
    );
    assert!(
        matches!(call(&pool, "same", &[1]), Err(CallError::NotStarted(reason)) if reason.contains("serving.python.workers"))
    );
}
