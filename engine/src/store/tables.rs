//! The tables of the online store follow the views of the registry, with a delay.
//!
//! A registry without a view may be a wrong one that is there for a moment: another branch, a half-done copy. So the table of the
//! view is hidden first, and dropped when the view has not come back for `serving.drop_after`. A table is given back before a state of
//! the registry with its view comes into use, so no read sees the view without its rows.
//!
//! `apply` hides the table of a deleted view if it can open the store; else the process that has the store open does, when it sees the
//! new registry. An `apply --now` beside a server leaves the names of the views in the store's directory.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use feast_files::{COMMAND_PATIENCE, FileLock, REQUEST_PATIENCE, replace_bytes};
use feast_model::error::{Error, ErrorKind, Result};
use feast_model::{Definitions, ViewStatus};
use parking_lot::Mutex;

use super::FeatureStore;
use super::registry::RegistryState;
use crate::clock;
use crate::online_store::{self, Access, OnlineStore, StoredView, TableChange, stored_view, table_view};

/// A file beside the online store in which an `apply --now` leaves the views whose tables the process that has the store open is
/// to drop.
const DROP_REQUESTS: &str = "DROP_NOW";
/// Changes that no caller takes are forgotten from here on.
const MAX_UNREPORTED_CHANGES: usize = 10_000;

/// What became of tables, until a caller takes it.
#[derive(Default)]
pub(super) struct UnreportedChanges(Mutex<Vec<TableChange>>);

impl UnreportedChanges {
    fn add(&self, changes: Vec<TableChange>) {
        if changes.is_empty() {
            return;
        }
        let mut unreported = self.0.lock();
        let room = MAX_UNREPORTED_CHANGES.saturating_sub(unreported.len());
        unreported.extend(changes.into_iter().take(room));
    }

    fn take(&self) -> Vec<TableChange> {
        std::mem::take(&mut *self.0.lock())
    }
}

impl FeatureStore {
    /// Opens the online store now instead of at the first use, and brings its tables to the registry unless it is only read.
    ///
    /// Python writes the registry in place, so a reader may see a cut file. The project follows the views in it: only
    /// a registry that holds its project is known to hold all its views, and only then are tables hidden.
    ///
    /// # Errors
    /// `Conflict` when another process has it open, `Data` when it is damaged.
    pub fn open_online_store(&self) -> Result<()> {
        let _publishing = self.registry.hold();
        let store = self.online_store()?;
        if self.access == Access::ReadOnly {
            return Ok(());
        }
        let state = self.state();
        self.restore_tables(store, &state)?;
        self.drop_requested_tables(store, &state)?;
        self.hide_tables(store, &state)
    }

    /// Does what is due from time to time while the online store is open: brings it back if it takes no writes, drops hidden tables whose
    /// time is over and those that an `apply --now` has requested, hides what a late write has made, takes a step towards the end of
    /// dropped rows, and sets the modes of new files. A store that is only read is brought up to what others have written.
    ///
    /// # Errors
    /// `Data` or `Unavailable` when the store cannot be written.
    pub fn tend_online_store(&self) -> Result<()> {
        let Some(store) = self.online_store.get() else {
            return Ok(());
        };
        store.tend();
        self.push_log.tend();
        if self.access == Access::ReadOnly || store.trouble().is_some() {
            return Ok(());
        }
        store.reclaim()?;
        let is_requested = self.drop_requests().is_some_and(|path| path.exists());
        if is_requested {
            // The registry was changed before the request was made: with an older state of it, a view that is gone would be taken for
            // one that was applied again.
            self.refresh()?;
        }
        let _publishing = self.registry.hold();
        let state = self.state();
        self.restore_tables(store, &state)?;
        if is_requested {
            self.drop_requested_tables(store, &state)?;
        }
        self.hide_tables(store, &state)
    }

    /// Why the online store, or the log of pushes beside it, takes no writes for now: each is refused with this error, and reads go on.
    /// Of a store that is only read, why its rows are not brought up to what was written since: they are served as they were.
    /// `None` when there is nothing of that, and before the store is open. [`FeatureStore::tend_online_store`] brings it back.
    pub fn online_store_trouble(&self) -> Option<Error> {
        let trouble = self.online_store.get().and_then(OnlineStore::trouble);
        trouble.or_else(|| self.push_log.trouble())
    }

    /// Whether the online store answers, where it is on the network. It waits for it.
    ///
    /// # Errors
    /// `Unavailable` when it does not.
    pub fn reach_online_store(&self) -> Result<()> {
        self.online_store.get().map_or(Ok(()), OnlineStore::check)
    }

    /// Tables that were hidden, restored or dropped since the last call.
    pub fn take_table_changes(&self) -> Vec<TableChange> {
        self.table_changes.take()
    }

