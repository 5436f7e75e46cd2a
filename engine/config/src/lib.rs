//! `feature_store.yaml` as typed data. Reading rules are Feast's: environment variables are expanded in the text
//! before it is parsed. Unknown keys are errors where Feast refuses them too and in the block that is our own, else warnings.
//!
//! Owns every key this binary understands and its default. Knows nothing of what the settings are used for.

mod api_keys;
mod audit;
mod auth;
mod backups;
mod block;
mod connections;
mod duration;
mod effective;
mod feature_logging;
mod feature_server;
mod host;
mod keys;
mod machine;
mod metrics;
mod online_store;
mod overrides;
mod places;
mod python;
mod redact;
mod redis;
mod registry;
mod serving;
mod settings;
mod source;
mod sqlite;
#[cfg(test)]
mod tests;
mod traces;
mod unused;
mod variables;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

pub use api_keys::ApiKey;
pub use audit::{AuditConfig, AuditSink};
pub use auth::{Auth, Issuer, OidcConfig};
pub use backups::BackupSchedule;
pub use block::has_login;
pub use connections::{ConnectionConfig, RateLimit};
pub use effective::{Effective, Origin};
pub use feature_logging::FeatureLoggingConfig;
pub use feature_server::OfflineBatching;
pub use host::Host;
pub use machine::machine_memory;
pub use metrics::MetricsConfig;
pub use online_store::{OnlineStoreConfig, OnlineStoreMemory};
pub use python::PythonConfig;
pub use redis::{RedisConfig, RedisLogin, RedisNode, RedisTls, RedisTopology};
pub use serving::{MaterializationLimits, PushQueueLimits, ResponseLayout, ServingLimits};
pub use settings::{BLOCKS, Block, DefaultValue, Ignored, Setting, SettingInForce, without_marks};
pub use source::{SETTINGS_VARIABLE, SettingsSource};
pub use traces::{SampleRate, TracesConfig};

use block::{flag_at, path_at, string_at};
use duration::duration_at;
pub use duration::format_duration;
use feast_model::error::{Error, Result};

use overrides::{Document, Overrides};

/// File name looked for in the repository directory.
pub const CONFIG_FILE: &str = "feature_store.yaml";

