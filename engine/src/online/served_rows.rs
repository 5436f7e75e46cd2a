//! What a feature service has answered, taken out of a response to be logged, and the table that is made of many of these later.
//!
//! Taking costs the request one list of numbers: the arrays and lists of the response are moved, nothing in them is copied. What is
//! then made of them is for a thread that nobody waits for.

use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Int32Array, RecordBatch, StringBuilder, TimestampMicrosecondArray};
use arrow::array::{TimestampMillisecondArray, new_null_array};
use arrow::compute::concat;
use arrow::datatypes::Field as ArrowField;
use feast_conversion::strict_cast;
use feast_model::Timestamp;
use feast_model::error::{Error, Result};
use uuid::Uuid;

use super::feature_vectors::{FeatureVectors, FieldStatus};
use super::keys::EntityRows;
use super::log_table::{LogColumn, LogTable, PlannedLog};

const MICROS_PER_SECOND: i64 = 1_000_000;
const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;
/// What an array takes beside its values, and a list.
const ARRAY_BYTES: usize = 160;
const LIST_BYTES: usize = 40;

/// The rows of one answer.
#[derive(Debug)]
pub struct ServedRows {
    pub(crate) log: Arc<PlannedLog>,
    rows: usize,
    at: Timestamp,
    request: Uuid,
    /// Join keys and data of the request, as the columns of the table that need them.
    given: Vec<Option<ArrayRef>>,
    /// Of each feature of the service; `None` for one that the answer lacks.
    features: Vec<Option<FeaturePlace>>,
    arrays: Vec<ArrayRef>,
    statuses: Vec<Vec<FieldStatus>>,
    event_times: Vec<Vec<Timestamp>>,
}

/// Where the parts of a feature lie in the lists of an answer.
#[derive(Debug, Clone, Copy)]
struct FeaturePlace {
    array: usize,
    number: usize,
    statuses: usize,
    event_times: usize,
}

impl ServedRows {
    /// Takes what is logged of an answer to `entities` that was made at `at`.
    pub fn take(
        log: &Arc<PlannedLog>,
        vectors: FeatureVectors<'_>,
        entities: &EntityRows,
        at: Timestamp,
        request: Uuid,
    ) -> Self {
        let rows = vectors.rows();
        let (columns, arrays, statuses, event_times) = vectors.into_lists();
        // The columns come in the order of the service, but for computed ones and where names are also those of join keys.
        let mut next = 0;
        let features = log.response_names.iter().map(|name| {
            let mut places = (next..columns.len()).chain(0..next.min(columns.len()));
            let place =
                places.find(|place| !columns[*place].field.is_join_key && columns[*place].field.name == name)?;
            next = place + 1;
            let parts = &columns[place];
            Some(FeaturePlace {
                array: parts.array,
                number: parts.number,
                statuses: parts.statuses,
                event_times: parts.event_times,
            })
        });
        let features = features.collect();
        let data = |name: &str| entities.request_data().iter().find(|column| column.name == name);
        let given = log.table.columns.iter().filter_map(|column| match column {
            LogColumn::Key { request_key, join_key } => Some(
                entities
                    .column(request_key)
                    .or_else(|| entities.column(join_key))
                    .cloned(),
            ),
            LogColumn::RequestData(name) => Some(data(name).map(|column| Arc::clone(&column.values))),
            LogColumn::Value(_) | LogColumn::EventTime(_) | LogColumn::Status(_) => None,
        });
        Self {
            rows,
            at,
            request,
            given: given.collect(),
            features,
            arrays,
            statuses,
            event_times,
            log: Arc::clone(log),
        }
    }

    /// The table that they are logged to.
    pub(crate) fn table(&self) -> &Arc<LogTable> {
        &self.log.table
    }

