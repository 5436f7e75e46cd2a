//! One file for Python and this binary: what counts here, and which place messages name.

use std::path::Path;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::{OnlineStoreConfig, OnlineStoreMemory, RedisTopology, RepositoryConfig};

/// The settings of a file with these lines.
fn read(lines: &str) -> Result<RepositoryConfig, String> {
    let registry = if lines.contains("registry:") {
        ""
    } else {
        "registry: r.db\n"
    };
    RepositoryConfig::parse(&format!("project: p\n{registry}{lines}\n"), Path::new("/repo"))
        .map_err(|error| format!("{error} | {}", error.hint().unwrap_or_default()))
}

/// The store and the registry of a file, or what is wrong with it.
fn stores(lines: &str) -> String {
    let config = match read(lines) {
        Ok(config) => config,
        Err(problem) => return problem,
    };
    assert_eq!(
        (config.unknown_keys.as_slice(), config.without_effect.as_slice()),
        (&[][..], &[][..]),
        "{lines}"
    );
    let usual = OnlineStoreMemory::default();
    let cache = |bytes: usize, usual: usize| {
        if bytes == usual {
            "usual".to_owned()
        } else {
            (bytes >> 20).to_string()
        }
    };
    let store = match &config.online_store {
        OnlineStoreConfig::RocksDb { path, memory } => format!(
            "rocksdb {} {} {}",
            path.display(),
            cache(memory.row_cache, usual.row_cache),
            cache(memory.block_cache, usual.block_cache)
        ),
        OnlineStoreConfig::Sqlite { path } => format!("sqlite {}", path.display()),
        OnlineStoreConfig::Redis(redis) => {
            let kind = match redis.topology {
                RedisTopology::Single => "redis",
                RedisTopology::Cluster => "cluster",
                RedisTopology::Sentinel { .. } => "sentinel",
            };
            format!("{kind} {} {}", redis.shown(), redis.key_ttl_seconds.unwrap_or_default())
        }
    };
    let dedup = if config.skip_dedup { ", skip_dedup" } else { "" };
    let versions = if config.online_versioning { ", versions" } else { "" };
    format!("{store}{dedup}; {}{versions}", config.registry_path.display())
}

const PYTHON: &str = "online_store: {type: feast_server.RustOnlineStore, path: \"http://features:6566\", cert: ca.pem, \
    connection_pool_size: 5, connection_idle_timeout: 0, connection_retries: 1}";

#[test]
fn each_program_has_its_store() {
    let check = |lines: &str, expected: &str| assert_eq!(stores(lines), expected, "{lines}");
    let usual = "rocksdb /repo/data/online_store usual usual; /repo/r.db";
    check("online_store: {type: feast_server.RustOnlineStore}", usual);
    check("online_store: feast_server.RustOnlineStore", usual);
    check(PYTHON, usual);
    check(&PYTHON.replace("http://features:6566", "$NOT_SET/features"), usual);
    check(&format!("{PYTHON}\nserving: {{online_store: }}"), usual);
    check(
        &format!("{PYTHON}\nserving: {{online_store: {{type: rocksdb}}}}"),
        usual,
    );
    check(
        &format!(
            "{PYTHON}\nserving: {{online_store: {{path: s, row_cache_mib: 3, block_cache_mib: 4, skip_dedup: true}}}}"
        ),
        "rocksdb /repo/s 3 4, skip_dedup; /repo/r.db",
    );
    check(
        &format!("{PYTHON}\nserving: {{online_store: {{type: feast_server.RustOnlineStore, path: /srv/store}}}}"),
        "rocksdb /srv/store usual usual; /repo/r.db",
    );
    check(
        &format!("{PYTHON}\nserving: {{online_store: sqlite}}"),
        "sqlite /repo/data/online.db; /repo/r.db",
    );
    check(
        "online_store: {type: sqlite, path: notebook.db}\nserving: {online_store: {type: rocksdb, path: s}}",
        "rocksdb /repo/s usual usual; /repo/r.db",
    );
    check(
        "online_store: {path: notebook.db}\nserving: {online_store: rocksdb}",
        usual,
    );
    check(
        "serving: {online_store: {path: server.db}}",
        "sqlite /repo/server.db; /repo/r.db",
    );
    check(
        "online_store: {type: remote, path: \"http://features:6566\"}\nserving: {online_store: {type: rocksdb}}",
        usual,
    );
    check(
        "online_store: {type: dynamodb, region: x}\nserving: {online_store: rocksdb}",
        usual,
    );
    check(
        "online_store: {type: redis, connection_string: \"outside:6379,db=1\", key_ttl_seconds: 9}\n\
         serving: {online_store: {connection_string: \"inside:6379\"}}",
        "redis inside:6379 9; /repo/r.db",
    );
    check(
        "online_store: {type: redis, connection_string: \"outside:6379\", key_ttl_seconds: 9}\n\
         serving: {online_store: {type: redis, redis_type: redis_cluster}}",
        "cluster outside:6379 9; /repo/r.db",
    );
    check(
        "online_store: {type: rocksdb, path: s, skip_dedup: true}\nserving: {online_store: {row_cache_mib: 1}}",
        "rocksdb /repo/s 1 usual, skip_dedup; /repo/r.db",
    );
    // A key that is null is one that is not there.
    check("online_store: rocksdb\nserving: {online_store: {path: }}", usual);
}

