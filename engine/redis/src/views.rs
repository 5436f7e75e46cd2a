//! The views of the registry, with what is read of hashes for them.

use std::collections::HashMap;
use std::sync::Arc;

use feast_rows::{RegistryTables, StoredView};
use parking_lot::Mutex;

use crate::hash_query::HashQuery;

/// Queries kept for one state of the registry. Beyond it they are made again for each fetch.
const MAX_KEPT_QUERIES: usize = 4096;

/// The views of one state of the registry.
#[derive(Default)]
pub(crate) struct Views {
    tables: RegistryTables,
    /// By the ids of the tables.
    queries: Mutex<HashMap<Vec<u32>, Arc<HashQuery>>>,
}

impl Views {
    /// Those of another state; `None` when nothing has changed.
    pub(crate) fn follow(&self, views: &[StoredView]) -> Option<Self> {
        let tables = self.tables.follow(views)?;
        Some(Self {
            tables,
            queries: Mutex::default(),
        })
    }

    pub(crate) fn tables(&self) -> &RegistryTables {
        &self.tables
    }

    /// What to read for some tables with the same join keys.
    pub(crate) fn query(&self, tables: &[u32]) -> Arc<HashQuery> {
        if let Some(known) = self.queries.lock().get(tables) {
            return Arc::clone(known);
        }
        let query = Arc::new(HashQuery::new(tables, &self.tables));
        let mut queries = self.queries.lock();
        if queries.len() < MAX_KEPT_QUERIES {
            queries.insert(tables.to_vec(), Arc::clone(&query));
        }
        query
    }
}
