//! A file source as the offline store sees it: where its parquet is, and which columns all of its files have together.
//!
//! Owns the columns of a source, and what definitions need to know of them. Knows nothing of rows.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use feast_conversion::holds_times;
use feast_model::DataSource;
use feast_model::error::{Error, Result, path as marked_path};
use parking_lot::Mutex;

use super::footer::{self, in_parallel};
use super::location::{FileIdentity, ListedFile, Location, SourceLayout};
use super::partition::{PartitionValue, partition_type};
use super::scan::row_groups;
use super::snapshot::Snapshot;
use super::unify::{holds_exactly, united_type};

/// The parquet of a file source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParquetSource {
    pub(crate) location: Location,
    /// Name of the source, for messages.
    pub name: String,
}

/// The columns of a parquet source.
#[derive(Debug)]
pub struct SourceSchema {
    /// Each column of any file in the type that holds its values in all files, then the columns that folders name. Where no type
    /// does, it is `Null` here.
    pub schema: SchemaRef,
    /// The columns that folders name, from the outermost folder. The last columns of the schema.
    pub partition_columns: Vec<String>,
    /// Files that were passed over, with the reasons.
    pub left_out: Vec<String>,
    /// Columns whose types in two files nothing holds together, and what is said of them.
    conflicts: HashMap<String, String>,
    /// Columns that some files have in a type in which not all values of others are exact: integers as floats.
    inexact: HashSet<String>,
    source: ParquetSource,
}

/// Why the columns of a source are not known.
#[derive(Debug)]
pub enum UnknownColumns {
    /// The source is not parquet that can be read here.
    NotReadable(Error),
    /// Its files cannot be read now, or are not there.
    Unread(Error),
}

/// The columns of a source and their types, for those who define what is read from it. Relative paths start at `repository`; files
/// that `schemas` knows and that have not changed are not read again.
///
/// # Errors
/// Why they are not known: a source of another kind, or files that cannot be read.
pub fn source_columns(
    source: &DataSource,
    repository: &Path,
    schemas: &SchemaCache,
) -> Result<SourceSchema, UnknownColumns> {
    let parquet = ParquetSource::locate(source, repository).map_err(UnknownColumns::NotReadable)?;
    parquet.schema_with(schemas).map_err(UnknownColumns::Unread)
}

/// Schemas of files that were read before, for callers that read the columns of a directory repeatedly.
#[derive(Debug, Default)]
pub struct SchemaCache {
    files: Mutex<HashMap<PathBuf, (FileIdentity, SchemaRef)>>,
}

/// Files whose schemas are kept. Beyond it they are read anew each time.
const MAX_CACHED_SCHEMAS: usize = 100_000;

impl ParquetSource {
    /// Finds the parquet of a source; relative paths start at `repository`.
    ///
    /// # Errors
    /// `Invalid` when the source is not a local file.
    pub fn locate(source: &DataSource, repository: &Path) -> Result<Self> {
        Ok(Self {
            location: Location::from_source(source, repository)?,
            name: source.name().to_owned(),
        })
    }

    /// Parquet on this machine: a file, a directory or a pattern.
    pub fn local(path: PathBuf, name: String) -> Self {
        Self {
            location: Location::Local(path),
            name,
        }
    }

    /// The file, directory or pattern on this machine.
    pub fn path(&self) -> &Path {
        self.location.path()
    }

    /// What the location stands for now.
    pub fn layout(&self) -> SourceLayout {
        self.location.layout()
    }

    /// The error, in whose message clients do not read where the source is.
    pub fn hidden_in(&self, error: Error) -> Error {
        self.location.hidden_in(error)
    }

    /// Reads the footers of all files, without the data.
    ///
    /// # Errors
    /// `NotFound` when there is no file, `Data` when one is not parquet, `Unavailable` when one cannot be read now.
    pub fn schema(&self) -> Result<SourceSchema> {
        self.schema_with(&SchemaCache::default())
    }

    /// As [`ParquetSource::schema`]; only files that `cache` does not know, or that have changed, are read.
    ///
    /// # Errors
    /// As [`ParquetSource::schema`].
    pub fn schema_with(&self, cache: &SchemaCache) -> Result<SourceSchema> {
        let listing = self.location.list(&self.name)?;
        let schemas = cache.schemas(&self.name, &listing.files)?;
        let files = listing.files.iter().zip(&schemas);
        let files = files.map(|(file, schema)| (file.path.as_path(), schema, file.partition.as_slice()));
        let mut united = SourceSchema {
            left_out: listing.left_out,
            ..self.united(files)
        };
        if united.schema.fields().is_empty() {
            united
                .left_out
                .push(format!("data source {}: its files have no columns", self.name));
        }
        Ok(united)
    }

