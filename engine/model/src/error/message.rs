//! Error messages with parts that only the operator may see: clients of a server must not learn how its disks are laid out.
//!
//! Code that writes a message wraps such a part in [`path`] or [`detail`]. The marks are characters that Unicode has set apart
//! for the inside of programs; they are taken out where the message becomes an error.

use std::fmt::{self, Display};
use std::ops::Range;
use std::path::Path;

/// Begins what clients do not see at all.
const HIDDEN: char = '\u{fdd0}';
/// Begins what clients see as [`IN_THE_LOG`].
const DETAIL: char = '\u{fdd1}';
const END: char = '\u{fdd2}';

const IN_THE_LOG: &str = "the log of the server says more";

/// A path in a message: clients see the name of the file only.
pub fn path(path: &Path) -> impl Display + '_ {
    fmt::from_fn(move |formatter| match (path.parent(), path.file_name()) {
        (Some(directory), Some(name)) => {
            let whole = path.display().to_string();
            let name = Path::new(name).display().to_string();
            match whole.strip_suffix(&name) {
                Some(directory) => write!(formatter, "{HIDDEN}{directory}{END}{name}"),
                None => write!(formatter, "{HIDDEN}{}/{END}{name}", directory.display()),
            }
        }
        _ => write!(formatter, "{HIDDEN}{}{END}", path.display()),
    })
}

/// Marks a directory wherever it stands in a text, also without its first slash, as some libraries write it.
pub(super) fn hide_directory(text: &str, directory: &Path) -> String {
    let whole = format!("{}/", directory.display());
    let bare = whole.trim_start_matches('/');
    if !bare.trim_end_matches('/').contains('/') {
        return text.replace(&whole, &format!("{HIDDEN}{whole}{END}"));
    }
    // The bare form is a part of the whole one.
    text.replace(bare, &format!("{HIDDEN}{bare}{END}"))
        .replace(&format!("/{HIDDEN}"), &format!("{HIDDEN}/"))
}

/// The words of a library or of the system, which may name files.
pub fn detail(text: impl Display) -> impl Display {
    fmt::from_fn(move |formatter| write!(formatter, "{DETAIL}{text}{END}"))
}

/// A text without marks, and where they were.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    text: String,
    private: Vec<(Range<usize>, &'static str)>,
}

impl Message {
    pub(super) fn new(marked: String) -> Self {
        if !marked.contains([HIDDEN, DETAIL, END]) {
            return Self {
                text: marked,
                private: Vec::new(),
            };
        }
        let mut text = String::with_capacity(marked.len());
        let mut private = Vec::new();
        // A detail may be a message with marks: the outermost counts.
        let mut open: Vec<(usize, &'static str)> = Vec::new();
        for character in marked.chars() {
            match character {
                HIDDEN => open.push((text.len(), "")),
                DETAIL => open.push((text.len(), IN_THE_LOG)),
                END => {
                    if let Some((start, instead)) = open.pop()
                        && open.is_empty()
                    {
                        private.push((start..text.len(), instead));
                    }
                }
                other => text.push(other),
            }
        }
        // The end of a text that was cut off after a mark.
        private.extend(open.first().map(|(start, instead)| (*start..text.len(), *instead)));
        Self { text, private }
    }

    /// The whole text.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The text for clients.
    pub(super) fn public(&self) -> String {
        let mut public = String::with_capacity(self.text.len());
        let mut next = 0;
        for (range, instead) in &self.private {
            public.push_str(&self.text[next..range.start]);
            public.push_str(instead);
            next = range.end;
        }
        public.push_str(&self.text[next..]);
        public
    }

    /// The text with its marks, as a part of another message.
    pub(super) fn marked(&self) -> String {
        let mut marked = String::with_capacity(self.text.len());
        let mut next = 0;
        for (range, instead) in &self.private {
            marked.push_str(&self.text[next..range.start]);
            marked.push(if instead.is_empty() { HIDDEN } else { DETAIL });
            marked.push_str(&self.text[range.clone()]);
            marked.push(END);
            next = range.end;
        }
        marked.push_str(&self.text[next..]);
        marked
    }
}

/// Whether a text names an absolute path: a slash with a word after it and none before it, be it that of `file://`.
pub(super) fn names_a_path(text: &str) -> bool {
    let is_word = |character: char| character.is_alphanumeric() || matches!(character, '.' | '_' | '-');
    text.match_indices('/').any(|(place, _)| {
        let (before, after) = (&text[..place], text[place + 1..].chars().next());
        let begins = match before.chars().next_back() {
            Some('/') => before.ends_with("//"),
            Some(before) => !is_word(before) && before != '<',
            None => true,
        };
        begins && after.is_some_and(is_word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(marked: String, whole: &str, public: &str) {
        let message = Message::new(marked);
        assert_eq!((message.text(), message.public().as_str()), (whole, public));
        assert_eq!(Message::new(message.marked()), message);
    }

    #[test]
    fn clients_see_the_names_of_files_and_not_their_places() {
        let registry = Path::new("/srv/shop/data/registry.db");
        check(
            format!("cannot read {}: no", path(registry)),
            "cannot read /srv/shop/data/registry.db: no",
            "cannot read registry.db: no",
        );
        check(format!("{}", path(Path::new("/x"))), "/x", "x");
        check(format!("{}.", path(Path::new("/"))), "/.", ".");
        check(format!("{}", path(Path::new("a.db"))), "a.db", "a.db");
        check("é /x".to_owned(), "é /x", "é /x");
    }

    #[test]
    fn clients_do_not_see_what_libraries_say() {
        let inner = format!("IO error: {}: gone", path(Path::new("/srv/000012.sst")));
        check(
            format!("the store: {}, sorry", detail(inner)),
            "the store: IO error: /srv/000012.sst: gone, sorry",
            "the store: the log of the server says more, sorry",
        );
        check(format!("a{END}b{HIDDEN}/c"), "ab/c", "ab");
    }

    #[test]
    fn paths_are_noticed_and_divisions_are_not() {
        for text in ["/srv/x", "file /srv/x", "('/srv'", "file:///srv/x", "at \"/srv\""] {
            assert!(names_a_path(text), "{text}");
        }
        for text in [
            "",
            "a/b",
            "05/13/2022",
            "1 / 2",
            "</a>",
            "//",
            "https://host/page",
            "POST to a/b.parquet",
        ] {
            assert!(!names_a_path(text), "{text}");
        }
    }
}
