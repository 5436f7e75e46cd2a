//! `feast health`: whether a server answers, for health checks in images that have no HTTP client.

use std::time::Duration;

use feast_http_client::{Client, Trust};

use crate::args::HealthArguments;
use crate::output::Failure;

/// Under the six seconds of the image's health check, so that this command is what says why.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Ends well if the server answers with status 200, and prints nothing then.
pub(crate) fn run(options: &HealthArguments) -> Result<(), Failure> {
    let url = &options.url;
    let trust = match &options.ca {
        Some(file) => Trust::File(file),
        // Reading the authorities of the system takes longer than the rest.
        None if url.starts_with("http://") => Trust::Anybody,
        None => Trust::System,
    };
    // The server is on this machine, or in a network where health checks are made: no proxy is in between.
    let client = Client::new(&trust, TIMEOUT, false)?;
    match client.status(url) {
        Ok((200, _)) => Ok(()),
        Ok((status, text)) => Err(Failure::new(format!("{url} answers {status}: {}", text.trim_end()))),
        Err(problem) => Err(Failure::new(format!("{url} does not answer: {problem}"))),
    }
}
