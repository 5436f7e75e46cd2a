//! Errors as Feast's server words them: its clients rebuild the exception from the body.

use feast_engine::{Error, ErrorKind, FeastException};
use feast_python_notation::{python_json, python_list, python_repr};
use serde_json::{Value, json};
use warp::http::{HeaderValue, StatusCode};

use crate::message::{Answer, json_answer};

/// Work that is under way takes no longer, most often.
const RETRY_AFTER_SECONDS: &str = "1";

/// Anything that keeps an endpoint from answering.
#[derive(Debug)]
pub(crate) enum ApiError {
    /// The body does not have the shape of the request: 422, as pydantic words it.
    Validation(Vec<Problem>),
    /// The body is not UTF-8, or was cut off on its way.
    Unreadable,
    /// The body is more than is accepted: what of it.
    TooLarge(String),
    /// It is not clear which host the request is meant for: why.
    AmbiguousHost(&'static str),
    /// A browser makes the request for a page that may not: why, and the remedy.
    ForeignPage(String),
    /// No route has this path.
    NoSuchPath,
    /// Routes with this path have only these methods.
    WrongMethod(Vec<&'static str>),
    /// A run in the background would meet these views in one that is under way.
    AlreadyMaterializing(Vec<String>),
    /// There is no vector store with this id.
    UnknownVectorStore(String),
    /// What the engine says.
    Engine(Error),
    /// More is under way than the server takes on.
    Overloaded(String),
    /// A handler ended without an answer; its panic is in the log.
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
    /// The status of the answer. Client mistakes that Feast answers with 500 are 400, so that its client does not retry them.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Validation(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Unreadable | Self::AmbiguousHost(_) => StatusCode::BAD_REQUEST,
            Self::ForeignPage(_) => StatusCode::FORBIDDEN,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NoSuchPath | Self::UnknownVectorStore(_) => StatusCode::NOT_FOUND,
            Self::WrongMethod(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::AlreadyMaterializing(_) => StatusCode::CONFLICT,
            Self::Panicked => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Overloaded(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Engine(error) => match (error.kind(), error.exception()) {
                (_, Some(FeastException::PushSourceNotFound)) => StatusCode::UNPROCESSABLE_ENTITY,
                (ErrorKind::Invalid, _) => StatusCode::BAD_REQUEST,
                (ErrorKind::NotFound, Some(_)) => StatusCode::NOT_FOUND,
                (ErrorKind::Conflict, _) => StatusCode::CONFLICT,
                (ErrorKind::Unavailable, _) => StatusCode::SERVICE_UNAVAILABLE,
                (ErrorKind::Unsupported, _) => StatusCode::NOT_IMPLEMENTED,
                // Not found without an object of Feast: a file of ours is missing.
                (ErrorKind::NotFound | ErrorKind::Data | ErrorKind::Internal, _) => StatusCode::INTERNAL_SERVER_ERROR,
            },
        }
    }

    /// The JSON body.
    pub(crate) fn body(&self) -> Vec<u8> {
        let body = match self {
            Self::Validation(problems) => {
                json!({ "detail": problems.iter().map(Problem::to_json).collect::<Vec<_>>() })
            }
            Self::Unreadable => json!({ "detail": "There was an error parsing the body" }),
            Self::TooLarge(what) => json!({ "detail": format!("The body {what}") }),
            Self::AmbiguousHost(why) => json!({ "detail": why }),
            Self::ForeignPage(why) => json!({ "detail": why }),
            Self::NoSuchPath => json!({ "detail": "Not Found" }),
            Self::WrongMethod(_) => json!({ "detail": "Method Not Allowed" }),
            Self::AlreadyMaterializing(views) => {
                let text = format!(
                    "Cannot start async materialization — the following feature views are already in MATERIALIZING state: {}. \
                     Use ?force=true to override.",
                    python_list(views)
                );
                json!({ "error": text, "feature_views": views })
            }
            Self::UnknownVectorStore(id) => {
                let message = format!("No vector store found with id '{id}'");
                json!({ "error": { "message": message, "type": "not_found_error" } })
            }
            Self::Panicked => Value::from("Internal Server Error"),
            Self::Overloaded(why) => Value::from(format!("The server is busy: {why}. Try again later.")),
            Self::Engine(error) => Value::from(exception_text(error)),
        };
        body.to_string().into_bytes()
    }

    /// What the log says of it: all of it, unlike the body.
    pub(crate) fn log_text(&self) -> String {
        match self {
            Self::Engine(error) => match error.hint() {
                Some(hint) => format!("{error} ({hint})"),
                None => error.to_string(),
            },
            other => String::from_utf8_lossy(&other.body()).into_owned(),
        }
    }

    /// The whole answer.
    pub(crate) fn into_answer(self) -> Answer {
        let mut answer = json_answer(self.status(), self.body());
        match self {
            Self::WrongMethod(allowed) => {
                // Names of methods can stand in a header.
                if let Ok(allowed) = HeaderValue::from_str(&allowed.join(", ")) {
                    answer.headers_mut().insert("allow", allowed);
                }
            }
            Self::Overloaded(_) => {
                let seconds = HeaderValue::from_static(RETRY_AFTER_SECONDS);
                answer.headers_mut().insert("retry-after", seconds);
            }
            _ => {}
        }
        answer
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

/// Most bytes of a message: a text of the request may be in it.
const MAX_MESSAGE_BYTES: usize = 16 << 10;

/// The text of Feast's handler: for its own exceptions an object, for a `KeyError` a quoted text, else the message.
fn exception_text(error: &Error) -> String {
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
        let key = |text: &str| body(Error::invalid(text).with_exception(FeastException::KeyError));
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
