//! The table to which the reads of a feature service are logged: its columns, in the order and of the types that Python Feast computes
//! for it, as its readers look for them.
//!
//! Owns what can be logged. Knows nothing of files; `served_rows` fills the table.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field as ArrowField, Schema, SchemaRef, TimeUnit};
use feast_model::error::{Error, Result};
use feast_model::{DUMMY_JOIN_KEY, Definitions, FeatureService, LoggingDestination, Projection, ValueType};

use super::heap_bytes::{HeapBytes, allocated};
use super::plan::response_name;

/// The columns that all logs have, last.
const SYSTEM_COLUMNS: [&str; 3] = ["__log_timestamp", "__log_date", "__request_id"];

/// What is logged of a feature service, and where.
#[derive(Debug, PartialEq)]
pub(crate) struct LogTable {
    pub(crate) service: String,
    /// The directory, as it was defined.
    pub(crate) path: String,
    /// Columns by whose values folders are made.
    pub(crate) partition_by: Vec<String>,
    /// Of the system columns, none.
    pub(super) columns: Vec<LogColumn>,
    /// With the system columns. Parquet has no time in seconds.
    pub(super) schema: SchemaRef,
    /// How many features there are.
    pub(super) features: usize,
}

/// Where the values of a column come from.
#[derive(Debug, PartialEq)]
pub(super) enum LogColumn {
    /// The join key of the request under the first of these names that it has.
    Key {
        request_key: String,
        join_key: String,
    },
    /// Data of the request.
    RequestData(String),
    /// A feature, by its number among all features of the service.
    Value(usize),
    EventTime(usize),
    Status(usize),
}

/// The log of a service in a plan.
#[derive(Debug)]
pub struct PlannedLog {
    pub(super) table: Arc<LogTable>,
    /// Names of the features in the response, in the order of the service.
    pub(super) response_names: Vec<String>,
    sample_rate: f64,
}

impl PlannedLog {
    /// What is logged of a service that a plan is for; `None` when nothing is.
    ///
    /// # Errors
    /// As [`LogTable::new`].
    pub(super) fn new(
        definitions: &Definitions,
        service: &FeatureService,
        full_feature_names: bool,
    ) -> Result<Option<Self>> {
        let Some(table) = LogTable::new(definitions, service)? else {
            return Ok(None);
        };
        let names = service.projections.iter().flat_map(|projection| {
            let features = projection.features.iter();
            features.map(move |field| response_name(projection, &field.name, full_feature_names))
        });
        Ok(Some(Self {
            table: Arc::new(table),
            response_names: names.collect(),
            sample_rate: service
                .logging
                .as_ref()
                .map_or(0.0, |logging| f64::from(logging.sample_rate)),
        }))
    }

    /// The name of the service.
    pub fn service(&self) -> &str {
        &self.table.service
    }

    /// The fraction of the requests that is logged.
    pub fn sample_rate(&self) -> f64 {
        self.sample_rate
    }
}

impl HeapBytes for PlannedLog {
    fn heap_bytes(&self) -> usize {
        let table = &self.table;
        let names = table.schema.fields().iter();
        let fields = names.map(|field| allocated(field.name().len()) + allocated(size_of::<ArrowField>()));
        let columns = table.columns.iter().map(|column| match column {
            LogColumn::Key { request_key, join_key } => request_key.heap_bytes() + join_key.heap_bytes(),
            LogColumn::RequestData(name) => name.heap_bytes(),
            LogColumn::Value(_) | LogColumn::EventTime(_) | LogColumn::Status(_) => 0,
        });
        allocated(size_of::<LogTable>())
            + allocated(table.columns.capacity() * size_of::<LogColumn>())
            + fields.sum::<usize>()
            + columns.sum::<usize>()
            + self.response_names.heap_bytes()
    }
}

