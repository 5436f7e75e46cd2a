//! A copy between the online stores of two repositories: what is copied, what the target cannot hold, and how an interrupted copy goes
//! on.
//!
//! Where a copy has got to is in a small file, which is removed at the end. It names both stores, so that another copy does not take it
//! for its own. A RocksDB store that was written to in between is copied from the start, as a row before the position may be new;
//! of the others that cannot be known.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use feast_config::{OnlineStoreConfig, RepositoryConfig};
use feast_files::fail_point::{self, Step};
use feast_files::replace_bytes;
use feast_model::error::{Error, Result, path as error_path};
use feast_model::{Definitions, FeatureView, Timestamp};
use serde_json::{Value, json};

use super::FeatureStore;
use crate::copy::{Checkpoint, CopyProgress, CopyReport, ViewCopy};
use crate::materialize::rows_are_there_until;
use crate::online_store::{OnlineStore, reach_same_servers, view_shape};

/// Rows between two checkpoints.
const CHECKPOINT_ROWS: usize = 20_000;

/// How far a copy has got.
struct CopyState {
    path: PathBuf,
    from: String,
    to: String,
    source_writes: Option<u64>,
    views: BTreeMap<String, Checkpoint>,
}

impl FeatureStore {
    /// Opens a repository whose online store is copied: rows as they are stored, none from memory.
    ///
    /// # Errors
    /// As [`FeatureStore::open`].
    pub fn open_to_copy(mut config: RepositoryConfig) -> Result<Self> {
        if let OnlineStoreConfig::Redis(redis) = &mut config.online_store {
            redis.python_statuses = false;
        }
        Self::open(config.without_rows_in_memory())
    }

    /// Copies the rows of views into another online store, where the newest event wins. `state_directory` is where an interrupted
    /// copy leaves how far it has got.
    ///
    /// # Errors
    /// `Invalid` when a view is not the same on both sides, `Conflict` when another process has a store open, and those of the
    /// stores. What was copied by then stays.
    pub fn copy_online_store(
        &self,
        to: &Self,
        views: Option<&[String]>,
        state_directory: &Path,
        progress: &mut dyn CopyProgress,
    ) -> Result<Vec<CopyReport>> {
        let registry = self.state();
        let views = selected(&registry.definitions, views)?;
        to.check_writable()?;
        let (source, target) = (self.online_store()?, to.online_store()?);
        let mut state = CopyState::load(state_directory, source, target)?;
        let mut reports = Vec::with_capacity(views.len());
        for view in views {
            let complete_until = self.complete_until(source, &state, &view)?;
            let checkpoint = copy_view(&view, (source, target), &mut state, progress)?;
            // Redis and SQLite do not remember whether runs have filled them. That they have rows is taken as a sign of it.
            if let Some(until) = complete_until
                && checkpoint.report.rows() > 0
                && to.expects_no_rows_after(until, &view)?
            {
                target.mark_materialized(&view)?;
            }
            progress.view_finished(&checkpoint.report);
            reports.push(checkpoint.report);
        }
        target.flush_memtables();
        state.remove()?;
        Ok(reports)
    }

    /// Until when a copy that begins now has all rows of a view that runs have brought. `None` where some may be missing: here, or in the
    /// copy, as it goes on after rows that others may have written since.
    fn complete_until(&self, source: &OnlineStore, state: &CopyState, view: &FeatureView) -> Result<Option<Timestamp>> {
        if source.write_count().is_none() && state.views.contains_key(view.name()) {
            return Ok(None);
        }
        // What is recorded while rows are copied does not count.
        let registry = self.registry.contents()?;
        rows_are_there_until(source, &registry, view)
    }

    fn expects_no_rows_after(&self, until: Timestamp, view: &FeatureView) -> Result<bool> {
        let expected = self.registry.contents()?.resume_point(view.name())?;
        Ok(expected.is_some_and(|expected| expected.from <= until && expected.former_keys.is_none()))
    }

    /// Checks that views can be copied, before a store is opened.
    ///
    /// # Errors
    /// `Invalid`, naming everything that differs.
    pub fn check_copy(&self, to: &Self, views: Option<&[String]>) -> Result<()> {
        if is_same_store(&self.config, &to.config) {
            return Err(Error::invalid("both settings files name the same online store")
                .with_hint("give the old one with --from and the new one with --to"));
        }
        for (store, option) in [(self, "--from"), (to, "--to")] {
            let made = store.check_registry_made();
            made.map_err(|error| wrong_place(error, "registry", option))?;
        }
        let made = self.check_online_store_made();
        made.map_err(|error| wrong_place(error, "online_store", "--from"))?;
        let (registry, other) = (self.state(), to.state());
        let views = selected(&registry.definitions, views)?;
        if views.is_empty() {
            let message = format!(
                "the registry {} of --from has no feature views of project {}, so there is nothing to copy",
                error_path(&self.config.registry_path),
                self.config.project
            );
            return Err(Error::invalid(message).with_hint("correct project or registry in the file of --from"));
        }
        let differences = views.into_iter().filter_map(|view| {
            let name = view.name();
            match other.definitions.view_with_rows(name) {
                None => Some(format!("feature view {name} is not in the registry of --to")),
                Some(present) => difference(&view, &present),
            }
        });
        let differences: Vec<String> = differences.collect();
        if differences.is_empty() {
            return Ok(());
        }
        Err(Error::invalid(differences.join("; "))
            .with_hint("apply the same definitions on both sides, or name the views to copy with --views"))
    }

