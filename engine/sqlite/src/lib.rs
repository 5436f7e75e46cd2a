//! The online store in the SQLite file of a Feast repository, read and written in place.
//!
//! Python Feast reads and writes the same file, so the tables are Feast's, and the file stays as it is: no other journal mode, no
//! table of our own. The only user of rusqlite. Knows neither HTTP nor the registry: views are told to it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use arrow::array::ArrayRef;
use feast_codec::packed_bytes::PackedBytes;
use feast_codec::row::RowVersion;
use feast_model::Field;
use feast_model::error::{Error, ErrorKind, Result};
use feast_rows::{MissingRows, RegistryTables, Replace, RowBatch, RowCache, StoredView, Tables, WriteCount};

/// An open SQLite file.
pub struct SqliteStore {
    path: PathBuf,
    project: String,
    identity: String,
    views: ArcSwap<RegistryTables>,
    row_cache: RowCache,
}

/// Writes the keys and rows of one view.
pub struct RowEncoder;

impl SqliteStore {
    /// Opens the file of a project.
    ///
    /// # Errors
    /// `Unavailable` when it cannot be opened, `Data` when it is not a database.
    pub fn open(path: &Path, project: &str) -> Result<Self> {
        Ok(Self {
            identity: format!("sqlite {}", path.display()),
            path: path.to_path_buf(),
            project: project.to_owned(),
            views: ArcSwap::default(),
            row_cache: RowCache::new(0),
        })
    }

    /// Tells it from other stores.
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// The rows it has in memory.
    pub fn row_cache(&self) -> &RowCache {
        &self.row_cache
    }

    /// The error for a stored value that cannot be read.
    pub fn corrupt(&self, source: impl std::error::Error + Send + Sync + 'static) -> Error {
        Error::data(format!("online store: {source}")).with_source(source)
    }

    /// The tables of the project as they are now.
    pub fn tables(&self) -> Arc<Tables> {
        Arc::clone(self.views.load().tables())
    }

    /// Takes the views of the registry into use.
    pub fn follow(&self, views: &[StoredView]) {
        if let Some(next) = self.views.load().follow(views) {
            self.views.store(Arc::new(next));
        }
    }

    /// Fetches rows: table by table, and in each table entity by entity, in the order of [`MissingRows::by_query`].
    ///
    /// # Errors
    /// `Unavailable` when the file is locked for too long, `Data` for a value that cannot be read.
    pub fn fetch(&self, _missing: MissingRows<'_>) -> Result<RowBatch> {
        Err(unsupported(&self.path, &self.project))
    }

    /// An encoder for rows of a view, in the order of these features.
    ///
    /// # Errors
    /// `Invalid` for a type that Feast's values do not have.
    pub fn row_encoder(&self, _view: &str, _features: &[Field]) -> Result<RowEncoder> {
        Err(unsupported(&self.path, &self.project))
    }

    /// Writes rows, each a key and a row of [`RowEncoder`], in order of arrival.
    ///
    /// # Errors
    /// `Unavailable` when the file is locked for too long.
    pub fn write_rows(&self, _keys: &PackedBytes, _rows: &PackedBytes, _replace: Replace) -> Result<WriteCount> {
        Err(unsupported(&self.path, &self.project))
    }

    /// Makes everything written so far durable.
    ///
    /// # Errors
    /// `Unavailable` when the disk cannot take it.
    pub fn sync(&self) -> Result<()> {
        Ok(())
    }
}

impl RowEncoder {
    /// Appends what stands before the entity key in a key.
    pub fn start_key(&self, _out: &mut Vec<u8>) {}

    /// Appends the row `row` of `columns`.
    pub fn encode(&self, _version: RowVersion, _columns: &[ArrayRef], _row: usize, _out: &mut Vec<u8>) {}
}

fn unsupported(_: &Path, _: &str) -> Error {
    Error::new(ErrorKind::Unsupported, "not there yet")
}
