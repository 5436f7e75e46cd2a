//! Projects, feature services and their logging.

use feast_model::{
    FeatureService, Logging, LoggingDestination, LoggingSystem, Metadata, Project, Projection, RequestedFeatures,
};

use super::arguments::Arguments;
use crate::error::Evaluated;
use crate::value::{FeastObject, Value};

pub(super) fn project(mut arguments: Arguments<'_>) -> Evaluated<Value> {
    // An apply sets both.
    arguments.ignore("created_timestamp");
    arguments.ignore("last_updated_timestamp");
    let name = arguments.required_str("name")?;
    let metadata = arguments.metadata(Metadata::new(name))?;
    let project = Project { metadata };
    Ok(arguments.object(FeastObject::Project(project)))
}

pub(super) fn feature_service(mut arguments: Arguments<'_>) -> Evaluated<Value> {
    let name = arguments.required_str("name")?;
    let projection = |value: &Value| match value {
        Value::Str(reference) => Some(Projection {
            requested: RequestedFeatures::Reference(reference.to_string()),
            ..Projection::all_of("")
        }),
        Value::Object(object) => object.projection().map(|projection| projection.projection),
        _ => None,
    };
    let projections = arguments.list("features", "FeatureView or str", projection)?;
    let projections = projections
        .ok_or_else(|| arguments.raise("TypeError", "FeatureService() missing 1 required argument: 'features'"))?;
    // Feast puts references after objects.
    let is_reference = |projection: &Projection| matches!(projection.requested, RequestedFeatures::Reference(_));
    let (references, mut projections): (Vec<_>, Vec<_>) = projections.into_iter().partition(is_reference);
    projections.extend(references);
    let service = FeatureService {
        projections,
        metadata: arguments.metadata(Metadata::new(name))?,
        logging: arguments.pick("logging_config", "LoggingConfig", |object| match object {
            FeastObject::Logging(logging) => Some(logging.clone()),
            _ => None,
        })?,
        precompute_online: arguments.bool("precompute_online", false)?,
    };
    Ok(arguments.object(FeastObject::Service(service)))
}

pub(super) fn logging_config(mut arguments: Arguments<'_>) -> Evaluated<Value> {
    let destination = arguments.pick("destination", "LoggingDestination", |object| match object {
        FeastObject::LoggingDestination(destination) => Some(destination.clone()),
        _ => None,
    })?;
    let destination = destination.ok_or_else(|| {
        arguments.raise(
            "TypeError",
            "LoggingConfig() missing 1 required argument: 'destination'",
        )
    })?;
    let sample_rate = match arguments.given("sample_rate")? {
        None => 1.0,
        Some(Value::Float(rate)) => rate,
        Some(Value::Int(rate)) => rate as f64,
        Some(other) => return Err(arguments.wrong_type("sample_rate", &other, "an instance of float")),
    };
    let logging = Logging {
        sample_rate: sample_rate as f32,
        destination,
    };
    Ok(arguments.object(FeastObject::Logging(logging)))
}

pub(super) fn file_logging_destination(mut arguments: Arguments<'_>) -> Evaluated<Value> {
    let destination = LoggingDestination::File {
        path: arguments.required_str("path")?,
        s3_endpoint_override: arguments.str_or_empty("s3_endpoint_override")?,
        partition_by: arguments.str_list("partition_by")?,
    };
    Ok(arguments.object(FeastObject::LoggingDestination(destination)))
}

fn table_destination(mut arguments: Arguments<'_>, parameter: &str, system: LoggingSystem) -> Evaluated<Value> {
    let table = arguments.required_str(parameter)?;
    Ok(
        arguments.object(FeastObject::LoggingDestination(LoggingDestination::Table {
            system,
            table,
        })),
    )
}

pub(super) fn bigquery_logging_destination(arguments: Arguments<'_>) -> Evaluated<Value> {
    table_destination(arguments, "table_ref", LoggingSystem::BigQuery)
}

pub(super) fn snowflake_logging_destination(arguments: Arguments<'_>) -> Evaluated<Value> {
    table_destination(arguments, "table_name", LoggingSystem::Snowflake)
}

pub(super) fn redshift_logging_destination(arguments: Arguments<'_>) -> Evaluated<Value> {
    table_destination(arguments, "table_name", LoggingSystem::Redshift)
}

pub(super) fn athena_logging_destination(arguments: Arguments<'_>) -> Evaluated<Value> {
    table_destination(arguments, "table_name", LoggingSystem::Athena)
}