    /// What the target cannot hold of what is copied: a sentence each.
    pub fn lost_in_copy(&self, to: &Self) -> Vec<String> {
        use OnlineStoreConfig::{Redis, RocksDb, Sqlite};
        let mut lost = Vec::new();
        match (&self.config.online_store, &to.config.online_store) {
            (Redis(_), Redis(_)) => {}
            (RocksDb { .. } | Sqlite { .. }, Redis(_)) => lost.push("Redis does not hold created times".to_owned()),
            (_, Sqlite { .. }) => lost.push("SQLite holds times in whole seconds: fractions are cut off".to_owned()),
            (_, RocksDb { .. }) => {}
        }
        if let Redis(config) = &self.config.online_store
            && config.key_ttl_seconds.is_some()
            && !matches!(&to.config.online_store, Redis(_))
        {
            lost.push("rows expire on Redis (key_ttl_seconds), but not in the copy".to_owned());
        }
        if let Redis(config) = &to.config.online_store
            && let Some(seconds) = config.key_ttl_seconds
        {
            lost.push(format!(
                "rows expire {seconds} seconds after they were copied (key_ttl_seconds)"
            ));
        }
        lost
    }

    /// Opens the online store for a copy.
    ///
    /// # Errors
    /// `Conflict` when another process has it open.
    pub fn prepare_copy(&self) -> Result<()> {
        self.online_store()?;
        match self.config.online_store {
            // Logged pushes are acknowledged rows too.
            OnlineStoreConfig::RocksDb { .. } => self.complete_pushes().map(|_| ()),
            OnlineStoreConfig::Redis(_) | OnlineStoreConfig::Sqlite { .. } => Ok(()),
        }
    }
}

/// What is not where a settings file says, with the option that names the file.
fn wrong_place(error: Error, key: &str, option: &str) -> Error {
    let hint = format!("correct {key} in the file of {option}; relative paths start at the directory of that file");
    error.within(|message| format!("{option}: {message}")).with_hint(hint)
}

/// As far as it can be told before they are open: by the files themselves and not by how they are spelled, as a link may lead to them.
/// RocksDB would open one directory twice in this process under two names.
fn is_same_store(left: &RepositoryConfig, right: &RepositoryConfig) -> bool {
    use OnlineStoreConfig::{Redis, RocksDb, Sqlite};
    match (&left.online_store, &right.online_store) {
        (RocksDb { path: left, .. }, RocksDb { path: right, .. }) => is_same_place(left, right),
        (Sqlite { path: one, .. }, Sqlite { path: other, .. }) => {
            is_same_place(one, other) && left.project == right.project
        }
        (Redis(one), Redis(other)) => reach_same_servers(one, other) && left.project == right.project,
        _ => false,
    }
}

fn is_same_place(left: &Path, right: &Path) -> bool {
    let file = |path: &Path| std::fs::metadata(path).map(|found| (found.dev(), found.ino()));
    match (file(left), file(right)) {
        (Ok(left), Ok(right)) => left == right,
        _ => left == right,
    }
}

/// All views, or those that are named.
fn selected<'a>(definitions: &'a Definitions, names: Option<&[String]>) -> Result<Vec<Cow<'a, FeatureView>>> {
    let Some(names) = names else {
        return Ok(definitions.views_with_rows().collect());
    };
    let by_name = |name: &String| {
        let view = definitions.view_with_rows(name);
        view.ok_or_else(|| Error::invalid(format!("feature view {name} is not in the registry of --from")))
    };
    names.iter().map(by_name).collect()
}

/// What is not the same of a view of both registries.
fn difference(view: &FeatureView, other: &FeatureView) -> Option<String> {
    let (ours, theirs) = (view_shape(view), view_shape(other));
    let named = |fields: &[(String, String)]| {
        let fields = fields.iter().map(|(name, value_type)| format!("{name} ({value_type})"));
        fields.collect::<Vec<_>>().join(", ")
    };
    let name = view.name();
    if ours.join_keys != theirs.join_keys {
        return Some(format!(
            "the join keys of feature view {name} are {} in the registry of --from, and {} in that of --to",
            named(&ours.join_keys),
            named(&theirs.join_keys)
        ));
    }
    let only_in = |these: &[(String, String)], those: &[(String, String)]| {
        let only: Vec<_> = these.iter().filter(|field| !those.contains(field)).cloned().collect();
        if only.is_empty() {
            "none".to_owned()
        } else {
            named(&only)
        }
    };
    (ours.features != theirs.features).then(|| {
        format!(
            "the features of feature view {name} differ: only in the registry of --from {}, only in that of --to {}",
            only_in(&ours.features, &theirs.features),
            only_in(&theirs.features, &ours.features)
        )
    })
}

