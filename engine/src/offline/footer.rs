//! The footers of a source's files: read in parallel, each once, and brought into types that every column can be read in.
//!
//! Owns how a file is opened and known again. Knows nothing of windows or values.

use std::fs::File;
use std::io::{self, BufReader};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::datatypes::{DataType, Field, FieldRef, Schema, TimeUnit};
use bytes::Bytes;
use datafusion::parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use datafusion::parquet::basic::Type as PhysicalType;
use datafusion::parquet::errors::ParquetError;
use datafusion::parquet::file::metadata::ColumnChunkMetaData;
use datafusion::parquet::file::reader::{ChunkReader, Length};
use datafusion::parquet::schema::types::ColumnDescPtr;
use feast_model::error::{Error, ErrorKind, Result};

use super::guard::guarded;
use super::listing::ListedFile;
use super::partition::PartitionValue;

/// Threads that read footers: a disk answers more than one at a time, a kernel not many more than these.
const MAX_READERS: usize = 8;
/// Files whose handle is kept between the passes over a source. A process may have some thousand files open, or only 256.
const MAX_OPEN_FILES: usize = 64;

/// Types are read by functions that call themselves, of the library and of this crate. A level takes at least 7 bytes of the
/// footer and less than 1 KiB of stack as long as there are few, so a footer of this size is read on any thread.
const MAX_LENGTH_HERE: usize = 12 << 10;
/// Stacks of this size are kept by the C library for the next thread.
const MIN_STACK_BYTES: usize = 32 << 20;
const STACK_BYTES_PER_BYTE: usize = 1_000;
const MAX_STACK_BYTES: usize = 1 << 30;
/// Deeper columns are not data.
const MAX_DEPTH: usize = 100;
/// Rows of a row group. Their positions have room for more.
const MAX_ROWS: i64 = 1 << 40;

/// One file of a source: where it is, and what its footer says.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) path: PathBuf,
    pub(super) partition: Vec<PartitionValue>,
    pub(super) footer: ArrowReaderMetadata,
    identity: FileIdentity,
    /// The file may be replaced while it is being read; its handle goes on with the old state.
    open: Option<PartFile>,
}

/// By what a file is known again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileIdentity {
    device: u64,
    inode: u64,
    length: u64,
    modified: (i64, i64),
}

impl FileIdentity {
    pub(super) fn of(metadata: &std::fs::Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            length: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }
}

impl Part {
    /// The file, for one more reader.
    ///
    /// # Errors
    /// `Unavailable` when the file has been replaced or removed since its footer was read.
    pub(super) fn file(&self) -> Result<PartFile> {
        let file = match &self.open {
            Some(file) => file.clone(),
            None => {
                let file = File::open(&self.path).map_err(|source| match source.kind() {
                    io::ErrorKind::NotFound => self.changed(),
                    _ => Error::io("read", &self.path, source),
                })?;
                PartFile::new(file, self.identity.length)
            }
        };
        self.check_unchanged(&file)?;
        Ok(file)
    }

    /// Makes sure that what was read through a handle is of the state that the footer describes: programs like pandas write into
    /// the file that is there.
    ///
    /// # Errors
    /// `Unavailable` when the file is another one now.
    pub(super) fn check_unchanged(&self, file: &PartFile) -> Result<()> {
        let metadata = file
            .file
            .metadata()
            .map_err(|source| Error::io("read", &self.path, source))?;
        if FileIdentity::of(&metadata) == self.identity {
            Ok(())
        } else {
            Err(self.changed())
        }
    }

    fn changed(&self) -> Error {
        changed(&self.path)
    }

    /// The value that the file's folders give for a column.
    pub(super) fn partition_value(&self, column: &str) -> Option<&PartitionValue> {
        // The innermost folder counts.
        self.partition.iter().rev().find(|value| value.column == column)
    }
}

fn changed(path: &Path) -> Error {
    let text = format!(
        "{} was changed, replaced or removed while it was being read",
        path.display()
    );
    Error::new(ErrorKind::Unavailable, text).with_hint("run it again")
}

/// A file that many threads may read at once: each read says where, so none moves the place of another.
#[derive(Debug, Clone)]
pub(super) struct PartFile {
    file: Arc<File>,
    length: u64,
}

