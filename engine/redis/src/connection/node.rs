//! A server that is connected to when it is first needed, and again whenever the connection is lost.

use std::sync::Arc;
use std::time::Duration;

use feast_config::RedisNode;
use parking_lot::Mutex;
use redis::Pipeline;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::Access;
use super::dialer::{Dialer, Purpose};
use super::link::Link;
use super::replies::Replies;
use super::reply::Reply;
use super::trouble::{Reason, Trouble};

/// The wait after the first failure to connect; it doubles with each further one.
const MIN_PAUSE: Duration = Duration::from_millis(50);
/// The longest wait between attempts to connect, and the age from which a connection counts as one that has worked.
const MAX_PAUSE: Duration = Duration::from_secs(1);

/// How often sentinels are asked whether the master is another by now, while there are requests.
const MASTER_PERIOD: Duration = Duration::from_secs(1);

/// One server, or the master that sentinels name. One connection: two carry no more, as the server's one thread is the limit, or
/// the reading of replies is.
pub(super) struct Node {
    dialer: Arc<Dialer>,
    place: Place,
    state: Mutex<State>,
}

/// Where a node is.
pub(super) enum Place {
    At(RedisNode),
    /// Wherever sentinels say that the master of this name is.
    Master(String),
}

#[derive(Default)]
struct State {
    phase: Phase,
    /// How many attempts in a row have come to nothing, and what was wrong with the last one.
    failures: u32,
    trouble: Option<Trouble>,
}

#[derive(Default)]
enum Phase {
    #[default]
    Idle,
    /// One task connects. Requests wait for it, if this is the first attempt: after one that has come to nothing only the request
    /// that began it does. Else a server that hangs would hold up as many requests as there may be, and so those to other nodes.
    Connecting(watch::Receiver<Option<Result<Arc<Link>, Trouble>>>),
    Connected(Arc<Link>),
    /// Requests are refused at once until then, so that a server that is down is not asked all the time.
    Resting {
        trouble: Trouble,
        until: Instant,
    },
}

impl Node {
    pub(super) fn new(dialer: &Arc<Dialer>, place: Place) -> Arc<Self> {
        Arc::new(Self {
            dialer: Arc::clone(dialer),
            place,
            state: Mutex::default(),
        })
    }

    /// Sends commands and gives their replies, errors of single commands among them. A read whose connection breaks is sent once
    /// more on the next one.
    pub(super) async fn run(
        self: &Arc<Self>,
        commands: &Pipeline,
        access: Access,
        deadline: Instant,
    ) -> Result<Replies, Trouble> {
        let mut retries = match access {
            Access::Read => 1,
            Access::Write => 0,
        };
        loop {
            let link = self.link(deadline).await?;
            let start = Instant::now();
            self.look_for_master(&link, start);
            match timeout_at(deadline, link.send(commands)).await {
                Ok(Ok(replies)) => {
                    self.leave_if_demoted(&link, &replies);
                    if access == Access::Write {
                        self.wait_for_replicas(&link, &replies, deadline).await?;
                    }
                    return Ok(replies);
                }
                // The connection has passed them over and goes on.
                Ok(Err(trouble)) if trouble.is_too_large() => return Err(trouble),
                Ok(Err(trouble)) => {
                    self.leave(&link, Some(&trouble));
                    if retries == 0 || !trouble.is_closed() {
                        return Err(trouble);
                    }
                    retries -= 1;
                }
                Err(_) => {
                    let trouble = self.timed_out(link.server());
                    // One that was given little time, after another node had taken most of it, says nothing of the server.
                    let has_waited = start.elapsed() * 2 >= self.dialer.config.response_timeout;
                    if has_waited && !link.has_answered_since(start) {
                        self.leave(&link, Some(&trouble));
                    }
                    return Err(trouble);
                }
            }
        }
    }

    /// The open connection, or the one that is being made.
    pub(super) async fn link(self: &Arc<Self>, deadline: Instant) -> Result<Arc<Link>, Trouble> {
        let mut connecting = {
            let mut state = self.state.lock();
            match &state.phase {
                Phase::Connected(link) if !link.is_closed() && self.is_place_of(link) => return Ok(Arc::clone(link)),
                Phase::Resting { trouble, until } if Instant::now() < *until => return Err(trouble.clone()),
                // Its task is gone when the runtime that it was on is.
                Phase::Connecting(receiver) if receiver.has_changed().is_ok() => match &state.trouble {
                    Some(trouble) => return Err(trouble.clone()),
                    None => receiver.clone(),
                },
                _ => self.connect(&mut state),
            }
        };
        match timeout_at(deadline, connecting.wait_for(Option::is_some)).await {
            Ok(Ok(connected)) => connected.as_ref().map_or_else(|| Err(self.closed()), Clone::clone),
            Ok(Err(_)) => Err(self.closed()),
            Err(_) => Err(self.timed_out(&self.name())),
        }
    }

    fn connect(self: &Arc<Self>, state: &mut State) -> watch::Receiver<Option<Result<Arc<Link>, Trouble>>> {
        let (sender, receiver) = watch::channel(None);
        state.phase = Phase::Connecting(receiver.clone());
        let node = Arc::clone(self);
        // A task of its own: the request that needs it may be given up, and others wait for it too.
        tokio::spawn(async move {
            let connected = node.dial().await.map(Arc::new);
            node.settle(&connected);
            sender.send_replace(Some(connected));
        });
        receiver
    }

