//! Every class and decorator of Feast 0.67 that definition files call, with its parameters and what builds its objects.

use super::arguments::Arguments;
use super::{on_demand, permissions, services, sources, transformations, types, views, warehouses};
use crate::error::Evaluated;
use crate::value::{FeastClass, Value};

/// Makes an object of the arguments of a call.
type Build = fn(Arguments<'_>) -> Evaluated<Value>;

/// A class or decorator, and what a call of it makes.
pub(super) struct KnownClass {
    pub(super) class: FeastClass,
    pub(super) build: Build,
}

/// All arguments by keyword.
const fn class(name: &'static str, parameters: &'static str, build: Build) -> KnownClass {
    KnownClass {
        class: FeastClass {
            name,
            module: None,
            parameters,
            takes_positional: false,
            is_decorator: false,
        },
        build,
    }
}

/// All arguments may be positional.
const fn positional(name: &'static str, parameters: &'static str, build: Build) -> KnownClass {
    let KnownClass { class, build } = class(name, parameters, build);
    KnownClass {
        class: FeastClass {
            takes_positional: true,
            ..class
        },
        build,
    }
}

const fn decorator(name: &'static str, parameters: &'static str, build: Build) -> KnownClass {
    let KnownClass { class, build } = class(name, parameters, build);
    KnownClass {
        class: FeastClass {
            is_decorator: true,
            ..class
        },
        build,
    }
}

/// A decorator whose arguments may be positional.
const fn positional_decorator(name: &'static str, parameters: &'static str, build: Build) -> KnownClass {
    let KnownClass { class, build } = decorator(name, parameters, build);
    KnownClass {
        class: FeastClass {
            takes_positional: true,
            ..class
        },
        build,
    }
}

/// A class of a module that has another class's name.
const fn in_module(module: &'static str, known: KnownClass) -> KnownClass {
    let KnownClass { class, build } = known;
    KnownClass {
        class: FeastClass {
            module: Some(module),
            ..class
        },
        build,
    }
}

pub(super) static CLASSES: &[KnownClass] = &[
    class(
        "Project",
        "name description tags owner created_timestamp last_updated_timestamp",
        services::project,
    ),
    class(
        "Entity",
        "name join_keys value_type description tags owner",
        views::entity,
    ),
    class(
        "Field",
        "name dtype description tags vector_index vector_length vector_search_metric",
        views::field,
    ),
    class(
        "FeatureView",
        "name source sink_source schema entities ttl online offline description tags owner org mode \
         enable_validation version enabled",
        views::feature_view,
    ),
    class(
        "BatchFeatureView",
        "name mode source sink_source entities ttl tags online offline description owner org schema udf \
         udf_string feature_transformation batch_engine aggregations enable_validation version",
        views::batch_feature_view,
    ),
    decorator(
        "batch_feature_view",
        "name mode entities ttl source tags online offline description owner org schema enable_validation \
         version",
        views::batch_feature_view,
    ),
    class(
        "StreamFeatureView",
        "name source sink_source entities ttl tags online offline description owner org schema aggregations \
         mode timestamp_field udf udf_string feature_transformation stream_engine enable_tiling \
         tiling_hop_size enable_validation version",
        views::stream_feature_view,
    ),
    decorator(
        "stream_feature_view",
        "entities ttl tags online description owner org schema source aggregations mode timestamp_field \
         enable_validation version",
        views::stream_feature_view,
    ),
    class(
        "LabelView",
        "name source schema entities ttl online description tags owner labeler_field conflict_policy \
         reference_feature_view",
        views::label_view,
    ),
    class(
        "OnDemandFeatureView",
        "name entities schema sources input_schema udf udf_string feature_transformation mode description \
         tags owner org write_to_online_store singleton track_metrics aggregations version enabled",
        on_demand::on_demand_feature_view,
    ),
    decorator(
        "on_demand_feature_view",
        "name entities schema sources input_schema aggregations mode description tags owner org \
         write_to_online_store singleton track_metrics explode version",
        on_demand::on_demand_feature_view,
    ),
    positional(
        "Transformation",
        "mode udf udf_string name tags description owner",
        transformations::transformation,
    ),
    positional(
        "PandasTransformation",
        "udf udf_string name tags description owner",
        transformations::pandas_transformation,
    ),
    positional(
        "PythonTransformation",
        "udf udf_string name tags description owner",
        transformations::python_transformation,
    ),
    positional(
        "RayTransformation",
        "udf udf_string name tags description owner",
        transformations::ray_transformation,
    ),
    positional(
        "FlinkTransformation",
        "udf udf_string name tags description owner",
        transformations::flink_transformation,
    ),
    positional_decorator(
        "transformation",
        "mode name tags description owner",
        transformations::transformation,
    ),
    positional(
        "Aggregation",
        "column function time_window slide_interval name",
        transformations::aggregation,
    ),
    class(
        "FeatureService",
        "name features tags description owner logging_config precompute_online",
        services::feature_service,
    ),
    positional("LoggingConfig", "destination sample_rate", services::logging_config),
    class(
        "FileLoggingDestination",
        "path s3_endpoint_override partition_by",
        services::file_logging_destination,
    ),
    class(
        "BigQueryLoggingDestination",
        "table_ref",
        services::bigquery_logging_destination,
    ),
    class(
        "SnowflakeLoggingDestination",
        "table_name",
        services::snowflake_logging_destination,
    ),
    class(
        "RedshiftLoggingDestination",
        "table_name",
        services::redshift_logging_destination,
    ),
    class(
        "AthenaLoggingDestination",
        "table_name",
        services::athena_logging_destination,
    ),
    class(
        "FileSource",
        "path name event_timestamp_column file_format created_timestamp_column field_mapping \
         s3_endpoint_override description tags owner timestamp_field connection_ref",
        sources::file_source,
    ),
    class(
        "PushSource",
        "name batch_source description tags owner",
        sources::push_source,
    ),
    class(
        "RequestSource",
        "name schema timestamp_field description tags owner",
        sources::request_source,
    ),
    class(
        "KafkaSource",
        "name timestamp_field message_format bootstrap_servers kafka_bootstrap_servers topic \
         created_timestamp_column field_mapping description tags owner batch_source watermark_delay_threshold",
        sources::kafka_source,
    ),
    class(
        "KinesisSource",
        "name record_format region stream_name timestamp_field created_timestamp_column field_mapping \
         description tags owner batch_source",
        sources::kinesis_source,
    ),
    class("ParquetFormat", "", sources::parquet_format),
    class("DeltaFormat", "", sources::delta_format),
    positional("AvroFormat", "schema_json", sources::avro_format),
    positional("JsonFormat", "schema_json", sources::json_format),
    positional("ProtoFormat", "class_path", sources::proto_format),
    positional(
        "ConnectionRef",
        "provider name namespace connection_type auth_type params",
        sources::connection,
    ),
    positional(
        "IcebergFormat",
        "catalog namespace properties",
        warehouses::iceberg_format,
    ),
    in_module(
        "table_format",
        positional(
            "DeltaFormat",
            "checkpoint_location properties",
            warehouses::delta_format,
        ),
    ),
    positional(
        "HudiFormat",
        "table_type record_key precombine_field properties",
        warehouses::hudi_format,
    ),
    positional(
        "LanceFormat",
        "catalog namespace version tag properties",
        warehouses::lance_format,
    ),
    class(
        "BigQuerySource",
        "name timestamp_field table created_timestamp_column field_mapping date_partition_column \
         timestamp_field_type query description tags owner connection_ref",
        warehouses::bigquery_source,
    ),
    class(
        "SnowflakeSource",
        "name timestamp_field database warehouse schema table query created_timestamp_column field_mapping \
         description tags owner connection_ref",
        warehouses::snowflake_source,
    ),
    class(
        "RedshiftSource",
        "name timestamp_field table schema created_timestamp_column field_mapping query description tags \
         owner database connection_ref",
        warehouses::redshift_source,
    ),
    class(
        "SparkSource",
        "name table query path file_format table_format created_timestamp_column field_mapping description \
         tags owner timestamp_field date_partition_column date_partition_column_format connection_ref",
        warehouses::spark_source,
    ),
    class(
        "TrinoSource",
        "name timestamp_field table created_timestamp_column field_mapping query description tags owner \
         connection_ref",
        warehouses::trino_source,
    ),
    class(
        "AthenaSource",
        "timestamp_field table database data_source created_timestamp_column field_mapping \
         date_partition_column query name description tags owner connection_ref",
        warehouses::athena_source,
    ),
    positional(
        "PostgreSQLSource",
        "name query table timestamp_field created_timestamp_column field_mapping description tags owner \
         connection_ref",
        warehouses::postgres_source,
    ),
    positional(
        "ClickhouseSource",
        "name query table timestamp_field created_timestamp_column field_mapping description tags owner \
         connection_ref",
        warehouses::clickhouse_source,
    ),
    positional(
        "CouchbaseColumnarSource",
        "name query database scope collection timestamp_field created_timestamp_column field_mapping \
         description tags owner connection_ref",
        warehouses::couchbase_source,
    ),
    positional(
        "MsSqlServerSource",
        "name table_ref event_timestamp_column created_timestamp_column field_mapping date_partition_column \
         connection_str description tags owner connection_ref",
        warehouses::mssql_source,
    ),
    positional(
        "OracleSource",
        "name table_ref event_timestamp_column created_timestamp_column field_mapping date_partition_column \
         description tags owner connection_ref",
        warehouses::oracle_source,
    ),
    positional(
        "MongoDBSource",
        "name timestamp_field created_timestamp_column field_mapping description tags owner connection_ref",
        warehouses::mongodb_source,
    ),
    class(
        "ChrononSource",
        "materialization_path name chronon_group_by chronon_join online_endpoint timestamp_field \
         created_timestamp_column field_mapping description tags owner",
        warehouses::chronon_source,
    ),
    class(
        "RaySource",
        "name reader_type path reader_options created_timestamp_column field_mapping description tags owner \
         timestamp_field connection_ref",
        warehouses::ray_source,
    ),
    class(
        "IcebergSource",
        "warehouse namespace table catalog_type catalog_name endpoint catalog_properties name timestamp_field \
         created_timestamp_column field_mapping description tags owner token_env_var credential_vending \
         connection_ref",
        warehouses::iceberg_source,
    ),
    positional(
        "Permission",
        "name types name_patterns actions policy tags required_tags",
        permissions::permission,
    ),
    positional("RoleBasedPolicy", "roles", permissions::role_based_policy),
    positional("GroupBasedPolicy", "groups", permissions::group_based_policy),
    positional(
        "NamespaceBasedPolicy",
        "namespaces",
        permissions::namespace_based_policy,
    ),
    positional(
        "CombinedGroupNamespacePolicy",
        "groups namespaces",
        permissions::combined_policy,
    ),
    positional("AllowAll", "", permissions::allow_all),
    positional("Array", "base_type", types::array),
    positional("Set", "base_type", types::set),
    positional("Struct", "fields", types::structure),
    class("DataSource", "", permissions::not_constructed),
    class("ValidationReference", "", permissions::not_constructed),
    class("SavedDataset", "", permissions::not_constructed),
];
