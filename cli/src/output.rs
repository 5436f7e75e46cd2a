//! The only module that prints. What scripts read goes to stdout, everything else to stderr.

mod materialize;
mod one_line;
mod stderr_queue;

use std::fmt::{Display, Write as _};
use std::fs::File;
use std::io::{ErrorKind, IsTerminal, Stdout, Write};
use std::os::fd::AsFd;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use feast_engine::{CopyProgress, CopyReport, FeatureStore, RemovalProgress, ViewWindow};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Map, Value};

use crate::args::usage_of;
use crate::log_format::{LogFormat, json_line};
use crate::table::Table;
use crate::yaml::to_yaml;

pub(crate) use one_line::{OneLine, one_line};
pub(crate) use stderr_queue::StderrQueue;

/// Width of the finished bar, in characters.
const BAR_WIDTH: usize = 64;
/// How often progress is printed where there is no bar.
const REMOVAL_INTERVAL: Duration = Duration::from_secs(5);

/// A number of things whose name has an s where there are several.
pub(crate) fn count(number: impl Display, name: &str) -> String {
    let number = number.to_string();
    let ending = if number == "1" { "" } else { "s" };
    format!("{number} {name}{ending}")
}

/// Why a command failed, and what the user can do.
#[derive(Debug)]
pub(crate) struct Failure {
    messages: Vec<String>,
    hint: Option<String>,
    /// How the command is used, if it was typed wrong.
    usage: Option<String>,
}

impl Failure {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            messages: vec![message.into()],
            hint: None,
            usage: None,
        }
    }

    /// A command that was typed wrong.
    pub(crate) fn usage(command: &str, message: impl Into<String>) -> Self {
        Self {
            usage: Some(usage_of(command)),
            ..Self::new(message)
        }
    }

    /// As in Feast: 2 for a command that was typed wrong, 1 for everything else.
    pub(crate) fn exit_code(&self) -> u8 {
        if self.usage.is_some() { 2 } else { 1 }
    }

    /// All that there is to say of it, in one text.
    pub(crate) fn text(&self) -> String {
        let messages = self.messages.join("\n");
        match &self.hint {
            Some(hint) => format!("{messages} ({hint})"),
            None => messages,
        }
    }

    /// Several problems that were found together.
    pub(crate) fn all(problems: &[impl Display]) -> Self {
        Self {
            messages: problems.iter().map(ToString::to_string).collect(),
            hint: None,
            usage: None,
        }
    }

    /// For a command that has already said why it failed.
    pub(crate) fn silent() -> Self {
        Self {
            messages: Vec::new(),
            hint: None,
            usage: None,
        }
    }

    /// What is wrong, as one line, and what the user can do.
    pub(crate) fn in_words(&self) -> (String, Option<&str>) {
        (self.messages.join("; "), self.hint.as_deref())
    }

    pub(crate) fn with_hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }
}

impl From<feast_engine::Error> for Failure {
    fn from(error: feast_engine::Error) -> Self {
        Self {
            messages: vec![error.to_string()],
            hint: error.hint().map(str::to_owned),
            usage: None,
        }
    }
}

/// Prints for a person or for a pipe.
pub(crate) struct Output {
    stdout_is_terminal: bool,
    stderr_is_terminal: bool,
    /// Why a part of the result could not be printed.
    lost: OnceLock<std::io::Error>,
    /// The reader of the result has gone.
    closed: OnceLock<()>,
    /// Takes what goes to stderr, if nothing may wait for it.
    queue: Option<StderrQueue>,
    /// What it is written as then.
    format: LogFormat,
}

impl Output {
    pub(crate) fn new(queue: Option<StderrQueue>) -> Self {
        let (stdout, stderr) = (std::io::stdout(), std::io::stderr());
        Self {
            stdout_is_terminal: stdout.is_terminal(),
            stderr_is_terminal: stderr.is_terminal(),
            lost: OnceLock::new(),
            closed: OnceLock::new(),
            queue,
            format: LogFormat::default(),
        }
    }

    /// What a server prints is a part of its log.
    pub(crate) fn with_format(self, format: LogFormat) -> Self {
        Self { format, ..self }
    }

    /// How many lines for stderr were lost so far.
    pub(crate) fn lost_lines(&self) -> Arc<AtomicU64> {
        self.queue.as_ref().map(StderrQueue::lost_lines).unwrap_or_default()
    }

