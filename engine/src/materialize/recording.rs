//! What the registry and the online store remember of a run: the interval, and that the table has been filled.
//!
//! A table knows whether a materialization has filled it, because the registry's intervals may tell of another store, or of rows
//! that are gone. An incremental run then warns that it does not bring those rows back.
//!
//! **The mark on the table first, then the interval**, and whoever compares them reads the interval first: so nobody sees an interval
//! whose table has no mark yet. Rows are durable before both. A run that ends between them has left rows and a mark, and is run again.

use std::sync::Arc;

use feast_codec::record::ViewShape;
use feast_model::error::{Error, ErrorKind, Result};
use feast_model::{FeatureView, StoredKeys, Timestamp};
use feast_registry::RegistryContents;

use super::window::ViewWindow;
use crate::online::DerivedViews;
use crate::online_store::{OnlineStore, view_shape};

/// Records the interval of a run whose rows are durable, in a registry that nobody else sees yet. Says whether it continues where the last
/// run ended; if not, the table is to be marked with [`OnlineStore::mark_materialized`] before anybody does.
///
/// # Errors
/// `Conflict` when the join keys of the view changed during the run, and those of the registry.
pub(crate) fn record(
    registry: &mut RegistryContents,
    view: &FeatureView,
    window: &ViewWindow,
    now: Timestamp,
) -> Result<bool> {
    check_keys(view, registry.keys_of_view(view.name())?)?;
    record_interval(registry, &window.view, (window.start, window.end), now)
}

/// As [`record`], of rows whose join keys are known to be the view's.
pub(crate) fn record_interval(
    registry: &mut RegistryContents,
    view: &str,
    (start, end): (Timestamp, Timestamp),
    now: Timestamp,
) -> Result<bool> {
    let resume = registry.resume_point(view)?;
    let continues = resume.is_some_and(|resume| resume.from == start && resume.former_keys.is_none());
    registry.record_materialization(view, start, end, now)?;
    Ok(continues)
}

/// A warning for each view whose former runs have filled another store, or rows that are gone, so that an incremental run would not
/// bring them back.
pub(crate) fn warnings_of_missing_rows(
    online_store: &OnlineStore,
    registry: &RegistryContents,
    views: &[(&FeatureView, Arc<DerivedViews>)],
) -> Result<Vec<String>> {
    let mut warnings = Vec::new();
    for (view, derived) in views {
        // After a change of join keys the run reads everything again, and says so.
        let resume = registry
            .resume_point(view.name())?
            .filter(|resume| resume.former_keys.is_none());
        let Some(resume) = resume else { continue };
        let (name, until) = (view.name(), resume.from.to_python());
        let Some(why) = missing_rows(online_store, view) else {
            let tables = online_store.tables();
            let derived = derived.views.iter().map(|derived| derived.view.name());
            warnings.extend(derived.filter(|derived| tables.get(derived).is_none()).map(|derived| {
                format!(
                    "{name}: the online store has no rows of on-demand feature view {derived}, which is computed from it, and an \
                     incremental run reads only what came after {until}; to compute all of them, run: feast materialize START_TS \
                     END_TS -v {derived}"
                )
            }));
            continue;
        };
        warnings.push(format!(
            "{name}: {why}, but the registry says that it was materialized until {until}, and an incremental run reads only \
             what came after; to load all of it, run: feast materialize-incremental END_TS --full -v {name}"
        ));
    }
    Ok(warnings)
}

/// Until when a store has the rows of a view, by what it remembers and the registry tells; `None` where rows may be missing.
pub(crate) fn rows_are_there_until(
    online_store: &OnlineStore,
    registry: &RegistryContents,
    view: &FeatureView,
) -> Result<Option<Timestamp>> {
    let resume = registry.resume_point(view.name())?;
    let resume = resume.filter(|resume| resume.former_keys.is_none() && missing_rows(online_store, view).is_none());
    Ok(resume.map(|resume| resume.from))
}

/// Whether the stored rows of a view may be fewer than its recorded intervals say, and why.
fn missing_rows(online_store: &OnlineStore, view: &FeatureView) -> Option<&'static str> {
    let tables = online_store.tables();
    let Some(table) = tables.get(view.name()) else {
        return Some("the online store has no rows of it");
    };
    let ViewShape { join_keys, .. } = view_shape(view);
    if table.shape().is_some_and(|shape| shape.join_keys != join_keys) {
        return Some("its stored rows have other join keys");
    }
    (!table.is_materialized()).then_some("no materialization has filled its table in this online store")
}

/// Rows stored under keys that the view no longer has are not found: such a run does not count.
fn check_keys(view: &FeatureView, present: Option<StoredKeys>) -> Result<()> {
    match present.filter(|present| *present != view.stored_keys()) {
        None => Ok(()),
        Some(present) => Err(Error::new(
            ErrorKind::Conflict,
            format!(
                "the join keys of feature view {} became {present} while it was materialized, so its rows are not found",
                view.name()
            ),
        )
        .with_hint("run it again")),
    }
}
