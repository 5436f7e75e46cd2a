//! The list, the documentation and the code, held against each other.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::RepositoryConfig;

use super::*;

const DOCUMENTATION: &str = include_str!("../../../../docs/configuration.md");
const HEADER: &str = "| key | values | default | what it does | a change counts |\n|---|---|---|---|---|";
const IGNORED_TITLE: &str = "Keys of Feast that change nothing here";
const IGNORED_HEADER: &str = "| key | why |\n|---|---|";

/// A repository with these lines beside the two that every one has.
fn config(lines: &str) -> RepositoryConfig {
    // The path of the repository is left out of paths in it, as in the documentation.
    RepositoryConfig::parse(&format!("project: p\nregistry: r\n{lines}\n"), Path::new(""))
        .unwrap_or_else(|error| panic!("{lines}: {error}"))
}

/// The default of a key, as the documentation has it.
fn default_of(block: &Block, setting: &Setting) -> String {
    match setting.default {
        DefaultValue::Required => "required".to_owned(),
        DefaultValue::Nothing(words) | DefaultValue::Computed(words) => words.to_owned(),
        DefaultValue::Value => {
            let name = setting.name;
            let settings = config(block.smallest).settings();
            let found = settings
                .iter()
                .find(|found| std::ptr::eq(found.block, block) && found.setting.name == name);
            let found = found.unwrap_or_else(|| panic!("{}: {name} has no value in {:?}", block.title, block.smallest));
            match &found.value {
                Value::String(text) => format!("`{text}`"),
                Value::Array(items) if !items.is_empty() => format!("`{}`", found.value),
                _ => found.text(),
            }
        }
    }
}

/// The row of a key.
fn row(block: &Block, setting: &Setting) -> String {
    let default = default_of(block, setting);
    let counts = if setting.is_reloaded {
        "with SIGHUP"
    } else {
        "after a restart"
    };
    let Setting {
        name, values, meaning, ..
    } = setting;
    format!(
        "| `{}` | {values} | {default} | {meaning} | {counts} |",
        block.path_of(name)
    )
}

/// The sections of tables: heading, header, rows.
fn sections() -> Vec<(&'static str, &'static str, Vec<String>)> {
    let with_settings = BLOCKS.iter().filter(|block| !block.settings.is_empty());
    let mut sections: Vec<_> = with_settings
        .map(|block| {
            let rows = block.settings.iter().map(|setting| row(block, setting)).collect();
            (block.title, HEADER, rows)
        })
        .collect();
    let ignored = BLOCKS.iter().flat_map(|block| {
        let keys = block.ignored.iter();
        keys.map(|key| format!("| `{}` | {} |", block.path_of(key.name), key.why))
    });
    sections.push((IGNORED_TITLE, IGNORED_HEADER, ignored.collect()));
    sections
}

#[test]
fn the_documentation_has_every_key() {
    let mut problems = Vec::new();
    let mut rows = BTreeSet::new();
    let mut end = 0;
    for (title, header, expected) in sections() {
        let Some(start) = DOCUMENTATION.find(&format!("\n## {title}\n")) else {
            problems.push(format!(
                "the heading is missing:\n## {title}\n\n{header}\n{}\n",
                expected.join("\n")
            ));
            continue;
        };
        if start < end {
            problems.push(format!("the heading is not in the order of the list: {title}"));
        }
        end = start;
        let section = &DOCUMENTATION[start + 4..];
        let section = &section[..section.find("\n## ").unwrap_or(section.len())];
        if !section.contains(header) {
            problems.push(format!("{title}: the header is missing:\n{header}"));
        }
        let found: Vec<&str> = section.lines().filter(|line| line.starts_with("| `")).collect();
        for row in expected.iter().filter(|row| !found.contains(&&***row)) {
            problems.push(format!("{title}: the row is missing:\n{row}"));
        }
        for row in found.iter().filter(|row| !expected.iter().any(|known| known == *row)) {
            problems.push(format!(
                "{title}: the row is of no key, or not as the list has it:\n{row}"
            ));
        }
        let in_order: Vec<_> = expected.iter().filter(|row| found.contains(&&***row)).collect();
        if found.len() == in_order.len() && !found.iter().eq(&in_order) {
            problems.push(format!("{title}: the rows are not in the order of the list"));
        }
        rows.extend(found);
    }
    let others = DOCUMENTATION
        .lines()
        .filter(|line| line.starts_with("| `") && !rows.contains(line));
    problems.extend(others.map(|row| format!("the row is in no section of keys:\n{row}")));
    assert!(problems.is_empty(), "docs/configuration.md:\n{}", problems.join("\n"));
}

