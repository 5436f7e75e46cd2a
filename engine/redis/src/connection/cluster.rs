//! A cluster: the commands of a request go to the nodes of their keys, one pipeline a node, all at once.
//!
//! One pipeline a node and not one message a command: 100 HGETALL of hashes of 65 fields take 3.1 ms instead of 3.4 at three nodes.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use feast_config::RedisNode;
use futures::StreamExt;
use futures::future::join_all;
use parking_lot::Mutex;
use redis::{Cmd, Pipeline, ServerError, Value, cmd};
use tokio::time::{Instant, sleep, timeout_at};

use super::Access;
use super::dialer::Dialer;
use super::node::{Node, Place};
use super::replies::Replies;
use super::slots::{SlotMap, slot_of};
use super::trouble::{Reason, Trouble, is_of_server};

/// How often a command may be sent on, in the middle of a change of the cluster.
const MAX_ROUNDS: u32 = 16;
/// How often commands are sent again when a node has failed. More would hold requests up while a node is down, and keep those to other
/// nodes out.
const MAX_FAILURES: u32 = 1;
/// How many nodes are asked for the slots at once.
const ASKED_AT_ONCE: usize = 3;
/// The slots are not asked for more often than that.
const MIN_AGE: Duration = Duration::from_millis(100);
/// Where replicas are read, the slots are asked for at this age: no reply says that there is a new replica.
const MAX_AGE_WITH_REPLICAS: Duration = Duration::from_secs(10);

pub(super) struct Cluster {
    dialer: Arc<Dialer>,
    nodes: Mutex<HashMap<(String, u16), Arc<Node>>>,
    slots: ArcSwap<SlotMap>,
    /// Held by the one request that asks for the slots. When they were last told.
    refreshing: tokio::sync::Mutex<Option<Instant>>,
    /// Counts, to take nodes in turn.
    turn: AtomicUsize,
}

/// A command that has not been answered yet.
struct Pending {
    index: usize,
    command: Cmd,
    target: Target,
}

/// Where a command goes next.
enum Target {
    /// To a node that has its slot.
    Slot,
    /// To the primary of its slot: a replica has failed.
    Primary,
    /// Where a node has sent it: the slot has moved.
    Moved(Arc<Node>),
    /// Where a node has sent it for this once: the slot is moving.
    Asking(Arc<Node>),
}

/// The commands of one round that go to one node.
struct Batch {
    node: Arc<Node>,
    pipeline: Pipeline,
    /// The index of each command, and whether `ASKING` precedes it.
    commands: Vec<(usize, bool)>,
    is_replica: bool,
}

/// What is to be done before the next round.
#[derive(Default)]
struct Next {
    pending: Vec<Pending>,
    /// The slots are not where they were.
    slots_moved: bool,
    /// A node cannot be reached: another may have its slots.
    failure: Option<Trouble>,
    waits: bool,
}

impl Cluster {
    pub(super) fn new(dialer: &Arc<Dialer>) -> Arc<Self> {
        Arc::new(Self {
            dialer: Arc::clone(dialer),
            nodes: Mutex::default(),
            slots: ArcSwap::default(),
            refreshing: tokio::sync::Mutex::default(),
            turn: AtomicUsize::new(0),
        })
    }

    /// As messages name it.
    pub(super) fn name(&self) -> Arc<str> {
        format!("the Redis cluster at {}", self.dialer.addresses()).into()
    }

