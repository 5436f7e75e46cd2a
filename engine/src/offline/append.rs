//! Appends to parquet sources: the old row groups are copied as bytes, the file is replaced as a whole.
//!
//! A file says which numbered appends of a writer it holds, so that one that was cut off is done once. Appends to directories are
//! in `append_parts`.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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
use datafusion::parquet::file::metadata::{PageIndexPolicy, ParquetMetaData};
use datafusion::parquet::file::properties::{EnabledStatistics, WriterProperties};
use datafusion::parquet::file::writer::SerializedFileWriter;
use feast_files::FileLock;
use feast_model::error::{Error, ErrorKind, Result};

use super::append_parts::{DurableFolders, create_parts, split_by_folder};
use super::footer::with_readable_types;
use super::guard::guarded;
use super::location::SourceLayout;
use super::marks::{AppendsHeld, Mark, with_marks};
use super::source::ParquetSource;

/// Row groups of at most so many rows are small; each push adds one.
const SMALL_ROWS: i64 = 10_000;
/// Most rows that are written anew for it.
const MOST_MERGED_ROWS: i64 = 100_000;
/// So many small row groups at the front of a file are made one, or the next push would copy ever more of them.
const MOST_SMALL_GROUPS: usize = 32;
/// Appends rows to parquet sources. Appends to one file that come together are written together.
#[derive(Default)]
pub(crate) struct Appender {
    files: Mutex<HashMap<PathBuf, Arc<FileQueue>>>,
    folders: DurableFolders,
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
    marks: Vec<Mark>,
    outcome: Mutex<Option<std::result::Result<(), (ErrorKind, String)>>>,
}

/// Makes appends known to whoever would do them after a crash.
pub(crate) trait AppendLog {
    /// Logs one append. Gives the marks by which the source says that it holds it; none for one that need not be done again.
    ///
    /// # Errors
    /// When it cannot be logged; nothing is appended then.
    fn log(&self) -> Result<Vec<Mark>>;
    /// Makes all that has been logged durable.
    ///
    /// # Errors
    /// When the log cannot be written; nothing is appended then.
    fn sync(&self) -> Result<()>;
    /// Whether the append was begun before, so that some of it may be in the source.
    fn is_repeated(&self) -> bool;
    /// Takes an append that has failed out of the log.
    ///
    /// # Errors
    /// When the log cannot be written; the append is then done at the next start.
    fn forget(&self, mark: &Mark) -> Result<()>;
}

/// Makes logged appends durable, does them, and takes them out of the log if they have failed.
fn logged(path: &Path, log: &dyn AppendLog, marks: &[Mark], append: impl FnOnce() -> Result<()>) -> Result<()> {
    if marks.is_empty() {
        return append();
    }
    let outcome = log.sync().and_then(|()| append());
    if outcome.is_err() {
        // A failure after the renaming leaves them in the source: then they stay in the log, to be done wholly.
        let held = AppendsHeld::of(path);
        for mark in marks {
            if held.as_ref().is_ok_and(|held| !held.contains(mark)) {
                // The caller is told of the failure itself.
                let _ = log.forget(mark);
            }
        }
    }
    outcome
}

/// Where rows are appended, and the columns that they have.
#[derive(Debug, Clone)]
pub(crate) struct AppendTarget {
    pub(crate) source: ParquetSource,
    pub(crate) schema: SchemaRef,
    /// The last columns of the schema, which folders name.
    pub(crate) partition_columns: Vec<String>,
}

impl AppendTarget {
    /// Makes sure that rows have a place, before anything is logged or written.
    ///
    /// # Errors
    /// `Invalid`, naming column and row, when the values of a row are not those of a folder, or there are too many folders.
    pub(crate) fn check(&self, rows: &RecordBatch) -> Result<()> {
        if self.partition_columns.is_empty() {
            return Ok(());
        }
        split_by_folder(self, rows).map(|_| ())
    }
}

impl Appender {
    /// Appends rows, whose schema is that of the target. They are durable when this returns. The append is in the log
    /// before the source is touched, and the source says that it holds it. Gives its marks.
    ///
    /// A source that is one file stays one file with the new rows first; in a directory a new file is made for each folder that
    /// the rows belong in. Files that hold one of the marks already are not made again.
    ///
    /// # Errors
    /// `Invalid` for a source that cannot be appended to, `Data` or `Unavailable`; the source is then as before, and the append is
    /// not in the log any more.
    pub(crate) fn append(&self, target: &AppendTarget, batch: RecordBatch, log: &dyn AppendLog) -> Result<Vec<Mark>> {
        let source = &target.source;
        match source.layout() {
            SourceLayout::Pattern => Err(pattern_is_read_only(source)),
            SourceLayout::Directory => {
                let parts = split_by_folder(target, &batch)?;
                let marks = log.log()?;
                let held = match log.is_repeated() {
                    true => AppendsHeld::of(source.path())?.folders(&marks),
                    false => HashSet::new(),
                };
                logged(source.path(), log, &marks, || {
                    guarded(source.path(), || {
                        create_parts(source.path(), &parts, (marks.first(), &held), &self.folders)
                    })
                })?;
                Ok(marks)
            }
            SourceLayout::File => {
                // Through links too, a file has one queue.
                let path = std::fs::canonicalize(source.path()).unwrap_or_else(|_| source.path().to_path_buf());
                let queue = Arc::clone(lock(&self.files).entry(path).or_default());
                let append = Arc::new(Append {
                    batch,
                    marks: log.log()?,
                    outcome: Mutex::default(),
                });
                lock(&queue.waiting).push(Arc::clone(&append));
                self.append_waiting(source, &queue, &append, log)?;
                Ok(append.marks.clone())
            }
        }
    }

