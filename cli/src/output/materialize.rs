//! The progress of a materialization, and its summary: bars on a terminal, plain lines in a pipe.

use std::time::{Duration, Instant};

use feast_engine::{Error, MaterializationPlan, MaterializeProgress, RunStep, ViewReport, ViewWindow};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::{BAR_WIDTH, Output, count};
use crate::interrupt::Interrupt;

/// The interval between lines of progress in a pipe.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

/// See [`Output::materialization`].
pub(crate) struct MaterializeOutput<'a> {
    output: &'a Output,
    interrupt: &'a Interrupt,
    incremental: bool,
    receipt_follows: bool,
    /// Views of the run, and how many of them are finished.
    views: usize,
    finished: Vec<String>,
    passes: Vec<PassOutput>,
    started: Instant,
    bars: MultiProgress,
    /// The view whose window was printed last, if nothing was printed since.
    headed: Option<String>,
    totals: Totals,
}

/// Views that are read together now.
struct PassOutput {
    views: Vec<String>,
    /// How many of them are finished.
    finished: usize,
    started: Instant,
    step: Option<RunStep>,
    bar: ProgressBar,
    told: Instant,
}

/// Over all views.
#[derive(Default)]
struct Totals {
    source_rows: u64,
    read_groups: usize,
    passed_groups: usize,
    written: u64,
    stale: u64,
    null_keys: u64,
    bytes: u64,
}

impl Output {
    /// Shows the progress of a materialization of so many views, which an interrupt ends.
    pub(crate) fn materialization<'a>(
        &'a self,
        incremental: bool,
        views: usize,
        interrupt: &'a Interrupt,
    ) -> MaterializeOutput<'a> {
        MaterializeOutput {
            output: self,
            interrupt,
            incremental,
            receipt_follows: false,
            views,
            finished: Vec::new(),
            passes: Vec::new(),
            started: Instant::now(),
            bars: MultiProgress::new(),
            headed: None,
            totals: Totals::default(),
        }
    }

    /// As [`Output::materialization`], all of it on stderr: on stdout is the receipt alone.
    pub(crate) fn shard<'a>(&'a self, views: usize, interrupt: &'a Interrupt) -> MaterializeOutput<'a> {
        MaterializeOutput {
            receipt_follows: true,
            ..self.materialization(true, views, interrupt)
        }
    }

    /// Says that a window ends before it starts.
    pub(crate) fn nothing_to_do(&self, window: &ViewWindow) {
        let (view, start, end) = (&window.view, window.start.to_python(), window.end.to_python());
        self.note(&format!(
            "{view}: nothing to do, its next window starts at {start}, after {end}"
        ));
    }

    /// What a materialization would read.
    pub(crate) fn plan(&self, plan: &[MaterializationPlan]) {
        for pass in plan {
            let (start, end) = (self.strong(pass.start.to_python()), self.strong(pass.end.to_python()));
            let views = pass.views.iter().map(|view| self.strong(view));
            let views = views.collect::<Vec<_>>().join(", ");
            self.line(&format!("{views} from {start} to {end}:"));
            if pass.views.len() > 1 {
                self.line(&format!("  {} feature views are read together", pass.views.len()));
            }
            let groups = pass.read_groups + pass.passed_groups;
            self.line(&format!(
                "  {} of {groups} row groups in {} with {} rows, {} of columns that are needed",
                pass.read_groups,
                count(pass.files.len(), "file"),
                pass.rows,
                size(pass.bytes)
            ));
            for file in &pass.files {
                self.line(&format!("  {}", file.display()));
            }
        }
    }
}

