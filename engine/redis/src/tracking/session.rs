//! The task that keeps changes tracked: it opens connections to all primaries, asks them again and again, and starts over when
//! anything is not as before.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use feast_config::{RedisNode, RedisTopology};
use futures::FutureExt;
use futures::future::try_join_all;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::Shared;
use super::tracked::{ServerState, TrackedServer};

/// The wait after the first failure; it doubles with each further one.
const MIN_PAUSE: Duration = Duration::from_millis(100);
const MAX_PAUSE: Duration = Duration::from_secs(5);
/// The wait before a server that cannot do it is asked again. It may be another one by then.
const REFUSED_PAUSE: Duration = Duration::from_secs(60);
/// Servers are asked this often, or twice within the bound if that is more often.
const MAX_INTERVAL: Duration = Duration::from_secs(1);
/// How often primaries may lead to further primaries before tracking is on.
const MAX_ROUNDS: usize = 8;

/// Why a session has ended.
#[derive(Debug)]
pub(super) enum End {
    /// A connection has broken, or is silent.
    Lost(String),
    /// Other servers than before are primaries.
    OtherPrimaries(String),
    /// A server cannot track changes, or may not for this user.
    Refused(String),
    /// There are views with other join keys than before.
    OtherPrefixes,
}

impl fmt::Display for End {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost(message) | Self::OtherPrimaries(message) | Self::Refused(message) => {
                formatter.write_str(message)
            }
            Self::OtherPrefixes => formatter.write_str("there are views with other join keys"),
        }
    }
}

/// What was logged last.
#[derive(PartialEq)]
enum Logged {
    Nothing,
    On,
    Off,
}

/// Keeps changes tracked for as long as it is polled.
pub(super) async fn run(shared: Arc<Shared>) {
    let (mut logged, mut pause) = (Logged::Nothing, MIN_PAUSE);
    loop {
        // Before the prefixes are read: new ones end this session.
        let number = shared.rows.begin_session();
        // Told of what is read now.
        let _ = shared.prefixes_changed.notified().now_or_never();
        let prefixes = shared.prefixes.lock().clone();
        if prefixes.is_empty() {
            // Without a prefix all keys would be told.
            shared.prefixes_changed.notified().await;
            continue;
        }
        let mut session = Session::new(&shared, number);
        let end = match session.open(&prefixes).await {
            Ok(asked) if shared.rows.confirm(number, asked.into_std()) => {
                tracing::info!("rows are held in memory: changes are tracked on {}", session.names());
                (logged, pause) = (Logged::On, MIN_PAUSE);
                session.keep(asked).await
            }
            Ok(_) => session.end(),
            Err(end) => end,
        };
        shared.rows.end_session(number);
        drop(session);
        if logged != Logged::Off && !matches!(end, End::OtherPrefixes) {
            tracing::warn!("no rows are held in memory until changes are tracked again: {end}");
            logged = Logged::Off;
        }
        let wait = match end {
            End::OtherPrefixes => continue,
            End::Refused(_) => REFUSED_PAUSE,
            End::Lost(_) | End::OtherPrimaries(_) => {
                let wait = pause;
                pause = (pause * 2).min(MAX_PAUSE);
                wait
            }
        };
        let _ = timeout(wait, shared.prefixes_changed.notified()).await;
    }
}

/// One attempt: connections to all primaries.
struct Session<'a> {
    shared: &'a Arc<Shared>,
    number: u64,
    servers: BTreeMap<RedisNode, Server>,
    /// For the first connection that breaks.
    broken: mpsc::Sender<End>,
    ended: mpsc::Receiver<End>,
}

/// A connection, and what its server said of itself when it was opened.
struct Server {
    tracked: TrackedServer,
    is_primary: Option<bool>,
}

impl<'a> Session<'a> {
    fn new(shared: &'a Arc<Shared>, number: u64) -> Self {
        let (broken, ended) = mpsc::channel(1);
        Self {
            shared,
            number,
            servers: BTreeMap::new(),
            broken,
            ended,
        }
    }

    /// Connects to all primaries and tracks changes there. Gives the moment after which all of them were asked.
    async fn open(&mut self, prefixes: &BTreeSet<Vec<u8>>) -> Result<Instant, End> {
        let mut primaries = self.primaries().await?;
        for _ in 0..MAX_ROUNDS {
            self.servers.retain(|address, _| primaries.contains(address));
            let missing = primaries.iter().filter(|address| !self.servers.contains_key(*address));
            let opened = try_join_all(missing.map(|address| self.open_server(address, prefixes))).await?;
            self.servers.extend(opened);
            let asked = Instant::now();
            match self.changed(self.ask().await?) {
                None => return Ok(asked),
                Some(others) => primaries = others,
            }
        }
        Err(End::OtherPrimaries(
            "the primaries of the cluster change all the time".to_owned(),
        ))
    }

