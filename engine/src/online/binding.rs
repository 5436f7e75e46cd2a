//! A plan bound to one state of the store's tables: which tables hold its views, and where in their rows its features lie.

use std::sync::Arc;

use super::plan::{PlannedView, ReadPlan};
use crate::codec::byte_block::ByteBlock;
use crate::codec::row_reader::FeatureBlock;
use crate::storage::{RowQuery, Table, Tables};

/// Made once for each plan and state of the tables.
#[derive(Debug)]
pub(crate) struct Binding {
    tables: Arc<Tables>,
    /// Of each group of the plan, the ids of its views' tables, ascending and distinct.
    group_tables: Vec<Vec<u32>>,
    /// Of each view of the plan; `None` when nothing was ever written to it.
    views: Vec<Option<BoundView>>,
}

/// Where a view's rows are and what they hold.
#[derive(Debug)]
pub(super) struct BoundView {
    /// Position of its table among those of the group.
    pub(super) place: usize,
    /// The wanted features, those of one Arrow type together.
    pub(super) blocks: Vec<FeatureBlock>,
    /// Where each wanted feature is in the blocks.
    pub(super) places: Vec<BlockPlace>,
    pub(super) schemas: usize,
}

#[derive(Debug)]
pub(super) struct BlockPlace {
    pub(super) block: usize,
    /// Its number among the features of the block.
    pub(super) number: usize,
}

impl Binding {
    pub(super) fn new(plan: &ReadPlan, tables: Arc<Tables>) -> Self {
        let bound_tables = || plan.views.iter().map(|view| tables.get(&view.view));
        let mut group_tables = vec![Vec::new(); plan.groups.len()];
        for (view, table) in plan.views.iter().zip(bound_tables()) {
            group_tables[view.group].extend(table.map(|table| table.id));
        }
        for ids in &mut group_tables {
            ids.sort_unstable();
            ids.dedup();
        }
        let views = plan.views.iter().zip(bound_tables()).map(|(view, table)| {
            let table = table?;
            let place = group_tables[view.group].binary_search(&table.id).ok()?;
            Some(BoundView::new(view, table, place))
        });
        Self {
            views: views.collect(),
            group_tables,
            tables,
        }
    }

    /// Whether it holds for this state of the tables.
    pub(super) fn is_of(&self, tables: &Arc<Tables>) -> bool {
        Arc::ptr_eq(&self.tables, tables)
    }

    /// What to read, given the entity keys of each group.
    pub(crate) fn queries<'a>(&'a self, keys: &'a [ByteBlock]) -> Vec<RowQuery<'a>> {
        let queries = self.group_tables.iter().zip(keys);
        queries
            .map(|(tables, entities)| RowQuery { tables, entities })
            .collect()
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
    fn new(view: &PlannedView, table: &Arc<Table>, place: usize) -> Self {
        let mut blocks: Vec<FeatureBlock> = Vec::new();
        let places = view.features.iter().map(|feature| {
            let data_type = feature.value_type.arrow_type();
            let known = blocks.iter().position(|block| *block.data_type() == data_type);
            let block = known.unwrap_or_else(|| {
                blocks.push(FeatureBlock::new(data_type, table.schemas().len()));
                blocks.len() - 1
            });
            let slots = table.schemas().iter().map(|schema| {
                let position = schema.position(&feature.name, &feature.storage_type)?;
                schema.layout.feature(position)
            });
            let number = blocks[block].push(slots);
            BlockPlace { block, number }
        });
        Self {
            place,
            places: places.collect(),
            blocks,
            schemas: table.schemas().len(),
        }
    }
}
