//! Features that functions compute: what a plan says of them, and the run over the columns of a request.
//!
//! What a function reads is looked up with what is asked for, and not answered. A function gets the request's join keys, the data of
//! the request that it declares, and all features of its source views that are at hand, each of these also as `view__feature`.

use std::collections::BTreeMap;
use std::sync::Arc;

use feast_functions::{Budget, Input, Output};
use feast_model::error::{Error, FeastException, Result};
use feast_model::{Field, Timestamp, ValueType};
use feast_python_notation::python_list;

use super::feature_vectors::{ColumnField, ColumnParts, FeatureVectors, FieldStatus};
use super::keys::EntityRows;
use super::view_functions::ViewFunction;

/// An on-demand view in a plan.
#[derive(Debug)]
pub(super) struct PlannedComputation {
    pub(super) view: String,
    /// `pandas` or `python`.
    pub(super) mode: String,
    /// Whether its runs are measured.
    pub(super) is_measured: bool,
    /// Name in the metadata of the response.
    pub(super) shown_name: String,
    pub(super) version: i32,
    pub(super) function: Arc<ViewFunction>,
    pub(super) inputs: Vec<PlannedInput>,
    pub(super) request_data: Vec<Field>,
    pub(super) outputs: Vec<PlannedOutput>,
}

/// A stored feature that a function gets.
#[derive(Debug)]
pub(super) struct PlannedInput {
    pub(super) name: String,
    /// `view__feature`.
    pub(super) full_name: String,
    pub(super) value_type: ValueType,
    /// Its place among all features that the plan looks up.
    pub(super) position: usize,
}

#[derive(Debug)]
pub(super) struct PlannedOutput {
    pub(super) name: String,
    pub(super) response_name: String,
    pub(super) value_type: ValueType,
}

impl PlannedComputation {
    /// Runs the function, and adds what it gives. `stored` are the features that the plan has looked up. Says whether the budget was
    /// enough.
    ///
    /// # Errors
    /// Those of [`ViewFunction::call`].
    pub(super) fn run<'request>(
        &'request self,
        entities: &EntityRows,
        stored: &[ColumnParts<'request>],
        vectors: &mut FeatureVectors<'request>,
        budget: Budget,
    ) -> Result<bool> {
        let rows = entities.rows();
        let given = entities.columns().iter().chain(entities.request_data());
        let mut inputs: Vec<Input<'_>> = given
            .map(|column| Input {
                name: &column.name,
                twin: None,
                value_type: &column.value_type,
                values: Arc::clone(&column.values),
            })
            .collect();
        for input in &self.inputs {
            let Some(parts) = stored.get(input.position) else {
                return Err(Error::internal(format!("{} was not looked up", input.full_name)));
            };
            inputs.push(Input {
                name: &input.name,
                twin: Some(&input.full_name),
                value_type: &input.value_type,
                values: vectors.values_of(parts),
            });
        }
        let outputs: Vec<Output<'_>> = self
            .outputs
            .iter()
            .map(|output| Output {
                name: &output.name,
                value_type: &output.value_type,
            })
            .collect();
        let Some(computed) = self.function.call(&inputs, &outputs, rows, budget)? else {
            return Ok(false);
        };
        let statuses = vectors.add_statuses(vec![FieldStatus::Present; rows]);
        let event_times = vectors.add_event_times(vec![Timestamp::EPOCH; rows]);
        for (number, values) in computed {
            let output = &self.outputs[number];
            let parts = ColumnParts {
                field: ColumnField {
                    name: &output.response_name,
                    value_type: &output.value_type,
                    is_join_key: false,
                },
                array: vectors.add_array(values),
                number: 0,
                statuses,
                event_times,
            };
            vectors.push_parts(parts);
        }
        Ok(true)
    }
}

/// The data that requests must give for some computations, by name.
pub(super) fn request_data(computations: &[PlannedComputation]) -> BTreeMap<String, ValueType> {
    let fields = computations.iter().flat_map(|computation| &computation.request_data);
    fields
        .map(|field| (field.name.clone(), field.value_type.clone()))
        .collect()
}

/// Feast's error for data that a request lacks.
pub(super) fn check_request_data<'a>(needed: impl Iterator<Item = &'a String>, entities: &EntityRows) -> Result<()> {
    let is_given = |name: &&String| entities.request_data().iter().any(|column| column.name == **name);
    let missing: Vec<&String> = needed.filter(|name| !is_given(name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let message = format!(
        "Required request data source features {} not found in the entity rows, but required by feature views",
        python_list(missing)
    );
    Err(Error::not_found(FeastException::RequestDataNotFound, message))
}
