//! Views that are read in one pass: those that are about the same rows of the same files. What differs are the features that are taken
//! of each row.
//!
//! A view from which stored on-demand views are computed is read by itself, as these may look up rows of the views before it, which
//! must be stored by then.

use std::sync::Arc;

use feast_model::{DUMMY_JOIN_KEY, DataSource, FeatureView, Field};

use super::window::ViewWindow;
use crate::offline::TypedColumn;
use crate::online::DerivedViews;

/// A view that is to be materialized.
#[derive(Clone)]
pub(crate) struct PassView<'a> {
    pub(crate) view: &'a FeatureView,
    pub(crate) window: &'a ViewWindow,
    /// The views that are computed from its rows.
    pub(crate) derived: Arc<DerivedViews>,
}

/// Puts views that are read in one pass together, each pass where its first view was.
pub(crate) fn passes(views: Vec<PassView<'_>>) -> Vec<Vec<PassView<'_>>> {
    let mut passes: Vec<Vec<PassView<'_>>> = Vec::new();
    for view in views {
        let same = passes.iter_mut().find(|pass| is_of_same_rows(&pass[0], &view));
        match same {
            Some(pass) => pass.push(view),
            None => passes.push(vec![view]),
        }
    }
    passes
}

fn is_of_same_rows(first: &PassView<'_>, second: &PassView<'_>) -> bool {
    let (Some(left), Some(right)) = (&first.view.batch_source, &second.view.batch_source) else {
        return false;
    };
    let window = |view: &PassView<'_>| (view.window.start, view.window.end);
    first.derived.views.is_empty()
        && second.derived.views.is_empty()
        && left.kind == right.kind
        && times(left) == times(right)
        && key_columns(first.view, left) == key_columns(second.view, right)
        && window(first) == window(second)
}

/// The columns of event and created time in the files.
fn times(source: &DataSource) -> (&str, Option<&str>) {
    let created = source.created_column().map(|name| source.source_column(name));
    (source.source_column(&source.timestamp_field), created)
}

/// The columns of the join keys in the files.
pub(super) fn key_columns(view: &FeatureView, source: &DataSource) -> Vec<TypedColumn> {
    let keys = view.entity_columns.iter().filter(|key| key.name != DUMMY_JOIN_KEY);
    keys.map(|key| typed(key, source)).collect()
}

fn typed(field: &Field, source: &DataSource) -> TypedColumn {
    TypedColumn {
        name: source.source_column(&field.name).to_owned(),
        value_type: field.value_type.clone(),
    }
}

/// The columns that several views take, each once, and for each view where its features are among them.
#[derive(Default)]
pub(super) struct FeatureColumns {
    pub(super) columns: Vec<TypedColumn>,
    pub(super) of_views: Vec<Vec<usize>>,
}

impl FeatureColumns {
    pub(super) fn add(&mut self, view: &FeatureView, source: &DataSource) {
        let mut positions = Vec::with_capacity(view.features.len());
        for field in &view.features {
            let column = typed(field, source);
            let known = self.columns.iter().position(|other| *other == column);
            positions.push(known.unwrap_or(self.columns.len()));
            if known.is_none() {
                self.columns.push(column);
            }
        }
        self.of_views.push(positions);
    }
}
