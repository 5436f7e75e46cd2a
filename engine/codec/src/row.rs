//! The stored value of one (view, entity key): all features of the view in one flat row.
//!
//! ```text
//! u8   row format, 1
//! u32  schema id: which list of features the rest follows
//! i64  event time, microseconds since 1970
//! i64  created time, or i64::MIN when the source has none
//! bits one per feature, 1 = not null
//! bits one per feature, 1 = stored; only in rows of a layout with these bits
//! slot one per feature: the value itself (1, 4 or 8 bytes), or for variable-width features a u32, the end of
//!      its bytes in the last part (they start where those of the variable feature before it end)
//! ...  the bytes of the variable-width features
//! ```
//! Integers are little-endian. A list is `u32 count | bits | values`, where variable-width values are preceded by their
//! ends, so a nested list is a list of lists. A slot can be found without reading the ones before it.
//!
//! One value holds all features of a view, because a lookup costs by the key. Maps and structs are held as the JSON text in which they
//! are answered: Feast gives their values no fixed type.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Float32Type, Float64Type, Int32Type, Int64Type, TimestampSecondType};
use feast_model::{Timestamp, ValueType};

const ROW_FORMAT: u8 = 1;
const HEADER_BYTES: usize = 1 + 4 + 8 + 8;
const NO_CREATED_TIME: i64 = i64::MIN;

/// What precedes the features of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowHeader {
    /// The list of features that the row follows.
    pub schema_id: u32,
    /// Which row is newer.
    pub version: RowVersion,
}

/// Decides which of two rows of one key is kept: the greater one, the later arrival when equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RowVersion {
    /// When what the row tells was so.
    pub event_time: Timestamp,
    /// `None`, no created time, is the lowest.
    pub created_time: Option<Timestamp>,
}

/// A stored row is not what this program writes: the store is damaged or of another version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("stored row is damaged: {0}")]
pub struct CorruptRow(pub &'static str);

/// Where each feature of a schema lies in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowLayout {
    slots: Vec<Slot>,
    /// Where the bits start that say which features are stored; all are if `None`.
    stored_at: Option<usize>,
    variable_at: usize,
}

/// What a row has of a feature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cell {
    /// A value.
    Value,
    /// It is null.
    Null,
    /// Nothing: its writer did not know the feature.
    NotStored,
}

/// Where one feature lies in the rows of a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeatureSlot {
    bit_at: usize,
    bit: u8,
    /// How far after it the bit is that says whether the feature is stored; 0 where all features are.
    stored_after: usize,
    slot: Slot,
    variable_at: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slot {
    Fixed {
        offset: usize,
        width: usize,
    },
    Variable {
        end_offset: usize,
        start_offset: Option<usize>,
    },
}

/// Bytes of a value of fixed width; `None` for variable width.
pub(super) fn fixed_width(data_type: &DataType) -> Option<usize> {
    match data_type {
        DataType::Boolean => Some(1),
        DataType::Int32 | DataType::Float32 => Some(4),
        DataType::Int64 | DataType::Float64 | DataType::Timestamp(..) => Some(8),
        _ => None,
    }
}

/// Names the stored form of a type. Kept in schema records, so a name once used keeps its meaning for ever. Types that
/// share a form, such as strings and JSON, can replace each other without rewriting rows.
pub fn storage_type(value_type: &ValueType) -> String {
    match value_type {
        // Answered as it is, so other strings must not pass for it.
        document if document.is_document() => "document".to_owned(),
        ValueType::Array(element) | ValueType::Set(element) => format!("list<{}>", storage_type(element)),
        scalar => match scalar.arrow_type() {
            DataType::Boolean => "bool",
            DataType::Int32 => "i32",
            DataType::Int64 => "i64",
            DataType::Float32 => "f32",
            DataType::Float64 => "f64",
            DataType::Timestamp(..) => "seconds",
            DataType::Binary => "bytes",
            _ => "text",
        }
        .to_owned(),
    }
}

fn storage_width(storage_type: &str) -> Option<usize> {
    match storage_type {
        "bool" => Some(1),
        "i32" | "f32" => Some(4),
        "i64" | "f64" | "seconds" => Some(8),
        _ => None,
    }
}

impl RowLayout {
    /// For features held in these storage types (see [`storage_type`]), in schema order.
    pub fn new(storage_types: &[String]) -> Self {
        Self::starting_at(HEADER_BYTES + storage_types.len().div_ceil(8), None, storage_types)
    }

    /// As [`RowLayout::new`], for rows that may lack features which other rows of the same schema have.
    pub fn with_stored_bits(storage_types: &[String]) -> Self {
        let bytes = storage_types.len().div_ceil(8);
        Self::starting_at(HEADER_BYTES + 2 * bytes, Some(HEADER_BYTES + bytes), storage_types)
    }

