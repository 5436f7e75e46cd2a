//! Brings one list of the registry to what is defined.

use std::collections::HashMap;

use feast_model::ObjectKind;
use feast_model::error::{ErrorKind, Result};
use prost::Message;
use serde_json::Value;

use super::change::{Change, FieldChange, KeyChange, Verb};
use super::history::Applied;
use crate::contents::RegistryContents;
use crate::convert::timestamp_message;
use crate::descriptors::MessageDescriptor;
use crate::kinds::{EncodeContext, ObjectCodec, ObjectTable};
use crate::protowire::{bytes_of, put, without};
use crate::to_json::{FieldNaming, to_json};

/// An object of the list that differs from what is defined.
struct Outdated<T> {
    object: T,
    bytes: Vec<u8>,
}

impl RegistryContents {
    /// Brings one list to what is defined and says what changed: created, then deleted, then updated objects.
    pub(super) fn reconcile<T: Clone + PartialEq>(
        &mut self,
        codec: &ObjectCodec<T>,
        defined: &[T],
        context: &EncodeContext<'_>,
    ) -> Result<Vec<Change>> {
        let table = &codec.table;
        let by_name: HashMap<&str, &T> = defined.iter().map(|object| (codec.name(object), object)).collect();
        let mut outdated: HashMap<String, Outdated<T>> = HashMap::new();
        let mut present = Vec::new();
        let mut kept = Vec::new();
        let mut deleted = Vec::new();
        for bytes in std::mem::take((table.list_mut)(&mut self.message)) {
            let object = match (codec.decode)(&self.decode_context(), table.spec_of(&bytes)) {
                Ok(Some(object)) => object,
                Ok(None) => {
                    kept.push(bytes);
                    continue;
                }
                // It is replaced where the definitions have it; else a newer Feast may need it.
                Err(error) if error.kind() == ErrorKind::Unsupported => {
                    if !by_name.contains_key(table.name_of(&bytes).as_str()) {
                        kept.push(bytes);
                    }
                    continue;
                }
                Err(error) => return Err(error),
            };
            let name = codec.name(&object).to_owned();
            match by_name.get(name.as_str()) {
                Some(defined) if self.is_as_defined(codec, &object, defined, context)? => kept.push(bytes),
                Some(_) => {
                    outdated.insert(name.clone(), Outdated { object, bytes });
                }
                None if table.kind == ObjectKind::Project => kept.push(bytes),
                None => deleted.push(change(table, Verb::Deleted, &name)),
            }
            present.push(name);
        }
        let (mut changes, mut updated) = (Vec::new(), Vec::new());
        for object in defined {
            let name = codec.name(object);
            if let Some(old) = outdated.remove(name) {
                let bytes = self.updated(codec, object, &old, context)?;
                let fields = field_changes(table, &old.bytes, &bytes);
                let (bytes, keys) = self.with_keys_compared(codec, &old.object, bytes)?;
                updated.push(Change {
                    fields,
                    keys,
                    ..change(table, Verb::Updated, name)
                });
                kept.push(bytes);
            } else if !present.iter().any(|known| known == name) {
                kept.push(self.created(codec, object, context)?);
                changes.push(change(table, Verb::Created, name));
                // Of two defined objects of one name the first is taken.
                present.push(name.to_owned());
            }
        }
        *(table.list_mut)(&mut self.message) = kept;
        changes.extend(deleted);
        changes.extend(updated);
        Ok(changes)
    }

    /// Compared as the registry would hold it: what it has no place for makes no difference.
    fn is_as_defined<T: Clone + PartialEq>(
        &self,
        codec: &ObjectCodec<T>,
        stored: &T,
        defined: &T,
        context: &EncodeContext<'_>,
    ) -> Result<bool> {
        let as_stored = (codec.decode)(&self.decode_context(), &(codec.encode)(defined, context))?;
        Ok(as_stored.as_ref() == Some(stored) || self.is_pinned_as_defined(codec, stored, defined, context)?)
    }

    fn created<T: Clone>(
        &mut self,
        codec: &ObjectCodec<T>,
        object: &T,
        context: &EncodeContext<'_>,
    ) -> Result<Vec<u8>> {
        let table = &codec.table;
        let spec = (codec.encode)(object, context);
        let mut meta = Vec::new();
        if let Some(fields) = &table.fields.meta {
            let now = timestamp_message(context.now).encode_to_vec();
            put(&mut meta, fields.created, &now);
            put(&mut meta, fields.last_updated, &now);
        }
        let applied = Applied {
            defined: object,
            active: None,
        };
        self.record_version(codec, &applied, table.assemble(&spec, &meta), context)
    }

