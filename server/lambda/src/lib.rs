//! The server's answers in a function of AWS Lambda: events are fetched from its runtime API, answered as the requests that they are by a
//! [`Responder`], and the answers given back.
//!
//! Owns the runtime API (`runtime_api.rs`), the events of function URLs, API Gateway and load balancers (`event.rs`), and what answers to them
//! look like (`answer.rs`). Knows nothing of routes, stores and settings. The only crate that names AWS's own, of which it uses the
//! client of the runtime API. Those above that one are not used, each for a reason:
//!
//! - `lambda_runtime` sets a variable of the environment before each event. Other threads of this process read the environment
//!   meanwhile, RocksDB's among them, which is undefined in C. It also has serde compiled anew, and with it all of DataFusion.
//! - `lambda_http` parses an event once for each form that it may have, puts the stage in front of the path, keeps the last of the
//!   headers of one name, decodes query strings before it takes them apart, and panics where they are no URI then.

mod answer;
mod event;
mod runtime_api;

use std::convert::Infallible;

use feast_engine::{Error, ErrorKind};
use feast_server::{Bounds, Origin, Responder};

use event::Event;
pub use runtime_api::RuntimeApi;

/// Refuses what the function is started with and this crate does not offer.
///
/// # Errors
/// `Unsupported` for SnapStart.
pub fn check_environment() -> Result<(), Error> {
    if std::env::var("AWS_LAMBDA_INITIALIZATION_TYPE").is_ok_and(|kind| kind == "snap-start") {
        // All processes would go on from one state: with the same random numbers, and one connection to Redis.
        let message = "SnapStart is on for this function, and not supported";
        return Err(Error::new(ErrorKind::Unsupported, message).with_hint("switch SnapStart off"));
    }
    Ok(())
}

/// Answers one event after the other. `base_path` is taken off the paths of requests that begin with it.
///
/// # Errors
/// `Unavailable` when the runtime API fails: the process should end, and is started again.
pub async fn answer_events(
    api: &RuntimeApi,
    responder: &Responder,
    base_path: Option<&str>,
) -> Result<Infallible, Error> {
    loop {
        let invocation = api.next().await?;
        match Event::parse(&invocation.event, &invocation.id, base_path) {
            Ok(event) => {
                let origin = Origin {
                    client: event.client,
                    bounds: Bounds {
                        deadline: invocation.deadline,
                        check: event.form.check(),
                    },
                };
                let response = responder.answer(event.request, origin).await;
                api.respond(&invocation, event.form.write(&response)).await?;
            }
            Err(problem) => {
                tracing::error!("an event is not answered: {problem} (request {})", invocation.id);
                api.fail(&invocation, "Feast.NoRequest", &problem).await?;
            }
        }
    }
}