    /// Appends all that wait, unless another caller has appended this one already.
    fn append_waiting(
        &self,
        source: &ParquetSource,
        queue: &FileQueue,
        append: &Append,
        log: &dyn AppendLog,
    ) -> Result<()> {
        let _writer = lock(&queue.writer);
        if lock(&append.outcome).is_none() {
            let group = std::mem::take(&mut *lock(&queue.waiting));
            let marks: Vec<Mark> = group.iter().flat_map(|append| append.marks.iter().cloned()).collect();
            // Of rows equal in both times the first in file order wins, which is to be the later arrival.
            let batches = || group.iter().rev().map(|append| &append.batch);
            let outcome = logged(source.path(), log, &marks, || {
                guarded(source.path(), || append_to_file(source.path(), batches(), &marks))
            });
            let outcome = outcome.map_err(|error| (error.kind(), error.to_string()));
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

/// A pattern does not say where a new file belongs.
pub(crate) fn pattern_is_read_only(source: &ParquetSource) -> Error {
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
    feast_files::replace(path, |file| {
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        let write = || {
            let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties))?;
            writer.write(batch)?;
            writer.close().map(|_| ())
        };
        write().map_err(|source| failed(path, source))
    })
}

fn append_to_file<'a>(
    path: &Path,
    batches: impl Iterator<Item = &'a RecordBatch> + Clone,
    marks: &[Mark],
) -> Result<()> {
    let _lock = FileLock::acquire(path)?;
    let old = File::open(path).map_err(|source| Error::io("read", path, source))?;
    let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Optional);
    let old_metadata = ArrowReaderMetadata::load(&old, options)
        .and_then(with_readable_types)
        .map_err(|source| failed(path, source))?;
    check_writable(path, &old_metadata)?;
    if batches
        .clone()
        .any(|batch| batch.schema().fields() != old_metadata.schema().fields())
    {
        return Err(Error::new(
            ErrorKind::Unavailable,
            format!("the columns of {} changed during the push", path.display()),
        ));
    }
    feast_files::replace(path, |file| {
        rewrite(file, &old, &old_metadata, (batches.clone(), marks)).map_err(|source| failed(path, source))
    })
}

/// The old 96-bit timestamps can be read, but not written any more.
fn check_writable(path: &Path, metadata: &ArrowReaderMetadata) -> Result<()> {
    let mut columns = metadata.parquet_schema().columns().iter();
    match columns.find(|column| column.physical_type() == PhysicalType::INT96) {
        None => Ok(()),
        Some(column) => {
            let (path, column) = (path.display(), column.name());
            let text = format!("no rows can be appended to {path}: its column {column} has timestamps of 96 bits");
            Err(Error::invalid(text)
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
        group.num_rows() <= SMALL_ROWS && rows <= MOST_MERGED_ROWS
    });
    let small = small.count();
    if small >= MOST_SMALL_GROUPS { small } else { 0 }
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

/// New rows first, as one row group, then the old row groups byte for byte. Schema and metadata of the file stay.
fn rewrite<'a, W: Write + Send>(
    file: W,
    old: &File,
    old_metadata: &ArrowReaderMetadata,
    (batches, marks): (impl Iterator<Item = &'a RecordBatch>, &[Mark]),
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
        .set_key_value_metadata(with_marks(metadata, marks))
        .build();
    let root = file_metadata.schema_descr().root_schema_ptr();
    let mut writer = SerializedFileWriter::new(file, root, Arc::new(properties))?;
    let merged = small_row_groups(metadata);
    let small = read_row_groups(old, old_metadata, merged)?;
    let mut first: Vec<&RecordBatch> = batches.collect();
    first.extend(&small);
    write_row_group(&mut writer, old_metadata.schema(), first.into_iter())?;
    for index in merged..metadata.num_row_groups() {
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

/// The integers of a column, in file order.
#[cfg(test)]
pub(crate) fn read_integers(path: &Path, column: &str) -> Vec<i64> {
    use arrow::array::AsArray;
    use arrow::datatypes::Int64Type;
    let file = File::open(path).unwrap();
    let batches = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
    let values = batches.flat_map(|batch| {
        let batch = batch.unwrap();
        batch
            .column_by_name(column)
            .unwrap()
            .as_primitive::<Int64Type>()
            .values()
            .to_vec()
    });
    values.collect()
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

/// The locks guard plain values that every holder leaves whole, so a panicked holder does not matter.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