#[test]
fn each_program_has_its_registry() {
    let check = |lines: &str, expected: &str| {
        let lines = format!("online_store: rocksdb\n{lines}");
        let expected = format!("rocksdb /repo/data/online_store usual usual; {expected}");
        assert_eq!(stores(&lines), expected, "{lines}");
    };
    check(
        "registry: s3://bucket/r.db\nserving: {registry: data/r.db}",
        "/repo/data/r.db",
    );
    check("registry: a.db\nserving: {registry: {path: /srv/r.db}}", "/srv/r.db");
    check("registry: a.db\nserving: {registry: }", "/repo/a.db");
    check("registry: a.db\nserving: {registry: {}}", "/repo/a.db");
    check("serving: {registry: b.db}\nproject_description: registry", "/repo/b.db");
    check(
        "registry: {path: a.db, enable_online_feature_view_versioning: true}\nserving: {registry: b.db}",
        "/repo/b.db, versions",
    );
    check(
        "registry: a.db\nserving: {registry: {enable_online_feature_view_versioning: true}}",
        "/repo/a.db, versions",
    );
    let sql =
        "registry: {registry_type: sql, path: \"postgresql://u:p@h/db\", enable_online_feature_view_versioning: true}";
    check(&format!("{sql}\nserving: {{registry: b.db}}"), "/repo/b.db");
    check(
        &format!("{sql}\nserving: {{registry: {{registry_type: file, path: b.db}}}}"),
        "/repo/b.db",
    );
}

/// Whether what is wrong with a file, or what it gives, starts so.
fn check_start(lines: &str, start: &str) {
    let found = stores(lines);
    assert!(found.starts_with(start), "{lines}: {found}");
}