    async fn dial(&self) -> Result<Link, Trouble> {
        match &self.place {
            Place::At(node) => self.dialer.dial(node, Purpose::Rows).await,
            Place::Master(master) => self.dialer.dial_master(master).await,
        }
    }

    fn settle(&self, connected: &Result<Arc<Link>, Trouble>) {
        let mut state = self.state.lock();
        match connected {
            Ok(link) => {
                if matches!(self.place, Place::Master(_)) {
                    self.dialer.master.found_at(link.node());
                }
                state.phase = Phase::Connected(Arc::clone(link));
            }
            Err(trouble) => {
                tracing::debug!("cannot connect: {trouble:?}");
                state.rest(trouble);
            }
        }
    }

    /// Gives a connection up, if no other request has done so. One that has worked for a while is replaced at once.
    fn leave(&self, link: &Arc<Link>, trouble: Option<&Trouble>) {
        let mut state = self.state.lock();
        if !matches!(&state.phase, Phase::Connected(current) if Arc::ptr_eq(current, link)) {
            return;
        }
        let has_worked = link.opened().elapsed() >= MAX_PAUSE;
        if has_worked {
            *state = State::default();
        }
        match trouble {
            // One that hangs does so on the next connection too.
            Some(trouble) if !has_worked || trouble.is_timeout() => state.rest(trouble),
            _ => {}
        }
    }

    /// Whether the server of a connection is still where this process has found the node last. Reads and writes have connections of
    /// their own to the master that sentinels name, and the old one may go on for a while: reads there would be behind the writes.
    fn is_place_of(&self, link: &Link) -> bool {
        match &self.place {
            Place::At(_) => true,
            Place::Master(_) => self.dialer.master.may_be_at(link.node()),
        }
    }

    /// Waits until as many replicas as the settings demand have what was just written there. On the same connection: if another
    /// server has taken over since, its replicas say nothing of it.
    async fn wait_for_replicas(&self, link: &Link, replies: &[Reply], deadline: Instant) -> Result<(), Trouble> {
        let required = self.dialer.config.wait_replicas;
        // What is sent on to another node is not waited for here.
        if required == 0 || replies.iter().all(Reply::is_error) {
            return Ok(());
        }
        let left = deadline.saturating_duration_since(Instant::now()).as_millis() * 3 / 4;
        let limit = Duration::from_millis(u64::try_from(left).unwrap_or(u64::MAX).max(1));
        let mut wait = Pipeline::new();
        wait.cmd("WAIT").arg(required).arg(limit.as_millis());
        let replies = timeout_at(deadline, link.send(&wait)).await;
        let replies = replies.unwrap_or_else(|_| Err(self.timed_out(link.server())))?;
        if let Some(error) = replies.first().and_then(Reply::error) {
            return Err(Trouble::refusal(link.server(), &error));
        }
        match replies.first().and_then(Reply::integer).unwrap_or_default() {
            replicas if replicas >= i64::from(required) => Ok(()),
            replicas => {
                let reason = Reason::TooFewReplicas {
                    replicas,
                    required,
                    limit,
                };
                Err(Trouble::new(link.server(), reason))
            }
        }
    }

    /// Asks the sentinels from time to time whether the master is another by now. A master that is replaced while it still works
    /// takes writes for a while, which are lost when it is made a replica.
    fn look_for_master(self: &Arc<Self>, link: &Arc<Link>, now: Instant) {
        let Place::Master(master) = &self.place else {
            return;
        };
        if link.is_due(now, MASTER_PERIOD) {
            let (node, link, master) = (Arc::clone(self), Arc::clone(link), master.clone());
            tokio::spawn(async move {
                if node.dialer.is_master_elsewhere(&master, link.node()).await {
                    node.leave(&link, None);
                }
            });
        }
    }

    /// A server that has become a replica is left: its name may lead to the new master by now. Not more often than once in a
    /// while, as it may be a replica for good.
    fn leave_if_demoted(&self, link: &Arc<Link>, replies: &[Reply]) {
        let is_demoted = |reply: &Reply| reply.error().is_some_and(|error| error.code() == "READONLY");
        if replies.iter().any(is_demoted) {
            self.leave(link, None);
        }
    }

    pub(super) fn name(&self) -> Arc<str> {
        match &self.place {
            Place::At(node) => self.dialer.name_of(node, Purpose::Rows).into(),
            Place::Master(master) => format!("Redis master {master}").into(),
        }
    }

    /// Where it is, if that is fixed.
    pub(super) fn place(&self) -> Option<&RedisNode> {
        match &self.place {
            Place::At(node) => Some(node),
            Place::Master(_) => None,
        }
    }

    fn closed(&self) -> Trouble {
        Trouble::new(&self.name(), Reason::Closed)
    }

    fn timed_out(&self, server: &Arc<str>) -> Trouble {
        Trouble::new(server, Reason::ResponseTimeout(self.dialer.config.response_timeout))
    }
}

impl State {
    fn rest(&mut self, trouble: &Trouble) {
        let pause = MIN_PAUSE.saturating_mul(1 << self.failures.min(10)).min(MAX_PAUSE);
        self.failures += 1;
        self.trouble = Some(trouble.clone());
        self.phase = Phase::Resting {
            trouble: trouble.clone(),
            until: Instant::now() + pause,
        };
    }
}