    fn starting_at(mut offset: usize, stored_at: Option<usize>, storage_types: &[String]) -> Self {
        let mut last_end = None;
        let mut slots = Vec::with_capacity(storage_types.len());
        for storage_type in storage_types {
            match storage_width(storage_type) {
                Some(width) => {
                    slots.push(Slot::Fixed { offset, width });
                    offset += width;
                }
                None => {
                    slots.push(Slot::Variable {
                        end_offset: offset,
                        start_offset: last_end,
                    });
                    last_end = Some(offset);
                    offset += 4;
                }
            }
        }
        Self {
            slots,
            stored_at,
            variable_at: offset,
        }
    }

    /// Whether rows say of each feature whether it is stored.
    pub fn has_stored_bits(&self) -> bool {
        self.stored_at.is_some()
    }

    /// Appends the row `row` of `columns`, which are canonical arrays in schema order. All features are stored.
    pub fn encode(&self, header: RowHeader, columns: &[ArrayRef], row: usize, out: &mut Vec<u8>) {
        let start = out.len();
        self.push_head(header, out);
        for (index, (slot, column)) in self.slots.iter().zip(columns).enumerate() {
            let present = column.is_valid(row);
            if present {
                out[start + HEADER_BYTES + index / 8] |= 1 << (index % 8);
            }
            match *slot {
                Slot::Fixed { offset, width } if present => {
                    let target = &mut out[start + offset..start + offset + width];
                    write_fixed(column, row, target);
                }
                Slot::Fixed { .. } => {}
                Slot::Variable { end_offset, .. } => {
                    if present {
                        push_variable(column, row, out);
                    }
                    let end = length_u32(out.len() - start - self.variable_at);
                    out[start + end_offset..start + end_offset + 4].copy_from_slice(&end.to_le_bytes());
                }
            }
        }
    }

    /// Appends a row of values that another codec reads. `read` appends the bytes of the feature at a position in the form of this
    /// module, little-endian or the bytes of a value of variable width, and nothing for one that is null or not stored.
    ///
    /// # Errors
    /// Those of `read`; what was appended by then stays.
    pub fn encode_cells<E>(
        &self,
        header: RowHeader,
        mut read: impl FnMut(usize, &mut Vec<u8>) -> Result<Cell, E>,
        out: &mut Vec<u8>,
    ) -> Result<(), E> {
        let start = out.len();
        self.push_head(header, out);
        for (index, slot) in self.slots.iter().enumerate() {
            let value_at = out.len();
            let cell = read(index, out)?;
            let bit = 1 << (index % 8);
            if cell == Cell::Value {
                out[start + HEADER_BYTES + index / 8] |= bit;
            }
            if let Some(stored_at) = self.stored_at.filter(|_| cell != Cell::NotStored) {
                out[start + stored_at + index / 8] |= bit;
            }
            match *slot {
                Slot::Fixed { offset, width } => {
                    if out.len() - value_at == width {
                        out.copy_within(value_at.., start + offset);
                    }
                    out.truncate(value_at);
                }
                Slot::Variable { end_offset, .. } => {
                    let end = length_u32(out.len() - start - self.variable_at);
                    out[start + end_offset..start + end_offset + 4].copy_from_slice(&end.to_le_bytes());
                }
            }
        }
        Ok(())
    }

    /// Appends all of a row but its values, which are null.
    fn push_head(&self, header: RowHeader, out: &mut Vec<u8>) {
        let start = out.len();
        out.push(ROW_FORMAT);
        out.extend_from_slice(&header.schema_id.to_le_bytes());
        out.extend_from_slice(&header.version.event_time.micros().to_le_bytes());
        let created = header.version.created_time.map_or(NO_CREATED_TIME, Timestamp::micros);
        out.extend_from_slice(&created.to_le_bytes());
        out.resize(start + self.variable_at, 0);
    }

    /// Where a feature lies, by its position in the schema.
    pub fn feature(&self, index: usize) -> Option<FeatureSlot> {
        Some(FeatureSlot {
            bit_at: HEADER_BYTES + index / 8,
            bit: 1 << (index % 8),
            stored_after: self.stored_at.map_or(0, |at| at - HEADER_BYTES),
            slot: *self.slots.get(index)?,
            variable_at: self.variable_at,
        })
    }
}

impl FeatureSlot {
    /// Whether a row has the feature, be it null.
    #[inline]
    pub(super) fn is_stored(&self, row: &[u8]) -> bool {
        let at = self.bit_at + self.stored_after;
        self.stored_after == 0 || row.get(at).is_some_and(|bits| bits & self.bit != 0)
    }

    /// The bytes of a feature of that width in a row; `None` when it is null.
    #[inline(always)]
    pub(super) fn fixed<const WIDTH: usize>(&self, row: &[u8]) -> Result<Option<[u8; WIDTH]>, CorruptRow> {
        let bits = row.get(self.bit_at).ok_or(CorruptRow("too short"))?;
        if bits & self.bit == 0 {
            return Ok(None);
        }
        match self.slot {
            Slot::Fixed { offset, .. } => match row.get(offset..).and_then(<[u8]>::first_chunk) {
                Some(bytes) => Ok(Some(*bytes)),
                None => Err(CorruptRow("a value lies outside of it")),
            },
            Slot::Variable { .. } => Err(CorruptRow("a number has the wrong width")),
        }
    }

