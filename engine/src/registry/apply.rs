//! Makes the registry hold what the repository defines.

use std::fmt;

use prost::Message;

use super::convert::{self, SourcePlace, timestamp_message};
use super::file::RegistryFile;
use super::messages::{
    DataSource as SourceMessage, EntitySpec, FeatureServiceSpec, FeatureView as ViewMessage, FeatureViewMeta,
    FeatureViewSpec, Object, ObjectMeta, ProjectSpec, SourceMeta, VersionRecord,
};
use crate::error::Result;
use crate::model::{
    DUMMY_ENTITY, DUMMY_JOIN_KEY, DataSource, Definitions, Entity, FeatureService, FeatureView, Project, Timestamp,
};

/// One difference between the registry and the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What happened to the object.
    pub verb: Verb,
    /// What it is.
    pub kind: ObjectKind,
    /// Its name.
    pub name: String,
}

/// What happened to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words say it")]
pub enum Verb {
    Created,
    Updated,
    Deleted,
}

/// Kinds of registry objects that changes are reported of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words say it")]
pub enum ObjectKind {
    Project,
    DataSource,
    Entity,
    FeatureView,
    FeatureService,
}

impl fmt::Display for Verb {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self:?}")
    }
}

impl fmt::Display for ObjectKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Project => "project",
            Self::DataSource => "data source",
            Self::Entity => "entity",
            Self::FeatureView => "feature view",
            Self::FeatureService => "feature service",
        })
    }
}

type Decode<T> = dyn Fn(&RegistryFile, &[u8]) -> Result<Option<T>>;
type Encode<'a, T> = dyn FnMut(&mut RegistryFile, &T, Option<&[u8]>) -> Result<Vec<u8>> + 'a;

/// One list of the registry: how its objects are read and written.
struct Kind<'a, T> {
    kind: ObjectKind,
    name: fn(&T) -> &str,
    /// The object if it is of this project.
    decode: &'a Decode<T>,
    /// The bytes of the new object, given those of the old one.
    encode: &'a mut Encode<'a, T>,
}

impl RegistryFile {
    /// Changes the registry to hold exactly `wanted` of the kinds that definitions can express.
    ///
    /// Unchanged objects keep their bytes, changed ones their creation time; a changed object moves to the end of its
    /// list, as in Feast. Projects are never deleted.
    pub(crate) fn apply(&mut self, wanted: &Definitions, now: Timestamp) -> Result<Vec<Change>> {
        let mut changes = self.apply_project(wanted, now)?;
        changes.extend(self.apply_sources(wanted, now)?);
        changes.extend(self.apply_entities(wanted, now)?);
        changes.extend(self.apply_views(wanted, now)?);
        changes.extend(self.apply_services(wanted, now)?);
        Ok(changes)
    }

    fn apply_project(&mut self, wanted: &Definitions, now: Timestamp) -> Result<Vec<Change>> {
        let decode = |file: &Self, bytes: &[u8]| {
            let spec: ProjectSpec = file.spec("project", bytes)?;
            Ok((spec.name == file.project).then(|| convert::project(&spec)))
        };
        let mut encode = |file: &mut Self, project: &Project, old: Option<&[u8]>| {
            file.encode_object(&convert::project_spec(project), old, now)
        };
        let kind = Kind {
            kind: ObjectKind::Project,
            name: |project: &Project| &project.name,
            decode: &decode,
            encode: &mut encode,
        };
        self.reconcile(|file| &mut file.message.projects, wanted.project.as_slice(), kind)
    }

    fn apply_sources(&mut self, wanted: &Definitions, now: Timestamp) -> Result<Vec<Change>> {
        let decode = |file: &Self, bytes: &[u8]| {
            let message: SourceMessage = file.decode("data source", bytes)?;
            Ok((message.project == file.project).then(|| convert::source(&message)))
        };
        let mut encode = |file: &mut Self, source: &DataSource, old: Option<&[u8]>| {
            let old: Option<SourceMessage> = old.map(|bytes| file.decode("data source", bytes)).transpose()?;
            let meta = SourceMeta {
                created_timestamp: old
                    .and_then(|old| old.meta?.created_timestamp)
                    .or_else(|| Some(timestamp_message(now))),
                last_updated_timestamp: Some(timestamp_message(now)),
            };
            Ok(convert::source_message(source, SourcePlace::TopLevel { project: &file.project }, meta).encode_to_vec())
        };
        let kind = Kind {
            kind: ObjectKind::DataSource,
            name: |source: &DataSource| &source.name,
            decode: &decode,
            encode: &mut encode,
        };
        self.reconcile(|file| &mut file.message.data_sources, &wanted.sources, kind)
    }

