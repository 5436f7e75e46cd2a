//! Errors as Feast's server words them: its clients rebuild the exception from the body.

use feast_engine::{Error, ErrorKind, FeastException, python_json};
use serde_json::{Value, json};
use warp::http::StatusCode;

/// Anything that keeps an endpoint from answering.
#[derive(Debug)]
pub(crate) enum ApiError {
    /// The body does not have the shape of the request: 422, as pydantic words it.
    Validation(Vec<Problem>),
    /// What the engine says.
    Engine(Error),
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
    pub(crate) cause: Option<String>,
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
            Self::Panicked => StatusCode::INTERNAL_SERVER_ERROR,
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
            Self::Panicked => Value::from("Internal Server Error"),
            Self::Engine(error) => Value::from(exception_text(error)),
        };
        body.to_string().into_bytes()
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

/// The text of Feast's handler: for its own exceptions an object, for a `KeyError` a quoted text, else the message.
fn exception_text(error: &Error) -> String {
    let message = error.to_string();
    match error.exception() {
        None => message,
        Some(FeastException::KeyError) => python_quoted(&message),
        Some(exception) => format!(
            "{{\"module\": \"feast.errors\", \"class\": \"{}\", \"message\": {}}}",
            exception.class_name(),
            python_json(&Value::from(message))
        ),
    }
}

/// Python's `repr` of a text without control characters.
fn python_quoted(text: &str) -> String {
    if text.contains('\'') && !text.contains('"') {
        format!("\"{text}\"")
    } else {
        format!("'{}'", text.replace('\'', "\\'"))
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
        assert_eq!(
            body(Error::invalid("No features specified for retrieval")),
            r#""No features specified for retrieval""#
        );
    }
}