impl MaterializeOutput<'_> {
    fn line(&mut self, text: &str) {
        self.headed = None;
        self.bars.suspend(|| match self.receipt_follows {
            true => self.output.note(text),
            false => self.output.line(text),
        });
    }

    fn note(&mut self, text: &str) {
        self.headed = None;
        self.bars.suspend(|| self.output.note(text));
    }

    fn warning(&mut self, text: &str) {
        self.headed = None;
        self.bars.suspend(|| self.output.warning(text));
    }

    /// What is being done with the views of a pass.
    fn title(&self, views: &[String], step: RunStep) -> String {
        let what = match step {
            RunStep::Comparing => "looking for the newest rows",
            RunStep::Reading => "reading",
            RunStep::Writing => "writing",
        };
        let views = match views {
            [] => String::new(),
            [only] => only.clone(),
            [first, others @ ..] => format!("{first} and {} more", others.len()),
        };
        match self.views {
            0 | 1 => format!("{views}: {what}"),
            all => format!("[{} of {all} views done] {views}: {what}", self.finished.len()),
        }
    }

    /// Says in the end what was done, and of a run that was stopped what is recorded.
    pub(crate) fn summary(&self) {
        let _ = self.bars.clear();
        let Totals {
            source_rows,
            read_groups,
            passed_groups,
            written,
            stale,
            null_keys,
            bytes,
            ..
        } = self.totals;
        let mut parts = vec![
            format!(
                "{source_rows} rows of the sources in {}",
                count(read_groups, "row group")
            ),
            format!("{written} rows written ({})", size(bytes)),
        ];
        if passed_groups > 0 {
            parts[0].push_str(&format!(", {passed_groups} outside of the windows not read"));
        }
        if stale > 0 {
            parts.push(format!("{stale} older than stored"));
        }
        if null_keys > 0 {
            parts.push(format!("{null_keys} with a null key"));
        }
        let seconds = self.started.elapsed().as_secs_f64();
        let memory = peak_memory().map_or_else(String::new, |bytes| format!(", {} of memory at most", size(bytes)));
        self.output
            .note(&format!("{} in {seconds:.2} s{memory}", parts.join("; ")));
    }

    /// Says after a run that has failed, or was stopped, which views are recorded.
    pub(crate) fn what_is_recorded(&self, windows: &[ViewWindow]) {
        let _ = self.bars.clear();
        if self.receipt_follows || windows.len() < 2 && !self.interrupt.is_set() {
            return;
        }
        let missing: Vec<&str> = windows
            .iter()
            .filter(|window| !window.is_empty() && !self.finished.contains(&window.view))
            .map(|window| window.view.as_str())
            .collect();
        if !self.finished.is_empty() {
            self.output.note(&format!("Recorded: {}", self.finished.join(", ")));
        }
        if !missing.is_empty() {
            self.output.note(&format!(
                "Not recorded: {}. Some of their rows may be written already; to write them all, run the command again",
                missing.join(", ")
            ));
        }
    }
}

