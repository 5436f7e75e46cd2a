//! Appends to parquet sources: the old row groups are copied as bytes, the file is replaced as a whole.

use std::collections::HashMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use datafusion::parquet::arrow::arrow_writer::{ArrowRowGroupWriterFactory, compute_leaves};
use datafusion::parquet::basic::Compression;
use datafusion::parquet::column::writer::ColumnCloseResult;
use datafusion::parquet::errors::ParquetError;
use datafusion::parquet::file::metadata::{PageIndexPolicy, ParquetMetaData};
use datafusion::parquet::file::properties::{EnabledStatistics, WriterProperties};
use datafusion::parquet::file::writer::SerializedFileWriter;

use super::source::ParquetSource;
use crate::clock;
use crate::durable_file::{self, FileLock};
use crate::error::{Error, ErrorKind, Result};

/// Appends rows to parquet sources. Appends to one file that come together are written together.
#[derive(Default)]
pub(crate) struct Appender {
    files: Mutex<HashMap<PathBuf, Arc<FileQueue>>>,
}

/// Appends that wait for one file.
#[derive(Default)]
struct FileQueue {
    waiting: Mutex<Vec<Arc<Append>>>,
    /// Held by the caller that writes, for itself and for all that wait.
    writer: Mutex<()>,
}

struct Append {
    batch: RecordBatch,
    outcome: Mutex<Option<std::result::Result<(), (ErrorKind, String)>>>,
}

impl Appender {
    /// Appends rows, whose schema is that of the source. They are durable when this returns.
    ///
    /// A source that is one file stays one file with the new rows first; in a directory a new file is made.
    ///
    /// # Errors
    /// `Data` or `Unavailable`; the source is then as before.
    pub(crate) fn append(&self, source: &ParquetSource, batch: RecordBatch) -> Result<()> {
        if source.path.is_dir() {
            // Later parts sort before earlier ones: of rows equal in both times the first in file order wins.
            let until_end_of_time = u64::MAX - u64::try_from(clock::now().micros()).unwrap_or_default();
            let part = source
                .path
                .join(format!("push-{until_end_of_time:020}-{}.parquet", uuid::Uuid::new_v4()));
            return create_parquet(&part, &batch);
        }
        let queue = Arc::clone(lock(&self.files).entry(source.path.clone()).or_default());
        let append = Arc::new(Append {
            batch,
            outcome: Mutex::default(),
        });
        lock(&queue.waiting).push(Arc::clone(&append));
        let _writer = lock(&queue.writer);
        if lock(&append.outcome).is_none() {
            let group = std::mem::take(&mut *lock(&queue.waiting));
            let outcome = append_to_file(&source.path, group.iter().map(|append| &append.batch))
                .map_err(|error| (error.kind(), error.to_string()));
            for member in &group {
                *lock(&member.outcome) = Some(outcome.clone());
            }
        }
        let outcome = lock(&append.outcome).take();
        match outcome {
            Some(Ok(())) => Ok(()),
            Some(Err((kind, text))) => Err(Error::new(kind, format!("data source {}: {text}", source.name))),
            None => Err(Error::internal(format!(
                "data source {}: an append was lost",
                source.name
            ))),
        }
    }
}

/// Writes a new parquet file with these rows, atomically.
///
/// # Errors
/// When the file cannot be written.
pub fn create_parquet(path: &Path, batch: &RecordBatch) -> Result<()> {
    durable_file::replace(path, |file| {
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        let write = || {
            let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties))?;
            writer.write(batch)?;
            writer.close().map(|_| ())
        };
        write().map_err(|source| failed(path, source))
    })
}

fn append_to_file<'a>(path: &Path, batches: impl Iterator<Item = &'a RecordBatch> + Clone) -> Result<()> {
    let _lock = FileLock::acquire(path)?;
    let old = File::open(path).map_err(|source| Error::io("read", path, source))?;
    let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Optional);
    let old_metadata = ArrowReaderMetadata::load(&old, options).map_err(|source| failed(path, source))?;
    if batches
        .clone()
        .any(|batch| batch.schema().fields() != old_metadata.schema().fields())
    {
        return Err(Error::new(
            ErrorKind::Unavailable,
            format!("the columns of {} changed during the push", path.display()),
        ));
    }
    durable_file::replace(path, |file| {
        rewrite(file, &old, &old_metadata, batches.clone()).map_err(|source| failed(path, source))
    })
}

