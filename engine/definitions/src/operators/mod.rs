//! Python's operators on values. What cannot be known is opaque.

mod binary;
mod compare;
mod numbers;
mod times;

pub(crate) use binary::{binary, set_operation};
pub(crate) use compare::compare;
pub(crate) use numbers::unary;
