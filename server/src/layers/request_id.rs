//! The id of a request: `x-request-id` of the client, or one that is made here. It is in the response and in the log, so that who
//! has the one finds the other.

use std::fmt;

use uuid::Uuid;
use uuid::fmt::Hyphenated;
use warp::http::header::HeaderName;
use warp::http::{HeaderMap, HeaderValue};

use crate::http::Response;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// A longer one is not taken over: it is in each line of the log about the request.
const MAX_BYTES: usize = 128;

/// The id of one request: some visible ASCII characters.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(HeaderValue);

impl RequestId {
    /// The one that the client gives, or a new one.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let is_taken_over = |id: &&HeaderValue| {
            let bytes = id.as_bytes();
            (1..=MAX_BYTES).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic)
        };
        match headers.get(REQUEST_ID).filter(is_taken_over) {
            Some(id) => Self(id.clone()),
            None => Self(made()),
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    /// As a UUID, if it is one.
    pub(crate) fn as_uuid(&self) -> Option<Uuid> {
        Uuid::try_parse_ascii(self.0.as_bytes()).ok()
    }

    /// Puts it into the response.
    pub(super) fn mark(self, response: &mut Response) {
        response.headers_mut().insert(REQUEST_ID, self.0);
    }
}

fn made() -> HeaderValue {
    let mut text = [0; Hyphenated::LENGTH];
    let text = Uuid::new_v4().as_hyphenated().encode_lower(&mut text);
    // Hexadecimal digits and hyphens can stand in a header.
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static("none"))
}

impl fmt::Display for RequestId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(given: &str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(REQUEST_ID, HeaderValue::from_str(given).unwrap());
        RequestId::of(&headers).to_string()
    }

    #[test]
    fn ids_of_clients_are_taken_over_if_they_fit_into_a_line() {
        for taken in ["a", "7f-1:2/3", &"x".repeat(128)] {
            assert_eq!(id(taken), taken);
        }
        for other in ["", "a b", "\u{e9}", &"x".repeat(129)] {
            assert_eq!(id(other).len(), 36, "{other:?}");
        }
        assert_ne!(id(""), id(""));
    }
}
