//! The version history: a snapshot of each view for each change of its schema, and versions that definitions pin.

use feast_model::error::{Error, Result};
use feast_model::{Timestamp, Version};
use prost::Message;

use super::kinds::{Context, Kind, Versions};
use crate::convert::timestamp_message;
use crate::file::RegistryFile;
use crate::messages::VersionRecord;
use crate::wire::{META, SPEC, bytes_of, put, without};

// Fields of a record.
const RECORD_VIEW: u32 = 1;
const RECORD_PROJECT: u32 = 2;

impl RegistryFile {
    /// Gives a new or changed object its version number, and the history its snapshot where the schema is new.
    pub(super) fn record_version<T>(
        &mut self,
        kind: &Kind<T>,
        object: &T,
        old: Option<&T>,
        bytes: Vec<u8>,
        context: &Context<'_>,
    ) -> Result<Vec<u8>> {
        let Some(versions) = &kind.versions else {
            return Ok(bytes);
        };
        let name = (kind.name)(object);
        let is_new = old.is_none_or(|old| (versions.differ)(old, object));
        if let Version::Pinned(number) = parse((versions.version)(object))? {
            if let Some(record) = self.version(name, number) {
                let snapshot = record.feature_view_proto;
                return self.restored(kind, versions, (object, old), &snapshot, number, &bytes, context);
            }
            let bytes = with_number(versions, bytes, number, is_new);
            self.add_version(versions.record_type, (name, number), &bytes, context.now);
            return Ok(bytes);
        }
        if !is_new {
            return Ok(bytes);
        }
        let of_view = self.versions_of(name);
        let number = of_view.map(|record| record.version_number + 1).max().unwrap_or(0);
        let bytes = with_number(versions, bytes, number, true);
        self.add_version(versions.record_type, (name, number), &bytes, context.now);
        Ok(bytes)
    }

    /// A definition that pins a recorded version makes that one active, and may not be changed besides.
    #[expect(clippy::too_many_arguments, reason = "one object in its several states")]
    fn restored<T>(
        &self,
        kind: &Kind<T>,
        versions: &Versions<T>,
        (wanted, active): (&T, Option<&T>),
        snapshot: &[u8],
        number: i32,
        bytes: &[u8],
        context: &Context<'_>,
    ) -> Result<Vec<u8>> {
        let name = (kind.name)(wanted);
        let unpinned = |object: &T| (kind.encode)(&(versions.with_version)(object, "latest"), context);
        if active.is_some_and(|active| unpinned(active) != unpinned(wanted)) {
            return Err(Error::invalid(format!(
                "Cannot pin feature view '{name}' to v{number} because the definition has also been modified. \
                 To pin to an older version, only change the 'version' parameter"
            ))
            .with_hint("to apply a new definition, use version='latest' or leave version out"));
        }
        let Some(restored) = (kind.decode)(self, bytes_of(snapshot, SPEC))? else {
            return Ok(bytes.to_vec());
        };
        let spec = (kind.encode)(&(versions.with_version)(&restored, (versions.version)(wanted)), context);
        let mut answer = Vec::new();
        put(&mut answer, SPEC, &spec);
        put(&mut answer, META, bytes_of(bytes, META));
        Ok(with_number(versions, answer, number, true))
    }

    /// Whether the stored view is the version that the wanted one pins: its definition then stands in the history, not in
    /// the repository.
    pub(super) fn is_pinned_as_wanted<T: PartialEq>(
        &self,
        kind: &Kind<T>,
        stored: &T,
        wanted: &T,
        context: &Context<'_>,
    ) -> Result<bool> {
        let Some(versions) = &kind.versions else {
            return Ok(false);
        };
        let (stored_version, wanted_version) = ((versions.version)(stored), (versions.version)(wanted));
        let Version::Pinned(_) = parse(wanted_version)? else {
            return Ok(false);
        };
        if parse(stored_version)? != parse(wanted_version)? {
            return Ok(false);
        }
        let latest = |object: &T| {
            (kind.decode)(
                self,
                &(kind.encode)(&(versions.with_version)(object, "latest"), context),
            )
        };
        let wanted = latest(wanted)?;
        for record in self.versions_of((kind.name)(stored)) {
            let snapshot = (kind.decode)(self, bytes_of(&record.feature_view_proto, SPEC))?;
            if let Some(snapshot) = snapshot
                && latest(&snapshot)? == wanted
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

    fn add_version(&mut self, record_type: &str, (view, number): (&str, i32), object: &[u8], now: Timestamp) {
        let history = self.message.feature_view_version_history.get_or_insert_default();
        let record = VersionRecord {
            feature_view_name: view.to_owned(),
            project_id: self.project.clone(),
            version_number: number,
            feature_view_type: record_type.to_owned(),
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
fn with_number<T>(versions: &Versions<T>, object: Vec<u8>, number: i32, is_new: bool) -> Vec<u8> {
    let Some(number_field) = versions.number_field else {
        return object;
    };
    // The state's field comes two after the number's in every meta.
    let state_field = number_field + 2;
    let dropped: &[u32] = if is_new {
        &[number_field, state_field]
    } else {
        &[number_field]
    };
    let mut meta = without(bytes_of(&object, META), dropped);
    if number != 0 {
        prost::encoding::int32::encode(number_field, &number, &mut meta);
    }
    let mut answer = without(&object, &[META]);
    put(&mut answer, META, &meta);
    answer
}
