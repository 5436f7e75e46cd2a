//! Where the text of the settings comes from: a file, or a variable of the environment that holds a file in base64.

use std::path::{Path, PathBuf};

use base64::engine::general_purpose::STANDARD;
use base64::{DecodeError, Engine as _};
use feast_model::error::{Error, ErrorKind, Result, path};

use super::CONFIG_FILE;
use super::variables::{Expanded, expand_variables};

/// The variable that may hold the settings.
pub const SETTINGS_VARIABLE: &str = "FEATURE_STORE_YAML_BASE64";

/// What has the settings of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettingsSource {
    /// A file.
    File(PathBuf),
    /// The variable [`SETTINGS_VARIABLE`].
    Variable,
}

/// The text of the settings, before and after the variables in it are expanded.
pub(super) struct SettingsText {
    pub(super) written: String,
    pub(super) expanded: Expanded,
}

impl SettingsSource {
    /// The usual file of the repository in `directory`.
    pub fn of_repository(directory: &Path) -> Self {
        Self::File(directory.join(CONFIG_FILE))
    }

    /// Whether the variable holds settings. As in Feast, an empty one does not.
    pub fn is_in_variable() -> bool {
        std::env::var_os(SETTINGS_VARIABLE).is_some_and(|value| !value.is_empty())
    }

    /// What lines are counted in: the name of the file without its directories, or the variable.
    pub fn name(&self) -> String {
        match self {
            Self::File(file) => file.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            Self::Variable => SETTINGS_VARIABLE.to_owned(),
        }
    }

    /// Reads the text, and expands the variables of this process's environment in it.
    pub(super) fn read(&self) -> Result<SettingsText> {
        let written = match self {
            Self::File(file) => read_file(file)?,
            Self::Variable => {
                let value = std::env::var_os(SETTINGS_VARIABLE).unwrap_or_default();
                decode(value.as_encoded_bytes())?
            }
        };
        Ok(SettingsText {
            expanded: expand_variables(&written, &|name| std::env::var(name).ok()),
            written,
        })
    }

    /// Puts the name before the message.
    pub(super) fn named(&self, error: Error) -> Error {
        error.within(|message| match self {
            Self::File(file) => format!("{}: {message}", path(file)),
            Self::Variable => format!("{SETTINGS_VARIABLE}: {message}"),
        })
    }
}

fn read_file(file: &Path) -> Result<String> {
    std::fs::read_to_string(file).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => {
            let hint =
                "Make sure you're running feast from an initialized feast repository, or make one with: feast init";
            let is_empty = std::env::var_os(SETTINGS_VARIABLE).is_some_and(|value| value.is_empty());
            let remark = if is_empty {
                format!(" ({SETTINGS_VARIABLE} is set, but empty)")
            } else {
                String::new()
            };
            Error::new(
                ErrorKind::NotFound,
                format!("Can't find feature repo configuration file at {}.{remark}", path(file)),
            )
            .with_hint(hint)
        }
        _ => Error::io("read", file, source),
    })
}

/// The text of the variable's value. White space in it does not count: `base64` breaks its lines.
fn decode(value: &[u8]) -> Result<String> {
    const HINT: &str = "set it to what this prints: base64 --wrap=0 feature_store.yaml";
    let value: Vec<u8> = value
        .iter()
        .copied()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    let bytes = STANDARD.decode(value).map_err(|problem| {
        let why = match problem {
            DecodeError::InvalidByte(position, byte) if byte.is_ascii_graphic() && byte != b'=' => {
                format!("{:?} at {} is no character of it", char::from(byte), position + 1)
            }
            DecodeError::InvalidByte(position, _) => format!("what is at {} is no character of it", position + 1),
            DecodeError::InvalidLength(_) | DecodeError::InvalidLastSymbol(..) | DecodeError::InvalidPadding => {
                "its end is missing".to_owned()
            }
        };
        Error::invalid(format!("{SETTINGS_VARIABLE} is not base64: {why}")).with_hint(HINT)
    })?;
    String::from_utf8(bytes).map_err(|_| {
        Error::invalid(format!("{SETTINGS_VARIABLE} is base64 of what is not text in UTF-8")).with_hint(HINT)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_holds_text_in_base64() {
        let decoded = |value: &str| decode(value.as_bytes()).map_err(|error| error.to_string());
        let check = |value: &str, expected: &str| assert_eq!(decoded(value).as_deref(), Ok(expected), "{value:?}");
        check("cHJvamVjdDogcA==", "project: p");
        check("cHJv\namVj dDogcA==\n", "project: p");
        check("", "");
        check("4oKs", "\u{20ac}");
        let check = |value: &str, expected: &str| {
            let problem = decoded(value).unwrap_err();
            assert_eq!(problem, format!("{SETTINGS_VARIABLE} is {expected}"), "{value:?}");
        };
        check(
            "project: p\nregistry: r\n",
            "not base64: ':' at 8 is no character of it",
        );
        check("cHJvamVjdDogcA", "not base64: its end is missing");
        check("cHJvamVjdDogcA=", "not base64: its end is missing");
        check("cHJvamVjdDogc", "not base64: its end is missing");
        check("cHJv_mVj", "not base64: '_' at 5 is no character of it");
        check("cHJvam\u{e9}j", "not base64: what is at 7 is no character of it");
        check("gIA=", "base64 of what is not text in UTF-8");
    }
}
