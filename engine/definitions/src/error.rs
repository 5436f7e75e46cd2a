//! What can be wrong in a definition file, and the result of evaluating a piece of it.

use std::fmt;
use std::path::PathBuf;

/// Something in a definition file that is wrong or cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefinitionError {
    /// The file, relative to the repository.
    pub file: PathBuf,
    /// Line, counted from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
    /// The exception that Python would raise; `None` for a limit of this reader.
    pub(crate) exception: Option<String>,
}

/// Result of evaluating a piece of a file.
pub(crate) type Evaluated<T> = Result<T, DefinitionError>;

/// What Python raises, before it is known where: the exception and its message.
pub(crate) type Raised = (&'static str, String);

impl DefinitionError {
    /// A limit of this reader that concerns a file as a whole.
    pub(crate) fn for_file(file: impl Into<PathBuf>, message: impl Into<String>) -> Self {
        Self {
            file: file.into(),
            line: 1,
            message: message.into(),
            exception: None,
        }
    }

    /// Whether Python itself would raise it, so that the file can catch it.
    pub(crate) fn is_exception(&self) -> bool {
        self.exception.is_some()
    }
}

impl fmt::Display for DefinitionError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: {}", self.file.display(), self.line, self.message)
    }
}
