//! One batched lookup for all views of a request, in steps that a caller may wait between.
//!
//! [`Lookup::start`] takes what is in memory, the store fetches [`Lookup::missing`], [`Lookup::complete`] puts it into place, and
//! [`Lookup::finish`] gives the rows. [`lookup`] does all of it on the calling thread, [`lookup_async`] awaits
//! what a store on the network fetches. [`lookup_in_memory`] only takes what is in memory.

use std::sync::Arc;

use feast_codec::packed_bytes::PackedBytes;
use feast_functions::Budget;
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
struct Lookup<'request, 'keys, A> {
    store: &'request OnlineStore,
    plan: &'request ReadPlan,
    entities: &'request EntityRows,
    /// Of each group of the plan.
    keys: &'keys [PackedBytes],
    /// Called with the number of bytes that the rows are so far, each row counted as often as it is requested.
    admit: A,
    binding: Arc<Binding>,
    rows: RowLookup,
}

impl<'request, 'keys, E: From<Error>, A: FnMut(usize) -> Result<(), E>> Lookup<'request, 'keys, A> {
    /// Takes the rows that are in memory. `keys` are the plan's [`entity_keys`].
    #[inline]
    fn start(
        store: &'request OnlineStore,
        plan: &'request ReadPlan,
        entities: &'request EntityRows,
        keys: &'keys [PackedBytes],
        mut admit: A,
    ) -> Result<Self, E> {
        let binding = bind(plan, store);
        let rows = store.prepare(binding.queries(keys))?;
        admit(rows.bytes())?;
        Ok(Self {
            store,
            plan,
            entities,
            keys,
            admit,
            binding,
            rows,
        })
    }

    /// What is to be fetched next; `None` when all rows are there. When tables have changed meanwhile, which they seldom do, all is
    /// read anew: a row follows a schema that was known before it was written, so the rows may then follow one that this binding
    /// does not know.
    #[inline]
    fn missing(&mut self) -> Result<Option<MissingRows<'_>>, E> {
        while self.rows.missing(self.binding.queries(self.keys)).is_none() && !self.binding.is_of(&self.store.tables())
        {
            self.binding = bind(self.plan, self.store);
            self.rows = self.store.prepare(self.binding.queries(self.keys))?;
            (self.admit)(self.rows.bytes())?;
        }
        Ok(self.rows.missing(self.binding.queries(self.keys)))
    }

    /// Puts the rows of [`Lookup::missing`] into their places. What was fetched is let go: a store may keep blocks in memory for it.
    #[inline]
    fn complete(&mut self, fetched: FetchedRows<'_>) -> Result<(), E> {
        let queries = self.binding.queries(self.keys);
        self.store.complete(&mut self.rows, queries, fetched)?;
        (self.admit)(self.rows.bytes())
    }

    /// The rows, when none is missing.
    #[inline]
    fn finish(self) -> StoredEntities<'request> {
        StoredEntities {
            store: self.store,
            plan: self.plan,
            entities: self.entities,
            binding: self.binding,
            rows: self.rows.into_batches(),
        }
    }
}

/// Reads the rows of all views for the entities, on this thread. `admit` is called repeatedly with the number of bytes so far.
pub(crate) fn lookup<'request, E: From<Error>>(
    store: &'request OnlineStore,
    plan: &'request ReadPlan,
    entities: &'request EntityRows,
    admit: impl FnMut(usize) -> Result<(), E>,
) -> Result<StoredEntities<'request>, E> {
    let keys = entity_keys(plan, entities)?;
    let mut lookup = Lookup::start(store, plan, entities, &keys, admit)?;
    while let Some(missing) = lookup.missing()? {
        let reading = store.reading();
        let fetched = reading.fetch(missing)?;
        lookup.complete(fetched)?;
    }
    Ok(lookup.finish())
}

/// As [`lookup`], awaiting what comes over the network: no thread waits.
pub(crate) async fn lookup_async<'request, E: From<Error>>(
    store: &'request OnlineStore,
    plan: &'request ReadPlan,
    entities: &'request EntityRows,
    admit: impl FnMut(usize) -> Result<(), E>,
) -> Result<StoredEntities<'request>, E> {
    let keys = entity_keys(plan, entities)?;
    let mut lookup = Lookup::start(store, plan, entities, &keys, admit)?;
    while let Some(missing) = lookup.missing()? {
        let reading = store.reading();
        let fetched = reading.fetch_async(missing).await?;
        lookup.complete(fetched)?;
    }
    Ok(lookup.finish())
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
    // Otherwise as in `Lookup::missing`.
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
    /// Decodes the rows into Arrow columns, and runs the functions of on-demand views over them.
    ///
    /// # Errors
    /// `Data` when the store is damaged, `Function` for what a function raises, `Unsupported` for what is not known of it.
    pub fn feature_vectors(&self) -> Result<FeatureVectors<'request>> {
        let vectors = self.within(Budget::Full)?;
        vectors.ok_or_else(|| Error::internal("a function has stopped without a reason"))
    }

    /// As [`StoredEntities::feature_vectors`], for threads that must not wait: `None` when a function takes long.
    ///
    /// # Errors
    /// As there.
    pub fn feature_vectors_briefly(&self) -> Result<Option<FeatureVectors<'request>>> {
        // Nothing is decoded that would be thrown away.
        if self.plan.waits_for_functions() {
            return Ok(None);
        }
        self.within(Budget::Brief)
    }

    fn within(&self, budget: Budget) -> Result<Option<FeatureVectors<'request>>> {
        let columns = assemble(self.plan, &self.binding, self.entities, &self.rows);
        let columns = columns.map_err(|corrupt| self.store.corrupt(corrupt))?;
        self.plan.compute(self.entities, columns, budget)
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