    /// Drops the tables of views that are not in the registry any more, hidden or not, in this process or in the one that has the
    /// online store open.
    pub(super) fn drop_tables_now(&self, views: &[String]) -> Result<()> {
        if views.is_empty() || !online_store::is_made(&self.config.online_store)? {
            return Ok(());
        }
        self.request_drops(views)?;
        self.follow_registry()
    }

    /// Brings the tables to the registry, in this process or in the one that has the online store open.
    pub(super) fn follow_registry(&self) -> Result<()> {
        if !online_store::is_made(&self.config.online_store)? {
            return Ok(());
        }
        match self.open_online_store() {
            // The other process does so by itself as soon as it sees the new registry.
            Err(error) if error.kind() == ErrorKind::Conflict => Ok(()),
            outcome => outcome,
        }
    }

    /// To be called before a state of the registry is used, so that no request reads a view whose rows are still hidden.
    pub(super) fn restore_tables(&self, store: &OnlineStore, state: &RegistryState) -> Result<()> {
        store.follow(&self.stored_views(state));
        if self.access == Access::ReadOnly {
            return Ok(());
        }
        let keep_for = i64::try_from(self.config.drop_after.as_micros()).unwrap_or(i64::MAX);
        let mut changes = store.drop_hidden_tables(clock::now().plus_micros(-keep_for))?;
        let waiting = store.waiting_views();
        if state.definitions.project.is_some() && !waiting.is_empty() {
            let views = state.definitions.views_with_rows();
            let views = views.filter(|view| waiting.contains(view.name()));
            changes.extend(store.restore_tables(&views.map(|view| table_view(&view)).collect::<Vec<_>>())?);
        }
        self.note(changes);
        Ok(())
    }

    pub(super) fn stored_views(&self, state: &RegistryState) -> Vec<StoredView> {
        self.stored_views_of(&state.definitions, &state.statuses)
    }

    pub(super) fn stored_views_of(
        &self,
        definitions: &Definitions,
        statuses: &HashMap<String, ViewStatus>,
    ) -> Vec<StoredView> {
        let version = |view: &str| match self.config.online_versioning {
            true => statuses.get(view).map_or(0, |status| status.version),
            false => 0,
        };
        let views = definitions.views_with_rows();
        views.map(|view| stored_view(&view, version(view.name()))).collect()
    }

    /// To be called after a state of the registry came into use.
    pub(super) fn hide_tables(&self, store: &OnlineStore, state: &RegistryState) -> Result<()> {
        if state.definitions.project.is_none() || self.access == Access::ReadOnly {
            return Ok(());
        }
        let views = state.definitions.views_with_rows();
        // One that this binary cannot read may have rows of an older version of it.
        let unsupported = state.unsupported.iter().map(|object| object.name.clone());
        let kept: HashSet<String> = views.map(|view| view.name().to_owned()).chain(unsupported).collect();
        let mut changes = store.hide_tables(|view| kept.contains(view), clock::now())?;
        if self.config.drop_after.is_zero() {
            changes.extend(store.drop_hidden_tables(clock::now())?);
        }
        self.note(changes);
        Ok(())
    }

    pub(super) fn note(&self, changes: Vec<TableChange>) {
        self.table_changes.add(changes);
    }

    /// `None` for a store whose tables are not dropped in this way.
    fn drop_requests(&self) -> Option<PathBuf> {
        let directory = self.config.online_store.directory()?;
        Some(directory.join(DROP_REQUESTS))
    }

    fn request_drops(&self, views: &[String]) -> Result<()> {
        let Some(path) = self.drop_requests() else {
            return Ok(());
        };
        let _lock = FileLock::acquire(&path, COMMAND_PATIENCE)?;
        let mut requested: Vec<String> = read_requests(&path)?;
        requested.extend(views.iter().cloned());
        let bytes = serde_json::to_vec(&requested).map_err(|source| Error::internal(source.to_string()))?;
        replace_bytes(&path, &bytes)
    }

    fn drop_requested_tables(&self, store: &OnlineStore, state: &RegistryState) -> Result<()> {
        let Some(path) = self.drop_requests() else {
            return Ok(());
        };
        if !path.exists() || state.definitions.project.is_none() {
            return Ok(());
        }
        let _lock = FileLock::acquire(&path, REQUEST_PATIENCE)?;
        for view in read_requests(&path)? {
            // It may have been applied again since.
            let dropped = if state.has_table(&view) {
                store.drop_hidden_tables_of(&view)?
            } else {
                store.drop_tables_of(&view)?
            };
            self.note(dropped);
        }
        std::fs::remove_file(&path).map_err(|source| Error::io("remove", &path, source))
    }
}

/// The views in a file of requests; none when it is not there, or is not such a file.
fn read_requests(path: &Path) -> Result<Vec<String>> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes).unwrap_or_default()),
        Err(source) if source.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(source) => Err(Error::io("read", path, source)),
    }
}
