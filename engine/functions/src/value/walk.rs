//! What it costs to go through a value with all that is in it, to compare or to write it.
//!
//! A list that holds another one twice, which does so too, is small and takes for ever to go through. So what is gone through is counted
//! first, and paid for with the next step of the run.

use std::cell::Cell;

use super::Value;
use super::sequence::holds_values;

/// Levels of values in values that are compared and written; each takes some of the stack.
const MAX_LEVELS: usize = 50;

/// Values, or 8 bytes of text each, that are gone through at once.
const MAX_PARTS: usize = 8 << 20;

/// As many parts are a step.
const PARTS_OF_A_STEP: usize = 8;

thread_local! {
    /// Parts that were gone through since a step was last paid for. Comparisons do not know the run that they are made for, as those
    /// of the keys of a dict.
    static OWED: Cell<usize> = const { Cell::new(0) };
}

/// Whether a value can be gone through level by level, and is not too large for it. What it costs is owed from then on.
pub(crate) fn is_shallow(value: &Value) -> bool {
    let mut left = MAX_PARTS;
    let is_shallow = has_levels(value, MAX_LEVELS, &mut left);
    if left != MAX_PARTS {
        OWED.set(OWED.get().saturating_add(MAX_PARTS - left));
    }
    is_shallow
}

/// The steps that are owed, and no longer are.
pub(crate) fn take_owed_steps() -> usize {
    match OWED.get() {
        0..PARTS_OF_A_STEP => 0,
        parts => {
            OWED.set(0);
            parts / PARTS_OF_A_STEP
        }
    }
}

fn has_levels(value: &Value, levels: usize, left: &mut usize) -> bool {
    if let Value::Text(text) = value {
        return take(left, text.len() / 8);
    }
    if !holds_values(value) {
        return true;
    }
    let Some(levels) = levels.checked_sub(1) else {
        return false;
    };
    match value {
        Value::List(items) | Value::Set(items) => have_levels(&items.borrow(), levels, left),
        Value::Tuple(items) | Value::Items(items) => have_levels(items, levels, left),
        Value::Dict(dict) => {
            let dict = dict.borrow();
            let mut members = dict.members().iter();
            take(left, 2 * dict.len())
                && members.all(|(key, value)| has_levels(key, levels, left) && has_levels(value, levels, left))
        }
        _ => true,
    }
}

fn have_levels(items: &[Value], levels: usize, left: &mut usize) -> bool {
    // At least one, so that empty lists count too.
    take(left, items.len() + 1) && items.iter().all(|item| has_levels(item, levels, left))
}

fn take(left: &mut usize, parts: usize) -> bool {
    match left.checked_sub(parts) {
        Some(rest) => {
            *left = rest;
            true
        }
        None => {
            *left = 0;
            false
        }
    }
}
