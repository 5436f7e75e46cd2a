//! The online store on Redis and Valkey, in the layout of Feast.
//!
//! Other programs read and write the same keys: Python, Go and Java. So the layout is Feast's, byte by byte, and nothing is kept
//! beside it. The only user of the redis crate. Knows neither HTTP nor the registry: views are told to it.

mod connection;
mod fetch;
mod hash_query;
mod scan;
mod views;

use std::sync::Arc;

use arc_swap::ArcSwap;
use arrow::array::ArrayRef;
use feast_codec::packed_bytes::PackedBytes;
use feast_codec::row::RowVersion;
use feast_config::RedisConfig;
use feast_model::Field;
use feast_model::error::{Error, ErrorKind, Result};
use feast_rows::{Replace, RowCache, StoredView, Tables, WriteCount};

use connection::Connection;
use views::Views;

/// An online store on Redis. It connects when it is first used, and again whenever it must.
pub struct RedisStore {
    config: RedisConfig,
    project: String,
    identity: String,
    views: ArcSwap<Views>,
    row_cache: RowCache,
    connection: Connection,
}

/// Writes the keys and rows of one view.
pub struct RowEncoder;

impl RedisStore {
    /// The store of a project. Does not connect yet.
    ///
    /// # Errors
    /// `Invalid` when certificates cannot be read.
    pub fn open(config: &RedisConfig, project: &str) -> Result<Self> {
        let nodes: Vec<String> = config
            .nodes
            .iter()
            .map(|node| format!("{}:{}", node.host, node.port))
            .collect();
        Ok(Self {
            identity: format!("redis {} {} {project}", nodes.join(","), config.database),
            config: config.clone(),
            project: project.to_owned(),
            views: ArcSwap::default(),
            row_cache: RowCache::new(0),
            connection: Connection::new(config)?,
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
        self.damaged(source.to_string()).with_source(source)
    }

    fn damaged(&self, problem: String) -> Error {
        Error::data(format!("online store redis: {problem}"))
            .with_hint("another program has written it: write the row again, for instance by materializing its view")
    }

    /// The tables of the project as they are now.
    pub fn tables(&self) -> Arc<Tables> {
        Arc::clone(self.views.load().tables().tables())
    }

    /// Takes the views of the registry into use.
    pub fn follow(&self, views: &[StoredView]) {
        if let Some(next) = self.views.load().follow(views) {
            self.views.store(Arc::new(next));
        }
    }

    /// An encoder for rows of a view, in the order of these features.
    ///
    /// # Errors
    /// `Invalid` for a type that Feast's values do not have.
    pub fn row_encoder(&self, _view: &str, _features: &[Field]) -> Result<RowEncoder> {
        Err(unsupported(&self.config, &self.project))
    }

    /// Writes rows, each a key and a row of [`RowEncoder`], in order of arrival.
    ///
    /// # Errors
    /// `Unavailable` when Redis cannot take them; some may be written then.
    pub fn write_rows(&self, _keys: &PackedBytes, _rows: &PackedBytes, _replace: Replace) -> Result<WriteCount> {
        Err(unsupported(&self.config, &self.project))
    }

    /// Returns when everything written so far is as durable as the settings demand.
    ///
    /// # Errors
    /// `Unavailable` when too few replicas have it.
    pub fn sync(&self) -> Result<()> {
        Ok(())
    }
}

impl RowEncoder {
    /// Appends what stands before the entity key in a key.
    pub fn start_key(&self, _out: &mut Vec<u8>) {}

    /// Appends what stands after it.
    pub fn end_key(&self, _out: &mut Vec<u8>) {}

    /// Appends the row `row` of `columns`.
    pub fn encode(&self, _version: RowVersion, _columns: &[ArrayRef], _row: usize, _out: &mut Vec<u8>) {}
}

fn unsupported(_: &RedisConfig, _: &str) -> Error {
    Error::new(ErrorKind::Unsupported, "not there yet")
}
