//! Which node of a cluster has which keys.

use std::sync::Arc;
use std::time::Duration;

use feast_config::RedisNode;
use redis::{Arg, Cmd, Value};
use tokio::time::Instant;

use super::node::Node;

/// Slots of a cluster.
pub(super) const SLOTS: u16 = 16_384;
/// A slot that no node has.
const UNCOVERED: u16 = u16::MAX;

/// The nodes of every slot, as a node has told them.
#[derive(Default)]
pub(super) struct SlotMap {
    /// For every slot the index of its shard; empty before the first answer.
    owners: Vec<u16>,
    shards: Vec<Shard>,
    /// When it was told.
    told: Option<Instant>,
}

/// A primary and its replicas.
pub(super) struct Shard {
    pub(super) primary: Arc<Node>,
    pub(super) replicas: Vec<Arc<Node>>,
}

impl SlotMap {
    /// Reads the reply of `CLUSTER SLOTS`. `asked` is the node that gave it, which may leave out its own host. `node` gives the
    /// node at a place. `None` for a reply of another shape, or without any slot.
    pub(super) fn read(reply: &Value, asked: &RedisNode, mut node: impl FnMut(RedisNode) -> Arc<Node>) -> Option<Self> {
        let Value::Array(ranges) = reply else {
            return None;
        };
        let mut map = Self {
            owners: vec![UNCOVERED; SLOTS.into()],
            shards: Vec::new(),
            told: Some(Instant::now()),
        };
        for range in ranges {
            let Value::Array(range) = range else {
                return None;
            };
            let [Value::Int(first), Value::Int(last), nodes @ ..] = range.as_slice() else {
                return None;
            };
            let (first, last) = (usize::try_from(*first).ok()?, usize::try_from(*last).ok()?);
            let mut nodes = nodes.iter().map(|node| read_node(node, asked));
            let primary = node(nodes.next()??);
            let same = map
                .shards
                .iter()
                .position(|shard| Arc::ptr_eq(&shard.primary, &primary));
            let shard = match same {
                Some(shard) => shard,
                None => {
                    // A replica that cannot be told is left out.
                    let replicas = nodes.flatten().map(&mut node).collect();
                    map.shards.push(Shard { primary, replicas });
                    map.shards.len() - 1
                }
            };
            map.owners.get_mut(first..=last)?.fill(u16::try_from(shard).ok()?);
        }
        (!map.shards.is_empty()).then_some(map)
    }

    pub(super) fn shard(&self, slot: u16) -> Option<&Shard> {
        self.shards.get(usize::from(*self.owners.get(usize::from(slot))?))
    }

    /// Whether it was told longer ago than that.
    pub(super) fn is_older_than(&self, age: Duration) -> bool {
        self.told.is_some_and(|told| told.elapsed() > age)
    }

    pub(super) fn shards(&self) -> &[Shard] {
        &self.shards
    }
}

/// `[host, port, id, ...]`.
fn read_node(node: &Value, asked: &RedisNode) -> Option<RedisNode> {
    let Value::Array(parts) = node else {
        return None;
    };
    let [host, Value::Int(port), ..] = parts.as_slice() else {
        return None;
    };
    let host = match host {
        Value::BulkString(host) => std::str::from_utf8(host).ok()?,
        Value::SimpleString(host) => host,
        Value::Nil => "",
        _ => return None,
    };
    // A node that does not know its own address is where it was asked.
    let host = if host.is_empty() || host == "?" {
        &asked.host
    } else {
        host
    };
    Some(RedisNode {
        host: host.to_owned(),
        port: u16::try_from(*port).ok()?,
    })
}

/// The slot of a command's key: its first argument, or the one after the count of keys where a script or function is called.
/// Commands without a key may go to any node.
pub(super) fn slot_of(command: &Cmd) -> u16 {
    let mut arguments = command.args_iter().map(|argument| match argument {
        Arg::Simple(bytes) => bytes,
        _ => &[],
    });
    let name = arguments.next().unwrap_or_default();
    let calls = [
        &b"EVALSHA"[..],
        b"EVAL",
        b"EVALSHA_RO",
        b"EVAL_RO",
        b"FCALL",
        b"FCALL_RO",
    ];
    let is_call = calls.iter().any(|call| name.eq_ignore_ascii_case(call));
    slot_of_key(arguments.nth(if is_call { 2 } else { 0 }).unwrap_or_default())
}

/// The slot of a key. What stands between its first `{` and the next `}` counts alone, if there is anything.
fn slot_of_key(key: &[u8]) -> u16 {
    let tag = key.iter().position(|byte| *byte == b'{').and_then(|open| {
        let rest = &key[open + 1..];
        let close = rest.iter().position(|byte| *byte == b'}')?;
        (close > 0).then(|| &rest[..close])
    });
    crc16(tag.unwrap_or(key)) % SLOTS
}

/// CRC-16/XMODEM.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc: u16, byte| {
        let place = usize::from((crc >> 8) ^ u16::from(*byte));
        (crc << 8) ^ CRC16[place]
    })
}

static CRC16: [u16; 256] = crc16_table();

const fn crc16_table() -> [u16; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = (byte as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            let carries = crc & 0x8000 != 0;
            crc <<= 1;
            if carries {
                crc ^= 0x1021;
            }
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use redis::cmd;

    use super::*;

    #[test]
    fn slots_are_those_of_redis() {
        // The check value of CRC-16/XMODEM, and what CLUSTER KEYSLOT says.
        assert_eq!(crc16(b"123456789"), 0x31c3);
        for (key, slot) in [
            ("foo", 12_182),
            ("{user1000}.following", 3_443),
            ("{user1000}.followers", 3_443),
        ] {
            assert_eq!(slot_of_key(key.as_bytes()), slot, "{key}");
        }
        // An empty tag does not count, nor does one that is not closed.
        assert_eq!(slot_of_key(b"a{}b"), crc16(b"a{}b") % SLOTS);
        assert_eq!(slot_of_key(b"a{b"), crc16(b"a{b") % SLOTS);
        assert_eq!(slot_of_key(b"{a}{b}"), slot_of_key(b"a"));
    }

    #[test]
    fn the_key_of_a_script_follows_the_count_of_keys() {
        let mut get = cmd("HGETALL");
        get.arg("foo");
        let mut call = cmd("evalsha");
        call.arg("sha").arg(1).arg("foo").arg("bar");
        assert_eq!(slot_of(&get), 12_182);
        assert_eq!(slot_of(&call), 12_182);
        assert_eq!(slot_of(&cmd("PING")), 0);
    }
}
