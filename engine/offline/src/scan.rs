//! Columns of the row groups of a source, each read in its file's own type and brought into the type that is asked for.
//!
//! Owns where a column comes from (the file, a folder, nowhere) and how a value that does not fit is named. Knows nothing of
//! windows or of which rows win.
//!
//! Row groups are read by the parquet library itself, not by DataFusion's scan, which has one schema for all files: a float in a
//! later part would be cut to the integer of the first before the declared type is looked at. Positions follow from the footers, so
//! row groups are read on all cores and rows by position.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatchReader, new_null_array};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use datafusion::parquet::arrow::ProjectionMask;
use datafusion::parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use datafusion::parquet::arrow::arrow_reader::{
    ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder, RowSelection,
};
use datafusion::parquet::file::metadata::ColumnChunkMetaData;
use feast_conversion::{ConversionError, RowTimes, coerce, coerce_key, nanos_per_tick, row_times};
use feast_model::ValueType;
use feast_model::error::{Error, ErrorKind, Result};

use super::footer::unreadable;
use super::guard::guarded;
use super::location::SourceFile;
use super::partition::constant_column;
use super::snapshot::Part;

/// Rows read at once, unless they have many columns.
pub(super) const BATCH_ROWS: usize = 8192;
/// Values read at once, at most if there are not too many columns. Some batches of each reader wait for their consumer.
const BATCH_VALUES: usize = 1 << 19;
const MIN_BATCH_ROWS: usize = 512;
/// What writers put into two pages.
const MAX_PAGES_BYTES: usize = 2 << 20;

/// Rows of so many columns that are read at once.
pub(super) fn batch_rows(columns: usize) -> usize {
    (BATCH_VALUES / columns.max(1)).clamp(MIN_BATCH_ROWS, BATCH_ROWS)
}

/// A column of a source, and the type that its values are brought into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypedColumn {
    /// Its name in the files.
    pub name: String,
    /// What its values become.
    pub value_type: ValueType,
}

/// One row group of a source.
#[derive(Debug, Clone)]
pub(super) struct RowGroup {
    /// Name of the source, for messages.
    pub(super) source: Arc<str>,
    pub(super) part: Arc<Part>,
    /// Its number in the file.
    pub(super) index: usize,
    /// The number of its first row in the file.
    pub(super) first_in_file: usize,
    /// The number of the row group in the source.
    pub(super) number: usize,
    /// As the footer says; what was read may be held against it.
    pub(super) rows: usize,
}

/// All row groups of files, in order.
pub(super) fn row_groups(source: &str, parts: &[Arc<Part>]) -> Vec<RowGroup> {
    let source: Arc<str> = source.into();
    let mut groups = Vec::with_capacity(parts.len());
    for part in parts {
        let mut first_in_file: usize = 0;
        for (index, metadata) in part.footer.metadata().row_groups().iter().enumerate() {
            let rows = usize::try_from(metadata.num_rows()).unwrap_or_default();
            groups.push(RowGroup {
                source: Arc::clone(&source),
                part: Arc::clone(part),
                index,
                first_in_file,
                number: groups.len(),
                rows,
            });
            first_in_file = first_in_file.saturating_add(rows);
        }
    }
    groups
}

/// Where the values of a column are.
enum Origin {
    /// The number of the column in the file.
    File(usize),
    /// A folder gives all rows of the file this value.
    Folder(Option<String>),
    /// The file does not have it: null.
    Nowhere,
}

impl RowGroup {
    fn origin(&self, column: &str) -> Origin {
        match self.part.partition_value(column) {
            Some(folder) => Origin::Folder(folder.value.clone()),
            None => self
                .part
                .footer
                .schema()
                .index_of(column)
                .map_or(Origin::Nowhere, Origin::File),
        }
    }