    /// Lists the files and reads their footers: the state of the source that a run reads.
    ///
    /// # Errors
    /// As [`ParquetSource::schema`].
    pub(super) fn snapshot(&self) -> Result<Snapshot> {
        let listing = self.location.list(&self.name)?;
        self.location.remove_leftovers_beside(&listing.files);
        Snapshot::read(&self.name, listing)
    }

    /// Removes what pushes of killed processes have left beside the files.
    pub fn remove_leftovers(&self) {
        // A source that cannot be listed has its error where it is used.
        if let Ok(listing) = self.location.list(&self.name) {
            self.location.remove_leftovers_beside(&listing.files);
        }
    }

    /// For the benches: as a materialization begins.
    pub fn row_groups(&self) -> Result<usize> {
        Ok(row_groups(&self.name, &self.snapshot()?.parts).len())
    }

    fn united<'a>(&self, files: impl Iterator<Item = (&'a Path, &'a SchemaRef, &'a [PartitionValue])>) -> SourceSchema {
        let mut columns = UnitedColumns::default();
        let mut partitions: Vec<(String, Vec<&str>)> = Vec::new();
        for (path, schema, values) in files {
            columns.add(path, schema);
            for PartitionValue { column, value } in values {
                let known = partitions.iter().position(|(name, _)| name == column);
                let known = known.unwrap_or_else(|| {
                    partitions.push((column.clone(), Vec::new()));
                    partitions.len() - 1
                });
                partitions[known].1.extend(value.as_deref());
            }
        }
        // The folder counts where a file repeats its column.
        let is_partition = |name: &str| partitions.iter().any(|(column, _)| column == name);
        let mut fields = columns.fields;
        fields.retain(|field| !is_partition(field.name()));
        fields.extend(
            partitions
                .iter()
                .map(|(column, values)| Arc::new(Field::new(column, partition_type(values.iter().copied()), true))),
        );
        SourceSchema {
            schema: Arc::new(Schema::new(fields)),
            partition_columns: partitions.into_iter().map(|(column, _)| column).collect(),
            left_out: Vec::new(),
            conflicts: columns.conflicts,
            inexact: columns.inexact,
            source: self.clone(),
        }
    }
}

/// The columns of all files seen so far.
#[derive(Default)]
struct UnitedColumns {
    fields: Vec<FieldRef>,
    /// For each field, the file that gave it its type: for messages.
    origins: Vec<PathBuf>,
    index: HashMap<String, usize>,
    conflicts: HashMap<String, String>,
    inexact: HashSet<String>,
    last: Option<SchemaRef>,
}

impl UnitedColumns {
    fn add(&mut self, path: &Path, schema: &SchemaRef) {
        // Most parts are written alike.
        let is_alike = |last: &SchemaRef| Arc::ptr_eq(last, schema) || last.fields() == schema.fields();
        if self.last.as_ref().is_some_and(is_alike) {
            return;
        }
        for field in schema.fields() {
            match self.index.get(field.name()) {
                Some(known) => self.widen(*known, field, path),
                None => {
                    self.index.insert(field.name().clone(), self.fields.len());
                    // Files before this one do not have it.
                    let nullable = field.is_nullable() || self.last.is_some();
                    self.fields
                        .push(Arc::new(field.as_ref().clone().with_nullable(nullable)));
                    self.origins.push(path.to_path_buf());
                }
            }
        }
        for field in &mut self.fields {
            if !field.is_nullable() && schema.field_with_name(field.name()).is_err() {
                *field = Arc::new(field.as_ref().clone().with_nullable(true));
            }
        }
        self.last = Some(Arc::clone(schema));
    }

