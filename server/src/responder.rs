//! Requests that come to the process as events, one after the other, instead of over connections: a function in the cloud.
//!
//! Between two events such a process is frozen, and it may be ended there. So nothing is left to the background: what a server does at
//! intervals is done before an answer when it is due by the clock, and what is noted of a request is written before its answer is
//! given. What cannot be done like that is refused, at the start or when it is asked for (`writes.rs`).
//!
//! Requests pass the same layers and routes as those of a server. Knows nothing of what events look like.

use std::future::ready;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use feast_engine::model::Timestamp;
use feast_engine::{Access, Error, ErrorKind, FeatureStore, now};
use futures::stream;
use tokio::sync::Mutex;
use tokio::time::timeout_at;
use warp::http::{Method, Request};

use crate::connections::{ConnectionLimits, Purpose};
use crate::context::Context;
use crate::housekeeping::{self, RegistryWatch, StoreCare};
use crate::http::{Bounds, Client, Head, Peer, Response};
use crate::layers;
use crate::registry_remarks::{ReadDefinitions, RegistryRemarks};
use crate::routes::{self, Matched};
use crate::writes::Writes;
use crate::{AnswerOptions, ServeOptions};

/// How long an answer waits for the lines and spans about its request: a collector that is away should not take the time of all requests.
const SETTLE_PATIENCE: Duration = Duration::from_millis(500);

/// Answers requests that come as events.
pub struct Responder {
    context: Arc<Context>,
    care: Mutex<Care>,
}

/// What is known of a request beside itself.
#[derive(Debug, Clone, Copy)]
pub struct Origin {
    /// The address of the client, as the one says who has taken the request.
    pub client: Option<IpAddr>,
    /// What its answer is bound by.
    pub bounds: Bounds,
}

impl Responder {
    /// Does what has to be done before the first request. `read_definitions` is as for a server.
    ///
    /// # Errors
    /// `Unsupported` when the settings ask for what goes on between requests.
    pub async fn start(
        store: Arc<FeatureStore>,
        answers: AnswerOptions,
        read_definitions: ReadDefinitions,
    ) -> Result<Self, Error> {
        check_settings(&store)?;
        housekeeping::warn_of_unsupported_objects(&store);
        housekeeping::log_table_changes(&store);
        let options = ServeOptions {
            answers,
            host: None,
            connections: ConnectionLimits::NONE,
            tls: None,
            drain: Duration::ZERO,
        };
        let context = Arc::new(Context {
            writes: Writes::of_function(store.access()),
            ..Context::new(&store, &options)
        });
        let remarks = RegistryRemarks::new(&context);
        remarks.prepare_functions(Arc::clone(&read_definitions)).await;
        remarks.write();
        Ok(Self {
            context,
            care: Mutex::new(Care {
                watch: RegistryWatch::new(Arc::clone(&store), read_definitions, remarks),
                registry: Due::every(housekeeping::REGISTRY_INTERVAL),
                care: StoreCare::new(store),
                store: Due::every(housekeeping::TEND_INTERVAL),
                look: Due::at_once(housekeeping::STORES_INTERVAL),
            }),
        })
    }

    /// Answers a request. What is noted about it is written when this returns.
    pub async fn answer(&self, request: Request<Bytes>, origin: Origin) -> Response {
        let (parts, body) = request.into_parts();
        let matched = routes::find(&parts.method, parts.uri.path(), false);
        let is_for_monitoring = matches!(matched, Matched::Route(route, _) if route.is_for_monitoring());
        let catch_up = async { self.care.lock().await.catch_up(&self.context, is_for_monitoring).await };
        match origin.bounds.deadline {
            // The layers say so.
            Some(deadline) => drop(timeout_at(deadline.into(), catch_up).await),
            None => catch_up.await,
        }
        let is_head = parts.method == Method::HEAD;
        let peer = Peer {
            client: Client::Elsewhere(origin.client),
            local: None,
            purpose: Purpose::Requests,
        };
        let mut head = Head::of_request(&self.context, peer, parts);
        head.bounds = Some(origin.bounds);
        let memory = Ok(self.context.admission.memory_permit());
        let body = stream::once(ready(Ok::<_, warp::Error>(body)));
        let mut response = layers::answer(Arc::clone(&self.context), head, memory, body).await;
        if is_head {
            *response.body_mut() = Bytes::new();
        }
        self.settle().await;
        response
    }