    /// Reads columns, by name, of all rows or of those chosen, one bit a row.
    ///
    /// # Errors
    /// `Unavailable` when the file cannot be read now, `Data` when it is damaged.
    pub(super) fn read(&self, columns: &[&str], chosen: Option<BooleanBuffer>) -> Result<ColumnBatches> {
        let origins: Vec<Origin> = columns.iter().map(|column| self.origin(column)).collect();
        let roots = origins.iter().filter_map(|origin| match origin {
            Origin::File(index) => Some(*index),
            _ => None,
        });
        let mask = ProjectionMask::roots(self.part.footer.parquet_schema(), roots);
        let file = self.part.file()?;
        let mut builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file.clone(), self.part.footer.clone())
            .with_batch_size(batch_rows(columns.len()))
            .with_row_groups(vec![self.index])
            .with_projection(mask);
        if let Some(chosen) = &chosen {
            let chosen = BooleanArray::new(chosen.clone(), None);
            builder = builder.with_row_selection(RowSelection::from_filters(&[chosen]));
        }
        let reader = guarded(&self.part.path, || {
            builder
                .build()
                .map_err(|problem| unreadable(&self.source, &self.part.path, problem))
        })?;
        // The reader gives the columns of a file in their order there, each once.
        let schema = reader.schema();
        let columns = columns.iter().zip(origins).map(|(name, origin)| match origin {
            Origin::File(_) => schema
                .index_of(name)
                .map(Source::Column)
                .map_err(|_| Error::internal(format!("column {name} was not read"))),
            Origin::Folder(value) => Ok(Source::Constant(value)),
            Origin::Nowhere => Ok(Source::Nothing),
        });
        Ok(ColumnBatches {
            columns: columns.collect::<Result<_>>()?,
            group: self.clone(),
            file,
            reader,
            chosen,
            rows_read: 0,
        })
    }

    /// Bytes that a reader of columns holds of the file, of each column at most those of two pages: its dictionary and the one that is
    /// read.
    pub(super) fn bytes_held(&self, columns: &[&str]) -> usize {
        let chunks = self.chunks(columns);
        let bytes = chunks.map(|chunk| {
            usize::try_from(chunk.uncompressed_size())
                .unwrap_or_default()
                .min(MAX_PAGES_BYTES)
        });
        bytes.sum()
    }

    /// Bytes of columns in the file.
    pub(super) fn bytes_of(&self, columns: &[&str]) -> u64 {
        let chunks = self.chunks(columns);
        chunks
            .map(|chunk| u64::try_from(chunk.compressed_size()).unwrap_or_default())
            .sum()
    }

    fn chunks<'group>(&'group self, columns: &[&str]) -> impl Iterator<Item = &'group ColumnChunkMetaData> {
        let names: HashSet<String> = columns.iter().map(|name| (*name).to_owned()).collect();
        let chunks = self.part.footer.metadata().row_group(self.index).columns().iter();
        chunks.filter(move |chunk| {
            chunk
                .column_path()
                .parts()
                .first()
                .is_some_and(|root| names.contains(root))
        })
    }

    /// The least and the greatest time of a column, in nanoseconds since 1970, as the file says; `None` when it does not say.
    pub(super) fn time_bounds(&self, column: &str) -> Option<(i128, i128)> {
        let (schema, footer) = (self.part.footer.schema(), self.part.footer.metadata());
        if let Origin::Folder(value) = self.origin(column) {
            let times = row_times(&constant_column(value.as_deref(), 1)).ok()?;
            let nanos = times.nanos.is_valid(0).then(|| i128::from(times.nanos.value(0)))?;
            return Some((nanos, nanos));
        }
        let statistics = StatisticsConverter::try_new(column, schema, self.part.footer.parquet_schema()).ok()?;
        let group = [footer.row_group(self.index)];
        let least = statistics.row_group_mins(group).ok()?;
        let greatest = statistics.row_group_maxes(group).ok()?;
        Some((only_time(&least)?, only_time(&greatest)?))
    }

    /// Brings a column of this row group into a type.
    ///
    /// # Errors
    /// `Data`, naming the file, the column, both types, and the row: `row_of` gives its number in the row group.
    pub(super) fn typed(
        &self,
        column: &ArrayRef,
        target: &TypedColumn,
        row_of: impl Fn(usize) -> usize,
    ) -> Result<ArrayRef> {
        self.converted(coerce, column, target, row_of)
    }

    /// As [`RowGroup::typed`], for a column of join keys.
    ///
    /// # Errors
    /// As [`RowGroup::typed`].
    pub(super) fn typed_key(
        &self,
        column: &ArrayRef,
        target: &TypedColumn,
        row_of: impl Fn(usize) -> usize,
    ) -> Result<ArrayRef> {
        self.converted(coerce_key, column, target, row_of)
    }

    fn converted(
        &self,
        convert: fn(&ArrayRef, &ValueType) -> Result<ArrayRef, ArrowError>,
        column: &ArrayRef,
        target: &TypedColumn,
        row_of: impl Fn(usize) -> usize,
    ) -> Result<ArrayRef> {
        convert(column, &target.value_type).map_err(|problem| {
            let error = ConversionError::in_column(column, &problem, |one| convert(one, &target.value_type));
            let value_type = target.value_type.to_string();
            self.does_not_fit(&target.name, &value_type, column.data_type(), row_of, &error)
        })
    }

    /// Reads a column of this row group as times.
    ///
    /// # Errors
    /// As [`RowGroup::typed`].
    pub(super) fn times(&self, column: &ArrayRef, name: &str, row_of: impl Fn(usize) -> usize) -> Result<RowTimes> {
        row_times(column).map_err(|problem| {
            let error = ConversionError::in_column(column, &problem, row_times);
            self.does_not_fit(name, "a time", column.data_type(), row_of, &error)
        })
    }

    fn does_not_fit(
        &self,
        name: &str,
        target: &str,
        given: &DataType,
        row_of: impl Fn(usize) -> usize,
        error: &ConversionError,
    ) -> Error {
        let place = match error.row() {
            Some(row) => format!(", row {}", self.first_in_file + row_of(row)),
            None => String::new(),
        };
        Error::data(format!(
            "data source {}: column {name} of {}{place} is {given} and does not fit {target}: {error}",
            self.source,
            self.part.path.display(),
        ))
    }
}

