//! A file of logged features that is to be: its parts in the spool, and how they become one file in the destination.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use feast_files::remove_leftovers;
use feast_model::error::{Error, ErrorKind, Result, path as error_path};
use uuid::Uuid;

use super::counts::Counts;
use crate::offline::{join_log_parts, log_part_notes, write_log_parts};
use crate::online::{LogTable, ServedRows, log_batch};

/// What a part says of itself.
const SERVICE: &str = "service";
const DESTINATION: &str = "path";

/// One file, or one in each folder: the parts `DIRECTORY/FOLDER/NUMBER.parquet` become `DESTINATION/FOLDER/ID-0.parquet`.
pub(super) struct Batch {
    id: String,
    directory: PathBuf,
    /// `None` for one that was taken over.
    table: Option<Arc<LogTable>>,
    /// By the folder that they belong in, in the order of writing.
    parts: BTreeMap<PathBuf, Vec<PathBuf>>,
    next_part: usize,
}

/// Why rows are not in the spool.
#[derive(Debug)]
pub(super) enum SpoolError {
    /// It takes all that it may.
    Full,
    /// One of the values cannot be written.
    BadValue(Error),
    /// They can be written later.
    Failed(Error),
}

impl Batch {
    /// A new one, of which nothing is on disk yet.
    pub(super) fn new(spool: &Path, table: Arc<LogTable>) -> Self {
        let id = Uuid::new_v4().simple().to_string();
        Self {
            directory: spool.join(&id),
            id,
            table: Some(table),
            parts: BTreeMap::new(),
            next_part: 0,
        }
    }

    /// What a dead process has left in this directory; `None` if it is none of ours. What was not written to its end is removed.
    pub(super) fn left_in(directory: PathBuf) -> Result<Option<Self>> {
        let id = directory.file_name().map(|name| name.to_string_lossy().into_owned());
        let is_id = |name: &String| Uuid::try_parse(name).is_ok_and(|id| id.simple().to_string() == *name);
        let Some(id) = id.filter(is_id) else {
            return Ok(None);
        };
        let mut batch = Self {
            directory,
            id,
            table: None,
            parts: BTreeMap::new(),
            next_part: 0,
        };
        for part in files_below(&batch.directory)? {
            batch.add(part);
        }
        Ok(Some(batch))
    }

    /// How many parts were added.
    pub(super) fn parts(&self) -> usize {
        self.next_part
    }

    /// What the parts take on disk.
    pub(super) fn bytes(&self) -> u64 {
        self.parts.values().flatten().map(|part| length(part)).sum()
    }

    /// Whether rows of this table can be added.
    pub(super) fn is_of(&self, table: &LogTable) -> bool {
        self.table.as_deref() == Some(table)
    }

    /// Adds a part with the rows of answers. They are on disk when this returns. Gives what it takes there.
    pub(super) fn write(&mut self, table: &LogTable, answers: &[ServedRows]) -> Result<u64, SpoolError> {
        let rows = log_batch(table, answers).map_err(SpoolError::BadValue)?;
        let name = format!("{:08}.parquet", self.next_part);
        let note = [(SERVICE, table.service.as_str()), (DESTINATION, table.path.as_str())];
        match write_log_parts(&self.directory, &name, &table.partition_by, &rows, &note) {
            Ok(parts) => {
                self.next_part += 1;
                let bytes = parts.iter().map(|part| length(part)).sum();
                parts.into_iter().for_each(|part| self.add(part));
                Ok(bytes)
            }
            Err(error) => {
                // The rows are written again: none of them may be there twice.
                let written = files_below(&self.directory).unwrap_or_default();
                for part in written.iter().filter(|part| part.ends_with(&name)) {
                    let _ = std::fs::remove_file(part);
                }
                Err(SpoolError::Failed(error))
            }
        }
    }

    fn add(&mut self, part: PathBuf) {
        let folder = part
            .parent()
            .and_then(|folder| folder.strip_prefix(&self.directory).ok());
        let folder = folder.unwrap_or_else(|| Path::new("")).to_path_buf();
        self.parts.entry(folder).or_default().push(part);
    }

