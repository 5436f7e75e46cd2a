//! One batched lookup for all views of a request, in steps that a caller may wait between.
//!
//! [`Lookup::prepare`] takes what is in memory, the store fetches [`Lookup::missing`], [`Lookup::complete`] puts it into place, and
//! [`Lookup::finish`] gives the rows. [`lookup`] does all of it on the calling thread, [`lookup_async`] awaits
//! what a store on the network fetches. [`lookup_in_memory`] only takes what is in memory.

use std::sync::Arc;

use feast_codec::packed_bytes::PackedBytes;
use feast_model::error::{Error, Result};

use super::assemble::assemble;
use super::binding::Binding;
use super::feature_vectors::FeatureVectors;
use super::keys::{EntityRows, entity_keys};
use super::plan::ReadPlan;
use crate::online_store::{FetchedRows, MissingRows, OnlineStore, RowBatch, RowLookup};

/// The stored rows of a request's entities, not yet decoded.
pub struct StoredEntities<'request> {
    store: &'request OnlineStore,
    plan: &'request ReadPlan,
    entities: &'request EntityRows,
    binding: Arc<Binding>,
    rows: Vec<RowBatch>,
}

/// A lookup between two of its steps. It holds no lock, so a caller may wait there.
struct Lookup<'request, 'keys> {
    store: &'request OnlineStore,
    plan: &'request ReadPlan,
    entities: &'request EntityRows,
    /// Of each group of the plan.
    keys: &'keys [PackedBytes],
    binding: Arc<Binding>,
    rows: RowLookup,
}

impl<'request, 'keys> Lookup<'request, 'keys> {
    /// Takes the rows that are in memory. `keys` are the plan's [`entity_keys`].
    #[inline]
    fn prepare(
        store: &'request OnlineStore,
        plan: &'request ReadPlan,
        entities: &'request EntityRows,
        keys: &'keys [PackedBytes],
    ) -> Result<Self> {
        let binding = bind(plan, store);
        let rows = store.prepare(binding.queries(keys))?;
        Ok(Self {
            store,
            plan,
            entities,
            keys,
            binding,
            rows,
        })
    }

    /// How many bytes the rows are so far, each counted as often as it is requested.
    #[inline]
    fn bytes(&self) -> usize {
        self.rows.bytes()
    }

    /// What is to be fetched next; `None` when all rows are there.
    #[inline]
    fn missing(&self) -> Option<MissingRows<'_>> {
        self.rows.missing(self.binding.queries(self.keys))
    }

    /// Puts the rows of [`Lookup::missing`] into their places. What was fetched is let go: a store may keep blocks in memory for it.
    #[inline]
    fn complete(&mut self, fetched: FetchedRows<'_>) -> Result<()> {
        let queries = self.binding.queries(self.keys);
        self.store.complete(&mut self.rows, queries, fetched)
    }

    /// The rows; `None` when tables have changed meanwhile, which they seldom do. A row follows a schema that was known before it
    /// was written, so the rows may then follow one that this binding does not know.
    #[inline]
    fn finish(self) -> Option<StoredEntities<'request>> {
        let is_current = self.binding.is_of(&self.store.tables());
        is_current.then(|| StoredEntities {
            store: self.store,
            plan: self.plan,
            entities: self.entities,
            binding: self.binding,
            rows: self.rows.into_batches(),
        })
    }
}

/// Reads the rows of all views for the entities, on this thread. `admit` is called repeatedly with the number of bytes so far.
pub(crate) fn lookup<'request, E: From<Error>>(
    store: &'request OnlineStore,
    plan: &'request ReadPlan,
    entities: &'request EntityRows,
    mut admit: impl FnMut(usize) -> Result<(), E>,
) -> Result<StoredEntities<'request>, E> {
    let keys = entity_keys(plan, entities)?;
    loop {
        let mut lookup = Lookup::prepare(store, plan, entities, &keys)?;
        admit(lookup.bytes())?;
        while let Some(missing) = lookup.missing() {
            let fetched = store.fetch(missing)?;
            lookup.complete(fetched)?;
            admit(lookup.bytes())?;
        }
        if let Some(stored) = lookup.finish() {
            return Ok(stored);
        }
    }
}

/// As [`lookup`], awaiting what comes over the network: no thread waits.
pub(crate) async fn lookup_async<'request, E: From<Error>>(
    store: &'request OnlineStore,
    plan: &'request ReadPlan,
    entities: &'request EntityRows,
    mut admit: impl FnMut(usize) -> Result<(), E>,
) -> Result<StoredEntities<'request>, E> {
    let keys = entity_keys(plan, entities)?;
    loop {
        let mut lookup = Lookup::prepare(store, plan, entities, &keys)?;
        admit(lookup.bytes())?;
        while let Some(missing) = lookup.missing() {
            let fetched = store.fetch_async(missing).await?;
            lookup.complete(fetched)?;
            admit(lookup.bytes())?;
        }
        if let Some(stored) = lookup.finish() {
            return Ok(stored);
        }
    }
}

/// As [`lookup`], waiting for nothing: `None` when rows are not in memory, or are too large.
pub(crate) fn lookup_in_memory<'request>(
    store: &'request OnlineStore,
    plan: &'request ReadPlan,
    entities: &'request EntityRows,
) -> Result<Option<StoredEntities<'request>>> {
    let keys = entity_keys(plan, entities)?;
    let binding = bind(plan, store);
    let rows = store.rows_in_memory(binding.queries(&keys));
    // Otherwise as in `Lookup::finish`.
    let rows = rows.filter(|_| binding.is_of(&store.tables()));
    Ok(rows.map(|rows| StoredEntities {
        store,
        plan,
        entities,
        binding,
        rows,
    }))
}

impl<'request> StoredEntities<'request> {
    /// Decodes the rows into Arrow columns.
    ///
    /// # Errors
    /// `Data` when the store is damaged.
    pub fn feature_vectors(&self) -> Result<FeatureVectors<'request>> {
        let vectors = assemble(self.plan, &self.binding, self.entities, &self.rows);
        vectors.map_err(|corrupt| self.store.corrupt(corrupt))
    }
}

/// The plan's binding to the tables as they are now.
pub(crate) fn bind(plan: &ReadPlan, store: &OnlineStore) -> Arc<Binding> {
    let tables = store.tables();
    if let Some(known) = plan.binding.load_full().filter(|known| known.is_of(&tables)) {
        return known;
    }
    let binding = Arc::new(Binding::new(&plan.views, plan.groups.len(), tables));
    plan.binding.store(Some(Arc::clone(&binding)));
    binding
}