impl PartFile {
    fn new(file: File, length: u64) -> Self {
        Self {
            file: Arc::new(file),
            length,
        }
    }
}

impl Length for PartFile {
    fn len(&self) -> u64 {
        self.length
    }
}

impl ChunkReader for PartFile {
    type T = BufReader<ReadFrom>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        Ok(BufReader::new(ReadFrom {
            file: Arc::clone(&self.file),
            offset: start,
        }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        // A damaged footer may name any length.
        if start.checked_add(length as u64).is_none_or(|end| end > self.length) {
            return Err(ParquetError::EOF(format!(
                "{length} bytes at {start} of a file of {} bytes",
                self.length
            )));
        }
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, start)?;
        Ok(bytes.into())
    }
}

/// Reads a file from some place on.
#[derive(Debug)]
pub(super) struct ReadFrom {
    file: Arc<File>,
    offset: u64,
}

impl io::Read for ReadFrom {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(bytes, self.offset)?;
        self.offset += count as u64;
        Ok(count)
    }
}

/// Reads the footers of files, in their order.
///
/// # Errors
/// The first in the order of files: `NotFound` when it is missing, `Data` when it is not parquet, `Unavailable` when it cannot be
/// read now.
pub(super) fn read_parts(source: &str, files: Vec<ListedFile>) -> Result<Vec<Part>> {
    in_parallel(files, |index, file| read_part(source, file, index < MAX_OPEN_FILES))
}

/// The schema of a file; nothing else of its footer is kept.
///
/// # Errors
/// As [`read_parts`].
pub(super) fn read_schema(source: &str, file: &ListedFile) -> Result<(FileIdentity, Arc<Schema>)> {
    let (identity, footer, _) = open_footer(source, file)?;
    Ok((identity, Arc::clone(footer.schema())))
}

/// Does `work` for each item on a few threads.
pub(super) fn in_parallel<I: Send + Sync, T: Send>(
    items: Vec<I>,
    work: impl Fn(usize, &I) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let threads = MAX_READERS.min(items.len().div_ceil(16));
    if threads < 2 {
        let outcomes = items.iter().enumerate().map(|(index, item)| work(index, item));
        return outcomes.collect();
    }
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(index) else { return done };
            let outcome = work(index, item);
            if outcome.is_err() {
                // The others need not begin what will not be used; what was begun before is earlier in the order.
                next.store(items.len(), Ordering::Relaxed);
            }
            done.push((index, outcome));
        }
    };
    let mut done: Vec<(usize, Result<T>)> = std::thread::scope(|scope| {
        let started: Vec<_> = (0..threads)
            .map_while(|_| std::thread::Builder::new().spawn_scoped(scope, worker).ok())
            .collect();
        // A panic of the library is caught where it is called.
        let done = started.into_iter().flat_map(|thread| thread.join().unwrap_or_default());
        done.collect()
    });
    done.sort_by_key(|(index, _)| *index);
    if done.len() < items.len() && done.iter().all(|(_, outcome)| outcome.is_ok()) {
        let text = "no thread can be started to read the footers of files";
        return Err(Error::new(ErrorKind::Unavailable, text).with_hint("raise the limit on threads of the process"));
    }
    done.into_iter().map(|(_, outcome)| outcome).collect()
}

fn read_part(source: &str, file: &ListedFile, keep_open: bool) -> Result<Part> {
    let (identity, footer, handle) = open_footer(source, file)?;
    Ok(Part {
        path: file.path.clone(),
        partition: file.partition.clone(),
        footer,
        identity,
        open: keep_open.then(|| PartFile::new(handle, identity.length)),
    })
}

