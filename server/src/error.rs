//! Errors as Feast's server words them: its clients rebuild the exception from the body.
//!
//! An error is written in two ways: its `Display` is for the log and complete, its body is for clients and does not say where files
//! are.

use std::fmt;
use std::time::Duration;

use feast_engine::{Error, ErrorKind, FeastException};
use feast_python_notation::{python_json, python_list, python_repr};
use feast_sign_in::Refusal;
use serde_json::{Value, json};
use warp::http::{HeaderValue, StatusCode};

use crate::http::{Response, json_response};

/// Most work that is under way is done by then.
const RETRY_AFTER_SECONDS: &str = "1";

/// The on-demand view whose function failed. The body is what Feast answers, which does not say it.
const FEATURE_VIEW_HEADER: &str = "x-feast-feature-view";

/// Anything that keeps an endpoint from answering.
#[derive(Debug)]
pub(crate) enum ApiError {
    /// The body does not have the shape of the request: 422, as pydantic words it.
    Validation(Vec<Problem>),
    /// The body is not UTF-8, or was cut off on its way here.
    Unreadable,
    /// The body is more than is accepted: what of it.
    TooLarge(String),
    /// The head has more headers than are accepted: how many those are.
    LargeHead(usize),
    /// The body came more slowly than is accepted: how slowly it may come.
    TooSlow(String),
    /// One client asks more often than it may, and may again after so long.
    TooMany(Duration),
    /// It is not known who asks.
    NotSignedIn(Refusal),
    /// It is not clear which host the request is meant for: why.
    AmbiguousHost(&'static str),
    /// A browser makes the request for a page that may not: why, and the remedy.
    ForeignPage(String),
    /// No route has this path.
    NoSuchPath,
    /// Routes with this path have only these methods.
    WrongMethod(Vec<&'static str>),
    /// These views are being materialized by a run that is under way or waits.
    AlreadyMaterializing(Vec<String>),
    /// No vector store has this id.
    UnknownVectorStore(String),
    /// An error of the engine.
    Engine(Error),
    /// More is under way than the server takes on.
    Overloaded(String),
    /// A handler ended without a response; its panic is in the log.
    Panicked,
}

/// One thing wrong with a body.
#[derive(Debug)]
pub(crate) struct Problem {
    /// Pydantic's name of the problem.
    pub(crate) kind: &'static str,
    /// Where it is, from `body` inwards.
    pub(crate) place: Vec<Value>,
    pub(crate) message: &'static str,
    pub(crate) input: Value,
    /// What the parser said.
    pub(crate) cause: Option<&'static str>,
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        Self::Engine(error)
    }
}

impl ApiError {
    /// The status of the response. Client mistakes that Feast answers with 500 are 400, so that its client does not retry them.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Validation(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Unreadable | Self::AmbiguousHost(_) => StatusCode::BAD_REQUEST,
            Self::ForeignPage(_) => StatusCode::FORBIDDEN,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::LargeHead(_) => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::TooSlow(_) => StatusCode::REQUEST_TIMEOUT,
            Self::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::NotSignedIn(Refusal::NoToken | Refusal::BadToken(_)) => StatusCode::UNAUTHORIZED,
            Self::NotSignedIn(Refusal::Unavailable(_)) => StatusCode::SERVICE_UNAVAILABLE,
            Self::NoSuchPath | Self::UnknownVectorStore(_) => StatusCode::NOT_FOUND,
            Self::WrongMethod(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::AlreadyMaterializing(_) => StatusCode::CONFLICT,
            Self::Panicked => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Overloaded(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Engine(error) => match (error.kind(), error.exception()) {
                (_, Some(FeastException::PushSourceNotFound)) => StatusCode::UNPROCESSABLE_ENTITY,
                (ErrorKind::Invalid, _) => StatusCode::BAD_REQUEST,
                (ErrorKind::Unprocessable, _) => StatusCode::UNPROCESSABLE_ENTITY,
                (ErrorKind::NotFound, Some(_)) => StatusCode::NOT_FOUND,
                (ErrorKind::Denied, _) => StatusCode::FORBIDDEN,
                (ErrorKind::Conflict, _) => StatusCode::CONFLICT,
                (ErrorKind::Unavailable, _) => StatusCode::SERVICE_UNAVAILABLE,
                (ErrorKind::Unsupported, _) => StatusCode::NOT_IMPLEMENTED,
                // Not found without an object of Feast: a file of ours is missing.
                (ErrorKind::NotFound | ErrorKind::Data | ErrorKind::Function | ErrorKind::Internal, _) => {
                    StatusCode::INTERNAL_SERVER_ERROR
                }
            },
        }
    }

