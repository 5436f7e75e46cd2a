//! What is read of one hash for a list of tables: the fields, and the command that brings them most cheaply.
//!
//! All views with the same join keys lie in one hash, so one command brings them all: a command for each view would make Redis look
//! up the same key again and again. `HGETALL` walks a hash once, where `HMGET` searches each field. Small hashes are lists, in which a
//! search costs three times a step, so `HGETALL` pays from a third of the fields on; large ones are tables, in which it pays only if
//! nearly all is requested. How large the hash is follows from the registry at first, and from the replies when they differ.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use feast_codec::feast_value::{ValueDecoder, field_name, time_field};
use feast_model::ValueType;
use feast_rows::{RegistryTables, StoredView, Table};
use redis::Cmd;

use crate::connection::{Reply, Strings};

/// Redis keeps a hash of more fields as a table (`hash-max-listpack-entries`).
const MAX_LIST_FIELDS: usize = 128;
/// A reply with so many bytes beyond what was requested shows that whole hashes are too large.
const MAX_OTHER_BYTES: usize = 16 << 10;

/// What to read of the hash of each entity.
pub(crate) struct HashQuery {
    tables: Vec<TableFields>,
    /// As in `HMGET`: for each table its features, then its time.
    fields: Vec<Vec<u8>>,
    /// Positions in `fields`.
    by_name: HashMap<Vec<u8>, usize>,
    reads_all: AtomicBool,
}

/// The command that reads a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// `HMGET` of the fields.
    Fields,
    /// `HGETALL`.
    All,
}

/// Where the values of a table are among the fields of a query.
pub(crate) struct TableFields {
    pub(crate) table: Arc<Table>,
    pub(crate) view: Arc<StoredView>,
    pub(crate) decoders: Vec<ValueDecoder>,
    first: usize,
}

impl TableFields {
    /// Where the value of a feature is, by its position in the view.
    pub(crate) fn position(&self, feature: usize) -> usize {
        self.first + feature
    }
}

/// The values of a hash in the order of the fields of its query; `None` for a field that is not there.
pub(crate) type HashValues<'reply> = Vec<Option<&'reply [u8]>>;

impl HashQuery {
    /// For tables with the same join keys. Tables that are not there any more are left out.
    pub(crate) fn new(tables: &[u32], views: &RegistryTables) -> Self {
        let mut fields = Vec::new();
        let mut of_tables = Vec::with_capacity(tables.len());
        for id in tables {
            let view = views.view_of(*id);
            let Some((view, (table, _))) = view.and_then(|view| Some((view, views.view(&view.name)?))) else {
                continue;
            };
            let first = fields.len();
            let names = view.features.iter();
            fields.extend(names.map(|feature| field_name(&view.stored_name, &feature.name).to_vec()));
            fields.push(time_field(&view.stored_name));
            of_tables.push(TableFields {
                table: Arc::clone(table),
                view: Arc::clone(view),
                decoders: view
                    .features
                    .iter()
                    .map(|field| ValueDecoder::new(&field.value_type))
                    .collect(),
                first,
            });
        }
        let by_name: HashMap<Vec<u8>, usize> = fields.iter().cloned().zip(0..).collect();
        let reads_all = by_name.len() == fields.len() && pays_to_read_all(&of_tables, views);
        Self {
            tables: of_tables,
            by_name,
            fields,
            reads_all: AtomicBool::new(reads_all),
        }
    }

    /// Which command to send next. Views that have left the registry since the lookup began leave no field to ask for, and `HMGET`
    /// takes no empty list.
    pub(crate) fn reading(&self) -> Reading {
        match self.fields.is_empty() || self.reads_all.load(Ordering::Relaxed) {
            true => Reading::All,
            false => Reading::Fields,
        }
    }

    /// From now on only the fields are read. Whether there are any.
    pub(crate) fn read_fields(&self) -> bool {
        self.reads_all.store(false, Ordering::Relaxed);
        !self.fields.is_empty()
    }