#[test]
fn messages_name_the_place_of_the_key() {
    let rocksdb = "online_store: {type: sqlite}\nserving: {online_store: {type: rocksdb, ";
    check_start(
        &format!("{rocksdb}pth: x}}}}"),
        "serving.online_store.pth is not known: did you mean path? | the keys of serving.online_store are type, path, row_cache_mib,",
    );
    check_start(
        &format!("{rocksdb}connection_string: x}}}}"),
        "serving.online_store.connection_string is not known",
    );
    check_start(
        &format!("{rocksdb}path: 5}}}}"),
        "serving.online_store.path must be a string, not 5",
    );
    check_start(&format!("{rocksdb}path: ''}}}}"), "serving.online_store.path is empty");
    check_start(
        &format!("{rocksdb}path: \"http://h:6566\"}}}}"),
        "serving.online_store.path is a URL, and the store is a directory | name a directory, such as data/online_store; the address \
         at which Python reaches this server is online_store.path with online_store.type: feast_server.RustOnlineStore",
    );
    check_start(
        "online_store: {type: rocksdb, path: \"https://h\"}",
        "online_store.path is a URL, and the store is a directory",
    );
    check_start(
        "online_store: {path: \"sqlite:///x.db\"}",
        "online_store.path is a URL, not a path",
    );
    check_start(
        &format!("{rocksdb}row_cache_mib: x}}}}"),
        "serving.online_store.row_cache_mib must be a whole number of at least 0, not \"x\"",
    );
    check_start(
        &format!("{rocksdb}block_cache_mib: 99999999999}}}}"),
        "serving.online_store.block_cache_mib must be at most",
    );
    check_start(
        &format!("{rocksdb}skip_dedup: 1}}}}"),
        "serving.online_store.skip_dedup must be true or false, not 1",
    );
    check_start(
        "online_store: sqlite\nserving: {online_store: {row_cache_mib: 5}}",
        "serving.online_store.row_cache_mib is not known | serving.online_store has no type of its own, and that of \
         online_store means sqlite, whose keys are type, path,",
    );
    check_start(
        "serving: {online_store: {type: 5}}",
        "serving.online_store.type must be a string, not 5",
    );
    check_start(
        "serving: {online_store: nope}",
        "serving.online_store.type \"nope\" is not known",
    );
    check_start(
        "serving: {online_store: [rocksdb]}",
        "serving.online_store must be a mapping, or a string that is its type",
    );
    check_start(
        "serving: {onlin_store: rocksdb}",
        "serving.onlin_store is not known: did you mean online_store?",
    );
    check_start(
        "online_store: {type: dynamodb}\nserving: {online_store: {path: x}}",
        "online_store.type \"dynamodb\" is not known | the types of online stores are rocksdb, redis and sqlite; serving.online_store",
    );
    check_start(
        "online_store: [x]\nserving: {online_store: {path: x}}",
        "online_store must be a mapping, or a string",
    );
}

#[test]
fn messages_name_the_place_of_keys_of_redis() {
    let redis = "online_store: {type: redis, connection_string: \"h:1\"}\nserving: {online_store: {";
    check_start(
        &format!("{redis}connection_string: h}}}}"),
        "serving.online_store.connection_string: part 1 (h) has no port",
    );
    check_start(
        &format!("{redis}connection_string: ''}}}}"),
        "serving.online_store.connection_string is empty",
    );
    check_start(
        &format!("{redis}connection_string: 5}}}}"),
        "serving.online_store.connection_string must be a string",
    );
    check_start(
        &format!("{redis}connection_string: \"h:1,db=x\"}}}}"),
        "serving.online_store.connection_string: db must be",
    );
    check_start(
        &format!("{redis}redis_type: x}}}}"),
        "serving.online_store.redis_type \"x\" is not one of",
    );
    check_start(
        &format!("{redis}key_ttl_seconds: -1}}}}"),
        "serving.online_store.key_ttl_seconds must be",
    );
    check_start(
        &format!("{redis}full_scan_for_deletion: 1}}}}"),
        "serving.online_store.full_scan_for_deletion must be",
    );
    check_start(
        &format!("{redis}connection_string: }}}}"),
        "serving.online_store.connection_string is null, and online_store.connection_string is not | give it the value that counts \
         for this server, or leave it out to have that of online_store",
    );
    check_start(
        "online_store: {type: redis, connection_string: h}\nserving: {online_store: {key_ttl_seconds: 1}}",
        "online_store.connection_string: part 1 (h) has no port",
    );
}

