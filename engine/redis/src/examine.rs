//! What servers say of themselves, for who decides whether they may hold features: nothing is written to them.

use feast_model::error::Result;
use redis::{Cmd, Value};

use crate::RedisStore;
use crate::connection::Access;

/// A server that takes writes, as it says of itself. What it does not say, or not to this user, is `None`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExaminedServer {
    /// Host and port.
    pub address: String,
    /// Its name and version: `Redis 7.2.5`, `Valkey 8.1.0`.
    pub version: Option<String>,
    /// Bytes that its data take.
    pub used_memory: Option<u64>,
    /// Bytes that they may; `None` without a limit too.
    pub max_memory: Option<u64>,
    /// What it does when they take as many: `noeviction`, `allkeys-lru`.
    pub eviction: Option<String>,
    /// Whether it has a log of its writes (`appendonly`).
    pub has_log: Option<bool>,
    /// When it writes all of its data to a file (`save`); empty for never.
    pub snapshots: Option<String>,
    /// Why its last write to disk has failed: the name of the field that says so.
    pub failed_write: Option<&'static str>,
}

impl RedisStore {
    /// Asks the servers that take writes what they are. For a thread that may wait.
    ///
    /// # Errors
    /// `Unavailable` when one does not answer in time, or does not let this user in. That it may not say what it is, is none.
    pub fn examine(&self) -> Result<Vec<ExaminedServer>> {
        self.check()?;
        let primaries = self.connection.primaries_blocking()?;
        let servers = primaries.iter().map(|primary| {
            let ask = |words: &[&str]| {
                let mut command = Cmd::new();
                command.arg(words);
                let answers = self.connection.run_on_blocking(primary, vec![command], Access::Read);
                // Whoever may read features may often not ask this.
                answers.ok().and_then(|mut answers| answers.pop())
            };
            let info = ask(&["INFO"]).as_ref().and_then(text_of).unwrap_or_default();
            let save = ask(&["CONFIG", "GET", "save"]);
            ExaminedServer {
                address: primary.to_string(),
                snapshots: save.as_ref().and_then(setting_of),
                ..examined(&info)
            }
        });
        Ok(servers.collect())
    }
}

/// What an answer to `INFO` says: lines of `field:value` under headings.
fn examined(info: &str) -> ExaminedServer {
    let field = |name: &str| {
        let lines = info.lines().filter_map(|line| line.trim_end().split_once(':'));
        let mut found = lines.filter(|(known, _)| *known == name).map(|(_, value)| value);
        found.next().filter(|value| !value.is_empty())
    };
    let number = |name: &str| field(name).and_then(|value| value.parse::<u64>().ok());
    let valkey = field("valkey_version").map(|version| format!("Valkey {version}"));
    let failures = [
        "rdb_last_bgsave_status",
        "aof_last_write_status",
        "aof_last_bgrewrite_status",
    ];
    ExaminedServer {
        version: valkey.or_else(|| field("redis_version").map(|version| format!("Redis {version}"))),
        used_memory: number("used_memory"),
        max_memory: number("maxmemory").filter(|bytes| *bytes > 0),
        eviction: field("maxmemory_policy").map(str::to_owned),
        has_log: number("aof_enabled").map(|enabled| enabled > 0),
        failed_write: failures
            .into_iter()
            .find(|name| field(name).is_some_and(|value| value != "ok")),
        ..ExaminedServer::default()
    }
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::BulkString(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        Value::VerbatimString { text, .. } | Value::SimpleString(text) => Some(text.clone()),
        _ => None,
    }
}

/// The value in an answer to `CONFIG GET`: name and value in a list, or as a map.
fn setting_of(value: &Value) -> Option<String> {
    match value {
        Value::Array(parts) => text_of(parts.get(1)?),
        Value::Map(pairs) => text_of(&pairs.first()?.1),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use feast_config::RedisTopology;
    use feast_fixtures::RedisServer;

    use super::*;
    use crate::connection::tests::config;

    #[test]
    fn fields_are_read() {
        let info = "# Server\r\nredis_version:7.2.4\r\nvalkey_version:8.1.0\r\n\r\n# Memory\r\nused_memory:1000\r\nmaxmemory:0\r\n\
                    maxmemory_policy:allkeys-lru\r\n# Persistence\r\naof_enabled:0\r\nrdb_last_bgsave_status:err\r\n";
        let expected = ExaminedServer {
            version: Some("Valkey 8.1.0".to_owned()),
            used_memory: Some(1000),
            max_memory: None,
            eviction: Some("allkeys-lru".to_owned()),
            has_log: Some(false),
            failed_write: Some("rdb_last_bgsave_status"),
            ..ExaminedServer::default()
        };
        assert_eq!(examined(info), expected);
        assert_eq!(examined("nonsense"), ExaminedServer::default());
    }

    #[test]
    fn a_server_says_what_it_is() {
        let server = RedisServer::start(&[]);
        let store = RedisStore::open(&config(RedisTopology::Single, &[server.port()]), "shop").unwrap();
        let examined = store.examine().unwrap();
        assert_eq!(examined.len(), 1);
        let one = &examined[0];
        assert!(
            one.version.as_ref().is_some_and(|version| version.contains('.')),
            "{one:?}"
        );
        assert_eq!(one.eviction.as_deref(), Some("noeviction"), "{one:?}");
        assert!(
            one.has_log.is_some() && one.snapshots.is_some() && one.used_memory > Some(0),
            "{one:?}"
        );
    }
}