    /// Whether both are logged to the same table. Plans of one service that were made from states of the registry have their own.
    pub(crate) fn is_of_same_table(&self, other: &Self) -> bool {
        Arc::ptr_eq(self.table(), other.table()) || self.table() == other.table()
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// What they take in memory, approximately.
    pub fn bytes(&self) -> usize {
        let arrays = self.arrays.iter().chain(self.given.iter().flatten());
        let arrays = arrays.map(|array| ARRAY_BYTES + array.get_buffer_memory_size());
        let statuses = self.statuses.iter().map(|list| LIST_BYTES + list.capacity());
        let times = self
            .event_times
            .iter()
            .map(|list| LIST_BYTES + list.capacity() * size_of::<Timestamp>());
        size_of::<Self>()
            + self.features.capacity() * size_of::<Option<FeaturePlace>>()
            + arrays.sum::<usize>()
            + statuses.sum::<usize>()
            + times.sum::<usize>()
    }

    fn place(&self, feature: usize) -> Option<FeaturePlace> {
        self.features.get(feature).copied().flatten()
    }

    fn values(&self, feature: usize) -> Option<ArrayRef> {
        let place = self.place(feature)?;
        Some(self.arrays[place.array].slice(place.number * self.rows, self.rows))
    }

    fn event_times(&self, feature: usize) -> &[Timestamp] {
        self.place(feature)
            .map_or(&[], |place| &self.event_times[place.event_times])
    }

    fn statuses(&self, feature: usize) -> &[FieldStatus] {
        self.place(feature).map_or(&[], |place| &self.statuses[place.statuses])
    }
}

/// The rows of answers that are logged to this table, as its columns.
///
/// # Errors
/// `Data` for a value that the type of its column cannot hold.
pub(crate) fn log_batch(table: &LogTable, served: &[ServedRows]) -> Result<RecordBatch> {
    let failed = |name: &str, problem: arrow::error::ArrowError| {
        Error::data(format!(
            "feature service {}: column {name} of its log: {problem}",
            table.service
        ))
    };
    let mut given = 0;
    let mut columns = Vec::with_capacity(table.schema.fields().len());
    for (column, field) in table.columns.iter().zip(table.schema.fields()) {
        let values = match column {
            LogColumn::Key { .. } | LogColumn::RequestData(_) => {
                given += 1;
                joined(served, field, |rows| rows.given[given - 1].clone())
            }
            LogColumn::Value(feature) => joined(served, field, |rows| rows.values(*feature)),
            LogColumn::EventTime(feature) => Ok(event_times(served, *feature)),
            LogColumn::Status(feature) => Ok(statuses(served, *feature)),
        };
        columns.push(values.map_err(|problem| failed(field.name(), problem))?);
    }
    let repeated = || served.iter().flat_map(|rows| std::iter::repeat_n(rows, rows.rows));
    let times = repeated().map(|rows| rows.at.micros());
    columns.push(Arc::new(
        TimestampMicrosecondArray::from_iter_values(times).with_timezone("UTC"),
    ));
    // The clock is within the years 1 to 9999.
    let days = repeated().map(|rows| i32::try_from(rows.at.micros().div_euclid(MICROS_PER_DAY)).unwrap_or_default());
    columns.push(Arc::new(Date32Array::from_iter_values(days)));
    let mut ids = StringBuilder::new();
    for rows in served {
        let id = rows.request.as_hyphenated().to_string();
        (0..rows.rows).for_each(|_| ids.append_value(&id));
    }
    columns.push(Arc::new(ids.finish()));
    RecordBatch::try_new(Arc::clone(&table.schema), columns).map_err(|problem| failed("", problem))
}

/// The values of one column of all answers, in the type of the table.
fn joined(
    served: &[ServedRows],
    field: &ArrowField,
    values: impl Fn(&ServedRows) -> Option<ArrayRef>,
) -> Result<ArrayRef, arrow::error::ArrowError> {
    let target = field.data_type();
    let arrays = served.iter().map(|rows| match values(rows) {
        // Keys may come in another type than that of their view; a look-up has brought them to it too.
        Some(values) => strict_cast(&values, target),
        None => Ok(new_null_array(target, rows.rows)),
    });
    let arrays: Vec<ArrayRef> = arrays.collect::<Result<_, _>>()?;
    concat(&arrays.iter().map(AsRef::as_ref).collect::<Vec<_>>())
}

/// In whole seconds, as in Feast's answers.
fn event_times(served: &[ServedRows], feature: usize) -> ArrayRef {
    let millis = served.iter().flat_map(|rows| {
        let times = rows.event_times(feature);
        let millis = times
            .iter()
            .map(|time| time.micros().div_euclid(MICROS_PER_SECOND) * 1000);
        millis.chain(std::iter::repeat_n(0, rows.rows - times.len()))
    });
    Arc::new(TimestampMillisecondArray::from_iter_values(millis).with_timezone("UTC"))
}

/// As the numbers of Feast's `FieldStatus`.
fn statuses(served: &[ServedRows], feature: usize) -> ArrayRef {
    let numbers = served.iter().flat_map(|rows| {
        let statuses = rows.statuses(feature);
        let missing = std::iter::repeat_n(&FieldStatus::NotFound, rows.rows - statuses.len());
        statuses.iter().chain(missing).map(|status| i32::from(status.number()))
    });
    Arc::new(Int32Array::from_iter_values(numbers))
}
