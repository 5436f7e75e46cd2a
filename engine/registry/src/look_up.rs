//! Single objects of the registry, shown and edited without an apply.

use feast_model::error::{Error, Result};
use feast_model::{FeatureView, ObjectKind, OnDemandFeatureView, Timestamp};
use serde_json::{Map, Value};

use super::apply::kinds::{self, name_in_project};
use super::convert::timestamp;
use super::document::{Names, document};
use super::file::RegistryFile;
use super::messages::{Registry, VersionRecord};
use super::schema::{self, Schema};
use super::wire::{SPEC, WireValue, bytes_of, fields, put, without};

/// Tag of a project that must not be torn down.
const PROTECTED_TAG: &str = "feast.dev/protected-project";

/// Field that holds the project's name.
const PROJECT_METADATA_PROJECT: u32 = 1;

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

/// One list as it is shown: where the name and the project of its objects stand.
struct Shown {
    kind: ObjectKind,
    schema: &'static Schema,
    list: fn(&Registry) -> &Vec<Vec<u8>>,
    list_mut: fn(&mut Registry) -> &mut Vec<Vec<u8>>,
    /// Key in `registry-dump`; `None` for what is not dumped.
    dumped_as: Option<&'static str>,
}

/// In the order in which Feast looks for a name to delete.
const SHOWN: [Shown; 11] = [
    Shown {
        kind: ObjectKind::Entity,
        schema: &schema::ENTITY,
        list: |registry| &registry.entities,
        list_mut: |registry| &mut registry.entities,
        dumped_as: Some("entities"),
    },
    Shown {
        kind: ObjectKind::FeatureView,
        schema: &schema::FEATURE_VIEW,
        list: |registry| &registry.feature_views,
        list_mut: |registry| &mut registry.feature_views,
        dumped_as: Some("featureViews"),
    },
    Shown {
        kind: ObjectKind::FeatureService,
        schema: &schema::FEATURE_SERVICE,
        list: |registry| &registry.feature_services,
        list_mut: |registry| &mut registry.feature_services,
        dumped_as: Some("featureServices"),
    },
    Shown {
        kind: ObjectKind::DataSource,
        schema: &schema::DATA_SOURCE,
        list: |registry| &registry.data_sources,
        list_mut: |registry| &mut registry.data_sources,
        dumped_as: Some("dataSources"),
    },
    Shown {
        kind: ObjectKind::SavedDataset,
        schema: &schema::SAVED_DATASET,
        list: |registry| &registry.saved_datasets,
        list_mut: |registry| &mut registry.saved_datasets,
        dumped_as: Some("savedDatasets"),
    },
    Shown {
        kind: ObjectKind::ValidationReference,
        schema: &schema::VALIDATION_REFERENCE,
        list: |registry| &registry.validation_references,
        list_mut: |registry| &mut registry.validation_references,
        dumped_as: None,
    },
    Shown {
        kind: ObjectKind::StreamFeatureView,
        schema: &schema::STREAM_FEATURE_VIEW,
        list: |registry| &registry.stream_feature_views,
        list_mut: |registry| &mut registry.stream_feature_views,
        dumped_as: Some("streamFeatureViews"),
    },
    Shown {
        kind: ObjectKind::OnDemandFeatureView,
        schema: &schema::ON_DEMAND_FEATURE_VIEW,
        list: |registry| &registry.on_demand_feature_views,
        list_mut: |registry| &mut registry.on_demand_feature_views,
        dumped_as: Some("onDemandFeatureViews"),
    },
    Shown {
        kind: ObjectKind::LabelView,
        schema: &schema::LABEL_VIEW,
        list: |registry| &registry.label_views,
        list_mut: |registry| &mut registry.label_views,
        dumped_as: Some("labelViews"),
    },
    Shown {
        kind: ObjectKind::Permission,
        schema: &schema::PERMISSION,
        list: |registry| &registry.permissions,
        list_mut: |registry| &mut registry.permissions,
        dumped_as: Some("permissions"),
    },
    Shown {
        kind: ObjectKind::Project,
        schema: &schema::PROJECT,
        list: |registry| &registry.projects,
        list_mut: |registry| &mut registry.projects,
        dumped_as: None,
    },
];