    /// Fails if a part of the result could not be printed, as on a full disk. A reader that has seen enough, such as `head`,
    /// is not a failure; the command goes on.
    pub(crate) fn finish(&self) -> Result<(), Failure> {
        self.print_with(|stdout| stdout.flush());
        match self.lost.get() {
            Some(source) => Err(Failure::new(format!("the output is not complete: {source}"))),
            None => Ok(()),
        }
    }

    /// The standard output, for who prints lines of its own to it all the time.
    ///
    /// # Errors
    /// When no file descriptor is left.
    pub(crate) fn stdout_file(&self) -> std::io::Result<File> {
        Ok(File::from(std::io::stdout().as_fd().try_clone_to_owned()?))
    }

    /// Whether nothing that is printed from now on can be read: a command with a long result may end.
    pub(crate) fn is_of_no_use(&self) -> bool {
        self.lost.get().is_some() || self.closed.get().is_some()
    }

    fn print(&self, text: &str) {
        self.print_with(|stdout| stdout.write_all(text.as_bytes()));
    }

    fn print_with(&self, write: impl FnOnce(&mut Stdout) -> std::io::Result<()>) {
        match write(&mut std::io::stdout()) {
            Err(source) if source.kind() != ErrorKind::BrokenPipe => {
                // The first failure is the one to report.
                let _ = self.lost.set(source);
            }
            Err(_) => _ = self.closed.set(()),
            Ok(()) => {}
        }
    }

    /// A command does not fail because its stderr is not read.
    fn write_stderr(&self, text: &str) {
        self.write_severe("INFO", "", text);
    }

    /// `label` is how a line of text says how severe it is.
    fn write_severe(&self, level: &str, label: &str, text: &str) {
        let text = match self.format {
            LogFormat::Json => json_line(level, text.trim_end(), Map::new()),
            LogFormat::Text => format!("{label}{text}"),
        };
        let Some(queue) = &self.queue else {
            let _ = std::io::stderr().write_all(text.as_bytes());
            return;
        };
        // A server prints it as one line of its log.
        let mut line = String::new();
        let _ = OneLine(&mut line).write_str(text.trim_end());
        line.push('\n');
        queue.push(line.as_bytes());
    }

    /// Waits for what is queued to be written, a second at most.
    pub(crate) fn end(&self) {
        if let Some(queue) = &self.queue {
            queue.flush();
        }
    }

    /// A line of the command's result.
    pub(crate) fn line(&self, text: &str) {
        self.print(&format!("{text}\n"));
    }

    /// Text of the command's result as it is.
    pub(crate) fn text(&self, text: &str) {
        self.print(text);
    }

    /// Aligned columns.
    pub(crate) fn table(&self, table: &Table) {
        table.lines().iter().for_each(|line| self.line(line));
    }

    /// A JSON document on several lines.
    pub(crate) fn json(&self, document: &Value) {
        self.json_with_indent(document, 2);
    }

    /// As [`Output::json`], indented by that many spaces.
    pub(crate) fn json_with_indent(&self, document: &Value, indent: usize) {
        // serde_json indents each level by two spaces.
        let lines = format!("{document:#}");
        let lines = lines.lines().map(|line| {
            let text = line.trim_start();
            format!("{}{text}", " ".repeat((line.len() - text.len()) / 2 * indent))
        });
        lines.for_each(|line| self.line(&line));
    }

    /// A YAML document, with an empty line after it.
    pub(crate) fn yaml(&self, document: &Value) {
        self.line(&to_yaml(document));
    }

    /// A question, without ending the line.
    pub(crate) fn prompt(&self, question: &str) {
        self.write_stderr(question);
    }

    /// A line for the person at the terminal.
    pub(crate) fn note(&self, text: &str) {
        self.write_stderr(&format!("{text}\n"));
    }

    /// What became of tables of the online store.
    pub(crate) fn table_changes(&self, store: &FeatureStore) {
        for change in store.take_table_changes() {
            let text = change.describe(store.config().drop_after);
            // It is a sentence of its own here.
            let mut characters = text.chars();
            let first = characters.next().map(|first| first.to_ascii_uppercase());
            self.note(&format!(
                "{}{}",
                first.map(String::from).unwrap_or_default(),
                characters.as_str()
            ));
        }
    }

    /// Something that may be a mistake.
    pub(crate) fn warning(&self, text: &str) {
        self.write_severe("WARN", "Warning: ", &format!("{text}\n"));
    }

