//! `online_store`, and what `serving` says of stores that others write too.

use super::repository::{is_true, never};
use super::{Block, ignored, mib, place, setting, some};
use crate::{
    OnlineStoreConfig, OnlineStoreMemory, RedisConfig, RedisLogin, RedisTopology, RepositoryConfig, format_duration,
};

const NO_SEARCH: &str = "search in online stores is not offered";
const CACHE_SHARE: &str = "a sixteenth of the memory, 16 at least";

fn rocksdb(config: &RepositoryConfig) -> Option<&OnlineStoreMemory> {
    match &config.online_store {
        OnlineStoreConfig::RocksDb { memory, .. } => Some(memory),
        OnlineStoreConfig::Redis(_) | OnlineStoreConfig::Sqlite { .. } => None,
    }
}

fn redis(config: &RepositoryConfig) -> Option<&RedisConfig> {
    match &config.online_store {
        OnlineStoreConfig::Redis(redis) => Some(redis),
        OnlineStoreConfig::RocksDb { .. } | OnlineStoreConfig::Sqlite { .. } => None,
    }
}

/// What signs in at Redis and at its sentinels.
pub(super) fn logins(config: &RepositoryConfig) -> Option<(&RedisLogin, &RedisLogin)> {
    redis(config).map(|redis| (&redis.login, &redis.sentinel_login))
}

pub(crate) static ONLINE_STORE: Block = Block::new(
    "The online store",
    "online_store",
    &[setting(
        "type",
        "`rocksdb`, `redis`, `sqlite`, `feast_server.RustOnlineStore`",
        "where online features are; `online_store: TYPE` says the same. The last one is `rocksdb` under the name of its class in Python, \
         with the other keys in `serving.online_store`",
        |config| some(config.online_store.type_name()),
    )],
)
.short("type");

pub(crate) static ROCKSDB: Block = Block::new(
    "The online store: RocksDB",
    "online_store",
    &[
        setting("path", "a path", "directory of the store", |config| {
            rocksdb(config).and_then(|_| config.online_store.directory().and_then(place))
        }),
        setting(
            "row_cache_mib",
            "MiB",
            "recently read rows, held in memory; 0 for none",
            |config| mib(rocksdb(config)?.row_cache),
        )
        .computed(CACHE_SHARE),
        setting(
            "block_cache_mib",
            "MiB",
            "blocks of the store's files, held in memory",
            |config| mib(rocksdb(config)?.block_cache),
        )
        .computed(CACHE_SHARE),
        setting(
            "skip_dedup",
            "true, false",
            "write rows whatever is stored, even older ones",
            |config| rocksdb(config).and_then(|_| some(config.skip_dedup)),
        ),
    ],
)
.with("online_store: {type: rocksdb}");

const ONLY_PYTHON_ASKS: &str = "with `type: feast_server.RustOnlineStore`: how Python reaches this server";

pub(crate) static SERVER_IN_PYTHON: Block =
    Block::new("The online store: a server that Python asks", "online_store", &[]).and_ignored(&[
        ignored("path", ONLY_PYTHON_ASKS, never),
        ignored("cert", ONLY_PYTHON_ASKS, never),
        ignored("connection_pool_size", ONLY_PYTHON_ASKS, never),
        ignored("connection_idle_timeout", ONLY_PYTHON_ASKS, never),
        ignored("connection_retries", ONLY_PYTHON_ASKS, never),
        ignored("timeout_seconds", ONLY_PYTHON_ASKS, never),
    ]);

pub(crate) static OVERRIDES: Block = Block::new(
    "What this server does otherwise than Python",
    "serving",
    &[
        // Their keys are shown, at their places.
        setting(
            "online_store",
            "a block, or a type",
            "keys of `online_store` for this server alone, which replace the whole block if their `type` is another one",
            |_| None,
        )
        .or_nothing("`online_store`"),
        setting(
            "registry",
            "a block, or a path",
            "keys of `registry` for this server alone, which replace the whole block if their `registry_type` is another one",
            |_| None,
        )
        .or_nothing("`registry`"),
    ],
);

