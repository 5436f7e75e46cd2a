//! The wire format: request bodies into typed requests and Arrow columns, Arrow columns into JSON.
//!
//! Nothing outside this module knows what a request or an answer looks like as JSON.

pub(crate) mod column;
pub(crate) mod data_frame;
pub(crate) mod entities;
mod fields;
mod json;
mod python_json;
pub(crate) mod request;
pub(crate) mod response;