#[test]
fn messages_name_the_place_of_keys_of_the_registry() {
    check_start(
        "registry: a.db\nserving: {registry: 5}",
        "serving.registry must be a mapping, or a string that is its path",
    );
    check_start(
        "registry: a.db\nserving: {registry: {path: 5}}",
        "serving.registry.path must be a string, not 5",
    );
    check_start(
        "registry: a.db\nserving: {registry: ''}",
        "serving.registry.path is empty",
    );
    check_start("registry: ''", "registry is empty");
    check_start(
        "registry: a.db\nserving: {registry: \"s3://b/r.db\"}",
        "serving.registry.path: s3:// paths are not supported yet, use a file path",
    );
    check_start(
        "registry: a.db\nserving: {registry: {registry_type: sql}}",
        "serving.registry.registry_type: sql is not supported yet",
    );
    check_start(
        "registry: {registry_type: sql, path: x}\nserving: {registry: {registry_type: file}}",
        "the key serving.registry.path is missing",
    );
    check_start(
        "registry: {registry_type: sql, path: x}\nserving: {registry: {path: b.db}}",
        "registry.registry_type: sql is not supported yet, only file is | serving.registry is",
    );
    check_start(
        "registry: a.db\nserving: {registry: {cache_ttl: 5}}",
        "serving.registry.cache_ttl is not known: did you mean cache_ttl_seconds? | the keys of serving.registry are path,",
    );
    check_start(
        "registry: a.db\nserving: {registry: {enable_online_feature_view_versioning: 1}}",
        "serving.registry.enable_online_feature_view_versioning must be true or false, not 1",
    );
}

#[test]
fn what_is_meant_for_this_binary_is_not_taken_for_python() {
    let check = |keys: &str, start: &str| {
        let lines = format!("online_store: {{type: feast_server.RustOnlineStore, {keys}}}");
        let found = stores(&lines);
        assert!(found.starts_with(start), "{lines}: {found}");
    };
    check(
        "row_cache_mib: 5",
        "online_store.row_cache_mib is for this server alone, and Python refuses it | write it as serving.online_store.row_cache_mib",
    );
    check(
        "path: data/store",
        "online_store.path is not the address of a server, which its type has Python ask | write where the server listens, such as \
         http://localhost:6566; the directory of its store is serving.online_store.path",
    );
    check("path: 5", "online_store.path must be a string, not 5");
    check(
        "pth: x",
        "online_store.pth is not known: did you mean path? | the keys of online_store are type, path, cert,",
    );
    check(
        "path: \"http://h\"}\nserving: {online_store: {cert: x}",
        "serving.online_store.cert is not known | serving.online_store has no type of its own, and that of online_store \
         means rocksdb, whose keys are type, path,",
    );
}

#[test]
fn keys_without_effect_are_named_where_they_are() {
    let lines = |lines: &str| {
        let config = read(lines).unwrap();
        [config.unknown_keys, config.without_effect].concat()
    };
    assert_eq!(
        lines(
            "registry: a.db\nserving: {online_store: {vector_enabled: true}, registry: {cache_mode: thread, mcp: {enabled: true}}}"
        ),
        [
            "serving.registry.cache_mode has no effect here: the registry file is looked at five times a second",
            "serving.registry.mcp.enabled has no effect here: it is not offered",
            "serving.online_store.vector_enabled has no effect here: search in online stores is not offered",
        ]
    );
    assert_eq!(
        lines(
            "online_store: {vector_enabled: true}\nregistry: {path: a, cache_mode: thread, zzz: 1}\nserving: {registry: {path: b}}"
        ),
        [
            "registry.zzz is not known and is ignored",
            "registry.cache_mode has no effect here: the registry file is looked at five times a second",
            "online_store.vector_enabled has no effect here: search in online stores is not offered",
        ]
    );
    // What another store has instead is Python's affair.
    let none: [&str; 0] = [];
    assert_eq!(
        lines("online_store: {vector_enabled: true}\nserving: {online_store: rocksdb}"),
        none
    );
    for other in [
        "online_store: feast_server.RustOnlineStore",
        "serving: {online_store: rocksdb}",
    ] {
        let lines = match other.starts_with("serving") {
            true => lines("serving: {online_store: rocksdb, push_log_path: x, redis_statuses: python}"),
            false => lines(&format!(
                "{other}\nserving: {{push_log_path: x, redis_statuses: python}}"
            )),
        };
        assert_eq!(
            lines,
            [
                "serving.redis_statuses has no effect here: the online store is rocksdb",
                "serving.push_log_path has no effect here: the online store is rocksdb"
            ],
            "{other}"
        );
    }
}

