//! Rows of a view into the store, from columns. Pushes, writes and materialization all come through here, so times are checked in
//! one place. Knows nothing of files, and of stores only that they take rows.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int64Array, StringArray};
use feast_codec::entity_key::EntityKeyEncoder;
use feast_codec::row::RowVersion;
use feast_codec::shard::Shard;
use feast_conversion::{ConversionError, check_event_times, coerce, timestamp_micros};
use feast_model::error::{Error, Result};
use feast_model::{DUMMY_JOIN_KEY, FeatureView, Timestamp, ValueType};

use super::derived::{DerivedViews, GivenView, WriteFunctionRun};
use super::key_types::key_encoder;
use crate::clock;
use crate::online_store::{EncodedRows, OnlineStore, RowColumns};

/// A feature view that rows can be written to, with the columns it needs.
#[derive(Debug, Clone)]
pub struct WriteTarget {
    pub(crate) view: FeatureView,
    columns: Vec<WriteColumn>,
    /// What makes features of the columns; `None` when they are features.
    given: Option<Arc<GivenView>>,
    /// The views that are computed from its rows.
    pub(crate) derived: Arc<DerivedViews>,
}

/// One column that a writer has to supply.
#[derive(Debug, Clone, PartialEq)]
pub struct WriteColumn {
    /// Column name.
    pub name: String,
    /// What the column is.
    pub role: ColumnRole,
}

/// What a column of written rows is.
#[derive(Debug, Clone, PartialEq)]
pub enum ColumnRole {
    /// A join key; its values must not be null.
    JoinKey(ValueType),
    /// A feature.
    Feature(ValueType),
    /// The event time: `Timestamp(Microsecond)`, without nulls.
    EventTime,
    /// The created time: `Timestamp(Microsecond)`.
    CreatedTime,
}

impl WriteTarget {
    pub(crate) fn new(view: &FeatureView, derived: Arc<DerivedViews>) -> Result<Self> {
        let source = view.batch_source.as_ref().ok_or_else(|| {
            Error::invalid(format!(
                "feature view {} has no batch source, so its timestamp columns are not known",
                view.name()
            ))
        })?;
        // Checked before anything is written anywhere.
        view_key_encoder(view)?;
        let features = view.features.iter();
        let features = features.map(|field| WriteColumn {
            name: field.name.clone(),
            role: ColumnRole::Feature(field.value_type.clone()),
        });
        let event_time = WriteColumn {
            name: source.timestamp_field.clone(),
            role: ColumnRole::EventTime,
        };
        let created_time = source.created_column().map(|name| WriteColumn {
            name: name.to_owned(),
            role: ColumnRole::CreatedTime,
        });
        let columns = features
            .chain(key_columns(view))
            .chain([event_time])
            .chain(created_time)
            .collect();
        Ok(Self {
            view: view.clone(),
            columns,
            given: None,
            derived,
        })
    }

    /// A stored on-demand view. Its rows are computed from what is `given`, or else are what its function would give. They have no times
    /// of their own: as in Feast they are of now.
    pub(crate) fn for_on_demand(view: FeatureView, given: Option<GivenView>) -> Result<Self> {
        view_key_encoder(&view)?;
        let features = given.as_ref().map_or(&view.features, |given| &given.inputs).iter();
        let features = features.map(|field| WriteColumn {
            name: field.name.clone(),
            role: ColumnRole::Feature(field.value_type.clone()),
        });
        let columns = features.chain(key_columns(&view)).collect();
        Ok(Self {
            view,
            columns,
            given: given.map(Arc::new),
            derived: Arc::default(),
        })
    }

    /// The view's name.
    pub fn view(&self) -> &str {
        self.view.name()
    }

    /// The column of event times.
    pub(crate) fn event_time_column(&self) -> &str {
        let is_event_time = |column: &&WriteColumn| column.role == ColumnRole::EventTime;
        self.columns
            .iter()
            .find(is_event_time)
            .map_or("", |column| &column.name)
    }

