//! A request and an answer as endpoints see them, without the framework around them.

use bytes::Bytes;
use warp::http::{HeaderMap, HeaderValue, Response, StatusCode};

/// A request as endpoints see it.
pub(crate) struct Request {
    pub(crate) headers: HeaderMap,
    pub(crate) query: String,
    /// The text in the place of the braces of the route's path; empty if it has none.
    pub(crate) parameter: String,
    pub(crate) body: Bytes,
}

/// An answer, whatever its status.
pub(crate) type Answer = Response<Vec<u8>>;

/// An answer with a JSON body.
pub(crate) fn json_answer(status: StatusCode, body: Vec<u8>) -> Answer {
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    answer
        .headers_mut()
        .insert("content-type", HeaderValue::from_static("application/json"));
    answer
}
