//! What endpoints work with.

use std::sync::Arc;

use feast_engine::FeatureStore;

use crate::admission::Admission;
use crate::background::BackgroundRuns;

/// One for the life of a server.
pub(crate) struct Context {
    pub(crate) store: Arc<FeatureStore>,
    pub(crate) background: Arc<BackgroundRuns>,
    pub(crate) admission: Admission,
}