    async fn open_server(&self, address: &RedisNode, prefixes: &BTreeSet<Vec<u8>>) -> Result<(RedisNode, Server), End> {
        let tracked = TrackedServer::open(self.shared, self.number, address, &self.broken).await?;
        tracked.track(self.shared, prefixes).await?;
        let is_primary = tracked.ask(&self.shared.config).await?.is_primary;
        if is_primary == Some(false) && matches!(self.shared.config.topology, RedisTopology::Sentinel { .. }) {
            return Err(End::OtherPrimaries(format!("Redis at {address} is not the master")));
        }
        Ok((address.clone(), Server { tracked, is_primary }))
    }

    /// The servers that reads go to. In a cluster, those that one of its nodes names, also without slots.
    async fn primaries(&self) -> Result<BTreeSet<RedisNode>, End> {
        let known = self.shared.connection.primaries().await;
        let known = known.map_err(|error| End::Lost(error.to_string()))?;
        Ok(known.into_iter().collect())
    }

    /// What all servers say now. Until then every message of an earlier change has been dealt with.
    async fn ask(&self) -> Result<Vec<(&RedisNode, ServerState)>, End> {
        let config = &self.shared.config;
        let answers = self.servers.iter().map(|(address, server)| async move {
            let answer = server.tracked.ask(config).await?;
            Ok((address, answer))
        });
        try_join_all(answers).await
    }

    /// The primaries that the answers name, if they are not those to which there are connections.
    fn changed(&self, answers: Vec<(&RedisNode, ServerState)>) -> Option<BTreeSet<RedisNode>> {
        let mut primaries = BTreeSet::new();
        for (address, answer) in answers {
            match answer.primaries {
                Some(named) => primaries.extend(named),
                None => {
                    primaries.insert(address.clone());
                }
            }
        }
        (!primaries.iter().eq(self.servers.keys())).then_some(primaries)
    }

    /// Asks the servers until anything changes. They were asked at `asked` for the first time.
    async fn keep(&mut self, mut asked: Instant) -> End {
        let bound = self.shared.rows.bound();
        let interval = (bound / 2).min(MAX_INTERVAL);
        let mut ageing = Ageing::new();
        loop {
            let valid_until = asked + bound;
            tokio::select! {
                () = sleep_until(asked + interval) => {}
                end = self.ended.recv() => return end.unwrap_or(End::OtherPrefixes),
                () = self.shared.prefixes_changed.notified() => return End::OtherPrefixes,
            }
            let next = Instant::now();
            match timeout_at(valid_until, self.check()).await {
                Ok(Ok(())) => {}
                Ok(Err(end)) => return end,
                Err(_) => return End::Lost(format!("Redis has not answered for {bound:?} on {}", self.names())),
            }
            if !self.shared.rows.confirm(self.number, next.into_std()) {
                return self.end();
            }
            asked = next;
            ageing.forget_old(self.shared);
        }
    }

    /// Whether all is as it was when the session began.
    async fn check(&self) -> Result<(), End> {
        let answers = self.ask().await?;
        for (address, answer) in &answers {
            if answer.is_primary != self.servers[*address].is_primary {
                return Err(End::OtherPrimaries(format!(
                    "the role of Redis at {address} has changed"
                )));
            }
        }
        if self.changed(answers).is_some() {
            return Err(End::OtherPrimaries(
                "the primaries of the cluster have changed".to_owned(),
            ));
        }
        // Sentinels may have led the reads to another server.
        let is_cluster = matches!(self.shared.config.topology, RedisTopology::Cluster);
        if !is_cluster && !self.primaries().await?.iter().eq(self.servers.keys()) {
            return Err(End::OtherPrimaries("another Redis has become the master".to_owned()));
        }
        Ok(())
    }

    /// Why the session is no longer the current one.
    fn end(&mut self) -> End {
        self.ended.try_recv().unwrap_or(End::OtherPrefixes)
    }

    fn names(&self) -> String {
        let names: Vec<String> = self.servers.keys().map(ToString::to_string).collect();
        names.join(", ")
    }
}

/// With `key_ttl_seconds`: forgets rows part by part, so that each part is forgotten once in a lifetime.
struct Ageing {
    start: Instant,
    /// How many parts have been forgotten.
    parts: u128,
}

impl Ageing {
    fn new() -> Self {
        Self {
            start: Instant::now(),
            parts: 0,
        }
    }

    fn forget_old(&mut self, shared: &Shared) {
        let Some(lifetime) = shared.lifetime() else { return };
        let all = shared.rows.parts();
        let due = self.start.elapsed().as_nanos() * all as u128 / lifetime.as_nanos().max(1);
        // After a long pause each part once.
        self.parts = self.parts.max(due.saturating_sub(all as u128));
        while self.parts < due {
            shared.rows.clear_part((self.parts % all as u128) as usize);
            self.parts += 1;
        }
    }
}