impl Shown {
    /// The name of an object if it is of that project.
    fn name_in(&self, object: &[u8], project: &str) -> Option<String> {
        name_in_project(self.kind, object, project)
    }
}

impl RegistryFile {
    /// An object as protobuf's JSON, or `None` when the project has none of that name.
    ///
    /// # Errors
    /// `Data` when the object cannot be read.
    pub fn document(&self, kind: ObjectKind, name: &str) -> Result<Option<Value>> {
        for shown in SHOWN.iter().filter(|shown| shown.kind == kind) {
            for object in (shown.list)(&self.message) {
                if shown.name_in(object, &self.project).is_some_and(|known| known == name) {
                    return Ok(Some(without_project(kind, self.shown(shown.schema, object)?)));
                }
            }
        }
        Ok(None)
    }

    /// The names of the project's objects of a kind, in the registry's order.
    pub fn names(&self, kind: ObjectKind) -> Vec<String> {
        let lists = SHOWN.iter().filter(|shown| shown.kind == kind);
        lists
            .flat_map(|shown| (shown.list)(&self.message).iter().map(move |object| (shown, object)))
            .filter_map(|(shown, object)| shown.name_in(object, &self.project))
            .collect()
    }

    /// Everything of the project as JSON, in the form of `feast registry-dump`.
    ///
    /// # Errors
    /// `Data` when an object cannot be read.
    pub fn dump(&self) -> Result<Value> {
        let mut answer = Map::new();
        answer.insert("project".to_owned(), Value::from(self.project.as_str()));
        for shown in &SHOWN {
            let Some(key) = shown.dumped_as else { continue };
            let mut objects = Vec::new();
            for object in (shown.list)(&self.message) {
                if let Some(name) = shown.name_in(object, &self.project) {
                    objects.push((name, as_dumped(shown.kind, self.shown(shown.schema, object)?)));
                }
            }
            objects.sort_by(|(left, _), (right, _)| left.cmp(right));
            if !objects.is_empty() {
                let objects = objects.into_iter().map(|(_, object)| object).collect();
                answer.insert(key.to_owned(), Value::Array(objects));
            }
        }
        let tables = self.infra_tables()?;
        if !tables.is_empty() {
            answer.insert("infra".to_owned(), Value::Array(tables));
        }
        let mut answer = Value::Object(answer);
        answer.sort_all_objects();
        Ok(answer)
    }

    /// The online tables of Python Feast's sqlite store.
    fn infra_tables(&self) -> Result<Vec<Value>> {
        const OBJECTS: u32 = 1;
        const SQLITE_TABLE: u32 = 4;
        let infra = self.message.infra.as_deref().unwrap_or_default();
        let broken = |source| self.broken("infra", source);
        let mut tables = Vec::new();
        for field in fields(infra).map_err(broken)? {
            if let (OBJECTS, WireValue::Bytes(object)) = (field.number, field.value) {
                tables.push(self.shown(&schema::SQLITE_TABLE, bytes_of(object, SQLITE_TABLE))?);
            }
        }
        tables.sort_by_key(|table| table["name"].to_string());
        Ok(tables)
    }