    fn widen(&mut self, known: usize, field: &FieldRef, path: &Path) {
        let (name, old) = (field.name(), &self.fields[known]);
        if self.conflicts.contains_key(name) {
            return;
        }
        let united = united_type(old.data_type(), field.data_type()).unwrap_or_else(|| {
            let (old_path, new_path) = (self.origins[known].display(), path.display());
            let (old_type, new_type) = (old.data_type(), field.data_type());
            let conflict = format!("column {name} is {old_type} in {old_path} and {new_type} in {new_path}");
            self.conflicts.insert(name.clone(), conflict);
            DataType::Null
        });
        if !holds_exactly(&united, old.data_type()) || !holds_exactly(&united, field.data_type()) {
            self.inexact.insert(name.clone());
        }
        if united != *old.data_type() {
            self.origins[known] = path.to_path_buf();
        }
        let nullable = old.is_nullable() || field.is_nullable();
        self.fields[known] = Arc::new(old.as_ref().clone().with_data_type(united).with_nullable(nullable));
    }
}

impl SchemaCache {
    fn schemas(&self, source: &str, listed: &[ListedFile]) -> Result<Vec<SchemaRef>> {
        let mut schemas: Vec<Option<SchemaRef>> = {
            let known = self.files.lock();
            let schema_of = |file: &ListedFile| {
                let (identity, schema) = known.get(&file.path)?;
                (Some(*identity) == file.identity).then(|| Arc::clone(schema))
            };
            listed.iter().map(schema_of).collect()
        };
        let unknown: Vec<usize> = (0..listed.len()).filter(|index| schemas[*index].is_none()).collect();
        let files: Vec<&ListedFile> = unknown.iter().map(|index| &listed[*index]).collect();
        let read = in_parallel(files, |_, file| footer::read_schema(source, file))?;
        let mut known = self.files.lock();
        let mut last: Option<SchemaRef> = schemas.iter().flatten().next().cloned();
        for (index, (identity, schema)) in unknown.into_iter().zip(read) {
            // Most parts are written alike: one schema does for all of them.
            let schema = last.filter(|last| *last == schema).unwrap_or(schema);
            let path = &listed[index].path;
            let has_room = known.len() < MAX_CACHED_SCHEMAS || known.contains_key(path);
            if listed[index].identity.is_some() && has_room {
                known.insert(path.clone(), (identity, Arc::clone(&schema)));
            }
            last = Some(Arc::clone(&schema));
            schemas[index] = Some(schema);
        }
        Ok(schemas.into_iter().flatten().collect())
    }
}

impl SourceSchema {
    /// Where the columns are, for messages.
    pub fn place(&self) -> impl fmt::Display {
        marked_path(self.source.path())
    }

    /// Makes sure that some file has a column, whatever its type.
    ///
    /// # Errors
    /// `Invalid`, naming the columns there are.
    pub fn require(&self, name: &str) -> Result<()> {
        self.field(name).map(|_| ())
    }

    /// The type of a column.
    ///
    /// # Errors
    /// `Invalid`, naming the columns there are; `Data` when the files have it in types that nothing holds together.
    pub fn column(&self, name: &str) -> Result<&DataType> {
        let field = self.field(name)?;
        match self.conflicts.get(name) {
            None => Ok(field.data_type()),
            Some(conflict) => Err(Error::data(format!("data source {}: {conflict}", self.source.name))
                .with_hint("declare the type of the column in the view's schema, or write the files with one type")),
        }
    }

    /// Whether the type of a column holds the values of all files as they are.
    pub fn is_exact(&self, name: &str) -> bool {
        !self.inexact.contains(name) && !self.conflicts.contains_key(name)
    }

    /// Makes sure that a column can hold timestamps or dates.
    ///
    /// # Errors
    /// As [`SourceSchema::require`], and `Invalid` for a column of another type.
    pub fn require_times(&self, name: &str) -> Result<()> {
        let data_type = self.field(name)?.data_type();
        // Names of folders are read as strings, whatever they look like together.
        if holds_times(data_type) || self.partition_columns.iter().any(|column| column == name) {
            return Ok(());
        }
        Err(Error::invalid(format!(
            "data source {}: column {name} of {} must be a timestamp or a date, but is {data_type}",
            self.source.name, self.source.location
        )))
    }

    fn field(&self, name: &str) -> Result<&Field> {
        self.schema.field_with_name(name).map_err(|_| {
            let columns: Vec<&str> = self.schema.fields().iter().map(|field| field.name().as_str()).collect();
            missing_column(&self.source, name, &columns)
        })
    }
}

/// No file of the source has this column.
fn missing_column(source: &ParquetSource, name: &str, columns: &[&str]) -> Error {
    let message = format!("data source {}: {} has no column {name}", source.name, source.location);
    Error::invalid(message).with_hint(format!("its columns are: {}", columns.join(", ")))
}
