//! Whole settings files: what is read from them, and which error names what.

use super::*;

const WALK: &str = "project: shop\nregistry: data/registry.db\nonline_store:\n  type: rocksdb\n  path: data/online\n";

fn problem(text: &str) -> String {
    RepositoryConfig::parse(text, Path::new("/repo"))
        .map_or_else(|error| error.to_string(), |config| format!("{config:?}"))
}

/// A store in this directory, with the usual memory.
fn rocksdb(path: &str) -> OnlineStoreConfig {
    OnlineStoreConfig::RocksDb {
        path: PathBuf::from(path),
        memory: OnlineStoreMemory::default(),
    }
}

#[test]
fn reads_the_usual_file() {
    let config = RepositoryConfig::parse(WALK, Path::new("/repo")).unwrap();
    assert_eq!(config.project, "shop");
    assert_eq!(config.registry_path, Path::new("/repo/data/registry.db"));
    assert_eq!(config.online_store, rocksdb("/repo/data/online"));
    assert_eq!(config.response_layout, ResponseLayout::Auto);
}

#[test]
fn reads_the_block_form_of_the_registry() {
    let text = "project: shop\nregistry: {path: /abs/r.db, cache_ttl_seconds: 5}\nonline_store: {type: rocksdb}\nfoo: [1]\nserving: {response_layout: rows}";
    let config = RepositoryConfig::parse(text, Path::new("/repo")).unwrap();
    assert_eq!(config.registry_path, Path::new("/abs/r.db"));
    assert_eq!(config.online_store, rocksdb("/repo/data/online_store"));
    assert_eq!(config.response_layout, ResponseLayout::Rows);
}

#[test]
fn names_the_wrong_key() {
    assert!(problem("project: a-b\nregistry: r\nonline_store: rocksdb").contains("project name \"a-b\""));
    assert!(problem("registry: r\nonline_store: rocksdb").contains("the key project is missing"));
    assert!(problem("project: p\nonline_store: rocksdb").contains("the key registry is missing"));
    assert!(
        problem("project: p\nregistry: s3://b/r\nonline_store: rocksdb").contains("s3:// paths are not supported yet")
    );
    assert!(problem("project: p\nregistry: r\nonline_store: {type: nope}").contains("\"nope\" is not known"));
    assert!(
        problem("project: p\nregistry: r\nonline_store: {type: rocksdb, pth: x}")
            .contains("online_store.pth is not known")
    );
    assert!(
        problem("project: p\nregistry: r\nonline_store: {type: rocksdb, block_cache_mib: 0}")
            .contains("online_store.block_cache_mib must be a whole number of at least 1, not 0")
    );
    assert!(problem("project: 5\nregistry: r\nonline_store: rocksdb").contains("project must be a string"));
    assert!(problem("a: [").contains("not valid YAML"));
    assert!(problem("").contains("must be a mapping"));
}

/// What is wrong with a file that has these lines beside the usual ones, with the remedy; else what it warns of.
fn verdict(lines: &str) -> String {
    match RepositoryConfig::parse(&format!("{WALK}{lines}\n"), Path::new("/repo")) {
        Err(error) => format!("{error} | {}", error.hint().unwrap_or_default()),
        Ok(config) => [config.unknown_keys, config.without_effect].concat().join("\n"),
    }
}

#[test]
fn unknown_keys_are_errors_where_only_a_mistake_writes_them() {
    let check = |lines: &str, start: &str| {
        let verdict = verdict(lines);
        assert!(verdict.starts_with(start), "{lines}: {verdict}");
    };
    check(
        "serving: {max_request: 5}",
        "serving.max_request is not known: did you mean max_requests? | the keys of serving are ",
    );
    check(
        "serving: {zzz: 5}",
        "serving.zzz is not known | the keys of serving are",
    );
    check("serving: 5", "serving must be a mapping, not 5");
    check("serving: {drop_after: 1, max_event_time_skew: 1}", "");
    check(
        "feature_server: {offline_push_batching_size: 5}",
        "feature_server.offline_push_batching_size is not known: did you mean offline_push_batching_batch_size?",
    );
    check("feature_server: {host: x}", "feature_server.host is not known | ");
    check(
        "feature_server: {type: local, metrics: {enable: true}}",
        "feature_server.metrics.enable is not known: did you mean enabled?",
    );
    check(
        "feature_server: {type: local, mcp_enabled: true}",
        "feature_server.mcp_enabled is not known",
    );
    check(
        "feature_server: {type: mpc}",
        "Feature server type was set to mpc, but this type is invalid | feature_server.type is local or mcp",
    );
    check(
        "auth: {type: no_auth, user: x}",
        "auth.user is not known | the keys of auth are type",
    );
    check(
        "auth: {type: oidc, auth_discovery_uri: x}",
        "auth.auth_discovery_uri is not known: did you mean auth_discovery_url?",
    );
    check("auth: {type: kubernetes, anything: x}", "");
}