/// Where Kubernetes puts it.
const DEFAULT_SERVICE_ACCOUNT_PATH: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// The settings of one feature repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryConfig {
    /// The repository directory: relative paths start here.
    pub directory: PathBuf,
    /// Project name.
    pub project: String,
    /// Description of the project when no definition file gives one.
    pub project_description: String,
    /// The registry file.
    pub registry_path: PathBuf,
    /// The online store (`online_store`).
    pub online_store: OnlineStoreConfig,
    /// Write rows whatever is stored, even older ones (`online_store.skip_dedup`).
    pub skip_dedup: bool,
    /// Let requests name versions of views (`registry.enable_online_feature_view_versioning`).
    pub online_versioning: bool,
    /// Answer pushes to the offline store before they reach it (`feature_server.offline_push_batching_*`).
    pub offline_batching: Option<OfflineBatching>,
    /// What a server takes on (`serving.max_requests`, `serving.max_memory_mib`, `serving.send_timeout_seconds`).
    pub limits: ServingLimits,
    /// End materializations whose clients are gone (`serving.cancel_abandoned_runs`). Those in the background go on.
    pub cancel_abandoned_runs: bool,
    /// Least severe lines of a server's log to show (`serving.log_level`).
    pub log_level: Option<String>,
    /// How a server deals with its connections.
    pub connections: ConnectionConfig,
    /// Who asked a server for what, as its audit log has it; `None` when it has none (`feature_server.audit_logging`).
    pub audit: Option<AuditConfig>,
    /// What a server counts of its work, and where it says so.
    pub metrics: MetricsConfig,
    /// Which requests are traced; none when `None` (`serving.traces`).
    pub traces: Option<TracesConfig>,
    /// Requests that take longer are in the log, with where the time went (`serving.slow_requests`).
    pub slow_requests: Option<Duration>,
    /// Whether and how it logs the features that it serves (`feature_server.feature_logging`).
    pub feature_logging: FeatureLoggingConfig,
    /// What a materialization may take.
    pub materialization: MaterializationLimits,
    /// Layout of `/get-online-features` responses (`serving.response_layout`).
    pub response_layout: ResponseLayout,
    /// How far ahead of the clock event times of pushed rows may be (`serving.max_event_time_skew`); any time when `None`.
    pub max_event_time_skew: Option<Duration>,
    /// How long the rows of a view that has left the registry are kept, should it come back (`serving.drop_after`).
    pub drop_after: Duration,
    /// The directory of the log of pushes, for stores that cannot hold it (`serving.push_log_path`).
    pub push_log_path: PathBuf,
    /// Backups that a server makes by itself (`serving.backups`).
    pub backups: Option<BackupSchedule>,
    /// Hosts beside the server's own under which browsers may reach it (`serving.allowed_hosts`).
    pub allowed_hosts: Vec<Host>,
    /// Which Python runs functions of on-demand views that this binary does not (`serving.python`); none when `None`.
    pub python: Option<PythonConfig>,
    /// Whose tokens a server accepts (`auth`).
    pub auth: Auth,
    /// Keys that clients may sign in with (`serving.api_keys`).
    pub api_keys: Vec<ApiKey>,
    /// Where a pod has what it needs to ask its cluster (`serving.service_account_path`).
    pub service_account_path: PathBuf,
    /// Unknown keys in blocks where they are not an error: a line for the user each.
    pub unknown_keys: Vec<String>,
    /// Keys that Feast acts on and this binary does not: a line for the operator each.
    pub without_effect: Vec<String>,
    /// Where the keys of blocks were written that have an override.
    overrides: Overrides,
}

impl RepositoryConfig {
    /// Reads the settings of the repository in `directory`.
    ///
    /// # Errors
    /// `NotFound` when there is no such file, `Invalid` when it cannot be understood; both say what to do.
    pub fn load(directory: &Path, source: &SettingsSource) -> Result<Self> {
        let text = source.read()?;
        Self::parse(&text.expanded.text, directory).map_err(|error| source.named(error))
    }

    /// The settings as they are understood, to be shown: what the file gives, variables expanded and secrets hidden, and Feast's
    /// defaults for blocks it does not have.
    ///
    /// # Errors
    /// As [`RepositoryConfig::load`].
    pub fn document(directory: &Path, source: &SettingsSource) -> Result<Value> {
        let text = source.read()?.expanded.text;
        Self::parse(&text, directory).map_err(|error| source.named(error))?;
        let mut given = parse_yaml(&text)?;
        redact::hide_secrets(&mut given);
        let mut document = serde_json::Map::new();
        let defaults = [
            ("auth", "no_auth"),
            ("offline_store", "dask"),
            ("batch_engine", "local"),
        ];
        document.extend(
            given
                .as_object()
                .into_iter()
                .flatten()
                .map(|(key, value)| (key.clone(), value.clone())),
        );
        for (key, kind) in defaults {
            document
                .entry(key)
                .or_insert_with(|| serde_json::json!({ "type": kind }));
        }
        Ok(Value::Object(document))
    }

    /// The same, with the registry and an embedded online store in another directory.
    #[must_use]
    pub fn moved_to(mut self, directory: &Path) -> Self {
        self.registry_path = directory.join("registry.db");
        if let OnlineStoreConfig::RocksDb { path, .. } = &mut self.online_store {
            *path = directory.join("online_store");
        }
        self
    }

    /// The same, for a process that reads each row once and holds none in memory.
    #[must_use]
    pub fn without_rows_in_memory(mut self) -> Self {
        match &mut self.online_store {
            OnlineStoreConfig::RocksDb { memory, .. } => memory.row_cache = 0,
            OnlineStoreConfig::Redis(redis) => (redis.row_cache, redis.cache_staleness) = (0, None),
            OnlineStoreConfig::Sqlite { .. } => {}
        }
        self
    }

