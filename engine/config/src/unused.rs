//! Keys that change nothing here: unknown ones that Feast accepts silently, and those that Feast acts on and this binary does not.

use serde_json::Value;

use super::audit;
use super::keys::{unknown_key, unknown_keys};
use super::overrides::Document;
use super::settings::{
    BLOCKS, MATERIALIZATION, PUSH_LOG, REDIS_SERVING, REGISTRY, REPOSITORY, is_set, is_true, keys_of, kind,
};

/// The types of offline stores whose keys are few enough to be known here.
const OFFLINE_STORES: [(&str, &[&str]); 4] = [
    ("dask", &["type"]),
    ("file", &["type"]),
    (
        "duckdb",
        &["type", "staging_location", "staging_location_endpoint_override"],
    ),
    (
        "remote",
        &["type", "scheme", "host", "port", "cert", "connection_retries"],
    ),
];

/// Says which keys neither this binary nor Feast knows, in blocks where that is not an error.
pub(super) fn unknown(document: &Document) -> Vec<String> {
    let root = &document.root;
    let mut blocks: Vec<(&str, &Value, Vec<&str>)> = vec![("", root, keys_of(&[&REPOSITORY]))];
    let known_blocks = [("registry", &REGISTRY), ("materialization", &MATERIALIZATION)];
    blocks.extend(known_blocks.map(|(name, block)| (name, &root[name], keys_of(&[block]))));
    let offline_store = &root["offline_store"];
    let offline_type = kind(offline_store).unwrap_or("dask");
    let offline_keys = OFFLINE_STORES.iter().find(|(name, _)| *name == offline_type);
    blocks.extend(offline_keys.map(|(_, keys)| ("offline_store", offline_store, keys.to_vec())));
    let mut lines = Vec::new();
    for (path, block, known) in &blocks {
        let unknown = unknown_keys(block, known);
        lines.extend(unknown.map(|key| unknown_key(path, key, known, "is not known and is ignored")));
    }
    lines
}

/// Says which keys are set and change nothing here, though they would in Python's server.
pub(super) fn without_effect(document: &Document, online_store: &str) -> Vec<String> {
    let root = &document.root;
    let ignored = BLOCKS
        .iter()
        .flat_map(|block| block.ignored.iter().map(move |key| (block, key)));
    let missed = ignored.filter_map(|(block, key)| {
        let value = root.pointer(&format!("/{}", block.path_of(key.name).replace('.', "/")))?;
        let path = match document.overrides.path(block.path, key.name) {
            "" => key.name.to_owned(),
            path => format!("{path}.{}", key.name),
        };
        (key.is_missed)(value).then(|| format!("{path} has no effect here: {}", key.why))
    });
    let mut lines: Vec<String> = missed.chain(of_other_stores(root, online_store)).collect();
    let version = &root["entity_key_serialization_version"];
    if is_set(version) && version.as_u64() != Some(3) {
        lines.push(
            "entity_key_serialization_version has no effect here: entity keys are always of version 3".to_owned(),
        );
    }
    if audit::has_no_place(root) {
        lines.push(
            "feature_server.metrics.audit_logging has no effect: its lines go where those of feature_server.audit_logging go, which \
             is not enabled"
                .to_owned(),
        );
    }
    let batching = &root["feature_server"];
    let is_set = |key: &str| !batching[key].is_null();
    if is_true(&batching["offline_push_batching_enabled"])
        && !(is_set("offline_push_batching_batch_size") && is_set("offline_push_batching_batch_interval_seconds"))
    {
        lines.push(
            "feature_server.offline_push_batching_enabled has no effect: offline_push_batching_batch_size and \
             offline_push_batching_batch_interval_seconds must both be set"
                .to_owned(),
        );
    }
    lines
}

/// Keys of `serving` that are about another online store than the one that is set.
fn of_other_stores<'root>(root: &'root Value, store: &'root str) -> impl Iterator<Item = String> + 'root {
    let of_redis = REDIS_SERVING.settings.iter().filter(move |_| store != "redis");
    let of_others = PUSH_LOG.settings.iter().filter(move |_| store == "rocksdb");
    let given = of_redis
        .chain(of_others)
        .filter(|setting| !root["serving"][setting.name].is_null());
    given.map(move |setting| {
        format!(
            "serving.{} has no effect here: the online store is {store}",
            setting.name
        )
    })
}
