//! Small durable records of the store: which tables there are and which schemas their rows follow.
//!
//! The only user of bincode. A record starts with a format byte, so that another encoding can take over in this file.

pub(crate) use bincode::{Decode, Encode};

/// Format of the whole store. A store with a greater one was written by a newer version.
pub(crate) const STORE_FORMAT: u32 = 1;
const RECORD_FORMAT: u8 = 1;

/// All tables of a store.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode)]
pub(crate) struct TableDirectory {
    /// The id the next new table gets. Ids are never reused: a dropped table's rows may linger until compaction.
    pub(crate) next_table_id: u32,
    pub(crate) tables: Vec<TableRecord>,
}

/// One table: the rows of one feature view.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct TableRecord {
    pub(crate) project: String,
    pub(crate) view: String,
    pub(crate) table_id: u32,
    /// The schemas its rows follow; the position is the schema id. Never shortened.
    pub(crate) schemas: Vec<SchemaRecord>,
}

/// The features of a row, in row order: name and storage type.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct SchemaRecord {
    pub(crate) features: Vec<(String, String)>,
}

/// What a push has to do: append rows to a parquet source, then write rows to the online store.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct PushRecord {
    /// The session that logged it.
    pub(crate) session: String,
    /// The data source's name, for messages.
    pub(crate) source: String,
    /// The parquet file or directory.
    pub(crate) path: String,
    /// The rows to append, as an Arrow IPC stream.
    pub(crate) offline: Vec<u8>,
    /// Storage keys and rows of the online store, in order of arrival.
    pub(crate) online: Vec<(Vec<u8>, Vec<u8>)>,
    /// Whether rows replace newer ones.
    pub(crate) replace_all: bool,
}

/// A record is not what this program writes.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("stored record is damaged or of a newer version")]
pub(crate) struct DamagedRecord;

/// The bytes of a record.
pub(crate) fn encode<T: Encode>(record: &T) -> Result<Vec<u8>, DamagedRecord> {
    let mut bytes = vec![RECORD_FORMAT];
    bincode::encode_into_std_write(record, &mut bytes, bincode::config::standard()).map_err(|_| DamagedRecord)?;
    Ok(bytes)
}

/// Reads the bytes of [`encode`].
pub(crate) fn decode<T: Decode<()>>(bytes: &[u8]) -> Result<T, DamagedRecord> {
    let body = bytes.strip_prefix(&[RECORD_FORMAT]).ok_or(DamagedRecord)?;
    // The limit keeps a damaged length from asking for all memory.
    let config = bincode::config::standard().with_limit::<{ 1 << 30 }>();
    match bincode::decode_from_slice(body, config) {
        Ok((record, read)) if read == body.len() => Ok(record),
        _ => Err(DamagedRecord),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_directory_reads_back() {
        let schemas = vec![SchemaRecord {
            features: vec![("conv_rate".into(), "f32".into())],
        }];
        let table = TableRecord {
            project: "shop".into(),
            view: "stats".into(),
            table_id: 3,
            schemas,
        };
        let directory = TableDirectory {
            next_table_id: 4,
            tables: vec![table],
        };
        assert_eq!(decode::<TableDirectory>(&encode(&directory).unwrap()), Ok(directory));
    }

    #[test]
    fn other_formats_are_refused() {
        assert_eq!(decode::<u32>(&[]), Err(DamagedRecord));
        assert_eq!(decode::<u32>(&[9, 1]), Err(DamagedRecord));
        assert_eq!(decode::<u32>(&[RECORD_FORMAT, 1, 1]), Err(DamagedRecord));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode::<TableDirectory>(&bytes);
        }
    }
}
