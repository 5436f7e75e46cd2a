//! The block `serving.backups`: backups that a server makes by itself.

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::time::Duration;

use feast_model::error::{Error, Result};
use serde_json::Value;

use super::block::{number_at, path_at};
use super::duration::duration_at;
use super::keys::check_keys;
use super::online_store::OnlineStoreConfig;
use super::settings::BACKUPS;

const BLOCK: &str = "serving.backups";

const DEFAULT_EVERY: Duration = Duration::from_secs(86_400);
const DEFAULT_KEEP: NonZero<usize> = NonZero::new(7).expect("it is not zero");
/// A mistake in the unit would fill the disk.
const MIN_EVERY: Duration = Duration::from_secs(1);

/// Where backups are made, how often, and how many are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupSchedule {
    /// The directory of backups.
    pub directory: PathBuf,
    /// From the beginning of one to that of the next.
    pub every: Duration,
    /// The oldest of more than so many are removed.
    pub keep: NonZero<usize>,
}

pub(super) fn schedule(root: &Value, store: &OnlineStoreConfig, base: &Path) -> Result<Option<BackupSchedule>> {
    let block = match root.get("serving").and_then(|serving| serving.get("backups")) {
        None | Some(Value::Null) => return Ok(None),
        Some(block @ Value::Object(_)) => block,
        Some(other) => return Err(Error::invalid(format!("{BLOCK} must be a mapping, not {other}"))),
    };
    check_keys(BLOCK, block, &[&BACKUPS])?;
    if !matches!(store, OnlineStoreConfig::RocksDb { .. }) {
        let message = format!(
            "{BLOCK}: an online store in {} is not backed up by the server",
            store.type_name()
        );
        return Err(Error::invalid(message).with_hint("leave the block out, and use the means of that store"));
    }
    let directory = path_at(block, BLOCK, "directory")?.ok_or_else(|| {
        Error::invalid(format!("{BLOCK}.directory is missing")).with_hint("name the directory of backups")
    })?;
    // Numbers and durations are looked up by the name of their block.
    let named = serde_json::json!({ BLOCK: block });
    let every = duration_at(&named, BLOCK, "every")?.unwrap_or(DEFAULT_EVERY);
    if every < MIN_EVERY {
        return Err(Error::invalid(format!("{BLOCK}.every must be a second at least")));
    }
    let keep = number_at(&named, BLOCK, "keep", 1)?;
    let keep = keep.and_then(|keep| NonZero::new(usize::try_from(keep).unwrap_or(usize::MAX)));
    Ok(Some(BackupSchedule {
        directory: base.join(directory),
        every,
        keep: keep.unwrap_or(DEFAULT_KEEP),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RepositoryConfig;

    fn check(backups: &str, expected: &str) {
        let settings = format!(
            "project: shop\nregistry: registry.db\nonline_store: {{type: rocksdb}}\nentity_key_serialization_version: 3\n\
             serving: {{backups: {backups}}}"
        );
        let answer = match RepositoryConfig::parse(&settings, Path::new("/shop")) {
            Ok(config) => format!(
                "{:?}",
                config
                    .backups
                    .map(|found| (found.directory, found.every.as_secs(), found.keep))
            ),
            Err(error) => error.to_string(),
        };
        assert_eq!(answer, expected, "{backups}");
    }

    #[test]
    fn a_schedule_has_defaults_and_names_what_is_wrong() {
        check("null", "None");
        check("{directory: /b}", r#"Some(("/b", 86400, 7))"#);
        check("{directory: b, every: 6h, keep: 3}", r#"Some(("/shop/b", 21600, 3))"#);
        check("7", "serving.backups must be a mapping, not 7");
        check("{every: 6h}", "serving.backups.directory is missing");
        check("{directory: ''}", "serving.backups.directory is empty");
        check(
            "{directory: b, every: 0}",
            "serving.backups.every must be a second at least",
        );
        check(
            "{directory: b, keep: 0}",
            "serving.backups.keep must be a whole number of at least 1, not 0",
        );
        check(
            "{directory: b, evry: 6h}",
            "serving.backups.evry is not known: did you mean every?",
        );
    }

    #[test]
    fn stores_that_have_means_of_their_own_are_refused() {
        let settings = "project: shop\nregistry: registry.db\nserving: {backups: {directory: b}}";
        let error = RepositoryConfig::parse(settings, Path::new("/shop")).unwrap_err();
        assert!(error.to_string().contains("in sqlite is not backed up"), "{error}");
    }
}
