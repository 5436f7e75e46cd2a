//! Which logged appends a source holds, as the source itself says: so that one that was cut off is done once.
//!
//! A file says it in its metadata, one entry a session with ranges of numbers; a directory in the names of its parts. Numbers mean
//! something within one session only, which is one opening of one online store: a copy of a store, or an older one that was
//! restored, gives the same numbers again.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use feast_model::error::Result;

use crate::offline::{FileNotes, read_notes, visit_parts};

/// Before the name of a session in the metadata of a file.
const KEY: &str = "feast.appended.";
/// Sessions that a file remembers. Appends of older ones are done, or would be done twice.
const MAX_SESSIONS: usize = 16;

/// Names a logged append in its source.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct AppendId {
    /// The opening of the online store in which it was logged.
    pub(super) session: String,
    /// The number of its record within that.
    pub(super) number: u64,
}

/// The appends that a source holds.
pub(super) enum AppliedAppends {
    /// A file: in its metadata.
    InFile(HashMap<String, Numbers>),
    /// A directory: in the names of its parts. An append of rows for several folders has a part in each; these are the folders,
    /// below the directory.
    InParts(HashMap<AppendId, HashSet<PathBuf>>),
}

impl AppliedAppends {
    /// Looks into the source.
    ///
    /// # Errors
    /// `Data` or `Unavailable` when it cannot be read.
    pub(super) fn read(path: &Path) -> Result<Self> {
        if !path.is_dir() {
            return Ok(Self::InFile(sessions(&read_notes(path)?).into_iter().collect()));
        }
        let mut parts: HashMap<AppendId, HashSet<PathBuf>> = HashMap::new();
        visit_parts(path, &mut |folder, name| {
            if let Some(id) = id_of_part(name) {
                parts.entry(id).or_default().insert(folder.to_path_buf());
            }
        })?;
        Ok(Self::InParts(parts))
    }

    /// Whether some rows of this one are there: all of them in a file, but perhaps not in all folders of a directory.
    pub(super) fn contains(&self, id: &AppendId) -> bool {
        match self {
            Self::InFile(sessions) => sessions
                .get(&id.session)
                .is_some_and(|numbers| numbers.contains(id.number)),
            Self::InParts(parts) => parts.contains_key(id),
        }
    }

    /// The folders, below the directory, that have a part of this one. None for a file.
    pub(super) fn folders(&self, id: &AppendId) -> HashSet<PathBuf> {
        match self {
            Self::InFile(_) => HashSet::new(),
            Self::InParts(parts) => parts.get(id).cloned().unwrap_or_default(),
        }
    }
}

fn id_of_part(name: &str) -> Option<AppendId> {
    let (before, number) = name.strip_suffix(".parquet")?.rsplit_once('-')?;
    let (_, session) = before.rsplit_once('-')?;
    Some(AppendId {
        session: session.to_owned(),
        number: number.parse().ok()?,
    })
}

/// The end of the name of a part that holds this append; one of its own for a part that holds none.
pub(super) fn part_ending(id: Option<&AppendId>) -> String {
    match id {
        Some(AppendId { session, number }) => format!("{session}-{number}"),
        None => uuid::Uuid::new_v4().to_string(),
    }
}

/// The notes of a file that holds these appends too.
pub(super) fn annotated(mut notes: FileNotes, ids: &[&AppendId]) -> FileNotes {
    if ids.is_empty() {
        return notes;
    }
    let mut sessions = sessions(&notes);
    for id in ids {
        let mut numbers = match sessions.iter().position(|(session, _)| *session == id.session) {
            Some(position) => sessions.remove(position).1,
            None => Numbers::default(),
        };
        numbers.insert(id.number);
        // The newest session stands last.
        sessions.push((id.session.clone(), numbers));
    }
    let surplus = sessions.len().saturating_sub(MAX_SESSIONS);
    notes.retain(|(key, _)| !key.starts_with(KEY));
    let kept = sessions.drain(surplus..);
    notes.extend(kept.map(|(session, numbers)| (format!("{KEY}{session}"), Some(numbers.format()))));
    notes
}

fn sessions(notes: &FileNotes) -> Vec<(String, Numbers)> {
    let sessions = notes.iter().filter_map(|(key, value)| {
        let session = key.strip_prefix(KEY)?;
        Some((session.to_owned(), Numbers::parse(value.as_deref()?)))
    });
    sessions.collect()
}

/// A set of numbers as ranges, ascending: they mostly follow one another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Numbers(Vec<(u64, u64)>);

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

    fn format(&self) -> String {
        let ranges: Vec<String> = self.0.iter().map(|(first, last)| format!("{first}-{last}")).collect();
        ranges.join(",")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(session: usize, number: u64) -> AppendId {
        let session = format!("s{session}");
        AppendId { session, number }
    }

    #[test]
    fn a_file_remembers_the_appends_of_the_last_sessions_beside_what_others_have_noted() {
        let noted = |key: &str| (key.to_owned(), Some("{}".to_owned()));
        let mut notes = vec![noted("pandas"), ("empty".to_owned(), None)];
        for session in 0..=MAX_SESSIONS {
            notes = annotated(notes, &[&id(session, 1), &id(session, 2)]);
        }
        // The second session appends again and is the newest now.
        notes = annotated(notes, &[&id(1, 4)]);
        assert_eq!(annotated(notes.clone(), &[]), notes);
        assert_eq!(notes.len(), 2 + MAX_SESSIONS);
        assert_eq!(notes[..2], [noted("pandas"), ("empty".to_owned(), None)]);
        assert_eq!(notes[2], ("feast.appended.s2".to_owned(), Some("1-2".to_owned())));
        let last = ("feast.appended.s1".to_owned(), Some("1-2,4-4".to_owned()));
        assert_eq!(notes.last(), Some(&last));
        let applied = AppliedAppends::InFile(sessions(&notes).into_iter().collect());
        assert!(applied.contains(&id(1, 4)) && applied.contains(&id(MAX_SESSIONS, 2)));
        assert!(!applied.contains(&id(0, 1)) && !applied.contains(&id(1, 3)));
    }

    #[test]
    fn a_part_says_in_its_name_which_append_it_holds() {
        let name = |id: Option<&AppendId>| format!("push-01-{}.parquet", part_ending(id));
        assert_eq!(id_of_part(&name(Some(&id(1, 7)))), Some(id(1, 7)));
        assert_ne!(id_of_part(&name(None)), Some(id(1, 7)));
        assert_eq!(id_of_part("part-0.parquet"), None);
        assert_eq!(id_of_part("push-01-s1-7.csv"), None);
    }

    #[test]
    fn numbers_are_kept_as_ranges() {
        let mut numbers = Numbers::default();
        for number in [5, 1, 2, 7, 6, 2, u64::MAX] {
            numbers.insert(number);
        }
        let text = numbers.format();
        assert_eq!(text, format!("1-2,5-7,{0}-{0}", u64::MAX));
        assert_eq!(Numbers::parse(&text), numbers);
        assert!([1, 2, 5, 6, 7].into_iter().all(|number| numbers.contains(number)));
        assert!(![0, 3, 4, 8].into_iter().any(|number| numbers.contains(number)));
        assert_eq!(Numbers::parse("x,3").format(), "3-3");
    }
}
