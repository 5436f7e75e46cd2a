//! Fills the online store from the offline store: window, newest row of each key, rows, interval.
//!
//! The rows are durable before the interval is recorded, and the same window run twice changes nothing.

mod run;
mod window;

pub(crate) use run::run;
pub use run::{MaterializeProgress, Unwatched, ViewReport};
pub(crate) use window::incremental_start;
pub use window::{MaterializeRange, ViewWindow};
