//! Values in the notation of Python, where Feast compares or prints it: what `json.dumps`, `str` and `repr` write.
//!
//! Owns these strings alone. Knows nothing of Feast, of Arrow or of the evaluator's values, which take what they are made of from
//! here. Points in time have their notation in `feast-model`.

mod float;
mod json;
mod string;

pub use float::python_float;
pub use json::python_json;
pub use string::{python_list, python_repr};