fn open_footer(source: &str, listed: &ListedFile) -> Result<(FileIdentity, ArrowReaderMetadata, File)> {
    let path = &listed.path;
    let missing = |problem: io::Error| match (problem.kind(), listed.identity) {
        (io::ErrorKind::NotFound, Some(_)) => changed(path),
        _ => missing_or(source, path, problem),
    };
    // Before it is opened: a pipe would be waited for.
    let metadata = std::fs::metadata(path).map_err(missing)?;
    if !metadata.is_file() {
        return Err(Error::data(format!(
            "data source {source}: {} is not a file",
            path.display()
        )));
    }
    let file = File::open(path).map_err(missing)?;
    let metadata = file.metadata().map_err(|problem| Error::io("read", path, problem))?;
    let footer = on_large_stack(footer_length(&file, metadata.len()), || {
        guarded(path, || {
            let footer = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()).and_then(with_readable_types);
            let footer = footer.map_err(|problem| unreadable(source, path, problem))?;
            check_footer(source, path, &footer)?;
            Ok(footer)
        })
    })?;
    Ok((FileIdentity::of(&metadata), footer, file))
}

/// The bytes of the footer, as the file says; 0 where it does not say.
fn footer_length(file: &File, length: u64) -> usize {
    let mut tail = [0; 4];
    let read = length.checked_sub(8).map(|start| file.read_exact_at(&mut tail, start));
    match read {
        Some(Ok(())) => u32::from_le_bytes(tail) as usize,
        _ => 0,
    }
}

/// Reads a footer of so many bytes where the stack suffices for types as deep as it can describe: here, or on a thread of its own,
/// which costs a push some 50 us.
fn on_large_stack<T: Send>(footer_length: usize, read: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    if footer_length <= MAX_LENGTH_HERE {
        return read();
    }
    let stack_bytes = MIN_STACK_BYTES.max(footer_length.saturating_mul(STACK_BYTES_PER_BYTE).min(MAX_STACK_BYTES));
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .stack_size(stack_bytes)
            .spawn_scoped(scope, read);
        let thread = thread.map_err(|problem| {
            let text = format!("no thread can be started to read the footer of a file: {problem}");
            Error::new(ErrorKind::Unavailable, text)
        })?;
        thread
            .join()
            .unwrap_or_else(|_| Err(Error::internal("a thread that reads a footer ended early")))
    })
}

/// Refuses what no writer writes, before numbers of a footer are believed and types are walked through.
fn check_footer(source: &str, path: &Path, footer: &ArrowReaderMetadata) -> Result<()> {
    let refused = |what: &str| {
        Err(Error::data(format!(
            "data source {source}: the footer of {} {what}",
            path.display()
        )))
    };
    let schema = footer.parquet_schema();
    if schema
        .columns()
        .iter()
        .any(|column| column.path().parts().len() > MAX_DEPTH)
    {
        return refused(&format!("has columns nested more than {MAX_DEPTH} deep"));
    }
    for group in footer.metadata().row_groups() {
        let mut columns = schema.columns().iter().zip(group.columns());
        let differs = |(column, chunk): (&ColumnDescPtr, &ColumnChunkMetaData)| {
            column.max_rep_level() == 0 && chunk.num_values() != group.num_rows()
        };
        if !(0..MAX_ROWS).contains(&group.num_rows()) || columns.any(differs) {
            return refused("gives its columns different numbers of rows");
        }
    }
    Ok(())
}

fn missing_or(source: &str, path: &Path, problem: io::Error) -> Error {
    if problem.kind() != io::ErrorKind::NotFound {
        return Error::io("read", path, problem);
    }
    let text = format!("data source {source}: there is no parquet file {}", path.display());
    Error::new(ErrorKind::NotFound, text)
        .with_hint("put the file there, or correct the path of the source in the definitions and run: feast apply")
}

/// A file that cannot be read just now is not a damaged one.
pub(super) fn unreadable(source: &str, path: &Path, problem: ParquetError) -> Error {
    let problem = match problem {
        ParquetError::External(inner) => match inner.downcast::<io::Error>() {
            Ok(problem) => return Error::io("read", path, *problem),
            Err(inner) => ParquetError::External(inner),
        },
        other => other,
    };
    let text = format!(
        "data source {source}: {} is not readable as parquet: {problem}",
        path.display()
    );
    Error::data(text).with_source(problem)
}

