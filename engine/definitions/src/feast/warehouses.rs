//! Sources of warehouses, databases and lakes. They are stored as Feast stores them; nothing reads them here.

use std::collections::BTreeMap;

use feast_model::{DataSource, ExternalSource, ExternalSystem, SourceKind, TableFormat};
use feast_python_notation::python_json;
use serde_json::{Map, Value as Json};

use super::arguments::Arguments;
use super::sources::complete;
use crate::error::Evaluated;
use crate::value::{FeastObject, Value};

/// A source of a system with fields of its own in the registry.
fn external_source(
    mut arguments: Arguments<'_>,
    system: ExternalSystem,
    names: &[&str],
    settle: impl FnOnce(&mut BTreeMap<String, String>, &mut DataSource),
) -> Evaluated<Value> {
    let mut options = BTreeMap::new();
    for name in names {
        if let Some(value) = arguments.str(name)?.filter(|value| !value.is_empty()) {
            options.insert((*name).to_owned(), value);
        }
    }
    let table_format = arguments.pick("table_format", "TableFormat", |object| match object {
        FeastObject::TableFormat(format) => Some(format.clone()),
        _ => None,
    })?;
    let table = options.get("table").cloned();
    if table.is_none() && !options.contains_key("query") && !options.contains_key("path") {
        return Err(arguments.raise("ValueError", "No \"table\" or \"query\" argument provided."));
    }
    let name = source_name(&mut arguments, table)?;
    let external = |options| {
        SourceKind::External(ExternalSource {
            system,
            class: String::new(),
            options,
            table_format: table_format.clone(),
        })
    };
    let mut source = complete(&mut arguments, DataSource::new(name, external(BTreeMap::new())))?;
    settle(&mut options, &mut source);
    source.kind = external(options);
    Ok(arguments.object(FeastObject::Source(source)))
}

/// The name that is given, or the table's.
fn source_name(arguments: &mut Arguments<'_>, table: Option<String>) -> Evaluated<String> {
    let name = arguments.str("name")?.or(table);
    name.ok_or_else(|| {
        arguments.raise(
            "DataSourceNoNameException",
            "Argument 'name' is required for data sources that have no table to be named after",
        )
    })
}

pub(super) fn bigquery_source(arguments: Arguments<'_>) -> Evaluated<Value> {
    external_source(
        arguments,
        ExternalSystem::BigQuery,
        &["table", "query", "timestamp_field_type"],
        |_, _| {},
    )
}

pub(super) fn snowflake_source(mut arguments: Arguments<'_>) -> Evaluated<Value> {
    // Feast does not store it.
    arguments.ignore("warehouse");
    external_source(
        arguments,
        ExternalSystem::Snowflake,
        &["table", "query", "schema", "database"],
        |options, _| {
            if options.contains_key("database") && options.contains_key("table") {
                options
                    .entry("schema".to_owned())
                    .or_insert_with(|| "PUBLIC".to_owned());
            }
        },
    )
}

pub(super) fn redshift_source(arguments: Arguments<'_>) -> Evaluated<Value> {
    external_source(
        arguments,
        ExternalSystem::Redshift,
        &["table", "query", "schema", "database"],
        |options, _| {
            if options.contains_key("table") {
                options
                    .entry("schema".to_owned())
                    .or_insert_with(|| "public".to_owned());
            }
        },
    )
}

pub(super) fn spark_source(arguments: Arguments<'_>) -> Evaluated<Value> {
    let names = ["table", "query", "path", "file_format", "date_partition_column_format"];
    external_source(arguments, ExternalSystem::Spark, &names, |options, _| {
        options
            .entry("date_partition_column_format".to_owned())
            .or_insert_with(|| "%Y-%m-%d".to_owned());
    })
}

pub(super) fn trino_source(arguments: Arguments<'_>) -> Evaluated<Value> {
    external_source(arguments, ExternalSystem::Trino, &["table", "query"], |_, _| {})
}

pub(super) fn athena_source(arguments: Arguments<'_>) -> Evaluated<Value> {
    let names = ["table", "query", "database", "data_source"];
    external_source(arguments, ExternalSystem::Athena, &names, |options, source| {
        if options.contains_key("table") {
            options
                .entry("database".to_owned())
                .or_insert_with(|| "default".to_owned());
        }
        // Feast loses the owner of such sources.
        source.metadata.owner.clear();
    })
}

