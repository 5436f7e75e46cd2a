//! A file source as the offline store sees it: where its parquet lies and which columns it has.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs::File;
use std::path::{Path, PathBuf};

use arrow::datatypes::{DataType, SchemaRef};
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::guard::guarded;
use crate::durable_file::{Lease, remove_leftovers};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{DataSource, FileFormat, SourceKind};

/// The parquet behind a file source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ParquetSource {
    /// One file, or a directory of files.
    pub(crate) path: PathBuf,
    /// Name of the source, for messages.
    pub(crate) name: String,
}

/// See [`ParquetSource::snapshot`].
pub(crate) struct Snapshot {
    files: Vec<SnapshotFile>,
    /// Let go of after the files.
    _lease: Option<Lease>,
}

struct SnapshotFile {
    path: PathBuf,
    is_link: bool,
}

impl Snapshot {
    /// URLs, because DataFusion takes a plain path with brackets or stars in it for a pattern.
    pub(crate) fn urls(&self) -> Vec<String> {
        self.files.iter().map(|file| file_url(&file.path)).collect()
    }

    /// Whether the order of rows is that of one file.
    pub(crate) fn is_one_file(&self) -> bool {
        self.files.len() == 1
    }
}

fn file_url(path: &Path) -> String {
    let mut url = "file://".to_owned();
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' => url.push(char::from(*byte)),
            // Writing to a string cannot fail.
            other => write!(url, "%{other:02X}").unwrap_or_default(),
        }
    }
    url
}

impl Drop for SnapshotFile {
    fn drop(&mut self) {
        if self.is_link {
            // A link that stays behind costs disk space only.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// The columns of a parquet source.
pub(crate) struct SourceSchema<'a> {
    pub(crate) schema: SchemaRef,
    source: &'a ParquetSource,
}

impl ParquetSource {
    /// Finds the parquet of a source; relative paths start at `repository`.
    ///
    /// # Errors
    /// `Invalid` when the source is no local file.
    pub(crate) fn locate(source: &DataSource, repository: &Path) -> Result<Self> {
        let SourceKind::File { path, format, .. } = &source.kind else {
            return Err(Error::invalid(format!(
                "data source {} is not a parquet file source, so it cannot be read here",
                source.name
            )));
        };
        if *format == Some(FileFormat::Delta) {
            return Err(Error::invalid(format!(
                "data source {} is a Delta table, and only parquet can be read here",
                source.name
            )));
        }
        let local = path.strip_prefix("file://").unwrap_or(path);
        if local.contains("://") {
            return Err(Error::invalid(format!(
                "data source {}: {path} is not a local path, and only those can be read",
                source.name
            )));
        }
        Ok(Self {
            path: repository.join(local),
            name: source.name.clone(),
        })
    }

    /// The files as they are now, however often they are replaced or added to afterwards: second links to them, removed with
    /// the value.
    ///
    /// A reader opens a path several times; between two of them a push may have put a new file there. Where links are not
    /// possible it is the files themselves.
    ///
    /// # Errors
    /// As [`ParquetSource::schema`].
    pub(crate) fn snapshot(&self) -> Result<Snapshot> {
        let files = self.files()?;
        let leases = if self.path.is_dir() {
            self.path.as_path()
        } else {
            self.path.parent().unwrap_or(&self.path)
        };
        let own_name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let directories: BTreeSet<&Path> = files.iter().filter_map(|file| file.parent()).collect();
        for directory in directories.into_iter().chain([leases]) {
            remove_leftovers(directory, |name| self.path.is_dir() || name == own_name);
        }
        let lease = Lease::new(leases).ok();
        let files = files
            .into_iter()
            .map(|path| match lease.as_ref().and_then(|lease| lease.link(&path).ok()) {
                Some(path) => SnapshotFile { path, is_link: true },
                None => SnapshotFile { path, is_link: false },
            });
        Ok(Snapshot {
            files: files.collect(),
            _lease: lease,
        })
    }

    /// The file, or all parquet files below the directory in the order of their names.
    fn files(&self) -> Result<Vec<PathBuf>> {
        if !self.path.is_dir() {
            return Ok(vec![self.path.clone()]);
        }
        let mut files = Vec::new();
        let mut pending = vec![self.path.clone()];
        while let Some(directory) = pending.pop() {
            let entries = std::fs::read_dir(&directory).map_err(|source| self.missing_or(source))?;
            for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
                let hidden = path
                    .file_name()
                    .is_some_and(|name| name.to_string_lossy().starts_with(['.', '_']));
                if path.is_dir() && !hidden {
                    pending.push(path);
                } else if path.extension().is_some_and(|extension| extension == "parquet") && !hidden {
                    files.push(path);
                }
            }
        }
        files.sort();
        if files.is_empty() {
            let text = format!("data source {}: no .parquet file in {}", self.name, self.path.display());
            return Err(Error::new(ErrorKind::NotFound, text));
        }
        Ok(files)
    }

    /// Reads the schema, without the data.
    ///
    /// # Errors
    /// `NotFound` when the file is missing, `Data` when it is not parquet.
    pub(crate) fn schema(&self) -> Result<SourceSchema<'_>> {
        guarded(&self.path, || self.read_schema())
    }

    fn read_schema(&self) -> Result<SourceSchema<'_>> {
        let file_path = self.files()?.swap_remove(0);
        let file = File::open(&file_path).map_err(|source| self.missing_or(source))?;
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|source| {
            Error::data(format!(
                "data source {}: {} is not readable as parquet: {source}",
                self.name,
                file_path.display()
            ))
            .with_source(source)
        })?;
        Ok(SourceSchema {
            schema: std::sync::Arc::clone(reader.schema()),
            source: self,
        })
    }

    fn missing_or(&self, source: std::io::Error) -> Error {
        if source.kind() != std::io::ErrorKind::NotFound {
            return Error::io("read", &self.path, source);
        }
        Error::new(
            ErrorKind::NotFound,
            format!(
                "data source {}: there is no parquet file {}",
                self.name,
                self.path.display()
            ),
        )
        .with_hint("put the file there, or correct the path of the source in the definitions and run: feast apply")
    }
}

impl SourceSchema<'_> {
    /// The type of a column of the file.
    ///
    /// # Errors
    /// `Invalid`, naming the columns there are.
    pub(crate) fn column(&self, name: &str) -> Result<&DataType> {
        self.schema
            .field_with_name(name)
            .map(arrow::datatypes::Field::data_type)
            .map_err(|_| {
                let columns: Vec<&str> = self.schema.fields().iter().map(|field| field.name().as_str()).collect();
                Error::invalid(format!(
                    "data source {}: {} has no column {name}",
                    self.source.name,
                    self.source.path.display()
                ))
                .with_hint(format!("its columns are: {}", columns.join(", ")))
            })
    }

    /// As [`SourceSchema::column`], for a column that must hold timestamps.
    pub(crate) fn timestamp_column(&self, name: &str) -> Result<&DataType> {
        match self.column(name)? {
            timestamp @ DataType::Timestamp(..) => Ok(timestamp),
            other => Err(Error::invalid(format!(
                "data source {}: column {name} of {} must be a timestamp, but is {other}",
                self.source.name,
                self.source.path.display()
            ))),
        }
    }
}
