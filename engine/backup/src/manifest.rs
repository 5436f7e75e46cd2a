//! What a backup says of itself: `manifest.json`.

use std::path::{Component, Path};

use feast_model::Timestamp;
use feast_model::error::{Error, ErrorKind, Result, path as error_path};
use serde_json::{Value, json};

use crate::files::{read, sum_of};

pub(crate) const FILE_NAME: &str = "manifest.json";
/// Grows when an older version could not restore what this one writes.
const FORMAT: u64 = 1;
/// Some 80,000 files. A server reads all manifests of a directory, whoever has written them.
const MAX_BYTES: u64 = 16 << 20;

/// What a backup is of, and what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The project.
    pub project: String,
    /// All that was acknowledged before is in it.
    pub started: Timestamp,
    /// Nothing that came later is in it.
    pub finished: Timestamp,
    /// The online store.
    pub online_store: StoreDescription,
    /// All files but the manifest, in the order in which they were added.
    pub files: Vec<FileEntry>,
}

/// The online store that rows are of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreDescription {
    /// As in the settings.
    pub kind: String,
    /// Tells it from every other store.
    pub identity: String,
    /// How many writes it had taken at least.
    pub write_count: u64,
}

/// A file of a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEntry {
    /// Within the backup.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256, in hexadecimal digits.
    pub sha256: String,
}

impl Manifest {
    /// The text of the document.
    ///
    /// # Errors
    /// `Invalid` when it would be more than is read.
    pub(crate) fn to_text(&self) -> Result<String> {
        let text = format!("{:#}\n", self.to_json());
        if text.len() as u64 <= MAX_BYTES {
            return Ok(text);
        }
        let message = format!("a backup of {} files has a list of more than 16 MiB", self.files.len());
        Err(Error::invalid(message))
    }

    /// The document, with a checksum of itself.
    fn to_json(&self) -> Value {
        let file = |file: &FileEntry| json!({"path": file.path, "bytes": file.bytes, "sha256": file.sha256});
        let mut document = json!({
            "format": FORMAT,
            "written_by": concat!("feast ", env!("CARGO_PKG_VERSION")),
            "project": self.project,
            "started": self.started.to_string(),
            "finished": self.finished.to_string(),
            "online_store": {
                "type": self.online_store.kind,
                "identity": self.online_store.identity,
                "write_count": self.online_store.write_count,
            },
            "files": self.files.iter().map(file).collect::<Vec<_>>(),
        });
        document["sha256"] = json!(sum_of(document.to_string().as_bytes()).sha256);
        document
    }

    /// # Errors
    /// `Data` when it is not as it was written, `Unsupported` when a newer version wrote it.
    pub(crate) fn read(directory: &Path) -> Result<Self> {
        let path = directory.join(FILE_NAME);
        let bytes = read(&path, MAX_BYTES).map_err(|error| match error.kind() {
            ErrorKind::NotFound => {
                let message = format!("{} is not a backup: it has no {FILE_NAME}", error_path(directory));
                Error::new(ErrorKind::NotFound, message)
                    .with_hint("name the directory of one backup, such as backups/2026-11-27T01-40-12Z")
            }
            _ => error,
        })?;
        let damaged = || {
            Error::data(format!("{} is damaged", error_path(&path)))
                .with_hint("use another backup; this one cannot be trusted")
        };
        if bytes.len() as u64 > MAX_BYTES {
            return Err(damaged());
        }
        let mut document: Value = serde_json::from_slice(&bytes).map_err(|_| damaged())?;
        let given = document.as_object_mut().and_then(|object| object.remove("sha256"));
        if given.as_ref().and_then(Value::as_str) != Some(&sum_of(document.to_string().as_bytes()).sha256) {
            return Err(damaged());
        }
        match document["format"].as_u64() {
            Some(FORMAT) => Self::from_json(&document).ok_or_else(damaged),
            _ => {
                let message = format!("{} was written by {}", error_path(&path), document["written_by"]);
                Err(Error::new(ErrorKind::Unsupported, message)
                    .with_hint("restore it with that version, or a newer one"))
            }
        }
    }

