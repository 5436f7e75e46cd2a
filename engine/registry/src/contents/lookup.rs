//! What the registry holds, as it is shown: names, single objects as JSON, the dump, recorded versions.

use feast_model::error::Result;
use feast_model::{Field, ObjectKind, Timestamp};
use serde_json::{Map, Value};

use super::RegistryContents;
use crate::convert::timestamp;
use crate::descriptors::{INFRA, INFRA_OBJECT, MessageDescriptor, PROJECT_METADATA, SQLITE_TABLE};
use crate::kinds::{self, TABLES, table};
use crate::protowire::{WireValue, bytes_of, fields};
use crate::to_json::{FieldNaming, to_json};

/// A recorded version of a view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewVersion {
    /// 0 for the first.
    pub number: i32,
    /// `feature_view`, `stream_feature_view`, ...
    pub view_type: String,
    /// When it was applied.
    pub created: Timestamp,
    /// Its unique id.
    pub id: String,
}

impl RegistryContents {
    /// An object as protobuf's JSON, or `None` when the project has none of that name.
    ///
    /// # Errors
    /// `Data` when the object cannot be read.
    pub fn to_json(&self, kind: ObjectKind, name: &str) -> Result<Option<Value>> {
        let table = table(kind);
        let Some(position) = table.position(&self.message, &self.project, name) else {
            return Ok(None);
        };
        let object = self.shown(table.descriptor, &(table.list)(&self.message)[position])?;
        Ok(Some(without_project(kind, object)))
    }

    /// The names of the project's objects of a kind, in the registry's order.
    pub fn names(&self, kind: ObjectKind) -> Vec<String> {
        let table = table(kind);
        let objects = (table.list)(&self.message).iter();
        objects
            .filter_map(|object| table.name_in_project(object, &self.project))
            .collect()
    }

    /// The id that Python Feast gave the project when it was first applied. Empty where it did not.
    pub fn project_uuid(&self) -> String {
        const PROJECT: u32 = PROJECT_METADATA.number_of("project");
        const UUID: u32 = PROJECT_METADATA.number_of("project_uuid");
        let all = self.message.project_metadata.iter();
        let own = all.filter(|metadata| bytes_of(metadata, PROJECT) == self.project.as_bytes());
        let uuid = own.map(|metadata| bytes_of(metadata, UUID)).next_back();
        String::from_utf8_lossy(uuid.unwrap_or_default()).into_owned()
    }

    /// Everything of the project as JSON, in the form of `feast registry-dump`.
    ///
    /// # Errors
    /// `Data` when an object cannot be read.
    pub fn dump(&self) -> Result<Value> {
        let mut members = Map::new();
        members.insert("project".to_owned(), Value::from(self.project.as_str()));
        for table in TABLES {
            let Some(key) = table.dump_key else { continue };
            let mut objects = Vec::new();
            for object in (table.list)(&self.message) {
                if let Some(name) = table.name_in_project(object, &self.project) {
                    objects.push((name, as_dumped(table.kind, self.shown(table.descriptor, object)?)));
                }
            }
            objects.sort_by(|(left, _), (right, _)| left.cmp(right));
            if !objects.is_empty() {
                let objects = objects.into_iter().map(|(_, object)| object).collect();
                members.insert(key.to_owned(), Value::Array(objects));
            }
        }
        let tables = self.infra_tables()?;
        if !tables.is_empty() {
            members.insert("infra".to_owned(), Value::Array(tables));
        }
        let mut dump = Value::Object(members);
        dump.sort_all_objects();
        Ok(dump)
    }

    /// The online tables of Python Feast's sqlite store.
    fn infra_tables(&self) -> Result<Vec<Value>> {
        const OBJECTS: u32 = INFRA.number_of("infra_objects");
        const SQLITE: u32 = INFRA_OBJECT.number_of("sqlite_table");
        let infra = self.message.infra.as_deref().unwrap_or_default();
        let mut tables = Vec::new();
        for field in fields(infra).map_err(|source| self.decode_context().damaged("infra", source))? {
            if let (OBJECTS, WireValue::Bytes(object)) = (field.number, field.value) {
                tables.push(self.shown(&SQLITE_TABLE, bytes_of(object, SQLITE))?);
            }
        }
        tables.sort_by_key(|table| table["name"].to_string());
        Ok(tables)
    }

    fn shown(&self, descriptor: &MessageDescriptor, object: &[u8]) -> Result<Value> {
        to_json(descriptor, object, FieldNaming::Json)
            .map_err(|source| self.decode_context().damaged("an object", source))
    }

    /// The recorded versions of a view, oldest first.
    pub fn view_versions(&self, view: &str) -> Vec<ViewVersion> {
        let mut versions: Vec<ViewVersion> = self
            .versions_of(view)
            .map(|record| ViewVersion {
                number: record.version_number,
                view_type: record.feature_view_type,
                created: record.created_timestamp.as_ref().map_or(Timestamp::EPOCH, timestamp),
                id: record.version_id,
            })
            .collect();
        versions.sort_by_key(|version| version.number);
        versions
    }

    /// The features of a view at a recorded version.
    pub fn version_features(&self, view: &str, number: i32) -> Option<Vec<Field>> {
        let record = self.version(view, number)?;
        let codec = &kinds::ON_DEMAND_FEATURE_VIEW;
        if Some(record.feature_view_type.as_str()) == codec.table.record_type {
            let view = (codec.decode)(&self.decode_context(), codec.table.spec_of(&record.feature_view_proto));
            return view.ok()?.map(|view| view.features);
        }
        self.recorded_view(&record).map(|view| view.features)
    }
}

/// An object as Python Feast shows it: made of Python objects, which know no project.
fn without_project(kind: ObjectKind, mut object: Value) -> Value {
    let members = match kind {
        ObjectKind::DataSource | ObjectKind::ValidationReference => object.as_object_mut(),
        _ => object.get_mut("spec").and_then(Value::as_object_mut),
    };
    if let Some(members) = members {
        members.shift_remove("project");
        if kind == ObjectKind::DataSource {
            members.shift_remove("dataSourceClassType");
        }
    }
    object
}

/// What else Python Feast's dump has different.
fn as_dumped(kind: ObjectKind, object: Value) -> Value {
    let mut object = without_project(kind, object);
    let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) else {
        return object;
    };
    if matches!(
        kind,
        ObjectKind::FeatureView | ObjectKind::StreamFeatureView | ObjectKind::LabelView
    ) {
        // Python reads back no difference between no time to live and one of nothing.
        spec.entry("ttl").or_insert_with(|| Value::from("0s"));
    }
    let source = spec
        .get("featureTransformation")
        .and_then(|function| function.pointer("/userDefinedFunction/bodyText"))
        .cloned();
    let is_python = spec.get("mode").is_some_and(|mode| mode == "python");
    if let Some(source) = source.filter(|_| kind == ObjectKind::OnDemandFeatureView && !is_python) {
        spec["featureTransformation"]["userDefinedFunction"]["body"] = source.clone();
        spec.insert("userDefinedFunction".to_owned(), serde_json::json!({ "body": source }));
    } else if let Some(source) = spec
        .get("userDefinedFunction")
        .and_then(|function| function.get("bodyText"))
        .cloned()
    {
        spec["userDefinedFunction"]["body"] = source;
    }
    object
}
