//! Features and views that the online store could not tell apart.

use crate::support::Repository;

/// Found by trying names: `driver_stats:feature_34158` and `driver_orders:feature_96730` have the same field in Redis.
const DEFINITIONS: &str = r#"
from feast import Entity, FeatureView, Field, FileSource, ValueType
from feast.types import Int64

driver = Entity(name="driver", join_keys=["driver_id"], value_type=ValueType.INT64)

driver_stats = FeatureView(
    name="driver_stats",
    entities=[driver],
    schema=[Field(name="feature_34158", dtype=Int64)],
    source=FileSource(name="stats", path="data/stats.parquet", timestamp_field="event_timestamp"),
)
driver_orders = FeatureView(
    name="driver_orders",
    entities=[driver],
    schema=[Field(name="feature_96730", dtype=Int64)],
    source=FileSource(name="orders", path="data/orders.parquet", timestamp_field="event_timestamp"),
)
"#;

fn settings(store: &str) -> String {
    format!("project: shop\nregistry: data/registry.db\nonline_store: {store}\nentity_key_serialization_version: 3\n")
}

/// Nothing listens there: names are checked without Redis.
const REDIS: &str = "{type: redis, connection_string: \"127.0.0.1:1\"}";

#[test]
fn features_with_the_same_field_on_redis_are_refused_by_apply_and_plan() {
    let repository = Repository::empty();
    repository.write("definitions.py", DEFINITIONS);
    repository.write("feature_store.yaml", &settings(REDIS));
    for command in ["plan", "apply"] {
        let outcome = repository.feast(&[command, "--skip-source-validation"]);
        assert_eq!(outcome.code, Some(1), "{}", outcome.stderr);
        for part in [
            "definitions.py:",
            "driver_stats:feature_34158",
            "driver_orders:feature_96730",
            "rename one of the two features",
        ] {
            assert!(outcome.stderr.contains(part), "{}", outcome.stderr);
        }
        assert!(!repository.exists("data/registry.db"), "{command} wrote a registry");
    }
    repository.write("definitions.py", &DEFINITIONS.replace("96730", "96731"));
    repository.succeed(&["apply", "--skip-source-validation"]);
}

#[test]
fn a_registry_with_such_features_is_not_served_from_redis() {
    let repository = Repository::empty();
    repository.write("definitions.py", DEFINITIONS);
    repository.write("feature_store.yaml", &settings("{type: rocksdb, path: data/online}"));
    repository.succeed(&["apply", "--skip-source-validation"]);
    repository.write("feature_store.yaml", &settings(REDIS));
    let commands: [&[&str]; 2] = [
        &["serve", "--port", "0"],
        &["materialize", "2026-01-01T00:00:00", "2026-01-02T00:00:00"],
    ];
    for command in commands {
        let outcome = repository.feast(command);
        assert_eq!(outcome.code, Some(1), "{command:?}: {}", outcome.stderr);
        for part in [
            "registry.db",
            "driver_stats:feature_34158",
            "driver_orders:feature_96730",
            "rename one of the two features and apply",
        ] {
            assert!(outcome.stderr.contains(part), "{command:?}: {}", outcome.stderr);
        }
    }
    // The way out.
    repository.write("definitions.py", &DEFINITIONS.replace("96730", "96731"));
    repository.succeed(&["apply", "--skip-source-validation"]);
}
