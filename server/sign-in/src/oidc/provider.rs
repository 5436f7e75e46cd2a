//! The keys of a provider as they are now: fetched by a thread of their own when it is time, and when a token names one that is not known.
//!
//! While the provider is away the last keys are used, for an hour beyond their time at most. A token with an unknown key waits for one
//! fetch that began after it came, and nothing else waits: so a new key is known at once, whoever sends tokens with wrong ones causes a
//! fetch a second at most, and few of them are waited for at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use feast_config::OidcConfig;
use feast_http_client::{Client, Reply, Trust};
use feast_model::error::{Error, ErrorKind, Result};
use parking_lot::{Condvar, Mutex};
use serde_json::Value;
use tokio::sync::{Semaphore, watch};

use super::keys::KeySet;
use crate::Refusal;

/// Between the beginnings of two fetches.
const MIN_INTERVAL: Duration = Duration::from_secs(1);
/// After a fetch that failed, up to that long.
const MAX_RETRY_INTERVAL: Duration = Duration::from_secs(30);
/// How long keys are used beyond their time while no others can be had.
const MAX_STALE: Duration = Duration::from_secs(3600);
/// How long a token waits for a fetch, and how many do at once.
const MAX_WAIT: Duration = Duration::from_secs(5);
const MAX_WAITING: usize = 64;

/// A provider.
pub(crate) struct Provider {
    shared: Arc<Shared>,
    waiting: Semaphore,
    /// Keys are not used longer.
    max_age: Duration,
}

struct Shared {
    keys: ArcSwapOption<Fetched>,
    orders: Mutex<Orders>,
    ordered: Condvar,
    /// The last fetch that ended.
    attempts: watch::Sender<Option<Attempt>>,
}

struct Fetched {
    at: Instant,
    keys: Arc<KeySet>,
}

/// What the thread is to do.
#[derive(Default)]
struct Orders {
    fetch: bool,
    stop: bool,
}

/// A fetch that has ended.
#[derive(Clone)]
struct Attempt {
    began: Instant,
    failure: Option<String>,
}

impl Provider {
    /// # Errors
    /// `Invalid` for settings that cannot be used, `Unavailable` when there is no thread.
    pub(crate) fn start(config: &OidcConfig) -> Result<Self> {
        let trust = match &config.authorities {
            _ if !config.checks_certificate => Trust::Anybody,
            Some(file) => Trust::File(file),
            None => Trust::System,
        };
        let fetcher = Fetcher {
            client: Client::new(&trust, config.key_timeout, true)?,
            discovery_url: config.discovery_url.clone(),
            lifespan: config.key_lifespan,
        };
        let shared = Arc::new(Shared {
            keys: ArcSwapOption::empty(),
            orders: Mutex::default(),
            ordered: Condvar::new(),
            attempts: watch::Sender::new(None),
        });
        let thread = {
            let shared = Arc::clone(&shared);
            std::thread::Builder::new()
                .name("feast-keys".to_owned())
                .spawn(move || fetcher.run(&shared))
        };
        thread.map_err(|source| {
            Error::new(ErrorKind::Unavailable, "the thread that fetches keys cannot be started").with_source(source)
        })?;
        Ok(Self {
            shared,
            waiting: Semaphore::new(MAX_WAITING),
            max_age: config.key_lifespan + MAX_STALE,
        })
    }

    /// The keys as they were fetched last, if they may still be used.
    pub(crate) fn keys(&self) -> Option<Arc<KeySet>> {
        let fetched = self.shared.keys.load();
        let fetched = fetched.as_ref().filter(|fetched| fetched.at.elapsed() < self.max_age)?;
        Some(Arc::clone(&fetched.keys))
    }

    /// Keys that are fetched from now on.
    ///
    /// # Errors
    /// `Unavailable` when that is not done in time, or fails.
    pub(crate) async fn fetched_anew(&self) -> Result<Arc<KeySet>, Refusal> {
        let came = Instant::now();
        let mut attempts = self.shared.attempts.subscribe();
        self.shared.order(|orders| orders.fetch = true);
        // Without keys at all every request would wait.
        let last = attempts.borrow().clone();
        if let Some(failure) = last.and_then(|attempt| attempt.failure)
            && self.keys().is_none()
        {
            return Err(no_keys(&failure));
        }
        let Ok(_waiting) = self.waiting.try_acquire() else {
            return Err(Refusal::unavailable(
                "too many tokens with unknown keys wait for the provider",
            ));
        };
        let is_first = attempts.borrow().is_none();
        let is_done = |attempt: &Option<Attempt>| {
            attempt
                .as_ref()
                .is_some_and(|attempt| is_first || attempt.began >= came)
        };
        let done = tokio::time::timeout(MAX_WAIT, attempts.wait_for(is_done)).await;
        let failure = match done {
            Ok(Ok(attempt)) => attempt.as_ref().and_then(|attempt| attempt.failure.clone()),
            Ok(Err(_)) => Some("nobody fetches keys any more".to_owned()),
            Err(_) => Some(format!("the provider has not answered for {} s", MAX_WAIT.as_secs())),
        };
        match (failure, self.keys()) {
            (None, Some(keys)) => Ok(keys),
            (failure, _) => Err(no_keys(&failure.unwrap_or_default())),
        }
    }
}

