//! Appends to directories: each is a new file in the folder that the values of its rows name.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use arrow::array::{RecordBatch, UInt64Array};
use arrow::compute::take_record_batch;
use arrow::error::ArrowError;
use feast_model::error::{Error, Result};

use super::append::{AppendTarget, create_parquet};
use super::marks::{Mark, part_name};
use super::partition::{PartitionValue, folder_values};

/// Files that one append may make: each is a file of its own, made durable before the append is answered.
const MAX_FOLDERS: usize = 1_024;
/// The longest name of a folder that file systems allow.
const MAX_NAME_BYTES: usize = 255;

/// Rows that belong in one folder, without the columns that its name gives them.
pub(super) struct FolderRows {
    /// Below the directory of the source.
    folder: PathBuf,
    rows: RecordBatch,
}

/// Sorts rows by the folders they belong in; their order within one stays.
pub(super) fn split_by_folder(target: &AppendTarget, batch: &RecordBatch) -> Result<Vec<FolderRows>> {
    let name = &target.source.name;
    let internal = |problem: ArrowError| Error::internal(format!("data source {name}: {problem}"));
    let columns = batch.num_columns() - target.partition_columns.len();
    let mut folders = vec![PathBuf::new(); batch.num_rows()];
    for (column, values) in target.partition_columns.iter().zip(&batch.columns()[columns..]) {
        for (row, (folder, value)) in folders
            .iter_mut()
            .zip(folder_values(values).map_err(internal)?)
            .enumerate()
        {
            let value = PartitionValue {
                column: column.clone(),
                value,
            };
            let level = value.folder();
            if level.len() > MAX_NAME_BYTES {
                let text =
                    format!("data source {name}: the value of column {column} in row {row} is too long for a folder");
                return Err(Error::invalid(text));
            }
            folder.push(level);
        }
    }
    let mut rows_of: Vec<(PathBuf, Vec<u64>)> = Vec::new();
    let mut index: HashMap<PathBuf, usize> = HashMap::new();
    for (row, folder) in folders.into_iter().enumerate() {
        let at = *index.entry(folder).or_insert_with_key(|folder| {
            rows_of.push((folder.clone(), Vec::new()));
            rows_of.len() - 1
        });
        rows_of[at].1.push(row as u64);
    }
    if rows_of.len() > MAX_FOLDERS {
        let text = format!(
            "data source {name}: the rows belong in {} folders, more than {MAX_FOLDERS}",
            rows_of.len()
        );
        return Err(Error::invalid(text).with_hint("push fewer rows at once"));
    }
    let kept: Vec<usize> = (0..columns).collect();
    let batch = batch.project(&kept).map_err(internal)?;
    let parts = rows_of.into_iter().map(|(folder, rows)| {
        let rows = take_record_batch(&batch, &UInt64Array::from(rows)).map_err(internal)?;
        Ok(FolderRows { folder, rows })
    });
    parts.collect()
}

/// Folders whose names this process has made durable in the folders above them.
#[derive(Default)]
pub(super) struct DurableFolders(Mutex<HashSet<PathBuf>>);

/// Beyond it, folders are made durable again.
const MAX_DURABLE_FOLDERS: usize = 100_000;

/// Makes a file for each folder but those that hold one already.
pub(super) fn create_parts(
    directory: &Path,
    parts: &[FolderRows],
    (mark, held): (Option<&Mark>, &HashSet<PathBuf>),
    durable: &DurableFolders,
) -> Result<()> {
    for FolderRows { folder, rows } in parts.iter().filter(|part| !held.contains(&part.folder)) {
        durable.create(directory, folder)?;
        create_part(&directory.join(folder), rows, mark)?;
    }
    Ok(())
}

impl DurableFolders {
    /// Makes the folders that are missing, each durable in the one above it. One that is there may be of somebody who has not
    /// made it durable yet.
    fn create(&self, directory: &Path, folder: &Path) -> Result<()> {
        let mut parent = directory.to_path_buf();
        for level in folder {
            let path = parent.join(level);
            match std::fs::create_dir(&path) {
                Ok(()) => {}
                Err(source) if source.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(source) => return Err(Error::io("create the directory", &path, source)),
            }
            if !self.lock().contains(&path) {
                File::open(&parent)
                    .and_then(|parent| parent.sync_all())
                    .map_err(|source| Error::io("sync", &parent, source))?;
                let mut durable = self.lock();
                if durable.len() < MAX_DURABLE_FOLDERS {
                    durable.insert(path.clone());
                }
            }
            parent = path;
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<PathBuf>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Part of a directory: later parts sort before earlier ones, as of rows equal in both times the first in file order wins.
fn create_part(directory: &Path, batch: &RecordBatch, mark: Option<&Mark>) -> Result<()> {
    let until_end_of_time = u64::MAX - u64::try_from(feast_clock::now().micros()).unwrap_or_default();
    let unique = mark.map_or_else(|| uuid::Uuid::new_v4().to_string(), part_name);
    create_parquet(
        &directory.join(format!("push-{until_end_of_time:020}-{unique}.parquet")),
        batch,
    )
}
