//! Makes a case that differs as small as one that still differs can be.

use serde_json::Value as Json;

use crate::case::Case;
use crate::columns;
use crate::compare::{Outcome, compare};
use crate::reference::Reference;

/// How many smaller cases are tried.
const TRIES: usize = 1_500;

/// A small case, and how it differs.
pub(crate) fn shrink(case: &Case, reference: &mut Reference) -> (Case, String) {
    let mut tries = 0;
    let mut smallest = case.clone();
    let mut difference = differs(&smallest, reference).unwrap_or_default();
    while let Some((smaller, so)) = first_that_differs(&smallest, reference, &mut tries) {
        (smallest, difference) = (smaller, so);
    }
    (smallest, difference)
}

fn first_that_differs(case: &Case, reference: &mut Reference, tries: &mut usize) -> Option<(Case, String)> {
    for smaller in smaller(case) {
        *tries += 1;
        if *tries > TRIES {
            return None;
        }
        if let Some(difference) = differs(&smaller, reference) {
            return Some((smaller, difference));
        }
    }
    None
}

fn differs(case: &Case, reference: &mut Reference) -> Option<String> {
    match compare(case, &reference.answer(case)) {
        Outcome::Different(difference) => Some(difference),
        _ => None,
    }
}

/// Cases that are smaller by one step, the much smaller ones first.
fn smaller(case: &Case) -> Vec<Case> {
    let mut all = Vec::new();
    all.extend((0..case.statements.len()).rev().map(|at| {
        let mut smaller = case.clone();
        smaller.statements.remove(at);
        smaller
    }));
    all.extend((0..case.rows).map(|row| without_row(case, row)));
    if case.outputs.len() > 1 {
        all.extend((0..case.outputs.len()).map(|at| {
            let mut smaller = case.clone();
            smaller.outputs.remove(at);
            smaller
        }));
    }
    for (at, statement) in case.statements.iter().enumerate() {
        all.extend(statement.smaller_inside().into_iter().map(|statement| {
            let mut smaller = case.clone();
            smaller.statements[at] = statement;
            smaller
        }));
    }
    all.extend(
        case.end
            .smaller_inside()
            .into_iter()
            .map(|end| Case { end, ..case.clone() }),
    );
    all.extend(with_simple_values(case));
    all
}

fn without_row(case: &Case, row: usize) -> Case {
    let mut smaller = case.clone();
    for column in &mut smaller.columns {
        column.values.remove(row);
    }
    smaller.rows -= 1;
    smaller
}

fn with_simple_values(case: &Case) -> Vec<Case> {
    let used: Vec<&str> = case.used().iter().map(|column| column.name).collect();
    let mut all = Vec::new();
    for (number, column) in case.columns.iter().enumerate() {
        if !used.contains(&column.name) {
            continue;
        }
        let simple = columns::simple(column.type_name);
        for row in 0..case.rows {
            // Only to what is simpler, or it would not end.
            let place = simple.iter().position(|value| value == &column.values[row]);
            let simpler = simple.iter().take(place.unwrap_or(simple.len()));
            all.extend(simpler.map(|value: &Json| {
                let mut smaller = case.clone();
                smaller.columns[number].values[row] = value.clone();
                smaller
            }));
        }
    }
    all
}