/// New rows first, as one row group, then the old row groups byte for byte. Schema and metadata of the file stay.
fn rewrite<'a, W: Write + Send>(
    file: W,
    old: &File,
    old_metadata: &ArrowReaderMetadata,
    batches: impl Iterator<Item = &'a RecordBatch>,
) -> std::result::Result<(), ParquetError> {
    let metadata = old_metadata.metadata();
    let file_metadata = metadata.file_metadata();
    let compression = metadata
        .row_groups()
        .first()
        .map_or(Compression::SNAPPY, |group| group.column(0).compression());
    // Either all row groups have page indexes or none: pandas writes none by default.
    let indexed = metadata.offset_index().is_some() && metadata.column_index().is_some();
    let statistics = if indexed {
        EnabledStatistics::Page
    } else {
        EnabledStatistics::Chunk
    };
    let properties = WriterProperties::builder()
        .set_compression(compression)
        .set_statistics_enabled(statistics)
        .set_offset_index_disabled(!indexed)
        .set_created_by(file_metadata.created_by().unwrap_or("feast").to_owned())
        .set_key_value_metadata(file_metadata.key_value_metadata().cloned())
        .build();
    let root = file_metadata.schema_descr().root_schema_ptr();
    let mut writer = SerializedFileWriter::new(file, root, Arc::new(properties))?;
    write_row_group(&mut writer, old_metadata.schema(), batches)?;
    for index in 0..metadata.num_row_groups() {
        copy_row_group(&mut writer, old, metadata, (index, indexed))?;
    }
    writer.close().map(|_| ())
}

fn write_row_group<'a, W: Write + Send>(
    writer: &mut SerializedFileWriter<W>,
    schema: &SchemaRef,
    batches: impl Iterator<Item = &'a RecordBatch>,
) -> std::result::Result<(), ParquetError> {
    let factory = ArrowRowGroupWriterFactory::new(writer, Arc::clone(schema));
    let mut columns = factory.create_column_writers(0)?;
    for batch in batches {
        let mut leaf_writers = columns.iter_mut();
        for (field, column) in schema.fields().iter().zip(batch.columns()) {
            for leaf in compute_leaves(field, column)? {
                let leaf_writer = leaf_writers
                    .next()
                    .ok_or_else(|| ParquetError::General("a column has too many leaves".to_owned()))?;
                leaf_writer.write(&leaf)?;
            }
        }
    }
    let mut row_group = writer.next_row_group()?;
    for column in columns {
        column.close()?.append_to_row_group(&mut row_group)?;
    }
    row_group.close().map(|_| ())
}

fn copy_row_group<W: Write + Send>(
    writer: &mut SerializedFileWriter<W>,
    old: &File,
    metadata: &ParquetMetaData,
    (index, indexed): (usize, bool),
) -> std::result::Result<(), ParquetError> {
    let group = metadata.row_group(index);
    let mut row_group = writer.next_row_group()?;
    for (position, column) in group.columns().iter().enumerate() {
        let close = ColumnCloseResult {
            bytes_written: u64::try_from(column.compressed_size()).unwrap_or_default(),
            rows_written: u64::try_from(group.num_rows()).unwrap_or_default(),
            metadata: column.clone(),
            bloom_filter: None,
            column_index: metadata
                .column_index()
                .filter(|_| indexed)
                .map(|indexes| indexes[index][position].clone()),
            offset_index: metadata
                .offset_index()
                .filter(|_| indexed)
                .map(|indexes| indexes[index][position].clone()),
        };
        row_group.append_column(old, close)?;
    }
    row_group.close().map(|_| ())
}

fn failed(path: &Path, source: ParquetError) -> Error {
    let kind = if matches!(source, ParquetError::External(_)) {
        ErrorKind::Unavailable
    } else {
        ErrorKind::Data
    };
    Error::new(kind, format!("parquet file {}: {source}", path.display())).with_source(source)
}

/// The locks guard plain values that every holder leaves whole, so a panicked holder does not matter.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
