//! Entity keys of a table, read page by page.

use feast_codec::packed_bytes::PackedBytes;

/// Some entity keys of a table.
#[derive(Debug, Default)]
pub struct KeyPage {
    /// In no order, and maybe some that other pages have too.
    pub keys: PackedBytes,
    /// Where the next page begins, in the form of the store; `None` after the last one.
    pub next: Option<Vec<u8>>,
    /// Keys before this page may have been missed, so all of them come again from the next page on.
    pub starts_over: bool,
}