impl LogTable {
    /// The table of a service; `None` when nothing of it is logged, or it cannot be served anyway, as it has views that are not there.
    ///
    /// # Errors
    /// `Invalid`, naming what keeps it from being logged.
    pub(crate) fn new(definitions: &Definitions, service: &FeatureService) -> Result<Option<Self>> {
        let name = service.name();
        let refused = |what: String| Error::invalid(format!("feature service {name} cannot be logged: {what}"));
        let logging = service.logging.as_ref();
        let Some(logging) = logging.filter(|logging| logging.sample_rate > 0.0) else {
            return Ok(None);
        };
        let (path, partition_by) = match &logging.destination {
            LoggingDestination::Nowhere => return Ok(None),
            LoggingDestination::File { path, partition_by, .. } => (path, partition_by),
            LoggingDestination::Table { .. } | LoggingDestination::Other(_) => {
                return Err(
                    refused("its logging_config has a destination that is not a file".to_owned())
                        .with_hint("use FileLoggingDestination, or remove its logging_config"),
                );
            }
        };
        if path.is_empty() || path.contains("://") {
            return Err(
                refused(format!("its destination {path:?} is not a directory of this machine")).with_hint(
                    "name a path, from the root or from the repository, which may be that of a mounted disk",
                ),
            );
        }
        let mut columns = Columns::default();
        for projection in &service.projections {
            if !columns.add_projection(definitions, projection).map_err(refused)? {
                return Ok(None);
            }
        }
        let features = columns.features;
        let (columns, fields) = columns.finish().map_err(refused)?;
        for column in partition_by {
            let field = fields.iter().find(|field| field.name() == column);
            let field = field.ok_or_else(|| {
                refused(format!(
                    "it is to be partitioned by {column}, which its log does not have"
                ))
            })?;
            if matches!(field.data_type(), DataType::List(_) | DataType::Binary) {
                return Err(refused(format!(
                    "it is to be partitioned by {column}, whose values cannot name folders"
                )));
            }
        }
        Ok(Some(Self {
            service: name.to_owned(),
            path: path.clone(),
            partition_by: partition_by.clone(),
            columns,
            schema: Arc::new(Schema::new(fields)),
            features,
        }))
    }
}

/// Columns so far. A name that is seen again keeps its first place, and has the last type.
#[derive(Default)]
struct Columns {
    places: HashMap<String, usize>,
    columns: Vec<(String, LogColumn, DataType)>,
    features: usize,
}

impl Columns {
    /// False if the view is not there.
    fn add_projection(&mut self, definitions: &Definitions, projection: &Projection) -> Result<bool, String> {
        let view_name = &projection.view;
        let stored = definitions.feature_view(view_name);
        let on_demand = definitions
            .on_demand_feature_view(view_name)
            .filter(|_| stored.is_none());
        if let Some(view) = stored {
            for key in view.entity_columns.iter().filter(|key| key.name != DUMMY_JOIN_KEY) {
                let name = projection.request_key(&key.name);
                let source = LogColumn::Key {
                    request_key: name.to_owned(),
                    join_key: key.name.clone(),
                };
                self.add_given(name, source, log_type(name, &key.value_type)?)?;
            }
        }
        for field in on_demand.iter().flat_map(|view| view.request_data()) {
            let (name, source) = (&field.name, LogColumn::RequestData(field.name.clone()));
            self.add_given(name, source, log_type(name, &field.value_type)?)?;
        }
        let features = match (stored, on_demand) {
            (Some(view), _) => &view.features,
            (None, Some(view)) => &view.features,
            (None, None) => return Ok(false),
        };
        for requested in &projection.features {
            let Some(field) = features.iter().find(|field| field.name == requested.name) else {
                return Ok(false);
            };
            let name = response_name(projection, &field.name, true);
            if field.value_type != requested.value_type {
                let (has, had) = (&field.value_type, &requested.value_type);
                return Err(format!(
                    "feature {name} is of type {has} now, and was {had} when the service was applied"
                ));
            }
            let feature = self.features;
            self.features += 1;
            let event_time = || DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()));
            let value_type = log_type(&name, &field.value_type)?;
            let (time_name, status_name) = (format!("{name}__timestamp"), format!("{name}__status"));
            self.add(name, LogColumn::Value(feature), value_type)?;
            self.add(time_name, LogColumn::EventTime(feature), event_time())?;
            self.add(status_name, LogColumn::Status(feature), DataType::Int32)?;
        }
        Ok(true)
    }

    fn add_given(&mut self, name: &str, source: LogColumn, data_type: DataType) -> Result<(), String> {
        match self.places.get(name) {
            Some(place)
                if matches!(
                    self.columns[*place].1,
                    LogColumn::Key { .. } | LogColumn::RequestData(_)
                ) =>
            {
                self.columns[*place] = (name.to_owned(), source, data_type);
                Ok(())
            }
            _ => self.add(name.to_owned(), source, data_type),
        }
    }

    fn add(&mut self, name: String, source: LogColumn, data_type: DataType) -> Result<(), String> {
        if self.places.insert(name.clone(), self.columns.len()).is_some() || SYSTEM_COLUMNS.contains(&name.as_str()) {
            return Err(format!("its log would have two columns {name}"));
        }
        self.columns.push((name, source, data_type));
        Ok(())
    }

    fn finish(self) -> Result<(Vec<LogColumn>, Vec<ArrowField>), String> {
        let (mut sources, mut fields) = (Vec::new(), Vec::new());
        for (name, source, data_type) in self.columns {
            sources.push(source);
            fields.push(ArrowField::new(name, data_type, true));
        }
        let types = [
            DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            DataType::Date32,
            DataType::Utf8,
        ];
        fields.extend(
            SYSTEM_COLUMNS
                .into_iter()
                .zip(types)
                .map(|(name, data_type)| ArrowField::new(name, data_type, true)),
        );
        Ok((sources, fields))
    }
}

