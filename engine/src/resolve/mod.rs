//! Completes and checks definitions before they go into the registry: what Feast infers at `apply`, and what it would
//! only find out at materialization. Knows nothing of Python files and of stores.

mod durations;
mod infer;
mod names;
mod projections;
mod sources;
mod views;

use std::path::Path;

use crate::error::{Error, InvalidDefinition};
use crate::model::{Definitions, Field, ObjectKind};

/// What resolving needs beside the definitions.
pub(crate) struct Surroundings<'a> {
    /// Relative paths of sources start here.
    pub(crate) repository: &'a Path,
    pub(crate) project: &'a str,
    /// The features of a view at a recorded version.
    pub(crate) version_features: &'a dyn Fn(&str, i32) -> Option<Vec<Field>>,
    /// Let columns be missing from files: a warning instead of an error.
    pub(crate) skip_source_validation: bool,
}

/// Everything wrong, and everything that the user should know although it is no error.
#[derive(Default)]
struct Findings {
    problems: Vec<InvalidDefinition>,
    warnings: Vec<String>,
    /// Views whose sources are no parquet files.
    without_file: Vec<String>,
}

impl Findings {
    fn problem(&mut self, kind: ObjectKind, name: &str, message: impl Into<String>) {
        self.problems.push(InvalidDefinition {
            kind,
            name: name.to_owned(),
            message: message.into(),
            hint: None,
        });
    }

    /// The warnings, with one for all views that cannot be read here.
    fn into_warnings(mut self) -> Vec<String> {
        const SHOWN: usize = 5;
        if !self.without_file.is_empty() {
            let names = self.without_file.iter().take(SHOWN).map(String::as_str);
            let mut names = names.collect::<Vec<_>>().join(", ");
            if self.without_file.len() > SHOWN {
                names += &format!(" and {} more", self.without_file.len() - SHOWN);
            }
            self.warnings.push(format!(
                "the sources of these feature views are no parquet files, so they are stored but cannot be materialized here: \
                 {names}"
            ));
        }
        self.warnings
    }

    fn error(&mut self, kind: ObjectKind, name: &str, error: &Error) {
        self.problems.push(InvalidDefinition {
            kind,
            name: name.to_owned(),
            message: error.to_string(),
            hint: error.hint().map(str::to_owned),
        });
    }
}

/// Completes `definitions` and returns what the user should know although it is no error.
///
/// # Errors
/// Everything found wrong.
pub(crate) fn resolve(
    definitions: &mut Definitions,
    surroundings: &Surroundings<'_>,
) -> Result<Vec<String>, Vec<InvalidDefinition>> {
    let mut findings = Findings::default();
    names::check(definitions, &mut findings);
    durations::check(definitions, &mut findings);
    if findings.problems.is_empty() {
        sources::complete(definitions, surroundings, &mut findings);
        views::complete(definitions, surroundings, &mut findings);
        projections::complete(definitions, surroundings, &mut findings);
    }
    if findings.problems.is_empty() {
        Ok(findings.into_warnings())
    } else {
        Err(findings.problems)
    }
}
