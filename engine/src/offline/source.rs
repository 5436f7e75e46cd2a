//! A file source as the offline store sees it: where its parquet lies and which columns it has.

use std::fs::File;
use std::path::{Path, PathBuf};

use arrow::datatypes::{DataType, SchemaRef};
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::error::{Error, ErrorKind, Result};
use crate::model::{DataSource, SourceKind};

/// The parquet behind a file source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ParquetSource {
    /// One file, or a directory of files.
    pub(crate) path: PathBuf,
    /// Name of the source, for messages.
    pub(crate) name: String,
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
        let SourceKind::File { path, .. } = &source.kind else {
            return Err(Error::invalid(format!(
                "data source {} is not a parquet file source, so it cannot be read here",
                source.name
            )));
        };
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

    /// Reads the schema, without the data.
    ///
    /// # Errors
    /// `NotFound` when the file is missing, `Data` when it is not parquet.
    pub(crate) fn schema(&self) -> Result<SourceSchema<'_>> {
        let file_path = self.first_file()?;
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

    fn first_file(&self) -> Result<PathBuf> {
        if !self.path.is_dir() {
            return Ok(self.path.clone());
        }
        let entries = std::fs::read_dir(&self.path).map_err(|source| self.missing_or(source))?;
        let files = entries.filter_map(|entry| Some(entry.ok()?.path()));
        files
            .filter(|path| path.extension().is_some_and(|extension| extension == "parquet"))
            .min()
            .ok_or_else(|| {
                Error::new(
                    ErrorKind::NotFound,
                    format!("data source {}: no .parquet file in {}", self.name, self.path.display()),
                )
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
