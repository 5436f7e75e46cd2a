//! `feast get-online-features`: features of single entities, for people.

use feast_engine::model::{FeatureSelection, ValueType};
use feast_engine::{Access, ErrorKind, FeatureStore, RepositoryConfig};
use serde_json::Value;

use crate::args::OnlineFeaturesArguments;
use crate::commands::apply;
use crate::output::{Failure, Output};
use crate::settings::Repository;

/// Reads features of single entities and prints them as JSON: a list for each key and feature.
pub(crate) fn run(
    repository: &Repository,
    arguments: &OnlineFeaturesArguments,
    output: &Output,
) -> Result<(), Failure> {
    let mut pairs = Vec::with_capacity(arguments.entities.len());
    for pair in &arguments.entities {
        let Some(key_and_value) = pair.split_once('=') else {
            // As in Feast, which succeeds with this message.
            output.line(&format!("Invalid entity format: {pair}. Use key=value format."));
            return Ok(());
        };
        pairs.push(key_and_value);
    }
    let store = open(repository, output)?;
    // Without them a function may be refused that a server would run; what is wrong with it then says more.
    let _ = store.supply_module_names(|| apply::definitions(store.config()));
    let selection = FeatureSelection::Features(arguments.features.clone());
    let plan = store.plan(&selection, false)?;
    let mut entities: Vec<(String, Vec<Value>)> = Vec::new();
    for (key, typed) in pairs {
        let column = plan.request_column(key);
        let value_type = column.key.and_then(|key| key.value_type.as_ref()).or(column.data_type);
        let value = key_value(typed, value_type);
        match entities.iter_mut().find(|(name, _)| name == key) {
            Some((_, values)) => values.push(value),
            None => entities.push((key.to_owned(), vec![value])),
        }
    }
    let response = feast_server::online_features(&store, &selection, entities)?;
    let names = response["metadata"]["feature_names"].as_array().into_iter().flatten();
    let columns = response["results"].as_array().into_iter().flatten();
    let members = names
        .zip(columns)
        .filter_map(|(name, column)| Some((name.as_str()?.to_owned(), column.get("values")?.clone())));
    output.json_with_indent(&Value::Object(members.collect()), 4);
    Ok(())
}

/// Opens the repository, and where the online store cannot be had to write, only to read: a server may have it open, or it may be on a
/// file system that takes no writes. One that is not there is not made.
pub(super) fn open(repository: &Repository, output: &Output) -> Result<FeatureStore, Failure> {
    open_with(repository.settings(output)?)
}

/// As [`open`], to read many rows once each.
pub(super) fn open_to_scan(repository: &Repository, output: &Output) -> Result<FeatureStore, Failure> {
    open_with(repository.settings(output)?.without_rows_in_memory())
}

fn open_with(config: RepositoryConfig) -> Result<FeatureStore, Failure> {
    let store = FeatureStore::open(config)?;
    store.check_online_store_made()?;
    let Err(error) = store.open_online_store() else {
        return Ok(store);
    };
    if !matches!(error.kind(), ErrorKind::Conflict | ErrorKind::Unavailable) {
        return Err(error.into());
    }
    let read_only = FeatureStore::open_with(store.config().clone(), Access::ReadOnly)?;
    // What was wrong first says more than why it cannot be read either.
    read_only.open_online_store().map_err(|_| error)?;
    Ok(read_only)
}

/// What was typed as a value of the key's type. The look-up refuses what should be a number and is not.
fn key_value(typed: &str, value_type: Option<&ValueType>) -> Value {
    let is_number = matches!(
        value_type,
        Some(ValueType::Int32 | ValueType::Int64 | ValueType::UnixTimestamp)
    );
    match (typed.parse::<i64>(), value_type) {
        (Ok(number), _) if is_number => Value::from(number),
        (_, Some(ValueType::Float32 | ValueType::Float64)) => {
            typed.parse::<f64>().map_or_else(|_| Value::from(typed), Value::from)
        }
        (_, Some(ValueType::Bool)) if ["true", "True"].contains(&typed) => Value::from(true),
        (_, Some(ValueType::Bool)) if ["false", "False"].contains(&typed) => Value::from(false),
        _ => Value::from(typed),
    }
}