/// The type of a column, which Python Feast knows for eight types and lists of them.
fn log_type(name: &str, value_type: &ValueType) -> Result<DataType, String> {
    let is_simple = |value_type: &ValueType| {
        matches!(
            value_type,
            ValueType::Int32
                | ValueType::Int64
                | ValueType::Float32
                | ValueType::Float64
                | ValueType::String
                | ValueType::Bytes
                | ValueType::Bool
                | ValueType::UnixTimestamp
        )
    };
    let is_known = match value_type {
        ValueType::Array(element) => is_simple(element),
        simple => is_simple(simple),
    };
    if !is_known {
        return Err(format!(
            "{name} is of type {value_type}, for which Feast's logs have no column"
        ));
    }
    let in_parquet = |data_type: DataType| match data_type {
        DataType::Timestamp(TimeUnit::Second, zone) => DataType::Timestamp(TimeUnit::Millisecond, zone),
        other => other,
    };
    Ok(match value_type.arrow_type() {
        DataType::List(item) => {
            let item_type = in_parquet(item.data_type().clone());
            DataType::List(Arc::new(ArrowField::new(item.name(), item_type, true)))
        }
        simple => in_parquet(simple),
    })
}

#[cfg(test)]
mod tests {
    use feast_model::{DataSource, FeatureView, Field, Logging, Metadata, RequestedFeatures, SourceKind};

    use super::*;

    /// A view whose fields are of these names and types, the first of them its join key.
    fn view(name: &str, fields: &[(&str, ValueType)]) -> FeatureView {
        let source = DataSource::new(name, SourceKind::parquet("data/x.parquet"));
        let mut fields = fields.iter().map(|(name, kind)| Field::new(*name, kind.clone()));
        let mut view = FeatureView::new(name, source);
        view.entity_columns.extend(fields.next());
        view.features.extend(fields);
        view
    }

    /// Some features of a view, under another name.
    fn projection(view: &FeatureView, alias: Option<&str>, key: Option<&str>) -> Projection {
        let mapped = key.map(|key| (view.entity_columns[0].name.clone(), key.to_owned()));
        Projection {
            alias: alias.map(str::to_owned),
            requested: RequestedFeatures::Resolved,
            features: view.features.clone(),
            join_key_map: mapped.into_iter().collect(),
            ..Projection::all_of(view.name())
        }
    }

    fn service(projections: Vec<Projection>, sample_rate: f32, destination: LoggingDestination) -> FeatureService {
        FeatureService {
            metadata: Metadata::new("s"),
            projections,
            logging: Some(Logging {
                sample_rate,
                destination,
            }),
            precompute_online: false,
        }
    }

