//! The log of served features, as far as it is about the registry: what of it can be logged.

use std::path::PathBuf;
use std::sync::Arc;

use feast_model::error::{Error, Result};
use feast_model::{Definitions, FeatureService, LoggingDestination};

use super::FeatureStore;
use crate::feature_log::{self, FeatureLog, TakeRemark};
use crate::online::LogTable;

impl FeatureStore {
    /// Whether all services can be logged that are to be, if the settings ask for a log.
    ///
    /// # Errors
    /// `Invalid`, naming those that cannot.
    pub fn check_feature_log(&self) -> Result<()> {
        if !self.config.feature_logging.is_enabled {
            return Ok(());
        }
        let mut problems = self.feature_log_problems().into_iter();
        if let Some(first) = problems.next() {
            let hint = first.hint().map(str::to_owned);
            let others: Vec<String> = problems.map(|problem| format!("\n{problem}")).collect();
            let error = Error::invalid(format!("{first}{}", others.concat()));
            let hint = hint.unwrap_or_else(|| {
                "remove its logging_config or set its sample_rate to 0, or set feature_server.feature_logging.enabled to false"
                    .to_owned()
            });
            return Err(error.with_hint(hint));
        }
        Ok(())
    }

    /// Starts the log of served features, if the settings ask for one: what an earlier server has left is handed over from now on. `remark`
    /// takes what an operator should know of it.
    ///
    /// # Errors
    /// `Unavailable` when rows cannot wait on disk for their destination.
    pub fn start_feature_log(&self, remark: Arc<TakeRemark>) -> Result<Option<Arc<FeatureLog>>> {
        if !self.config.feature_logging.is_enabled {
            return Ok(None);
        }
        let state = self.state();
        let services = services_to_be_logged(&state.definitions);
        let log = FeatureLog::start(&self.config, services.map(|service| service.name()), remark)?;
        Ok(Some(Arc::new(log)))
    }

    /// Why services that are to be logged cannot be, in the registry as it is now.
    pub fn feature_log_problems(&self) -> Vec<Error> {
        let state = self.state();
        let services = state.definitions.services.iter();
        services
            .filter_map(|service| LogTable::new(&state.definitions, service).err())
            .collect()
    }

    /// Where services are logged to that are to be, as their definitions say it, relative paths from the repository: their names with the
    /// directories. None when the settings ask for no log.
    pub fn feature_log_destinations(&self) -> Vec<(String, PathBuf)> {
        if !self.config.feature_logging.is_enabled {
            return Vec::new();
        }
        let state = self.state();
        let services = state.definitions.services.iter();
        let tables = services.filter_map(|service| LogTable::new(&state.definitions, service).ok().flatten());
        tables
            .map(|table| (table.service.clone(), self.config.directory.join(&table.path)))
            .collect()
    }

    /// What is to be said of feature logs when there are to be none: services that ask for one, and rows that an earlier server has left.
    pub fn feature_log_remarks(&self) -> Vec<String> {
        if self.config.feature_logging.is_enabled {
            return Vec::new();
        }
        let state = self.state();
        let services = services_to_be_logged(&state.definitions);
        let names: Vec<&str> = services.map(|service| service.name()).collect();
        let mut lines = Vec::new();
        if !names.is_empty() {
            lines.push(format!(
                "what is served of {} is not logged, though there is a logging_config: feature_server.feature_logging.enabled is not true",
                names.join(", ")
            ));
        }
        if feature_log::is_in_use(&self.config) {
            lines.push(
                "logged features of an earlier server wait in serving.feature_log_spool_path: a server with \
                 feature_server.feature_logging.enabled hands them over"
                    .to_owned(),
            );
        }
        lines
    }
}

/// Those whose definition gives a destination, and a share of requests.
fn services_to_be_logged(definitions: &Definitions) -> impl Iterator<Item = &FeatureService> {
    definitions.services.iter().filter(|service| {
        let logging = service.logging.as_ref();
        logging.is_some_and(|logging| logging.sample_rate > 0.0 && logging.destination != LoggingDestination::Nowhere)
    })
}