    /// Waits until what was noted about requests is where it goes to. What keeps it from there is logged by those who write it.
    async fn settle(&self) {
        let audit = async {
            if let Some(audit) = &self.context.audit {
                // What was not written in time stays, and is written while the next request is answered.
                let _ = tokio::time::timeout(SETTLE_PATIENCE, audit.flush()).await;
            }
        };
        let traces = async {
            if let Some(traces) = self.context.traces.clone() {
                // A panic has been logged.
                let _ = tokio::task::spawn_blocking(move || traces.flush(SETTLE_PATIENCE)).await;
            }
        };
        tokio::join!(audit, traces);
    }
}

/// Refuses settings that ask for work between requests.
fn check_settings(store: &FeatureStore) -> Result<(), Error> {
    let config = store.config();
    let refused = |what: &str, why: &str| {
        let message = format!("{what} is on, and not offered in a function: {why}");
        Err(Error::new(ErrorKind::Unsupported, message).with_hint(
            "switch it off in the settings of the function: --feature-store-yaml names another file for them",
        ))
    };
    if config.feature_logging.is_enabled {
        return refused(
            "feature_server.feature_logging",
            "rows wait in memory and on a disk, and both go with the process",
        );
    }
    if config.offline_batching.is_some() && store.access() == Access::ReadWrite {
        return refused(
            "feature_server.offline_push_batching_enabled",
            "rows would be answered for and wait on a disk that goes with the process",
        );
    }
    Ok(())
}

/// What a server does at intervals.
struct Care {
    watch: RegistryWatch,
    registry: Due,
    care: StoreCare,
    store: Due,
    look: Due,
}

impl Care {
    /// Does what is due. The online store is asked how it is only before an answer for monitoring, so that no other request waits for it.
    async fn catch_up(&mut self, context: &Arc<Context>, is_for_monitoring: bool) {
        let now = now();
        if self.registry.take(now)
            && let Some(preparing) = self.watch.look().await
        {
            // A function that is prepared in the background would be frozen with it.
            preparing.await;
        }
        if self.store.take(now) {
            self.care.tend().await;
        }
        if is_for_monitoring && self.look.take(now) {
            let context = Arc::clone(context);
            // A panic has been logged.
            let _ = tokio::task::spawn_blocking(move || housekeeping::look_at_stores(&context)).await;
        }
    }
}

/// When something is to be done again. By the wall clock: others stand still while the process is frozen.
struct Due {
    interval: Duration,
    last: Option<Timestamp>,
}

impl Due {
    /// The first time after the interval.
    fn every(interval: Duration) -> Self {
        Self {
            interval,
            last: Some(now()),
        }
    }

    fn at_once(interval: Duration) -> Self {
        Self { interval, last: None }
    }

    /// Whether it is due, and then not again until the interval is over. A clock that was set back makes it due.
    fn take(&mut self, now: Timestamp) -> bool {
        let since = self.last.map(|last| now.micros().saturating_sub(last.micros()));
        let since = since.and_then(|micros| u64::try_from(micros).ok());
        let is_due = since.is_none_or(|micros| Duration::from_micros(micros) >= self.interval);
        if is_due {
            self.last = Some(now);
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn something_is_due_after_its_interval_and_when_the_clock_went_back() {
        let at = |seconds| Timestamp::from_seconds(seconds).unwrap();
        let mut due = Due::at_once(Duration::from_secs(10));
        for (seconds, expected) in [
            (100, true),
            (100, false),
            (109, false),
            (110, true),
            (111, false),
            (50, true),
            (59, false),
        ] {
            assert_eq!(due.take(at(seconds)), expected, "{seconds}");
        }
    }
}
