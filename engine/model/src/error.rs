//! The one public error type. Its kind says what the caller should do.

mod message;

use std::fmt;
use std::io::ErrorKind as IoKind;

use crate::ObjectKind;
use message::{Message, names_a_path};

pub use message::{detail, path};

/// What the caller should do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The request, definition or option is wrong: correct it.
    Invalid,
    /// A value is not of the type that is declared for it: send one that is.
    Unprocessable,
    /// The thing named does not exist: name another or create it.
    NotFound,
    /// Whoever asks may not do it: permissions must be changed, or somebody else ask.
    Denied,
    /// Something else is using or already has it.
    Conflict,
    /// It may work later: a lock is held or a disk is full.
    Unavailable,
    /// A file holds what it must not hold: repair or replace it.
    Data,
    /// It is right, but this binary does not do it.
    Unsupported,
    /// The Python function of an on-demand view failed: correct it, or what it is given.
    Function,
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
    /// Values that an on-demand view takes from the request are not in it.
    RequestDataNotFound,
    Permission,
    /// Python's own `KeyError`, whose `str` is a quoted message.
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
            Self::RequestDataNotFound => "RequestDataNotFoundInEntityRowsException",
            Self::Permission => "FeastPermissionError",
            Self::KeyError => "KeyError",
        }
    }
}