    fn shown(&self, schema: &Schema, object: &[u8]) -> Result<Value> {
        document(schema, object, Names::Json).map_err(|source| self.broken("an object", source))
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

    /// Removes the object of that name that Feast would find first. `None` when there is none.
    pub fn delete(&mut self, name: &str) -> Option<ObjectKind> {
        let project = self.project.clone();
        for shown in SHOWN.iter().filter(|shown| shown.kind != ObjectKind::Project) {
            let list = (shown.list_mut)(&mut self.message);
            let is_named = |object: &Vec<u8>| shown.name_in(object, &project).is_some_and(|known| known == name);
            if let Some(position) = list.iter().position(is_named) {
                list.remove(position);
                if shown.kind.is_view() {
                    self.forget_versions(name);
                }
                return Some(shown.kind);
            }
        }
        None
    }

    /// Removes everything of the project, the project too.
    ///
    /// # Errors
    /// `Conflict` when the project is protected.
    pub fn clear(&mut self) -> Result<()> {
        let project = self.project()?;
        let tag = project.and_then(|project| project.metadata.tags.get(PROTECTED_TAG).cloned());
        if tag.is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            return Err(Error::new(
                feast_model::error::ErrorKind::Conflict,
                format!("project {} is protected by its tag {PROTECTED_TAG}", self.project),
            )
            .with_hint("remove the tag from the definitions and run: feast apply"));
        }
        let project = self.project.clone();
        for shown in &SHOWN {
            let list = (shown.list_mut)(&mut self.message);
            list.retain(|object| shown.name_in(object, &project).is_none());
        }
        self.forget_all_versions();
        // They are never shown.
        let of_project = |spec: &[u8], field| bytes_of(spec, field) == project.as_bytes();
        let message = &mut self.message;
        message
            .project_metadata
            .retain(|metadata| !of_project(metadata, PROJECT_METADATA_PROJECT));
        // Tables of Python's store, named after their project. It would take them for existing ones.
        if self.message.projects.is_empty() {
            self.message.infra = None;
        }
        Ok(())
    }

    /// Lets a view be used, or not. Says whether that is new.
    ///
    /// # Errors
    /// `NotFound` when there is no such view.
    pub fn set_enabled(&mut self, view: &str, enabled: bool) -> Result<bool> {
        for (kind, field) in [
            (ObjectKind::FeatureView, 20),
            (ObjectKind::StreamFeatureView, 23),
            (ObjectKind::OnDemandFeatureView, 19),
        ] {
            for shown in SHOWN.iter().filter(|shown| shown.kind == kind) {
                let project = self.project.clone();
                let list = (shown.list_mut)(&mut self.message);
                let is_named = |object: &Vec<u8>| shown.name_in(object, &project).is_some_and(|known| known == view);
                let Some(position) = list.iter().position(is_named) else {
                    continue;
                };
                let mut spec = without(bytes_of(&list[position], SPEC), &[field]);
                if !enabled {
                    prost::encoding::bool::encode(field, &true, &mut spec);
                }
                let mut object = Vec::new();
                put(&mut object, SPEC, &spec);
                object.extend(without(&list[position], &[SPEC]));
                let changed = object.len() != list[position].len();
                list[position] = object;
                return Ok(changed);
            }
        }
        Err(Error::unknown_feature_view(view, &self.project))
    }

    /// The features of a view at a recorded version.
    pub fn version_features(&self, view: &str, number: i32) -> Option<Vec<feast_model::Field>> {
        let record = self.version(view, number)?;
        if record.feature_view_type == "on_demand_feature_view" {
            let view = (kinds::ON_DEMAND_FEATURE_VIEW.decode)(self, bytes_of(&record.feature_view_proto, SPEC));
            return view.ok()?.map(|view: OnDemandFeatureView| view.features);
        }
        self.recorded_view(&record).map(|view| view.features)
    }

    /// The view of a record. `None` for an on-demand view and for one that cannot be read.
    pub(super) fn recorded_view(&self, record: &VersionRecord) -> Option<FeatureView> {
        let kind = match record.feature_view_type.as_str() {
            "stream_feature_view" => &kinds::STREAM_FEATURE_VIEW,
            "label_view" => &kinds::LABEL_VIEW,
            "on_demand_feature_view" => return None,
            _ => &kinds::FEATURE_VIEW,
        };
        (kind.decode)(self, bytes_of(&record.feature_view_proto, SPEC)).ok()?
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
    let text = spec
        .get("featureTransformation")
        .and_then(|function| function.pointer("/userDefinedFunction/bodyText"))
        .cloned();
    let is_python = spec.get("mode").is_some_and(|mode| mode == "python");
    if let Some(text) = text.filter(|_| kind == ObjectKind::OnDemandFeatureView && !is_python) {
        spec["featureTransformation"]["userDefinedFunction"]["body"] = text.clone();
        spec.insert("userDefinedFunction".to_owned(), serde_json::json!({ "body": text }));
    } else if let Some(text) = spec
        .get("userDefinedFunction")
        .and_then(|function| function.get("bodyText"))
        .cloned()
    {
        spec["userDefinedFunction"]["body"] = text;
    }
    object
}
