//! On-demand views whose results are stored: they are computed when rows of their sources are written.
//!
//! A row of the view is computed from a written row of one source, with the stored rows of the others, and gets the times of the written
//! row. With several sources, what is stored in the end depends on the order in which their rows are written, as it does in Feast.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::ArrayRef;
use feast_functions::{Budget, Input, Output};
use feast_model::error::{Error, Result};
use feast_model::{DUMMY_JOIN_KEY, FeatureSelection, FeatureView, Field, OnDemandFeatureView, Projection};

use super::keys::{EntityRows, KeyColumn};
use super::lookup::lookup;
use super::plan::{PlanContext, ReadPlan};
use super::view_functions::ViewFunction;
use crate::online_store::{OnlineStore, RowColumns};

/// A run of the function of an on-demand view whose rows are stored, of those whose runs are to be measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteFunctionRun {
    /// The view.
    pub view: String,
    /// `pandas` or `python`.
    pub mode: String,
    /// How long it took.
    pub time: Duration,
}

/// A view whose runs are to be measured, with its mode.
#[derive(Debug)]
struct Measured {
    view: String,
    mode: String,
}

impl Measured {
    fn new(view: &OnDemandFeatureView) -> Option<Self> {
        view.track_metrics.then(|| Self {
            view: view.name().to_owned(),
            mode: view.mode.clone(),
        })
    }

    fn run_since(&self, started: Instant) -> WriteFunctionRun {
        WriteFunctionRun {
            view: self.view.clone(),
            mode: self.mode.clone(),
            time: started.elapsed(),
        }
    }
}

/// The stored on-demand views that are computed when rows of a view are written.
#[derive(Debug, Default)]
pub(crate) struct DerivedViews {
    pub(crate) views: Vec<DerivedView>,
    /// Those that are not, and why.
    pub(crate) skipped: Vec<(String, String)>,
}

/// A stored on-demand view, computed from written rows of one of its sources.
#[derive(Debug)]
pub(crate) struct DerivedView {
    /// As its rows are stored.
    pub(crate) view: FeatureView,
    function: Arc<ViewFunction>,
    measured: Option<Measured>,
    /// What is taken of the written rows.
    source: Projection,
    /// Looks up what the other sources have stored; none for a view with one source.
    others: Option<ReadPlan>,
}

/// A stored on-demand view that is computed from columns that a writer gives.
#[derive(Debug)]
pub(crate) struct GivenView {
    function: Arc<ViewFunction>,
    measured: Option<Measured>,
    /// What the writer gives beside the join keys.
    pub(crate) inputs: Vec<Field>,
}

/// A column of a function's input, with its second name.
struct NamedColumn<'a> {
    field: &'a Field,
    twin: Option<String>,
    values: ArrayRef,
}

impl DerivedViews {
    /// The views that are computed when rows of `source` are written.
    pub(crate) fn of_source(context: &PlanContext<'_>, source: &FeatureView) -> Self {
        let mut derived = Self::default();
        for view in &context.definitions.on_demand_feature_views {
            let projection = view.source_views().find(|projection| projection.view == source.name());
            let (Some(projection), Some(stored)) = (projection, view.stored_view().filter(|view| view.enabled)) else {
                continue;
            };
            match DerivedView::new(context, view, stored, source, projection) {
                Ok(view) => derived.views.push(view),
                Err(reason) => derived.skipped.push((view.name().to_owned(), reason)),
            }
        }
        derived
    }
}

impl DerivedView {
    fn new(
        context: &PlanContext<'_>,
        view: &OnDemandFeatureView,
        stored: FeatureView,
        source: &FeatureView,
        projection: &Projection,
    ) -> Result<Self, String> {
        if let Some(field) = view.request_data().next() {
            return Err(format!("{} is given by requests only", field.name));
        }
        let is_known = |key: &Field| key.name == DUMMY_JOIN_KEY || has_column(&source.entity_columns, &key.name);
        if let Some(key) = stored.entity_columns.iter().find(|key| !is_known(key)) {
            return Err(format!(
                "rows of {} do not have its join key {}",
                source.name(),
                key.name
            ));
        }
        let function = context.functions.of(view, context.definitions);
        let others = view.source_views().filter(|other| other.view != source.name());
        let references = others.flat_map(|other| {
            let features = other.features.iter();
            features.map(|feature| format!("{}:{}", other.view, feature.name))
        });
        let references: Vec<String> = references.collect();
        let plan = || ReadPlan::new(context, &FeatureSelection::Features(references.clone()), true);
        let others = (!references.is_empty()).then(plan).transpose();
        Ok(Self {
            view: stored,
            function: function.map_err(|error| error.to_string())?,
            measured: Measured::new(view),
            source: projection.clone(),
            others: others.map_err(|error| error.to_string())?,
        })
    }