fn copy_view(
    view: &FeatureView,
    (from, to): (&OnlineStore, &OnlineStore),
    state: &mut CopyState,
    progress: &mut dyn CopyProgress,
) -> Result<Checkpoint> {
    let mut checkpoint = state.views.get(view.name()).cloned().unwrap_or_default();
    view.name().clone_into(&mut checkpoint.report.view);
    progress.view_started(view.name(), checkpoint.report.rows());
    let Some(mut copy) = ViewCopy::new(from, to, view) else {
        return Ok(checkpoint);
    };
    let mut saved = checkpoint.report.rows();
    while !checkpoint.is_done {
        copy.copy_page(&mut checkpoint)?;
        let rows = checkpoint.report.rows();
        progress.rows_done(rows);
        // Fewer when the view is copied anew.
        saved = saved.min(rows);
        fail_point::reached(Step::RowsWritten);
        if checkpoint.is_done || rows - saved >= CHECKPOINT_ROWS {
            to.sync()?;
            fail_point::reached(Step::RowsSynced);
            state.views.insert(view.name().to_owned(), checkpoint.clone());
            state.save()?;
            saved = rows;
        }
    }
    Ok(checkpoint)
}

impl CopyState {
    /// That of an earlier run, if it is of the same stores and what it says still holds.
    fn load(directory: &Path, from: &OnlineStore, to: &OnlineStore) -> Result<Self> {
        let mut hasher = DefaultHasher::new();
        (from.identity(), to.identity()).hash(&mut hasher);
        let mut state = Self {
            path: directory.join(format!(".feast-copy-{:016x}.json", hasher.finish())),
            from: from.identity().to_owned(),
            to: to.identity().to_owned(),
            source_writes: from.write_count(),
            views: BTreeMap::new(),
        };
        match std::fs::read(&state.path) {
            Ok(bytes) => state.views = state.parse(&bytes).unwrap_or_default(),
            Err(source) if source.kind() == std::io::ErrorKind::NotFound => {}
            Err(source) => return Err(Error::io("read", &state.path, source)),
        }
        Ok(state)
    }

    /// The views of a state; `None` when it is of other stores, or of a source that was written to since.
    fn parse(&self, bytes: &[u8]) -> Option<BTreeMap<String, Checkpoint>> {
        let state: Value = serde_json::from_slice(bytes).ok()?;
        let is_same = state["from"] == self.from && state["to"] == self.to;
        if !is_same || state["source_writes"] != json!(self.source_writes) {
            return None;
        }
        let count = |view: &Value, key: &str| usize::try_from(view[key].as_u64()?).ok();
        let checkpoint = |(name, view): (&String, &Value)| {
            let position = match &view["position"] {
                Value::Null => None,
                position => Some(from_hex(position.as_str()?)?),
            };
            let report = CopyReport {
                view: name.clone(),
                copied: count(view, "copied")?,
                newer: count(view, "newer")?,
                skipped: count(view, "skipped")?,
            };
            let is_done = view["done"].as_bool()?;
            Some((
                name.clone(),
                Checkpoint {
                    report,
                    position,
                    is_done,
                },
            ))
        };
        state["views"].as_object()?.iter().map(checkpoint).collect()
    }

    fn save(&self) -> Result<()> {
        let views = self.views.iter().map(|(name, checkpoint)| {
            let Checkpoint {
                report,
                position,
                is_done,
            } = checkpoint;
            let view = json!({
                "copied": report.copied, "newer": report.newer, "skipped": report.skipped,
                "position": position.as_deref().map(to_hex), "done": is_done,
            });
            (name.clone(), view)
        });
        let state = json!({
            "from": self.from, "to": self.to, "source_writes": self.source_writes,
            "views": views.collect::<serde_json::Map<String, Value>>(),
        });
        replace_bytes(&self.path, state.to_string().as_bytes())
    }

    fn remove(&self) -> Result<()> {
        match std::fs::remove_file(&self.path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                let message = format!(
                    "everything is copied, but {} cannot be removed: {source}",
                    error_path(&self.path)
                );
                Err(Error::invalid(message)
                    .with_hint("remove it, or the next copy between these stores would do nothing"))
            }
            _ => Ok(()),
        }
    }
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(hex: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = hex
        .chars()
        .map(|digit| u8::try_from(digit.to_digit(16)?).ok())
        .collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    Some(digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}
