//! Rows of a view on their way to Redis.
//!
//! A push that is cut off is completed by the next process, perhaps one of another version, from the bytes of its keys and rows. So
//! they say all that is needed, without the registry: which hash, which view, and the fields as they go into it.
//!
//! A key is the length of the view's name in the store (two bytes, little-endian), that name, and the key of the hash. A row is a byte
//! for the format, the event time and the created time in microseconds (eight bytes each), then pairs of a field and a value, each
//! with its length before it (two and four bytes): first the time of the view, then its features.

use arrow::array::ArrayRef;
use feast_codec::feast_value::{ValueEncoder, encode_timestamp, field_name, time_field};
use feast_codec::row::RowVersion;
use feast_model::error::{Error, ErrorKind, Result};
use feast_model::{Field, Timestamp};
use feast_rows::StoredView;

use crate::RedisStore;

const ROW_FORMAT: u8 = 1;
const NO_CREATED_TIME: i64 = i64::MIN;
/// The format and both times.
const HEAD_BYTES: usize = 1 + 8 + 8;

/// Writes the keys and rows of one view.
pub struct RowEncoder {
    key_start: Vec<u8>,
    project: Vec<u8>,
    time_field: Vec<u8>,
    features: Vec<FeatureEncoder>,
}

struct FeatureEncoder {
    name: String,
    field: [u8; 4],
    values: ValueEncoder,
}

/// A key that [`RowEncoder`] has written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RowKey<'bytes> {
    /// The key of the hash.
    pub(crate) hash: &'bytes [u8],
}

/// A row that [`RowEncoder`] has written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EncodedRow<'bytes> {
    /// Which row is newer.
    pub(crate) version: RowVersion,
    /// The field of the event time, and its value.
    pub(crate) time: (&'bytes [u8], &'bytes [u8]),
    /// The pairs of the features.
    pairs: &'bytes [u8],
}

impl RedisStore {
    /// An encoder for rows of a view of the registry, in the order of these features.
    ///
    /// # Errors
    /// `Conflict` when the registry has another view of that name by now, or none.
    pub fn row_encoder(&self, view: &str, features: &[Field]) -> Result<RowEncoder> {
        self.encoder_if(view, features, |stored| stored.features == features)
    }

    /// As [`RedisStore::row_encoder`], for rows that have only these of the view's features. The others keep what they have.
    ///
    /// # Errors
    /// As [`RedisStore::row_encoder`].
    pub fn partial_row_encoder(&self, view: &str, features: &[Field]) -> Result<RowEncoder> {
        self.encoder_if(view, features, |stored| {
            features.iter().all(|feature| stored.features.contains(feature))
        })
    }

    fn encoder_if(&self, view: &str, features: &[Field], fits: impl FnOnce(&StoredView) -> bool) -> Result<RowEncoder> {
        let views = self.views.load();
        let stored = views.tables().view(view).map(|(_, stored)| stored);
        let Some(stored) = stored.filter(|stored| fits(stored)) else {
            return Err(Error::new(
                ErrorKind::Conflict,
                format!("feature view {view} was changed in the registry while its rows arrived"),
            )
            .with_hint("send them again"));
        };
        RowEncoder::new(view, &stored.stored_name, features, &self.project)
    }
}

impl RowEncoder {
    fn new(view: &str, stored_name: &str, features: &[Field], project: &str) -> Result<Self> {
        let length = u16::try_from(stored_name.len())
            .map_err(|_| Error::invalid(format!("the name of feature view {view} is too long for Redis")))?;
        let mut key_start = length.to_le_bytes().to_vec();
        key_start.extend_from_slice(stored_name.as_bytes());
        let features = features.iter().map(|feature| FeatureEncoder {
            field: field_name(stored_name, &feature.name),
            values: ValueEncoder::new(&feature.value_type),
            name: feature.name.clone(),
        });
        Ok(Self {
            key_start,
            project: project.as_bytes().to_vec(),
            time_field: time_field(stored_name),
            features: features.collect(),
        })
    }

    /// Makes sure that Feast has a form for all values, before the first of them is encoded.
    ///
    /// # Errors
    /// `Invalid`, naming column and row.
    pub fn check(&self, columns: &[ArrayRef]) -> Result<()> {
        for (feature, column) in self.features.iter().zip(columns) {
            feature.values.check(column).map_err(|problem| {
                let (name, row, reason) = (&feature.name, problem.row, problem.reason);
                Error::invalid(format!("column {name}, row {row} cannot be stored in Redis: {reason}"))
            })?;
        }
        Ok(())
    }

