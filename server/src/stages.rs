//! The steps of a read on the side of HTTP, so that each can be measured beside its floor. Only the benches use this module, and
//! only they turn on the feature of its name: no other build has it.

use bytes::Bytes;
use feast_engine::{EntityRows, Error, FeatureVectors, ReadPlan};

use crate::wire::arrow_stream;
use crate::wire::entities::entity_rows;
use crate::wire::request::GetOnlineFeatures;
use crate::wire::response::{Layout, write_feature_vectors};

/// A request's body to key columns, for a plan that is known.
///
/// # Errors
/// `Invalid` when the body is not a read.
pub fn key_columns(plan: &ReadPlan, body: &Bytes) -> Result<EntityRows, Error> {
    let request = GetOnlineFeatures::from_json(body).map_err(|problem| Error::invalid(problem.to_string()))?;
    entity_rows(plan, &request.entities)
}

/// A response as JSON, one result per feature.
pub fn json(vectors: &FeatureVectors<'_>) -> Vec<u8> {
    write_feature_vectors(vectors, Layout::Columns, None)
}

/// A response as an Arrow stream.
///
/// # Errors
/// `Internal` when the columns do not make a batch.
pub fn arrow(vectors: &FeatureVectors<'_>) -> Result<Vec<u8>, Error> {
    arrow_stream::write_feature_vectors(vectors, None)
}
