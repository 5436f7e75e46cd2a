//! Attributes of Feast's objects: those that definition files read, those that they may change after the object is made, and the
//! views that are projected.

use std::rc::Rc;

use feast_model::{DataSource, Field, Metadata, Projection, RequestedFeatures, SourceKind, ViewKind};

use super::enumerations::value_type_member;
use crate::context::Site;
use crate::value::{DefinedObject, FeastObject, ProjectedView, TimeDelta, Value, ViewProjection};

/// An object that is made at a place of a file.
pub(crate) fn object_at(object: FeastObject, site: Site<'_>) -> Value {
    let file = site.scope.path().to_path_buf();
    Value::Object(Rc::new(DefinedObject::new(object, file, site.line())))
}

impl FeastObject {
    /// What it says of itself; `None` for what is not read or changed in definition files.
    fn metadata(&self) -> Option<&Metadata> {
        Some(match self {
            Self::Project(project) => &project.metadata,
            Self::Entity(entity) => &entity.metadata,
            Self::Source(source) => &source.metadata,
            Self::View(view) => &view.metadata,
            Self::OnDemandView(view) => &view.metadata,
            Self::Service(service) => &service.metadata,
            _ => return None,
        })
    }

    fn metadata_mut(&mut self) -> Option<&mut Metadata> {
        Some(match self {
            Self::Project(project) => &mut project.metadata,
            Self::Entity(entity) => &mut entity.metadata,
            Self::Source(source) => &mut source.metadata,
            Self::View(view) => &mut view.metadata,
            Self::OnDemandView(view) => &mut view.metadata,
            Self::Service(service) => &mut service.metadata,
            _ => return None,
        })
    }

    /// An attribute of type `str` that has no influence on others and may be changed later.
    fn str_attribute(&mut self, name: &str) -> Option<&mut String> {
        match (name, self) {
            ("timestamp_field", Self::Source(source)) => Some(&mut source.timestamp_field),
            ("created_timestamp_column", Self::Source(source)) => Some(&mut source.created_timestamp_column),
            ("description", object) => object.metadata_mut().map(|metadata| &mut metadata.description),
            ("owner", object) => object.metadata_mut().map(|metadata| &mut metadata.owner),
            _ => None,
        }
    }
}

