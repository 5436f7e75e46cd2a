//! Keys that change nothing here: unknown ones that Feast accepts silently, and those that Feast acts on and this binary does not.

use serde_json::Value;

use super::audit;
use super::keys::{unknown_key, unknown_keys};
use super::redis;

const TOP_LEVEL: [&str; 19] = [
    "project",
    "project_description",
    "registry",
    "provider",
    "online_store",
    "offline_store",
    "batch_engine",
    "feature_server",
    "auth",
    "entity_key_serialization_version",
    "materialization",
    "coerce_tz_aware",
    "flags",
    "embedding_model",
    "openlineage",
    "mlflow",
    "data_quality_monitoring",
    "repo_path",
    "serving",
];

const REGISTRY: [&str; 10] = [
    "registry_type",
    "path",
    "cache_ttl_seconds",
    "cache_mode",
    "registry_store_type",
    "s3_additional_kwargs",
    "purge_feast_metadata",
    "enable_online_feature_view_versioning",
    "serve_features_while_materializing",
    "mcp",
];

const MATERIALIZATION: [&str; 2] = ["pull_latest_features", "online_write_batch_size"];

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
pub(super) fn unknown(root: &Value) -> Vec<String> {
    let mut blocks: Vec<(&str, &Value, &[&str])> = vec![("", root, &TOP_LEVEL)];
    let known_blocks: [(&str, &[&str]); 2] = [("registry", &REGISTRY), ("materialization", &MATERIALIZATION)];
    blocks.extend(known_blocks.map(|(name, keys)| (name, &root[name], keys)));
    let offline_store = &root["offline_store"];
    let offline_type = kind(offline_store).unwrap_or("dask");
    let offline_keys = OFFLINE_STORES.iter().find(|(name, _)| *name == offline_type);
    blocks.extend(offline_keys.map(|(_, keys)| ("offline_store", offline_store, *keys)));
    let lines = blocks.into_iter().flat_map(|(path, block, known)| {
        unknown_keys(block, known).map(move |key| unknown_key(path, key, known, "is not known and is ignored"))
    });
    lines.collect()
}

/// A key that Feast acts on, when it is set to what would change something, and why it does not here.
struct Switch {
    pointer: &'static str,
    is_on: fn(&Value) -> bool,
    why: &'static str,
}

const fn switch(pointer: &'static str, is_on: fn(&Value) -> bool, why: &'static str) -> Switch {
    Switch { pointer, is_on, why }
}

fn is_true(value: &Value) -> bool {
    *value == Value::Bool(true)
}

fn is_false(value: &Value) -> bool {
    *value == Value::Bool(false)
}

fn is_set(value: &Value) -> bool {
    !value.is_null()
}

/// The type of a block, which may be given as a string alone.
fn kind(value: &Value) -> Option<&str> {
    value.as_str().or_else(|| value.get("type")?.as_str())
}

const REGISTRY_IS_WATCHED: &str = "the registry file is looked at five times a second";
const NOT_OFFERED: &str = "it is not offered";
const NO_SEARCH: &str = "search in online stores is not offered";

const SWITCHES: &[Switch] = &[
    switch(
        "/provider",
        |value| kind(value).is_some_and(|name| name != "local"),
        "files are local",
    ),
    switch("/registry/cache_ttl_seconds", is_set, REGISTRY_IS_WATCHED),
    switch("/registry/cache_mode", is_set, REGISTRY_IS_WATCHED),
    switch("/registry/purge_feast_metadata", is_true, NOT_OFFERED),
    switch("/registry/mcp/enabled", is_true, NOT_OFFERED),
    switch("/online_store/vector_enabled", is_true, NO_SEARCH),
    switch("/online_store/text_search_enabled", is_true, NO_SEARCH),
    switch("/online_store/enable_openai_compatible_store", is_true, NO_SEARCH),
    switch(
        "/registry/serve_features_while_materializing",
        is_false,
        "reads go on while a view is being materialized",
    ),
    switch(
        "/offline_store",
        |value| kind(value).is_some_and(|name| !["dask", "file"].contains(&name)),
        "history is parquet, which this binary reads itself",
    ),
    switch(
        "/batch_engine",
        |value| kind(value).is_some_and(|name| name != "local"),
        "materialization runs in this process",
    ),
    switch(
        "/materialization/pull_latest_features",
        is_set,
        "only the newest row of each key is written in any case",
    ),
    switch(
        "/materialization/online_write_batch_size",
        is_set,
        "the size of batches is chosen here",
    ),
    switch(
        "/entity_key_serialization_version",
        |value| is_set(value) && value.as_u64() != Some(3),
        "entity keys are always of version 3",
    ),
    switch("/coerce_tz_aware", is_false, NOT_OFFERED),
    switch("/flags", is_set, "Feast does not need it any more"),
    switch("/embedding_model", is_set, NOT_OFFERED),
    switch("/openlineage/enabled", is_true, NOT_OFFERED),
    switch("/mlflow/enabled", is_true, NOT_OFFERED),
    switch("/data_quality_monitoring/auto_baseline", is_true, NOT_OFFERED),
    switch("/feature_server/transformation_service_endpoint", is_set, NOT_OFFERED),
    switch("/feature_server/feature_logging/enabled", is_true, NOT_OFFERED),
    switch("/feature_server/mcp_enabled", is_true, NOT_OFFERED),
];

/// Says which keys are set and change nothing here, though they would in Python's server.
pub(super) fn without_effect(root: &Value) -> Vec<String> {
    let switches = SWITCHES.iter().filter_map(|switch| {
        let value = root.pointer(switch.pointer)?;
        let key = switch.pointer[1..].replace('/', ".");
        (switch.is_on)(value).then(|| format!("{key} has no effect here: {}", switch.why))
    });
    let mut lines: Vec<String> = switches.chain(of_other_stores(root)).collect();
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
fn of_other_stores(root: &Value) -> impl Iterator<Item = String> {
    const PUSH_LOG: [&str; 1] = ["push_log_path"];
    let store = kind(&root["online_store"]).unwrap_or("sqlite");
    let of_redis = redis::SERVING_KEYS.iter().filter(move |_| store != "redis");
    let of_others = PUSH_LOG.iter().filter(move |_| store == "rocksdb");
    let given = of_redis
        .chain(of_others)
        .filter(|key| !root["serving"][**key].is_null());
    given.map(move |key| format!("serving.{key} has no effect here: the online store is {store}"))
}