    /// Whether the request was turned away before any work, because of load or of where it comes from. Clients can cause as many
    /// of these as they like.
    pub(crate) fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::Overloaded(_)
                | Self::TooMany(_)
                | Self::NotSignedIn(_)
                | Self::ForeignPage(_)
                | Self::AmbiguousHost(_)
        )
    }

    /// Whether it was found before an endpoint began its work.
    pub(crate) fn is_before_endpoint(&self) -> bool {
        match self {
            Self::Validation(_)
            | Self::Unreadable
            | Self::TooLarge(_)
            | Self::LargeHead(_)
            | Self::TooSlow(_)
            | Self::TooMany(_)
            | Self::AmbiguousHost(_)
            | Self::ForeignPage(_)
            | Self::NoSuchPath
            | Self::NotSignedIn(_)
            | Self::WrongMethod(_) => true,
            Self::AlreadyMaterializing(_)
            | Self::UnknownVectorStore(_)
            | Self::Engine(_)
            | Self::Overloaded(_)
            | Self::Panicked => false,
        }
    }

    /// The on-demand view whose function failed.
    pub(crate) fn feature_view(&self) -> Option<&str> {
        match self {
            Self::Engine(error) => error.feature_view(),
            _ => None,
        }
    }

    /// The JSON body.
    pub(crate) fn body(&self) -> Vec<u8> {
        let body = match self {
            Self::Validation(problems) => {
                json!({ "detail": problems.iter().map(Problem::to_json).collect::<Vec<_>>() })
            }
            Self::Unreadable
            | Self::TooLarge(_)
            | Self::LargeHead(_)
            | Self::TooSlow(_)
            | Self::TooMany(_)
            | Self::AmbiguousHost(_)
            | Self::ForeignPage(_)
            | Self::NoSuchPath
            | Self::WrongMethod(_) => json!({ "detail": self.to_string() }),
            // Feast says no more either: what is wrong with a token helps who tries some.
            Self::NotSignedIn(Refusal::NoToken | Refusal::BadToken(_)) => {
                json!({ "detail": "Invalid or expired access token" })
            }
            Self::NotSignedIn(Refusal::Unavailable(_)) => {
                Value::from("The server cannot check access tokens for now. Try again later.")
            }
            Self::AlreadyMaterializing(views) => json!({ "error": self.to_string(), "feature_views": views }),
            Self::UnknownVectorStore(_) => {
                json!({ "error": { "message": self.to_string(), "type": "not_found_error" } })
            }
            Self::Panicked | Self::Overloaded(_) => Value::from(self.to_string()),
            Self::Engine(error) => Value::from(exception_string(error)),
        };
        body.to_string().into_bytes()
    }

    /// The whole response.
    pub(crate) fn into_response(self) -> Response {
        let mut response = json_response(self.status(), self.body());
        let may_work_later = response.status() == StatusCode::SERVICE_UNAVAILABLE;
        if let Some(view) = self.feature_view().and_then(|view| HeaderValue::from_str(view).ok()) {
            response.headers_mut().insert(FEATURE_VIEW_HEADER, view);
        }
        match self {
            Self::WrongMethod(allowed) => {
                // Names of methods can stand in a header.
                if let Ok(allowed) = HeaderValue::from_str(&allowed.join(", ")) {
                    response.headers_mut().insert("allow", allowed);
                }
            }
            Self::NotSignedIn(Refusal::NoToken) => {
                let scheme = HeaderValue::from_static("Bearer");
                response.headers_mut().insert("www-authenticate", scheme);
            }
            Self::NotSignedIn(Refusal::BadToken(_)) => {
                let scheme = HeaderValue::from_static("Bearer error=\"invalid_token\"");
                response.headers_mut().insert("www-authenticate", scheme);
            }
            Self::TooMany(wait) => {
                let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
                response.headers_mut().insert("retry-after", HeaderValue::from(seconds));
            }
            _ if may_work_later => {
                let seconds = HeaderValue::from_static(RETRY_AFTER_SECONDS);
                response.headers_mut().insert("retry-after", seconds);
            }
            _ => {}
        }
        response
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Validation(problems) => {
                for (index, problem) in problems.iter().enumerate() {
                    let separator = if index > 0 { "; " } else { "" };
                    write!(formatter, "{separator}{problem}")?;
                }
                Ok(())
            }
            Self::Unreadable => formatter.write_str("There was an error parsing the body"),
            Self::TooLarge(what) | Self::TooSlow(what) => write!(formatter, "The body {what}"),
            Self::LargeHead(most) => write!(formatter, "The request has more than {most} headers"),
            Self::TooMany(_) => formatter.write_str("Too many requests come from this client. Try again later."),
            Self::NotSignedIn(refusal) => refusal.fmt(formatter),
            Self::AmbiguousHost(why) => formatter.write_str(why),
            Self::ForeignPage(why) => formatter.write_str(why),
            Self::NoSuchPath => formatter.write_str("Not Found"),
            Self::WrongMethod(_) => formatter.write_str("Method Not Allowed"),
            Self::AlreadyMaterializing(views) => write!(
                formatter,
                "Cannot start async materialization — the following feature views are already in MATERIALIZING state: {}. \
                 Use ?force=true to override.",
                python_list(views)
            ),
            Self::UnknownVectorStore(id) => write!(formatter, "No vector store found with id '{id}'"),
            Self::Panicked => formatter.write_str("Internal Server Error"),
            Self::Overloaded(why) => write!(formatter, "The server is busy: {why}. Try again later."),
            Self::Engine(error) => {
                if let Some(view) = error.feature_view() {
                    write!(formatter, "the function of on-demand feature view {view} failed: ")?;
                }
                match error.hint() {
                    Some(hint) => write!(formatter, "{error} ({hint})"),
                    None => error.fmt(formatter),
                }
            }
        }
    }
}

