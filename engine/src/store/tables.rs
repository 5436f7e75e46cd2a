//! The tables of the online store follow the views of the registry.
//!
//! A registry without a view may be a wrong one that is there for a moment: another branch, a half-done copy. So the table of the
//! view is hidden first, and dropped when the view has not come back for `serving.drop_after`.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use feast_files::{FileLock, replace_bytes};
use feast_model::FeatureView;
use feast_model::error::{Error, ErrorKind, Result};

use super::registry::RegistryState;
use super::{FeatureStore, lock};
use crate::clock;
use crate::codec::record::ViewShape;
use crate::online::view_shape;
use crate::storage::{Storage, TableChange, TableView};

/// A file beside the database in which an `apply --now` leaves the views whose tables the process that has the database open is
/// to drop.
const DROP_REQUESTS: &str = "DROP_NOW";
/// Changes that nobody asks for are forgotten from here on.
const MAX_UNTOLD_CHANGES: usize = 10_000;

impl FeatureStore {
    /// Opens the online store now instead of at the first use, and brings its tables to the registry.
    ///
    /// Python writes the registry in place, so a reader may see a cut file. The project comes after the views in it: only
    /// a registry that holds its project is known to hold all its views, and only then are tables hidden.
    ///
    /// # Errors
    /// `Conflict` when another process has it open, `Data` when it is damaged.
    pub fn open_online_store(&self) -> Result<()> {
        let _publishing = self.registry.hold();
        let storage = self.storage()?;
        let state = self.state();
        self.restore_tables(storage, &state)?;
        self.drop_requested_tables(storage, &state)?;
        self.hide_tables(storage, &state)
    }

    /// What is to be done now and then while the online store is open: drops hidden tables whose time is over and those that an
    /// `apply --now` has asked for, hides what a late write has made, and sees to the modes of new files.
    ///
    /// # Errors
    /// `Data` or `Unavailable` when the store cannot be written.
    pub fn tend_online_store(&self) -> Result<()> {
        let Some(storage) = self.storage.get() else {
            return Ok(());
        };
        storage.tend_files();
        let is_asked = self.drop_requests().exists();
        if is_asked {
            // Whoever asks has changed the registry before: with an older state of it, a view that is gone would be taken for one
            // that was applied again.
            self.refresh()?;
        }
        let _publishing = self.registry.hold();
        let state = self.state();
        self.restore_tables(storage, &state)?;
        if is_asked {
            self.drop_requested_tables(storage, &state)?;
        }
        self.hide_tables(storage, &state)
    }

    /// Tables that were hidden, restored or dropped since the last call.
    pub fn take_table_changes(&self) -> Vec<TableChange> {
        std::mem::take(&mut *lock(&self.table_changes))
    }

    /// Drops the tables of views that are not in the registry any more, hidden or not, in this process or in the one that has the
    /// online store open.
    pub(super) fn drop_tables_now(&self, views: &[String]) -> Result<()> {
        if views.is_empty() || !self.config.online_store_path.exists() {
            return Ok(());
        }
        self.request_drops(views)?;
        self.follow_registry()
    }

    /// Brings the tables to the registry, in this process or in the one that has the online store open.
    pub(super) fn follow_registry(&self) -> Result<()> {
        if !self.config.online_store_path.exists() {
            return Ok(());
        }
        match self.open_online_store() {
            // It does so by itself as soon as it sees the new registry.
            Err(error) if error.kind() == ErrorKind::Conflict => Ok(()),
            outcome => outcome,
        }
    }

    /// To be called before a state of the registry is used, so that nobody asks for a view whose rows are still hidden.
    pub(super) fn restore_tables(&self, storage: &Storage, state: &RegistryState) -> Result<()> {
        let keep_for = i64::try_from(self.config.drop_after.as_micros()).unwrap_or(i64::MAX);
        let mut changes = storage.drop_hidden_tables(clock::now().plus_micros(-keep_for))?;
        let waiting = storage.waiting_views();
        if state.definitions.project.is_some() && !waiting.is_empty() {
            let views = state.definitions.feature_views.iter();
            let views = views.filter(|view| waiting.contains(view.name()));
            changes.extend(storage.restore_tables(&views.map(table_view).collect::<Vec<_>>())?);
        }
        self.note(changes);
        Ok(())
    }

    /// To be called after a state of the registry came into use.
    pub(super) fn hide_tables(&self, storage: &Storage, state: &RegistryState) -> Result<()> {
        if state.definitions.project.is_none() {
            return Ok(());
        }
        let views = state.definitions.feature_views.iter().map(|view| view.name());
        // One that this binary cannot read may have rows of an older version of it.
        let unsupported = state.unsupported.iter().map(|object| object.name.as_str());
        let kept: HashSet<&str> = views.chain(unsupported).collect();
        let mut changes = storage.hide_tables(|view| kept.contains(view), clock::now())?;
        if self.config.drop_after.is_zero() {
            changes.extend(storage.drop_hidden_tables(clock::now())?);
        }
        self.note(changes);
        Ok(())
    }

    pub(super) fn note(&self, changes: Vec<TableChange>) {
        if changes.is_empty() {
            return;
        }
        let mut untold = lock(&self.table_changes);
        let room = MAX_UNTOLD_CHANGES.saturating_sub(untold.len());
        untold.extend(changes.into_iter().take(room));
    }

    fn drop_requests(&self) -> PathBuf {
        self.config.online_store_path.join(DROP_REQUESTS)
    }

    fn request_drops(&self, views: &[String]) -> Result<()> {
        let path = self.drop_requests();
        let _lock = FileLock::acquire(&path)?;
        let mut requested: Vec<String> = read_requests(&path)?;
        requested.extend(views.iter().cloned());
        let bytes = serde_json::to_vec(&requested).map_err(|source| Error::internal(source.to_string()))?;
        replace_bytes(&path, &bytes)
    }

    fn drop_requested_tables(&self, storage: &Storage, state: &RegistryState) -> Result<()> {
        let path = self.drop_requests();
        if !path.exists() || state.definitions.project.is_none() {
            return Ok(());
        }
        let _lock = FileLock::acquire(&path)?;
        for view in read_requests(&path)? {
            // It may have been applied again since.
            let dropped = if state.has_table(&view) {
                storage.drop_hidden_tables_of(&view)?
            } else {
                storage.drop_tables_of(&view)?
            };
            self.note(dropped);
        }
        std::fs::remove_file(&path).map_err(|source| Error::io("remove", &path, source))
    }
}

fn table_view(view: &FeatureView) -> TableView {
    TableView {
        name: view.name().to_owned(),
        shape: view_shape(view),
    }
}

/// The views in a file of requests; none when it is not there. What is not such a file asks for nothing.
fn read_requests(path: &Path) -> Result<Vec<String>> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes).unwrap_or_default()),
        Err(source) if source.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(source) => Err(Error::io("read", path, source)),
    }
}

/// Whether the stored rows of a view may be fewer than its recorded intervals say, and why.
pub(super) fn missing_rows(storage: &Storage, view: &FeatureView) -> Option<&'static str> {
    let tables = storage.tables();
    let Some(table) = tables.get(view.name()) else {
        return Some("the online store has no rows of it");
    };
    let ViewShape { join_keys, .. } = view_shape(view);
    if table.shape().is_some_and(|shape| shape.join_keys != join_keys) {
        return Some("its stored rows have other join keys");
    }
    (!table.is_materialized()).then_some("no materialization has filled its table in this online store")
}
