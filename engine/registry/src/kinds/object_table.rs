//! Where objects of a kind are in the registry, and the numbers of the fields that are read and written without decoding the rest.
//!
//! The numbers come from `descriptors` by name, when this crate is compiled. Knows nothing of what the objects mean.

use feast_model::ObjectKind;

use crate::descriptors::MessageDescriptor;
use crate::messages::Registry;
use crate::protowire::{bytes_of, put, without};

/// One list of the registry, and the fields of its objects.
pub(crate) struct ObjectTable {
    pub(crate) kind: ObjectKind,
    pub(crate) descriptor: &'static MessageDescriptor,
    pub(crate) list: fn(&Registry) -> &Vec<Vec<u8>>,
    pub(crate) list_mut: fn(&mut Registry) -> &mut Vec<Vec<u8>>,
    /// Key in `registry-dump`; `None` for what is not dumped.
    pub(crate) dump_key: Option<&'static str>,
    /// `feature_view_type` of the records in the version history; `None` for what has no versions.
    pub(crate) record_type: Option<&'static str>,
    pub(crate) fields: ObjectFields,
}

/// Numbers of fields. Most objects have a spec with name and project; the others have these fields themselves.
pub(crate) struct ObjectFields {
    pub(crate) spec: Option<u32>,
    pub(crate) name: u32,
    /// A project belongs to itself.
    pub(crate) project: u32,
    pub(crate) disabled: Option<u32>,
    pub(crate) meta: Option<MetaFields>,
}

/// Numbers of fields of an object's meta.
#[derive(Clone, Copy)]
pub(crate) struct MetaFields {
    /// Of the meta itself.
    pub(crate) number: u32,
    pub(crate) created: u32,
    pub(crate) last_updated: u32,
    pub(crate) version_number: Option<u32>,
    pub(crate) state: Option<u32>,
    pub(crate) intervals: Option<u32>,
}

impl ObjectFields {
    const fn from_descriptor(object: &'static MessageDescriptor) -> Self {
        let (spec_number, spec) = match object.message("spec") {
            Some(spec) => (Some(object.number_of("spec")), spec),
            None => (None, object),
        };
        let name = spec.number_of("name");
        Self {
            spec: spec_number,
            name,
            project: match spec.optional_number_of("project") {
                Some(number) => number,
                None => name,
            },
            disabled: spec.optional_number_of("disabled"),
            meta: match object.message("meta") {
                Some(meta) => Some(MetaFields::from_descriptor(object.number_of("meta"), meta)),
                None => None,
            },
        }
    }
}

impl MetaFields {
    const fn from_descriptor(number: u32, meta: &MessageDescriptor) -> Self {
        Self {
            number,
            created: meta.number_of("created_timestamp"),
            last_updated: meta.number_of("last_updated_timestamp"),
            version_number: meta.optional_number_of("current_version_number"),
            state: meta.optional_number_of("state"),
            intervals: meta.optional_number_of("materialization_intervals"),
        }
    }
}

impl ObjectTable {
    pub(super) const fn new(
        kind: ObjectKind,
        descriptor: &'static MessageDescriptor,
        list: fn(&Registry) -> &Vec<Vec<u8>>,
        list_mut: fn(&mut Registry) -> &mut Vec<Vec<u8>>,
    ) -> Self {
        Self {
            kind,
            descriptor,
            list,
            list_mut,
            dump_key: None,
            record_type: None,
            fields: ObjectFields::from_descriptor(descriptor),
        }
    }

    pub(super) const fn dumped_as(mut self, key: &'static str) -> Self {
        self.dump_key = Some(key);
        self
    }

    pub(super) const fn with_versions(mut self, record_type: &'static str) -> Self {
        self.record_type = Some(record_type);
        self
    }

    /// The message that says what the object is: its spec, or the object itself.
    pub(crate) fn spec_of<'a>(&self, object: &'a [u8]) -> &'a [u8] {
        self.fields.spec.map_or(object, |number| bytes_of(object, number))
    }

    /// The descriptor of [`ObjectTable::spec_of`].
    pub(crate) fn spec_descriptor(&self) -> &'static MessageDescriptor {
        self.descriptor.message("spec").unwrap_or(self.descriptor)
    }

    /// The object's meta; nothing where it has none.
    pub(crate) fn meta_of<'a>(&self, object: &'a [u8]) -> &'a [u8] {
        self.fields.meta.map_or(&[], |meta| bytes_of(object, meta.number))
    }

    /// The object with another meta, which is then its last field.
    pub(crate) fn with_meta(&self, object: &[u8], meta: &[u8]) -> Vec<u8> {
        let Some(fields) = &self.fields.meta else {
            return object.to_vec();
        };
        let mut changed = without(object, &[fields.number]);
        put(&mut changed, fields.number, meta);
        changed
    }

    /// An object of a spec and a meta. A kind whose objects are their own spec has the meta in it already.
    pub(crate) fn assemble(&self, spec: &[u8], meta: &[u8]) -> Vec<u8> {
        let (Some(spec_number), Some(fields)) = (self.fields.spec, &self.fields.meta) else {
            return spec.to_vec();
        };
        let mut object = Vec::with_capacity(spec.len() + meta.len());
        put(&mut object, spec_number, spec);
        put(&mut object, fields.number, meta);
        object
    }

    /// The name of an object, without reading the rest of it.
    pub(crate) fn name_of(&self, object: &[u8]) -> String {
        String::from_utf8_lossy(bytes_of(self.spec_of(object), self.fields.name)).into_owned()
    }

    /// As [`ObjectTable::name_of`], if the object is of that project.
    pub(crate) fn name_in_project(&self, object: &[u8], project: &str) -> Option<String> {
        let of = String::from_utf8_lossy(bytes_of(self.spec_of(object), self.fields.project));
        (of == project).then(|| self.name_of(object))
    }

    /// Where the object of that name is in the list.
    pub(crate) fn position(&self, registry: &Registry, project: &str, name: &str) -> Option<usize> {
        let is_named = |object: &Vec<u8>| self.name_in_project(object, project).is_some_and(|known| known == name);
        (self.list)(registry).iter().position(is_named)
    }
}