#[test]
fn sign_in_is_read_in_both_forms() {
    let check = |lines: &str, expected: &str| {
        let auth = match RepositoryConfig::parse(&format!("{WALK}{lines}\n"), Path::new("/repo")) {
            Ok(config) => config.auth.type_name().to_owned(),
            Err(error) => error.to_string(),
        };
        assert_eq!(auth, expected, "{lines}");
    };
    check("", "no_auth");
    check("auth:", "no_auth");
    check("auth: no_auth", "no_auth");
    check("auth: {type: no_auth}", "no_auth");
    check("auth: oidc", "oidc");
    check("auth: {type: oidc, auth_discovery_url: \"https://x\"}", "oidc");
    check(
        "auth: {type: oidc, auth_discovery_url: x}",
        "auth.auth_discovery_url \"x\" is not a URL",
    );
    check(
        "auth: {type: oidc, auth_discovery_url: \"https://x\", jwks_cache_lifespan_seconds: 0}",
        "auth.jwks_cache_lifespan_seconds must be a whole number from 1 to 604800, not 0",
    );
    check("auth: {type: kubernetes}", "kubernetes");
    check(
        "auth: {}",
        "auth configuration is missing authentication type. Possible values=['no_auth', 'kubernetes', 'oidc']",
    );
    check(
        "auth: {type: zzz}",
        "auth configuration has invalid authentication type=zzz. Possible values=['no_auth', 'kubernetes', 'oidc']",
    );
    check("auth: 5", "auth must be a mapping with the key type, not 5");
}

#[test]
fn unknown_keys_are_warnings_where_feast_takes_them() {
    let check = |lines: &str, expected: &str| assert_eq!(verdict(lines), expected, "{lines}");
    check(
        "ofline_store: dask",
        "ofline_store is not known and is ignored: did you mean offline_store?",
    );
    check("zzz: 1", "zzz is not known and is ignored");
    check(
        "materialization: {online_write_batchsize: 5}",
        "materialization.online_write_batchsize is not known and is ignored: did you mean online_write_batch_size?",
    );
    check(
        "offline_store: {type: dask, pth: x}",
        "offline_store.pth is not known and is ignored",
    );
    let warehouse = "offline_store has no effect here: history is parquet, which this binary reads itself";
    check("offline_store: {type: bigquery, dataset: x}", warehouse);
}

#[test]
fn keys_without_effect_say_so() {
    let check = |lines: &str, key: &str| {
        let verdict = verdict(lines);
        assert!(
            verdict.starts_with(&format!("{key} has no effect")),
            "{lines}: {verdict}"
        );
        assert_eq!(verdict.lines().count(), 1, "{verdict}");
    };
    check(
        "feature_server: {offline_push_batching_enabled: true, offline_push_batching_batch_size: 5}",
        "feature_server.offline_push_batching_enabled",
    );
    check(
        "feature_server: {type: mcp, mcp_enabled: true}",
        "feature_server.mcp_enabled",
    );
    check("batch_engine: spark.engine", "batch_engine");
    check(
        "entity_key_serialization_version: 2",
        "entity_key_serialization_version",
    );
    check(
        "materialization: {pull_latest_features: true}",
        "materialization.pull_latest_features",
    );
    assert_eq!(
        verdict(
            "provider: local\nentity_key_serialization_version: 3\nbatch_engine: {type: local}\noffline_store: dask"
        ),
        ""
    );
}

#[test]
fn allowed_hosts_are_hosts() {
    let hosts = |value: &str| {
        let config = RepositoryConfig::parse(
            &format!("{WALK}serving: {{allowed_hosts: {value}}}\n"),
            Path::new("/repo"),
        );
        config.map_or_else(
            |error| error.to_string(),
            |config| {
                config
                    .allowed_hosts
                    .iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
                    .join(" ")
            },
        )
    };
    assert_eq!(
        hosts("[Features.Example.COM., 10.0.0.1, '[::1]']"),
        "features.example.com 10.0.0.1 [::1]"
    );
    assert_eq!(hosts("[]"), "");
    for wrong in ["'https://a.example'", "a.example:80", "'*.example'", "''", "5"] {
        assert!(hosts(&format!("[{wrong}]")).ends_with("is not a host"), "{wrong}");
    }
    assert!(hosts("a.example").starts_with("serving.allowed_hosts must be a list"));
}
