//! Paths as `pathlib` writes them.

use std::path::{Component, PathBuf};

use super::data::Value;

impl Value {
    /// The path that a value is or says.
    pub(crate) fn as_path(&self) -> Option<String> {
        match self {
            Self::Path(path) => Some(path.to_string()),
            other => other.as_str().map(|string| string.to_string()),
        }
    }
}

/// Joins paths as `pathlib` does: an absolute path replaces what is before it, single dots and doubled slashes are dropped.
pub(crate) fn joined_path(parts: &[&str]) -> String {
    let joined: PathBuf = parts.iter().collect();
    let cleaned: PathBuf = joined
        .components()
        .filter(|component| !matches!(component, Component::CurDir))
        .collect();
    if cleaned.as_os_str().is_empty() {
        ".".to_owned()
    } else {
        cleaned.to_string_lossy().into_owned()
    }
}
