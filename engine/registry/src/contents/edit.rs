//! Changes of single objects without an apply.

use feast_model::ObjectKind;
use feast_model::error::{Error, ErrorKind, Result};
use prost::encoding::bool;

use super::RegistryContents;
use crate::descriptors::PROJECT_METADATA;
use crate::kinds::TABLES;
use crate::protowire::{bytes_of, without};

/// Tag of a project that must not be torn down.
const PROTECTED_TAG: &str = "feast.dev/protected-project";

impl RegistryContents {
    /// Removes the object of that name that Feast would find first. `None` when there is none.
    pub fn delete(&mut self, name: &str) -> Option<ObjectKind> {
        for table in TABLES.iter().filter(|table| table.kind != ObjectKind::Project) {
            if let Some(position) = table.position(&self.message, &self.project, name) {
                (table.list_mut)(&mut self.message).remove(position);
                if table.record_type.is_some() {
                    self.forget_versions(name);
                }
                return Some(table.kind);
            }
        }
        None
    }

    /// Removes everything of the project, the project too.
    ///
    /// # Errors
    /// `Conflict` when the project is protected.
    pub fn clear(&mut self) -> Result<()> {
        const METADATA_PROJECT: u32 = PROJECT_METADATA.number_of("project");
        let project = self.project()?;
        let tag = project.and_then(|project| project.metadata.tags.get(PROTECTED_TAG).cloned());
        if tag.is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            return Err(Error::new(
                ErrorKind::Conflict,
                format!("project {} is protected by its tag {PROTECTED_TAG}", self.project),
            )
            .with_hint("remove the tag from the definitions and run: feast apply"));
        }
        let project = self.project.clone();
        for table in TABLES {
            let list = (table.list_mut)(&mut self.message);
            list.retain(|object| table.name_in_project(object, &project).is_none());
        }
        self.forget_all_versions();
        // It is never shown.
        let message = &mut self.message;
        message
            .project_metadata
            .retain(|metadata| bytes_of(metadata, METADATA_PROJECT) != project.as_bytes());
        // Tables of Python's store, named after their project. It would take them for existing ones.
        if message.projects.is_empty() {
            message.infra = None;
        }
        Ok(())
    }

    /// Lets a view be used, or not. Says whether that is new.
    ///
    /// # Errors
    /// `NotFound` when there is no such view.
    pub fn set_enabled(&mut self, view: &str, enabled: bool) -> Result<bool> {
        for table in TABLES {
            let (Some(spec_field), Some(disabled)) = (table.fields.spec, table.fields.disabled) else {
                continue;
            };
            let Some(position) = table.position(&self.message, &self.project, view) else {
                continue;
            };
            let old = &mut (table.list_mut)(&mut self.message)[position];
            let mut spec = without(table.spec_of(old), &[disabled]);
            if !enabled {
                bool::encode(disabled, &true, &mut spec);
            }
            let mut object = Vec::with_capacity(old.len());
            crate::protowire::put(&mut object, spec_field, &spec);
            object.extend(without(old, &[spec_field]));
            let changed = object.len() != old.len();
            *old = object;
            return Ok(changed);
        }
        Err(Error::unknown_feature_view(view, &self.project))
    }
}
