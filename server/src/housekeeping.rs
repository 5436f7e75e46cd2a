//! What a server does at intervals: looking at the registry file, appending pushes that wait, dropping hidden tables when their
//! time is over.
//!
//! The registry file is looked at five times a second, and in addition before each write and materialization over HTTP and when a
//! read names something unknown; not on each read.

use std::sync::Arc;
use std::time::Duration;

use feast_engine::{FeatureStore, TableFate};
use futures::future::BoxFuture;
use tokio::sync::Notify;

use crate::ReadDefinitions;
use crate::context::Context;
use crate::readiness::Readiness;
use crate::registry_remarks::RegistryRemarks;

/// Between two looks at the registry file. A look is one `stat`, so it can be often.
pub(crate) const REGISTRY_INTERVAL: Duration = Duration::from_millis(200);

/// Between two checks whether pushes are due for their parquet source.
const FLUSH_INTERVAL: Duration = Duration::from_millis(100);

/// Between two looks at what the online store needs. Without hidden tables and new files a look is two `stat`s.
pub(crate) const TEND_INTERVAL: Duration = Duration::from_millis(250);

/// Between two looks at the state of the stores: the registry is in memory, and so are the tables; the disk is asked for its room.
pub(crate) const STORES_INTERVAL: Duration = Duration::from_secs(1);

/// Tends the online store, for ever.
pub(crate) async fn tend_online_store(mut care: StoreCare) {
    loop {
        tokio::time::sleep(TEND_INTERVAL).await;
        care.tend().await;
    }
}

/// What the online store needs from time to time. A problem is logged once, and the step that failed is tried again.
pub(crate) struct StoreCare {
    store: Arc<FeatureStore>,
    last_problem: String,
}

impl StoreCare {
    pub(crate) fn new(store: Arc<FeatureStore>) -> Self {
        Self {
            store,
            last_problem: String::new(),
        }
    }

    /// Drops hidden tables whose time is over, and logs what became of tables since the last look.
    pub(crate) async fn tend(&mut self) {
        let tended = {
            let store = Arc::clone(&self.store);
            tokio::task::spawn_blocking(move || {
                let outcome = store.tend_online_store();
                log_table_changes(&store);
                log_function_remarks(&store);
                outcome
            })
        };
        match tended.await {
            Ok(Ok(())) => self.last_problem.clear(),
            Ok(Err(error)) if error.to_string() != self.last_problem => {
                self.last_problem = error.to_string();
                tracing::error!("the tables of the online store cannot be brought to the registry: {error}");
            }
            Ok(Err(_)) => {}
            Err(source) => tracing::error!("looking at the online store failed: {source}"),
        }
    }
}

/// Looks again and again whether the stores are as they should be.
pub(crate) async fn watch_stores(context: Arc<Context>) {
    loop {
        tokio::time::sleep(STORES_INTERVAL).await;
        let context = Arc::clone(&context);
        // A panic has been logged.
        let _ = tokio::task::spawn_blocking(move || look_at_stores(&context)).await;
    }
}

/// Notes whether the stores are as they should be, for `/ready` and the metrics, and logs what is new of it.
pub(crate) fn look_at_stores(context: &Context) {
    let former = context.stores.load();
    let found = Readiness::look(&former, &context.store, context.tls.as_deref());
    found.log_changes(&former);
    context.stores.store(Arc::new(found));
}

/// Logs what became of tables: a wrong registry file hides them, which should be noticed.
pub(crate) fn log_table_changes(store: &FeatureStore) {
    let keep_for = store.config().drop_after;
    for change in store.take_table_changes() {
        let message = change.describe(keep_for);
        match change.fate {
            TableFate::Restored => tracing::info!("{message}"),
            TableFate::Hidden | TableFate::Dropped => tracing::warn!("{message}"),
        }
    }
}

