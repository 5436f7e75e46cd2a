//! What Cargo does not hold: inside a crate each module may use only those before it, a foreign library has one owner within a
//! crate, and paths in messages are marked.

use std::path::{Path, PathBuf};

/// The modules of a crate, lowest first. Modules on one line may not use each other.
type Layers = &'static [&'static [&'static str]];

/// Crates with layers inside, by the folder of their sources.
const LAYERS: &[(&str, Layers)] = &[
    (
        "engine/src",
        &[
            &["open_once"],
            &["online_store"],
            &["online"],
            &["copy", "feature_log", "materialize", "push", "resolve"],
            &["store"],
            &["stages"],
        ],
    ),
    (
        "engine/definitions/src",
        &[
            &["error", "budget", "environment"],
            &["source"],
            &["value"],
            &["context"],
            &["operators"],
            &["stdlib"],
            &["feast"],
            &["methods"],
            &["evaluate"],
            &["names"],
            &["repository"],
        ],
    ),
];

/// A library, or a module that others see through a seam, and the only folders whose files may name it.
const OWNERS: &[(&str, &[&str])] = &[
    ("feast_rocksdb::", &["engine/src/online_store"]),
    ("feast_redis::", &["engine/src/online_store"]),
    ("feast_sqlite::", &["engine/src/online_store"]),
    (
        "rocksdb::",
        &[
            "engine/rocksdb/src",
            "engine/src/online_store",
            "benches/src/point_lookups",
        ],
    ),
    ("rusqlite::", &["engine/sqlite/src"]),
    ("hashbrown::", &["engine/rows/src"]),
    ("foldhash::", &["engine/rows/src", "engine/src/store/plans.rs"]),
    (
        "quick_cache::",
        &[
            "engine/src/store/plans.rs",
            "server/src/layers/rate_limit.rs",
            "server/sign-in/src/remembered.rs",
        ],
    ),
    ("fancy_regex::", &["engine/permissions/src/pattern.rs"]),
    ("jsonwebtoken::", &["server/sign-in/src/oidc/keys.rs"]),
    ("datafusion::", &["engine/offline/src"]),
    ("bincode::", &["engine/codec/src/record.rs"]),
    ("flatbuffers::", &["server/src/wire/arrow_stream"]),
    ("lambda_runtime_api_client::", &["server/lambda/src/runtime_api.rs"]),
    ("warp::", &["server/src", "benches/src/bare_route"]),
    ("hyper::", &["server/src/connections"]),
    (
        "rustls::",
        &[
            "engine/redis/src",
            "server/src/connections",
            "server/http-client/src",
            "benches/src/load",
        ],
    ),
    (
        "ring::digest",
        &["engine/backup/src/files.rs", "server/sign-in/src/lib.rs"],
    ),
    ("prometheus_client::", &["server/src/metrics"]),
    ("x509_cert::", &["server/src/connections/tls.rs"]),
    ("opentelemetry::", &["server/traces/src"]),
    ("opentelemetry_sdk::", &["server/traces/src"]),
    ("governor::", &["server/src/layers/rate_limit.rs"]),
    (
        "twox_hash::",
        &["engine/codec/src/shard.rs", "engine/offline/src/fingerprint.rs"],
    ),
    ("ureq::", &["cli/src/running_server.rs", "server/http-client/src"]),
    (
        "tracing_subscriber::",
        &["cli/src/log.rs", "cli/src/log_format.rs", "cli/src/output"],
    ),
    (
        "clap::",
        &["cli/src/args", "cli/src/log_format.rs", "cli/src/lib.rs", "benches/src"],
    ),
    (
        "println!",
        &[
            "cli/src/output.rs",
            "benches/src",
            "engine/registry/src/convert/pickle.rs",
            "engine/src/store/crash_tests.rs",
        ],
    ),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// Every source file below a folder but those of tests, with its path from the root and its contents.
fn sources(folder: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut pending = vec![root().join(folder)];
    while let Some(directory) = pending.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                if !path.ends_with("tests") {
                    pending.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
                found.push((name, std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found
}

/// The modules of its own crate that a file names: `crate::a`, `crate::{a, b}`.
fn used_modules(text: &str) -> Vec<&str> {
    let is_end = |character: char| !(character.is_alphanumeric() || character == '_');
    let name = |text| str::split(text, is_end).next().unwrap_or_default();
    let mut used = Vec::new();
    for rest in text.split("crate::").skip(1) {
        match rest.strip_prefix('{').and_then(|group| group.split('}').next()) {
            Some(group) => used.extend(group.split(',').map(|item| name(item.trim_start()))),
            None => used.push(name(rest)),
        }
    }
    used
}

#[test]
fn modules_use_only_lower_ones() {
    for (folder, layers) in LAYERS {
        let layer = |module: &str| layers.iter().position(|layer| layer.contains(&module));
        let files = sources(folder);
        assert!(files.len() > 30);
        for (file, text) in files {
            let path = file.trim_start_matches(folder).trim_start_matches('/');
            let module = path.split(['/', '.']).next().unwrap_or_default();
            if matches!(module, "lib" | "tests" | "fuzz") {
                continue;
            }
            let own = layer(module).unwrap_or_else(|| panic!("{file} is in no layer: add its module to the table"));
            for used in used_modules(&text) {
                let Some(other) = layer(used) else { continue };
                assert!(
                    used == module || other < own,
                    "{file} uses crate::{used}, which is not below it"
                );
            }
        }
    }
}

/// A path that is written into an error's message without its mark would reach the clients of a server.
#[test]
fn paths_in_messages_are_marked() {
    // The evaluator's messages are for the user of `feast apply`, and are not the engine's errors.
    const MAY_SHOW: [&str; 3] = ["engine/model/src/error", "engine/offline/src", "engine/definitions"];
    let files = sources("engine");
    let strangers: Vec<&str> = files
        .iter()
        .filter(|(file, text)| {
            text.contains(".display()")
                && !file.ends_with("tests.rs")
                && !MAY_SHOW.iter().any(|owner| file.starts_with(owner))
        })
        .map(|(file, _)| file.as_str())
        .collect();
    assert!(
        strangers.is_empty(),
        "{strangers:?} show paths themselves: use error::path"
    );
    let is_marked = |line: &&str| line.contains("tracing::") && line.contains("error_path(");
    for (file, text) in &files {
        let marked: Vec<_> = text.lines().filter(is_marked).collect();
        assert!(marked.is_empty(), "{file} logs the marks of error::path: {marked:?}");
    }
}

#[test]
fn foreign_libraries_have_one_owner() {
    let files: Vec<_> = [
        "engine",
        "server/src",
        "server/http-client/src",
        "server/lambda/src",
        "server/sign-in/src",
        "server/traces/src",
        "cli/src",
        "benches/src",
        "fixtures/src",
    ]
    .into_iter()
    .flat_map(sources)
    .collect();
    for (library, owners) in OWNERS {
        let users: Vec<&str> = files
            .iter()
            .filter(|(_, text)| text.contains(library))
            .map(|(file, _)| file.as_str())
            .collect();
        assert!(!users.is_empty(), "no file uses {library}: remove it from the table");
        let strangers: Vec<&&str> = users
            .iter()
            .filter(|file| !owners.iter().any(|owner| file.starts_with(owner)))
            .collect();
        assert!(
            strangers.is_empty(),
            "{strangers:?} use {library}, which only {owners:?} may"
        );
    }
}

/// Where Redis is not installed, `./run test` leaves out the tests that start one, by these parts of their names.
#[test]
fn tests_that_start_redis_are_named_after_it() {
    const STARTS: [&str; 3] = ["RedisServer::start", "RedisCluster::start", "RedisSentinels::start"];
    let folders = ["cli/tests/it", "engine/tests/it", "engine/src", "server/src"];
    let mut found = 0;
    for (file, text) in folders.into_iter().flat_map(sources) {
        if file.ends_with("layers.rs") {
            continue;
        }
        let module = file.trim_end_matches(".rs").replace('/', "::");
        let mut function = "";
        for line in text.lines() {
            if let Some((_, rest)) = line.split_once("fn ") {
                function = rest.split('(').next().unwrap_or_default();
            }
            if STARTS.iter().any(|start| line.contains(start)) {
                found += 1;
                let name = format!("{module}::{function}");
                assert!(
                    name.contains("redis_") || name.contains("_redis"),
                    "{name} starts Redis: let its name contain redis_ or _redis"
                );
            }
        }
    }
    assert!(found > 4);
}