/// The time of the only row.
fn only_time(column: &ArrayRef) -> Option<i128> {
    if column.len() != 1 || column.is_null(0) {
        return None;
    }
    let per_tick = match column.data_type() {
        DataType::Timestamp(unit, _) => i128::from(nanos_per_tick(*unit)),
        DataType::Date32 => 86_400_000_000_000,
        _ => return None,
    };
    let ticks = arrow::compute::cast(column, &DataType::Int64).ok()?;
    let ticks = arrow::array::AsArray::as_primitive::<arrow::datatypes::Int64Type>(&ticks);
    Some(i128::from(ticks.value(0)) * per_tick)
}

/// The library gives problems of the disk as strings, too.
fn unreadable_rows(source: &str, path: &Path, problem: ArrowError) -> Error {
    let (kind, text) = match &problem {
        ArrowError::ParquetError(text) if text.starts_with("External: ") && text.contains("(os error ") => {
            (ErrorKind::Unavailable, "cannot be read now")
        }
        _ => (ErrorKind::Data, "is damaged"),
    };
    Error::new(
        kind,
        format!("data source {source}: {} {text}: {problem}", path.display()),
    )
    .with_source(problem)
}

enum Source {
    /// The number of the column in what the reader gives.
    Column(usize),
    Constant(Option<String>),
    Nothing,
}

/// Batches of columns of a row group, in the order in which they were asked for, each in its file's own type.
pub(super) struct ColumnBatches {
    columns: Vec<Source>,
    pub(super) group: RowGroup,
    file: SourceFile,
    reader: ParquetRecordBatchReader,
    chosen: Option<BooleanBuffer>,
    rows_read: usize,
}

/// Some rows of a row group.
pub(super) struct ColumnBatch {
    pub(super) columns: Vec<ArrayRef>,
    pub(super) rows: usize,
    /// How many rows that were chosen come before these.
    pub(super) first: usize,
}

impl ColumnBatches {
    /// Positions follow from what footers say of the numbers of rows.
    fn check_count(&self) -> Result<()> {
        let expected = self
            .chosen
            .as_ref()
            .map_or(self.group.rows, BooleanBuffer::count_set_bits);
        if self.rows_read == expected {
            return Ok(());
        }
        let (source, path) = (&self.group.source, self.group.part.path.display());
        Err(Error::data(format!(
            "data source {source}: {path} is damaged: its footer says that there are {expected} rows where {} are",
            self.rows_read
        )))
    }

    /// The number in the row group of the `index`-th of the chosen rows. Looked for from the start: only messages need it.
    pub(super) fn row_of(&self, index: usize) -> usize {
        match &self.chosen {
            None => index,
            Some(chosen) => chosen.set_indices().nth(index).unwrap_or(index),
        }
    }
}

impl Iterator for ColumnBatches {
    type Item = Result<ColumnBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let path = &self.group.part.path;
        let reader = &mut self.reader;
        let batch = guarded(path, || {
            let batch = reader.next().transpose();
            batch.map_err(|problem| unreadable_rows(&self.group.source, path, problem))
        });
        // A file that was written into meanwhile looks damaged, or worse, does not.
        if let Err(error) = self.group.part.check_unchanged(&self.file) {
            return Some(Err(error));
        }
        let batch = match batch.transpose() {
            Some(Ok(batch)) => batch,
            Some(Err(error)) => return Some(Err(error)),
            None => return self.check_count().err().map(Err),
        };
        let rows = batch.num_rows();
        let columns = self.columns.iter().map(|source| match source {
            Source::Column(index) => Arc::clone(batch.column(*index)),
            Source::Constant(value) => constant_column(value.as_deref(), rows),
            Source::Nothing => new_null_array(&DataType::Null, rows),
        });
        let columns = columns.collect();
        let first = self.rows_read;
        self.rows_read += rows;
        Some(Ok(ColumnBatch { columns, rows, first }))
    }
}
