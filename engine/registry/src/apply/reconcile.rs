//! Brings one list of the registry to what is wanted.

use std::collections::HashMap;

use feast_model::ObjectKind;
use feast_model::error::{ErrorKind, Result};
use serde_json::Value;

use super::change::{Change, FieldChange, KeyChange, Verb};
use super::kinds::{Context, Kind};
use crate::convert::timestamp_message;
use crate::document::{Names, document};
use crate::file::RegistryFile;
use crate::intervals::is_materialized;
use crate::schema::{Schema, Shape};
use crate::wire::{CREATED, LAST_UPDATED, META, SPEC, bytes_of, put, without};

/// Field of a data source that holds its meta, with the numbers of the times in that.
const SOURCE_META: u32 = 50;
const SOURCE_CREATED: u32 = 3;

/// An object of the list that differs from what is wanted.
struct Outdated<T> {
    object: T,
    bytes: Vec<u8>,
}

impl RegistryFile {
    /// Brings one list to what is wanted and says what changed: created, then deleted, then updated objects.
    pub(super) fn reconcile<T: PartialEq>(
        &mut self,
        kind: &Kind<T>,
        wanted: &[T],
        context: &Context<'_>,
    ) -> Result<Vec<Change>> {
        let by_name: HashMap<&str, &T> = wanted.iter().map(|object| ((kind.name)(object), object)).collect();
        let mut outdated: HashMap<String, Outdated<T>> = HashMap::new();
        let mut present = Vec::new();
        let mut kept = Vec::new();
        let mut deleted = Vec::new();
        for bytes in std::mem::take((kind.list_mut)(&mut self.message)) {
            let object = match (kind.decode)(self, kind.spec_of(&bytes)) {
                Ok(Some(object)) => object,
                Ok(None) => {
                    kept.push(bytes);
                    continue;
                }
                // It is replaced where the definitions have it; else who knows what a newer Feast needs it for.
                Err(error) if error.kind() == ErrorKind::Unsupported => {
                    if !by_name.contains_key(kind.name_in(&bytes).as_str()) {
                        kept.push(bytes);
                    }
                    continue;
                }
                Err(error) => return Err(error),
            };
            let name = (kind.name)(&object).to_owned();
            match by_name.get(name.as_str()) {
                Some(wanted) if self.is_as_wanted(kind, &object, wanted, context)? => kept.push(bytes),
                Some(_) => {
                    outdated.insert(name.clone(), Outdated { object, bytes });
                }
                None if kind.kind == ObjectKind::Project => kept.push(bytes),
                None => deleted.push(change(kind, Verb::Deleted, &name)),
            }
            present.push(name);
        }
        let (mut changes, mut updated) = (Vec::new(), Vec::new());
        for object in wanted {
            let name = (kind.name)(object);
            if let Some(old) = outdated.remove(name) {
                let bytes = self.updated(kind, object, &old, context)?;
                let fields = field_changes(kind, &old.bytes, &bytes);
                let (bytes, keys) = self.with_keys_compared(kind, &old.object, bytes)?;
                updated.push(Change {
                    fields,
                    keys,
                    ..change(kind, Verb::Updated, name)
                });
                kept.push(bytes);
            } else if !present.iter().any(|known| known == name) {
                kept.push(self.created(kind, object, context)?);
                changes.push(change(kind, Verb::Created, name));
                // Of two wanted objects of one name the first is taken.
                present.push(name.to_owned());
            }
        }
        *(kind.list_mut)(&mut self.message) = kept;
        changes.extend(deleted);
        changes.extend(updated);
        Ok(changes)
    }

    /// Compared as the registry would hold it: what it has no place for makes no difference.
    fn is_as_wanted<T: PartialEq>(
        &self,
        kind: &Kind<T>,
        stored: &T,
        wanted: &T,
        context: &Context<'_>,
    ) -> Result<bool> {
        let as_stored = (kind.decode)(self, &(kind.encode)(wanted, context))?;
        Ok(as_stored.as_ref() == Some(stored) || self.is_pinned_as_wanted(kind, stored, wanted, context)?)
    }

    fn created<T>(&mut self, kind: &Kind<T>, object: &T, context: &Context<'_>) -> Result<Vec<u8>> {
        let spec = (kind.encode)(object, context);
        if kind.kind == ObjectKind::DataSource {
            return Ok(spec);
        }
        let now = encoded(&timestamp_message(context.now));
        let mut meta = Vec::new();
        put(&mut meta, CREATED, &now);
        put(&mut meta, LAST_UPDATED, &now);
        let mut bytes = Vec::new();
        put(&mut bytes, SPEC, &spec);
        put(&mut bytes, META, &meta);
        self.record_version(kind, object, None, bytes, context)
    }

