//! One batched look-up for all views of a request.

use super::assemble::{FeatureVectors, assemble};
use super::keys::{EntityRows, RequestKeys};
use super::plan::ReadPlan;
use crate::error::Result;
use crate::storage::Storage;

/// Answers a request: keys, one batched get, Arrow columns.
pub(crate) fn read(storage: &Storage, plan: &ReadPlan, entities: &EntityRows) -> Result<FeatureVectors> {
    let keys = RequestKeys::new(plan, entities, &storage.tables())?;
    let rows = storage.get_many(keys.distinct())?;
    // Taken after the rows: their schemas were known before they were written.
    assemble(plan, entities, &storage.tables(), &keys, &rows).map_err(|source| storage.damaged(source))
}
