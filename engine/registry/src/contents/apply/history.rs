//! The version history: a snapshot of each view for each change of its schema, and versions that definitions pin.

use feast_model::error::{Error, Result};
use feast_model::{FeatureView, Timestamp, Version};
use prost::Message;

use crate::contents::RegistryContents;
use crate::convert::timestamp_message;
use crate::descriptors::VERSION_RECORD;
use crate::kinds::{self, EncodeContext, ObjectCodec, ObjectTable};
use crate::messages::VersionRecord;
use crate::protowire::{bytes_of, without};

const RECORD_VIEW: u32 = VERSION_RECORD.number_of("feature_view_name");
const RECORD_PROJECT: u32 = VERSION_RECORD.number_of("project_id");

/// An object that is applied, and what the registry has of it.
pub(super) struct Applied<'a, T> {
    pub(super) defined: &'a T,
    pub(super) active: Option<&'a T>,
}

impl RegistryContents {
    /// Gives a new or changed object, encoded as `bytes`, its version number, and the history its snapshot where the schema is
    /// new.
    pub(super) fn record_version<T: Clone>(
        &mut self,
        codec: &ObjectCodec<T>,
        applied: &Applied<'_, T>,
        bytes: Vec<u8>,
        context: &EncodeContext<'_>,
    ) -> Result<Vec<u8>> {
        let (Some(versioning), table) = (&codec.versioning, &codec.table) else {
            return Ok(bytes);
        };
        let object = applied.defined;
        let name = codec.name(object);
        let is_new = applied.active.is_none_or(|active| (versioning.differ)(active, object));
        if let Version::Pinned(number) = parse(&(codec.metadata)(object).version)? {
            if let Some(record) = self.version(name, number) {
                return self.restored(codec, applied, &record, bytes, context);
            }
            let bytes = with_number(table, bytes, number, is_new);
            self.add_version(table, name, number, &bytes, context.now);
            return Ok(bytes);
        }
        if !is_new {
            return Ok(bytes);
        }
        let of_view = self.versions_of(name);
        let number = of_view.map(|record| record.version_number + 1).max().unwrap_or(0);
        let bytes = with_number(table, bytes, number, true);
        self.add_version(table, name, number, &bytes, context.now);
        Ok(bytes)
    }

    /// A definition that pins a recorded version makes that one active, and may not be changed besides.
    fn restored<T: Clone>(
        &self,
        codec: &ObjectCodec<T>,
        applied: &Applied<'_, T>,
        record: &VersionRecord,
        bytes: Vec<u8>,
        context: &EncodeContext<'_>,
    ) -> Result<Vec<u8>> {
        let (Some(versioning), table) = (&codec.versioning, &codec.table) else {
            return Ok(bytes);
        };
        let number = record.version_number;
        let unpinned = |object: &T| (codec.encode)(&versioning.with_version(object, "latest"), context);
        let defined = applied.defined;
        if applied
            .active
            .is_some_and(|active| unpinned(active) != unpinned(defined))
        {
            return Err(Error::invalid(format!(
                "Cannot pin feature view '{}' to v{number} because the definition has also been modified. \
                 To pin to an older version, only change the 'version' parameter",
                codec.name(defined)
            ))
            .with_hint("to apply a new definition, use version='latest' or leave version out"));
        }
        let Some(restored) = (codec.decode)(&self.decode_context(), table.spec_of(&record.feature_view_proto))? else {
            return Ok(bytes);
        };
        let version = &(codec.metadata)(defined).version;
        let spec = (codec.encode)(&versioning.with_version(&restored, version), context);
        let restored = table.assemble(&spec, table.meta_of(&bytes));
        Ok(with_number(table, restored, number, true))
    }

