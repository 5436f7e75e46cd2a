//! `feature_store.yaml`: whether it can be understood, and what in it changes nothing.

use feast_engine::RepositoryConfig;

use super::finding::Findings;
use crate::settings::{Repository, ServeSettings};

/// Reads the settings; `None` when they cannot be understood, and then there is nothing else to check.
pub(super) fn check(repository: &Repository, serve: &ServeSettings, findings: &Findings) -> Option<RepositoryConfig> {
    let config = match repository.read_settings() {
        Ok(config) => config,
        Err(error) => {
            findings.failed(&error);
            return None;
        }
    };
    let store = config.online_store.type_name();
    findings.ok(format!("project {}, with its online store in {store}", config.project));
    let lines = config.unknown_keys.iter().chain(&config.without_effect);
    lines.for_each(|line| findings.remark(line));
    for line in &config.unset_variables {
        findings.warning(
            line,
            "set it in the environment of the server; as it is, its name is the value",
        );
    }
    for option in &serve.without_effect {
        findings.remark(format!("{option} has no effect here"));
    }
    Some(config)
}