/// A source of a plug-in, whose settings are stored as JSON.
fn custom(mut arguments: Arguments<'_>, class: &str, name: String, configuration: &[(&str, Json)]) -> Evaluated<Value> {
    let members = configuration
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()));
    let string = python_json(&Json::Object(members.collect::<Map<_, _>>()));
    let is_iceberg = class.ends_with(".IcebergSource");
    let kind = SourceKind::External(ExternalSource {
        system: if is_iceberg {
            ExternalSystem::Iceberg
        } else {
            ExternalSystem::Custom
        },
        class: class.to_owned(),
        options: BTreeMap::from([("configuration".to_owned(), string)]),
        table_format: None,
    });
    let mut source = complete(&mut arguments, DataSource::new(name, kind))?;
    if class.ends_with(".OracleSource") || class.ends_with(".MsSqlServerSource") {
        // Feast loses these, but for the tags that hold a connection.
        source.metadata.description.clear();
        source.metadata.owner.clear();
        source
            .metadata
            .tags
            .retain(|name, _| name.starts_with("feast.connection-ref."));
    }
    Ok(arguments.object(FeastObject::Source(source)))
}

fn str_or_null(arguments: &mut Arguments<'_>, name: &str) -> Evaluated<Json> {
    Ok(arguments.str(name)?.map_or(Json::Null, Json::from))
}

fn sql_source(mut arguments: Arguments<'_>, class: &str) -> Evaluated<Value> {
    let given_name = str_or_null(&mut arguments, "name")?;
    let query = str_or_null(&mut arguments, "query")?;
    let table = str_or_null(&mut arguments, "table")?;
    let name = given_name.as_str().or(table.as_str()).map(str::to_owned);
    let name = source_name(&mut arguments, name)?;
    let configuration = [("name", given_name), ("query", query), ("table", table)];
    custom(arguments, class, name, &configuration)
}

pub(super) fn postgres_source(arguments: Arguments<'_>) -> Evaluated<Value> {
    sql_source(
        arguments,
        "feast.infra.offline_stores.contrib.postgres_offline_store.postgres_source.PostgreSQLSource",
    )
}

pub(super) fn clickhouse_source(arguments: Arguments<'_>) -> Evaluated<Value> {
    sql_source(
        arguments,
        "feast.infra.offline_stores.contrib.clickhouse_offline_store.clickhouse_source.ClickhouseSource",
    )
}

pub(super) fn couchbase_source(mut arguments: Arguments<'_>) -> Evaluated<Value> {
    let given_name = str_or_null(&mut arguments, "name")?;
    let mut configuration = vec![
        ("name", given_name.clone()),
        ("query", str_or_null(&mut arguments, "query")?),
    ];
    for name in ["database", "scope"] {
        let value = arguments.str(name)?.unwrap_or_else(|| "Default".to_owned());
        configuration.push((name, Json::from(value)));
    }
    let collection = str_or_null(&mut arguments, "collection")?;
    configuration.push(("collection", collection.clone()));
    let name = given_name.as_str().or(collection.as_str()).map(str::to_owned);
    let name = source_name(&mut arguments, name)?;
    let class = "feast.infra.offline_stores.contrib.couchbase_offline_store.couchbase_source.CouchbaseColumnarSource";
    custom(arguments, class, name, &configuration)
}

pub(super) fn mssql_source(mut arguments: Arguments<'_>) -> Evaluated<Value> {
    let name = arguments.required_str("name")?;
    arguments.rename("event_timestamp_column", "timestamp_field");
    let connection = arguments.str_or_empty("connection_str")?;
    let configuration = [
        ("table_ref", str_or_null(&mut arguments, "table_ref")?),
        ("connection_string", Json::from(connection)),
    ];
    let class = "feast.infra.offline_stores.contrib.mssql_offline_store.mssqlserver_source.MsSqlServerSource";
    custom(arguments, class, name, &configuration)
}

pub(super) fn oracle_source(mut arguments: Arguments<'_>) -> Evaluated<Value> {
    let name = arguments.required_str("name")?;
    arguments.rename("event_timestamp_column", "timestamp_field");
    let configuration = [("table_ref", str_or_null(&mut arguments, "table_ref")?)];
    let class = "feast.infra.offline_stores.contrib.oracle_offline_store.oracle_source.OracleSource";
    custom(arguments, class, name, &configuration)
}

pub(super) fn mongodb_source(mut arguments: Arguments<'_>) -> Evaluated<Value> {
    let name = arguments.required_str("name")?;
    arguments.default_to("timestamp_field", "event_timestamp");
    arguments.default_to("created_timestamp_column", "created_at");
    let configuration = [("feature_view", Json::from(name.as_str()))];
    let class = "feast.infra.offline_stores.contrib.mongodb_offline_store.mongodb.MongoDBSource";
    custom(arguments, class, name, &configuration)
}