    /// The columns to supply, in this order.
    pub fn columns(&self) -> &[WriteColumn] {
        &self.columns
    }

    /// Assigns supplied columns, which are in the order of [`WriteTarget::columns`], to their roles.
    ///
    /// # Errors
    /// `Invalid`, naming column and row, when a join key or an event time is null, or a time lies outside of
    /// [`feast_model::TimeRange::EVENT_TIMES`].
    pub(crate) fn rows(&self, columns: &[ArrayRef], runs: &mut Vec<WriteFunctionRun>) -> Result<RowColumns> {
        let times = |column: &ArrayRef, name: &str| {
            let times = timestamp_micros(column).ok_or_else(|| {
                Error::internal(format!(
                    "column {name} of {} was not read as timestamps",
                    self.view.name()
                ))
            })?;
            check_event_times(&times, name, &format!("feature view {}", self.view.name()))?;
            Ok::<_, Error>(times)
        };
        // What the type demands beyond its Arrow form: documents that are objects, sets without duplicates.
        let typed = |column: &ArrayRef, name: &str, value_type: &ValueType| {
            coerce(column, value_type).map_err(|problem| {
                let view = self.view.name();
                let error = ConversionError::in_column(column, &problem, |one| coerce(one, value_type));
                let row = error.row().unwrap_or_default();
                Error::invalid(format!("column {name} of feature view {view}, row {row}: {error}"))
            })
        };
        let mut rows = RowColumns {
            keys: Vec::new(),
            features: Vec::new(),
            event_times: Int64Array::from(Vec::<i64>::new()),
            created_times: None,
        };
        for (column, WriteColumn { name, role }) in columns.iter().zip(&self.columns) {
            let may_be_null = matches!(role, ColumnRole::Feature(_) | ColumnRole::CreatedTime);
            if let Some(row) = (0..column.len()).find(|row| !may_be_null && column.is_null(*row)) {
                return Err(Error::invalid(format!(
                    "column {name} of feature view {} is null in row {row}",
                    self.view.name()
                )));
            }
            match role {
                ColumnRole::JoinKey(value_type) => rows.keys.push(typed(column, name, value_type)?),
                ColumnRole::Feature(value_type) => rows.features.push(typed(column, name, value_type)?),
                ColumnRole::EventTime => rows.event_times = times(column, name)?,
                ColumnRole::CreatedTime => rows.created_times = Some(times(column, name)?),
            }
        }
        let count = columns.first().map_or(0, |column| column.len());
        if !self.columns.iter().any(|column| column.role == ColumnRole::EventTime) {
            rows.event_times = Int64Array::from(vec![clock::now().micros(); count]);
        }
        if let Some(given) = &self.given {
            rows.features = given.features(&self.view, &rows.keys, &rows.features, count, runs)?;
        }
        Ok(rows)
    }
}

/// The join keys that a writer gives.
fn key_columns(view: &FeatureView) -> impl Iterator<Item = WriteColumn> + '_ {
    let keys = view.entity_columns.iter().filter(|key| key.name != DUMMY_JOIN_KEY);
    keys.map(|key| WriteColumn {
        name: key.name.clone(),
        role: ColumnRole::JoinKey(key.value_type.clone()),
    })
}

/// Writes the entity keys of a view from columns in the order of its join keys.
fn view_key_encoder(view: &FeatureView) -> Result<EntityKeyEncoder> {
    let named: Vec<_> = view
        .entity_columns
        .iter()
        .map(|key| (key.name.as_str(), &key.value_type))
        .collect();
    key_encoder(view.name(), &named)
}

/// Rows that are not written.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct LeftOut {
    /// Rows that cannot be stored because their key holds a null. They are those of the first shard.
    pub(crate) null_keys: usize,
    /// Rows of other shards.
    pub(crate) other_shards: usize,
}

impl LeftOut {
    pub(crate) fn add(&mut self, more: Self) {
        self.null_keys += more.null_keys;
        self.other_shards += more.other_shards;
    }
}

