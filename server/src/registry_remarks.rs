//! What the log says of the registry in use: of functions, of permissions, of services whose answers are to be logged. Said when the
//! server starts and when the registry has changed; a line that was said of the registry as it was is not said again.

use std::sync::Arc;

use feast_engine::model::Definitions;
use feast_engine::{Error, FeatureStore, OnDemandRemark};
use futures::future::BoxFuture;
use parking_lot::Mutex;

use crate::context::Context;

/// Reads the definitions of the repository.
pub type ReadDefinitions = Arc<dyn Fn() -> Result<Definitions, Error> + Send + Sync>;

/// What there is to say of one registry after the other.
pub(crate) struct RegistryRemarks {
    store: Arc<FeatureStore>,
    functions: Arc<Lines>,
    /// None when nobody has to sign in.
    permissions: Option<Lines>,
    /// None when no answers are logged.
    feature_log: Option<Lines>,
}

impl RegistryRemarks {
    pub(crate) fn new(context: &Context) -> Self {
        Self {
            store: Arc::clone(&context.store),
            functions: Arc::default(),
            permissions: context.sign_in.as_ref().map(|_| Lines::default()),
            feature_log: context.feature_log.as_ref().map(|_| Lines::default()),
        }
    }

    /// Logs what is new of permissions and of services whose answers cannot be logged.
    pub(crate) fn write(&self) {
        if let Some(permissions) = &self.permissions {
            let new = permissions.replace(permission_lines(&self.store));
            new.iter().for_each(|line| tracing::warn!("{line}"));
        }
        if let Some(feature_log) = &self.feature_log {
            let problems = self.store.feature_log_problems();
            let new = feature_log.replace(problems.iter().map(ToString::to_string).collect());
            new.iter().for_each(|line| tracing::error!("{line}"));
        }
    }

    /// Completes the functions of on-demand views, starts the Python of the settings, and names the views that are not computed in this
    /// process, or not at all.
    pub(crate) fn prepare_functions(&self, read_definitions: ReadDefinitions) -> BoxFuture<'static, ()> {
        let (store, logged) = (Arc::clone(&self.store), Arc::clone(&self.functions));
        Box::pin(async move {
            let lines = prepare_functions(&store, read_definitions).await;
            let new = logged.replace(lines);
            new.iter().for_each(|line| tracing::warn!("{line}"));
        })
    }
}

/// The lines of one kind for the registry as it was last seen.
#[derive(Default)]
struct Lines(Mutex<Vec<String>>);

impl Lines {
    /// Takes the lines for the registry as it is, and gives those that are new.
    fn replace(&self, lines: Vec<String>) -> Vec<String> {
        let mut former = self.0.lock();
        let new = lines.iter().filter(|line| !former.contains(line)).cloned().collect();
        *former = lines;
        new
    }
}

fn permission_lines(store: &FeatureStore) -> Vec<String> {
    let rules = store.rules();
    let mut lines: Vec<String> = rules.remarks().iter().map(ToString::to_string).collect();
    if rules.is_empty() {
        lines.push("there are no permissions: whoever signs in may do everything".to_owned());
    }
    lines
}

async fn prepare_functions(store: &Arc<FeatureStore>, read_definitions: ReadDefinitions) -> Vec<String> {
    let remarks = {
        let store = Arc::clone(store);
        tokio::task::spawn_blocking(move || {
            if let Err(error) = store.supply_module_names(|| read_definitions()) {
                tracing::warn!(
                    "the names of their modules that functions of on-demand views use are not known, as the definitions cannot be \
                     read: {error}"
                );
            }
            store.on_demand_remarks()
        })
        .await
    };
    let remark = |OnDemandRemark { view, line, text }| match line {
        Some(line) => format!("on-demand feature view {view} {text} (line {line} of its function)"),
        None => format!("on-demand feature view {view} {text}"),
    };
    let mut lines: Vec<String> = remarks.into_iter().flatten().map(remark).collect();
    match store.start_python().await {
        Ok(refused) => lines.extend(refused.into_iter().map(|(view, reason)| {
            format!("on-demand feature view {view}: its function cannot be loaded in Python: {reason}")
        })),
        Err(error) => lines.push(format!("serving.python: {error}")),
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_new_once_and_again_after_it_was_gone() {
        let lines = Lines::default();
        for (now, expected) in [
            ("a b", "a b"),
            ("a b c", "c"),
            ("b", ""),
            ("a b", "a"),
            ("", ""),
            ("b", "b"),
        ] {
            let new = lines.replace(now.split_whitespace().map(str::to_owned).collect());
            assert_eq!(new.join(" "), expected, "{now}");
        }
    }
}
