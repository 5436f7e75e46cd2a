//! Backups that are whole: finding, checking, copying and removing them.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use feast_files::fail_point::{self, Step};
use feast_model::Timestamp;
use feast_model::error::{Error, Result, path as error_path};

use crate::files::{Reading, Sum, copy, read, sum_file, sum_of, sync_directory};
use crate::manifest::{FILE_NAME, FileEntry, Manifest};

/// A directory that holds a whole backup.
#[derive(Debug, Clone)]
pub struct Backup {
    path: PathBuf,
    manifest: Manifest,
}

impl Backup {
    /// Reads what a backup says of itself. Its files are not looked at.
    ///
    /// # Errors
    /// `NotFound` when it is none, `Data` when its manifest is damaged.
    pub fn open(path: &Path) -> Result<Self> {
        Ok(Self {
            manifest: Manifest::read(path)?,
            path: path.to_path_buf(),
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it says of itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Reads all files, and gives the number of their bytes.
    ///
    /// # Errors
    /// `Data` when one is missing, too many or not as it was written.
    pub fn verify(&self) -> Result<u64> {
        self.check_names()?;
        let mut bytes = 0;
        for file in &self.manifest.files {
            let found = sum_file(&self.path.join(&file.path), Reading::up_to(file.bytes))?;
            check(file, &found, &self.path)?;
            bytes += file.bytes;
        }
        Ok(bytes)
    }

    /// The files must be those of the manifest: RocksDB would take others for its own.
    ///
    /// # Errors
    /// `Data` when one is missing or too many.
    pub fn check_names(&self) -> Result<()> {
        let listed = self.manifest.files.iter().map(|file| PathBuf::from(&file.path));
        let mut listed: BTreeSet<PathBuf> = listed.collect();
        listed.insert(PathBuf::from(FILE_NAME));
        let mut found = BTreeSet::new();
        files_below(&self.path, Path::new(""), &mut found)?;
        let of_backup = error_path(&self.path);
        let problem = match (listed.difference(&found).next(), found.difference(&listed).next()) {
            (None, None) => return Ok(()),
            (Some(missing), _) => format!(
                "backup {of_backup} is damaged: {} is missing",
                missing.to_string_lossy()
            ),
            (None, Some(other)) => format!(
                "backup {of_backup} holds a file that is not its own: {}",
                other.to_string_lossy()
            ),
        };
        Err(Error::data(problem).with_hint("use another backup"))
    }

    /// The bytes of one file, if the backup has it.
    ///
    /// # Errors
    /// `Data` when they are not as they were written.
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let Some(file) = self.manifest.files.iter().find(|file| file.path == name) else {
            return Ok(None);
        };
        let path = self.path.join(name);
        let bytes = read(&path, file.bytes)?;
        check(file, &sum_of(&bytes), &self.path)?;
        Ok(Some(bytes))
    }

    /// Copies the files of one of its directories into a directory that is there and empty. They are durable when this returns.
    ///
    /// # Errors
    /// `Data` when one is not as it was written, those of the files. Some files may be there then.
    pub fn copy_directory(&self, name: &str, to: &Path) -> Result<()> {
        for file in &self.manifest.files {
            if let Ok(within) = Path::new(&file.path).strip_prefix(name) {
                let (from, to) = (self.path.join(&file.path), to.join(within));
                check(file, &copy(&from, &to, Reading::up_to(file.bytes))?, &self.path)?;
            }
        }
        sync_directory(to)
    }

    pub(crate) fn file(&self, name: &str) -> Option<&FileEntry> {
        self.manifest.files.iter().find(|file| file.path == name)
    }

    /// Takes its name away, so that a process that is killed here leaves no half of it, and removes it.
    pub(crate) fn remove(self) -> Result<()> {
        let nameless = temporary_path(&self.path);
        std::fs::rename(&self.path, &nameless).map_err(|source| Error::io("remove", &self.path, source))?;
        fail_point::reached(Step::BackupUnnamed);
        std::fs::remove_dir_all(&nameless).map_err(|source| Error::io("remove", &nameless, source))
    }
}

fn check(file: &FileEntry, found: &Sum, backup: &Path) -> Result<()> {
    if (file.bytes, &file.sha256) == (found.bytes, &found.sha256) {
        return Ok(());
    }
    let path = error_path(backup);
    let problem = match found.bytes.cmp(&file.bytes) {
        Ordering::Equal => "has another checksum".to_owned(),
        Ordering::Less => format!("has {} bytes instead of {}", found.bytes, file.bytes),
        // They were not counted.
        Ordering::Greater => format!("has more bytes than {}", file.bytes),
    };
    let message = format!("backup {path} is damaged: {} {problem}", file.path);
    Err(Error::data(message).with_hint("use another backup"))
}

fn files_below(directory: &Path, prefix: &Path, found: &mut BTreeSet<PathBuf>) -> Result<()> {
    let place = directory.join(prefix);
    let failed = |source| Error::io("list", &place, source);
    for entry in std::fs::read_dir(&place).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = prefix.join(entry.file_name());
        match entry.file_type().map_err(failed)?.is_dir() {
            true => files_below(directory, &name, found)?,
            false => {
                found.insert(name);
            }
        }
    }
    Ok(())
}

/// The whole backups of a project in a directory, the oldest first. What is damaged is left out.
///
/// # Errors
/// Those of the directory, but that it is not there.
pub fn backups_in(directory: &Path, project: &str) -> Result<Vec<Backup>> {
    let failed = |source| Error::io("list", directory, source);
    let entries = match std::fs::read_dir(directory) {
        Err(source) if source.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed)?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(failed)?;
        if !is_name(&entry.file_name().to_string_lossy()) {
            continue;
        }
        match Backup::open(&entry.path()) {
            Ok(backup) if backup.manifest.project == project => found.push(backup),
            Ok(_) => {}
            Err(error) => tracing::warn!("a backup is passed over: {error}"),
        }
    }
    found.sort_by(|first, second| (first.manifest.started, &first.path).cmp(&(second.manifest.started, &second.path)));
    Ok(found)
}

/// Those of an online store, told by its identity, and those of other stores of the same project, each with the oldest first.
///
/// # Errors
/// As [`backups_in`].
pub fn backups_of(directory: &Path, project: &str, store: &str) -> Result<(Vec<Backup>, Vec<Backup>)> {
    let all = backups_in(directory, project)?;
    let is_own = |backup: &Backup| backup.manifest.online_store.identity == store;
    Ok(all.into_iter().partition(is_own))
}

/// How a backup of that time is called: the time, with characters that every file system takes.
pub(crate) fn name_of(time: Timestamp) -> String {
    let whole_seconds = time.micros().div_euclid(1_000_000).saturating_mul(1_000_000);
    Timestamp::from_micros(whole_seconds).to_string().replace(':', "-")
}

fn is_name(name: &str) -> bool {
    let pattern = "0000-00-00T00-00-00Z";
    let fits = |(expected, found): (char, char)| match expected {
        '0' => found.is_ascii_digit(),
        _ => found == expected,
    };
    name.len() == pattern.len() && pattern.chars().zip(name.chars()).all(fits)
}

/// Where a backup is while it is made or removed.
pub(crate) fn temporary_path(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.tmp"))
}

/// Whether something of that name is what a killed process has left.
pub(crate) fn is_temporary(name: &str) -> bool {
    let inner = name.strip_prefix('.').and_then(|name| name.strip_suffix(".tmp"));
    inner.is_some_and(is_name)
}
