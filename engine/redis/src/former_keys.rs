//! Notices rows that lie under entity keys of an earlier version, which no read finds: a user whose settings say version 3 before
//! the keys were rewritten would see every entity as not found.

use feast_codec::entity_key::is_key_of_former_version;
use redis::{Cmd, Value};

use crate::RedisStore;
use crate::connection::Access;

/// Keys that are looked at: one step of a scan, a few milliseconds of one server.
const SAMPLE: usize = 1000;

/// What a look at some of the keys has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormerKeys {
    /// Keys of the project's views in an earlier version.
    pub found: usize,
    /// Keys that were looked at.
    pub looked_at: usize,
}

impl RedisStore {
    /// Looks at a sample of the keys. `None` when none is of an earlier version, and when Redis does not answer: nothing depends
    /// on it. For a thread that may wait.
    pub fn former_keys(&self) -> Option<FormerKeys> {
        let mut scan = Cmd::new();
        // In a cluster, of the node with the slot of "0".
        scan.arg("SCAN").arg("0").arg("COUNT").arg(SAMPLE);
        let replies = self.connection.run_blocking(vec![scan], Access::Read).ok()?;
        let Some(Value::Array(parts)) = replies.first() else {
            return None;
        };
        let [_, Value::Array(keys)] = &parts[..] else {
            return None;
        };
        let views = self.views.load();
        let join_keys: Vec<Vec<&str>> = views.tables().views().map(|view| view.join_key_names()).collect();
        let is_former = |key: &&Value| match key {
            Value::BulkString(key) => {
                let entity = key.strip_suffix(self.project.as_bytes());
                entity.is_some_and(|entity| join_keys.iter().any(|names| is_key_of_former_version(entity, names)))
            }
            _ => false,
        };
        let found = keys.iter().filter(is_former).count();
        (found > 0).then_some(FormerKeys {
            found,
            looked_at: keys.len(),
        })
    }
}

#[cfg(test)]
mod tests {
    use feast_codec::entity_key::names_prefix;
    use feast_codec::record::ViewShape;
    use feast_config::RedisTopology;
    use feast_fixtures::RedisServer;
    use feast_model::{Field, ValueType};
    use feast_rows::StoredView;

    use super::*;
    use crate::connection::tests::config;

    fn view(name: &str, join_keys: &[&str]) -> StoredView {
        let join_keys = join_keys.iter().map(|name| Field::new(*name, ValueType::Int64));
        StoredView {
            name: name.to_owned(),
            stored_name: name.to_owned(),
            join_keys: join_keys.collect(),
            features: vec![Field::new("a", ValueType::Int64)],
            shape: ViewShape::default(),
        }
    }

    /// As Feast wrote it in version 2: names without their lengths, and without their number.
    fn former_key(names: &[&str], project: &str) -> Vec<u8> {
        let names = names.iter().flat_map(|name| [&[2, 0, 0, 0], name.as_bytes()].concat());
        let mut key: Vec<u8> = names.collect();
        for number in [1001_i64, 7] {
            key.extend([&[4, 0, 0, 0, 8, 0, 0, 0][..], &number.to_le_bytes()].concat());
        }
        key.extend(project.as_bytes());
        key
    }

    fn set(store: &RedisStore, key: &[u8]) {
        let mut command = Cmd::new();
        command.arg("HSET").arg(key).arg("_ts:trips").arg("");
        store.connection.run_blocking(vec![command], Access::Write).unwrap();
    }

    #[test]
    fn keys_of_an_earlier_version_are_noticed() {
        let server = RedisServer::start(&[]);
        let store = RedisStore::open(&config(RedisTopology::Single, &[server.port()]), "shop").unwrap();
        store.follow(&[view("other", &["id"]), view("trips", &["car", "driver"])]);
        assert_eq!(store.former_keys(), None);
        let value = [&[4, 0, 0, 0, 8, 0, 0, 0][..], &1_i64.to_le_bytes()].concat();
        let present = [&names_prefix(["car", "driver"])[..], &value, &value, b"shop"].concat();
        for key in [
            present,
            former_key(&["car", "driver"], "bookshop"),
            former_key(&["car", "rider"], "shop"),
            b"shop".to_vec(),
        ] {
            set(&store, &key);
        }
        assert_eq!(store.former_keys(), None);
        set(&store, &former_key(&["car", "driver"], "shop"));
        let expected = FormerKeys { found: 1, looked_at: 5 };
        assert_eq!(store.former_keys(), Some(expected));
    }

    #[test]
    fn a_redis_that_does_not_answer_is_not_waited_for() {
        let mut server = RedisServer::start(&[]);
        server.kill();
        let store = RedisStore::open(&config(RedisTopology::Single, &[server.port()]), "shop").unwrap();
        assert_eq!(store.former_keys(), None);
    }
}