/// The same footer with types in which the library can read every column without loss:
///
/// - Dictionaries as their values: the library reads only dictionaries of strings and bytes, and panics at others.
/// - The old 96-bit timestamps in microseconds: in nanoseconds a year like 9999 silently becomes another one.
pub(super) fn with_readable_types(footer: ArrowReaderMetadata) -> Result<ArrowReaderMetadata, ParquetError> {
    let columns = footer.parquet_schema().columns().iter();
    let mut leaves = columns.map(|column| column.physical_type());
    let fields: Vec<FieldRef> = footer
        .schema()
        .fields()
        .iter()
        .map(|field| readable_field(field, &mut leaves))
        .collect();
    if *fields == **footer.schema().fields() {
        return Ok(footer);
    }
    let schema = Schema::new_with_metadata(fields, footer.schema().metadata().clone());
    let metadata = Arc::clone(footer.metadata());
    let hinted = ArrowReaderOptions::new().with_schema(Arc::new(schema));
    ArrowReaderMetadata::try_new(Arc::clone(&metadata), hinted)
        // Without the types that the writer had in mind, all values can still be read.
        .or_else(|_| ArrowReaderMetadata::try_new(metadata, ArrowReaderOptions::new().with_skip_arrow_metadata(true)))
}

fn readable_field(field: &FieldRef, leaves: &mut impl Iterator<Item = PhysicalType>) -> FieldRef {
    let data_type = readable_type(field.data_type(), leaves);
    if data_type == *field.data_type() {
        return Arc::clone(field);
    }
    let new = Field::new(field.name(), data_type, field.is_nullable());
    Arc::new(new.with_metadata(field.metadata().clone()))
}

/// Takes from `leaves` the physical types of the columns that the type consists of, which lie in the same order.
fn readable_type(data_type: &DataType, leaves: &mut impl Iterator<Item = PhysicalType>) -> DataType {
    use DataType as T;
    match data_type {
        T::Dictionary(_, values) => readable_type(values, leaves),
        T::List(item) => T::List(readable_field(item, leaves)),
        T::LargeList(item) => T::LargeList(readable_field(item, leaves)),
        T::ListView(item) => T::ListView(readable_field(item, leaves)),
        T::LargeListView(item) => T::LargeListView(readable_field(item, leaves)),
        T::FixedSizeList(item, size) => T::FixedSizeList(readable_field(item, leaves), *size),
        T::Map(entries, sorted) => T::Map(readable_field(entries, leaves), *sorted),
        T::Struct(fields) => T::Struct(fields.iter().map(|field| readable_field(field, leaves)).collect()),
        leaf => match (leaf, leaves.next()) {
            (T::Timestamp(TimeUnit::Nanosecond, zone), Some(PhysicalType::INT96)) => {
                T::Timestamp(TimeUnit::Microsecond, zone.clone())
            }
            _ => leaf.clone(),
        },
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Int64Array, RecordBatch};

    use super::*;
    use crate::offline::create_parquet;

    fn rows(count: i64) -> RecordBatch {
        let values = Arc::new(Int64Array::from_iter_values(0..count));
        RecordBatch::try_from_iter([("value", values as _)]).unwrap()
    }

    fn part(path: &Path) -> Part {
        let listed = ListedFile {
            path: path.to_path_buf(),
            identity: None,
            partition: Vec::new(),
        };
        read_parts("s", vec![listed]).unwrap().remove(0)
    }

    #[test]
    fn a_file_that_is_replaced_is_read_to_its_end_and_one_that_is_written_into_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.parquet");
        create_parquet(&path, &rows(5)).unwrap();
        let replaced = part(&path);
        create_parquet(&path, &rows(6)).unwrap();
        assert!(replaced.file().is_ok());

        let written_into = part(&path);
        let other = directory.path().join("b.parquet");
        create_parquet(&other, &rows(7)).unwrap();
        std::fs::write(&path, std::fs::read(&other).unwrap()).unwrap();
        let changed = written_into.file().unwrap_err();
        assert_eq!(changed.kind(), ErrorKind::Unavailable);
    }

    #[test]
    fn what_is_not_a_file_is_not_waited_for() {
        let directory = tempfile::tempdir().unwrap();
        let listed = ListedFile {
            path: directory.path().to_path_buf(),
            identity: None,
            partition: Vec::new(),
        };
        let refusal = read_parts("s", vec![listed]).unwrap_err();
        assert!(refusal.to_string().ends_with("is not a file"), "{refusal}");
    }
}
