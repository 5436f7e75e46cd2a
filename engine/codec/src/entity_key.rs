//! Feast's entity key, serialization version 3, byte for byte.
//!
//! All integers are little-endian unsigned 32 bit: number of keys; for each key name, sorted by name: 2, length, UTF-8;
//! then for each value in the same order: type, length, bytes. The names are the same for all keys of a view, so they are
//! written once, by [`EntityKeyEncoder::new`]. Knows nothing of the store's own keys, which are in `storage_key`.

use std::fmt;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, Int32Array, Int64Array, StringArray, TimestampSecondArray};
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

    /// What it has on the heap.
    pub fn heap_bytes(&self) -> usize {
        self.prefix.capacity() + self.order.capacity() * size_of::<usize>()
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

    /// The values of a key, each a column of one, in the order of [`EntityKeyEncoder::new`]. `None` for bytes that are no key of these
    /// join keys.
    pub fn decode(&self, key: &[u8]) -> Option<Vec<(ValueType, ArrayRef)>> {
        let mut rest = key.strip_prefix(&self.prefix[..])?;
        let mut values: Vec<Option<(ValueType, ArrayRef)>> = vec![None; self.order.len()];
        for position in &self.order {
            values[*position] = Some(take_column(&mut rest)?);
        }
        rest.is_empty().then(|| values.into_iter().collect())?
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
        match take_value(&mut rest)? {
            (1 | STRING_TYPE, _) | (3, 4) | (4 | 8, 8) => {}
            _ => return None,
        }
    }
    Some(bytes.len() - rest.len())
}

/// Whether these bytes are an entity key of these join keys in version 1 or 2, which nothing reads any more. The names stand there
/// without their number and lengths, and integers of 64 bits may have 4 bytes.
pub fn is_key_of_former_version(bytes: &[u8], names: &[&str]) -> bool {
    let mut names = names.to_vec();
    names.sort_unstable();
    let mut rest = bytes;
    for name in &names {
        let after = rest.strip_prefix(&STRING_TYPE.to_le_bytes());
        match after.and_then(|after| after.strip_prefix(name.as_bytes())) {
            Some(after) => rest = after,
            None => return false,
        }
    }
    let is_value = |rest: &mut &[u8]| {
        matches!(
            take_value(rest),
            Some((1 | STRING_TYPE, _) | (3, 4) | (4, 4) | (4 | 8, 8))
        )
    };
    !names.is_empty() && names.iter().all(|_| is_value(&mut rest)) && rest.is_empty()
}

/// The value that comes next, with its type.
fn take_column(rest: &mut &[u8]) -> Option<(ValueType, ArrayRef)> {
    let value_type = take_u32(rest)?;
    let bytes = take_bytes(rest)?;
    let column: (ValueType, ArrayRef) = match value_type {
        1 => (ValueType::Bytes, Arc::new(BinaryArray::from_vec(vec![bytes]))),
        STRING_TYPE => {
            let string = std::str::from_utf8(bytes).ok()?;
            (ValueType::String, Arc::new(StringArray::from(vec![string])))
        }
        3 => {
            let number = i32::from_le_bytes(bytes.try_into().ok()?);
            (ValueType::Int32, Arc::new(Int32Array::from(vec![number])))
        }
        4 => {
            let number = i64::from_le_bytes(bytes.try_into().ok()?);
            (ValueType::Int64, Arc::new(Int64Array::from(vec![number])))
        }
        8 => {
            let seconds = TimestampSecondArray::from(vec![i64::from_le_bytes(bytes.try_into().ok()?)]);
            (ValueType::UnixTimestamp, Arc::new(seconds.with_timezone("UTC")))
        }
        _ => return None,
    };
    Some(column)
}

