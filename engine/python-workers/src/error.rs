//! Why a call has given no columns.
//!
//! Owns what is told of it. Must not know what is answered to a client.

use thiserror::Error;

/// Why a call has given no columns.
///
/// What functions raise and print may name files of the server. Whoever shows it to clients decides about that; reasons that are
/// made here name none.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CallError {
    /// The function raises.
    #[error("{text}")]
    Raised {
        /// Such as `ZeroDivisionError`.
        class: String,
        /// `str()` of the exception: what Feast answers.
        text: String,
    },
    /// The function gives something else than its view's schema says: what, naming the column.
    #[error("{0}")]
    WrongOutput(String),
    /// A value that the function gives cannot be brought to the type of its column.
    #[error("column {column}: {text}")]
    Unconvertible {
        /// The column.
        column: String,
        /// The class of the exception that converting it raises.
        class: String,
        /// `str()` of that exception: what Feast answers.
        text: String,
    },
    /// As many calls wait as may, or it has waited as long as it may.
    #[error("the Python workers are busy: {0}")]
    Busy(String),
    /// The function took longer than the timeout, and was killed.
    #[error(
        "the function took longer than {milliseconds} ms and was ended: serving.python.timeout_ms is how long it may take"
    )]
    TimedOut {
        /// The timeout.
        milliseconds: u128,
    },
    /// The process that ran it has ended.
    #[error("the Python process that ran the function has ended ({status}){}", last_words(.last_line))]
    Died {
        /// The exit status, or what else was wrong with it.
        status: String,
        /// The last line it printed. May be empty.
        last_line: String,
    },
    /// The function could not be loaded: why, as Python says it.
    #[error("the function cannot be loaded in Python: {0}")]
    NotLoaded(String),
    /// No worker runs: why.
    #[error("no Python worker runs: {0}")]
    NotStarted(String),
    /// The columns of the call are too many bytes, or of types that functions cannot have.
    #[error("the function cannot be given its columns: {0}")]
    WrongInput(String),
}

fn last_words(line: &str) -> String {
    match line {
        "" => String::new(),
        line => format!("; the last it printed: {line}"),
    }
}
