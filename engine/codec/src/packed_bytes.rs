//! Many byte strings in one allocation: keys, and rows on their way to a store. Knows nothing of what the bytes mean.

/// Byte strings laid end to end, addressed by position.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PackedBytes {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl PackedBytes {
    /// Has room for as many strings and bytes.
    #[inline]
    pub fn with_capacity(strings: usize, bytes: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(bytes),
            ends: Vec::with_capacity(strings),
        }
    }

    /// Makes room for as many more strings and bytes.
    pub fn reserve(&mut self, strings: usize, bytes: usize) {
        self.bytes.reserve(bytes);
        self.ends.reserve(strings);
    }

    /// Adds the string that `write` appends to the buffer given to it. When `write` returns `false` nothing is added.
    pub fn push_if(&mut self, write: impl FnOnce(&mut Vec<u8>) -> bool) -> bool {
        let start = self.bytes.len();
        let written = write(&mut self.bytes);
        if written {
            self.ends.push(self.bytes.len());
        } else {
            self.bytes.truncate(start);
        }
        written
    }

    /// Adds the string that `write` appends to the buffer given to it.
    pub fn push_with(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.bytes);
        self.ends.push(self.bytes.len());
    }

    /// Adds a string.
    #[inline]
    pub fn push(&mut self, string: &[u8]) {
        self.bytes.extend_from_slice(string);
        self.ends.push(self.bytes.len());
    }

    /// Puts another string in the place of the last one, if there is one.
    pub fn replace_last(&mut self, string: &[u8]) {
        if self.ends.pop().is_some() {
            self.bytes.truncate(self.ends.last().copied().unwrap_or_default());
            self.push(string);
        }
    }

    /// The strings in order.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len()).map(|position| self.get(position))
    }

    /// How many strings it holds.
    #[inline]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// How many bytes all strings have together.
    #[inline]
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// The last string.
    pub fn last(&self) -> Option<&[u8]> {
        self.len().checked_sub(1).map(|last| self.get(last))
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The string at a position.
    #[inline]
    pub fn get(&self, position: usize) -> &[u8] {
        let start = if position == 0 { 0 } else { self.ends[position - 1] };
        &self.bytes[start..self.ends[position]]
    }
}
