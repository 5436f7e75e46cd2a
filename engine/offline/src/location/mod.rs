//! Where the parquet of a source is, and the files there: listed in their order, opened, known again, tidied up.
//!
//! A place of another kind, such as an object store, becomes another arm of [`Location`]: what it lists and how its files are read
//! is here, and whatever works on local files alone takes [`Location::path`]. Knows nothing of footers and rows.

mod file;
mod listing;

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

use feast_files::remove_leftovers;
use feast_model::error::{Error, Result};
use feast_model::{DataSource, FileFormat, SourceKind};

pub(super) use file::{FileIdentity, SourceFile};
pub(super) use listing::{ListedFile, Listing};

/// Where the parquet of a source is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Location {
    /// On this machine: one file, a directory of files, or a pattern that matches files.
    Local(PathBuf),
}

/// What the files of a source are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceLayout {
    /// One file.
    File,
    /// All files below a directory.
    Directory,
    /// All files that a pattern matches, and those below the directories that it matches.
    Pattern,
}

impl Location {
    /// Finds the parquet of a source; relative paths start at `repository`.
    ///
    /// # Errors
    /// `Invalid` when it is not parquet that can be read here.
    pub(super) fn from_source(source: &DataSource, repository: &Path) -> Result<Self> {
        let SourceKind::File { path, format, .. } = &source.kind else {
            return Err(Error::invalid(format!(
                "data source {} is not a parquet file source, so it cannot be read here",
                source.name()
            )));
        };
        if *format == Some(FileFormat::Delta) {
            return Err(Error::invalid(format!(
                "data source {} is a Delta table, and only parquet can be read here",
                source.name()
            )));
        }
        let local = path.strip_prefix("file://").unwrap_or(path);
        if local.contains("://") {
            return Err(Error::invalid(format!(
                "data source {}: {path} is not a local path, and only those can be read",
                source.name()
            )));
        }
        Ok(Self::Local(repository.join(local)))
    }

    /// The file, directory or pattern on this machine.
    pub(crate) fn path(&self) -> &Path {
        let Self::Local(path) = self;
        path
    }

    /// What it stands for now.
    pub(super) fn layout(&self) -> SourceLayout {
        let Self::Local(path) = self;
        listing::layout_of(path)
    }

    /// The files in their order; `source` is the name for messages.
    ///
    /// # Errors
    /// `NotFound` when there is none, `Unavailable` when a directory cannot be read, `Invalid` when there are too many.
    pub(super) fn list(&self, source: &str) -> Result<Listing> {
        let Self::Local(path) = self;
        listing::list(source, path)
    }

    /// Removes what pushes of killed processes have left beside the files.
    pub(super) fn remove_leftovers_beside(&self, files: &[ListedFile]) {
        let Self::Local(path) = self;
        let own_name = path.file_name().unwrap_or_default().to_string_lossy();
        let is_one_file = self.layout() == SourceLayout::File;
        let directories: BTreeSet<&Path> = files.iter().filter_map(|file| file.path.parent()).collect();
        for directory in directories {
            remove_leftovers(directory, |name| !is_one_file || name == own_name);
        }
    }

    /// The error, in whose message clients do not read where this is.
    pub(super) fn hidden_in(&self, error: Error) -> Error {
        let Self::Local(path) = self;
        error.hiding_directory_of(path)
    }
}

/// As messages show it.
impl fmt::Display for Location {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Local(path) = self;
        path.display().fmt(formatter)
    }
}