impl DefinedObject {
    /// `object.name = value`, for what no other object has taken over.
    ///
    /// # Errors
    /// `None` for what cannot be changed here; else what the value should be.
    pub(crate) fn set_attribute(&self, name: &str, value: &Value) -> Result<(), Option<&'static str>> {
        if self.is_shared() {
            return Err(None);
        }
        let mut object = self.object_mut();
        if let Some(string) = object.str_attribute(name) {
            let given = value.as_str().ok_or(Some("a str"))?;
            *string = given.to_string();
            return Ok(());
        }
        let FeastObject::View(view) = &mut *object else {
            return Err(None);
        };
        match (name, value) {
            ("ttl", Value::None) if matches!(view.kind, ViewKind::Regular) => view.ttl = None,
            ("ttl", Value::TimeDelta(delta)) => {
                let micros = i64::try_from(delta.micros());
                view.ttl = Some(micros.map_err(|_| Some("a timedelta that can be stored"))?);
            }
            ("ttl", _) => return Err(Some("a timedelta")),
            ("online", Value::Bool(flag)) => view.online = *flag,
            ("online", _) => return Err(Some("a bool")),
            _ => return Err(None),
        }
        Ok(())
    }

    /// `object.tags[name] = value`, as [`DefinedObject::set_attribute`].
    pub(crate) fn set_tag(&self, name: &Value, value: &Value) -> Result<(), Option<&'static str>> {
        if self.is_shared() || !self.has_own_tags() {
            return Err(None);
        }
        let (Some(name), Some(value)) = (name.as_str(), value.as_str()) else {
            return Err(Some("a dict of str"));
        };
        let mut object = self.object_mut();
        let metadata = object.metadata_mut().ok_or(None)?;
        metadata.tags.insert(name.to_string(), value.to_string());
        Ok(())
    }

    /// An attribute that definition files read; `None` for the rest.
    pub(crate) fn attribute(&self, name: &str) -> Option<Value> {
        // A copy, which must not be changed in place of what it stands for.
        let part = |object: FeastObject| {
            let part = Self::new(object, self.file.clone(), self.line);
            part.share();
            Value::Object(Rc::new(part))
        };
        let object = self.object();
        let fields = |fields: &[Field]| {
            let known = !fields.is_empty();
            known.then(|| {
                Value::list(
                    fields
                        .iter()
                        .map(|field| part(FeastObject::Field(field.clone())))
                        .collect(),
                )
            })
        };
        let source = |source: Option<&DataSource>| {
            source.map_or(Value::None, |source| part(FeastObject::Source(source.clone())))
        };
        let (own_name, description, owner, tags) = match &*object {
            FeastObject::Field(field) => (&field.name, &field.description, None, &field.tags),
            described => {
                let Metadata {
                    name,
                    description,
                    owner,
                    tags,
                    ..
                } = described.metadata()?;
                (name, description, Some(owner), tags)
            }
        };
        let string = |string: &String| Value::str(string);
        Some(match (name, &*object) {
            ("name", _) => string(own_name),
            ("description", _) => string(description),
            ("owner", _) => string(owner?),
            ("tags", _) => {
                let members = tags.iter().map(|(name, value)| (string(name), string(value)));
                Value::dict(members.collect())
            }
            ("value_type", FeastObject::Entity(entity)) => value_type_member(entity.value_type.as_ref())?,
            ("features", FeastObject::View(view)) => fields(&view.features)?,
            ("features" | "schema", FeastObject::OnDemandView(view)) => fields(&view.features)?,
            ("schema", FeastObject::View(view)) => fields(&[view.entity_columns.as_slice(), &view.features].concat())?,
            ("join_key", FeastObject::Entity(entity)) => string(&entity.join_key),
            ("dtype", FeastObject::Field(field)) => Value::Type(field.value_type.clone()),
            ("timestamp_field", FeastObject::Source(source)) => string(&source.timestamp_field),
            ("created_timestamp_column", FeastObject::Source(source)) => string(&source.created_timestamp_column),
            (
                "path",
                FeastObject::Source(DataSource {
                    kind: SourceKind::File { path, .. },
                    ..
                }),
            ) => string(path),
            ("batch_source", FeastObject::Source(stream)) => source(stream.batch_source()),
            ("batch_source", FeastObject::View(view)) => source(view.batch_source.as_ref()),
            ("stream_source", FeastObject::View(view)) => source(view.stream_source.as_ref()),
            ("ttl", FeastObject::View(view)) => view
                .ttl
                .map_or(Value::None, |micros| Value::TimeDelta(TimeDelta::from_micros(micros))),
            ("online", FeastObject::View(view)) => Value::Bool(view.online),
            ("entities", FeastObject::View(view)) => Value::list(view.entities.iter().map(string).collect()),
            _ => return None,
        })
    }

    /// The view as it can be projected further; `None` for what is not a view.
    pub(crate) fn projection(&self) -> Option<ViewProjection> {
        match &*self.object() {
            FeastObject::View(view) => Some(ViewProjection {
                base: ProjectedView::View(Rc::new(view.clone())),
                projection: Projection {
                    is_label_view: matches!(view.kind, ViewKind::Label(_)),
                    ..Projection::all_of(view.name())
                },
            }),
            FeastObject::OnDemandView(view) => Some(ViewProjection {
                base: ProjectedView::OnDemand(Rc::new(view.clone())),
                projection: Projection {
                    requested: RequestedFeatures::Named(view.features.iter().map(|field| field.name.clone()).collect()),
                    ..Projection::all_of(view.name())
                },
            }),
            FeastObject::Projection(projection) => Some(projection.clone()),
            _ => None,
        }
    }
}

impl ViewProjection {
    /// Takes only some features; those of a view with a schema must be in it.
    ///
    /// # Errors
    /// The first name that is not.
    pub(crate) fn choose(mut self, names: Vec<String>) -> Result<Self, String> {
        let known = match &self.base {
            ProjectedView::View(view) => &view.features,
            ProjectedView::OnDemand(view) => &view.features,
        };
        let is_known = |name: &String| known.is_empty() || known.iter().any(|field| field.name == *name);
        if let Some(unknown) = names.iter().find(|name| !is_known(name)) {
            return Err(unknown.clone());
        }
        self.projection.requested = match (names.is_empty(), known.is_empty()) {
            (true, _) => RequestedFeatures::All,
            (false, false) => RequestedFeatures::Named(names),
            (false, true) => RequestedFeatures::InViewOrder(names),
        };
        Ok(self)
    }
}