impl std::error::Error for ApiError {}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, part) in self.place.iter().enumerate() {
            let separator = if index > 0 { "." } else { "" };
            match part {
                Value::String(name) => write!(formatter, "{separator}{name}")?,
                other => write!(formatter, "{separator}{other}")?,
            }
        }
        write!(formatter, ": {}", self.message)?;
        match self.cause {
            Some(cause) => write!(formatter, ": {cause}"),
            None => Ok(()),
        }
    }
}

impl Problem {
    fn to_json(&self) -> Value {
        let mut problem = json!({ "type": self.kind, "loc": self.place, "msg": self.message, "input": self.input });
        if let Some(cause) = &self.cause {
            problem["ctx"] = json!({ "error": cause });
        }
        problem
    }
}

/// Longer messages are cut, as a string of the request may be in them.
const MAX_MESSAGE_BYTES: usize = 16 << 10;

/// What Feast's handler writes: for its own exceptions an object, for a `KeyError` a quoted string, else the message.
fn exception_string(error: &Error) -> String {
    let mut message = error.public_message();
    if message.len() > MAX_MESSAGE_BYTES {
        message.truncate(message.floor_char_boundary(MAX_MESSAGE_BYTES));
        message.push_str(" ... (cut)");
    }
    match error.exception() {
        None => message,
        Some(FeastException::KeyError) => python_repr(&message),
        Some(exception) => format!(
            "{{\"module\": \"feast.errors\", \"class\": \"{}\", \"message\": {}}}",
            exception.class_name(),
            python_json(&Value::from(message))
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(error: Error) -> String {
        String::from_utf8(ApiError::from(error).body()).unwrap()
    }

    #[test]
    fn the_log_has_what_bodies_keep_back() {
        let damaged = Error::data("file /srv/x is damaged").with_hint("restore it");
        assert_eq!(
            ApiError::from(damaged).to_string(),
            "file /srv/x is damaged (restore it)"
        );
        let problem = |place: &[Value], cause| Problem {
            kind: "string_type",
            place: place.to_vec(),
            message: "Input should be a valid string",
            input: Value::Null,
            cause,
        };
        let problems = vec![
            problem(&["body".into(), "features".into(), 0.into()], None),
            problem(&["body".into(), 14.into()], Some("Expecting value")),
        ];
        assert_eq!(
            ApiError::Validation(problems).to_string(),
            "body.features.0: Input should be a valid string; body.14: Input should be a valid string: Expecting value"
        );
        let busy = ApiError::Overloaded("8 reads are under way".to_owned());
        assert_eq!(
            busy.to_string(),
            "The server is busy: 8 reads are under way. Try again later."
        );
    }

    #[test]
    fn bodies_are_feasts() {
        let unknown = Error::not_found(
            FeastException::FeatureViewNotFound,
            "Feature view é \"x\" does not exist in project p",
        );
        assert_eq!(ApiError::from(Error::invalid("x")).status(), StatusCode::BAD_REQUEST);
        assert_eq!(
            body(unknown),
            r#""{\"module\": \"feast.errors\", \"class\": \"FeatureViewNotFoundException\", \"message\": \"Feature view \\u00e9 \\\"x\\\" does not exist in project p\"}""#
        );
        let key = |message: &str| body(Error::invalid(message).with_exception(FeastException::KeyError));
        assert_eq!(key("Feature x not found"), r#""'Feature x not found'""#);
        assert_eq!(key("keys: ['a']"), r#""\"keys: ['a']\"""#);
        let long = body(Error::invalid("é".repeat(20_000)));
        assert!(
            long.len() < 17 << 10 && long.ends_with("é ... (cut)\""),
            "{}",
            long.len()
        );
        assert_eq!(
            body(Error::data("file /srv/x is damaged")),
            r#""the server cannot use one of its files: its log says which and why""#
        );
        assert_eq!(
            body(Error::invalid("No features specified for retrieval")),
            r#""No features specified for retrieval""#
        );
    }
}