pub(crate) static REDIS: Block = Block::new(
    "The online store: Redis and Valkey",
    "online_store",
    &[
        setting(
            "redis_type",
            "`redis`, `redis_cluster`, `redis_sentinel`",
            "what the servers of the connection string are",
            |config| {
                some(match redis(config)?.topology {
                    RedisTopology::Single => "redis",
                    RedisTopology::Cluster => "redis_cluster",
                    RedisTopology::Sentinel { .. } => "redis_sentinel",
                })
            },
        ),
        setting(
            "connection_string",
            "`HOST:PORT,...,NAME=VALUE,...`",
            "servers and [parameters](online-stores.md#the-connection-string)",
            |config| some(redis(config)?.shown()),
        ),
        setting(
            "key_ttl_seconds",
            "seconds",
            "how long the row of an entity lives after its last write, in all views with the same join keys; 0 for ever",
            |config| some(redis(config)?.key_ttl_seconds.unwrap_or_default()),
        ),
        setting(
            "full_scan_for_deletion",
            "true, false",
            "search for the rows of a deleted view, and remove them",
            |config| some(redis(config)?.scans_for_deletion),
        ),
        setting(
            "skip_dedup",
            "true, false",
            "write rows whatever is stored, even older ones",
            |config| redis(config).and_then(|_| some(config.skip_dedup)),
        ),
    ],
)
.with("online_store: {type: redis}")
.and_ignored(&[ignored("client", "`redis` and `glide` mean the same here", never)]);

pub(crate) static REDIS_SENTINEL: Block = Block::new(
    "The online store: Redis behind sentinels",
    "online_store",
    &[setting(
        "sentinel_master",
        "a name",
        "the name under which sentinels know the master",
        |config| match &redis(config)?.topology {
            RedisTopology::Sentinel { master } => some(master.as_str()),
            RedisTopology::Single | RedisTopology::Cluster => None,
        },
    )],
)
.with("online_store: {type: redis, redis_type: redis_sentinel}");

pub(crate) static REDIS_SERVING: Block = Block::new(
    "What only this server knows of Redis",
    "serving",
    &[
        setting(
            "redis_response_timeout",
            "1ms to 1h",
            "how long Redis may take to respond before a request is answered with 503",
            |config| some(format_duration(redis(config)?.response_timeout)),
        )
        .computed("`socket_timeout` of the connection string, else `1s`"),
        setting(
            "redis_row_cache_mib",
            "MiB",
            "recently read rows, held in memory; 0 for none",
            |config| mib(redis(config)?.row_cache),
        )
        .computed("a sixteenth of the memory, 16 at least; 0 where `redis_cache_staleness` is `off`"),
        setting(
            "redis_cache_staleness",
            "100ms or more, `off`",
            "how far a read from memory may be behind the writes of others; `off` holds no rows in memory",
            |config| {
                let staleness = redis(config)?.cache_staleness;
                some(staleness.map_or_else(|| "off".to_owned(), format_duration))
            },
        )
        .computed("`2s`; `off` with `protocol=2`, or without memory for rows"),
        setting(
            "redis_statuses",
            "`default`, `python`",
            "`python` gives the statuses of Python Feast on Redis, where an unknown entity is PRESENT with nulls",
            |config| {
                some(match redis(config)?.python_statuses {
                    true => "python",
                    false => "default",
                })
            },
        ),
        setting(
            "redis_wait_replicas",
            "0 to 1000",
            "how many replicas of the primary that was written must have a write before it is acknowledged",
            |config| some(redis(config)?.wait_replicas),
        ),
    ],
)
.with("online_store: {type: redis}");

pub(crate) static SQLITE: Block = Block::new(
    "The online store: SQLite",
    "online_store",
    &[setting(
        "path",
        "a path",
        "the file, which is made if it is not there",
        |config| match &config.online_store {
            OnlineStoreConfig::Sqlite { path } => place(path),
            OnlineStoreConfig::RocksDb { .. } | OnlineStoreConfig::Redis(_) => None,
        },
    )],
)
.with("online_store: {type: sqlite}")
.and_ignored(&[
    ignored("vector_enabled", NO_SEARCH, is_true),
    ignored("similarity", NO_SEARCH, never),
    ignored("text_search_enabled", NO_SEARCH, is_true),
    ignored("enable_openai_compatible_store", NO_SEARCH, is_true),
]);

pub(crate) static PUSH_LOG: Block = Block::new(
    "Pushes to both stores, with Redis or SQLite",
    "serving",
    &[setting(
        "push_log_path",
        "a path",
        "directory of the log of pushes to both stores; one server's own",
        |config| match rocksdb(config) {
            Some(_) => None,
            None => place(&config.push_log_path),
        },
    )],
)
.with("online_store: {type: sqlite}");
