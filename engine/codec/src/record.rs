//! How durable records of the store are encoded, and the small ones of its tables: which there are and which schemas their rows
//! follow.
//!
//! The only user of bincode. A record starts with a format byte, so that another encoding can take over in this file.

use bincode::de::read::Reader;
use bincode::de::{BorrowDecode, BorrowDecoder, Decoder};
use bincode::enc::Encoder;
use bincode::enc::write::SizeWriter;
use bincode::error::{DecodeError, EncodeError};
pub use bincode::{Decode, Encode};

use super::packed_bytes::PackedBytes;

/// Format of the whole store: since 2, the rows of an entity lie together. A store with a greater one was written by a newer version.
pub const STORE_FORMAT: u32 = 2;
const RECORD_FORMAT: u8 = 1;

/// All tables of a store.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode)]
pub struct TableDirectory {
    /// The id the next new table gets. Ids are never reused: a dropped table's rows may linger until compaction.
    pub next_table_id: u32,
    /// Those that are in use.
    pub tables: Vec<TableRecord>,
}

/// One table: the rows of one feature view.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct TableRecord {
    /// The project of the view.
    pub project: String,
    /// The name of the view.
    pub view: String,
    /// The id in the keys of its rows.
    pub table_id: u32,
    /// The schemas its rows follow; the position is the schema id. Never shortened.
    pub schemas: Vec<SchemaRecord>,
}

/// The features of a row, in row order: name and storage type.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SchemaRecord {
    /// Each name with its storage type.
    pub features: Vec<(String, String)>,
}

/// What [`TableDirectory`] has no place for. The directory keeps the form of the first stores, so that an older version that
/// opens the store finds all tables that are in use, and none that is hidden.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode)]
pub struct TableDetails {
    /// Of tables in use and of hidden ones. Tables of stores before this record have none until they are used.
    pub tables: Vec<TableDetail>,
    /// Tables whose view the registry does not have any more. They are in no directory.
    pub hidden: Vec<HiddenTable>,
}

/// What a table was made for.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct TableDetail {
    /// Of which table.
    pub table_id: u32,
    /// The view that it was made for.
    pub shape: ViewShape,
    /// Whether a materialization has filled it since it was made, or since its join keys are what they are.
    pub is_materialized: bool,
}

/// A table that is kept for the case that its view comes back.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct HiddenTable {
    /// As it was when it was hidden.
    pub table: TableRecord,
    /// Microseconds since 1970.
    pub hidden_at: i64,
}

/// Tables that were dropped while their rows may still be there: nothing reads them, and they take room.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode)]
pub struct DroppedTables {
    /// Their ids, ascending.
    pub table_ids: Vec<u32>,
}

/// By what a view is known again beside its name. Types are Feast's, not those of the store.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode)]
pub struct ViewShape {
    /// Name and type of each join key, by name.
    pub join_keys: Vec<(String, String)>,
    /// Name and type of each feature, by name.
    pub features: Vec<(String, String)>,
}

impl ViewShape {
    /// In whatever order the view has them.
    pub fn new(mut join_keys: Vec<(String, String)>, mut features: Vec<(String, String)>) -> Self {
        join_keys.sort_unstable();
        features.sort_unstable();
        Self { join_keys, features }
    }

    /// Whether rows that were written for this view are rows of that one too: the join keys are the same, and so is the type of
    /// each feature that both have. A feature that only that one has is not found in them.
    pub fn fits(&self, other: &Self) -> bool {
        let is_same = |(name, value_type): &(String, String)| {
            let of_other = other.features.iter().find(|(known, _)| known == name);
            of_other.is_none_or(|(_, known)| known == value_type)
        };
        self.join_keys == other.join_keys && self.features.iter().all(is_same)
    }
}

/// Pairs of byte strings, in the encoding of a list of pairs of lists of bytes, without an allocation for each of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PackedPairs {
    /// The first of each pair.
    pub keys: PackedBytes,
    /// The second.
    pub values: PackedBytes,
}

impl Encode for PackedPairs {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> std::result::Result<(), EncodeError> {
        (self.keys.len() as u64).encode(encoder)?;
        for (key, value) in self.keys.iter().zip(self.values.iter()) {
            key.encode(encoder)?;
            value.encode(encoder)?;
        }
        Ok(())
    }
}

impl<Context> Decode<Context> for PackedPairs {
    fn decode<D: Decoder<Context = Context>>(decoder: &mut D) -> std::result::Result<Self, DecodeError> {
        let mut pairs = Self::default();
        for _ in 0..u64::decode(decoder)? {
            decode_string(decoder, &mut pairs.keys)?;
            decode_string(decoder, &mut pairs.values)?;
        }
        Ok(pairs)
    }
}

