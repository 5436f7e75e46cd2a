//! Keys of the store. The first byte says what a key is of; its numbers are never reused.
//!
//! A row's key is `tag | table id, u32 big-endian | entity key`, so the rows of one view lie together and a view is
//! dropped as one range. Keys that begin with the entity would make a batched get a third faster, but dropping a view would be a
//! scan, and the row cache gives more.

/// What a key is of. Append only: a number once used keeps its meaning for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum KeyTag {
    /// The format of the store.
    Format = 0,
    /// The directory of tables: which view has which table id and schemas.
    Directory = 1,
    /// A row of a table.
    Row = 2,
    /// A push that is not done yet.
    Push = 3,
    /// The number of the last push that was logged.
    PushCounter = 4,
    /// Which database this is.
    Identity = 5,
    /// What the directory of tables has no place for: hidden tables, and what tables were made for.
    TableDetails = 6,
}

impl KeyTag {
    #[cfg(test)]
    const ALL: [Self; 7] = [
        Self::Format,
        Self::Directory,
        Self::Row,
        Self::Push,
        Self::PushCounter,
        Self::Identity,
        Self::TableDetails,
    ];

    /// The whole key of things that exist once.
    pub const fn single(self) -> [u8; 1] {
        [self as u8]
    }
}

/// What all row keys of a table start with.
pub fn row_prefix(table_id: u32) -> [u8; 5] {
    let [first, second, third, fourth] = table_id.to_be_bytes();
    [KeyTag::Row as u8, first, second, third, fourth]
}

/// The table id and the entity key of a row's key, if this is one.
pub fn split_row_key(key: &[u8]) -> Option<(u32, &[u8])> {
    let (tag, rest) = key.split_first()?;
    let (table, entity) = rest.split_first_chunk()?;
    (*tag == KeyTag::Row as u8).then(|| (u32::from_be_bytes(*table), entity))
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

/// The half-open range of all row keys of a table.
pub fn table_range(table_id: u32) -> ([u8; 5], [u8; 5]) {
    let end = table_id
        .checked_add(1)
        .map_or([KeyTag::Row as u8 + 1, 0, 0, 0, 0], row_prefix);
    (row_prefix(table_id), end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_distinct_and_single_keys_are_not_row_prefixes() {
        for (position, tag) in KeyTag::ALL.into_iter().enumerate() {
            assert_eq!(tag as usize, position);
        }
        assert_ne!(KeyTag::Directory.single()[0], row_prefix(0)[0]);
    }

    #[test]
    fn pushes_are_in_the_order_of_their_numbers() {
        for number in [0, 1, 255, 256, u64::MAX] {
            assert_eq!(push_number(&push_key(number)), Some(number));
            assert!(push_key(number) >= push_key(number.saturating_sub(1)));
        }
        assert!(push_key(0).as_slice() > table_range(u32::MAX).1.as_slice());
        assert_eq!(push_number(&KeyTag::PushCounter.single()), None);
        assert_eq!(push_number(&row_prefix(1)), None);
    }

    #[test]
    fn row_keys_come_apart_again() {
        let key = [row_prefix(258).as_slice(), b"entity"].concat();
        assert_eq!(split_row_key(&key), Some((258, &b"entity"[..])));
        assert_eq!(split_row_key(&key[..4]), None);
        assert_eq!(split_row_key(&push_key(1)), None);
    }

    #[test]
    fn tables_do_not_overlap() {
        for table_id in [0, 1, 255, 256, u32::MAX - 1, u32::MAX] {
            let (start, end) = table_range(table_id);
            assert!(start < end);
            if let Some(next) = table_id.checked_add(1) {
                assert_eq!(end, row_prefix(next));
            }
        }
    }
}
