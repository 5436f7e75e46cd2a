//! File, push, request and stream sources, and their formats.

use feast_model::{DataSource, FileFormat, SourceKind, StreamFormat};

use super::arguments::Arguments;
use crate::error::Evaluated;
use crate::value::{FeastObject, Value};

/// What all sources have, taken into `source`.
pub(super) fn complete(arguments: &mut Arguments<'_>, mut source: DataSource) -> Evaluated<DataSource> {
    source.timestamp_field = arguments.str_or_empty("timestamp_field")?;
    source.created_timestamp_column = arguments.str_or_empty("created_timestamp_column")?;
    source.field_mapping = arguments.str_dict("field_mapping")?;
    source.date_partition_column = arguments.str_or_empty("date_partition_column")?;
    source.metadata.description = arguments.str_or_empty("description")?;
    source.metadata.tags = arguments.str_dict("tags")?;
    source.metadata.owner = arguments.str_or_empty("owner")?;
    let connection = arguments.pick("connection_ref", "ConnectionRef", |object| match object {
        FeastObject::Connection(tags) => Some(tags.clone()),
        _ => None,
    })?;
    source.metadata.tags.extend(connection.unwrap_or_default());
    if !source.timestamp_field.is_empty() && source.timestamp_field == source.created_timestamp_column {
        return Err(arguments.raise(
            "ValueError",
            "Please do not use the same column for 'timestamp_field' and 'created_timestamp_column'.",
        ));
    }
    Ok(source)
}

pub(super) fn file_source(mut arguments: Arguments<'_>) -> Evaluated<Value> {
    let path = arguments.required_str("path")?;
    let name = arguments.str("name")?.filter(|name| !name.is_empty());
    let name = name.unwrap_or_else(|| path.clone());
    // Feast accepts it too, and does nothing with it.
    arguments.ignore("event_timestamp_column");
    let format = arguments.pick("file_format", "FileFormat", |object| match object {
        FeastObject::FileFormat(format) => Some(*format),
        _ => None,
    })?;
    let kind = SourceKind::File {
        path,
        format,
        s3_endpoint_override: arguments.str_or_empty("s3_endpoint_override")?,
    };
    let source = complete(&mut arguments, DataSource::new(name, kind))?;
    Ok(arguments.object(FeastObject::Source(source)))
}

pub(super) fn push_source(mut arguments: Arguments<'_>) -> Evaluated<Value> {
    let name = arguments.required_str("name")?;
    let batch_source = arguments.source("batch_source")?.map(Box::new);
    let source = complete(&mut arguments, DataSource::new(name, SourceKind::Push { batch_source }))?;
    Ok(arguments.object(FeastObject::Source(source)))
}

pub(super) fn request_source(mut arguments: Arguments<'_>) -> Evaluated<Value> {
    let name = arguments.required_str("name")?;
    let schema = arguments.fields("schema")?;
    let schema =
        schema.ok_or_else(|| arguments.raise("TypeError", "RequestSource() missing 1 required argument: 'schema'"))?;
    let source = complete(&mut arguments, DataSource::new(name, SourceKind::Request { schema }))?;
    Ok(arguments.object(FeastObject::Source(source)))
}

pub(super) fn kafka_source(mut arguments: Arguments<'_>) -> Evaluated<Value> {
    let name = arguments.required_str("name")?;
    let servers = arguments.str("kafka_bootstrap_servers")?;
    let older_servers = arguments.str("bootstrap_servers")?;
    let kind = SourceKind::Kafka {
        bootstrap_servers: servers.or(older_servers).unwrap_or_default(),
        topic: arguments.str_or_empty("topic")?,
        message_format: stream_format(&mut arguments, "message_format")?,
        watermark_delay: arguments.duration("watermark_delay_threshold")?,
        batch_source: arguments.source("batch_source")?.map(Box::new),
    };
    let source = complete(&mut arguments, DataSource::new(name, kind))?;
    Ok(arguments.object(FeastObject::Source(source)))
}

pub(super) fn kinesis_source(mut arguments: Arguments<'_>) -> Evaluated<Value> {
    let name = arguments.required_str("name")?;
    let kind = SourceKind::Kinesis {
        region: arguments.str_or_empty("region")?,
        stream_name: arguments.str_or_empty("stream_name")?,
        record_format: stream_format(&mut arguments, "record_format")?,
        batch_source: arguments.source("batch_source")?.map(Box::new),
    };
    let source = complete(&mut arguments, DataSource::new(name, kind))?;
    Ok(arguments.object(FeastObject::Source(source)))
}

/// Python refuses to read back a stream source without a format.
fn stream_format(arguments: &mut Arguments<'_>, name: &str) -> Evaluated<Option<StreamFormat>> {
    let format = arguments.pick(name, "StreamFormat", |object| match object {
        FeastObject::StreamFormat(format) => Some(format.clone()),
        _ => None,
    })?;
    match format {
        Some(format) => Ok(Some(format)),
        None => Err(arguments.raise("TypeError", format!("missing 1 required argument: '{name}'"))),
    }
}

pub(super) fn parquet_format(arguments: Arguments<'_>) -> Evaluated<Value> {
    Ok(arguments.object(FeastObject::FileFormat(FileFormat::Parquet)))
}

pub(super) fn delta_format(arguments: Arguments<'_>) -> Evaluated<Value> {
    Ok(arguments.object(FeastObject::FileFormat(FileFormat::Delta)))
}

pub(super) fn avro_format(mut arguments: Arguments<'_>) -> Evaluated<Value> {
    let schema = arguments.required_str("schema_json")?;
    Ok(arguments.object(FeastObject::StreamFormat(StreamFormat::Avro(schema))))
}

pub(super) fn json_format(mut arguments: Arguments<'_>) -> Evaluated<Value> {
    let schema = arguments.required_str("schema_json")?;
    Ok(arguments.object(FeastObject::StreamFormat(StreamFormat::Json(schema))))
}

pub(super) fn proto_format(mut arguments: Arguments<'_>) -> Evaluated<Value> {
    let class = arguments.required_str("class_path")?;
    Ok(arguments.object(FeastObject::StreamFormat(StreamFormat::Proto(class))))
}

/// Feast keeps a connection in the tags of its source.
pub(super) fn connection(mut arguments: Arguments<'_>) -> Evaluated<Value> {
    let mut tags = std::collections::BTreeMap::new();
    let mut tag = |name: &str, value: String| tags.insert(format!("feast.connection-ref.{name}"), value);
    tag("provider", arguments.required_str("provider")?);
    tag("name", arguments.required_str("name")?);
    for (parameter, name, default) in [
        ("namespace", "namespace", ""),
        ("connection_type", "connection-type", ""),
        ("auth_type", "auth-type", "secret"),
    ] {
        let value = arguments.str_or_empty(parameter)?;
        if !value.is_empty() && value != default {
            tag(name, value);
        }
    }
    for (name, value) in arguments.str_dict("params")? {
        tag(&format!("param.{name}"), value);
    }
    Ok(arguments.object(FeastObject::Connection(tags)))
}
