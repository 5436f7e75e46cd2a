//! The footers of a source's files: read in parallel, each once, and brought into types that every column can be read in.
//!
//! Owns what is refused in a footer. Footers are untrusted: numbers of rows are held against what was read, memory grows with rows
//! that were read, and footers are read on threads with large stacks, as types are read by functions that call themselves. Types of
//! 96-bit timestamps and categories are replaced: in nanoseconds a 96-bit year 9999 becomes another year, and the library panics
//! at categories that are not strings. Knows nothing of windows or values.

use std::io;
use std::path::Path;
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
use super::location::{FileIdentity, ListedFile, SourceFile};

/// Threads that read footers: a disk answers more than one at a time, a kernel not many more than these.
const MAX_READERS: usize = 8;

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

/// The schema of a file; nothing else of its footer is kept.
///
/// # Errors
/// As [`open`].
pub(super) fn read_schema(source: &str, file: &ListedFile) -> Result<(FileIdentity, Arc<Schema>)> {
    let (file, footer) = open(source, file)?;
    Ok((file.identity(), Arc::clone(footer.schema())))
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
        let message = "no thread can be started to read the footers of files";
        return Err(Error::new(ErrorKind::Unavailable, message).with_hint("raise the limit on threads of the process"));
    }
    done.into_iter().map(|(_, outcome)| outcome).collect()
}

/// Opens a file and reads its footer.
///
/// # Errors
/// `NotFound` when it is missing, `Data` when it is not parquet, `Unavailable` when it cannot be read now.
pub(super) fn open(source: &str, listed: &ListedFile) -> Result<(SourceFile, ArrowReaderMetadata)> {
    let path = &listed.path;
    let file = SourceFile::open(source, listed)?;
    let footer = on_large_stack(footer_length(&file), || {
        guarded(path, || {
            let footer = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()).and_then(with_readable_types);
            let footer = footer.map_err(|problem| unreadable(source, path, problem))?;
            check_footer(source, path, &footer)?;
            Ok(footer)
        })
    })?;
    Ok((file, footer))
}

/// The bytes of the footer, as the file says; 0 where it does not say.
fn footer_length(file: &SourceFile) -> usize {
    let start = file.len().checked_sub(8);
    let bytes = start.and_then(|start| file.get_bytes(start, 4).ok());
    let bytes = bytes.and_then(|bytes| <[u8; 4]>::try_from(bytes.as_ref()).ok());
    bytes.map_or(0, |bytes| u32::from_le_bytes(bytes) as usize)
}

/// The footer as it is in the file, of a file that was opened with [`open`].
///
/// # Errors
/// `Unavailable` when it cannot be read now.
pub(super) fn footer_bytes(source: &str, path: &Path, file: &SourceFile) -> Result<Bytes> {
    let length = footer_length(file);
    let start = file.len().saturating_sub(8 + length as u64);
    let bytes = file.get_bytes(start, length);
    bytes.map_err(|problem| unreadable(source, path, problem))
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
            let message = format!("no thread can be started to read the footer of a file: {problem}");
            Error::new(ErrorKind::Unavailable, message)
        })?;
        thread
            .join()
            .unwrap_or_else(|_| Err(Error::internal("a thread that reads a footer ended early")))
    })
}

/// Refuses what no writer writes, before numbers of a footer are used and types are walked through.
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

/// A file that cannot be read just now is not a damaged one.
pub(super) fn unreadable(source: &str, path: &Path, problem: ParquetError) -> Error {
    let problem = match problem {
        ParquetError::External(inner) => match inner.downcast::<io::Error>() {
            Ok(problem) => return Error::io("read", path, *problem),
            Err(inner) => ParquetError::External(inner),
        },
        other => other,
    };
    let message = format!(
        "data source {source}: {} is not readable as parquet: {problem}",
        path.display()
    );
    Error::data(message).with_source(problem)
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