#[test]
fn changes_are_named_where_they_are_written() {
    let before = read("online_store: {type: rocksdb, path: a}\nregistry: r.db").unwrap();
    let check = |lines: &str, expected: &[&str]| {
        assert_eq!(before.changes_for_a_restart(&read(lines).unwrap()), expected, "{lines}");
    };
    check(
        "online_store: feast_server.RustOnlineStore\nserving: {online_store: {path: a}, registry: r.db}",
        &[],
    );
    check(
        "online_store: sqlite\nserving: {online_store: {type: rocksdb, path: a}}",
        &[],
    );
    check(
        "online_store: {type: rocksdb, path: a}\nserving: {online_store: {path: b, skip_dedup: true}}",
        &["serving.online_store.path", "serving.online_store.skip_dedup"],
    );
    check(
        "online_store: feast_server.RustOnlineStore\nserving: {registry: s.db}",
        &["serving.registry.path", "serving.online_store.path"],
    );
    let over = |password: &str| {
        let string =
            format!("serving: {{online_store: {{type: redis, connection_string: \"h:1,password={password}\"}}}}");
        read(&string).unwrap()
    };
    assert_eq!(
        over("a").changes_for_a_restart(&over("b")),
        ["serving.online_store.connection_string"]
    );
}

/// A file of these blocks, as JSON, which is YAML; null for none.
fn file(name: &str, block: &Value, over: &Value) -> Value {
    let mut file = json!({ "project": "p", "registry": "r.db", "serving": { name: over } });
    file[name] = block.clone();
    file
}

/// What a file gives, without the difference that places of keys make.
fn outcome(file: &Value) -> Result<(RepositoryConfig, Vec<(String, Value)>), String> {
    let plain = |text: &str| {
        let text = text.replace("serving.online_store", "online_store");
        text.replace("serving.registry", "registry")
    };
    match RepositoryConfig::parse(&file.to_string(), Path::new("/repo")) {
        Err(error) => Err(plain(&error.to_string())),
        Ok(mut config) => {
            let settings = config.settings();
            let settings = settings
                .iter()
                .map(|setting| (plain(&setting.path), setting.value.clone()));
            let settings = settings.collect();
            config.overrides = super::Overrides::default();
            for line in config.unknown_keys.iter_mut().chain(&mut config.without_effect) {
                *line = plain(line);
            }
            Ok((config, settings))
        }
    }
}

fn stores_of_python() -> impl Strategy<Value = Value> {
    prop::sample::select(vec![
        Value::Null,
        json!("sqlite"),
        json!("feast.infra.online_stores.sqlite.SqliteOnlineStore"),
        json!({"type": "sqlite", "path": "a.db"}),
        json!({"path": "b.db", "vector_enabled": true}),
        json!({"type": "redis", "connection_string": "h:1,password=x", "key_ttl_seconds": 5, "skip_dedup": true}),
        json!("redis"),
        json!({"type": "rocksdb", "path": "s", "row_cache_mib": 7}),
        json!("rocksdb"),
        json!({"type": "dynamodb", "region": "x"}),
        json!({"type": "remote", "path": "http://h"}),
        json!("nope"),
        json!({"pth": 1}),
        json!({"path": null}),
    ])
}

/// Keys of all stores, with values that are right and wrong.
fn keys_of_stores() -> impl Strategy<Value = Map<String, Value>> {
    let types = ["rocksdb", "redis", "sqlite", "feast_server.RustOnlineStore", "nope"];
    let member = prop_oneof![
        prop::sample::select(types.to_vec()).prop_map(|name| ("type".to_owned(), json!(name))),
        prop::sample::select(vec![
            ("path", json!("x")),
            ("path", json!("http://h")),
            ("path", json!("")),
            ("path", json!(5)),
            ("row_cache_mib", json!(3)),
            ("block_cache_mib", json!(0)),
            ("skip_dedup", json!(true)),
            ("skip_dedup", json!("x")),
            ("connection_string", json!("k:2,db=1")),
            ("connection_string", json!("k")),
            ("redis_type", json!("redis_cluster")),
            ("key_ttl_seconds", json!(8)),
            ("full_scan_for_deletion", json!(false)),
            ("full_scan_for_deletion", json!(null)),
            ("vector_enabled", json!(true)),
            ("zzz", json!(1)),
        ])
        .prop_map(|(key, value)| (key.to_owned(), value)),
    ];
    prop::collection::vec(member, 0..5).prop_map(Map::from_iter)
}

