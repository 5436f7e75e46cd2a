//! Which servers have which keys while a scan is under way.
//!
//! Servers are scanned one after the other. A key that moves meanwhile from one that is still to be scanned to one that was would be
//! missed, and so would keys after a cursor that a server gave before it was started anew, which means another place now. So all
//! primaries are asked before the first page and at the end of each of them, each for itself, as the others learn of a change later. When
//! they say the same, no slot has changed its node in between: a node that takes one over has another epoch than before.

use std::hash::{DefaultHasher, Hash, Hasher};

use feast_config::{RedisNode, RedisTopology};
use feast_model::error::{Error, ErrorKind, Result};
use redis::{Cmd, Value};

use crate::RedisStore;
use crate::connection::Access;

const SLOTS: usize = 16_384;

/// The servers that have all keys.
pub(super) struct Placement {
    /// In an order that stays.
    pub(super) nodes: Vec<RedisNode>,
    /// Another one when keys may have moved.
    pub(super) fingerprint: u64,
}

/// What a node of a cluster says of itself.
#[derive(Debug, PartialEq, Eq, Hash)]
struct OwnSlots {
    epoch: String,
    /// First and last of each range.
    ranges: Vec<(usize, usize)>,
    /// Of a slot that comes or goes.
    is_moving: bool,
}

impl RedisStore {
    /// Asks all primaries.
    ///
    /// # Errors
    /// `Unavailable` when one does not answer, or slots are being moved or have no node.
    pub(super) fn placement(&self) -> Result<Placement> {
        let nodes = self.primaries_in_order()?;
        let mut hasher = DefaultHasher::new();
        let mut is_covered = vec![false; SLOTS];
        for node in &nodes {
            (
                &node.host,
                node.port,
                self.answer_of(node, &["INFO", "server"], run_id)?,
            )
                .hash(&mut hasher);
            if self.config.topology == RedisTopology::Cluster {
                let own = self.answer_of(node, &["CLUSTER", "NODES"], own_slots)?;
                if own.is_moving {
                    return Err(moving(node));
                }
                for (first, last) in &own.ranges {
                    is_covered.get_mut(*first..=*last).unwrap_or_default().fill(true);
                }
                own.hash(&mut hasher);
            }
        }
        let uncovered = is_covered.iter().position(|is_covered| !is_covered);
        match (&self.config.topology, uncovered) {
            (RedisTopology::Cluster, Some(slot)) => Err(uncovered_slot(slot)),
            _ => Ok(Placement {
                nodes,
                fingerprint: hasher.finish(),
            }),
        }
    }

    /// The primaries, always in the same order.
    pub(super) fn primaries_in_order(&self) -> Result<Vec<RedisNode>> {
        let mut nodes = self.connection.primaries_blocking()?;
        nodes.sort();
        Ok(nodes)
    }

    fn answer_of<T>(&self, node: &RedisNode, command: &[&str], read: impl Fn(&str) -> Option<T>) -> Result<T> {
        let mut asked = Cmd::new();
        asked.arg(command);
        let replies = self.connection.run_on_blocking(node, vec![asked], Access::Read)?;
        let answer = match replies.first() {
            Some(Value::ServerError(error)) => return Err(self.connection.refused(error)),
            Some(Value::BulkString(bytes)) => str::from_utf8(bytes).ok().and_then(read),
            Some(Value::VerbatimString { text, .. }) => read(text),
            _ => None,
        };
        let command = command.join(" ");
        answer.ok_or_else(|| self.damaged(format!("{command} was answered in a form that is not known")))
    }
}

fn moving(node: &RedisNode) -> Error {
    let message = format!("slots are being moved from or to Redis cluster node {node}, so keys could be missed");
    Error::new(ErrorKind::Unavailable, message)
        .with_hint("run it again when they have been moved: redis-cli --cluster check names open slots")
}

fn uncovered_slot(slot: usize) -> Error {
    Error::new(
        ErrorKind::Unavailable,
        format!("no node of the Redis cluster has slot {slot} at present, so keys could be missed"),
    )
    .with_hint("run it again when redis-cli --cluster check finds no fault")
}

/// A server has another one each time it is started.
fn run_id(info: &str) -> Option<String> {
    let run_id = info.lines().find_map(|line| line.strip_prefix("run_id:"));
    run_id.map(|id| id.trim_end().to_owned())
}

/// `<id> <address> <flags> <primary> <ping> <pong> <epoch> <link> <slots>...` of the node itself. Slots that are moved stand last:
/// `[93->-<id>]` for one that goes, `[77-<-<id>]` for one that comes.
fn own_slots(nodes: &str) -> Option<OwnSlots> {
    let own = nodes.lines().find(|line| {
        let mut flags = line.split(' ').nth(2).unwrap_or_default().split(',');
        flags.any(|flag| flag == "myself")
    })?;
    let columns: Vec<&str> = own.split_ascii_whitespace().collect();
    let (moving, ranges): (Vec<&str>, Vec<&str>) = columns.get(8..)?.iter().partition(|slots| slots.starts_with('['));
    let range = |slots: &str| {
        let (first, last) = slots.split_once('-').unwrap_or((slots, slots));
        Some((first.parse().ok()?, last.parse().ok()?))
    };
    Some(OwnSlots {
        epoch: (*columns.get(6)?).to_owned(),
        ranges: ranges.into_iter().map(range).collect::<Option<_>>()?,
        is_moving: !moving.is_empty(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_tells_its_own_slots() {
        let nodes = "\
a1 10.0.0.1:7000@17000 master - 0 1 1 connected 7-100 [7->-b2]
b2 10.0.0.2:7001@17001,name myself,master - 0 0 5 connected 0-5 101
";
        let own = own_slots(nodes).unwrap();
        let expected = OwnSlots {
            epoch: "5".to_owned(),
            ranges: vec![(0, 5), (101, 101)],
            is_moving: false,
        };
        assert_eq!(own, expected);
        for moving in ["[7-<-a1]", "[5->-a1]"] {
            assert!(own_slots(&format!("{} {moving}", nodes.trim_end())).unwrap().is_moving);
        }
        assert_eq!(own_slots("a1 10.0.0.1:7000@17000 master - 0 1 1 connected"), None);
    }
}