/// The type and width of the value that comes next.
fn take_value(rest: &mut &[u8]) -> Option<(u32, usize)> {
    let value_type = take_u32(rest)?;
    Some((value_type, take_bytes(rest)?.len()))
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
    use proptest::prelude::*;
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
            let encoder = EntityKeyEncoder::new(&named).unwrap();
            assert!(encoder.encode(&columns, 0, &mut bytes));
            assert_eq!(bytes, hex(vector["v3"].as_str().unwrap()), "{vector}");
            let (of_types, read): (Vec<_>, Vec<_>) = encoder.decode(&bytes).unwrap().into_iter().unzip();
            assert_eq!(of_types, types, "{vector}");
            let mut again = Vec::new();
            assert!(encoder.encode(&read, 0, &mut again));
            assert_eq!(again, bytes, "{vector}");
        }
    }

    /// Written by Feast 0.67.0: `driver_id` = 1001, and `a` = "x" with `b` = 7 as Int32.
    #[test]
    fn keys_of_former_versions_are_told_from_others() {
        let check = |key: &str, names: &[&str], expected| {
            assert_eq!(is_key_of_former_version(&hex(key), names), expected, "{key} {names:?}");
        };
        let (one, two, three) = (
            "020000006472697665725f69640400000004000000e9030000",
            "020000006472697665725f69640400000008000000e903000000000000",
            "0100000002000000090000006472697665725f69640400000008000000e903000000000000",
        );
        check(one, &["driver_id"], true);
        check(two, &["driver_id"], true);
        check(three, &["driver_id"], false);
        check(two, &["driver"], false);
        check(two, &["driver_id", "driver_id"], false);
        check(&two[..two.len() - 2], &["driver_id"], false);
        check(&format!("{two}00"), &["driver_id"], false);
        let pair = "02000000610200000062020000000100000078030000000400000007000000";
        check(pair, &["b", "a"], true);
        check("", &[], false);
    }

    proptest! {
        /// So two entities of two projects never have one key in Redis, where the name of the project comes after the entity key.
        #[test]
        fn the_bytes_say_where_an_entity_key_ends(
            entities in proptest::collection::vec(
                (proptest::collection::btree_map("[a-c]{0,2}", proptest::option::of("[\\x00-\\x08a]{0,6}"), 0..3), "[\\x00-\\x08a]{0,9}"),
                2,
            ),
        ) {
            let keys: Vec<(Vec<u8>, Vec<u8>)> = entities.iter().map(|(entity, project)| {
                let mut key = names_prefix(entity.keys().map(String::as_str));
                for value in entity.values() {
                    match value {
                        Some(string) => push_value(&(Arc::new(StringArray::from(vec![string.as_str()])) as ArrayRef), 0, &mut key),
                        None => push_value(&(Arc::new(Int32Array::from(vec![2])) as ArrayRef), 0, &mut key),
                    }
                }
                (key, project.clone().into_bytes())
            }).collect();
            for (key, project) in &keys {
                let whole = [&key[..], project].concat();
                prop_assert_eq!(key_length(&whole), Some(key.len()));
            }
            prop_assert_eq!(keys[0] == keys[1], [&keys[0].0[..], &keys[0].1].concat() == [&keys[1].0[..], &keys[1].1].concat());
        }
    }

    #[test]
    fn other_bytes_are_no_key() {
        let encoder = EntityKeyEncoder::new(&[("b", &ValueType::String), ("a", &ValueType::Int64)]).unwrap();
        let columns: [ArrayRef; 2] = [
            Arc::new(StringArray::from(vec!["x"])),
            Arc::new(Int64Array::from(vec![7])),
        ];
        let mut key = Vec::new();
        assert!(encoder.encode(&columns, 0, &mut key));
        let values = encoder.decode(&key).unwrap();
        assert_eq!(values[0].1.as_string::<i32>().value(0), "x");
        assert_eq!(values[1].1.as_primitive::<Int64Type>().value(0), 7);
        for length in 0..key.len() {
            assert_eq!(encoder.decode(&key[..length]), None, "{length}");
        }
        assert_eq!(encoder.decode(&[&key[..], b"x"].concat()), None);
        let other = EntityKeyEncoder::new(&[("a", &ValueType::Int64)]).unwrap();
        assert_eq!(other.decode(&key), None);
        assert_eq!(EntityKeyEncoder::new(&[]).unwrap().decode(&[0; 4]), Some(Vec::new()));
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