/// Appends pushes that were answered before they reached their parquet source. What fails is tried again.
pub(crate) async fn flush_pushes(store: Arc<FeatureStore>) {
    while store.config().offline_batching.is_some() {
        tokio::time::sleep(FLUSH_INTERVAL).await;
        let store = Arc::clone(&store);
        let flushed = tokio::task::spawn_blocking(move || flush(&store, false));
        if let Err(source) = flushed.await {
            tracing::error!("appending pushes failed: {source}");
        }
    }
}

/// Appends the pushes that are due, or all.
pub(crate) fn flush(store: &FeatureStore, all: bool) {
    match store.flush_pushes(all) {
        Ok(0) => {}
        Ok(pushes) => tracing::info!("{pushes} pushes appended to their parquet source"),
        Err(error) => tracing::error!("pushes stay in the log: {error}"),
    }
}

/// Objects that this binary cannot use, or not as Python Feast does, are not a reason to stop, but are named in the log.
pub(crate) fn warn_of_unsupported_objects(store: &FeatureStore) {
    for object in store.unsupported_objects() {
        tracing::warn!("{} {}: {}", object.kind, object.name, object.reason);
    }
    for service in store.services_with_copies() {
        tracing::warn!(
            "feature service {service} has precompute_online: this server reads the rows themselves, and Python Feast a copy of them that \
             is not written here; after writes call its precompute_feature_service(\"{service}\")"
        );
    }
}

/// Logs what there is to say of answers of functions.
fn log_function_remarks(store: &FeatureStore) {
    for remark in store.take_function_remarks() {
        tracing::error!("{remark}");
    }
}

/// Says once if there are rows that no read finds.
pub(crate) async fn warn_of_former_keys(store: Arc<FeatureStore>) {
    let warning = tokio::task::spawn_blocking(move || store.former_keys_warning()).await;
    if let Ok(Some(warning)) = warning {
        tracing::warn!("{warning}");
    }
}

/// Keeps the store's registry up to date, at once when `reload` says so.
pub(crate) async fn watch_registry(mut watch: RegistryWatch, reload: Arc<Notify>) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(REGISTRY_INTERVAL) => {}
            // An operator who asks wants to see what is wrong, even if it was logged before.
            () = reload.notified() => watch.last_problem.clear(),
        }
        if let Some(preparing) = watch.look().await {
            tokio::spawn(preparing);
        }
    }
}

/// Looks at the registry of a store. A broken file is logged once and the former registry stays in use.
pub(crate) struct RegistryWatch {
    store: Arc<FeatureStore>,
    read_definitions: ReadDefinitions,
    remarks: RegistryRemarks,
    last_problem: String,
}

impl RegistryWatch {
    pub(crate) fn new(store: Arc<FeatureStore>, read_definitions: ReadDefinitions, remarks: RegistryRemarks) -> Self {
        Self {
            store,
            read_definitions,
            remarks,
            last_problem: String::new(),
        }
    }

    /// Reads the registry again if it has changed. Gives what prepares the functions of the new one then, which may take a while.
    pub(crate) async fn look(&mut self) -> Option<BoxFuture<'static, ()>> {
        let refreshed = {
            let store = Arc::clone(&self.store);
            tokio::task::spawn_blocking(move || store.refresh()).await
        };
        let mut preparing = None;
        match refreshed {
            Ok(Ok(true)) => {
                tracing::info!("registry read again");
                warn_of_unsupported_objects(&self.store);
                preparing = Some(self.remarks.prepare_functions(Arc::clone(&self.read_definitions)));
            }
            Ok(Ok(false)) => {}
            Ok(Err(error)) if error.to_string() != self.last_problem => {
                self.last_problem = error.to_string();
                tracing::error!("the registry as it was goes on serving: {error}");
            }
            Ok(Err(_)) => {}
            Err(source) => tracing::error!("looking at the registry failed: {source}"),
        }
        // Also when it was a request that has read it.
        self.remarks.write();
        preparing
    }
}
