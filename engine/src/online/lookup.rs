//! One batched look-up for all views of a request.

use std::sync::Arc;

use feast_model::error::{Error, Result};

use super::assemble::assemble;
use super::binding::Binding;
use super::feature_vectors::FeatureVectors;
use super::keys::{EntityRows, entity_keys};
use super::plan::ReadPlan;
use crate::storage::{FoundRows, Storage};

/// The stored rows of a request's entities, not yet decoded.
pub struct StoredEntities<'request> {
    storage: &'request Storage,
    plan: &'request ReadPlan,
    entities: &'request EntityRows,
    binding: Arc<Binding>,
    rows: Vec<FoundRows>,
}

/// Reads the rows of all views for the entities. `admit` is told how many bytes they are by now.
pub(crate) fn look_up<'request, E: From<Error>>(
    storage: &'request Storage,
    plan: &'request ReadPlan,
    entities: &'request EntityRows,
    mut admit: impl FnMut(usize) -> Result<(), E>,
) -> Result<StoredEntities<'request>, E> {
    let keys = entity_keys(plan, entities)?;
    loop {
        let binding = bind(plan, storage);
        let rows = storage.read_rows(&binding.queries(&keys), &mut admit)?;
        // A row follows a schema that was known before it was written. If tables have changed meanwhile, which they seldom
        // do, the rows may follow one that this binding does not know.
        if binding.is_of(&storage.tables()) {
            return Ok(StoredEntities {
                storage,
                plan,
                entities,
                binding,
                rows,
            });
        }
    }
}

/// As [`look_up`], waiting for nothing: `None` when rows are not in memory, or are much.
pub(crate) fn look_up_in_memory<'request>(
    storage: &'request Storage,
    plan: &'request ReadPlan,
    entities: &'request EntityRows,
) -> Result<Option<StoredEntities<'request>>> {
    let keys = entity_keys(plan, entities)?;
    let binding = bind(plan, storage);
    let rows = storage.rows_from_memory(&binding.queries(&keys));
    // Otherwise as in `look_up`.
    let rows = rows.filter(|_| binding.is_of(&storage.tables()));
    Ok(rows.map(|rows| StoredEntities {
        storage,
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
        vectors.map_err(|damage| self.storage.damaged(damage))
    }
}

/// The plan's binding to the tables as they are now.
pub(crate) fn bind(plan: &ReadPlan, storage: &Storage) -> Arc<Binding> {
    let tables = storage.tables();
    if let Some(known) = plan.binding.load_full().filter(|known| known.is_of(&tables)) {
        return known;
    }
    let binding = Arc::new(Binding::new(plan, tables));
    plan.binding.store(Some(Arc::clone(&binding)));
    binding
}