    fn files(path: &str, partition_by: &[&str]) -> LoggingDestination {
        LoggingDestination::File {
            path: path.to_owned(),
            s3_endpoint_override: String::new(),
            partition_by: partition_by.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    #[test]
    fn a_name_that_comes_again_keeps_its_place_and_has_the_last_type() {
        let stats = view("stats", &[("id", ValueType::Int32), ("a", ValueType::Float32)]);
        let other = view("other", &[("id", ValueType::Int64), ("n", ValueType::UnixTimestamp)]);
        let projections = vec![
            projection(&stats, None, None),
            projection(&other, Some("renamed"), None),
            projection(&other, Some("far"), Some("far_id")),
        ];
        let definitions = Definitions {
            feature_views: vec![stats, other],
            ..Definitions::default()
        };
        let service = service(projections, 1.0, files("logs", &[]));
        let table = LogTable::new(&definitions, &service).unwrap().unwrap();
        let fields = table.schema.fields().iter();
        let fields: Vec<String> = fields
            .map(|field| format!("{} {}", field.name(), field.data_type()))
            .collect();
        let expected = [
            "id Int64",
            "stats__a Float32",
            "stats__a__timestamp Timestamp(ms, \"UTC\")",
            "stats__a__status Int32",
            "renamed__n Timestamp(ms)",
            "renamed__n__timestamp Timestamp(ms, \"UTC\")",
            "renamed__n__status Int32",
            "far_id Int64",
            "far__n Timestamp(ms)",
            "far__n__timestamp Timestamp(ms, \"UTC\")",
            "far__n__status Int32",
            "__log_timestamp Timestamp(µs, \"UTC\")",
            "__log_date Date32",
            "__request_id Utf8",
        ];
        assert_eq!(fields, expected);
        assert_eq!(table.columns[4], LogColumn::Value(1));
        let log = PlannedLog::new(&definitions, &service, false).unwrap().unwrap();
        assert_eq!(log.response_names, ["a", "n", "n"]);
    }

    #[test]
    fn what_cannot_be_logged_is_named() {
        let stats = view(
            "stats",
            &[
                ("id", ValueType::Int64),
                ("a", ValueType::Array(Box::new(ValueType::Int64))),
            ],
        );
        let odd = view("odd", &[("stats__a", ValueType::Int64), ("b", ValueType::Bool)]);
        let definitions = Definitions {
            feature_views: vec![stats.clone(), odd.clone()],
            ..Definitions::default()
        };
        let mut former = projection(&stats, None, None);
        former.features[0].value_type = ValueType::Float64;
        let both = vec![projection(&stats, None, None), projection(&odd, None, None)];
        let one = || vec![projection(&stats, None, None)];
        let check = |projections: Vec<Projection>, destination: LoggingDestination, expected: &str| {
            let service = service(projections, 0.1, destination);
            let error = LogTable::new(&definitions, &service).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("feature service s cannot be logged: {expected}")
            );
        };
        check(
            vec![former],
            files("logs", &[]),
            "feature stats__a is of type Array(Int64) now, and was Float64 when the service was applied",
        );
        check(both, files("logs", &[]), "its log would have two columns stats__a");
        check(
            one(),
            files("", &[]),
            "its destination \"\" is not a directory of this machine",
        );
        check(
            one(),
            files("logs", &["stats__a"]),
            "it is to be partitioned by stats__a, whose values cannot name folders",
        );
        check(
            one(),
            LoggingDestination::Other(vec![1]),
            "its logging_config has a destination that is not a file",
        );
        let nothing = [
            service(one(), 0.0, LoggingDestination::Other(vec![1])),
            service(one(), f32::NAN, files("logs", &[])),
            service(one(), 1.0, LoggingDestination::Nowhere),
            service(vec![Projection::all_of("unknown")], 1.0, files("logs", &[])),
        ];
        for service in nothing {
            assert_eq!(LogTable::new(&definitions, &service).unwrap(), None);
        }
    }
}
