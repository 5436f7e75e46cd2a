//! Rows at the front of a parquet file: the old row groups are copied as bytes, and the file is replaced as a whole.
//!
//! Of rows equal in both times the first in file order wins, so what arrives later stands first. Each append adds a small row group;
//! once many of them stand at the front, the next append makes them one. What the file's metadata says is up to the caller. Parts
//! of directories are in `append_parts`.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use datafusion::parquet::arrow::arrow_writer::{ArrowRowGroupWriterFactory, compute_leaves};
use datafusion::parquet::basic::{Compression, Type as PhysicalType};
use datafusion::parquet::column::writer::ColumnCloseResult;
use datafusion::parquet::errors::ParquetError;
use datafusion::parquet::file::metadata::{KeyValue, PageIndexPolicy, ParquetMetaData};
use datafusion::parquet::file::properties::{EnabledStatistics, WriterProperties};
use datafusion::parquet::file::writer::SerializedFileWriter;
use feast_files::{FileLock, REQUEST_PATIENCE};
use feast_model::error::{Error, ErrorKind, Result};

use super::footer::with_readable_types;
use super::guard::guarded;
use super::source::ParquetSource;

/// Row groups of at most so many rows are small; each push adds one.
const MAX_SMALL_ROWS: i64 = 10_000;
/// Rows of small row groups that one append writes anew at most.
const MAX_MERGED_ROWS: i64 = 100_000;
/// So many small row groups at the front of a file are made one, or the next push would copy ever more of them.
const MIN_MERGED_GROUPS: usize = 32;

/// What the metadata of a parquet file says beside its columns: keys, each with a value.
pub type FileNotes = Vec<(String, Option<String>)>;

/// A pattern does not say where a new file belongs.
pub fn pattern_is_read_only(source: &ParquetSource) -> Error {
    Error::invalid(format!(
        "data source {}: {} is a pattern, which is for reading only: rows cannot be pushed to the offline store",
        source.name, source.location
    ))
    .with_hint("let the path of the source name a directory or a file")
}

/// Writes a new parquet file with these rows, atomically.
///
/// # Errors
/// When the file cannot be written.
pub fn create_parquet(path: &Path, batch: &RecordBatch) -> Result<()> {
    create_parquet_with_notes(path, batch, Vec::new())
}

/// The same, with what the metadata of the file is to say.
pub(super) fn create_parquet_with_notes(path: &Path, batch: &RecordBatch, notes: FileNotes) -> Result<()> {
    let notes = in_metadata(notes);
    feast_files::replace(path, |file| {
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_key_value_metadata(notes)
            .build();
        let write = || {
            let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties))?;
            writer.write(batch)?;
            writer.close().map(|_| ())
        };
        write().map_err(|source| failed(path, source))
    })
}

/// What the metadata of a file says.
///
/// # Errors
/// `Data` or `Unavailable` when it cannot be read.
pub fn read_notes(path: &Path) -> Result<FileNotes> {
    let file = File::open(path).map_err(|source| Error::io("read", path, source))?;
    let load = || ArrowReaderMetadata::load(&file, ArrowReaderOptions::new());
    let metadata = guarded(path, || load().map_err(|source| failed(path, source)))?;
    Ok(notes(metadata.metadata()))
}

fn in_metadata(notes: FileNotes) -> Option<Vec<KeyValue>> {
    let notes = notes.into_iter().map(|(key, value)| KeyValue { key, value });
    let notes: Vec<KeyValue> = notes.collect();
    (!notes.is_empty()).then_some(notes)
}

pub(super) fn notes(metadata: &ParquetMetaData) -> FileNotes {
    let entries = metadata.file_metadata().key_value_metadata().into_iter().flatten();
    entries.map(|entry| (entry.key.clone(), entry.value.clone())).collect()
}

/// Puts rows at the front of a file, those of the first batch first. Readers see the file as it was or with all rows, which are
/// durable when this returns. `annotate` makes the file's notes from what they were.
///
/// # Errors
/// `Invalid` for a file that cannot be appended to, `Data` or `Unavailable`. After a failure the file is as before, unless the
/// failure came after the renaming: its notes then say so.
pub fn prepend_rows(path: &Path, batches: &[&RecordBatch], annotate: &dyn Fn(FileNotes) -> FileNotes) -> Result<()> {
    guarded(path, || replace_with_more(path, batches, annotate))
}