    /// What is said about a command that was typed wrong, unchanged.
    pub(crate) fn usage(&self, text: &str) {
        self.write_stderr(text);
    }

    pub(crate) fn failure(&self, failure: &Failure) {
        if let Some(usage) = &failure.usage {
            self.write_stderr(usage);
        }
        for message in &failure.messages {
            self.write_severe("ERROR", "Error: ", &format!("{message}\n"));
        }
        if let Some(hint) = &failure.hint {
            self.write_severe("ERROR", "Hint: ", &format!("{hint}\n"));
        }
    }

    /// Bold green on a terminal, as Feast prints names and numbers.
    pub(crate) fn strong(&self, text: impl Display) -> String {
        if self.stdout_is_terminal {
            format!("\x1b[1m\x1b[32m{text}\x1b[0m")
        } else {
            text.to_string()
        }
    }

    /// Warns where a view is materialized from the beginning because its join keys have changed.
    pub(crate) fn former_keys(&self, window: &ViewWindow) {
        if let Some(former) = &window.former_keys {
            self.warning(&format!(
                "the join keys of feature view {} were {former} when rows were stored, so these are not found any more; all \
                 since {} is read again",
                window.view,
                window.start.to_python()
            ));
        }
    }

    /// Shows the progress of a copy between online stores, as that of a materialization.
    pub(crate) fn copy(&self) -> CopyOutput<'_> {
        CopyOutput {
            output: self,
            bar: ProgressBar::hidden(),
        }
    }

    /// Says what is searched for rows that are to be removed, and shows how far that is.
    pub(crate) fn removal(&self) -> RemovalOutput<'_> {
        RemovalOutput {
            output: self,
            bar: ProgressBar::hidden(),
            keys: 0,
            told: Instant::now(),
        }
    }

    /// A bar without an end on a terminal, where rows are counted as they come.
    fn row_counter(&self) -> ProgressBar {
        if !self.stderr_is_terminal {
            return ProgressBar::hidden();
        }
        let style = ProgressStyle::with_template("{spinner} {pos} rows [{elapsed}, {per_sec}]");
        let bar = ProgressBar::new_spinner().with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        bar.enable_steady_tick(Duration::from_millis(100));
        bar
    }
}

/// See [`Output::copy`].
pub(crate) struct CopyOutput<'a> {
    output: &'a Output,
    bar: ProgressBar,
}

impl CopyProgress for CopyOutput<'_> {
    fn view_started(&mut self, view: &str, rows: usize) {
        if rows > 0 {
            self.output
                .note(&format!("{view}: goes on after {rows} rows of an interrupted copy"));
        }
        self.bar = self.output.row_counter();
    }

    fn rows_done(&mut self, rows: usize) {
        self.bar.set_position(u64::try_from(rows).unwrap_or(u64::MAX));
    }

    fn view_finished(&mut self, report: &CopyReport) {
        self.bar.finish_and_clear();
        let CopyReport {
            view,
            copied,
            newer,
            skipped,
        } = report;
        self.output.line(&format!(
            "{view}: {copied} rows copied, {newer} newer there, {skipped} skipped"
        ));
    }
}

/// See [`Output::removal`].
pub(crate) struct RemovalOutput<'a> {
    output: &'a Output,
    bar: ProgressBar,
    keys: u64,
    /// When progress was last printed.
    told: Instant,
}

impl RemovalProgress for RemovalOutput<'_> {
    fn search_started(&mut self, views: &[String], keys: u64) {
        self.output.note(&format!(
            "Looking through {keys} keys of Redis for rows of {}, to remove them",
            views.join(", ")
        ));
        (self.keys, self.told) = (keys, Instant::now());
        if self.output.stderr_is_terminal {
            let style = ProgressStyle::with_template("{percent:>3}%|{wide_bar}| {pos}/{len} keys [{elapsed}<{eta}]");
            self.bar = ProgressBar::new(keys).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        }
    }

    fn keys_looked_at(&mut self, keys: u64) {
        self.bar.set_position(keys);
        if !self.output.stderr_is_terminal && self.told.elapsed() >= REMOVAL_INTERVAL {
            self.output.note(&format!("{keys} of {} keys looked at", self.keys));
            self.told = Instant::now();
        }
    }

    fn search_finished(&mut self, hashes: u64) {
        self.bar.finish_and_clear();
        self.output
            .note(&format!("Rows were removed from {hashes} hashes of Redis"));
    }
}
