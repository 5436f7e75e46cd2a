//! Parts of a directory: an append is a new file in each folder that the values of its rows name.
//!
//! What the names of parts say beside their order is up to the caller. Rows at the front of one file are in `append`.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use arrow::array::{RecordBatch, UInt64Array};
use arrow::compute::take_record_batch;
use arrow::error::ArrowError;
use feast_model::error::{Error, Result};
use parking_lot::Mutex;

use super::append::create_parquet;
use super::guard::guarded;
use super::partition::{PartitionValue, folder_values};

/// Files that one append may make: each is a file of its own, made durable before the append is answered.
const MAX_FOLDERS: usize = 1_024;
/// The longest name of a folder that file systems allow.
pub(super) const MAX_NAME_BYTES: usize = 255;

/// Rows that belong in one folder, without the columns that its name gives them.
pub struct FolderRows {
    /// Below the directory of the source.
    folder: PathBuf,
    rows: RecordBatch,
}

/// Sorts rows by the folders they belong in; their order within one stays. The partition columns are the last ones.
///
/// # Errors
/// `Invalid`, naming column and row, when a value cannot name a folder, or there are too many folders.
pub fn split_by_folder(source: &str, partition_columns: &[String], batch: &RecordBatch) -> Result<Vec<FolderRows>> {
    let internal = |problem: ArrowError| Error::internal(format!("data source {source}: {problem}"));
    let columns = batch.num_columns() - partition_columns.len();
    let mut folders = vec![PathBuf::new(); batch.num_rows()];
    for (column, values) in partition_columns.iter().zip(&batch.columns()[columns..]) {
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
                let message =
                    format!("data source {source}: the value of column {column} in row {row} is too long for a folder");
                return Err(Error::invalid(message));
            }
            folder.push(level);
        }
    }
    let rows_of = rows_of_each(folders);
    if rows_of.len() > MAX_FOLDERS {
        let message = format!(
            "data source {source}: the rows belong in {} folders, more than {MAX_FOLDERS}",
            rows_of.len()
        );
        return Err(Error::invalid(message).with_hint("push fewer rows at once"));
    }
    let kept: Vec<usize> = (0..columns).collect();
    let batch = batch.project(&kept).map_err(internal)?;
    let parts = rows_of.into_iter().map(|(folder, rows)| {
        let rows = take_record_batch(&batch, &UInt64Array::from(rows)).map_err(internal)?;
        Ok(FolderRows { folder, rows })
    });
    parts.collect()
}

/// The folders of all rows, each once, in the order in which they come, with the numbers of its rows.
pub(super) fn rows_of_each(folders: Vec<PathBuf>) -> Vec<(PathBuf, Vec<u64>)> {
    let mut rows_of: Vec<(PathBuf, Vec<u64>)> = Vec::new();
    let mut index: HashMap<PathBuf, usize> = HashMap::new();
    for (row, folder) in folders.into_iter().enumerate() {
        let at = *index.entry(folder).or_insert_with_key(|folder| {
            rows_of.push((folder.clone(), Vec::new()));
            rows_of.len() - 1
        });
        rows_of[at].1.push(row as u64);
    }
    rows_of
}

/// Folders whose names this process has made durable in the folders above them.
#[derive(Default)]
pub struct DurableFolders(Mutex<HashSet<PathBuf>>);

/// Beyond it, folders are made durable again.
const MAX_DURABLE_FOLDERS: usize = 100_000;

impl DurableFolders {
    /// Makes a part of each folder's rows, except in the folders `present`. They are durable when this returns. Their names end
    /// with `ending`.
    ///
    /// # Errors
    /// `Data` or `Unavailable` when one cannot be written; those before it are there.
    pub fn add_parts(
        &self,
        directory: &Path,
        parts: &[FolderRows],
        ending: &str,
        present: &HashSet<PathBuf>,
    ) -> Result<()> {
        guarded(directory, || {
            for FolderRows { folder, rows } in parts.iter().filter(|part| !present.contains(&part.folder)) {
                self.create(directory, folder)?;
                create_part(&directory.join(folder), rows, ending)?;
            }
            Ok(())
        })
    }

    /// Makes the folders that are missing, each durable in the one above it. One that is there may be of another push that has
    /// not made it durable yet.
    fn create(&self, directory: &Path, folder: &Path) -> Result<()> {
        let mut parent = directory.to_path_buf();
        for level in folder {
            let path = parent.join(level);
            match std::fs::create_dir(&path) {
                Ok(()) => {}
                Err(source) if source.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(source) => return Err(Error::io("create the directory", &path, source)),
            }
            if !self.0.lock().contains(&path) {
                File::open(&parent)
                    .and_then(|parent| parent.sync_all())
                    .map_err(|source| Error::io("sync", &parent, source))?;
                let mut durable = self.0.lock();
                if durable.len() < MAX_DURABLE_FOLDERS {
                    durable.insert(path.clone());
                }
            }
            parent = path;
        }
        Ok(())
    }
}

/// Part of a directory: later parts sort before earlier ones, as of rows equal in both times the first in file order wins.
fn create_part(directory: &Path, batch: &RecordBatch, ending: &str) -> Result<()> {
    let until_end_of_time = u64::MAX - u64::try_from(feast_clock::now().micros()).unwrap_or_default();
    let name = format!("push-{until_end_of_time:020}-{ending}.parquet");
    create_parquet(&directory.join(name), batch)
}

/// Calls `visit` with the name of each file in a directory and in its folders that name a column, also through links, and with the
/// folder below the directory that it is in.
///
/// # Errors
/// `Unavailable` or `NotFound` when a folder cannot be read.
pub fn visit_parts(directory: &Path, visit: &mut dyn FnMut(&Path, &str)) -> Result<()> {
    visit_folder(directory, Path::new(""), &mut HashSet::new(), visit)
}

fn visit_folder(
    directory: &Path,
    folder: &Path,
    seen: &mut HashSet<(u64, u64)>,
    visit: &mut dyn FnMut(&Path, &str),
) -> Result<()> {
    let path = directory.join(folder);
    let failed = |source| Error::io("read", &path, source);
    let metadata = std::fs::metadata(&path).map_err(failed)?;
    if !seen.insert((metadata.dev(), metadata.ino())) {
        return Ok(());
    }
    for entry in std::fs::read_dir(&path).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name();
        let kind = entry.file_type().map_err(failed)?;
        if kind.is_dir() || kind.is_symlink() && entry.path().is_dir() {
            if PartitionValue::parse(&name.to_string_lossy()).is_some() {
                visit_folder(directory, &folder.join(&name), seen, visit)?;
            }
        } else if let Some(name) = name.to_str() {
            visit(folder, name);
        }
    }
    Ok(())
}