    fn apply_entities(&mut self, wanted: &Definitions, now: Timestamp) -> Result<Vec<Change>> {
        // Python needs the implicit entity of entityless views in every project.
        let mut entities = wanted.entities.clone();
        entities.push(Entity::new(DUMMY_ENTITY, DUMMY_JOIN_KEY, None));
        let decode = |file: &Self, bytes: &[u8]| {
            let spec: EntitySpec = file.spec("entity", bytes)?;
            Ok((spec.project == file.project).then(|| convert::entity(&spec)))
        };
        let mut encode = |file: &mut Self, entity: &Entity, old: Option<&[u8]>| {
            let spec = convert::entity_spec(entity, &file.project);
            file.encode_object(&spec, old, now)
        };
        let kind = Kind {
            kind: ObjectKind::Entity,
            name: |entity: &Entity| &entity.name,
            decode: &decode,
            encode: &mut encode,
        };
        self.reconcile(|file| &mut file.message.entities, &entities, kind)
    }

    fn apply_views(&mut self, wanted: &Definitions, now: Timestamp) -> Result<Vec<Change>> {
        let decode = |file: &Self, bytes: &[u8]| match file.view_of_project(bytes)? {
            Some((_, spec)) => convert::view(&spec)
                .map(Some)
                .map_err(|source| file.broken(&spec.name, source)),
            None => Ok(None),
        };
        let mut encode = |file: &mut Self, view: &FeatureView, old: Option<&[u8]>| file.encode_view(view, old, now);
        let kind = Kind {
            kind: ObjectKind::FeatureView,
            name: |view: &FeatureView| &view.name,
            decode: &decode,
            encode: &mut encode,
        };
        let changes = self.reconcile(|file| &mut file.message.feature_views, &wanted.feature_views, kind)?;
        if let Some(history) = &mut self.message.feature_view_version_history {
            let project = &self.project;
            let is_deleted = |record: &VersionRecord| {
                let of_change =
                    |change: &Change| change.verb == Verb::Deleted && change.name == record.feature_view_name;
                record.project_id == *project && changes.iter().any(of_change)
            };
            history.records.retain(|record| !is_deleted(record));
        }
        Ok(changes)
    }

    fn apply_services(&mut self, wanted: &Definitions, now: Timestamp) -> Result<Vec<Change>> {
        let decode = |file: &Self, bytes: &[u8]| {
            let spec: FeatureServiceSpec = file.spec("feature service", bytes)?;
            if spec.project != file.project {
                return Ok(None);
            }
            convert::service(&spec)
                .map(Some)
                .map_err(|source| file.broken(&spec.name, source))
        };
        let mut encode = |file: &mut Self, service: &FeatureService, old: Option<&[u8]>| {
            let spec = convert::service_spec(service, &wanted.feature_views, &file.project, source_meta(now));
            file.encode_object(&spec, old, now)
        };
        let kind = Kind {
            kind: ObjectKind::FeatureService,
            name: |service: &FeatureService| &service.name,
            decode: &decode,
            encode: &mut encode,
        };
        self.reconcile(|file| &mut file.message.feature_services, &wanted.services, kind)
    }

