//! The rows of a lookup, in one block of bytes. Rows that are requested more than once lie in it once.

/// For more rows than these the capacity grows as they arrive.
const MAX_INITIAL_ROWS: usize = 1 << 16;

/// Rows of a list of entities in a list of tables, laid end to end.
#[derive(Debug, Default)]
pub struct RowBatch {
    bytes: Vec<u8>,
    /// Where each row lies: those of the first entity in the order of the tables, then those of the next one.
    spans: Vec<Option<(usize, usize)>>,
}

impl RowBatch {
    /// Has room for so many rows.
    #[inline]
    pub fn with_capacity(rows: usize) -> Self {
        Self {
            // What a row of some ten numbers takes; more than some of them may be the same.
            bytes: Vec::with_capacity(rows.min(MAX_INITIAL_ROWS) * 128),
            spans: Vec::with_capacity(rows),
        }
    }

    /// The row at a position: the entity's, times the number of tables, plus the table's.
    #[inline]
    pub fn get(&self, position: usize) -> Option<&[u8]> {
        let (start, end) = (*self.spans.get(position)?)?;
        self.bytes.get(start..end)
    }

    /// Adds the next row, or that there is none.
    #[inline]
    pub fn push(&mut self, row: Option<&[u8]>) {
        let span = row.map(|row| {
            let start = self.bytes.len();
            self.bytes.extend_from_slice(row);
            (start, self.bytes.len())
        });
        self.spans.push(span);
    }

    /// Adds the same rows again: as many as an entity has, from a position on.
    #[inline]
    pub fn push_same(&mut self, first: usize, rows: usize) {
        self.spans.extend_from_within(first..first + rows);
    }

    /// How many bytes all rows take together; a row that is requested more than once counts once.
    #[inline]
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// As [`RowBatch::bytes`], but rows count as often as they are requested.
    pub fn logical_bytes(&self) -> usize {
        self.spans.iter().flatten().map(|(start, end)| end - start).sum()
    }

    /// Leaves room for rows that are set later.
    #[inline]
    pub fn push_missing(&mut self, rows: usize) {
        self.spans.resize(self.spans.len() + rows, None);
    }

    /// Sets the row at a position.
    pub fn set(&mut self, position: usize, row: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(row);
        self.spans[position] = Some((start, self.bytes.len()));
    }

    /// Sets rows to others that are set: as many as an entity has.
    pub fn set_same(&mut self, position: usize, first: usize, rows: usize) {
        self.spans.copy_within(first..first + rows, position);
    }

    /// How much it holds, for [`RowBatch::truncate`].
    pub fn mark(&self) -> (usize, usize) {
        (self.bytes.len(), self.spans.len())
    }

    /// Removes what was added after the mark.
    pub fn truncate(&mut self, (bytes, spans): (usize, usize)) {
        self.bytes.truncate(bytes);
        self.spans.truncate(spans);
    }
}
