//! Functions and types of Python's library, of numpy and of pandas, by their full names: one file a module, each with its table.
//!
//! What is not in a table is not known, and a function that names it is not run here.

mod builtins;
mod conversion;
mod datetime;
mod extremes;
mod formatting;
mod iterators;
mod json;
mod json_text;
mod math;
mod math_sums;
mod numpy;
mod numpy_choice;
mod numpy_dispatch;
mod numpy_elementwise;
mod numpy_making;
mod numpy_pairs;
mod pandas;
mod pandas_cut;
mod pandas_time;
mod re;
mod rounding;
mod sorting;
mod time_texts;
mod times;

use std::fmt;

pub(crate) use builtins::class_of;
pub(crate) use conversion::{float_of_text, int_of_text};
pub(crate) use datetime::{fields as time_fields, iso_calendar, of_fields, shown_time, strftime, weekday};
pub(crate) use formatting::{format, format_method, percent_format};
pub(crate) use iterators::all_items;
pub(crate) use json::json_of;
pub(crate) use json_text::read_json;
pub(crate) use numpy_elementwise::absolute_of;
pub(crate) use pandas_time::{check_reach, point_of};
pub(crate) use re::{found, ignores_case, of_pattern, parts_of, replaced};
pub(crate) use sorting::sorted;
pub(crate) use times::{check_time_order, is_time, own_time_binary, time_binary};

use crate::program::Constant;
use crate::run::{Arguments, Run};
use crate::stop::Outcome;
use crate::value::ExceptionClass;

/// A function or type that is known.
pub(crate) struct Native {
    /// Its module and name; without a module for builtins.
    pub(crate) name: &'static str,
    pub(crate) is_type: bool,
    pub(crate) call: fn(&mut Run, Arguments) -> Outcome,
}

/// What a name of a module means.
#[derive(Debug, Clone)]
pub(crate) enum Known {
    Module(&'static str),
    Native(&'static Native),
    Constant(Constant),
}

impl Native {
    const fn function(name: &'static str, call: fn(&mut Run, Arguments) -> Outcome) -> Self {
        Self {
            name,
            is_type: false,
            call,
        }
    }

    const fn class(name: &'static str, call: fn(&mut Run, Arguments) -> Outcome) -> Self {
        Self {
            name,
            is_type: true,
            call,
        }
    }
}

impl fmt::Debug for Native {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name)
    }
}

impl PartialEq for Known {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Module(left), Self::Module(right)) => left == right,
            (Self::Native(left), Self::Native(right)) => left.name == right.name,
            _ => false,
        }
    }
}

/// Modules that can be imported.
const MODULES: [&str; 6] = ["datetime", "json", "math", "numpy", "pandas", "re"];

/// All that is known, by the names in the tables.
const TABLES: [&[Native]; 10] = [
    builtins::FUNCTIONS,
    datetime::FUNCTIONS,
    json::FUNCTIONS,
    json_text::FUNCTIONS,
    math::FUNCTIONS,
    numpy::FUNCTIONS,
    pandas::FUNCTIONS,
    pandas_cut::FUNCTIONS,
    pandas_time::FUNCTIONS,
    re::FUNCTIONS,
];

fn native(name: &str) -> Option<Known> {
    let mut all = TABLES.iter().flat_map(|table| table.iter());
    all.find(|native| native.name == name).map(Known::Native)
}

/// What a name means that nothing has bound.
pub(crate) fn builtin(name: &str) -> Option<Known> {
    if name.contains('.') {
        return None;
    }
    if ExceptionClass::find(name).is_some() {
        return Some(Known::Constant(Constant::ExceptionClass(name.into())));
    }
    native(name)
}

/// The module, if it may be imported.
pub(crate) fn module(name: &str) -> Option<&'static str> {
    MODULES.iter().find(|known| **known == name).copied()
}

/// `owner.name`, where the owner is a module or a class.
pub(crate) fn attribute(owner: &str, name: &str) -> Option<Known> {
    let full = format!("{owner}.{name}");
    if let Some(constant) = constant(&full) {
        return Some(Known::Constant(constant));
    }
    module(&full).map(Known::Module).or_else(|| native(&full))
}

fn constant(name: &str) -> Option<Constant> {
    if name == "json.JSONDecodeError" {
        return Some(Constant::ExceptionClass("JSONDecodeError".into()));
    }
    Some(Constant::Float(match name {
        "numpy.nan" | "math.nan" => f64::NAN,
        "numpy.inf" | "math.inf" => f64::INFINITY,
        "numpy.pi" | "math.pi" => std::f64::consts::PI,
        "numpy.e" | "math.e" => std::f64::consts::E,
        "math.tau" => std::f64::consts::TAU,
        _ => return None,
    }))
}
