//! What a check finds, and how it is told.

use std::sync::mpsc::Sender;

use feast_engine::Error;
use serde_json::{Value, json};

use crate::output::{Failure, one_line};

/// Where the text of a line begins.
const LEVEL_WIDTH: usize = 9;
const TOPIC_WIDTH: usize = 14;

/// How severe it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    Ok,
    /// It works now and may not later, or is probably not what was meant.
    Warning,
    /// It keeps the server from starting, or something that is defined from working.
    Error,
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One line of the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    /// What was checked.
    pub(super) topic: &'static str,
    pub(super) level: Level,
    pub(super) text: String,
    /// What can be done.
    pub(super) hint: Option<String>,
}

impl Finding {
    /// As a person reads it.
    pub(super) fn lines(&self) -> impl Iterator<Item = String> {
        let (level, topic) = (self.level.name(), self.topic);
        let text = format!("{level:<LEVEL_WIDTH$}{topic:<TOPIC_WIDTH$}{}", self.text);
        let margin = LEVEL_WIDTH + TOPIC_WIDTH;
        let hint = self.hint.as_ref().map(|hint| format!("{:margin$}Hint: {hint}", ""));
        [text].into_iter().chain(hint)
    }

    /// As a program reads it.
    pub(super) fn document(&self) -> Value {
        json!({"check": self.topic, "level": self.level.name(), "text": self.text, "hint": self.hint})
    }
}

/// What a check tells while it runs.
pub(super) enum Told {
    Found(Finding),
    /// What it does now, in case it does not end.
    Does(String),
}

/// Takes what one check finds.
pub(super) struct Findings {
    topic: &'static str,
    told: Sender<Told>,
}

impl Findings {
    pub(super) fn new(topic: &'static str, told: Sender<Told>) -> Self {
        Self { topic, told }
    }

    /// Notes what is done from now on.
    pub(super) fn begin(&self, what: impl Into<String>) {
        // Nobody listens any more when the time is over.
        let _ = self.told.send(Told::Does(what.into()));
    }

    pub(super) fn ok(&self, text: impl Into<String>) {
        self.add(Level::Ok, text.into(), None);
    }

    pub(super) fn warning(&self, text: impl Into<String>, hint: impl Into<String>) {
        self.add(Level::Warning, text.into(), Some(hint.into()));
    }

    pub(super) fn error(&self, text: impl Into<String>, hint: impl Into<String>) {
        self.add(Level::Error, text.into(), Some(hint.into()));
    }

    /// What says by itself what can be done.
    pub(super) fn remark(&self, text: impl Into<String>) {
        self.add(Level::Warning, text.into(), None);
    }

    /// An error of the code that the server runs.
    pub(super) fn failed(&self, error: &Error) {
        self.add(Level::Error, error.to_string(), error.hint().map(str::to_owned));
    }

    /// What a command would end with.
    pub(super) fn refused(&self, failure: &Failure) {
        let (text, hint) = failure.in_words();
        self.add(Level::Error, text, hint.map(str::to_owned));
    }

    fn add(&self, level: Level, text: String, hint: Option<String>) {
        let topic = self.topic;
        // What files and others give stays on its line.
        let line = |text: &str| one_line(&text.trim_end().replace('\n', "; "));
        let finding = Finding {
            topic,
            level,
            text: line(&text),
            hint: hint.map(|hint| line(&hint)),
        };
        let _ = self.told.send(Told::Found(finding));
    }
}
