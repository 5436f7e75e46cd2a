//! The top level, and blocks in which Feast's tools say where things are.

use serde_json::Value;

use super::{Block, ignored, or_null, place, setting, some};

pub(crate) fn is_true(value: &Value) -> bool {
    *value == Value::Bool(true)
}

pub(crate) fn is_false(value: &Value) -> bool {
    *value == Value::Bool(false)
}

pub(crate) fn is_set(value: &Value) -> bool {
    !value.is_null()
}

/// For keys that change nothing in Python's server either, or only how it does the same.
pub(crate) fn never(_: &Value) -> bool {
    false
}

/// The type of a block, which may be given as a string alone.
pub(crate) fn kind(value: &Value) -> Option<&str> {
    value.as_str().or_else(|| value.get("type")?.as_str())
}

pub(crate) const NOT_OFFERED: &str = "it is not offered";
const REGISTRY_IS_WATCHED: &str = "the registry file is looked at five times a second";
const REGISTRY_IS_A_FILE: &str = "the registry is a file";

pub(crate) static REPOSITORY: Block = Block::new(
    "The repository",
    "",
    &[
        setting(
            "project",
            "a name",
            "letters, digits and underscores; the first is no underscore",
            |config| some(config.project.as_str()),
        )
        .required(),
        setting(
            "project_description",
            "text",
            "description of the project where no definition file gives one",
            |config| or_null(Some(config.project_description.as_str()).filter(|text| !text.is_empty())),
        )
        .or_nothing("none"),
        setting(
            "entity_key_serialization_version",
            "`3`",
            "the version of entity keys; a repository with Redis or SQLite that has another one is refused",
            |_| some(3),
        ),
    ],
)
.and_ignored(&[
    ignored("provider", "files are local", |value| {
        kind(value).is_some_and(|name| name != "local")
    }),
    ignored(
        "offline_store",
        "history is parquet, which this binary reads itself",
        |value| kind(value).is_some_and(|name| !["dask", "file"].contains(&name)),
    ),
    ignored("batch_engine", "materialization runs in this process", |value| {
        kind(value).is_some_and(|name| name != "local")
    }),
    ignored("coerce_tz_aware", NOT_OFFERED, is_false),
    ignored("flags", "Feast does not need it any more", is_set),
    ignored("embedding_model", NOT_OFFERED, is_set),
    ignored("openlineage.enabled", NOT_OFFERED, is_true),
    ignored("mlflow.enabled", NOT_OFFERED, is_true),
    ignored("data_quality_monitoring.auto_baseline", NOT_OFFERED, is_true),
    ignored(
        "repo_path",
        "the repository is where the command is told to work",
        never,
    ),
]);

pub(crate) static REGISTRY: Block = Block::new(
    "The registry",
    "registry",
    &[
        setting(
            "path",
            "a path",
            "the registry file; `registry: PATH` says the same",
            |config| place(&config.registry_path),
        )
        .required(),
        setting("registry_type", "`file`", "where the registry is", |_| some("file")),
        setting(
            "enable_online_feature_view_versioning",
            "true, false",
            "let requests name versions of views, as `VIEW@v1`",
            |config| some(config.online_versioning),
        ),
    ],
)
.short("path")
.and_ignored(&[
    ignored("cache_ttl_seconds", REGISTRY_IS_WATCHED, is_set),
    ignored("cache_mode", REGISTRY_IS_WATCHED, is_set),
    ignored("registry_store_type", REGISTRY_IS_A_FILE, never),
    ignored("s3_additional_kwargs", REGISTRY_IS_A_FILE, never),
    ignored("purge_feast_metadata", NOT_OFFERED, is_true),
    ignored(
        "serve_features_while_materializing",
        "reads go on while a view is being materialized",
        is_false,
    ),
    ignored("mcp.enabled", NOT_OFFERED, is_true),
]);

pub(crate) static MATERIALIZATION: Block =
    Block::new("Materialization, in Feast", "materialization", &[]).and_ignored(&[
        ignored(
            "pull_latest_features",
            "only the newest row of each key is written in any case",
            is_set,
        ),
        ignored("online_write_batch_size", "the size of batches is chosen here", is_set),
    ]);