fn replace_with_more(path: &Path, batches: &[&RecordBatch], annotate: &dyn Fn(FileNotes) -> FileNotes) -> Result<()> {
    let _lock = FileLock::acquire(path, REQUEST_PATIENCE)?;
    let old = File::open(path).map_err(|source| Error::io("read", path, source))?;
    let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Optional);
    let old_metadata = ArrowReaderMetadata::load(&old, options)
        .and_then(with_readable_types)
        .map_err(|source| failed(path, source))?;
    check_writable(path, &old_metadata)?;
    if batches
        .iter()
        .any(|batch| batch.schema().fields() != old_metadata.schema().fields())
    {
        return Err(Error::new(
            ErrorKind::Unavailable,
            format!("the columns of {} changed during the push", path.display()),
        ));
    }
    let notes = annotate(notes(old_metadata.metadata()));
    feast_files::replace(path, |file| {
        rewrite(file, &old, &old_metadata, batches, notes).map_err(|source| failed(path, source))
    })
}

/// The old 96-bit timestamps can be read, but not written any more.
fn check_writable(path: &Path, metadata: &ArrowReaderMetadata) -> Result<()> {
    let mut columns = metadata.parquet_schema().columns().iter();
    match columns.find(|column| column.physical_type() == PhysicalType::INT96) {
        None => Ok(()),
        Some(column) => {
            let (path, column) = (path.display(), column.name());
            let message = format!("no rows can be appended to {path}: its column {column} has timestamps of 96 bits");
            Err(Error::invalid(message)
                .with_hint("write the file anew with timestamps of 64 bits, or make it a part of a directory"))
        }
    }
}

/// How many row groups at the front are written anew, together with the new rows: none, until enough small ones are there.
fn small_row_groups(metadata: &ParquetMetaData) -> usize {
    let mut rows = 0;
    let groups = metadata.row_groups().iter();
    let small = groups.take_while(|group| {
        rows += group.num_rows();
        group.num_rows() <= MAX_SMALL_ROWS && rows <= MAX_MERGED_ROWS
    });
    let small = small.count();
    if small >= MIN_MERGED_GROUPS { small } else { 0 }
}

fn read_row_groups(
    file: &File,
    metadata: &ArrowReaderMetadata,
    count: usize,
) -> std::result::Result<Vec<RecordBatch>, ParquetError> {
    if count == 0 {
        return Ok(Vec::new());
    }
    let file = file.try_clone()?;
    let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata.clone())
        .with_row_groups((0..count).collect())
        .build()?;
    let batches: std::result::Result<Vec<RecordBatch>, ArrowError> = reader.collect();
    Ok(batches?)
}

/// New rows first, as one row group, then the old row groups byte for byte. The schema of the file stays.
fn rewrite<W: Write + Send>(
    file: W,
    old: &File,
    old_metadata: &ArrowReaderMetadata,
    batches: &[&RecordBatch],
    notes: FileNotes,
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
        .set_key_value_metadata(in_metadata(notes))
        .build();
    let root = file_metadata.schema_descr().root_schema_ptr();
    let mut writer = SerializedFileWriter::new(file, root, Arc::new(properties))?;
    let merged = small_row_groups(metadata);
    let small = read_row_groups(old, old_metadata, merged)?;
    let first = batches.iter().copied().chain(&small);
    write_row_group(&mut writer, old_metadata.schema(), first)?;
    for index in merged..metadata.num_row_groups() {
        copy_row_group(&mut writer, old, metadata, index, indexed)?;
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

/// `indexed` says whether page indexes are copied too.
pub(super) fn copy_row_group<W: Write + Send>(
    writer: &mut SerializedFileWriter<W>,
    old: &File,
    metadata: &ParquetMetaData,
    index: usize,
    indexed: bool,
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

pub(super) fn failed(path: &Path, source: ParquetError) -> Error {
    let is_of_system = |inner: &(dyn std::error::Error + Send + Sync + 'static)| {
        let problem = inner.downcast_ref::<std::io::Error>();
        problem.is_some_and(|problem| problem.raw_os_error().is_some())
    };
    let kind = match &source {
        ParquetError::External(inner) if is_of_system(inner.as_ref()) => ErrorKind::Unavailable,
        _ => ErrorKind::Data,
    };
    Error::new(kind, format!("parquet file {}: {source}", path.display())).with_source(source)
}