#[test]
fn a_row_is_a_row() {
    for (title, header, rows) in sections() {
        let cells = header.lines().next().unwrap().matches('|').count();
        for row in rows {
            assert_eq!(row.matches('|').count(), cells, "{title}: {row}");
        }
    }
}

#[test]
fn titles_and_paths_are_told_apart() {
    let titles: BTreeSet<&str> = BLOCKS.iter().map(|block| block.title).collect();
    assert_eq!(titles.len(), BLOCKS.len());
    let mut known: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for block in BLOCKS {
        let names = block.settings.iter().map(|setting| setting.name);
        for name in names.chain(block.ignored.iter().map(|key| key.name)) {
            known.entry(block.path_of(name)).or_default().push(block.title);
        }
    }
    // Only stores of different types have keys of one name.
    known.retain(|_, titles| titles.len() > 1 && !titles.iter().all(|title| title.starts_with("The online store: ")));
    assert!(known.is_empty(), "{known:?}");
}

/// Files in which every key has another value than by default, in one of them.
const EXAMPLES: [&str; 5] = [
    "online_store: {type: rocksdb, path: online, row_cache_mib: 1, block_cache_mib: 2, skip_dedup: true}
auth: kubernetes
serving:
  response_layout: rows
  max_requests: 3
  max_memory_mib: 4
  send_timeout_seconds: 5
  allowed_hosts: [a.example]
  max_event_time_skew: 6s
  cancel_abandoned_runs: true
  log_level: warn
  header_timeout_seconds: 7
  body_timeout_seconds: 8
  connection_lifetime_seconds: 9
  http2: true
  rate_limit: {requests_per_second: 10, burst: 11}
  drop_after: 12h
  materialization_memory_mib: 33
  materialization_disk_mib: 13
  push_queue_max_rows: 14
  push_queue_max_mib: 15
  push_queue_max_age: 16d
  metrics_host: 127.0.0.1
  metrics_port: 17
  metrics_route: true
  service_account_path: account
  feature_log_spool_path: spool
  feature_log_spool_mib: 25
  slow_requests: 24s
  audit_strict: true
  traces: {endpoint: 'https://collector.example', sample_rate: 0.25, ca_cert_path: ca.pem}
  api_keys: [{name: k, sha256: '00000000000000000000000000000000000000000000000000000000000000ff', roles: [r], groups: [g], read_only: true, expires: '2027-01-31T00:00:00Z'}]
  python: {command: python3, workers: 18, timeout_ms: 19, queue: 20, memory_mib: 64, user: u, env: [A], shadow: 21}
  backups: {directory: backups, every: 22h, keep: 23}
feature_server:
  offline_push_batching_enabled: true
  offline_push_batching_batch_size: 2
  offline_push_batching_batch_interval_seconds: 3
  feature_logging: {enabled: true, flush_interval_secs: 26, write_to_disk_interval_secs: 27, queue_capacity: 28}
  metrics: {enabled: true, resource: false, request: false, online_features: false, push: false, materialization: false, freshness: false, feature_count_bins: [1], audit_logging: true}
  audit_logging: {enabled: true, sink: file, file_path: a.log, log_successful_reads: false}
project_description: text
entity_key_serialization_version: 3",
    "registry: {path: r, registry_type: file, enable_online_feature_view_versioning: true}
online_store: {type: redis, redis_type: redis_sentinel, connection_string: 'h:1,db=2', sentinel_master: m, key_ttl_seconds: 1, full_scan_for_deletion: false, skip_dedup: true}
serving: {redis_response_timeout: 2s, redis_row_cache_mib: 3, redis_cache_staleness: 4s, redis_statuses: python, redis_wait_replicas: 5, push_log_path: log}",
    "online_store: {type: sqlite, path: online.db}",
    "auth:
  type: oidc
  auth_discovery_url: https://p.example
  client_id: c
  audience: a
  issuer: https://i.example
  verify_ssl: false
  ca_cert_path: ca.pem
  jwks_cache_lifespan_seconds: 1
  jwks_request_timeout_seconds: 2",
    "auth: {type: oidc, auth_discovery_url: 'https://p.example', issuer: ''}
serving: {redis_cache_staleness: 'off'}
online_store: {type: redis, redis_type: redis_cluster}",
];

