//! Files of logged features: rows are written in small files, which wait on a disk of this machine, and are put together into one when
//! they go to their destination.
//!
//! Folders are named by the bare value of a column, as Python Feast names them, but the column stays in the files: pandas and pyarrow,
//! and so Python Feast's reader, do not look into folders whose names begin with an underscore, as `__log_date=2026-01-31` does, and
//! cannot read a column that a file has and a folder names. So what a folder is called means nothing, and readers need not take it apart.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{RecordBatch, UInt64Array};
use arrow::compute::take_record_batch;
use datafusion::parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use datafusion::parquet::basic::Compression;
use datafusion::parquet::errors::ParquetError;
use datafusion::parquet::file::metadata::{KeyValue, PageIndexPolicy};
use datafusion::parquet::file::properties::{EnabledStatistics, WriterProperties};
use datafusion::parquet::file::writer::SerializedFileWriter;
use feast_model::error::{Error, Result};

use super::append::{FileNotes, copy_row_group, create_parquet_with_notes, failed, notes};
use super::append_parts::{MAX_NAME_BYTES, rows_of_each};
use super::guard::guarded;
use super::partition::{encoded, folder_values};

/// The prefix of notes that only parts have.
const NOTE_PREFIX: &str = "feast.log.";

/// Writes rows into a file `name` in each folder below `directory` that they belong in by the values of some columns, each whole or
/// not at all. `note` is read again by [`log_part_notes`]. Gives the files.
///
/// # Errors
/// `Unavailable` when one cannot be written; those before it are there. `Internal` for columns that are not there.
pub fn write_log_parts(
    directory: &Path,
    name: &str,
    partition_by: &[String],
    batch: &RecordBatch,
    note: &[(&str, &str)],
) -> Result<Vec<PathBuf>> {
    let note = note.iter();
    let note: FileNotes = note
        .map(|(key, value)| (format!("{NOTE_PREFIX}{key}"), Some((*value).to_owned())))
        .collect();
    let parts = split(partition_by, batch)?;
    let parts = parts.into_iter().map(|(folder, rows)| {
        let folder = directory.join(folder);
        feast_files::create_directories(&folder)?;
        let path = folder.join(name);
        guarded(&path, || create_parquet_with_notes(&path, &rows, note.clone()))?;
        Ok(path)
    });
    parts.collect()
}

fn split(partition_by: &[String], batch: &RecordBatch) -> Result<Vec<(PathBuf, RecordBatch)>> {
    if partition_by.is_empty() {
        return Ok(vec![(PathBuf::new(), batch.clone())]);
    }
    let mut folders = vec![PathBuf::new(); batch.num_rows()];
    for name in partition_by {
        let column = batch.column_by_name(name);
        let column = column.ok_or_else(|| Error::internal(format!("there is no column {name} to make folders by")))?;
        let values = folder_values(column)
            .map_err(|problem| Error::internal(format!("column {name} cannot name folders: {problem}")))?;
        for (folder, value) in folders.iter_mut().zip(values) {
            folder.push(folder_name(value.as_deref()));
        }
    }
    let parts = rows_of_each(folders).into_iter().map(|(folder, rows)| {
        let rows = take_record_batch(batch, &UInt64Array::from(rows))
            .map_err(|problem| Error::internal(format!("rows cannot be put into folders: {problem}")))?;
        Ok((folder, rows))
    });
    parts.collect()
}

/// Readers pass over folders whose names begin with an underscore or a point.
fn folder_name(value: Option<&str>) -> String {
    let name = match value {
        None => "null".to_owned(),
        Some("") => "empty".to_owned(),
        Some(value) => encoded(value),
    };
    let mut name = match name.as_bytes()[0] {
        first @ (b'_' | b'.') => format!("%{first:02X}{}", &name[1..]),
        _ => name,
    };
    while name.len() > MAX_NAME_BYTES {
        name.pop();
    }
    name
}

/// The note that a part was written with, in the order in which it was given.
///
/// # Errors
/// `Data` or `Unavailable` when the file cannot be read.
pub fn log_part_notes(part: &Path) -> Result<Vec<(String, String)>> {
    let (_, metadata) = open(part)?;
    let notes = notes(metadata.metadata()).into_iter();
    let notes = notes.filter_map(|(key, value)| Some((key.strip_prefix(NOTE_PREFIX)?.to_owned(), value?)));
    Ok(notes.collect())
}

