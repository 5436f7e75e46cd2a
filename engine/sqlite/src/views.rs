//! The views of the registry as this store reads them: their tables, and what their stored values are decoded with.

use std::collections::HashMap;
use std::sync::Arc;

use feast_codec::feast_value::ValueDecoder;
use feast_rows::{RegistryTables, StoredView, Table, Tables};

use crate::schema::{quoted, table_name};

/// The views of one state of the registry. A state never changes; another one follows it.
#[derive(Default)]
pub(super) struct Views {
    registry: RegistryTables,
    /// By the ids of their tables.
    stored: HashMap<u32, Arc<ViewReader>>,
}

/// How the rows of a view are read.
pub(super) struct ViewReader {
    /// Gives the rows of one entity: feature, value, event time, created time.
    pub(super) query: String,
    /// Gives a page of entity keys.
    pub(super) keys_query: String,
    /// Gives the number of entities, the bytes that are stored of them, and the newest event time.
    pub(super) totals_query: String,
    pub(super) view: String,
    pub(super) table: Arc<Table>,
    /// Of each feature.
    pub(super) decoders: Vec<ValueDecoder>,
    pub(super) features: Vec<String>,
    /// Of each feature by its name.
    pub(super) positions: HashMap<String, usize>,
}

impl Views {
    /// The tables.
    pub(super) fn tables(&self) -> &Arc<Tables> {
        self.registry.tables()
    }

    /// How the rows of a table are read.
    pub(super) fn reader(&self, table: u32) -> Option<&ViewReader> {
        self.stored.get(&table).map(|reader| &**reader)
    }

    /// How the rows of each table are read.
    pub(super) fn readers(&self) -> impl Iterator<Item = &ViewReader> {
        self.stored.values().map(|reader| &**reader)
    }

    /// A view by its name.
    pub(super) fn view(&self, name: &str) -> Option<&StoredView> {
        self.registry.view(name).map(|(_, view)| &**view)
    }

    /// Those of another state of the registry; `None` when nothing has changed.
    pub(super) fn follow(&self, project: &str, views: &[StoredView]) -> Option<Self> {
        let registry = self.registry.follow(views)?;
        let stored = views.iter().filter_map(|view| {
            let (table, view) = registry.view(&view.name)?;
            let known = self.stored.get(&table.id).map(Arc::clone);
            Some((
                table.id,
                known.unwrap_or_else(|| Arc::new(ViewReader::new(project, table, view))),
            ))
        });
        Some(Self {
            stored: stored.collect(),
            registry,
        })
    }
}

impl ViewReader {
    fn new(project: &str, table: &Arc<Table>, view: &StoredView) -> Self {
        let names = view.features.iter().map(|feature| feature.name.clone());
        let name = quoted(&table_name(project, &view.stored_name));
        Self {
            query: format!("SELECT feature_name, value, event_ts, created_ts FROM {name} WHERE entity_key = ?1"),
            keys_query: format!(
                "SELECT DISTINCT entity_key FROM {name} WHERE entity_key > ?1 ORDER BY entity_key LIMIT ?2"
            ),
            totals_query: format!(
                "SELECT count(DISTINCT entity_key), coalesce(sum(length(entity_key) + coalesce(length(value), 0)), 0), max(event_ts) \
                 FROM {name}"
            ),
            view: view.name.clone(),
            table: Arc::clone(table),
            decoders: view
                .features
                .iter()
                .map(|feature| ValueDecoder::new(&feature.value_type))
                .collect(),
            positions: names.clone().zip(0..).collect(),
            features: names.collect(),
        }
    }
}