/// Brings rows of a view into the form of the store, all or those of one shard, in order of arrival.
pub(crate) fn encode_shard(
    store: &OnlineStore,
    view: &FeatureView,
    rows: &RowColumns,
    shard: Option<Shard>,
    encoded: &mut EncodedRows,
) -> Result<LeftOut> {
    let (mut null_keys, mut other_shards) = match shard {
        None => (encode_rows(store, view, rows, encoded)?, 0),
        Some(shard) => encode_chosen(store, view, rows, encoded, |key| shard.holds(key))?,
    };
    if shard.is_some_and(|shard| shard.number() > 1) {
        other_shards += std::mem::take(&mut null_keys);
    }
    Ok(LeftOut {
        null_keys,
        other_shards,
    })
}

/// Adds rows of a view, and those of the views that are computed from them, to those of others.
pub(crate) fn encode_with_derived(
    store: &OnlineStore,
    target: &WriteTarget,
    rows: &RowColumns,
    encoded: &mut EncodedRows,
    runs: &mut Vec<WriteFunctionRun>,
) -> Result<()> {
    encode_rows(store, &target.view, rows, encoded)?;
    for derived in &target.derived.views {
        let computed = derived.rows(store, &target.view, rows, runs)?;
        encode_rows(store, &derived.view, &computed, encoded)?;
    }
    Ok(())
}

/// Adds rows of a view to those of others. Gives the number of rows that cannot be stored because their key holds a null.
pub(crate) fn encode_rows(
    store: &OnlineStore,
    view: &FeatureView,
    rows: &RowColumns,
    encoded: &mut EncodedRows,
) -> Result<usize> {
    Ok(encode_chosen(store, view, rows, encoded, |_| true)?.0)
}

/// What the values of a column have that have no fixed width, for room: rows of long texts would be copied each time they are twice as
/// many.
fn text_bytes(column: &ArrayRef) -> usize {
    match column.data_type().primitive_width() {
        Some(_) => 0,
        None => column.to_data().get_slice_memory_size().unwrap_or_default(),
    }
}

/// Adds the rows of a view whose entity key is chosen to those of others; the others cost their key alone. Gives the number of rows
/// that cannot be stored because their key holds a null, and of those that were not chosen.
fn encode_chosen(
    store: &OnlineStore,
    view: &FeatureView,
    rows: &RowColumns,
    encoded: &mut EncodedRows,
    is_chosen: impl Fn(&[u8]) -> bool,
) -> Result<(usize, usize)> {
    let rows_of_view = store.row_encoder(view)?;
    let checked = rows_of_view.check(&rows.features);
    checked.map_err(|error| error.within(|message| format!("feature view {}: {message}", view.name())))?;
    let encoder = view_key_encoder(view)?;
    let count = rows.event_times.len();
    let dummy = [Arc::new(StringArray::from(vec![""; count])) as ArrayRef];
    let key_columns = if view.is_entityless() {
        &dummy
    } else {
        rows.keys.as_slice()
    };
    let before = encoded.keys.len();
    encoded.keys.reserve(count, count * 48);
    let texts = rows.features.iter().map(text_bytes).sum::<usize>();
    encoded
        .rows
        .reserve(count, count * (32 + 8 * view.features.len()) + texts);
    let mut others = 0;
    for row in 0..count {
        let has_key = encoded.keys.push_if(|out| {
            rows_of_view.start_key(out);
            let start = out.len();
            if !encoder.encode(key_columns, row, out) {
                return false;
            }
            if !is_chosen(&out[start..]) {
                others += 1;
                return false;
            }
            rows_of_view.end_key(out);
            true
        });
        if has_key {
            let created = rows
                .created_times
                .as_ref()
                .filter(|times| times.is_valid(row))
                .map(|times| times.value(row));
            let version = RowVersion {
                event_time: Timestamp::from_micros(rows.event_times.value(row)),
                created_time: created.map(Timestamp::from_micros),
            };
            encoded
                .rows
                .push_with(|out| rows_of_view.encode(version, &rows.features, row, out));
        }
    }
    Ok((count - others - (encoded.keys.len() - before), others))
}