    /// Rows stored under other join keys are no longer found: their materialization starts again from the beginning.
    fn with_keys_compared<T>(
        &self,
        codec: &ObjectCodec<T>,
        old: &T,
        bytes: Vec<u8>,
    ) -> Result<(Vec<u8>, Option<KeyChange>)> {
        let (Some(versioning), table) = (&codec.versioning, &codec.table) else {
            return Ok((bytes, None));
        };
        let new = (codec.decode)(&self.decode_context(), table.spec_of(&bytes))?;
        let new = new.as_ref().and_then(versioning.stored_keys);
        let Some((former, present)) = (versioning.stored_keys)(old).zip(new).filter(|(old, new)| old != new) else {
            return Ok((bytes, None));
        };
        let (bytes, materialized) = self.started_anew(table, bytes)?;
        let change = KeyChange {
            former,
            present,
            materialized,
        };
        Ok((bytes, Some(change)))
    }

    fn updated<T: Clone>(
        &mut self,
        codec: &ObjectCodec<T>,
        object: &T,
        old: &Outdated<T>,
        context: &EncodeContext<'_>,
    ) -> Result<Vec<u8>> {
        let table = &codec.table;
        let mut spec = (codec.encode)(object, context);
        spec.extend(unknown_fields(table.spec_descriptor(), table.spec_of(&old.bytes)));
        let Some(fields) = table.fields.meta.filter(|_| table.fields.spec.is_some()) else {
            return Ok(with_created(table, spec, &old.bytes));
        };
        let mut meta = without(table.meta_of(&old.bytes), &[fields.last_updated]);
        put(
            &mut meta,
            fields.last_updated,
            &timestamp_message(context.now).encode_to_vec(),
        );
        let mut bytes = table.assemble(&spec, &meta);
        bytes.extend(unknown_fields(table.descriptor, &old.bytes));
        // Compared as stored, like everything else.
        let as_stored = (codec.decode)(&self.decode_context(), table.spec_of(&bytes))?;
        let applied = Applied {
            defined: as_stored.as_ref().unwrap_or(object),
            active: Some(&old.object),
        };
        self.record_version(codec, &applied, bytes, context)
    }
}

fn change(table: &ObjectTable, verb: Verb, name: &str) -> Change {
    Change {
        verb,
        kind: table.kind,
        name: name.to_owned(),
        fields: Vec::new(),
        keys: None,
    }
}

/// The fields of the spec that differ. Times and copies of other objects' times are no difference.
fn field_changes(table: &ObjectTable, old: &[u8], new: &[u8]) -> Vec<FieldChange> {
    let descriptor = table.spec_descriptor();
    let read = |bytes: &[u8]| {
        let mut spec = to_json(descriptor, table.spec_of(bytes), FieldNaming::Proto).unwrap_or_default();
        remove_metas(&mut spec);
        spec
    };
    let (old, new) = (read(old), read(new));
    let value = |spec: &Value, name: &str| spec.get(name).cloned().unwrap_or_default();
    let names = descriptor.fields.iter().map(|field| field.name);
    names
        .map(|name| FieldChange {
            name: name.to_owned(),
            old: value(&old, name),
            new: value(&new, name),
        })
        .filter(|change| change.old != change.new)
        .collect()
}

fn remove_metas(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.remove("meta");
            members.values_mut().for_each(remove_metas);
        }
        Value::Array(items) => items.iter_mut().for_each(remove_metas),
        _ => {}
    }
}

/// The fields that a newer Feast has put there and this binary does not know.
fn unknown_fields(descriptor: &MessageDescriptor, message: &[u8]) -> Vec<u8> {
    let known: Vec<u32> = descriptor.fields.iter().map(|field| field.number).collect();
    without(message, &known)
}

/// An object that is its own spec keeps the time at which it was first described.
fn with_created(table: &ObjectTable, object: Vec<u8>, old: &[u8]) -> Vec<u8> {
    let Some(fields) = &table.fields.meta else {
        return object;
    };
    let created = bytes_of(table.meta_of(old), fields.created);
    if created.is_empty() {
        return object;
    }
    let mut meta = without(table.meta_of(&object), &[fields.created]);
    put(&mut meta, fields.created, created);
    table.with_meta(&object, &meta)
}
