//! What a piece of evaluation knows beside its values: the session it belongs to, and the place in a file where it happens.
//!
//! Functions of Python's library and of Feast get a [`Site`] and nothing else. Knows nothing of the evaluator.

mod session;
mod site;

pub(crate) use session::Session;
pub(crate) use site::Site;