    pub(super) async fn run(
        self: &Arc<Self>,
        commands: Vec<Cmd>,
        access: Access,
        deadline: Instant,
    ) -> Result<Replies, Trouble> {
        let mut replies = Replies::unanswered(commands.len());
        let mut pending: Vec<_> = commands
            .into_iter()
            .enumerate()
            .map(|(index, command)| Pending {
                index,
                command,
                target: Target::Slot,
            })
            .collect();
        let mut failures = 0;
        for round in 0..MAX_ROUNDS {
            let slots = self.slots(deadline).await?;
            let batches = self.batches(pending, &slots, access)?;
            let sent = join_all(
                batches
                    .iter()
                    .map(|batch| batch.node.run(&batch.pipeline, access, deadline)),
            )
            .await;
            let mut next = Next::default();
            for (batch, sent) in batches.into_iter().zip(sent) {
                let sorted = match sent {
                    Ok(received) => self.sort(&batch, received, &mut replies, &mut next),
                    Err(trouble) => batch.failed(trouble, access, &mut next),
                };
                if sorted.is_err() {
                    // Other nodes may know more by the next request.
                    self.refresh_soon();
                }
                sorted?;
            }
            if next.pending.is_empty() {
                return Ok(replies);
            }
            failures += u32::from(next.failure.is_some());
            self.prepare(&mut next, &slots, round, failures, deadline).await?;
            pending = next.pending;
        }
        Err(Trouble::new(&self.name(), Reason::TooManyRedirects))
    }

    /// Sends commands to the node at that place.
    pub(super) async fn run_on(
        self: &Arc<Self>,
        place: &RedisNode,
        commands: &Pipeline,
        access: Access,
        deadline: Instant,
    ) -> Result<Replies, Trouble> {
        self.node(place.clone()).run(commands, access, deadline).await
    }

    /// The primaries that have slots.
    pub(super) async fn primaries(self: &Arc<Self>, deadline: Instant) -> Result<Vec<RedisNode>, Trouble> {
        // Asked anew: what scans must not miss a node.
        let slots = self.slots.load_full();
        self.refresh(&slots, deadline, Duration::ZERO).await?;
        let slots = self.slots(deadline).await?;
        Ok(slots
            .shards()
            .iter()
            .filter_map(|shard| shard.primary.place().cloned())
            .collect())
    }

    /// The commands by node.
    fn batches(
        self: &Arc<Self>,
        pending: Vec<Pending>,
        slots: &SlotMap,
        access: Access,
    ) -> Result<Vec<Batch>, Trouble> {
        let reads_replicas = access == Access::Read && self.dialer.config.reads_from_replicas;
        if reads_replicas && slots.is_older_than(MAX_AGE_WITH_REPLICAS) {
            self.refresh_soon();
        }
        let turn = if reads_replicas {
            self.turn.fetch_add(1, Ordering::Relaxed)
        } else {
            0
        };
        let mut batches: Vec<Batch> = Vec::new();
        for Pending { index, command, target } in pending {
            let is_asking = matches!(target, Target::Asking(_));
            let (node, is_replica) = match target {
                Target::Moved(node) | Target::Asking(node) => (node, false),
                Target::Slot | Target::Primary => {
                    let slot = slot_of(&command);
                    let Some(shard) = slots.shard(slot) else {
                        self.refresh_soon();
                        return Err(Trouble::new(&self.name(), Reason::UncoveredSlot(slot)));
                    };
                    let replicas = &shard.replicas;
                    if reads_replicas && matches!(target, Target::Slot) && !replicas.is_empty() {
                        (Arc::clone(&replicas[turn % replicas.len()]), true)
                    } else {
                        (Arc::clone(&shard.primary), false)
                    }
                }
            };
            let place = batches.iter().position(|batch| Arc::ptr_eq(&batch.node, &node));
            let place = place.unwrap_or_else(|| {
                batches.push(Batch {
                    node,
                    pipeline: Pipeline::new(),
                    commands: Vec::new(),
                    is_replica,
                });
                batches.len() - 1
            });
            batches[place].add(index, command, is_asking);
        }
        Ok(batches)
    }

