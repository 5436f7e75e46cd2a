//! Made-up functions over made-up columns, here and in Python Feast 0.67.0: both give the same, or the function is refused here.
//!
//! `FEAST_DIFFERENTIAL_SECONDS` or `FEAST_FUZZ_SECONDS` says for how long (2 by default), `FEAST_FUZZ_SEED` where to start. A difference is made small before it is
//! shown. Python is `FEAST_PYTHON`; without it the test says that it is skipped.

#![expect(clippy::unwrap_used, reason = "a test fails by it, also in its helpers")]

mod case;
mod columns;
mod compare;
mod grammar;
mod known;
mod pandas;
mod pandas_rules;
mod python;
mod python_rules;
mod reference;
mod shrink;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use case::Case;
use compare::{Outcome, compare};
use feast_fixtures::{Random, fuzz_by};
use feast_functions::Mode;
use reference::Reference;

/// How many cases go to Python at once.
const BATCH: usize = 32;

/// After so many differences the rest would tell nothing new.
const ENOUGH: usize = 200;

#[derive(Default)]
struct Counts {
    equal: usize,
    alike: usize,
    refused: usize,
    skipped: usize,
    known: usize,
    reasons: BTreeMap<String, usize>,
}

#[test]
#[expect(
    clippy::print_stdout,
    reason = "what was compared, for those who run tests with --nocapture"
)]
fn functions_give_what_python_gives() {
    let Some(mut reference) = Reference::start() else {
        return;
    };
    let mut random = Random::seeded();
    let mut counts = Counts::default();
    let mut differences = BTreeMap::new();
    fuzz_by("FEAST_DIFFERENTIAL_SECONDS", || {
        let cases: Vec<Case> = (0..BATCH).map(|_| any_case(&mut random)).collect();
        let answers = reference.answers(&cases);
        for (case, answer) in cases.iter().zip(&answers) {
            match compare(case, answer) {
                Outcome::Equal => counts.equal += 1,
                Outcome::FailsAlike => counts.alike += 1,
                Outcome::Skipped => counts.skipped += 1,
                Outcome::Known => counts.known += 1,
                Outcome::Refused(reason) => {
                    counts.refused += 1;
                    *counts.reasons.entry(reason).or_default() += 1;
                }
                Outcome::Different(_) if differences.len() < ENOUGH => {
                    let (small, difference) = shrink::shrink(case, &mut reference);
                    let kind = kind_of(&small, &difference);
                    if let Entry::Vacant(first) = differences.entry(kind) {
                        println!("{}\n    {difference}\n", small.shown());
                        first.insert(difference);
                    }
                }
                Outcome::Different(_) => {}
            }
        }
    });
    show(&counts);
    assert!(
        differences.is_empty(),
        "{} functions differ: see above",
        differences.len()
    );
}

/// What differences that have one cause mostly have in common: the texts of both errors without what is quoted in them, or the shape of
/// the function.
fn kind_of(case: &Case, difference: &str) -> String {
    match difference.starts_with("fails") && difference.contains("error") {
        true => difference
            .split('\'')
            .step_by(2)
            .map(|part| part.replace(|letter: char| letter.is_ascii_digit(), ""))
            .collect(),
        false => case.shape(),
    }
}

fn any_case(random: &mut Random) -> Case {
    match random.below(2) {
        0 => pandas::case(random),
        _ => python::case(random),
    }
}

#[expect(
    clippy::print_stdout,
    reason = "what was compared, for those who run tests with --nocapture"
)]
fn show(counts: &Counts) {
    let Counts {
        equal,
        alike,
        refused,
        skipped,
        known,
        reasons,
    } = counts;
    if std::env::var_os("SHOW_REFUSED").is_some() {
        let mut reasons: Vec<_> = reasons.iter().collect();
        reasons.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        for (reason, count) in reasons {
            println!("{count:6} {reason}");
        }
    }
    let seed = std::env::var("FEAST_FUZZ_SEED").unwrap_or_else(|_| "the default".to_owned());
    println!(
        "seed {seed}: {equal} functions give the same, {alike} fail alike, {refused} are refused, {known} differ as is known, {skipped} are not compared"
    );
}

/// The text by which Python's side knows a mode.
fn name_of(mode: Mode) -> &'static str {
    match mode {
        Mode::Pandas => "pandas",
        Mode::Python => "python",
        Mode::Singleton => "singleton",
    }
}