    /// Whether the stored view is the version that the defined one pins: its definition then stands in the history, not in
    /// the repository.
    pub(super) fn is_pinned_as_defined<T: Clone + PartialEq>(
        &self,
        codec: &ObjectCodec<T>,
        stored: &T,
        defined: &T,
        context: &EncodeContext<'_>,
    ) -> Result<bool> {
        let Some(versioning) = &codec.versioning else {
            return Ok(false);
        };
        let version = |object: &T| parse(&(codec.metadata)(object).version);
        let pinned = version(defined)?;
        if !matches!(pinned, Version::Pinned(_)) || version(stored)? != pinned {
            return Ok(false);
        }
        let latest = |object: &T| {
            (codec.decode)(
                &self.decode_context(),
                &(codec.encode)(&versioning.with_version(object, "latest"), context),
            )
        };
        let defined = latest(defined)?;
        for record in self.versions_of(codec.name(stored)) {
            let snapshot = (codec.decode)(&self.decode_context(), codec.table.spec_of(&record.feature_view_proto))?;
            if let Some(snapshot) = snapshot
                && latest(&snapshot)? == defined
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    pub(crate) fn forget_versions(&mut self, view: &str) {
        let project = std::mem::take(&mut self.project);
        if let Some(history) = &mut self.message.feature_view_version_history {
            history.records.retain(|record| !is_of_view(record, &project, view));
        }
        self.project = project;
    }

    /// Forgets the versions of all views of this project.
    pub(crate) fn forget_all_versions(&mut self) {
        let project = self.project.as_bytes();
        if let Some(history) = &mut self.message.feature_view_version_history {
            history
                .records
                .retain(|record| bytes_of(record, RECORD_PROJECT) != project);
        }
    }

    /// The recorded versions of a view of this project, oldest first. A record that cannot be read is left out.
    pub(crate) fn versions_of<'a>(&'a self, view: &'a str) -> impl Iterator<Item = VersionRecord> + 'a {
        let history = self.message.feature_view_version_history.as_ref();
        let records = history.map_or(&[][..], |history| history.records.as_slice());
        let of_view = records
            .iter()
            .filter(move |record| is_of_view(record, &self.project, view));
        of_view.filter_map(|record| VersionRecord::decode(record.as_slice()).ok())
    }

    /// One recorded version of a view.
    pub(crate) fn version(&self, view: &str, number: i32) -> Option<VersionRecord> {
        let mut versions = self.versions_of(view);
        versions.find(|record| record.version_number == number)
    }

    /// The view of a record. `None` for an on-demand view and for one that cannot be read.
    pub(crate) fn recorded_view(&self, record: &VersionRecord) -> Option<FeatureView> {
        let codecs = [&kinds::FEATURE_VIEW, &kinds::STREAM_FEATURE_VIEW, &kinds::LABEL_VIEW];
        let of_record = |table: &ObjectTable| table.record_type == Some(record.feature_view_type.as_str());
        if of_record(&kinds::ON_DEMAND_FEATURE_VIEW.table) {
            return None;
        }
        let codec = codecs.into_iter().find(|codec| of_record(&codec.table));
        // An unknown type is read as the most common one.
        let codec = codec.unwrap_or(&kinds::FEATURE_VIEW);
        (codec.decode)(&self.decode_context(), codec.table.spec_of(&record.feature_view_proto)).ok()?
    }

    fn add_version(&mut self, table: &ObjectTable, view: &str, number: i32, object: &[u8], now: Timestamp) {
        let history = self.message.feature_view_version_history.get_or_insert_default();
        let record = VersionRecord {
            feature_view_name: view.to_owned(),
            project_id: self.project.clone(),
            version_number: number,
            feature_view_type: table.record_type.unwrap_or_default().to_owned(),
            feature_view_proto: object.to_vec(),
            created_timestamp: Some(timestamp_message(now)),
            description: String::new(),
            version_id: uuid::Uuid::new_v4().to_string(),
        };
        history.records.push(record.encode_to_vec());
    }
}

fn is_of_view(record: &[u8], project: &str, view: &str) -> bool {
    bytes_of(record, RECORD_VIEW) == view.as_bytes() && bytes_of(record, RECORD_PROJECT) == project.as_bytes()
}

fn parse(version: &str) -> Result<Version> {
    Version::parse(version).ok_or_else(|| {
        Error::invalid(format!(
            "Invalid version string '{version}'. Expected 'latest', 'vN', or 'versionN' (e.g. 'v2', 'version3')."
        ))
    })
}

/// The object with that version number; a new schema also clears its state.
fn with_number(table: &ObjectTable, object: Vec<u8>, number: i32, is_new: bool) -> Vec<u8> {
    let meta = table.fields.meta.as_ref();
    let Some(number_field) = meta.and_then(|meta| meta.version_number) else {
        return object;
    };
    let state_field = meta.and_then(|meta| meta.state).filter(|_| is_new);
    let dropped: Vec<u32> = [number_field].into_iter().chain(state_field).collect();
    let mut meta = without(table.meta_of(&object), &dropped);
    if number != 0 {
        prost::encoding::int32::encode(number_field, &number, &mut meta);
    }
    table.with_meta(&object, &meta)
}