/// One name for each type.
fn plain_type(block: &Value) -> &str {
    match block.as_str().or_else(|| block["type"].as_str()).unwrap_or("sqlite") {
        "feast.infra.online_stores.sqlite.SqliteOnlineStore" => "sqlite",
        "feast_server.RustOnlineStore" => "rocksdb",
        other => other,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    /// An override is what the same keys are in the block itself: alone if it has another type, else over those of the block.
    #[test]
    fn an_override_is_the_same_as_the_block_itself(below in stores_of_python(), over in keys_of_stores()) {
        let over = Value::Object(over);
        let written = if over.get("type").is_some() && plain_type(&over) != plain_type(&below) {
            over.clone()
        } else {
            let mut block = match &below {
                Value::Object(members) => members.clone(),
                Value::String(name) => Map::from_iter([("type".to_owned(), json!(name))]),
                _ => Map::new(),
            };
            block.extend(over.as_object().unwrap().clone());
            Value::Object(block)
        };
        // The name of the class has another meaning in the block itself.
        let mut written = written;
        if written["type"] == "feast_server.RustOnlineStore" {
            written["type"] = json!("rocksdb");
        }
        prop_assert_eq!(
            outcome(&file("online_store", &below, &over)),
            outcome(&file("online_store", &written, &Value::Null)),
            "{} over {}", over, below
        );
    }

    /// From a block for Python nothing is taken.
    #[test]
    fn a_block_for_python_has_no_effect(over in keys_of_stores()) {
        let python = json!({"type": "feast_server.RustOnlineStore", "path": "http://h:6566", "cert": "c", "connection_retries": 1});
        let mut written = over.clone();
        written.entry("type").or_insert(json!("rocksdb"));
        if written["type"] == "feast_server.RustOnlineStore" {
            written["type"] = json!("rocksdb");
        }
        prop_assert_eq!(
            outcome(&file("online_store", &python, &Value::Object(over))),
            outcome(&file("online_store", &Value::Object(written), &Value::Null))
        );
    }

    /// Whatever is written, a key counts where it is shown: another value there is in force.
    #[test]
    fn a_key_counts_where_it_is_shown(below in stores_of_python(), over in keys_of_stores(), for_python in any::<bool>()) {
        let below = match for_python {
            true => json!({"type": "feast_server.RustOnlineStore", "path": "http://h:6566"}),
            false => below,
        };
        let text = file("online_store", &below, &Value::Object(over));
        let Ok(config) = RepositoryConfig::parse(&text.to_string(), Path::new("/repo")) else { return Ok(()) };
        for shown in config.settings() {
            let other = match shown.setting.name {
                "path" => json!("/another"),
                "row_cache_mib" | "block_cache_mib" | "key_ttl_seconds" => json!(77),
                "skip_dedup" | "full_scan_for_deletion" => json!(shown.value != json!(true)),
                _ => continue,
            };
            let mut changed = text.clone();
            let (block, key) = shown.path.rsplit_once('.').unwrap();
            let block = changed.pointer_mut(&format!("/{}", block.replace('.', "/"))).unwrap();
            *block = match block.take() {
                Value::Object(mut members) => {
                    members.insert(key.to_owned(), other.clone());
                    Value::Object(members)
                }
                Value::Null => json!({ key: other }),
                short => json!({ shown.block.short.unwrap_or("type"): short, key: other }),
            };
            let changed = RepositoryConfig::parse(&changed.to_string(), Path::new("/repo")).unwrap();
            let now = changed.settings().into_iter().find(|setting| setting.path == shown.path);
            prop_assert_eq!(now.map(|setting| setting.value), Some(other), "{} in {}", shown.path, text);
        }
    }
}