/// Puts parts with the same columns together into one file, which is durable when this returns. Nothing is decoded, and one part
/// is open at a time. Gives the number of rows.
///
/// # Errors
/// `Data` when a part is damaged, `Unavailable` when one cannot be read or the file cannot be written; it is then not there.
pub fn join_log_parts(parts: &[PathBuf], target: &Path) -> Result<u64> {
    let Some(first) = parts.first() else {
        return Err(Error::internal("there are no parts to put together"));
    };
    let (_, metadata) = open(first)?;
    if let Some(directory) = target.parent() {
        feast_files::create_directories(directory)?;
    }
    let file_metadata = metadata.metadata().file_metadata();
    let mut rows = 0;
    feast_files::replace(target, |file| {
        guarded(target, || {
            let notes = file_metadata.key_value_metadata().into_iter().flatten();
            let notes: Vec<KeyValue> = notes
                .filter(|note| !note.key.starts_with(NOTE_PREFIX))
                .cloned()
                .collect();
            let properties = WriterProperties::builder()
                .set_compression(Compression::SNAPPY)
                .set_statistics_enabled(EnabledStatistics::Page)
                .set_key_value_metadata((!notes.is_empty()).then_some(notes))
                .build();
            let root = file_metadata.schema_descr().root_schema_ptr();
            let writer = SerializedFileWriter::new(file, root, Arc::new(properties));
            let mut writer = writer.map_err(|source| failed(target, source))?;
            for part in parts {
                let (file, metadata) = open(part)?;
                let metadata = metadata.metadata();
                if metadata.file_metadata().schema() != file_metadata.schema() {
                    return Err(failed(part, ParquetError::General("it has other columns".to_owned())));
                }
                let indexed = metadata.offset_index().is_some() && metadata.column_index().is_some();
                for group in 0..metadata.num_row_groups() {
                    let copied = copy_row_group(&mut writer, &file, metadata, group, indexed);
                    copied.map_err(|source| failed(target, source))?;
                    rows += metadata.row_group(group).num_rows().unsigned_abs();
                }
            }
            writer.close().map(|_| ()).map_err(|source| failed(target, source))
        })
    })?;
    Ok(rows)
}

fn open(part: &Path) -> Result<(File, ArrowReaderMetadata)> {
    let file = File::open(part).map_err(|source| Error::io("read", part, source))?;
    let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Optional);
    let metadata = guarded(part, || {
        ArrowReaderMetadata::load(&file, options).map_err(|source| failed(part, source))
    })?;
    Ok((file, metadata))
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, AsArray, Int64Array, StringArray};
    use arrow::datatypes::Int64Type;
    use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    use super::*;

    fn batch(rows: &[(i64, Option<&str>)]) -> RecordBatch {
        let numbers = Int64Array::from_iter_values(rows.iter().map(|(number, _)| *number));
        let names: StringArray = rows.iter().map(|(_, name)| *name).collect();
        let columns = [("number", Arc::new(numbers) as ArrayRef), ("name", Arc::new(names))];
        RecordBatch::try_from_iter(columns).unwrap()
    }

    fn numbers(path: &Path) -> Vec<i64> {
        let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
        let batches = reader.build().unwrap().map(Result::unwrap);
        let numbers = batches.flat_map(|batch| batch["number"].as_primitive::<Int64Type>().values().to_vec());
        numbers.collect()
    }

    #[test]
    fn parts_become_one_file_without_their_notes() {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path();
        let note = [("service", "s"), ("path", "logs")];
        let parts: Vec<PathBuf> = (0..3)
            .flat_map(|part| {
                let rows = batch(&[(2 * part, None), (2 * part + 1, Some("x"))]);
                write_log_parts(directory, &format!("{part}.parquet"), &[], &rows, &note).unwrap()
            })
            .collect();
        let notes = log_part_notes(&parts[1]).unwrap();
        assert_eq!(notes, note.map(|(key, value)| (key.to_owned(), value.to_owned())));
        let target = directory.join("logs/all.parquet");
        assert_eq!(join_log_parts(&parts, &target).unwrap(), 6);
        assert_eq!(numbers(&target), (0..6).collect::<Vec<_>>());
        assert_eq!(log_part_notes(&target).unwrap(), []);

        let other = RecordBatch::try_from_iter([("number", Arc::new(StringArray::from(vec!["1"])) as ArrayRef)]);
        let other = write_log_parts(directory, "other.parquet", &[], &other.unwrap(), &[]).unwrap();
        let unlike = [parts[0].clone(), other[0].clone()];
        let error = join_log_parts(&unlike, &directory.join("unlike.parquet")).unwrap_err();
        assert!(error.to_string().contains("other.parquet: "), "{error}");
        std::fs::write(&parts[2], "torn").unwrap();
        assert!(join_log_parts(&parts, &directory.join("torn.parquet")).is_err());
        assert!(!directory.join("unlike.parquet").exists() && !directory.join("torn.parquet").exists());
    }

    #[test]
    fn rows_go_into_folders_that_readers_look_into() {
        let directory = tempfile::tempdir().unwrap();
        let rows = batch(&[
            (1, Some("_a/b")),
            (2, None),
            (3, Some("_a/b")),
            (4, Some("")),
            (5, Some("..")),
        ]);
        let by = ["name".to_owned()];
        let parts = write_log_parts(directory.path(), "p.parquet", &by, &rows, &[]).unwrap();
        let found: Vec<(String, Vec<i64>)> = parts
            .iter()
            .map(|part| {
                let folder = part.parent().unwrap().strip_prefix(directory.path()).unwrap();
                (folder.display().to_string(), numbers(part))
            })
            .collect();
        let expected = [
            ("%5Fa%2Fb", vec![1, 3]),
            ("null", vec![2]),
            ("empty", vec![4]),
            ("%2E.", vec![5]),
        ];
        assert_eq!(found, expected.map(|(folder, numbers)| (folder.to_owned(), numbers)));
        let long = "é".repeat(200);
        assert_eq!(folder_name(Some(&long)).len(), 254);
    }
}