    /// Appends what stands before the entity key in a key.
    #[inline]
    pub fn start_key(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.key_start);
    }

    /// Appends what stands after it.
    #[inline]
    pub fn end_key(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.project);
    }

    /// Appends the row `row` of `columns`, which are in the order of the view's features.
    pub fn encode(&self, version: RowVersion, columns: &[ArrayRef], row: usize, out: &mut Vec<u8>) {
        out.push(ROW_FORMAT);
        out.extend_from_slice(&version.event_time.micros().to_le_bytes());
        let created = version.created_time.map_or(NO_CREATED_TIME, Timestamp::micros);
        out.extend_from_slice(&created.to_le_bytes());
        push_pair(&self.time_field, out, |out| encode_timestamp(version.event_time, out));
        for (feature, column) in self.features.iter().zip(columns) {
            push_pair(&feature.field, out, |out| feature.values.encode(column, row, out));
        }
    }
}

/// A field is the hash of a name, or `_ts:` before the name of a view: a few bytes more than what a key may hold of it.
fn push_pair(field: &[u8], out: &mut Vec<u8>, value: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(&u16::try_from(field.len()).unwrap_or(u16::MAX).to_le_bytes());
    out.extend_from_slice(field);
    let length_at = out.len();
    out.extend_from_slice(&[0; 4]);
    value(out);
    // Arrow's own offsets are 31 bits wide, so no value comes near this limit before Arrow refuses it.
    let length = u32::try_from(out.len() - length_at - 4).unwrap_or(u32::MAX);
    out[length_at..length_at + 4].copy_from_slice(&length.to_le_bytes());
}

impl<'bytes> RowKey<'bytes> {
    /// # Errors
    /// `Data` for bytes that are not a key.
    pub(crate) fn decode(key: &'bytes [u8]) -> Result<Self> {
        let split = || {
            let (length, rest) = key.split_first_chunk::<2>()?;
            rest.split_at_checked(usize::from(u16::from_le_bytes(*length)))
        };
        let (_, hash) = split().ok_or_else(damaged)?;
        Ok(Self { hash })
    }
}

impl<'bytes> EncodedRow<'bytes> {
    /// # Errors
    /// `Data` for bytes that are not the head of a row of this version.
    pub(crate) fn decode(row: &'bytes [u8]) -> Result<Self> {
        let head = row.first_chunk::<HEAD_BYTES>().ok_or_else(damaged)?;
        if head[0] != ROW_FORMAT {
            return Err(
                Error::data("a row on its way to Redis has a format that is not known to this version")
                    .with_hint("use the version that has written the log of pushes"),
            );
        }
        let [_, event_time @ .., _, _, _, _, _, _, _, _] = *head;
        let event_time = i64::from_le_bytes(event_time);
        let created_time = head
            .last_chunk::<8>()
            .map_or(NO_CREATED_TIME, |bytes| i64::from_le_bytes(*bytes));
        let mut pairs = Pairs(&row[HEAD_BYTES..]);
        let time = pairs.next().transpose()?.ok_or_else(damaged)?;
        Ok(Self {
            version: RowVersion {
                event_time: Timestamp::from_micros(event_time),
                created_time: (created_time != NO_CREATED_TIME).then(|| Timestamp::from_micros(created_time)),
            },
            time,
            pairs: pairs.0,
        })
    }

    /// The fields of the features with their values.
    pub(crate) fn features(&self) -> impl Iterator<Item = Result<(&'bytes [u8], &'bytes [u8])>> {
        Pairs(self.pairs)
    }
}

struct Pairs<'bytes>(&'bytes [u8]);

impl<'bytes> Iterator for Pairs<'bytes> {
    type Item = Result<(&'bytes [u8], &'bytes [u8])>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let mut take = || {
            let (length, rest) = self.0.split_first_chunk::<2>()?;
            let (field, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(*length)))?;
            let (length, rest) = rest.split_first_chunk::<4>()?;
            let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
            let (value, rest) = rest.split_at_checked(length)?;
            self.0 = rest;
            Some((field, value))
        };
        let pair = take();
        if pair.is_none() {
            self.0 = &[];
        }
        Some(pair.ok_or_else(damaged))
    }
}

fn damaged() -> Error {
    Error::data("a row on its way to Redis is damaged")
}
