//! What requests may write: everything on a server, and in a function only what is done when it is answered, and stays.

use feast_engine::{Access, Error, ErrorKind};

/// What requests may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Writes {
    /// What the stores take.
    All,
    /// Rows of an online store that is elsewhere.
    OnlineRows,
    /// Nothing: the online store is a copy that goes with the process.
    Nothing,
}

impl Writes {
    /// Of a function whose stores were opened for that.
    pub(crate) fn of_function(access: Access) -> Self {
        match access {
            Access::ReadWrite => Self::OnlineRows,
            Access::ReadOnly => Self::Nothing,
        }
    }

    /// Refuses rows that are pushed, also to the offline store or not.
    ///
    /// # Errors
    /// `Unavailable` where nothing is written, `Unsupported` for the offline store.
    pub(crate) fn check_push(self, offline: bool) -> Result<(), Error> {
        match self {
            Self::Nothing => Err(only_read()),
            Self::OnlineRows if offline => Err(Error::new(
                ErrorKind::Unsupported,
                "a function does not push to the offline store, as its disk goes with it: push to online here, and have a server take \
                 what goes to the offline store",
            )),
            Self::OnlineRows | Self::All => Ok(()),
        }
    }

    /// Refuses materializations.
    ///
    /// # Errors
    /// `Unavailable` where nothing is written, else `Unsupported`.
    pub(crate) fn check_materialization(self) -> Result<(), Error> {
        match self {
            Self::Nothing => Err(only_read()),
            Self::OnlineRows => Err(Error::new(
                ErrorKind::Unsupported,
                "a function does not materialize, as it would be ended in the middle of a long run: run feast materialize elsewhere, or \
                 ask a server",
            )),
            Self::All => Ok(()),
        }
    }
}

fn only_read() -> Error {
    Error::new(
        ErrorKind::Unavailable,
        "a function only reads its embedded online store, as each of its processes has one of its own: write to the store that the \
         function is made from, or use Redis (online_store.type: redis)",
    )
}
