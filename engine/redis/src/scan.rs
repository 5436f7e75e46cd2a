//! The entity keys of a view, from the keys of all primaries.
//!
//! Redis has no directory: a scan walks all keys of a node and gives those that begin with the names of the join keys. What it gives
//! is parsed, as another project's keys may begin in the same way and end with the same name.

use feast_codec::entity_key::{key_length, names_prefix};
use feast_config::RedisNode;
use feast_model::error::Result;
use feast_rows::{KeyPage, StoredView};
use redis::{Cmd, Value};

use crate::RedisStore;
use crate::connection::Access;

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

    /// Entity keys of the project that begin with the names of some join keys.
    pub(crate) fn scan(&self, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Result<KeyPage> {
        let primaries = self.connection.primaries_blocking()?;
        let (node, cursor) = position(after, &primaries);
        let Some(primary) = primaries.get(node) else {
            return Ok(KeyPage::default());
        };
        let mut command = Cmd::new();
        command
            .arg("SCAN")
            .arg(cursor)
            .arg("MATCH")
            .arg(pattern(prefix))
            .arg("COUNT")
            .arg(limit);
        let replies = self.connection.run_on_blocking(primary, vec![command], Access::Read)?;
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
        page.next = match &next_cursor[..] {
            b"0" => primaries.get(node + 1).map(|next| position_of(next, b"0")),
            cursor => Some(position_of(primary, cursor)),
        };
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

/// `host:port cursor`.
fn position_of(node: &RedisNode, cursor: &[u8]) -> Vec<u8> {
    [format!("{}:{} ", node.host, node.port).as_bytes(), cursor].concat()
}

/// Which primary is scanned next, and from where. All are scanned again if the one of the position is not a primary any more: its
/// slots have moved to others.
fn position(after: Option<&[u8]>, primaries: &[RedisNode]) -> (usize, String) {
    let start = || (0, "0".to_owned());
    let position = after.and_then(|after| str::from_utf8(after).ok());
    let Some((address, cursor)) = position.and_then(|position| position.split_once(' ')) else {
        return start();
    };
    let is_node = |node: &RedisNode| format!("{}:{}", node.host, node.port) == address;
    match primaries.iter().position(is_node) {
        Some(node) => (node, cursor.to_owned()),
        None => start(),
    }
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
mod tests {
    use super::*;

    fn node(port: u16) -> RedisNode {
        RedisNode {
            host: "h".to_owned(),
            port,
        }
    }

    #[test]
    fn a_scan_goes_on_where_it_was() {
        let primaries = [node(1), node(2)];
        assert_eq!(position(None, &primaries), (0, "0".to_owned()));
        assert_eq!(
            position(Some(&position_of(&node(2), b"17")), &primaries),
            (1, "17".to_owned())
        );
        assert_eq!(
            position(Some(&position_of(&node(3), b"17")), &primaries),
            (0, "0".to_owned())
        );
        assert_eq!(position(Some(b"\xff"), &primaries), (0, "0".to_owned()));
    }

    #[test]
    fn bytes_of_a_prefix_mean_themselves() {
        assert_eq!(pattern(b"a*[\\"), b"a\\*\\[\\\\*");
    }
}
