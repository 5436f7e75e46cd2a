//! `GET /health`: 200 with an empty body. The server listens only when its stores are open, so to answer is to be healthy.

use warp::http::Response;

use crate::message::Answer;

pub(crate) fn answer() -> Answer {
    Response::new(Vec::new())
}
