//! How objects of a kind are read and written, what makes a new version of one, and the errors for objects that cannot be read.

use feast_model::error::{Error, ErrorKind, Result};
use feast_model::{Definitions, Metadata, StoredKeys, Timestamp};
use prost::Message;

use super::object_table::ObjectTable;
use crate::convert::{ConvertError, timestamp_message};
use crate::messages::source::SourceMeta;

/// What to do about a registry that cannot be read.
pub(crate) const REMEDY: &str = "restore the file, or remove it and run: feast apply";

/// How objects of a kind that this crate understands are read and written.
pub(crate) struct ObjectCodec<T: 'static> {
    pub(crate) table: ObjectTable,
    pub(crate) metadata: fn(&T) -> &Metadata,
    /// The object's spec; the whole object where it is its own spec.
    pub(crate) encode: fn(&T, &EncodeContext<'_>) -> Vec<u8>,
    /// The object, given its spec, if it is of the registry's project.
    pub(crate) decode: fn(&DecodeContext<'_>, &[u8]) -> Result<Option<T>>,
    pub(crate) versioning: Option<Versioning<T>>,
}

/// What encoding an object needs beside the object.
pub(crate) struct EncodeContext<'a> {
    pub(crate) definitions: &'a Definitions,
    pub(crate) project: &'a str,
    pub(crate) now: Timestamp,
}

/// What decoding an object needs beside its bytes.
pub(crate) struct DecodeContext<'a> {
    /// What messages call the registry.
    pub(crate) origin: &'a str,
    pub(crate) project: &'a str,
}

/// What makes a new version of a view.
pub(crate) struct Versioning<T: 'static> {
    /// Whether the second is a new version of the first.
    pub(crate) differ: fn(&T, &T) -> bool,
    pub(crate) metadata_mut: fn(&mut T) -> &mut Metadata,
    /// What the keys of its stored rows are made of, if it has rows.
    pub(crate) stored_keys: fn(&T) -> Option<StoredKeys>,
}

impl<T> ObjectCodec<T> {
    pub(crate) fn name<'a>(&self, object: &'a T) -> &'a str {
        &(self.metadata)(object).name
    }
}

impl<T: Clone> Versioning<T> {
    /// The object with another version string.
    pub(crate) fn with_version(&self, object: &T, version: &str) -> T {
        let mut object = object.clone();
        version.clone_into(&mut (self.metadata_mut)(&mut object).version);
        object
    }
}

impl EncodeContext<'_> {
    pub(super) fn source_meta(&self) -> SourceMeta {
        SourceMeta {
            created_timestamp: Some(timestamp_message(self.now)),
            last_updated_timestamp: Some(timestamp_message(self.now)),
        }
    }
}

impl DecodeContext<'_> {
    /// A message of the registry; `what` is what a problem calls it.
    pub(crate) fn decode<M: Message + Default>(&self, what: &str, bytes: &[u8]) -> Result<M> {
        M::decode(bytes).map_err(|source| self.damaged(what, source))
    }

    /// The object, unless it is of another project.
    pub(super) fn in_project<T>(
        &self,
        project: &str,
        name: &str,
        convert: impl FnOnce() -> std::result::Result<T, ConvertError>,
    ) -> Result<Option<T>> {
        if project != self.project {
            return Ok(None);
        }
        convert().map(Some).map_err(|source| self.unsupported(name, source))
    }

    pub(crate) fn damaged(&self, object: &str, source: impl std::error::Error) -> Error {
        Error::data(format!("registry {}: {object} cannot be read: {source}", self.origin)).with_hint(REMEDY)
    }

    /// An object that is whole, but holds what only a newer Feast knows.
    fn unsupported(&self, object: &str, source: impl std::error::Error) -> Error {
        Error::new(
            ErrorKind::Unsupported,
            format!("registry {}: {object} cannot be used: {source}", self.origin),
        )
        .with_hint("a newer Feast has written it; it is kept as it is")
    }
}
