//! The registry: whether it is there, what it holds, and what of it cannot be used.

use std::sync::Arc;

use feast_engine::model::{Definitions, Timestamp};
use feast_engine::{Access, FeatureStore, RepositoryConfig, check_writable, format_duration, now};

use super::finding::Findings;
use crate::output::count;

const APPLY: &str = "run: feast apply";

/// Reads the registry; `None` when it cannot be read, and then what depends on it is not checked.
pub(super) fn check(config: &Arc<RepositoryConfig>, access: Access, findings: &Findings) -> Option<Arc<FeatureStore>> {
    let path = config.registry_path.display();
    findings.begin(format!("reading {path}"));
    // What is opened to be read cannot be written by mistake.
    let store = match FeatureStore::open_with(RepositoryConfig::clone(config), Access::ReadOnly) {
        Ok(store) => Arc::new(store),
        Err(error) => {
            findings.failed(&error);
            return None;
        }
    };
    let definitions = store.definitions();
    match (config.registry_path.exists(), &definitions.project) {
        (false, _) => findings.warning(format!("there is no registry at {path} yet: nothing is served"), APPLY),
        (true, None) => findings.warning(
            format!("{path} holds nothing of project {}: nothing is served", config.project),
            format!("{APPLY}, or correct the project in feature_store.yaml"),
        ),
        (true, Some(_)) => findings.ok(format!("{path}: {}{}", counts(&definitions), age(&store))),
    }
    if access == Access::ReadWrite
        && let Err(error) = check_writable(&config.registry_path)
    {
        let hint = "without that no materialization is recorded, and nothing is applied here";
        findings.warning(error.to_string(), hint);
    }
    if let Err(error) = store.check_view_names() {
        findings.failed(&error);
    }
    for object in store.unsupported_objects() {
        findings.remark(format!("{} {}: {}", object.kind, object.name, object.reason));
    }
    for service in store.services_with_copies() {
        let text = format!(
            "feature service {service} has precompute_online: Python Feast reads a copy of its rows, which is not written here"
        );
        findings.warning(
            text,
            format!("after writes call Python's precompute_feature_service(\"{service}\")"),
        );
    }
    Some(store)
}

fn counts(definitions: &Definitions) -> String {
    let counts = [
        (definitions.feature_views.len(), "feature view"),
        (definitions.on_demand_feature_views.len(), "on-demand feature view"),
        (definitions.services.len(), "feature service"),
    ];
    counts.map(|(number, name)| count(number, name)).join(", ")
}

/// How long ago it was written.
fn age(store: &FeatureStore) -> String {
    let written = store.registry().ok().and_then(|registry| registry.last_updated());
    let Some(written) = written.filter(|written| *written > Timestamp::EPOCH) else {
        return String::new();
    };
    let micros = u64::try_from(now().micros().saturating_sub(written.micros())).unwrap_or(0);
    // To the second, from a minute on to the minute.
    let seconds = micros / 1_000_000;
    let seconds = if seconds < 60 { seconds } else { seconds / 60 * 60 };
    format!(
        ", written {} ago",
        format_duration(std::time::Duration::from_secs(seconds))
    )
}
