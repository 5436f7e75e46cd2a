//! `GET /health`: 200 with an empty body. The server listens only when its stores are open, so to answer is to be healthy.

use crate::context::Context;
use crate::error::ApiError;
use crate::message::{Answer, Request};

pub(crate) fn answer(_: &Context, _: &Request) -> Result<Answer, ApiError> {
    Ok(Answer::new(Vec::new()))
}
