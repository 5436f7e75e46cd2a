//! Passes that run at the same time. One pass keeps the cores busy while it reads, but not while it lists files, waits for the disk or
//! encodes rows.
//!
//! A pass with stored on-demand views runs alone: it may look up rows of the views before it, and those after it rows of its own.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use feast_config::MaterializationLimits;
use feast_model::error::{Error, Result};
use parking_lot::Mutex;

use super::pass::PassView;
use super::progress::{MaterializeProgress, RunStep, ViewReport};
use super::run::check_stopped;
use super::window::ViewWindow;

/// More passes at once wait for each other where they write.
const MAX_AT_ONCE: usize = 4;
/// With less memory a pass spills what would have fit.
const MIN_MEMORY: usize = 128 << 20;

/// The views of one pass.
type Pass<'a> = Vec<PassView<'a>>;

/// How many of the passes may run at once on so many cores.
pub(crate) fn passes_at_once(passes: &[Pass<'_>], cores: usize, limits: MaterializationLimits) -> usize {
    let longest = rounds(passes).map(<[_]>::len).max().unwrap_or(1);
    let fitting = limits.memory / MIN_MEMORY;
    longest.min(cores).min(fitting).clamp(1, MAX_AT_ONCE)
}

/// Runs passes, so many at once, and gives their reports in the order of the passes.
///
/// # Errors
/// Those of the first pass that fails. Passes that run beside it come to their end, others are not begun.
pub(crate) fn run_all<'a>(
    passes: &[Pass<'a>],
    at_once: usize,
    progress: &mut dyn MaterializeProgress,
    run: impl Fn(&[PassView<'a>], &mut dyn MaterializeProgress) -> Result<Vec<ViewReport>> + Sync,
) -> Result<Vec<ViewReport>> {
    // A stop is seen before the files of the next pass are listed, which may take long.
    let run = |pass: &Pass<'a>, progress: &mut dyn MaterializeProgress| {
        check_stopped(pass, progress)?;
        run(pass, progress)
    };
    let mut reports = Vec::new();
    for round in rounds(passes) {
        if at_once.min(round.len()) < 2 {
            for pass in round {
                reports.extend(run(pass, progress)?);
            }
            continue;
        }
        for of_pass in run_round(round, at_once, progress, &run) {
            reports.extend(of_pass?);
        }
    }
    Ok(reports)
}

/// Passes that may run at once.
fn rounds<'p, 'a>(passes: &'p [Pass<'a>]) -> impl Iterator<Item = &'p [Pass<'a>]> {
    let is_alone = |pass: &Pass<'_>| pass.iter().any(|view| !view.derived.views.is_empty());
    passes.chunk_by(move |before, after| !is_alone(before) && !is_alone(after))
}