pub(super) fn chronon_source(mut arguments: Arguments<'_>) -> Evaluated<Value> {
    let path = arguments.required_str("materialization_path")?;
    let name = arguments.str("name")?.unwrap_or_else(|| path.clone());
    let mut configuration = vec![("materialization_path", Json::from(path))];
    for parameter in ["chronon_group_by", "chronon_join", "online_endpoint"] {
        configuration.push((parameter, Json::from(arguments.str_or_empty(parameter)?)));
    }
    let class = "feast.infra.offline_stores.contrib.chronon_offline_store.chronon_source.ChrononSource";
    custom(arguments, class, name, &configuration)
}

pub(super) fn ray_source(mut arguments: Arguments<'_>) -> Evaluated<Value> {
    let name = arguments.required_str("name")?;
    let options = arguments.str_dict("reader_options")?;
    let options = options.into_iter().map(|(name, value)| (name, Json::from(value)));
    let configuration = [
        ("reader_type", Json::from(arguments.required_str("reader_type")?)),
        ("path", Json::from(arguments.str_or_empty("path")?)),
        ("reader_options", Json::Object(options.collect())),
    ];
    let class = "feast.infra.offline_stores.contrib.ray_offline_store.ray_source.RaySource";
    custom(arguments, class, name, &configuration)
}

pub(super) fn iceberg_source(mut arguments: Arguments<'_>) -> Evaluated<Value> {
    let parts = ["warehouse", "namespace", "table"].map(|part| arguments.required_str(part));
    let [warehouse, namespace, table] = parts;
    let (warehouse, namespace, table) = (warehouse?, namespace?, table?);
    let name = arguments.str("name")?;
    let name = name.unwrap_or_else(|| format!("{warehouse}.{namespace}.{table}"));
    let properties = arguments.str_dict("catalog_properties")?;
    let properties = properties.into_iter().map(|(name, value)| (name, Json::from(value)));
    let or_default = |value: Option<String>, default: &str| Json::from(value.unwrap_or_else(|| default.to_owned()));
    let configuration = [
        ("catalog_type", or_default(arguments.str("catalog_type")?, "rest")),
        (
            "catalog_name",
            or_default(arguments.str("catalog_name")?, "feast_iceberg"),
        ),
        ("endpoint", Json::from(arguments.str_or_empty("endpoint")?)),
        ("warehouse", Json::from(warehouse)),
        ("namespace", Json::from(namespace)),
        ("table", Json::from(table)),
        ("token_env_var", str_or_null(&mut arguments, "token_env_var")?),
        (
            "credential_vending",
            Json::from(arguments.bool("credential_vending", true)?),
        ),
        ("catalog_properties", Json::Object(properties.collect())),
    ];
    let class = "feast.infra.data_sources.contrib.iceberg_catalog.iceberg_source.IcebergSource";
    custom(arguments, class, name, &configuration)
}

/// A table format: its settings stand among its properties too, under the names that the format's own tools use.
fn table_format(mut arguments: Arguments<'_>, name: &str, settings: &[(&str, &str)]) -> Evaluated<Value> {
    let mut properties = arguments.str_dict("properties")?;
    let mut options = BTreeMap::new();
    for (parameter, property) in settings {
        let value = match arguments.given(parameter)? {
            None => continue,
            Some(value) => match value.to_str() {
                Some(string) => string,
                None => return Err(arguments.wrong_type(parameter, &value, "an instance of str")),
            },
        };
        if !value.is_empty() {
            properties.insert((*property).to_owned(), value.clone());
            options.insert((*parameter).to_owned(), value);
        }
    }
    Ok(arguments.object(FeastObject::TableFormat(TableFormat {
        name: name.to_owned(),
        options,
        properties,
    })))
}

pub(super) fn iceberg_format(arguments: Arguments<'_>) -> Evaluated<Value> {
    table_format(
        arguments,
        "iceberg",
        &[("catalog", "iceberg.catalog"), ("namespace", "iceberg.namespace")],
    )
}

pub(super) fn delta_format(arguments: Arguments<'_>) -> Evaluated<Value> {
    table_format(
        arguments,
        "delta",
        &[("checkpoint_location", "delta.checkpointLocation")],
    )
}

pub(super) fn hudi_format(arguments: Arguments<'_>) -> Evaluated<Value> {
    let settings = [
        ("table_type", "hoodie.datasource.write.table.type"),
        ("record_key", "hoodie.datasource.write.recordkey.field"),
        ("precombine_field", "hoodie.datasource.write.precombine.field"),
    ];
    table_format(arguments, "hudi", &settings)
}

pub(super) fn lance_format(arguments: Arguments<'_>) -> Evaluated<Value> {
    let settings = [
        ("catalog", "lance.catalog"),
        ("namespace", "lance.namespace"),
        ("version", "lance.version"),
        ("tag", "lance.tag"),
    ];
    table_format(arguments, "lance", &settings)
}
