//! A plan bound to one state of the store's tables: which tables hold its views, and where in their rows its features lie.

use std::ops::Range;
use std::sync::Arc;

use feast_codec::packed_bytes::PackedBytes;
use feast_codec::row_reader::TypedColumns;

use super::planned_view::PlannedView;
use crate::online_store::{ColumnRef, FeatureColumns, RowQueries, Table, Tables};

/// Made once for each plan and state of the tables, so that a read looks up no name.
#[derive(Debug)]
pub(crate) struct Binding {
    tables: Arc<Tables>,
    /// Of each group of the plan, the ids of its views' tables, ascending and distinct.
    pub(super) group_tables: Vec<Vec<u32>>,
    /// The requested features of these tables.
    pub(super) features: Vec<(u32, String)>,
    /// Of each view of the plan; `None` when nothing was ever written to it.
    pub(super) views: Vec<Option<BoundView>>,
}

/// Where a view's rows are and what they hold.
#[derive(Debug)]
pub(super) struct BoundView {
    /// Position of its table among those of the group.
    pub(super) table: usize,
    /// The requested features, those of one Arrow type together.
    pub(super) arrays: Vec<TypedColumns>,
    /// For each requested feature, where it is in `arrays`.
    pub(super) columns: Vec<ColumnRef>,
    pub(super) schemas: usize,
    /// Those whose rows say which features are stored.
    pub(super) schemas_with_gaps: Range<usize>,
}

impl Binding {
    /// `groups` is how many groups of join keys the views of the plan have.
    pub(super) fn new(planned: &[PlannedView], groups: usize, tables: Arc<Tables>) -> Self {
        let bound_tables = || planned.iter().map(|view| tables.get(&view.view));
        let mut group_tables = vec![Vec::new(); groups];
        for (view, table) in planned.iter().zip(bound_tables()) {
            group_tables[view.group].extend(table.map(|table| table.id));
        }
        for ids in &mut group_tables {
            ids.sort_unstable();
            ids.dedup();
        }
        let views = planned.iter().zip(bound_tables()).map(|(view, table)| {
            let table = table?;
            let position = group_tables[view.group].binary_search(&table.id).ok()?;
            Some(BoundView::new(view, table, position))
        });
        let features = planned.iter().zip(bound_tables()).flat_map(|(view, table)| {
            let names = view.features.iter().map(|feature| feature.name.clone());
            table.into_iter().flat_map(move |table| {
                let id = table.id;
                names.clone().map(move |name| (id, name))
            })
        });
        Self {
            views: views.collect(),
            features: features.collect(),
            group_tables,
            tables,
        }
    }

    /// Whether it holds for this state of the tables.
    pub(super) fn is_of(&self, tables: &Arc<Tables>) -> bool {
        Arc::ptr_eq(&self.tables, tables)
    }

    /// What to read, given the entity keys of each group.
    pub(crate) fn queries<'a>(&'a self, keys: &'a [PackedBytes]) -> RowQueries<'a> {
        RowQueries {
            tables: &self.group_tables,
            entities: keys,
            features: Some(&self.features),
        }
    }

    pub(super) fn view(&self, view: usize) -> Option<&BoundView> {
        self.views[view].as_ref()
    }

    /// How many rows are read for each entity of a group.
    pub(super) fn rows_per_entity(&self, group: usize) -> usize {
        self.group_tables[group].len()
    }
}

impl BoundView {
    fn new(view: &PlannedView, table: &Arc<Table>, position: usize) -> Self {
        let features = view.features.iter();
        let features = features.map(|feature| {
            (
                &feature.name[..],
                feature.value_type.arrow_type(),
                &feature.storage_type[..],
            )
        });
        let FeatureColumns { arrays, columns } = table.columns(features);
        let schemas = table.schemas();
        // They come last.
        let without_gaps = schemas.iter().filter(|schema| !schema.layout.has_stored_bits()).count();
        Self {
            table: position,
            columns,
            arrays,
            schemas: schemas.len(),
            schemas_with_gaps: without_gaps..schemas.len(),
        }
    }
}
