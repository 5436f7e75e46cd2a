//! The entity keys of a view, from the keys of all primaries.
//!
//! Redis has no directory: a scan walks all keys of a node and gives those that begin with the names of the join keys. What it gives
//! is parsed, as another project's keys may begin in the same way and end with the same name.
//!
//! When keys may have moved to a server that was scanned already, or a server was started anew, all are scanned again: see
//! [`placement`].

mod placement;

use feast_codec::entity_key::{key_length, names_prefix};
use feast_config::RedisNode;
use feast_model::error::Result;
use feast_rows::{KeyPage, StoredView};
use redis::{Cmd, Value};

use crate::RedisStore;
use crate::connection::Access;
use placement::Placement;

impl RedisStore {
    /// Entity keys that have the join keys of a view, some `limit` of them after the last page. An entity may have no row of this
    /// view, and a key may come twice.
    ///
    /// # Errors
    /// `Unavailable` when Redis does not answer in time.
    pub fn entity_keys(&self, table: u32, after: Option<&[u8]>, limit: usize) -> Result<KeyPage> {
        let views = self.views.load();
        let Some(view) = views.tables().view_of(table) else {
            return Ok(KeyPage::default());
        };
        self.scan(&prefix_of(view), after, limit)
    }

    /// Entity keys of the project that begin with the names of some join keys. It may go on after a page of another process.
    pub(crate) fn scan(&self, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Result<KeyPage> {
        let (position, nodes) = match after.map(Position::parse) {
            None => self.first_position()?,
            Some(position) => {
                let nodes = self.primaries_in_order()?;
                match position.filter(|position| position.index_in(&nodes).is_some()) {
                    Some(position) => (position, nodes),
                    None => return self.starts_over(KeyPage::default()),
                }
            }
        };
        let Some(index) = position.index_in(&nodes) else {
            return Ok(KeyPage::default());
        };
        let mut command = Cmd::new();
        command
            .arg("SCAN")
            .arg(&position.cursor)
            .arg("MATCH")
            .arg(pattern(prefix))
            .arg("COUNT")
            .arg(limit);
        let replies = self
            .connection
            .run_on_blocking(&nodes[index], vec![command], Access::Read)?;
        let (next_cursor, keys) = match replies.first() {
            Some(Value::ServerError(error)) => return Err(self.connection.refused(error)),
            Some(Value::Array(parts)) => match &parts[..] {
                [Value::BulkString(cursor), Value::Array(keys)] => (cursor, keys),
                _ => return Err(self.unknown_scan()),
            },
            _ => return Err(self.unknown_scan()),
        };
        let mut page = KeyPage::default();
        for key in keys {
            let Value::BulkString(key) = key else {
                return Err(self.unknown_scan());
            };
            let entity = key_length(key).filter(|length| key[*length..] == *self.project.as_bytes());
            if let Some(length) = entity.filter(|_| key.starts_with(prefix)) {
                page.keys.push_with(|out| out.extend_from_slice(&key[..length]));
            }
        }
        let next = match &next_cursor[..] {
            b"0" if self.placement()?.fingerprint != position.fingerprint => return self.starts_over(page),
            b"0" => nodes.get(index + 1).map(|node| position.at(node, "0")),
            cursor => Some(position.at(&nodes[index], &String::from_utf8_lossy(cursor))),
        };
        page.next = next.map(|next| next.encode());
        Ok(page)
    }

    /// Where a scan begins, and the nodes that it has to do.
    fn first_position(&self) -> Result<(Position, Vec<RedisNode>)> {
        let Placement { nodes, fingerprint } = self.placement()?;
        let start = Position {
            fingerprint,
            address: nodes.first().map(address).unwrap_or_default(),
            cursor: "0".to_owned(),
        };
        Ok((start, nodes))
    }

    /// A page after which everything is scanned again. That ends, as slots are not moved for ever.
    fn starts_over(&self, mut page: KeyPage) -> Result<KeyPage> {
        let (position, _) = self.first_position()?;
        page.next = Some(position.encode());
        page.starts_over = true;
        Ok(page)
    }

    fn unknown_scan(&self) -> feast_model::error::Error {
        self.damaged("a scan was answered in a form that is not known".to_owned())
    }
}

/// What the keys of a view begin with.
pub(crate) fn prefix_of(view: &StoredView) -> Vec<u8> {
    names_prefix(view.join_keys.iter().map(|key| key.name.as_str()))
}

/// How far a scan has got.
#[derive(Debug, PartialEq, Eq)]
struct Position {
    /// Of the placement when it began.
    fingerprint: u64,
    /// `host:port` of the primary that is being scanned.
    address: String,
    cursor: String,
}

impl Position {
    fn encode(&self) -> Vec<u8> {
        let Self {
            fingerprint,
            address,
            cursor,
        } = self;
        format!("{fingerprint:016x} {address} {cursor}").into_bytes()
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut parts = str::from_utf8(bytes).ok()?.split(' ').map(str::to_owned);
        let (fingerprint, address, cursor) = (parts.next()?, parts.next()?, parts.next()?);
        let fingerprint = u64::from_str_radix(&fingerprint, 16).ok()?;
        parts.next().is_none().then_some(Self {
            fingerprint,
            address,
            cursor,
        })
    }

    fn at(&self, node: &RedisNode, cursor: &str) -> Self {
        Self {
            fingerprint: self.fingerprint,
            address: address(node),
            cursor: cursor.to_owned(),
        }
    }

    fn index_in(&self, nodes: &[RedisNode]) -> Option<usize> {
        nodes.iter().position(|node| address(node) == self.address)
    }
}

fn address(node: &RedisNode) -> String {
    format!("{}:{}", node.host, node.port)
}

/// What begins with these bytes, whatever they mean to patterns.
fn pattern(prefix: &[u8]) -> Vec<u8> {
    let mut pattern = Vec::with_capacity(prefix.len() + 1);
    for byte in prefix {
        if b"*?[]\\^".contains(byte) {
            pattern.push(b'\\');
        }
        pattern.push(*byte);
    }
    pattern.push(b'*');
    pattern
}

#[cfg(test)]
mod tests;