    /// Puts the replies of a batch in their places. Commands that were not carried out go to the next round.
    fn sort(&self, batch: &Batch, received: Replies, replies: &mut Replies, next: &mut Next) -> Result<(), Trouble> {
        let mut sent = batch.pipeline.cmd_iter().zip(received.iter()).enumerate();
        let mut places = Vec::with_capacity(batch.commands.len());
        for (index, is_asking) in &batch.commands {
            if *is_asking {
                sent.next();
            }
            let Some((position, (command, reply))) = sent.next() else {
                return Err(Trouble::new(
                    &batch.node.name(),
                    Reason::Protocol("a reply is missing".to_owned()),
                ));
            };
            let Some(error) = reply.error() else {
                places.push((position, *index));
                continue;
            };
            let error = &error;
            let target = match error.code() {
                "MOVED" => {
                    next.slots_moved = true;
                    self.redirected(batch, error).map(Target::Moved)
                }
                "ASK" => self.redirected(batch, error).map(Target::Asking),
                "TRYAGAIN" => {
                    next.waits = true;
                    Some(Target::Slot)
                }
                // A primary that has become a replica; nothing was written.
                "READONLY" => {
                    next.failure = Some(Trouble::refusal(&batch.node.name(), error));
                    Some(Target::Primary)
                }
                "LOADING" | "MASTERDOWN" if batch.is_replica => Some(Target::Primary),
                _ if is_of_server(error) => return Err(Trouble::refusal(&batch.node.name(), error)),
                _ => None,
            };
            match target {
                Some(target) => next.pending.push(Pending {
                    index: *index,
                    command: command.clone(),
                    target,
                }),
                None => places.push((position, *index)),
            }
        }
        replies.place(received, places);
        Ok(())
    }

    /// The node that an error sends a command to: `SLOT HOST:PORT`.
    fn redirected(&self, batch: &Batch, error: &ServerError) -> Option<Arc<Node>> {
        let (host, port) = error.details()?.split_ascii_whitespace().nth(1)?.rsplit_once(':')?;
        let host = match host {
            "" | "?" => &batch.node.place()?.host,
            host => host.trim_start_matches('[').trim_end_matches(']'),
        };
        Some(self.node(RedisNode {
            host: host.to_owned(),
            port: port.parse().ok()?,
        }))
    }

    async fn prepare(
        self: &Arc<Self>,
        next: &mut Next,
        slots: &Arc<SlotMap>,
        round: u32,
        failures: u32,
        deadline: Instant,
    ) -> Result<(), Trouble> {
        let failed = next.failure.is_some();
        if let Some(failure) = next.failure.take() {
            // Another node may have the slots by now.
            let is_over = failures > MAX_FAILURES || Instant::now() >= deadline;
            if is_over || self.refresh(slots, deadline, MIN_AGE).await.is_err() {
                self.refresh_soon();
                return Err(failure);
            }
        } else if next.slots_moved {
            // The replies say where to go. The next requests are to know it too.
            self.refresh_soon();
        }
        if next.waits || failed {
            sleep(Duration::from_millis(5) * (1 << round.min(4))).await;
        }
        Ok(())
    }

    async fn slots(self: &Arc<Self>, deadline: Instant) -> Result<Arc<SlotMap>, Trouble> {
        let slots = self.slots.load_full();
        if !slots.shards().is_empty() {
            return Ok(slots);
        }
        self.refresh(&slots, deadline, Duration::ZERO).await?;
        Ok(self.slots.load_full())
    }

    /// Asks for the slots in the background.
    fn refresh_soon(self: &Arc<Self>) {
        let cluster = Arc::clone(self);
        let seen = self.slots.load_full();
        // Another request is asking already.
        if self.refreshing.try_lock().is_ok() {
            tokio::spawn(async move {
                let deadline = Instant::now() + cluster.dialer.config.response_timeout;
                if let Err(trouble) = cluster.refresh(&seen, deadline, MIN_AGE).await {
                    tracing::debug!("cannot ask for the slots: {trouble:?}");
                }
            });
        }
    }

