//! Feast's entity key, serialization version 3, byte for byte.
//!
//! All integers are little-endian unsigned 32 bit: number of keys; for each key name, sorted by name: 2, length, UTF-8;
//! then for each value in the same order: type, length, bytes. The names are the same for all keys of a view, so they are
//! written once, by [`EntityKeyEncoder::new`]. Knows nothing of the store's own keys, which are in `storage_key`.

use std::fmt;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Int32Type, Int64Type, TimestampSecondType};
use feast_model::ValueType;

const STRING_TYPE: u32 = 2;

/// Writes the entity keys of one list of join keys.
#[derive(Debug, Clone)]
pub struct EntityKeyEncoder {
    prefix: Vec<u8>,
    /// Position in the caller's key order of the first, second ... key by name.
    order: Vec<usize>,
}

/// A join key column has a type that Feast's entity key cannot hold.
#[derive(Debug, PartialEq, Eq)]
pub struct UnsupportedKeyType {
    /// The name of the join key.
    pub key: String,
    /// Its type.
    pub value_type: ValueType,
}

impl UnsupportedKeyType {
    /// What to use instead.
    pub const HINT: &'static str = "use Int64, Int32, String, Bytes or UnixTimestamp";

    /// The first of these keys that cannot be stored.
    pub fn find<'a>(keys: impl IntoIterator<Item = (&'a str, &'a ValueType)>) -> Option<Self> {
        let mut keys = keys.into_iter();
        let (key, value_type) = keys.find(|(_, value_type)| !value_type.is_key_type())?;
        Some(Self {
            key: key.to_owned(),
            value_type: value_type.clone(),
        })
    }
}

impl fmt::Display for UnsupportedKeyType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, value_type } = self;
        write!(
            formatter,
            "join key {key} is {value_type}, which no key of the online store can be"
        )
    }
}

impl EntityKeyEncoder {
    /// For keys of these names and types, in the order in which columns will be given.
    pub fn new(keys: &[(&str, &ValueType)]) -> Result<Self, UnsupportedKeyType> {
        if let Some(unsupported) = UnsupportedKeyType::find(keys.iter().copied()) {
            return Err(unsupported);
        }
        let mut order: Vec<usize> = (0..keys.len()).collect();
        order.sort_by_key(|position| keys[*position].0);
        let prefix = names_prefix(keys.iter().map(|(name, _)| *name));
        Ok(Self { prefix, order })
    }

    /// Appends the key of one row. `columns` are canonical arrays in the order of [`EntityKeyEncoder::new`].
    /// `false`, with nothing appended, when a key value is null.
    pub fn encode(&self, columns: &[ArrayRef], row: usize, out: &mut Vec<u8>) -> bool {
        if columns.iter().any(|column| column.is_null(row)) {
            return false;
        }
        out.extend_from_slice(&self.prefix);
        for position in &self.order {
            push_value(&columns[*position], row, out);
        }
        true
    }
}

/// What all keys with these join keys begin with: how many there are, and their names in order.
pub fn names_prefix<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<u8> {
    let mut names: Vec<&str> = names.into_iter().collect();
    names.sort_unstable();
    let mut prefix = Vec::new();
    push_u32(&mut prefix, names.len());
    for name in names {
        prefix.extend_from_slice(&STRING_TYPE.to_le_bytes());
        push_u32(&mut prefix, name.len());
        prefix.extend_from_slice(name.as_bytes());
    }
    prefix
}

/// How many bytes the entity key has that a byte string begins with; `None` when it begins with none. What follows, on Redis the name
/// of the project, begins there and nowhere else.
pub fn key_length(bytes: &[u8]) -> Option<usize> {
    let mut rest = bytes;
    let count = take_u32(&mut rest)?;
    for _ in 0..count {
        let name = (take_u32(&mut rest)? == STRING_TYPE).then(|| take_bytes(&mut rest))??;
        std::str::from_utf8(name).ok()?;
    }
    for _ in 0..count {
        let value_type = take_u32(&mut rest)?;
        let width = take_bytes(&mut rest)?.len();
        match (value_type, width) {
            (1 | STRING_TYPE, _) | (3, 4) | (4 | 8, 8) => {}
            _ => return None,
        }
    }
    Some(bytes.len() - rest.len())
}