    /// Computes its rows from written rows of its source. Adds the run if it is to be measured.
    ///
    /// # Errors
    /// Those of the function, and of the store that has the rows of other sources.
    pub(crate) fn rows(
        &self,
        store: &OnlineStore,
        source: &FeatureView,
        written: &RowColumns,
        runs: &mut Vec<WriteFunctionRun>,
    ) -> Result<RowColumns> {
        let rows = written.event_times.len();
        let source_keys = source.entity_columns.iter().filter(|key| key.name != DUMMY_JOIN_KEY);
        let keys: Vec<(&Field, &ArrayRef)> = source_keys.zip(&written.keys).collect();
        let mut columns: Vec<NamedColumn<'_>> = keys.iter().map(|(key, values)| own(key, values)).collect();
        let written_features = source.features.iter().zip(&written.features);
        let read = written_features.filter(|(field, _)| has_column(&self.source.features, &field.name));
        columns.extend(read.map(|(field, values)| NamedColumn {
            twin: Some(format!("{}__{}", source.name(), field.name)),
            ..own(field, values)
        }));
        let stored = self
            .others
            .as_ref()
            .map(|plan| stored_columns(store, plan, &keys, rows));
        let stored = stored.transpose()?.unwrap_or_default();
        columns.extend(stored.iter().map(|(full_name, field, values)| NamedColumn {
            twin: Some(full_name.clone()),
            ..own(field, values)
        }));
        let wanted = self.view.entity_columns.iter().filter(|key| key.name != DUMMY_JOIN_KEY);
        let key_of = |wanted: &Field| {
            let mut keys = keys.iter();
            keys.find(|(key, _)| key.name == wanted.name)
                .map(|(_, values)| Arc::clone(values))
        };
        let started = Instant::now();
        let features = computed(&self.function, &columns, &self.view.features, rows).map_err(|error| {
            error.within(|message| {
                format!(
                    "on-demand feature view {}, computed from rows of {}: {message}",
                    self.view.name(),
                    source.name()
                )
            })
        })?;
        runs.extend(self.measured.iter().map(|measured| measured.run_since(started)));
        Ok(RowColumns {
            keys: wanted.filter_map(key_of).collect(),
            features,
            event_times: written.event_times.clone(),
            created_times: written.created_times.clone(),
        })
    }
}

impl GivenView {
    /// # Errors
    /// `Unsupported` when the function is not run.
    pub(crate) fn new(context: &PlanContext<'_>, view: &OnDemandFeatureView) -> Result<Self> {
        let mut inputs: Vec<Field> = Vec::new();
        let sources = view.source_views().flat_map(|source| &source.features);
        for field in sources.chain(view.request_data()) {
            if !has_column(&inputs, &field.name) {
                inputs.push(field.clone());
            }
        }
        Ok(Self {
            function: context.functions.of(view, context.definitions)?,
            measured: Measured::new(view),
            inputs,
        })
    }

    /// Computes the features of rows whose inputs are given, in the order of [`GivenView::inputs`]. Adds the run if it is to be measured.
    ///
    /// # Errors
    /// Those of the function.
    pub(crate) fn features(
        &self,
        view: &FeatureView,
        keys: &[ArrayRef],
        inputs: &[ArrayRef],
        rows: usize,
        runs: &mut Vec<WriteFunctionRun>,
    ) -> Result<Vec<ArrayRef>> {
        let key_columns = view.entity_columns.iter().filter(|key| key.name != DUMMY_JOIN_KEY);
        let columns = key_columns.zip(keys).chain(self.inputs.iter().zip(inputs));
        let columns: Vec<NamedColumn<'_>> = columns.map(|(field, values)| own(field, values)).collect();
        let started = Instant::now();
        let features = computed(&self.function, &columns, &view.features, rows)?;
        runs.extend(self.measured.iter().map(|measured| measured.run_since(started)));
        Ok(features)
    }
}

fn own<'a>(field: &'a Field, values: &ArrayRef) -> NamedColumn<'a> {
    NamedColumn {
        field,
        twin: None,
        values: Arc::clone(values),
    }
}

fn has_column(fields: &[Field], name: &str) -> bool {
    fields.iter().any(|field| field.name == name)
}

/// What is stored for these keys, by full name, with the name and the type of the feature.
fn stored_columns(
    store: &OnlineStore,
    plan: &ReadPlan,
    keys: &[(&Field, &ArrayRef)],
    rows: usize,
) -> Result<Vec<(String, Field, ArrayRef)>> {
    let keys = keys.iter().map(|(key, values)| KeyColumn {
        name: key.name.clone(),
        value_type: key.value_type.clone(),
        values: Arc::clone(values),
    });
    let entities = EntityRows::new(rows, keys.collect())?;
    let found = lookup(store, plan, &entities, |_| Ok::<_, Error>(()))?.feature_vectors()?;
    let columns = found.columns().filter(|column| !column.field.is_join_key);
    let features = plan
        .views
        .iter()
        .flat_map(|view| view.features.iter().map(move |feature| (view, feature)));
    let columns = features.zip(columns).map(|((view, feature), column)| {
        let field = Field::new(feature.name.clone(), feature.value_type.clone());
        (format!("{}__{}", view.view, feature.name), field, column.values())
    });
    Ok(columns.collect())
}

/// Runs a function for all features of a view, in their order.
fn computed(
    function: &ViewFunction,
    columns: &[NamedColumn<'_>],
    features: &[Field],
    rows: usize,
) -> Result<Vec<ArrayRef>> {
    let inputs: Vec<Input<'_>> = columns
        .iter()
        .map(|column| Input {
            name: &column.field.name,
            twin: column.twin.as_deref(),
            value_type: &column.field.value_type,
            values: Arc::clone(&column.values),
        })
        .collect();
    let outputs: Vec<Output<'_>> = features
        .iter()
        .map(|feature| Output {
            name: &feature.name,
            value_type: &feature.value_type,
        })
        .collect();
    let computed = function.call(&inputs, &outputs, rows, Budget::Full)?;
    let mut computed = computed.ok_or_else(|| Error::internal("a function has stopped without a reason"))?;
    computed.sort_by_key(|(number, _)| *number);
    Ok(computed.into_iter().map(|(_, values)| values).collect())
}
