//! Runs the Python functions of on-demand feature views without Python, or says why it cannot.
//!
//! A function is checked as a whole when the registry is read ([`Function::compile`]): with anything in it that is not known here it is
//! not run here at all, and the first such thing is told. What then still depends on the values of a request, and is not known for
//! them, fails that request as [`Failure::NotKnown`]. A column of a type that is not known is no matter to a function that never looks
//! at it ([`Function::check_input`]). Nothing is guessed: a value that is given is the one that Python with pandas
//! and numpy gives.
//!
//! In pandas mode a column is a value, and an operation on columns is one loop over them, so what is interpreted costs per operation
//! and not per row.
//!
//! This is another interpreter than that of definition files (`feast-definitions`). That one reads whole modules of which it need not
//! know everything, goes on with values that are unknown, and may take a second; this one has all values, must raise what Python
//! raises, and may take microseconds, on any thread.
//!
//! Knows nothing of the registry, of stores, or of requests. The modules, lowest first:
//!
//! | module | what it owns |
//! |---|---|
//! | `error` | what callers learn |
//! | `program` | a function after it was checked |
//! | `value` | Python's values, and what can be said of one alone |
//! | `column` | columns of pandas, and operations on them |
//! | `pattern` | regular expressions |
//! | `native`, `methods` | functions and methods of libraries |
//! | `run` | the interpreter |
//! | `compile` | from text to a program |
//! | `reads` | which columns of its input a program may look at |
//! | `input`, `output` | from Arrow to values, and from results to Arrow |
//! | `function` | all of it, for one view |

mod column;
mod compile;
mod error;
mod function;
mod input;
mod methods;
mod native;
mod output;
mod pattern;
mod program;
mod reads;
mod run;
mod stop;
mod value;

pub use error::{Failure, Refusal};
pub use function::{Function, Input, Mode, Output};
pub use output::is_given;
pub use run::Budget;
