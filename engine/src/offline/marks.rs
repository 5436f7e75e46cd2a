//! Which logged appends a source holds, as the source itself says: so that one that was cut off is done once.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use datafusion::parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use datafusion::parquet::file::metadata::{KeyValue, ParquetMetaData};
use feast_model::error::{Error, Result};

use super::append::failed;
use super::guard::guarded;
use super::partition::PartitionValue;

/// Before the name of a session in the metadata of a file.
const KEY: &str = "feast.appended.";
/// Sessions that a file remembers. Appends of older ones are done, or would be done twice.
const MOST_SESSIONS: usize = 16;

/// A logged append: numbers mean something within one session, which is one opening of one online store.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Mark {
    pub(crate) session: String,
    pub(crate) number: u64,
}

/// The appends that a source holds.
pub(crate) enum AppendsHeld {
    /// A file: in its metadata.
    InFile(HashMap<String, Numbers>),
    /// A directory: in the names of its parts, each with the folder below the directory that it is in. An append of rows for
    /// several folders has a part in each.
    InParts(HashSet<(PathBuf, Mark)>),
}

impl AppendsHeld {
    /// Looks into the source.
    ///
    /// # Errors
    /// `Data` or `Unavailable` when it cannot be read.
    pub(crate) fn of(path: &Path) -> Result<Self> {
        if path.is_dir() {
            let mut marks = HashSet::new();
            parts_below(path, Path::new(""), &mut HashSet::new(), &mut marks)?;
            return Ok(Self::InParts(marks));
        }
        let file = File::open(path).map_err(|source| Error::io("read", path, source))?;
        let load = || ArrowReaderMetadata::load(&file, ArrowReaderOptions::new());
        let metadata = guarded(path, || load().map_err(|source| failed(path, source)))?;
        Ok(Self::InFile(sessions(metadata.metadata()).into_iter().collect()))
    }

    /// The folders, below the directory, that have a part with one of these marks. None for a file.
    pub(super) fn folders(self, marks: &[Mark]) -> HashSet<PathBuf> {
        match self {
            Self::InFile(_) => HashSet::new(),
            Self::InParts(parts) => {
                let parts = parts.into_iter().filter(|(_, mark)| marks.contains(mark));
                parts.map(|(folder, _)| folder).collect()
            }
        }
    }

    /// Whether some rows of this one are there: all of them in a file, but perhaps not in all folders of a directory.
    pub(crate) fn contains(&self, mark: &Mark) -> bool {
        match self {
            Self::InFile(sessions) => sessions
                .get(&mark.session)
                .is_some_and(|numbers| numbers.contains(mark.number)),
            Self::InParts(parts) => parts.iter().any(|(_, held)| held == mark),
        }
    }
}

/// Adds the marks in a folder below a directory and in the folders of that which name a column, also through links.
fn parts_below(
    directory: &Path,
    folder: &Path,
    seen: &mut HashSet<(u64, u64)>,
    marks: &mut HashSet<(PathBuf, Mark)>,
) -> Result<()> {
    let path = directory.join(folder);
    let failed = |source| Error::io("read", &path, source);
    let metadata = std::fs::metadata(&path).map_err(failed)?;
    if !seen.insert((metadata.dev(), metadata.ino())) {
        return Ok(());
    }
    for entry in std::fs::read_dir(&path).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name();
        let kind = entry.file_type().map_err(failed)?;
        if kind.is_dir() || kind.is_symlink() && entry.path().is_dir() {
            if PartitionValue::parse(&name.to_string_lossy()).is_some() {
                parts_below(directory, &folder.join(&name), seen, marks)?;
            }
        } else if let Some(mark) = name.to_str().and_then(mark_in) {
            marks.insert((folder.to_path_buf(), mark));
        }
    }
    Ok(())
}

fn mark_in(name: &str) -> Option<Mark> {
    let (before, number) = name.strip_suffix(".parquet")?.rsplit_once('-')?;
    let (_, session) = before.rsplit_once('-')?;
    Some(Mark {
        session: session.to_owned(),
        number: number.parse().ok()?,
    })
}

/// The end of the name of a part that holds this append.
pub(super) fn part_name(mark: &Mark) -> String {
    format!("{}-{}", mark.session, mark.number)
}

/// The metadata of a file that holds these appends too.
pub(super) fn with_marks(metadata: &ParquetMetaData, marks: &[Mark]) -> Option<Vec<KeyValue>> {
    let old = metadata.file_metadata().key_value_metadata().cloned();
    if marks.is_empty() {
        return old;
    }
    let mut sessions = sessions(metadata);
    for mark in marks {
        let mut numbers = match sessions.iter().position(|(session, _)| *session == mark.session) {
            Some(position) => sessions.remove(position).1,
            None => Numbers::default(),
        };
        numbers.insert(mark.number);
        // The newest session stands last.
        sessions.push((mark.session.clone(), numbers));
    }
    let surplus = sessions.len().saturating_sub(MOST_SESSIONS);
    let mut entries = old.unwrap_or_default();
    entries.retain(|entry| !entry.key.starts_with(KEY));
    let kept = sessions.drain(surplus..);
    entries.extend(kept.map(|(session, numbers)| KeyValue::new(format!("{KEY}{session}"), numbers.to_text())));
    Some(entries)
}

fn sessions(metadata: &ParquetMetaData) -> Vec<(String, Numbers)> {
    let entries = metadata.file_metadata().key_value_metadata().into_iter().flatten();
    let sessions = entries.filter_map(|entry| {
        let session = entry.key.strip_prefix(KEY)?;
        Some((session.to_owned(), Numbers::parse(entry.value.as_deref()?)))
    });
    sessions.collect()
}

/// A set of numbers as ranges, ascending: they mostly follow one another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Numbers(Vec<(u64, u64)>);

impl Numbers {
    fn contains(&self, number: u64) -> bool {
        self.0.iter().any(|(first, last)| (*first..=*last).contains(&number))
    }

    fn insert(&mut self, number: u64) {
        if self.contains(number) {
            return;
        }
        self.0.push((number, number));
        self.0.sort_unstable();
        let ranges = std::mem::take(&mut self.0);
        for (first, last) in ranges {
            match self.0.last_mut() {
                Some((_, before)) if before.checked_add(1) == Some(first) => *before = last,
                _ => self.0.push((first, last)),
            }
        }
    }

    /// `1-3,7`. What cannot be read is left out.
    fn parse(text: &str) -> Self {
        let ranges = text.split(',').filter_map(|range| {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            Some((first.parse().ok()?, last.parse().ok()?))
        });
        Self(ranges.collect())
    }

    fn to_text(&self) -> String {
        let ranges: Vec<String> = self.0.iter().map(|(first, last)| format!("{first}-{last}")).collect();
        ranges.join(",")
    }
}

#[cfg(test)]
mod tests {
    use super::Numbers;

    #[test]
    fn numbers_are_kept_as_ranges() {
        let mut numbers = Numbers::default();
        for number in [5, 1, 2, 7, 6, 2, u64::MAX] {
            numbers.insert(number);
        }
        let text = numbers.to_text();
        assert_eq!(text, format!("1-2,5-7,{0}-{0}", u64::MAX));
        assert_eq!(Numbers::parse(&text), numbers);
        assert!([1, 2, 5, 6, 7].into_iter().all(|number| numbers.contains(number)));
        assert!(![0, 3, 4, 8].into_iter().any(|number| numbers.contains(number)));
        assert_eq!(Numbers::parse("x,3").to_text(), "3-3");
    }
}
