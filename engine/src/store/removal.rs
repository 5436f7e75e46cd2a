//! The rows of views that an `apply` removes from a store that is shared: Redis, where they are searched for, and SQLite.
//!
//! They go before the registry changes, as with Feast. So whatever happens meanwhile, the registry still has the views, and the same
//! `apply` removes what is left of their rows; no other record of it is needed, and another machine may go on. Servers that still have
//! the views find no rows of them.

use std::collections::BTreeSet;

use feast_config::OnlineStoreConfig;
use feast_model::Definitions;
use feast_model::error::Result;
use feast_registry::{Change, RegistryContents, Verb};
use feast_rows::StoredView;

use super::FeatureStore;
use super::definitions::{ApplyOptions, check_deletions};
use crate::clock;
use crate::online_store::{KeySearch, stored_view};

/// Is called while rows are searched for, which takes as long as there are keys in Redis.
pub trait RemovalProgress {
    /// So many keys will be looked at, for rows of these views.
    fn search_started(&mut self, views: &[String], keys: u64);
    /// That many have been looked at so far.
    fn keys_looked_at(&mut self, keys: u64);
    /// From so many hashes rows were removed.
    fn search_finished(&mut self, hashes: u64);
}

/// For those who show no progress.
impl RemovalProgress for () {
    fn search_started(&mut self, _: &[String], _: u64) {}
    fn keys_looked_at(&mut self, _: u64) {}
    fn search_finished(&mut self, _: u64) {}
}

/// What an `apply` of some definitions removes.
#[derive(Default)]
pub(super) struct RemovedViews {
    /// As their rows are stored, former versions among them.
    pub(super) stored: Vec<StoredView>,
    /// The views that stay.
    present: Vec<StoredView>,
    /// Every view that is deleted, also one that comes back as another kind and keeps its rows, or that this binary cannot read.
    deleted: BTreeSet<String>,
}

impl RemovedViews {
    /// Whether these changes delete a view that was not known to go: another process has added it since.
    pub(super) fn lack_one_of(&self, changes: &[Change]) -> bool {
        deleted_views(changes).any(|view| !self.deleted.contains(view))
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.stored.iter().map(|view| view.name.clone()).collect();
        names.dedup();
        names
    }
}

impl FeatureStore {
    /// The views whose rows are to be removed: those that the definitions do not have any more, and those with other join keys, whose
    /// rows nobody finds again.
    ///
    /// # Errors
    /// As [`FeatureStore::apply`].
    pub(super) fn removed_views(&self, definitions: &Definitions, options: ApplyOptions) -> Result<RemovedViews> {
        if !self.removes_rows() {
            return Ok(RemovedViews::default());
        }
        self.refresh()?;
        let state = self.state();
        let before = self.stored_views(&state);
        let registry = self.registry.contents()?;
        // What is refused later must not have cost any rows.
        let mut planned = definitions.clone();
        self.complete(&mut planned, &registry, options)?;
        let mut applied = RegistryContents::clone(&registry);
        let changes = applied.apply(&planned, clock::now())?;
        check_deletions(&changes, options)?;
        self.check_applied_names(&applied)?;
        let present: Vec<StoredView> = planned.views_with_rows().map(|view| stored_view(&view, 0)).collect();
        let stays = |view: &StoredView| {
            let names = |view: &StoredView| view.join_keys.iter().map(|key| key.name.clone()).collect::<Vec<_>>();
            present
                .iter()
                .any(|other| other.name == view.name && names(other) == names(view))
        };
        let (kept, removed): (Vec<_>, Vec<_>) = before.into_iter().partition(stays);
        let stored = removed
            .into_iter()
            .flat_map(|view| self.with_former_versions(&registry, view));
        Ok(RemovedViews {
            stored: stored.collect(),
            present: kept,
            deleted: deleted_views(&changes).map(str::to_owned).collect(),
        })
    }

    /// A view, and its former versions where rows of them may be stored beside it.
    fn with_former_versions(&self, registry: &RegistryContents, view: StoredView) -> Vec<StoredView> {
        let current = self.state().statuses.get(&view.name).map_or(0, |status| status.version);
        if !self.config.online_versioning {
            return vec![view];
        }
        let former = (0..current).filter_map(|version| {
            let features = registry.version_features(&view.name, version)?;
            let stored_name = match version {
                0 => view.name.clone(),
                version => format!("{}_v{version}", view.name),
            };
            Some(StoredView {
                stored_name,
                features,
                ..view.clone()
            })
        });
        former.chain([view.clone()]).collect()
    }

    /// Removes the rows of views.
    ///
    /// # Errors
    /// `Unavailable` when the store does not answer: some rows may be removed then, and the rest by doing it again.
    pub(super) fn remove_rows(&self, removed: &RemovedViews, progress: &mut dyn RemovalProgress) -> Result<()> {
        if removed.stored.is_empty() {
            return Ok(());
        }
        let names = removed.names();
        let outcome = self.searching(&names, progress, |progress| {
            self.online_store()?
                .remove_views(&removed.stored, &removed.present, progress)
        });
        outcome.map_err(|error| {
            error
                .within(|message| {
                    format!(
                        "the rows of {} are not all removed, and the registry is as before: {message}",
                        names.join(", ")
                    )
                })
                .with_hint("apply again: it goes on with what is left")
        })
    }

    /// Whether `apply` removes rows itself. RocksDB hides them, and drops them when the view has been gone for a while.
    pub(super) fn removes_rows(&self) -> bool {
        !matches!(self.config.online_store, OnlineStoreConfig::RocksDb { .. })
    }

    /// Tells of a search, if there is one.
    pub(super) fn searching(
        &self,
        views: &[String],
        progress: &mut dyn RemovalProgress,
        search: impl FnOnce(&mut dyn FnMut(KeySearch)) -> Result<Option<KeySearch>>,
    ) -> Result<()> {
        let mut has_started = false;
        let found = search(&mut |search| {
            if !has_started {
                progress.search_started(views, search.keys);
                has_started = true;
            }
            progress.keys_looked_at(search.looked_at);
        })?;
        if let Some(search) = found.filter(|_| has_started) {
            progress.search_finished(search.hashes);
        }
        Ok(())
    }

    /// Makes the tables of the views of the applied registry, in a store that follows `apply` and nothing else.
    pub(super) fn make_shared_tables(&self) -> Result<()> {
        if !matches!(self.config.online_store, OnlineStoreConfig::Sqlite { .. }) {
            return Ok(());
        }
        let made = self.online_store()?.make_tables(&self.stored_views(&self.state()));
        made.map_err(|error| {
            error
                .within(|message| format!("the registry is applied, but not the tables of the online store: {message}"))
                .with_hint("apply again: it makes those that are missing")
        })
    }
}

/// The views among changes that are deleted.
fn deleted_views(changes: &[Change]) -> impl Iterator<Item = &str> {
    let deleted = changes
        .iter()
        .filter(|change| change.verb == Verb::Deleted && change.kind.is_view());
    deleted.map(|change| change.name.as_str())
}
