//! Keys of the store. The first byte says what a key is of; its numbers are never reused.
//!
//! A row's key is `tag | entity key | table id, u32 big-endian`, so the rows of one entity lie together, whatever views they are of: what
//! a request reads of an entity are one or two blocks. Entity keys say themselves where they end, so that of two of them none begins
//! with the other. Rows of a table are all over the store, and to drop them takes a look at every row: see `dropped` in
//! `feast-rocksdb`.
//!
//! In stores of format 1 it was `tag | table id | entity key`.

/// What a key is of. Append only: a number once used keeps its meaning for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum KeyTag {
    /// The format of the store.
    Format = 0,
    /// The directory of tables: which view has which table id and schemas.
    Directory = 1,
    /// A row of a store of format 1.
    RowByTable = 2,
    /// A push that is not done yet.
    Push = 3,
    /// The number of the last push that was logged.
    PushCounter = 4,
    /// Which database this is.
    Identity = 5,
    /// What the directory of tables has no place for: hidden tables, and what tables were made for.
    TableDetails = 6,
    /// A row.
    Row = 7,
    /// Tables that were dropped, whose rows may still be there.
    DroppedTables = 8,
}

impl KeyTag {
    #[cfg(test)]
    const ALL: [Self; 9] = [
        Self::Format,
        Self::Directory,
        Self::RowByTable,
        Self::Push,
        Self::PushCounter,
        Self::Identity,
        Self::TableDetails,
        Self::Row,
        Self::DroppedTables,
    ];

    /// The whole key of things that exist once.
    pub const fn single(self) -> [u8; 1] {
        [self as u8]
    }
}

/// How many bytes of a row's key follow the entity key.
pub const TABLE_ID_BYTES: usize = 4;

/// Appends what stands before the entity key in the key of a row.
#[inline]
pub fn start_row_key(out: &mut Vec<u8>) {
    out.push(KeyTag::Row as u8);
}

/// Appends what stands after it.
#[inline]
pub fn end_row_key(table_id: u32, out: &mut Vec<u8>) {
    out.extend_from_slice(&table_id.to_be_bytes());
}

/// The key of an entity's row in a table.
pub fn row_key(entity: &[u8], table_id: u32) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + entity.len() + TABLE_ID_BYTES);
    start_row_key(&mut key);
    key.extend_from_slice(entity);
    end_row_key(table_id, &mut key);
    key
}

/// The table id and the entity key of a row's key, if this is one.
#[inline]
pub fn split_row_key(key: &[u8]) -> Option<(u32, &[u8])> {
    let (tag, rest) = key.split_first()?;
    let (entity, table) = rest.split_last_chunk()?;
    (*tag == KeyTag::Row as u8).then(|| (u32::from_be_bytes(*table), entity))
}

/// The half-open range of the keys of all rows whose entity key begins so.
pub fn rows_of_entities(start: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let first = [&[KeyTag::Row as u8], start].concat();
    let mut end = first.clone();
    // The tag is below 255, so there is always a byte to count up.
    while let Some(last) = end.pop() {
        if let Some(next) = last.checked_add(1) {
            end.push(next);
            break;
        }
    }
    (first, end)
}

/// The key of a logged push. Keys are in the order of the numbers.
pub fn push_key(number: u64) -> [u8; 9] {
    let mut key = [KeyTag::Push as u8; 9];
    key[1..].copy_from_slice(&number.to_be_bytes());
    key
}

/// The number of a push, if this is the key of one.
pub fn push_number(key: &[u8]) -> Option<u64> {
    let (tag, number) = key.split_first()?;
    (*tag == KeyTag::Push as u8)
        .then(|| number.try_into().ok().map(u64::from_be_bytes))
        .flatten()
}

/// Keys of rows in stores of format 1.
pub mod by_table {
    use super::KeyTag;

    /// What all row keys of a table start with.
    pub fn row_prefix(table_id: u32) -> [u8; 5] {
        let [first, second, third, fourth] = table_id.to_be_bytes();
        [KeyTag::RowByTable as u8, first, second, third, fourth]
    }

    /// The half-open range of all row keys of a table.
    pub fn table_range(table_id: u32) -> ([u8; 5], [u8; 5]) {
        let end = table_id
            .checked_add(1)
            .map_or([KeyTag::RowByTable as u8 + 1, 0, 0, 0, 0], row_prefix);
        (row_prefix(table_id), end)
    }

    /// The half-open range of the row keys of all tables.
    pub fn all_rows() -> ([u8; 1], [u8; 1]) {
        ([KeyTag::RowByTable as u8], [KeyTag::RowByTable as u8 + 1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_distinct_and_single_keys_are_not_of_rows() {
        for (position, tag) in KeyTag::ALL.into_iter().enumerate() {
            assert_eq!(tag as usize, position);
            assert_eq!(split_row_key(&tag.single()), None);
        }
    }

    #[test]
    fn pushes_are_in_the_order_of_their_numbers() {
        for number in [0, 1, 255, 256, u64::MAX] {
            assert_eq!(push_number(&push_key(number)), Some(number));
            assert!(push_key(number) >= push_key(number.saturating_sub(1)));
        }
        assert!(push_key(0).as_slice() > by_table::table_range(u32::MAX).1.as_slice());
        assert_eq!(push_number(&KeyTag::PushCounter.single()), None);
        assert_eq!(push_number(&row_key(b"entity", 1)), None);
    }

    #[test]
    fn row_keys_come_apart_again() {
        let key = row_key(b"entity", 258);
        assert_eq!(split_row_key(&key), Some((258, &b"entity"[..])));
        assert_eq!(split_row_key(&key[..4]), None);
        assert_eq!(split_row_key(&push_key(1)), None);
    }

    #[test]
    fn rows_of_an_entity_lie_together_in_the_order_of_their_tables() {
        let mut keys = vec![
            row_key(b"a", 0),
            row_key(b"a", 255),
            row_key(b"a", 256),
            row_key(b"a", u32::MAX),
            row_key(b"b", 1),
        ];
        let ordered = keys.clone();
        keys.reverse();
        keys.sort();
        assert_eq!(keys, ordered);
    }

    #[test]
    fn a_range_has_the_entities_that_begin_so() {
        for start in [&b""[..], b"a", b"a\xff", b"\xff\xff"] {
            let (first, end) = rows_of_entities(start);
            let is_in = |key: Vec<u8>| key >= first && key < end;
            assert!(is_in(row_key(&[start, b"\xff\xff"].concat(), u32::MAX)), "{start:?}");
            assert!(is_in(row_key(start, 0)), "{start:?}");
            let before = [KeyTag::RowByTable as u8, 0];
            assert!(!is_in(before.to_vec()));
            if !start.is_empty() {
                assert!(!is_in(row_key(b"", 0)), "{start:?}");
            }
        }
        let (_, end) = rows_of_entities(b"a");
        assert_eq!(end, [KeyTag::Row as u8, b'b']);
    }

    #[test]
    fn tables_of_format_1_do_not_overlap() {
        for table_id in [0, 1, 255, 256, u32::MAX - 1, u32::MAX] {
            let (start, end) = by_table::table_range(table_id);
            assert!(start < end);
            if let Some(next) = table_id.checked_add(1) {
                assert_eq!(end, by_table::row_prefix(next));
            }
        }
        assert_eq!(by_table::all_rows().0, by_table::row_prefix(0)[..1]);
    }
}
