//! The one public error type. Its kind says what the caller should do.

use std::fmt;

use crate::model::ObjectKind;

/// What the caller should do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The request, definition or option is wrong: correct it.
    Invalid,
    /// The thing named does not exist: name another or create it.
    NotFound,
    /// Something else is using or already has it.
    Conflict,
    /// It may work later: a lock is held, a disk is full.
    Unavailable,
    /// A file holds what it must not hold: repair or replace it.
    Data,
    /// It is right, but this binary does not do it.
    Unsupported,
    /// A defect of this program.
    Internal,
}

/// Feast's own exception of the same meaning. Its Python client rebuilds the exception by this name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are Feast's")]
pub enum FeastException {
    FeatureViewNotFound,
    FeatureViewVersionNotFound,
    FeatureServiceNotFound,
    FeastObjectNotFound,
    FeatureNameCollision,
    PushSourceNotFound,
    /// Python's own `KeyError`, whose text is a quoted message.
    KeyError,
}

impl FeastException {
    /// Class name in Python.
    pub const fn class_name(self) -> &'static str {
        match self {
            Self::FeatureViewNotFound => "FeatureViewNotFoundException",
            Self::FeatureViewVersionNotFound => "FeatureViewVersionNotFound",
            Self::FeatureServiceNotFound => "FeatureServiceNotFoundException",
            Self::FeastObjectNotFound => "FeastObjectNotFoundException",
            Self::FeatureNameCollision => "FeatureNameCollisionError",
            Self::PushSourceNotFound => "PushSourceNotFoundException",
            Self::KeyError => "KeyError",
        }
    }
}

/// An error with its kind, a message that names the thing and the place, and perhaps a hint for the remedy.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    hint: Option<String>,
    exception: Option<FeastException>,
    definitions: Vec<InvalidDefinition>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// What is wrong with one object of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidDefinition {
    /// What the object is.
    pub kind: ObjectKind,
    /// Its name.
    pub name: String,
    /// What is wrong.
    pub message: String,
    /// What can be done about it.
    pub hint: Option<String>,
    /// Whether a data file had to be read to find it.
    pub of_file: bool,
}

impl fmt::Display for InvalidDefinition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}: {}", self.kind, self.name, self.message)
    }
}

/// Result with the engine's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error of that kind.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            hint: None,
            exception: None,
            definitions: Vec::new(),
            source: None,
        }
    }

    /// The request or definition is wrong.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, message)
    }

    /// The thing named does not exist.
    pub fn not_found(exception: FeastException, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotFound, message).with_exception(exception)
    }

    /// There is no feature view of that name, in Feast's words.
    pub(crate) fn unknown_feature_view(name: &str, project: &str) -> Self {
        let text = format!("Feature view {name} does not exist in project {project}");
        Self::not_found(FeastException::FeatureViewNotFound, text)
    }

    /// An on-demand view, where its values would be needed.
    pub(crate) fn computed_view(name: &str) -> Self {
        let text =
            format!("On demand feature view '{name}' is computed by a Python function, which this server does not run");
        Self::new(ErrorKind::Unsupported, text)
    }

    /// Definitions are wrong.
    pub(crate) fn invalid_definitions(problems: Vec<InvalidDefinition>) -> Self {
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        Self {
            hint: problems.iter().find_map(|problem| problem.hint.clone()),
            definitions: problems,
            ..Self::invalid(lines.join("\n"))
        }
    }

    /// A file or the store holds what it must not hold.
    pub fn data(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Data, message)
    }

    /// A defect of this program.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, message)
    }

    /// A file operation failed. The message names the path; a missing file is [`ErrorKind::NotFound`].
    pub fn io(action: &str, path: &std::path::Path, source: std::io::Error) -> Self {
        let kind = match source.kind() {
            std::io::ErrorKind::NotFound => ErrorKind::NotFound,
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::WouldBlock => ErrorKind::Unavailable,
            _ => ErrorKind::Data,
        };
        Self::new(kind, format!("cannot {action} {}: {source}", path.display())).with_source(source)
    }

    /// Adds what the user can do about it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds Feast's exception of the same meaning.
    #[must_use]
    pub fn with_exception(mut self, exception: FeastException) -> Self {
        self.exception = Some(exception);
        self
    }

    /// Adds the error that caused this one.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What the caller should do.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The definitions that are wrong, one by one.
    pub fn definitions(&self) -> &[InvalidDefinition] {
        &self.definitions
    }

    /// The remedy, if there is a short one.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Feast's exception of the same meaning.
    pub fn exception(&self) -> Option<FeastException> {
        self.exception
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source
            .as_ref()
            .map(|source| &**source as &(dyn std::error::Error + 'static))
    }
}
