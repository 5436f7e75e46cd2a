//! What is said of a value that does not fit, and in which row it is.

use std::fmt;

use arrow::array::{Array, ArrayRef, new_null_array};
use arrow::error::ArrowError;
use feast_model::error::{Error, ErrorKind};

/// A value that does not fit its column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversionError {
    row: Option<usize>,
    problem: Problem,
}

/// Why a value does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Problem {
    /// In the words of Python's server.
    Python(String),
    /// In our own, where Python's say nothing or it would accept the value.
    Native(String),
}

impl ConversionError {
    pub(crate) fn new(row: usize, problem: Problem) -> Self {
        Self {
            row: Some(row),
            problem,
        }
    }

    pub(crate) fn native(row: usize, problem: impl Into<String>) -> Self {
        Self::new(row, Problem::Native(problem.into()))
    }

    /// Of a column that could not be converted for `problem`: the rows are converted one by one to find the first that fails.
    pub fn in_column<T>(
        column: &ArrayRef,
        problem: &ArrowError,
        convert: impl Fn(&ArrayRef) -> Result<T, ArrowError>,
    ) -> Self {
        let found = first_failure(column, convert);
        let message = message(found.as_ref().map_or(problem, |(_, of_row)| of_row));
        Self {
            row: found.map(|(row, _)| row),
            problem: Problem::Native(message),
        }
    }

    /// The row of the value; `None` when the column fails as a whole, whatever is in it.
    pub fn row(&self) -> Option<usize> {
        self.row
    }

    pub(crate) fn with_row(self, row: usize) -> Self {
        Self::new(row, self.problem)
    }

    pub(crate) fn with_problem(self, problem: Problem) -> Self {
        Self { problem, ..self }
    }

    /// As an error of a write.
    pub fn for_column(&self, name: &str) -> Error {
        Error::invalid(format!("column {name}, row {}: {}", self.row.unwrap_or_default(), self))
    }

    /// As an error of a read: what Python says, it says without the place.
    pub fn for_key(&self, name: &str) -> Error {
        match &self.problem {
            Problem::Python(message) => Error::invalid(message.clone()),
            Problem::Native(message) => Error::invalid(self.placed("join key", name, message)),
        }
    }

    /// As an error of a read, of a value that a function takes from the request.
    pub fn for_request_data(&self, name: &str) -> Error {
        let (Problem::Python(message) | Problem::Native(message)) = &self.problem;
        Error::new(ErrorKind::Unprocessable, self.placed("request data", name, message))
    }

    fn placed(&self, what: &str, name: &str, message: &str) -> String {
        format!("{what} {name}, row {}: {message}", self.row.unwrap_or_default())
    }
}

impl fmt::Display for ConversionError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.problem {
            Problem::Python(message) | Problem::Native(message) => formatter.write_str(message),
        }
    }
}

impl std::error::Error for ConversionError {}

/// The first row whose value alone fails too, and how. `None` where the column fails as a whole, whatever is in it.
pub(crate) fn first_failure<T>(
    column: &ArrayRef,
    convert: impl Fn(&ArrayRef) -> Result<T, ArrowError>,
) -> Option<(usize, ArrowError)> {
    if convert(&new_null_array(column.data_type(), 1)).is_err() {
        return None;
    }
    (0..column.len()).find_map(|row| Some((row, convert(&column.slice(row, 1)).err()?)))
}

/// What the library says, without its own name for it.
fn message(problem: &ArrowError) -> String {
    match problem {
        ArrowError::CastError(string) | ArrowError::ParseError(string) => string.clone(),
        other => other.to_string(),
    }
}
