//! One file per command.

pub(crate) mod apply;
pub(crate) mod init;
pub(crate) mod materialize;
pub(crate) mod serve;