    /// Understands the text of a `feature_store.yaml` whose variables are already expanded.
    ///
    /// # Errors
    /// `Invalid`, naming the key.
    pub fn parse(text: &str, directory: &Path) -> Result<Self> {
        let root = parse_yaml(text)?;
        if !root.is_object() {
            return Err(Error::invalid(
                "must be a mapping with at least the keys project and registry",
            ));
        }
        let project = string_at(&root, "", "project")?.ok_or_else(|| Error::invalid("the key project is missing"))?;
        let project = project.to_owned();
        check_project_name(&project)?;
        feature_server::check(&root)?;
        serving::check(&root)?;
        let document = Document::new(root)?;
        let root = &document.root;
        let online_store = online_store::online_store(&document, directory)?;
        online_store::check_entity_keys(root, &online_store)?;
        let backups = backups::schedule(root, &online_store, directory)?;
        Ok(Self {
            project,
            project_description: string_at(root, "", "project_description")?
                .unwrap_or_default()
                .to_owned(),
            registry_path: directory.join(registry::path(&document)?),
            skip_dedup: document.online_store().flag("skip_dedup")?,
            max_event_time_skew: duration_at(root, "serving", "max_event_time_skew")?,
            drop_after: duration_at(root, "serving", "drop_after")?.unwrap_or(serving::DEFAULT_DROP_AFTER),
            online_versioning: document.registry().flag("enable_online_feature_view_versioning")?,
            offline_batching: feature_server::offline_batching(root)?,
            limits: serving::limits(root)?,
            cancel_abandoned_runs: flag_at(root, "serving", "cancel_abandoned_runs")?,
            log_level: serving::log_level(root)?,
            connections: connections::connections(root)?,
            audit: audit::audit(root, directory)?,
            metrics: metrics::metrics(root)?,
            traces: traces::traces(root, directory)?,
            slow_requests: duration_at(root, "serving", "slow_requests")?,
            feature_logging: feature_logging::feature_logging(root, directory)?,
            materialization: serving::materialization(root)?,
            response_layout: serving::response_layout(root)?,
            push_log_path: directory
                .join(path_at(&root["serving"], "serving", "push_log_path")?.unwrap_or("data/push_log")),
            backups,
            allowed_hosts: serving::allowed_hosts(root)?,
            python: python::python(root, directory)?,
            auth: auth::auth(root, directory)?,
            api_keys: api_keys::api_keys(root)?,
            service_account_path: directory.join(
                path_at(&root["serving"], "serving", "service_account_path")?.unwrap_or(DEFAULT_SERVICE_ACCOUNT_PATH),
            ),
            unknown_keys: unused::unknown(&document),
            without_effect: unused::without_effect(&document, online_store.type_name()),
            online_store,
            directory: directory.to_path_buf(),
            overrides: document.overrides,
        })
    }
}

/// A YAML document as JSON.
///
/// # Errors
/// `Invalid`, naming the place.
pub fn parse_yaml(text: &str) -> Result<Value> {
    from_yaml(text)
}

fn from_yaml<'text, T: serde::Deserialize<'text>>(text: &'text str) -> Result<T> {
    serde_saphyr::from_str(text).map_err(|source| {
        // The lines after the first draw the place, which the first names.
        let message = source.to_string();
        Error::invalid(format!(
            "not valid YAML: {}",
            message.lines().next().unwrap_or_default()
        ))
    })
}

/// Feast's rule: word characters only, and no hyphen because table names are made of it.
///
/// # Errors
/// `Invalid`, saying what a name may hold.
pub fn check_project_name(name: &str) -> Result<()> {
    let valid = !name.is_empty()
        && !name.starts_with('_')
        && name
            .chars()
            .all(|character| character.is_alphanumeric() || character == '_');
    if valid {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "project name {name:?} must consist of letters, digits and underscores and must not start with an underscore"
    )))
}