    /// The bytes of the feature in a row; `None` when it is null.
    #[inline]
    pub(super) fn payload<'row>(&self, row: &'row [u8]) -> Result<Option<&'row [u8]>, CorruptRow> {
        let bits = row.get(self.bit_at).ok_or(CorruptRow("too short"))?;
        if bits & self.bit == 0 {
            return Ok(None);
        }
        let range = match self.slot {
            Slot::Fixed { offset, width } => offset..offset + width,
            Slot::Variable {
                end_offset,
                start_offset,
            } => {
                let start = start_offset.map_or(Ok(0), |offset| read_u32(row, offset))?;
                let end = read_u32(row, end_offset)?;
                self.variable_at + start..self.variable_at + end
            }
        };
        row.get(range).map(Some).ok_or(CorruptRow("a value lies outside of it"))
    }
}

impl RowHeader {
    /// Reads the head of a stored row.
    #[inline]
    pub fn decode(row: &[u8]) -> Result<Self, CorruptRow> {
        let header = row.get(..HEADER_BYTES).ok_or(CorruptRow("too short"))?;
        if header[0] != ROW_FORMAT {
            return Err(CorruptRow("its format is not known to this version"));
        }
        let created = read_i64(header, 13)?;
        Ok(Self {
            schema_id: u32::try_from(read_u32(header, 1)?).unwrap_or(u32::MAX),
            version: RowVersion {
                event_time: Timestamp::from_micros(read_i64(header, 5)?),
                created_time: (created != NO_CREATED_TIME).then(|| Timestamp::from_micros(created)),
            },
        })
    }
}

fn write_fixed(column: &ArrayRef, row: usize, target: &mut [u8]) {
    match column.data_type() {
        DataType::Boolean => target[0] = u8::from(column.as_boolean().value(row)),
        DataType::Int32 => target.copy_from_slice(&column.as_primitive::<Int32Type>().value(row).to_le_bytes()),
        DataType::Float32 => target.copy_from_slice(&column.as_primitive::<Float32Type>().value(row).to_le_bytes()),
        DataType::Int64 => target.copy_from_slice(&column.as_primitive::<Int64Type>().value(row).to_le_bytes()),
        DataType::Float64 => target.copy_from_slice(&column.as_primitive::<Float64Type>().value(row).to_le_bytes()),
        DataType::Timestamp(..) => {
            target.copy_from_slice(&column.as_primitive::<TimestampSecondType>().value(row).to_le_bytes());
        }
        other => unreachable!("{other} has no fixed width"),
    }
}

fn push_variable(column: &ArrayRef, row: usize, out: &mut Vec<u8>) {
    match column.data_type() {
        DataType::Utf8 => out.extend_from_slice(column.as_string::<i32>().value(row).as_bytes()),
        DataType::Binary => out.extend_from_slice(column.as_binary::<i32>().value(row)),
        DataType::List(_) => push_list(&column.as_list::<i32>().value(row), out),
        other => unreachable!("{other} is not a type of a feature column"),
    }
}

fn push_list(items: &ArrayRef, out: &mut Vec<u8>) {
    let count = items.len();
    out.extend_from_slice(&length_u32(count).to_le_bytes());
    let bits_at = out.len();
    out.resize(bits_at + count.div_ceil(8), 0);
    for item in (0..count).filter(|item| items.is_valid(*item)) {
        out[bits_at + item / 8] |= 1 << (item % 8);
    }
    let values_at = out.len();
    if let Some(width) = fixed_width(items.data_type()) {
        out.resize(values_at + count * width, 0);
        for item in (0..count).filter(|item| items.is_valid(*item)) {
            let at = values_at + item * width;
            write_fixed(items, item, &mut out[at..at + width]);
        }
        return;
    }
    out.resize(values_at + count * 4, 0);
    let bytes_at = out.len();
    for item in 0..count {
        if items.is_valid(item) {
            push_variable(items, item, out);
        }
        let end = length_u32(out.len() - bytes_at);
        out[values_at + item * 4..values_at + item * 4 + 4].copy_from_slice(&end.to_le_bytes());
    }
}

/// Arrow's own offsets are 31 bits wide, so no row comes near this limit before Arrow refuses it.
fn length_u32(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

pub(super) fn read_u32(bytes: &[u8], at: usize) -> Result<usize, CorruptRow> {
    let bytes = bytes
        .get(at..at + 4)
        .and_then(|slice| slice.try_into().ok())
        .ok_or(CorruptRow("too short"))?;
    Ok(u32::from_le_bytes(bytes) as usize)
}

fn read_i64(bytes: &[u8], at: usize) -> Result<i64, CorruptRow> {
    let bytes = bytes
        .get(at..at + 8)
        .and_then(|slice| slice.try_into().ok())
        .ok_or(CorruptRow("too short"))?;
    Ok(i64::from_le_bytes(bytes))
}
