//! The wire format: request bodies into typed requests and Arrow columns, Arrow columns into JSON and Arrow streams.
//!
//! Nothing outside this module knows what a request or a response looks like as JSON.

pub(crate) mod arrow_stream;
pub(crate) mod data_frame;
pub(crate) mod encoding;
pub(crate) mod entities;
mod fast_path;
mod json;
mod python_json;
pub(crate) mod request;
pub(crate) mod response;
mod validation;