impl<'de, Context> BorrowDecode<'de, Context> for PackedPairs {
    fn borrow_decode<D: BorrowDecoder<'de, Context = Context>>(
        decoder: &mut D,
    ) -> std::result::Result<Self, DecodeError> {
        Self::decode(decoder)
    }
}

/// Takes a list of bytes as it stands in a record: a length that is not true takes no memory.
fn decode_string<D: Decoder>(decoder: &mut D, strings: &mut PackedBytes) -> std::result::Result<(), DecodeError> {
    let length = u64::decode(decoder)?;
    let length = usize::try_from(length).map_err(|_| DecodeError::OutsideUsizeRange(length))?;
    decoder.claim_bytes_read(length)?;
    let reader = decoder.reader();
    let bytes = reader.peek_read(length);
    strings.push(bytes.ok_or(DecodeError::UnexpectedEnd { additional: length })?);
    reader.consume(length);
    Ok(())
}

/// A record is not what this program writes.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("stored record is damaged or of a newer version")]
pub struct CorruptRecord;

/// The bytes of a record.
pub fn encode<T: Encode>(record: &T) -> Result<Vec<u8>, CorruptRecord> {
    let config = bincode::config::standard();
    // Of large records, growing would take as much again.
    let mut size = SizeWriter::default();
    bincode::encode_into_writer(record, &mut size, config).map_err(|_| CorruptRecord)?;
    let mut bytes = Vec::with_capacity(1 + size.bytes_written);
    bytes.push(RECORD_FORMAT);
    bincode::encode_into_std_write(record, &mut bytes, config).map_err(|_| CorruptRecord)?;
    Ok(bytes)
}

/// Reads the bytes of [`encode`].
pub fn decode<T: Decode<()>>(bytes: &[u8]) -> Result<T, CorruptRecord> {
    let body = bytes.strip_prefix(&[RECORD_FORMAT]).ok_or(CorruptRecord)?;
    // The limit keeps a damaged length from taking all memory.
    let config = bincode::config::standard().with_limit::<{ 1 << 30 }>();
    match bincode::decode_from_slice(body, config) {
        Ok((record, read)) if read == body.len() => Ok(record),
        _ => Err(CorruptRecord),
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
        assert_eq!(decode::<u32>(&[]), Err(CorruptRecord));
        assert_eq!(decode::<u32>(&[9, 1]), Err(CorruptRecord));
        assert_eq!(decode::<u32>(&[RECORD_FORMAT, 1, 1]), Err(CorruptRecord));
    }

    #[test]
    fn shapes_fit_where_keys_and_shared_features_are_the_same() {
        let pairs = |text: &str| -> Vec<(String, String)> {
            let pairs = text.split_whitespace().filter_map(|pair| pair.split_once(':'));
            pairs.map(|(name, kind)| (name.to_owned(), kind.to_owned())).collect()
        };
        let shape = |keys, features| ViewShape::new(pairs(keys), pairs(features));
        let stored = shape("a:Int64 b:String", "x:Int64 y:Float64");
        let check = |keys, features, fits| assert_eq!(stored.fits(&shape(keys, features)), fits, "{keys}, {features}");
        check("b:String a:Int64", "y:Float64 x:Int64", true);
        check("a:Int64 b:String", "x:Int64 z:String", true);
        check("a:Int64 b:String", "x:Int64 y:Float32", false);
        check("a:Int64", "x:Int64 y:Float64", false);
        check("a:Int64 b:Int64", "x:Int64 y:Float64", false);
        check("a:Int64 c:String", "x:Int64 y:Float64", false);
        check("a:Int64 b:String c:String", "x:Int64 y:Float64", false);
    }

    #[test]
    fn packed_pairs_are_encoded_as_a_list_of_pairs() {
        let pairs: Vec<(Vec<u8>, Vec<u8>)> = vec![
            (b"key".to_vec(), vec![7; 300]),
            (Vec::new(), b"value".to_vec()),
            (vec![1; 70_000], Vec::new()),
        ];
        let mut packed = PackedPairs::default();
        for (key, value) in &pairs {
            packed.keys.push(key);
            packed.values.push(value);
        }
        let bytes = encode(&pairs).unwrap();
        assert_eq!(encode(&packed).unwrap(), bytes);
        assert_eq!(decode::<PackedPairs>(&bytes), Ok(packed));
        assert_eq!(decode::<PackedPairs>(&bytes[..bytes.len() - 1]), Err(CorruptRecord));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode::<TableDirectory>(&bytes);
            let _ = decode::<TableDetails>(&bytes);
            let _ = decode::<PackedPairs>(&bytes);
        }
    }
}