/// An error with its kind, a message that names the thing and the place, and perhaps a hint for the remedy.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: Message,
    hint: Option<Box<str>>,
    exception: Option<FeastException>,
    definitions: Box<[InvalidDefinition]>,
    /// The view whose function failed.
    feature_view: Option<Box<str>>,
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
            message: Message::new(message.into()),
            hint: None,
            exception: None,
            definitions: Box::default(),
            feature_view: None,
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
    pub fn unknown_feature_view(name: &str, project: &str) -> Self {
        let text = format!("Feature view {name} does not exist in project {project}");
        Self::not_found(FeastException::FeatureViewNotFound, text)
    }

    /// An on-demand view that is computed for each request, where stored rows would be needed, in Feast's words.
    pub fn not_stored(name: &str) -> Self {
        Self::invalid(format!(
            "OnDemandFeatureView {name} is not configured for write_to_online_store."
        ))
    }

    /// Definitions are wrong.
    pub fn invalid_definitions(problems: Vec<InvalidDefinition>) -> Self {
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        Self {
            hint: problems
                .iter()
                .find_map(|problem| problem.hint.as_deref().map(Box::from)),
            definitions: problems.into(),
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

    /// The function of an on-demand view failed. The message is what clients get: the text of its exception.
    pub fn of_function(view: &str, message: impl Into<String>) -> Self {
        Self {
            feature_view: Some(view.into()),
            ..Self::new(ErrorKind::Function, message)
        }
    }

    /// A file operation failed. The message names the path; a missing file is [`ErrorKind::NotFound`], and what the system
    /// cannot do for now says nothing about what the file holds.
    pub fn io(action: &str, path: &std::path::Path, source: std::io::Error) -> Self {
        let kind = match source.kind() {
            IoKind::NotFound => ErrorKind::NotFound,
            IoKind::InvalidData | IoKind::UnexpectedEof | IoKind::IsADirectory | IoKind::NotADirectory => {
                ErrorKind::Data
            }
            _ => ErrorKind::Unavailable,
        };
        let hint = io_hint(&source);
        let error = Self::new(kind, format!("cannot {action} {}: {source}", message::path(path))).with_source(source);
        hint.into_iter().fold(error, Self::with_hint)
    }

    /// Adds what the user can do about it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into().into_boxed_str());
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

    /// The message for clients of a server: paths are only the names of their files, and what libraries say is left to the
    /// log. A message of this process about its own files that names a path all the same is not shown.
    pub fn public_message(&self) -> String {
        let mut public = self.message.public();
        let is_about_files = match self.kind {
            ErrorKind::Data | ErrorKind::Internal | ErrorKind::Unavailable => true,
            ErrorKind::NotFound => self.exception.is_none(),
            ErrorKind::Invalid
            | ErrorKind::Unprocessable
            | ErrorKind::Denied
            | ErrorKind::Conflict
            | ErrorKind::Unsupported
            | ErrorKind::Function => false,
        };
        if is_about_files && names_a_path(&public) {
            "the server cannot use one of its files: its log says which and why".clone_into(&mut public);
        }
        public
    }

    /// The same error once more, without its cause.
    pub fn repeated(&self) -> Self {
        Self {
            kind: self.kind,
            message: self.message.clone(),
            hint: self.hint.clone(),
            exception: self.exception,
            definitions: self.definitions.clone(),
            feature_view: self.feature_view.clone(),
            source: None,
        }
    }

    /// The same error with another message around its own.
    #[must_use]
    pub fn within(self, around: impl FnOnce(&str) -> String) -> Self {
        Self {
            message: Message::new(around(&self.message.marked())),
            ..self
        }
    }

    /// The same error, with the directory of `file` hidden from clients wherever the message has it.
    #[must_use]
    pub fn hiding_directory_of(self, file: &std::path::Path) -> Self {
        match file.parent() {
            Some(directory) => self.within(|message| message::hide_directory(message, directory)),
            None => self,
        }
    }

    /// What the caller should do.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The definitions that are wrong, one by one.
    pub fn definitions(&self) -> &[InvalidDefinition] {
        &self.definitions
    }

    /// The on-demand view whose function failed.
    pub fn feature_view(&self) -> Option<&str> {
        self.feature_view.as_deref()
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

/// Too many open files, in this process and in the whole system.
const TOO_MANY_FILES: [i32; 2] = [24, 23];
/// The device failed.
const DEVICE_ERROR: i32 = 5;
/// The remedy where this process has too many open files.
pub const OPEN_FILES_HINT: &str = "let this process have more open files: ulimit -n, or LimitNOFILE of its service";

/// The remedy, where the system's own message does not say it.
pub fn io_hint(source: &std::io::Error) -> Option<&'static str> {
    match (source.kind(), source.raw_os_error()) {
        (_, Some(code)) if TOO_MANY_FILES.contains(&code) => Some(OPEN_FILES_HINT),
        (_, Some(DEVICE_ERROR)) => Some("the disk may be failing: look at the log of the system"),
        (IoKind::PermissionDenied, _) => Some("let the user that runs this process read and write it"),
        (IoKind::StorageFull | IoKind::QuotaExceeded, _) => Some("make room on the disk"),
        (IoKind::ReadOnlyFilesystem, _) => Some("mount the file system so that it can be written"),
        _ => None,
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.message.text())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source
            .as_ref()
            .map(|source| &**source as &(dyn std::error::Error + 'static))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn what_the_system_cannot_do_for_now_is_no_damage() {
        let check = |code: i32, kind: ErrorKind, hint: &str| {
            let source = std::io::Error::from_raw_os_error(code);
            let error = Error::io("read", Path::new("/srv/shop/registry.db"), source);
            assert_eq!(error.kind(), kind, "{error}");
            assert!(error.hint().unwrap_or_default().contains(hint), "{error}");
            assert!(
                error.to_string().starts_with("cannot read /srv/shop/registry.db: "),
                "{error}"
            );
            assert!(
                error.public_message().starts_with("cannot read registry.db: "),
                "{error}"
            );
        };
        check(24, ErrorKind::Unavailable, "ulimit -n");
        check(23, ErrorKind::Unavailable, "ulimit -n");
        check(13, ErrorKind::Unavailable, "the user that runs");
        check(5, ErrorKind::Unavailable, "disk may be failing");
        check(28, ErrorKind::Unavailable, "make room");
        check(30, ErrorKind::Unavailable, "mount");
        check(2, ErrorKind::NotFound, "");
        check(21, ErrorKind::Data, "");
    }

    #[test]
    fn a_path_that_nobody_marked_is_not_shown_either() {
        let public = |error: Error| error.public_message();
        let generic = "the server cannot use one of its files: its log says which and why";
        assert_eq!(public(Error::data("file /srv/x is damaged")), generic);
        assert_eq!(public(Error::new(ErrorKind::NotFound, "no file at /srv/x")), generic);
        assert_eq!(public(Error::data("row 5 is damaged")), "row 5 is damaged");
        // What a client wrote is its own.
        assert_eq!(public(Error::invalid("feature /x is unknown")), "feature /x is unknown");
    }

    #[test]
    fn the_directory_of_a_source_is_hidden_in_whatever_a_library_says() {
        let said = "cannot scan srv/shop/data/part-0.parquet: /srv/shop/data/.stats.parquet.7-0.scan is gone";
        let error = Error::data(said).hiding_directory_of(Path::new("/srv/shop/data/stats.parquet"));
        assert_eq!(error.to_string(), said);
        assert_eq!(
            error.public_message(),
            "cannot scan part-0.parquet: .stats.parquet.7-0.scan is gone"
        );
        let error = Error::data("x is gone").hiding_directory_of(Path::new("/x"));
        assert_eq!(error.public_message(), "x is gone");
    }

    #[test]
    fn what_stands_around_a_message_keeps_its_marks() {
        let inner = Error::data(format!("{} is cut", path(Path::new("/srv/registry.db"))));
        let outer = inner.within(|inner| format!("project shop: {inner}"));
        assert_eq!(outer.to_string(), "project shop: /srv/registry.db is cut");
        assert_eq!(outer.repeated().public_message(), "project shop: registry.db is cut");
    }
}
