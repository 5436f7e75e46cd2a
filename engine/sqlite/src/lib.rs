//! The online store in the SQLite file of a Feast repository, read and written in place.
//!
//! Python Feast reads and writes the same file, so the tables are Feast's, and the file stays as it is: no other journal mode, no
//! table of our own. Nothing stays open between two look-ups, neither a statement nor a transaction: a commit of another process
//! waits for every reader and fails after some seconds. Rows are held in memory between two commits, of whomever. The only user of
//! rusqlite. Knows neither HTTP nor the registry: views are told to it.

mod commit_watch;
mod connections;
mod encoded_row;
mod error;
mod fetch;
mod row_encoder;
mod scan;
mod schema;
#[cfg(test)]
mod tests;
mod views;
mod write;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use feast_model::error::{Error, ErrorKind, Result, path as error_path};
use feast_rows::{RowCache, StoredView, Tables};

use commit_watch::CommitWatch;
use connections::{Readers, Writer};
pub use row_encoder::RowEncoder;
pub use schema::name_collisions;
use views::Views;

/// The maximum size of rows in memory. It grows with use.
const MAX_ROW_CACHE_BYTES: usize = 128 << 20;

/// The SQLite file of one project. It is opened when it is first used, and again when another file takes its place.
pub struct SqliteStore {
    path: PathBuf,
    project: String,
    identity: String,
    views: ArcSwap<Views>,
    row_cache: RowCache,
    commits: CommitWatch,
    readers: Readers,
    writer: Writer,
    /// Nothing is written to the file, not even what a killed writer has left is rolled back.
    is_read_only: bool,
}

impl SqliteStore {
    /// The store of a project. A file that is not there has no rows; the first write makes it.
    ///
    /// # Errors
    /// `Invalid` for a directory, `Data` for what is not a database. What may pass, such as a lock, is said when the file is used.
    pub fn open(path: &Path, project: &str) -> Result<Self> {
        if path.is_dir() {
            let message = format!("the path of the online store is a directory: {}", error_path(path));
            return Err(Error::invalid(message).with_hint("name a file, which is made if it is not there"));
        }
        let store = Self::new(path, project);
        // A database has such a number, whatever is in it.
        let number = store
            .readers
            .with(|connection| connection.pragma_query_value(None, "schema_version", |row| row.get::<_, i64>(0)));
        let problem = match number {
            Ok(Some(Err(source))) => Some(store.error(source)),
            Ok(_) => None,
            Err(error) => Some(error),
        };
        match problem {
            Some(error) if error.kind() == ErrorKind::Data => Err(error),
            _ => Ok(store),
        }
    }

    /// As [`SqliteStore::open`], to read the file and never to write it.
    ///
    /// # Errors
    /// As [`SqliteStore::open`].
    pub fn open_read_only(path: &Path, project: &str) -> Result<Self> {
        let store = Self::open(path, project)?;
        Ok(Self {
            is_read_only: true,
            ..store
        })
    }

    fn new(path: &Path, project: &str) -> Self {
        Self {
            identity: identity(path, project),
            path: path.to_path_buf(),
            project: project.to_owned(),
            views: ArcSwap::default(),
            row_cache: RowCache::new(MAX_ROW_CACHE_BYTES),
            commits: CommitWatch::new(path),
            readers: Readers::new(path),
            writer: Writer::new(path),
            is_read_only: false,
        }
    }

    /// Tells it from other stores.
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// The rows it has in memory. They are good after [`SqliteStore::forget_changed_rows`].
    pub fn row_cache(&self) -> &RowCache {
        &self.row_cache
    }

    /// Forgets the rows in memory if anybody has committed since. To be called before a look-up begins. Looks at the file, so it may
    /// have to wait.
    ///
    /// # Errors
    /// `Unavailable` when the file is locked for too long.
    pub fn forget_changed_rows(&self) -> Result<()> {
        let is_done = self
            .writer
            .between_commits(|| self.commits.forget_changed(&self.row_cache))?;
        match is_done {
            true => Ok(()),
            false => self.recover(),
        }
    }

    /// Rolls back what a killed writer has left.
    fn recover(&self) -> Result<()> {
        if self.is_read_only {
            let store = error_path(&self.path);
            let message =
                format!("online store {store}: what a killed process has left in it must be rolled back first");
            return Err(Error::new(ErrorKind::Unavailable, message)
                .with_hint("any process that may write the file does so when it reads it"));
        }
        self.writer.wait_for_turn().recover()
    }

    /// The error for a stored value that cannot be read.
    pub fn corrupt(&self, source: impl std::error::Error + Send + Sync + 'static) -> Error {
        Error::data(format!("online store {}: {source}", error_path(&self.path)))
            .with_hint("write the row again: materialize its view")
            .with_source(source)
    }

    /// The tables of the project as they are now.
    pub fn tables(&self) -> Arc<Tables> {
        Arc::clone(self.views.load().tables())
    }

    /// Takes the views of the registry into use.
    pub fn follow(&self, views: &[StoredView]) {
        if let Some(next) = self.views.load().follow(&self.project, views) {
            self.views.store(Arc::new(next));
        }
    }

    /// Makes everything written so far durable. A commit is durable before a write returns, so nothing is left to be done.
    ///
    /// # Errors
    /// None.
    pub fn sync(&self) -> Result<()> {
        Ok(())
    }

    fn error(&self, source: rusqlite::Error) -> Error {
        error::from_rusqlite(source, &self.path)
    }
}

/// The same for all that open this file for this project. Clients see it, so it does not say where the file is.
fn identity(path: &Path, project: &str) -> String {
    let mut hasher = DefaultHasher::new();
    (path, project).hash(&mut hasher);
    format!("sqlite-{:016x}", hasher.finish())
}