#[test]
fn what_is_shown_is_what_was_read() {
    let mut shown = BTreeSet::new();
    for example in EXAMPLES {
        let registry = if example.starts_with("registry") {
            ""
        } else {
            "registry: r\n"
        };
        let text = format!("project: p\n{registry}{example}\n");
        let example = RepositoryConfig::parse(&text, Path::new("")).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(example.unknown_keys, Vec::<String>::new());
        assert_eq!(example.without_effect, Vec::<String>::new());
        let root = crate::parse_yaml(&text).unwrap();
        for found in example.settings() {
            let pointer = format!("/{}", found.path.replace("[0]", ".0").replace('.', "/"));
            let block = root.pointer(&format!("/{}", found.block.path.replace('.', "/")));
            let by_string = || block.filter(|value| value.is_string() && found.block.short == Some(found.setting.name));
            let Some(given) = root.pointer(&pointer).or_else(by_string) else {
                continue;
            };
            assert_eq!(&found.value, given, "{}", found.path);
            let default = config(found.block.smallest).settings();
            let default = default.iter().find(|other| other.path == found.path);
            let differs = default.is_some_and(|setting| setting.value != found.value);
            // These have one value.
            let is_one = ["entity_key_serialization_version", "registry_type"].contains(&found.setting.name);
            if !(differs || is_one || found.setting.default == DefaultValue::Required) {
                continue;
            }
            shown.insert((found.block.title, found.setting.name));
        }
    }
    let all = BLOCKS
        .iter()
        .flat_map(|block| block.settings.iter().map(|setting| (block.title, setting.name)));
    // Blocks are not shown where their keys are.
    let blocks = [
        "python",
        "backups",
        "rate_limit",
        "api_keys",
        "traces",
        "online_store",
        "registry",
    ];
    let missing: Vec<_> = all
        .filter(|key| !shown.contains(key) && !blocks.contains(&key.1))
        .collect();
    assert!(
        missing.is_empty(),
        "no example has another value than the default of {missing:?}"
    );
}

#[test]
fn a_change_that_needs_a_restart_is_named() {
    let before = config("online_store: rocksdb\nserving: {max_requests: 5, log_level: info}");
    let check = |lines: &str, expected: &[&str]| {
        assert_eq!(before.changes_for_a_restart(&config(lines)), expected, "{lines}");
    };
    check(
        "online_store: rocksdb\nserving: {max_requests: 5, log_level: warn}",
        &[],
    );
    check(
        "online_store: {type: rocksdb}\nserving: {max_requests: 6}",
        &["serving.max_requests"],
    );
    check(
        "online_store: sqlite\nserving: {max_requests: 5}",
        &[
            "online_store.type",
            "online_store.path",
            "online_store.row_cache_mib",
            "online_store.block_cache_mib",
            "online_store.skip_dedup",
            "serving.push_log_path",
        ],
    );
    let before = config("online_store: {type: redis, connection_string: 'h:1,password=a'}");
    let after = config("online_store: {type: redis, connection_string: 'h:1,password=b'}");
    assert_eq!(before.changes_for_a_restart(&after), ["online_store.connection_string"]);
    assert_eq!(before.changes_for_a_restart(&before), Vec::<String>::new());
}