    /// The command for the hash of an entity.
    pub(crate) fn command(&self, reading: Reading, key: &[u8]) -> Cmd {
        if reading == Reading::All {
            let mut command = Cmd::with_capacity(2, key.len() + 16);
            command.arg("HGETALL").arg(key);
            return command;
        }
        let bytes: usize = self.fields.iter().map(Vec::len).sum();
        let mut command = Cmd::with_capacity(2 + self.fields.len(), key.len() + bytes + 16);
        command.arg("HMGET").arg(key);
        for field in &self.fields {
            command.arg(&field[..]);
        }
        command
    }

    /// The values in the reply to a command; `None` for what is not such a reply.
    pub(crate) fn values<'reply>(&self, reading: Reading, reply: &'reply Reply) -> Option<HashValues<'reply>> {
        let strings = reply.strings()?;
        if reading == Reading::All {
            return self.pick(strings);
        }
        let mut values = Vec::with_capacity(self.fields.len());
        values.extend(strings);
        (values.len() == self.fields.len()).then_some(values)
    }

    /// Where the values of a table are; `None` if the registry no longer has its view.
    pub(crate) fn table(&self, id: u32) -> Option<&TableFields> {
        self.tables.iter().find(|fields| fields.table.id == id)
    }

    /// The values of a table's features, and the bytes of its time.
    pub(crate) fn of_table<'a, 'reply>(
        table: &TableFields,
        values: &'a [Option<&'reply [u8]>],
    ) -> (&'a [Option<&'reply [u8]>], Option<&'reply [u8]>) {
        let time = table.first + table.decoders.len();
        (&values[table.first..time], values[time])
    }

    /// The requested ones of all fields of a hash.
    fn pick<'reply>(&self, mut strings: Strings<'reply>) -> Option<HashValues<'reply>> {
        let count = strings.len() / 2;
        let mut values = vec![None; self.fields.len()];
        let (mut others, mut next) = (0, 0);
        for _ in 0..count {
            let (field, value) = (strings.next()??, strings.next()?);
            // Small hashes are in the order in which they were written, so mostly this is the one after the last.
            let position = match self.fields.get(next) {
                Some(expected) if *expected == field => Some(next),
                _ => self.by_name.get(field).copied(),
            };
            match position {
                Some(position) => {
                    values[position] = value;
                    next = position + 1;
                }
                None => others += field.len() + value.map_or(0, <[u8]>::len),
            }
        }
        if others > MAX_OTHER_BYTES || !pays(self.fields.len(), count) {
            self.reads_all.store(false, Ordering::Relaxed);
        }
        Some(values)
    }
}

/// Whether to read all fields of a hash where these tables are requested, by what the registry says of the hash.
fn pays_to_read_all(requested: &[TableFields], views: &RegistryTables) -> bool {
    let Some(first) = requested.first() else {
        return false;
    };
    let is_requested = |view: &StoredView| requested.iter().any(|table| table.view.name == view.name);
    let in_hash = || views.views().filter(|view| view.join_keys == first.view.join_keys);
    // Lists can be of any size.
    let is_large = |value_type: &ValueType| matches!(value_type, ValueType::Array(_) | ValueType::Set(_));
    let mut others = in_hash()
        .filter(|view| !is_requested(view))
        .flat_map(|view| &view.features);
    let requested_fields: usize = requested.iter().map(|table| table.view.features.len() + 1).sum();
    let all_fields = in_hash().map(|view| view.features.len() + 1).sum();
    !others.any(|feature| is_large(&feature.value_type)) && pays(requested_fields, all_fields)
}

fn pays(requested: usize, in_hash: usize) -> bool {
    match in_hash <= MAX_LIST_FIELDS {
        true => requested * 3 >= in_hash,
        false => requested * 10 >= in_hash * 9,
    }
}
