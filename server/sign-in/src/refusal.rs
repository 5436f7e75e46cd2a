//! Why somebody is not let in.

use std::fmt;

/// What a client is told is the same for every bad token; what is wrong with it is for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// There is no token.
    NoToken,
    /// The token is not accepted: why.
    BadToken(String),
    /// It cannot be checked for now: why.
    Unavailable(String),
}

impl Refusal {
    pub(crate) fn bad(why: impl Into<String>) -> Self {
        Self::BadToken(why.into())
    }

    pub(crate) fn unavailable(why: impl Into<String>) -> Self {
        Self::Unavailable(why.into())
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoToken => formatter.write_str("the request has no bearer token"),
            Self::BadToken(why) => write!(formatter, "the token is not accepted: {why}"),
            Self::Unavailable(why) => write!(formatter, "the token cannot be checked: {why}"),
        }
    }
}

impl std::error::Error for Refusal {}

/// What a token says, for the log: cut, and without line ends.
pub(crate) fn shown(text: &str) -> String {
    const MAX_CHARACTERS: usize = 80;
    let cut: String = text.chars().take(MAX_CHARACTERS).collect();
    format!("{cut:?}")
}
