//! Completes and checks definitions before they go into the registry: what Feast infers at `apply`, and what it would
//! only find out at materialization. Knows nothing of Python files and of stores.

mod durations;
mod infer;
mod inspect;
mod names;
mod projections;
mod sources;
mod views;

use std::collections::HashSet;
use std::path::Path;

use feast_model::error::{Error, InvalidDefinition};
use feast_model::{Definitions, Field, ObjectKind};

pub use inspect::SourceFound;
pub(crate) use inspect::inspect;

use crate::offline::SchemaCache;

/// What resolving needs beside the definitions.
pub(crate) struct ResolveContext<'a> {
    /// Relative paths of sources start here.
    pub(crate) repository: &'a Path,
    pub(crate) project: &'a str,
    /// The features of a view at a recorded version.
    pub(crate) version_features: &'a dyn Fn(&str, i32) -> Option<Vec<Field>>,
    /// Of the files that were read before: views may share a source of many.
    pub(crate) schemas: &'a SchemaCache,
    /// Let columns be missing from files: a warning instead of an error. Files that are missing are not spoken of.
    pub(crate) skip_source_validation: bool,
}

/// Everything wrong, and everything that the user should know although it is not an error.
#[derive(Default)]
struct Diagnostics {
    problems: Vec<InvalidDefinition>,
    warnings: Vec<String>,
    /// Views whose sources are not parquet files.
    without_file: Vec<String>,
    /// Data sources whose files had to be read and cannot be. That is reported once, not again for each of their views.
    unreadable: HashSet<String>,
}

impl Diagnostics {
    fn problem(&mut self, kind: ObjectKind, name: &str, message: impl Into<String>) {
        self.error(kind, name, &Error::invalid(message));
    }

    fn error(&mut self, kind: ObjectKind, name: &str, error: &Error) {
        self.add(kind, name, error, false);
    }

    /// As [`Diagnostics::error`], for what only a data file could tell.
    fn file_error(&mut self, kind: ObjectKind, name: &str, error: &Error) {
        self.add(kind, name, error, true);
    }

    fn add(&mut self, kind: ObjectKind, name: &str, error: &Error, of_file: bool) {
        self.problems.push(InvalidDefinition {
            kind,
            name: name.to_owned(),
            message: without_subject(&error.to_string(), kind, name),
            hint: error.hint().map(str::to_owned),
            of_file,
        });
    }

    /// A warning that several views may give, reported once.
    fn warn_once(&mut self, warning: String) {
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    /// The views that have been found wrong so far: what follows from them is not reported besides.
    fn failed_views(&self) -> HashSet<String> {
        let of_views = self.problems.iter().filter(|problem| problem.kind.is_view());
        of_views.map(|problem| problem.name.clone()).collect()
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
                "the sources of these feature views are not parquet files, so they are stored but cannot be materialized here: \
                 {names}"
            ));
        }
        self.warnings
    }
}

/// A message that names its object first, without that.
fn without_subject(message: &str, kind: ObjectKind, name: &str) -> String {
    let subject = format!("{kind} {name}: ");
    message.strip_prefix(&subject).unwrap_or(message).to_owned()
}

/// Completes `definitions` and returns what the user should know although it is not an error.
///
/// # Errors
/// Everything found wrong.
pub(crate) fn resolve(
    definitions: &mut Definitions,
    context: &ResolveContext<'_>,
) -> Result<Vec<String>, Vec<InvalidDefinition>> {
    let mut diagnostics = Diagnostics::default();
    names::check(definitions, &mut diagnostics);
    durations::check(definitions, &mut diagnostics);
    sources::complete(definitions, context, &mut diagnostics);
    views::complete(definitions, context, &mut diagnostics);
    projections::complete(definitions, context, &mut diagnostics);
    if diagnostics.problems.is_empty() {
        Ok(diagnostics.into_warnings())
    } else {
        Err(diagnostics.problems)
    }
}