    fn from_json(document: &Value) -> Option<Self> {
        let string = |value: &Value| value.as_str().map(str::to_owned);
        let time = |value: &Value| value.as_str().and_then(|text| Timestamp::parse(text).ok());
        let file = |file: &Value| {
            Some(FileEntry {
                path: string(&file["path"]).filter(|path| is_inside(path))?,
                bytes: file["bytes"].as_u64()?,
                sha256: string(&file["sha256"])?,
            })
        };
        let store = &document["online_store"];
        Some(Self {
            project: string(&document["project"])?,
            started: time(&document["started"])?,
            finished: time(&document["finished"])?,
            online_store: StoreDescription {
                kind: string(&store["type"])?,
                identity: string(&store["identity"])?,
                write_count: store["write_count"].as_u64()?,
            },
            files: document["files"].as_array()?.iter().map(file).collect::<Option<_>>()?,
        })
    }
}

/// Whether a path leads to a file below the directory that it is joined to.
fn is_inside(path: &str) -> bool {
    let mut parts = Path::new(path).components().peekable();
    parts.peek().is_some() && parts.all(|part| matches!(part, Component::Normal(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(path: &str) -> Manifest {
        Manifest {
            project: "shop".to_owned(),
            started: Timestamp::from_micros(1_500_000),
            finished: Timestamp::from_micros(2_000_000),
            online_store: StoreDescription {
                kind: "rocksdb".to_owned(),
                identity: "5e55".to_owned(),
                write_count: u64::MAX,
            },
            files: vec![FileEntry {
                path: path.to_owned(),
                bytes: 3,
                sha256: "00".to_owned(),
            }],
        }
    }

    fn read(text: &str) -> Result<Manifest> {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join(FILE_NAME), text).unwrap();
        Manifest::read(directory.path())
    }

    #[test]
    fn a_manifest_is_read_as_it_was_written() {
        let written = manifest("online_store/000012.sst");
        assert_eq!(read(&written.to_text().unwrap()).unwrap(), written);
    }

    #[test]
    fn a_manifest_is_no_larger_than_what_is_read() {
        let many = Manifest {
            files: vec![manifest("online_store/000012.sst").files[0].clone(); 200_000],
            ..manifest("")
        };
        assert_eq!(many.to_text().unwrap_err().kind(), ErrorKind::Invalid);
        let directory = tempfile::tempdir().unwrap();
        let file = std::fs::File::create(directory.path().join(FILE_NAME)).unwrap();
        file.set_len(1 << 40).unwrap();
        assert_eq!(Manifest::read(directory.path()).unwrap_err().kind(), ErrorKind::Data);
        std::fs::remove_file(directory.path().join(FILE_NAME)).unwrap();
        std::os::unix::fs::symlink("/dev/zero", directory.path().join(FILE_NAME)).unwrap();
        assert_eq!(Manifest::read(directory.path()).unwrap_err().kind(), ErrorKind::Data);
    }

    #[test]
    fn any_change_of_a_manifest_is_found() {
        let text = manifest("registry.db").to_json().to_string();
        for (from, to) in [
            ("shop", "shoq"),
            ("\"bytes\":3", "\"bytes\":4"),
            ("registry", "Registry"),
            ("}]", "},{}]"),
        ] {
            let changed = text.replacen(from, to, 1);
            assert_ne!(changed, text);
            assert_eq!(read(&changed).unwrap_err().kind(), ErrorKind::Data, "{changed}");
        }
        assert_eq!(read(&text[..text.len() / 2]).unwrap_err().kind(), ErrorKind::Data);
    }

    #[test]
    fn files_outside_of_a_backup_are_not_read() {
        for path in ["../online", "/etc/passwd", "a/../../b", ""] {
            let text = manifest(path).to_json().to_string();
            assert_eq!(read(&text).unwrap_err().kind(), ErrorKind::Data, "{path}");
        }
    }
}
