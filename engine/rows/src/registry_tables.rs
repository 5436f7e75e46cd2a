//! Tables made from the views of the registry, for stores that have no record of their own of what they hold.

use std::collections::HashMap;
use std::sync::Arc;

use super::{StoredView, Table, Tables};

/// The views of one state of the registry with their tables. A state never changes; another one follows it.
#[derive(Debug, Default)]
pub struct RegistryTables {
    tables: Arc<Tables>,
    /// By the ids of their tables.
    views: HashMap<u32, Arc<StoredView>>,
    next_id: u32,
}

impl RegistryTables {
    /// The tables of other views. Views that are the same keep their tables; ids mean something within this process and are never
    /// used again, so rows in memory are never taken for those of another view. `None` when nothing has changed.
    pub fn follow(&self, views: &[StoredView]) -> Option<Self> {
        let is_known = |view: &StoredView| self.view(&view.name).is_some_and(|(_, known)| **known == *view);
        if views.len() == self.views.len() && views.iter().all(is_known) {
            return None;
        }
        let mut next = Self {
            next_id: self.next_id,
            ..Self::default()
        };
        let mut tables = Vec::with_capacity(views.len());
        for view in views {
            let known = self.view(&view.name).filter(|(_, known)| ***known == *view);
            let (table, stored) = match known {
                Some((table, stored)) => (Arc::clone(table), Arc::clone(stored)),
                None => {
                    next.next_id += 1;
                    (Arc::new(Table::of_view(next.next_id, view)), Arc::new(view.clone()))
                }
            };
            next.views.insert(table.id, stored);
            tables.push((view.name.clone(), table));
        }
        next.tables = Arc::new(Tables::new(tables.into_iter(), Vec::new()));
        Some(next)
    }

    /// The tables.
    pub fn tables(&self) -> &Arc<Tables> {
        &self.tables
    }

    /// All views.
    pub fn views(&self) -> impl Iterator<Item = &Arc<StoredView>> {
        self.views.values()
    }

    /// The view of a table.
    pub fn view_of(&self, table: u32) -> Option<&Arc<StoredView>> {
        self.views.get(&table)
    }

    /// A view by its name, with its table.
    pub fn view(&self, name: &str) -> Option<(&Arc<Table>, &Arc<StoredView>)> {
        let table = self.tables.get(name)?;
        Some((table, self.views.get(&table.id)?))
    }
}
