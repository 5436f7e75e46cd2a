//! What a registry holds: its objects, how definitions change them, what has been materialized. Bytes and values only; where
//! they are kept is the business of `place`.
//!
//! Lists are held as bytes, and only what differs is encoded again: so objects that did not change keep their bytes, and what a newer
//! Feast has put into an object, its meta or the registry stays. An object differs only if it would be stored differently.
//! Tables of the online store are not noted in `infra`: Python Feast imports the class that is named there and would fail.

mod apply;
mod edit;
#[cfg(test)]
mod fuzz;
mod intervals;
mod lookup;

pub use apply::{Change, FieldChange, KeyChange, Verb};
pub use intervals::ResumePoint;
pub use lookup::ViewVersion;

use feast_model::error::{Error, ErrorKind, Result};
use feast_model::{DUMMY_ENTITY, Definitions, ObjectKind, Project, Timestamp};
use prost::Message;

use super::convert;
use super::descriptors::REGISTRY;
use super::kinds::{self, DecodeContext, ObjectCodec, REMEDY};
use super::messages::Registry;
use super::protowire::{WireValue, fields};

const SCHEMA_VERSION: &str = "1";

/// The registry as one project sees it, in memory. The objects of other projects are carried.
#[derive(Clone)]
pub struct RegistryContents {
    /// What messages call the place it comes from.
    origin: String,
    pub(crate) project: String,
    pub(crate) message: Registry,
    /// Fields of a newer Feast, written back as they were.
    unknown: Vec<u8>,
}

/// An object of the registry that holds what this binary does not know. It is kept as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnsupportedObject {
    /// What it is.
    pub kind: ObjectKind,
    /// Its name.
    pub name: String,
    /// What is not known.
    pub reason: String,
}

impl RegistryContents {
    /// Reads the bytes of a registry; none are an empty one. `origin` is what messages call the place they come from.
    ///
    /// # Errors
    /// `Data` when they are not a registry.
    pub(crate) fn parse(bytes: &[u8], origin: String, project: &str) -> Result<Self> {
        let not_a_registry = |source: prost::DecodeError| {
            Error::data(format!("{origin} is not a Feast registry: {source}"))
                .with_hint(REMEDY)
                .with_source(source)
        };
        let mut message = Registry::decode(bytes).map_err(not_a_registry)?;
        let fields = fields(bytes).map_err(not_a_registry)?;
        let unknown = fields.iter().filter(|field| !REGISTRY.knows(field.number));
        let unknown = unknown.flat_map(|field| field.bytes).copied().collect();
        if bytes.is_empty() {
            SCHEMA_VERSION.clone_into(&mut message.registry_schema_version);
        }
        Ok(Self {
            origin,
            project: project.to_owned(),
            message,
            unknown,
        })
    }

    /// The bytes to keep, with a new version id: Python keys its caches by it, so it must be new with every change.
    pub(crate) fn encode_changed(&mut self, now: Timestamp) -> Vec<u8> {
        self.message.version_id = uuid::Uuid::new_v4().to_string();
        self.message.last_updated = Some(convert::timestamp_message(now));
        let mut bytes = self.message.encode_to_vec();
        bytes.extend(&self.unknown);
        bytes
    }

    /// The id of this state of the registry: another one with each write, Python's too. Empty where nothing was written yet.
    pub(crate) fn version_id(&self) -> &str {
        &self.message.version_id
    }

    /// When it was last written, as it says.
    pub fn last_updated(&self) -> Option<Timestamp> {
        self.message.last_updated.as_ref().map(convert::timestamp)
    }

    /// Empty, or with objects but without any project, which comes after them in the bytes.
    pub(crate) fn looks_cut(&self) -> bool {
        let message = &self.message;
        let has_objects = !message.entities.is_empty() || !message.feature_views.is_empty();
        message.projects.is_empty() && (has_objects || message.version_id.is_empty())
    }

    /// The project's objects, and those that hold what this binary does not know.
    ///
    /// # Errors
    /// `Data`, naming the object.
    pub fn definitions(&self) -> Result<(Definitions, Vec<UnsupportedObject>)> {
        let mut unsupported = Vec::new();
        let mut entities = self.objects(&kinds::ENTITY, &mut unsupported)?;
        entities.retain(|entity| entity.name() != DUMMY_ENTITY);
        let mut feature_views = self.objects(&kinds::FEATURE_VIEW, &mut unsupported)?;
        feature_views.extend(self.objects(&kinds::STREAM_FEATURE_VIEW, &mut unsupported)?);
        feature_views.extend(self.objects(&kinds::LABEL_VIEW, &mut unsupported)?);
        let definitions = Definitions {
            project: self.objects(&kinds::PROJECT, &mut unsupported)?.pop(),
            entities,
            sources: self.objects(&kinds::DATA_SOURCE, &mut unsupported)?,
            feature_views,
            on_demand_feature_views: self.objects(&kinds::ON_DEMAND_FEATURE_VIEW, &mut unsupported)?,
            services: self.objects(&kinds::FEATURE_SERVICE, &mut unsupported)?,
            permissions: self.objects(&kinds::PERMISSION, &mut unsupported)?,
        };
        Ok((definitions, unsupported))
    }

    fn objects<T>(&self, codec: &ObjectCodec<T>, unsupported: &mut Vec<UnsupportedObject>) -> Result<Vec<T>> {
        let table = &codec.table;
        let mut objects = Vec::new();
        for bytes in (table.list)(&self.message) {
            match (codec.decode)(&self.decode_context(), table.spec_of(bytes)) {
                Ok(object) => objects.extend(object),
                Err(error) if error.kind() == ErrorKind::Unsupported => unsupported.push(UnsupportedObject {
                    kind: table.kind,
                    name: table.name_of(bytes),
                    // Clients see it too.
                    reason: error.public_message(),
                }),
                Err(error) => return Err(error),
            }
        }
        Ok(objects)
    }

    /// The project itself.
    ///
    /// # Errors
    /// `Data` when it cannot be read.
    pub(crate) fn project(&self) -> Result<Option<Project>> {
        Ok(self.objects(&kinds::PROJECT, &mut Vec::new())?.pop())
    }

    /// What objects of this registry are decoded with.
    pub(crate) fn decode_context(&self) -> DecodeContext<'_> {
        DecodeContext {
            origin: &self.origin,
            project: &self.project,
        }
    }
}

/// Where in the bytes of a registry its version id stands. `None` when they have none that tells them from others.
pub(crate) fn position_of_version_id(bytes: &[u8]) -> Option<usize> {
    const VERSION_ID: u32 = REGISTRY.number_of("version_id");
    let mut end = 0;
    let mut found = None;
    for field in fields(bytes).ok()? {
        end += field.bytes.len();
        if let (VERSION_ID, WireValue::Bytes(id)) = (field.number, field.value) {
            found = Some(end - id.len()).filter(|_| !id.is_empty());
        }
    }
    found
}
