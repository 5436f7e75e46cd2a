//! `feast doctor` and `feast serve --check`: a repository and this machine, looked at before a server goes live.
//!
//! An error is what keeps the server from starting, or something that the repository defines from working. A warning is what works
//! now and may not later, or is probably not what was meant.
//!
//! Each check is a file, which asks the code that the server runs, where that can be done without a trace: nothing is made, written
//! or locked, and a server that runs is not disturbed. It runs on a thread of its own and may fail, panic or hang without keeping
//! the others: after the time limit what it has found by then counts.

mod bounded;
mod context;
mod finding;
mod functions;
mod logs;
mod machine;
mod online_store;
mod port_holder;
mod ports;
mod registry;
mod settings;
mod sign_in;
mod sources;
mod tls;

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::args::{CHECK_SECONDS, DoctorArguments, ListFormat, ServeArguments};
use crate::output::{self, Failure, Output};
use crate::settings::{Repository, ServeSettings};

use bounded::Running;
use context::Context;
use finding::{Finding, Findings, Level};

/// Looks at one thing, and says what it finds.
type Check = fn(&Context, &Findings);

/// What is checked once settings, registry and online store were looked at, in the order in which it is printed.
const CHECKS: [(&str, Check); 14] = [
    ("rows", online_store::check_rows),
    ("sources", sources::check),
    ("functions", functions::check),
    ("sign-in", sign_in::check),
    ("tls", tls::check),
    ("ports", ports::check),
    ("open files", machine::check_open_files),
    ("memory", machine::check_memory),
    ("disk", machine::check_disk),
    ("clock", machine::check_clock),
    ("audit log", logs::check_audit),
    ("feature log", logs::check_features),
    ("push log", logs::check_pushes),
    ("backups", machine::check_backups),
];

/// Checks what `feast serve` without options would need.
pub(crate) fn run(repository: &Repository, arguments: &DoctorArguments, output: &Output) -> Result<(), Failure> {
    let usual = ServeArguments::usual().map_err(|source| Failure::new(source.to_string()))?;
    let limit = Duration::from_secs(arguments.timeout);
    check(
        repository,
        &ServeSettings::new(&usual)?,
        limit,
        arguments.output,
        output,
    )
}

/// Checks what `feast serve` with these options would need.
pub(crate) fn check_serve(repository: &Repository, arguments: &ServeArguments, output: &Output) -> Result<(), Failure> {
    let settings = ServeSettings::new(arguments)?;
    let limit = Duration::from_secs(CHECK_SECONDS);
    check(repository, &settings, limit, arguments.output, output)
}

fn check(
    repository: &Repository,
    serve: &ServeSettings,
    limit: Duration,
    format: ListFormat,
    output: &Output,
) -> Result<(), Failure> {
    let mut report = Report {
        findings: Vec::new(),
        format,
        output,
    };
    let (repository, options) = (repository.clone(), serve.clone());
    let read = Running::start("settings", move |findings| {
        settings::check(&repository, &options, findings)
    });
    if let Some(config) = report.take(read, limit, Instant::now()).flatten() {
        let config = Arc::new(config);
        let begun = Instant::now();
        let (of_registry, of_store, access) = (Arc::clone(&config), Arc::clone(&config), serve.access);
        let registry = Running::start("registry", move |findings| {
            registry::check(&of_registry, access, findings)
        });
        let store = Running::start("online store", move |findings| {
            online_store::check(&of_store, access, findings)
        });
        let context = Arc::new(Context {
            registry: report.take(registry, limit, begun).flatten(),
            online_store: report.take(store, limit, begun).flatten(),
            serve: serve.clone(),
            config,
        });
        if context.registry.is_none() {
            report.add(vec![Finding {
                topic: "registry",
                level: Level::Warning,
                text: "without it rows, sources, functions, logs of features and pushes, and backups are not checked"
                    .to_owned(),
                hint: None,
            }]);
        }
        let begun = Instant::now();
        let running = CHECKS.map(|(topic, check)| {
            let context = Arc::clone(&context);
            Running::start(topic, move |findings| check(&context, findings))
        });
        for check in running {
            report.take(check, limit, begun);
        }
    }
    report.finish()
}

/// What was found so far.
struct Report<'a> {
    findings: Vec<Finding>,
    format: ListFormat,
    output: &'a Output,
}

impl Report<'_> {
    /// Waits for a check, and takes what it has found.
    fn take<T>(&mut self, check: Running<T>, limit: Duration, begun: Instant) -> Option<T> {
        let (findings, outcome) = check.finish(limit, begun);
        self.add(findings);
        outcome
    }

    fn add(&mut self, findings: Vec<Finding>) {
        if self.format == ListFormat::Table {
            let lines = findings.iter().flat_map(Finding::lines);
            lines.for_each(|line| self.output.line(&line));
        }
        self.findings.extend(findings);
    }

    /// Says how much of each kind there was.
    fn finish(self) -> Result<(), Failure> {
        let count = |level: Level| self.findings.iter().filter(|finding| finding.level == level).count();
        let [ok, warnings, errors] = [Level::Ok, Level::Warning, Level::Error].map(count);
        match self.format {
            ListFormat::Table => {
                let (warned, failed) = (output::count(warnings, "warning"), output::count(errors, "error"));
                self.output.line(&format!("\n{ok} ok, {warned}, {failed}"));
            }
            ListFormat::Json => self.output.json(&json!({
                "ok": errors == 0,
                "counts": {"ok": ok, "warning": warnings, "error": errors},
                "findings": self.findings.iter().map(Finding::document).collect::<Vec<_>>(),
            })),
        }
        match errors {
            0 => Ok(()),
            // They are said.
            _ => Err(Failure::silent()),
        }
    }
}
