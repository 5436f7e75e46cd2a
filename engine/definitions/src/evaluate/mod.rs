//! Evaluates Python: one file for each construct of the language, whose methods are named after it.
//!
//! `statement` and `expression` say which file has which construct; these call each other through the [`Evaluator`] alone. What
//! needs no names and calls no function of a file is in the layers below: `operators`, `stdlib`, `methods`, `feast`.
//!
//! The evaluator never guesses. What it cannot know is opaque; statements under a condition that is not known make what they bind
//! opaque; an opaque value is an error only where Feast would store it, or where an object of Feast may be hidden in it.

mod assignment;
mod attribute;
mod builtin_call;
mod call;
mod class;
mod comprehension;
mod conditional;
mod evaluator;
mod expression;
mod f_string;
mod function;
mod generator;
mod import;
mod loops;
mod module;
mod mutation;
mod statement;
mod subscript;
mod tags;
mod try_stmt;

pub(crate) use evaluator::Evaluator;