    /// Brings one list to what is wanted and says what changed: created, then deleted, then updated objects.
    fn reconcile<T: PartialEq>(
        &mut self,
        list: fn(&mut Self) -> &mut Vec<Vec<u8>>,
        wanted: &[T],
        kind: Kind<'_, T>,
    ) -> Result<Vec<Change>> {
        let is_project = kind.kind == ObjectKind::Project;
        let mut old = std::mem::take(list(self));
        let mut kept = Vec::with_capacity(old.len());
        let mut outdated: Vec<(String, Vec<u8>)> = Vec::new();
        let mut present = Vec::new();
        let mut deleted = Vec::new();
        for bytes in old.drain(..) {
            let Some(object) = (kind.decode)(self, &bytes)? else {
                kept.push(bytes);
                continue;
            };
            let name = (kind.name)(&object).to_owned();
            match wanted.iter().find(|candidate| (kind.name)(candidate) == name) {
                Some(same) if *same == object => kept.push(bytes),
                Some(_) => outdated.push((name.clone(), bytes)),
                None if is_project => kept.push(bytes),
                None => deleted.push(Change {
                    verb: Verb::Deleted,
                    kind: kind.kind,
                    name: name.clone(),
                }),
            }
            present.push(name);
        }
        let (mut created, mut updated) = (Vec::new(), Vec::new());
        for object in wanted {
            let name = (kind.name)(object);
            let change = |verb| Change {
                verb,
                kind: kind.kind,
                name: name.to_owned(),
            };
            let outdated = outdated.iter().find(|(known, _)| known == name);
            match outdated {
                Some((_, old)) => {
                    kept.push((kind.encode)(self, object, Some(old))?);
                    updated.push(change(Verb::Updated));
                }
                None if !present.iter().any(|known| known == name) => {
                    kept.push((kind.encode)(self, object, None)?);
                    created.push(change(Verb::Created));
                }
                None => {}
            }
        }
        *list(self) = kept;
        created.extend(deleted);
        created.extend(updated);
        Ok(created)
    }

    fn encode_object(&self, spec: &impl Message, old: Option<&[u8]>, now: Timestamp) -> Result<Vec<u8>> {
        let old: Option<Object> = old.map(|bytes| self.decode("object", bytes)).transpose()?;
        let meta = ObjectMeta {
            created_timestamp: old
                .and_then(|old| old.meta?.created_timestamp)
                .or_else(|| Some(timestamp_message(now))),
            last_updated_timestamp: Some(timestamp_message(now)),
        };
        Ok(Object {
            spec: spec.encode_to_vec(),
            meta: Some(meta),
        }
        .encode_to_vec())
    }

    /// The bytes of a new or changed view. A change of its columns starts a new version and clears its state; its
    /// materialization intervals stay.
    fn encode_view(&mut self, view: &FeatureView, old: Option<&[u8]>, now: Timestamp) -> Result<Vec<u8>> {
        let old: Option<ViewMessage> = old.map(|bytes| self.decode("feature view", bytes)).transpose()?;
        let spec = convert::view_spec(view, &self.project, source_meta(now));
        let mut meta = FeatureViewMeta {
            created_timestamp: Some(timestamp_message(now)),
            last_updated_timestamp: Some(timestamp_message(now)),
            ..FeatureViewMeta::default()
        };
        let mut new_version = true;
        if let Some(old) = old {
            let old_spec: FeatureViewSpec = self.decode("feature view", &old.spec)?;
            let old_meta = old.meta.unwrap_or_default();
            new_version = old_spec.features != spec.features
                || old_spec.entities != spec.entities
                || old_spec.entity_columns != spec.entity_columns;
            let state = if new_version { 0 } else { old_meta.state };
            meta = FeatureViewMeta {
                last_updated_timestamp: meta.last_updated_timestamp,
                state,
                ..old_meta
            };
        }
        let mut message = ViewMessage {
            spec: spec.encode_to_vec(),
            meta: Some(meta),
        };
        if new_version {
            let number = self.add_version(&view.name, &message, now);
            if let Some(meta) = &mut message.meta {
                meta.current_version_number = number;
            }
        }
        Ok(message.encode_to_vec())
    }

    fn add_version(&mut self, view: &str, message: &ViewMessage, now: Timestamp) -> i32 {
        let history = self.message.feature_view_version_history.get_or_insert_default();
        let of_view = |record: &&VersionRecord| record.feature_view_name == view && record.project_id == self.project;
        let number = history
            .records
            .iter()
            .filter(of_view)
            .map(|record| record.version_number + 1)
            .max()
            .unwrap_or(0);
        history.records.push(VersionRecord {
            feature_view_name: view.to_owned(),
            project_id: self.project.clone(),
            version_number: number,
            feature_view_type: "feature_view".to_owned(),
            feature_view_proto: message.encode_to_vec(),
            created_timestamp: Some(timestamp_message(now)),
            description: String::new(),
            version_id: uuid::Uuid::new_v4().to_string(),
        });
        number
    }
}

fn source_meta(now: Timestamp) -> SourceMeta {
    SourceMeta {
        created_timestamp: Some(timestamp_message(now)),
        last_updated_timestamp: Some(timestamp_message(now)),
    }
}