fn no_keys(failure: &str) -> Refusal {
    Refusal::unavailable(format!("the provider's keys are not known: {failure}"))
}

impl Drop for Provider {
    fn drop(&mut self) {
        // The thread may be fetching, and is not waited for.
        self.shared.order(|orders| orders.stop = true);
    }
}

impl Shared {
    fn order(&self, change: impl FnOnce(&mut Orders)) {
        change(&mut self.orders.lock());
        self.ordered.notify_all();
    }

    /// Waits that long, or until there is something to do after `least`. `false` when it is to end.
    fn wait(&self, least: Instant, most: Duration) -> bool {
        let end = Instant::now() + most;
        let mut orders = self.orders.lock();
        loop {
            if orders.stop {
                return false;
            }
            let until = if orders.fetch { least } else { end };
            if Instant::now() >= until {
                orders.fetch = false;
                return true;
            }
            self.ordered.wait_until(&mut orders, until);
        }
    }
}

/// What there is to say of keys that were fetched, each once.
#[derive(Default)]
struct Remarks {
    has_no_keys: bool,
    has_no_issuer: bool,
}

impl Remarks {
    fn log(&mut self, keys: &KeySet) {
        let (had_no_keys, had_no_issuer) = (self.has_no_keys, self.has_no_issuer);
        self.has_no_keys = keys.is_empty();
        self.has_no_issuer = keys.issuer.is_none();
        if self.has_no_keys && !had_no_keys {
            tracing::error!("the OpenID provider has taken all its keys back: none of its tokens is accepted");
        }
        if self.has_no_issuer && !had_no_issuer {
            tracing::warn!(
                "the OpenID provider does not say who it is, so the issuer of tokens is checked only if auth.issuer names it"
            );
        }
    }
}

/// What fetches.
struct Fetcher {
    client: Client,
    discovery_url: String,
    lifespan: Duration,
}

impl Fetcher {
    fn run(&self, shared: &Shared) {
        let (mut failures, mut remarks) = (0_u32, Remarks::default());
        loop {
            let began = Instant::now();
            let failure = match self.fetch() {
                Ok(keys) => {
                    if failures > 0 {
                        tracing::info!("the keys of the OpenID provider are fetched again");
                    }
                    failures = 0;
                    remarks.log(&keys);
                    let keys = Arc::new(keys);
                    shared.keys.store(Some(Arc::new(Fetched { at: began, keys })));
                    None
                }
                Err(failure) => {
                    if failures == 0 {
                        tracing::error!("the keys of the OpenID provider cannot be fetched: {failure}");
                    }
                    failures = failures.saturating_add(1);
                    Some(failure)
                }
            };
            let next = match failures {
                0 => self.lifespan,
                failures => (MIN_INTERVAL * 2_u32.saturating_pow(failures - 1)).min(MAX_RETRY_INTERVAL),
            };
            shared.attempts.send_replace(Some(Attempt { began, failure }));
            if !shared.wait(began + MIN_INTERVAL, next) {
                return;
            }
        }
    }

    fn fetch(&self) -> Result<KeySet, String> {
        let discovery = self.get(&self.discovery_url)?;
        let url = discovery["jwks_uri"].as_str();
        let url = url.ok_or_else(|| format!("{} does not say where they are (jwks_uri)", self.discovery_url))?;
        // Keys that came in clear would be worth no more than a provider that does.
        if !url.starts_with("https://") && (self.discovery_url.starts_with("https://") || !url.starts_with("http://")) {
            return Err(format!(
                "{} says that they are at {url:?}, which is not https",
                self.discovery_url
            ));
        }
        let issuer = discovery["issuer"].as_str().map(str::to_owned);
        KeySet::from_jwks(&self.get(url)?, issuer).map_err(|problem| format!("{url}: {problem}"))
    }

    fn get(&self, url: &str) -> Result<Value, String> {
        match self
            .client
            .get(url, None)
            .map_err(|problem| format!("{url}: {problem}"))?
        {
            Reply::Json(json) => Ok(json),
            Reply::Status(status) => Err(format!("{url}: the status is {status}")),
        }
    }
}