    /// Asks nodes for the slots, unless others than `seen` are known by now, or they are not older than `min_age`.
    async fn refresh(
        self: &Arc<Self>,
        seen: &Arc<SlotMap>,
        deadline: Instant,
        min_age: Duration,
    ) -> Result<(), Trouble> {
        let asking = async {
            let mut told = self.refreshing.lock().await;
            let is_new = told.is_some_and(|told| told.elapsed() < min_age);
            if is_new || !Arc::ptr_eq(seen, &self.slots.load()) {
                return Ok(());
            }
            let slots = self.ask_for_slots(deadline).await?;
            self.forget_nodes_outside(&slots);
            self.slots.store(Arc::new(slots));
            *told = Some(Instant::now());
            Ok(())
        };
        let limit = self.dialer.config.response_timeout;
        timeout_at(deadline, asking)
            .await
            .unwrap_or_else(|_| Err(Trouble::new(&self.name(), Reason::ResponseTimeout(limit))))
    }

    async fn ask_for_slots(self: &Arc<Self>, deadline: Instant) -> Result<SlotMap, Trouble> {
        let known = self.slots.load();
        let mut nodes: Vec<_> = known.shards().iter().map(|shard| Arc::clone(&shard.primary)).collect();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        if !nodes.is_empty() {
            let first = turn % nodes.len();
            nodes.rotate_left(first);
        }
        nodes.extend(self.dialer.config.nodes.iter().map(|node| self.node(node.clone())));
        let mut question = Pipeline::new();
        question.add_command({
            let mut slots = cmd("CLUSTER");
            slots.arg("SLOTS");
            slots
        });
        let question = &question;
        let mut asked = futures::stream::iter(nodes)
            .map(|node| async move {
                let replies = node.run(question, Access::Read, deadline).await?.values(&node.name())?;
                match (replies.first(), node.place()) {
                    (Some(Value::ServerError(error)), _)
                        if !error.details().unwrap_or_default().contains("cluster support") =>
                    {
                        Err(Trouble::refusal(&node.name(), error))
                    }
                    (Some(reply), Some(place)) => SlotMap::read(reply, place, |place| self.node(place))
                        .ok_or_else(|| Trouble::new(&node.name(), Reason::NoSlots)),
                    _ => Err(Trouble::new(&node.name(), Reason::NoSlots)),
                }
            })
            .buffer_unordered(ASKED_AT_ONCE);
        let mut failure = None;
        while let Some(answer) = asked.next().await {
            match answer {
                Ok(slots) => return Ok(slots),
                Err(trouble) => failure = failure.or(Some(trouble)),
            }
        }
        Err(failure.unwrap_or_else(|| Trouble::new(&self.name(), Reason::NoSlots)))
    }

    fn node(&self, place: RedisNode) -> Arc<Node> {
        let mut nodes = self.nodes.lock();
        let node = nodes
            .entry((place.host.clone(), place.port))
            .or_insert_with(|| Node::new(&self.dialer, Place::At(place)));
        Arc::clone(node)
    }

    /// Connections to nodes that have left the cluster end.
    fn forget_nodes_outside(&self, slots: &SlotMap) {
        let mut nodes = self.nodes.lock();
        nodes.retain(|_, node| {
            slots.shards().iter().any(|shard| {
                Arc::ptr_eq(&shard.primary, node) || shard.replicas.iter().any(|replica| Arc::ptr_eq(replica, node))
            })
        });
    }
}

impl Batch {
    fn add(&mut self, index: usize, command: Cmd, is_asking: bool) {
        if is_asking {
            self.pipeline.cmd("ASKING");
        }
        self.pipeline.add_command(command);
        self.commands.push((index, is_asking));
    }

    /// Its node could not be reached. Commands that have certainly not been carried out, and reads, are sent again.
    fn failed(self, trouble: Trouble, access: Access, next: &mut Next) -> Result<(), Trouble> {
        let is_lost = access == Access::Write && !trouble.is_before_sending();
        if is_lost || trouble.is_too_large() {
            return Err(trouble);
        }
        let commands = self.pipeline.cmd_iter();
        let mut commands = commands.filter(|command| command.args_iter().next() != Some(redis::Arg::Simple(b"ASKING")));
        for (index, _) in self.commands {
            let Some(command) = commands.next().cloned() else {
                return Err(trouble);
            };
            next.pending.push(Pending {
                index,
                command,
                target: Target::Primary,
            });
        }
        next.failure = Some(trouble);
        Ok(())
    }
}