impl MaterializeProgress for MaterializeOutput<'_> {
    fn is_stopped(&self) -> bool {
        self.interrupt.is_set()
    }

    fn pass_started(&mut self, windows: &[&ViewWindow]) {
        let output = self.output;
        for window in windows {
            let view = output.strong(&window.view);
            self.bars.suspend(|| output.former_keys(window));
            if window.default_look_back {
                self.line(&format!(
                    "Since the ttl is 0 for feature view {view}, the start date will be set to 1 year before the current time."
                ));
            }
            if self.incremental {
                let (start, end) = (
                    output.strong(window.start.to_python()),
                    output.strong(window.end.to_python()),
                );
                self.line(&format!("{view} from {start} to {end}:"));
            } else {
                self.line(&format!("{view}:"));
            }
            self.headed = Some(window.view.clone());
        }
        self.passes.push(PassOutput {
            views: windows.iter().map(|window| window.view.clone()).collect(),
            finished: 0,
            started: Instant::now(),
            step: None,
            bar: ProgressBar::hidden(),
            told: Instant::now(),
        });
    }

    fn view_skipped(&mut self, window: &ViewWindow) {
        self.output.nothing_to_do(window);
        self.views = self.views.saturating_sub(1);
    }

    fn views_separated(&mut self, view: &str, error: &Error) {
        let Some(position) = self.passes.iter().position(|pass| pass.views[0] == view) else {
            return;
        };
        let pass = self.passes.remove(position);
        pass.bar.finish_and_clear();
        self.warning(&format!(
            "{} are read one by one, because one of them cannot be read with the others: {error}",
            pass.views.join(", ")
        ));
    }

    fn advanced(&mut self, view: &str, step: RunStep, done: u64, total: u64) {
        let Some(position) = self.passes.iter().position(|pass| pass.views[0] == view) else {
            return;
        };
        let title = self.title(&self.passes[position].views, step);
        let pass = &mut self.passes[position];
        let is_new = pass.step != Some(step);
        pass.step = Some(step);
        if self.output.stderr_is_terminal {
            if is_new {
                pass.bar.finish_and_clear();
                let style =
                    "{msg} {percent:>3}%|{bar:30}| {human_pos} of {human_len} rows [{elapsed}<{eta}, {per_sec}]";
                let style = ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar());
                pass.bar = self.bars.add(ProgressBar::new(total).with_style(style));
            }
            // Views of other passes may be done since.
            pass.bar.set_message(title);
            pass.bar.set_length(total);
            pass.bar.set_position(done);
        } else if pass.told.elapsed() >= LINE_INTERVAL {
            let seconds = pass.started.elapsed().as_secs();
            pass.told = Instant::now();
            self.note(&format!("{title}: {done} of {total} rows after {seconds} s"));
        }
    }

    fn view_finished(&mut self, report: &ViewReport) {
        let ViewReport {
            view,
            rows,
            stale,
            null_keys,
            ..
        } = report;
        let Some(position) = self.passes.iter().position(|pass| pass.views.contains(view)) else {
            return;
        };
        let pass = &mut self.passes[position];
        pass.bar.finish_and_clear();
        pass.finished += 1;
        let (is_first, is_last) = (pass.finished == 1, pass.finished == pass.views.len());
        let seconds = pass.started.elapsed().as_secs_f64();
        if is_last {
            self.passes.remove(position);
        }
        let rows = rows - null_keys;
        if self.output.stderr_is_terminal {
            let rate = rows as f64 / seconds.max(f64::EPSILON);
            let (minutes, rest) = (seconds as u64 / 60, seconds as u64 % 60);
            let bar = "█".repeat(BAR_WIDTH);
            let name = match &self.headed {
                Some(headed) if headed == view => String::new(),
                _ => format!("{view}: "),
            };
            self.note(&format!(
                "{name}100%|{bar}| {rows}/{rows} [{minutes:02}:{rest:02}<00:00, {rate:.2}it/s]"
            ));
        } else {
            self.note(&format!("{view}: {rows} rows in {seconds:.2} s"));
        }
        if *stale > 0 {
            self.note(&format!(
                "{view}: {stale} rows were not written because newer ones are stored"
            ));
        }
        for remark in report.remarks() {
            self.warning(&remark);
        }
        self.finished.push(view.clone());
        self.totals.add(report, is_first);
    }
}

impl Totals {
    /// Adds a view. What was read for several views together counts with the first of them.
    fn add(&mut self, report: &ViewReport, is_first_of_pass: bool) {
        if is_first_of_pass {
            self.source_rows += report.source_rows;
            self.read_groups += report.read_groups;
            self.passed_groups += report.passed_groups;
        }
        self.written += (report.written + report.derived_rows) as u64;
        self.stale += report.stale as u64;
        self.null_keys += report.null_keys as u64;
        self.bytes += report.bytes;
    }
}

/// Bytes for people.
fn size(bytes: u64) -> String {
    indicatif::BinaryBytes(bytes).to_string()
}

/// The most memory that the process had so far, where the system says it.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = peak.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib << 10)
}