/// Results in the order of the passes, up to the last that was begun.
fn run_round<P: Sync, T: Send>(
    round: &[P],
    at_once: usize,
    progress: &mut dyn MaterializeProgress,
    run: &(impl Fn(&P, &mut dyn MaterializeProgress) -> Result<T> + Sync),
) -> Vec<Result<T>> {
    let progress = Mutex::new(progress);
    let (next, has_failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let work = || {
        let mut done = Vec::new();
        while !has_failed.load(Ordering::SeqCst) {
            let number = next.fetch_add(1, Ordering::SeqCst);
            let Some(pass) = round.get(number) else { break };
            let result = run(pass, &mut SharedProgress(&progress));
            has_failed.fetch_or(result.is_err(), Ordering::SeqCst);
            done.push((number, result));
        }
        done
    };
    let mut done = thread::scope(|scope| {
        let named = || thread::Builder::new().name("feast-pass".to_owned());
        // Where no thread can be had, the passes are run by fewer.
        let others: Vec<_> = (1..at_once.min(round.len()))
            .filter_map(|_| named().spawn_scoped(scope, work).ok())
            .collect();
        let mut done = work();
        for other in others {
            done.extend(other.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
        done
    });
    done.sort_unstable_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, result)| result).collect()
}

/// What is told to one caller by several passes.
struct SharedProgress<'a, 'caller>(&'a Mutex<&'caller mut dyn MaterializeProgress>);

impl MaterializeProgress for SharedProgress<'_, '_> {
    fn pass_started(&mut self, windows: &[&ViewWindow]) {
        self.0.lock().pass_started(windows);
    }
    fn view_skipped(&mut self, window: &ViewWindow) {
        self.0.lock().view_skipped(window);
    }
    fn advanced(&mut self, view: &str, step: RunStep, done: u64, total: u64) {
        self.0.lock().advanced(view, step, done, total);
    }
    fn views_separated(&mut self, view: &str, error: &Error) {
        self.0.lock().views_separated(view, error);
    }
    fn view_finished(&mut self, report: &ViewReport) {
        self.0.lock().view_finished(report);
    }
    fn is_stopped(&self) -> bool {
        self.0.lock().is_stopped()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::{Receiver, channel};
    use std::sync::{Arc, Condvar, Mutex};
    use std::time::Duration;

    use proptest::prelude::*;

    use super::run_round;
    use crate::materialize::{MaterializeProgress, NoProgress};
    use feast_model::error::{Error, Result};

    #[test]
    fn as_many_as_may_run_at_once_do() {
        for at_once in 1..5 {
            // Nobody goes on until all of them are there.
            let (arrived, all_here) = (Mutex::new(0), Condvar::new());
            let run = |_: &usize, _: &mut dyn MaterializeProgress| {
                let mut here = arrived.lock().unwrap();
                *here += 1;
                all_here.notify_all();
                let waited = all_here.wait_timeout_while(here, Duration::from_secs(60), |here| *here < at_once);
                Ok(!waited.unwrap().1.timed_out())
            };
            let passes: Vec<usize> = (0..at_once).collect();
            let done = run_round(&passes, at_once, &mut NoProgress, &run);
            assert!(done.into_iter().all(Result::unwrap), "{at_once}");
        }
    }

    #[test]
    fn no_pass_is_begun_after_one_has_failed_and_those_under_way_come_to_their_end() {
        let ((begun, has_begun), (failing, fails)) = (channel(), channel());
        let (has_begun, fails) = (Mutex::new(has_begun), Mutex::new(fails));
        let wait = |signal: &Mutex<Receiver<()>>| signal.lock().unwrap().recv_timeout(Duration::from_secs(60)).unwrap();
        let run = |pass: &&str, _: &mut dyn MaterializeProgress| {
            match *pass {
                "fails" => return Err(Error::invalid("it fails")),
                "fails beside another" => {
                    wait(&has_begun);
                    failing.send(()).unwrap();
                    return Err(Error::invalid("it fails"));
                }
                "is under way" => {
                    begun.send(()).unwrap();
                    wait(&fails);
                }
                _ => {}
            }
            Ok(())
        };
        let done = |passes: &[&str], at_once| -> Vec<bool> {
            let done = run_round(passes, at_once, &mut NoProgress, &run);
            done.iter().map(Result::is_ok).collect()
        };
        assert_eq!(done(&["one", "fails", "another"], 1), [true, false]);
        assert_eq!(done(&["fails beside another", "is under way"], 2), [false, true]);
    }

    proptest! {
        #[test]
        fn each_pass_runs_once_and_never_more_than_may_at_once(passes in 0_usize..30, at_once in 1_usize..6) {
            let (running, most) = (AtomicUsize::new(0), Arc::new(AtomicUsize::new(0)));
            let passes: Vec<usize> = (0..passes).collect();
            let run = |pass: &usize, _: &mut dyn MaterializeProgress| {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                std::thread::yield_now();
                running.fetch_sub(1, Ordering::SeqCst);
                Ok(*pass)
            };
            let done = run_round(&passes, at_once, &mut NoProgress, &run);
            prop_assert_eq!(done.into_iter().map(Result::unwrap).collect::<Vec<_>>(), passes);
            prop_assert!(most.load(Ordering::SeqCst) <= at_once);
        }
    }
}