    /// Puts the files into the destination, each at once, and removes the parts of each when it is there. After a failure it goes on
    /// where it was. Relative destinations start at `repository`.
    ///
    /// # Errors
    /// `Data` when a part is damaged: it was set aside, and all others are there. `Unavailable` when the destination cannot be written.
    pub(super) fn hand_over(&mut self, repository: &Path, counts: &Counts) -> Result<()> {
        let mut damaged = None;
        while let Some(mut folder) = self.parts.first_entry() {
            folder.get_mut().retain(|part| match log_part_notes(part) {
                Err(error) if error.kind() == ErrorKind::Data => {
                    let told = set_aside(part, &self.directory, error, counts);
                    damaged.get_or_insert(told);
                    false
                }
                _ => true,
            });
            let Some(first) = folder.get().first() else {
                folder.remove();
                continue;
            };
            let (service, destination) = match &self.table {
                Some(table) => (table.service.clone(), table.path.clone()),
                None => written_for(first)?,
            };
            let directory = repository.join(destination).join(folder.key());
            let name = format!("{}-0.parquet", self.id);
            let file = directory.join(&name);
            let is_taken_over = self.table.is_none();
            if is_taken_over {
                remove_leftovers(&directory, |left| left == name);
            }
            let waits = |error: Error| {
                error.within(|message| format!("the log of feature service {service} waits in the spool: {message}"))
            };
            // It appears whole, with the rows of all parts, some of which may have been removed since.
            let is_there = is_taken_over && exists(&file).map_err(waits)?;
            if !is_there {
                let rows = join_log_parts(folder.get(), &file).map_err(waits)?;
                counts.handed_over(&service, rows);
            }
            let parts = folder.remove();
            counts.freed(parts.iter().map(|part| length(part)).sum());
            for part in parts {
                std::fs::remove_file(&part).map_err(|source| Error::io("remove", &part, source))?;
            }
        }
        match std::fs::remove_dir_all(&self.directory) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::io("remove", &self.directory, source))
            }
            _ => damaged.map_or(Ok(()), Err),
        }
    }
}

/// Moves a damaged part out of the directory of its file, so that it does not keep the others, and says where it is.
fn set_aside(part: &Path, directory: &Path, error: Error, counts: &Counts) -> Error {
    counts.freed(length(part));
    let number = part.file_stem().unwrap_or_default().to_string_lossy();
    let aside = directory.with_extension(format!("{number}.damaged"));
    match std::fs::rename(part, &aside) {
        Ok(()) => error.within(|message| {
            format!(
                "{message}; it is now {}, and its rows are not logged",
                error_path(&aside)
            )
        }),
        Err(source) => Error::io("move", part, source),
    }
}

fn exists(path: &Path) -> Result<bool> {
    path.try_exists().map_err(|source| Error::io("look for", path, source))
}

fn length(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |metadata| metadata.len())
}

/// The parts in a directory and in those below it, in the order of their names. Temporary files of dead processes are removed.
fn files_below(directory: &Path) -> Result<Vec<PathBuf>> {
    let failed = |source| Error::io("read", directory, source);
    remove_leftovers(directory, |_| true);
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(failed)? {
        entries.push(entry.map_err(failed)?.path());
    }
    entries.sort_unstable();
    let mut files = Vec::new();
    for path in entries {
        if path.is_dir() {
            files.extend(files_below(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "parquet") {
            files.push(path);
        }
    }
    Ok(files)
}

/// The service and the destination of a part.
fn written_for(part: &Path) -> Result<(String, String)> {
    let notes = log_part_notes(part)?;
    let note = |key: &str| {
        let mut notes = notes.iter();
        notes.find(|(known, _)| known == key).map(|(_, value)| value.clone())
    };
    note(SERVICE).zip(note(DESTINATION)).ok_or_else(|| {
        let message = format!("{} does not say where it is to go", error_path(part));
        Error::new(ErrorKind::Data, message).with_hint("move it away: no server has written it")
    })
}
