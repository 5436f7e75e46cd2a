//! `feast health`: whether a server answers, for health checks in images that have no HTTP client.

use std::time::Duration;

use feast_http_client::{Client, Trust};

use crate::args::HealthArguments;
use crate::output::Failure;

/// Under the six seconds of the image's health check, so that this command is what says why.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Ends well if the server answers with status 200, and prints nothing then.
///
/// Certificates are not checked, as in probes of Kubernetes: nothing secret is sent, and one for this machine's loopback address is rare. No
/// proxy is used: it would answer for a server that does not.
pub(crate) fn run(options: &HealthArguments) -> Result<(), Failure> {
    let url = &options.url;
    let client = Client::new(&Trust::Anybody, TIMEOUT, false)?;
    match client.status(url) {
        Ok((200, _)) => Ok(()),
        Ok((status, text)) => Err(Failure::new(format!("{url} answers {status}: {}", text.trim_end()))),
        Err(problem) => Err(Failure::new(format!("{url} does not answer: {problem}"))),
    }
}