    /// Rows stored under other join keys are not found any more: what was materialized of them starts anew.
    fn with_keys_compared<T>(&self, kind: &Kind<T>, old: &T, bytes: Vec<u8>) -> Result<(Vec<u8>, Option<KeyChange>)> {
        let Some(versions) = &kind.versions else {
            return Ok((bytes, None));
        };
        let new = (kind.decode)(self, bytes_of(&bytes, SPEC))?;
        let new = new.as_ref().and_then(versions.stored_keys);
        let Some((former, present)) = (versions.stored_keys)(old).zip(new).filter(|(old, new)| old != new) else {
            return Ok((bytes, None));
        };
        let (bytes, materialized) = if is_materialized(kind.kind) {
            self.started_anew(bytes)?
        } else {
            (bytes, None)
        };
        let change = KeyChange {
            former,
            present,
            materialized,
        };
        Ok((bytes, Some(change)))
    }

    fn updated<T>(&mut self, kind: &Kind<T>, object: &T, old: &Outdated<T>, context: &Context<'_>) -> Result<Vec<u8>> {
        let old_bytes = &old.bytes;
        let mut spec = (kind.encode)(object, context);
        if kind.kind == ObjectKind::DataSource {
            spec.extend(unknown_fields(kind.schema, old_bytes));
            return Ok(with_source_created(spec, old_bytes));
        }
        spec.extend(unknown_fields(message_of(kind.schema, SPEC), bytes_of(old_bytes, SPEC)));
        let mut meta = without(bytes_of(old_bytes, META), &[LAST_UPDATED]);
        put(&mut meta, LAST_UPDATED, &encoded(&timestamp_message(context.now)));
        let mut bytes = Vec::new();
        put(&mut bytes, SPEC, &spec);
        put(&mut bytes, META, &meta);
        bytes.extend(unknown_fields(kind.schema, old_bytes));
        // Compared as stored, like everything else.
        let as_stored = (kind.decode)(self, bytes_of(&bytes, SPEC))?;
        self.record_version(
            kind,
            as_stored.as_ref().unwrap_or(object),
            Some(&old.object),
            bytes,
            context,
        )
    }
}

fn change<T>(kind: &Kind<T>, verb: Verb, name: &str) -> Change {
    Change {
        verb,
        kind: kind.kind,
        name: name.to_owned(),
        fields: Vec::new(),
        keys: None,
    }
}

/// The fields of the spec that differ. Times and copies of other objects' times are no difference.
fn field_changes<T>(kind: &Kind<T>, old: &[u8], new: &[u8]) -> Vec<FieldChange> {
    let schema = message_of(kind.schema, SPEC);
    let read = |bytes: &[u8]| {
        let mut spec = document(schema, bytes_of(bytes, SPEC), Names::Proto).unwrap_or_default();
        remove_metas(&mut spec);
        spec
    };
    let (old, new) = (read(old), read(new));
    let value = |document: &Value, name: &str| document.get(name).cloned().unwrap_or_default();
    let names = schema.fields.iter().map(|field| field.name);
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

/// The schema of a field that is a message; the schema itself where it is none.
pub(super) fn message_of(schema: &'static Schema, number: u32) -> &'static Schema {
    let field = schema.fields.iter().find(|field| field.number == number);
    match field.map(|field| &field.shape) {
        Some(Shape::Message(inner)) => inner,
        _ => schema,
    }
}

/// The fields that a newer Feast has put there and this binary does not know.
pub(crate) fn unknown_fields(schema: &Schema, message: &[u8]) -> Vec<u8> {
    let known: Vec<u32> = schema.fields.iter().map(|field| field.number).collect();
    without(message, &known)
}

fn encoded(message: &impl prost::Message) -> Vec<u8> {
    message.encode_to_vec()
}

/// A data source keeps the time at which it was first described.
fn with_source_created(source: Vec<u8>, old: &[u8]) -> Vec<u8> {
    let created = bytes_of(bytes_of(old, SOURCE_META), SOURCE_CREATED);
    if created.is_empty() {
        return source;
    }
    let mut meta = without(bytes_of(&source, SOURCE_META), &[SOURCE_CREATED]);
    put(&mut meta, SOURCE_CREATED, created);
    let mut answer = without(&source, &[SOURCE_META]);
    put(&mut answer, SOURCE_META, &meta);
    answer
}
