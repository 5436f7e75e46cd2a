//! A feature view, as far as stores are concerned that have no record of their own of what they hold.

use feast_codec::record::ViewShape;
use feast_model::Field;

/// A feature view of the registry, for stores in Feast's own layout: nothing in them says which views or features there are.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredView {
    /// Its name.
    pub name: String,
    /// Its name in the store: with its version, if requests may name versions and it is not the first.
    pub stored_name: String,
    /// Its join keys, by name.
    pub join_keys: Vec<Field>,
    /// Its features, in the order of the view.
    pub features: Vec<Field>,
    /// What tells it from another view of that name.
    pub shape: ViewShape,
}

impl StoredView {
    /// The names of its join keys, in order.
    pub fn join_key_names(&self) -> Vec<&str> {
        self.join_keys.iter().map(|key| &key.name[..]).collect()
    }
}
