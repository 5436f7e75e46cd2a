//! One batched look-up for all views of a request.

use std::sync::Arc;

use super::assemble::assemble;
use super::binding::Binding;
use super::feature_vectors::FeatureVectors;
use super::keys::{EntityRows, entity_keys};
use super::plan::ReadPlan;
use crate::error::Result;
use crate::storage::{Disk, Storage};

/// Answers a request: keys, one look-up, Arrow columns. `None` when the disk would be needed, which `disk` forbids.
pub(crate) fn read<'request>(
    storage: &Storage,
    plan: &'request ReadPlan,
    entities: &'request EntityRows,
    disk: Disk,
) -> Result<Option<FeatureVectors<'request>>> {
    let keys = entity_keys(plan, entities)?;
    loop {
        let binding = bind(plan, storage);
        let Some(rows) = storage.read_rows(&binding.queries(&keys), disk)? else {
            return Ok(None);
        };
        // A row follows a schema that was known before it was written. If tables have changed meanwhile, which they seldom
        // do, the rows may follow one that this binding does not know.
        if binding.is_of(&storage.tables()) {
            let answer = assemble(plan, &binding, entities, &rows);
            return answer.map(Some).map_err(|damage| storage.damaged(damage));
        }
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
