//! The real binary, a real socket, real files.
//!
//! - `walk`: the documented way from `feast init` to served and pushed features.
//! - `golden`: recorded answers of Python Feast's server, replayed.
//! - `bad_input`: what a mistake gets: one clear line, the exit code, nothing half-written.
//! - `layers`: which module may use which.

#![expect(clippy::unwrap_used, reason = "a test fails by it, also in its helpers")]

mod bad_input;
mod golden;
mod layers;
mod support;
mod walk;