fn take_u32(rest: &mut &[u8]) -> Option<u32> {
    let (bytes, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(u32::from_le_bytes(*bytes))
}

fn take_bytes<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(take_u32(rest)?).ok()?;
    let (bytes, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(bytes)
}

fn push_value(column: &ArrayRef, row: usize, out: &mut Vec<u8>) {
    let mut push = |type_number: u32, bytes: &[u8]| {
        out.extend_from_slice(&type_number.to_le_bytes());
        push_u32(out, bytes.len());
        out.extend_from_slice(bytes);
    };
    match column.data_type() {
        DataType::Binary => push(1, column.as_binary::<i32>().value(row)),
        DataType::Utf8 => push(STRING_TYPE, column.as_string::<i32>().value(row).as_bytes()),
        DataType::Int32 => push(3, &column.as_primitive::<Int32Type>().value(row).to_le_bytes()),
        DataType::Int64 => push(4, &column.as_primitive::<Int64Type>().value(row).to_le_bytes()),
        DataType::Timestamp(..) => push(
            8,
            &column.as_primitive::<TimestampSecondType>().value(row).to_le_bytes(),
        ),
        // `new` refuses every other type and callers pass canonical columns of the types given to it.
        other => unreachable!("join key column of type {other}"),
    }
}

fn push_u32(out: &mut Vec<u8>, length: usize) {
    // A single key or name of 4 GiB cannot come through a request or an Arrow string column with 32-bit offsets.
    out.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{BinaryArray, Int32Array, Int64Array, StringArray, TimestampSecondArray};
    use serde_json::Value;

    use super::*;

    fn column(value: &Value) -> (ValueType, ArrayRef) {
        let (kind, value) = value.as_object().unwrap().iter().next().unwrap();
        let string = || value.as_str().unwrap();
        let number = || value.as_i64().unwrap();
        match kind.as_str() {
            "bytes_val" => (ValueType::Bytes, Arc::new(BinaryArray::from_vec(vec![&hex(string())]))),
            "string_val" => (ValueType::String, Arc::new(StringArray::from(vec![string()]))),
            "int32_val" => (
                ValueType::Int32,
                Arc::new(Int32Array::from(vec![i32::try_from(number()).unwrap()])),
            ),
            "int64_val" => (ValueType::Int64, Arc::new(Int64Array::from(vec![number()]))),
            "unix_timestamp_val" => (
                ValueType::UnixTimestamp,
                Arc::new(TimestampSecondArray::from(vec![number()])),
            ),
            other => panic!("unknown key type {other}"),
        }
    }

    fn hex(digits: &str) -> Vec<u8> {
        (0..digits.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
            .collect()
    }

    #[test]
    fn bytes_equal_those_of_python_feast() {
        let vectors: Value = serde_json::from_str(feast_fixtures::ENTITY_KEY_VECTORS).unwrap();
        let vectors = vectors.as_array().unwrap();
        assert!(vectors.len() >= 15);
        for vector in vectors {
            let names = vector["join_keys"]
                .as_array()
                .unwrap()
                .iter()
                .map(|name| name.as_str().unwrap());
            let (types, columns): (Vec<_>, Vec<_>) = vector["values"].as_array().unwrap().iter().map(column).unzip();
            let named: Vec<_> = names.zip(&types).collect();
            let mut bytes = Vec::new();
            assert!(EntityKeyEncoder::new(&named).unwrap().encode(&columns, 0, &mut bytes));
            assert_eq!(bytes, hex(vector["v3"].as_str().unwrap()), "{vector}");
        }
    }

    #[test]
    fn a_null_gives_no_key() {
        let encoder = EntityKeyEncoder::new(&[("id", &ValueType::Int64)]).unwrap();
        let mut bytes = Vec::new();
        assert!(!encoder.encode(
            &[Arc::new(Int64Array::from(vec![None::<i64>])) as ArrayRef],
            0,
            &mut bytes
        ));
        assert!(bytes.is_empty());
    }

    #[test]
    fn floats_are_not_keys() {
        let encoder = EntityKeyEncoder::new(&[("at", &ValueType::Int64), ("id", &ValueType::Float64)]).map(|_| ());
        let unsupported = UnsupportedKeyType {
            key: "id".to_owned(),
            value_type: ValueType::Float64,
        };
        assert_eq!(encoder, Err(unsupported));
    }

    /// Python Feast makes `bytes_val` of all three.
    #[test]
    fn documents_and_images_are_stored_as_bytes() {
        let column = [Arc::new(BinaryArray::from_vec(vec![b"a"])) as ArrayRef];
        for value_type in [ValueType::Bytes, ValueType::PdfBytes, ValueType::ImageBytes] {
            let mut bytes = Vec::new();
            let encoder = EntityKeyEncoder::new(&[("k", &value_type)]).unwrap();
            assert!(encoder.encode(&column, 0, &mut bytes));
            assert_eq!(
                bytes,
                hex("0100000002000000010000006b010000000100000061"),
                "{value_type}"
            );
        }
    }
}
