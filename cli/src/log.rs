//! The log: what it shows. Each event stays on its line: what clients and registries give is escaped where it is formatted.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::fmt::Write;
use std::io::IsTerminal;

use serde_json::Map;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::debug_fn;

use crate::log_format::{EventLine, LogFormat, SAID_IN_MESSAGE, json_line};
use crate::output::{OneLine, StderrQueue};

const DEFAULT_LEVEL: &str = "info";

/// The level of the log of this process, which a server can change.
pub(crate) struct LogLevel {
    /// Of the command line.
    typed: Option<String>,
    change: Box<dyn Fn(EnvFilter) + Send + Sync>,
}

impl LogLevel {
    /// Shows what is as severe as `configured`, unless the command line or `RUST_LOG` says otherwise.
    pub(crate) fn configure(&self, configured: Option<&str>) {
        (self.change)(filter(self.typed.as_deref().or(configured)));
    }
}

/// `RUST_LOG` overrides the level.
fn filter(level: Option<&str>) -> EnvFilter {
    EnvFilter::try_from_default_env()
        .or_else(|_| EnvFilter::try_new(level.unwrap_or(DEFAULT_LEVEL)))
        .unwrap_or_default()
}

/// Log lines go to stderr, through the queue if there is one.
pub(crate) fn start(level: Option<String>, format: LogFormat, queue: Option<&StderrQueue>) -> LogLevel {
    // Names of views, and whatever else clients and registries give, must not add lines or colours.
    let fields = debug_fn(|writer, field, value| match field.name() {
        "message" => write!(OneLine(writer), "{value:?}"),
        name if SAID_IN_MESSAGE.contains(&name) => Ok(()),
        // The message is the first field of an event.
        name => write!(OneLine(writer), " {name}={value:?}"),
    });
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter(level.as_deref()))
        .with_ansi(std::io::stderr().is_terminal())
        .event_format(EventLine::new(format))
        .fmt_fields(fields);
    // A change fails only once the log has ended.
    let change: Box<dyn Fn(EnvFilter) + Send + Sync> = match queue {
        Some(queue) => {
            let log = log.with_writer(queue.clone()).with_filter_reloading();
            let handle = log.reload_handle();
            log.init();
            log_panics(queue.clone(), format);
            Box::new(move |filter| _ = handle.reload(filter))
        }
        None => {
            let log = log.with_writer(std::io::stderr).with_filter_reloading();
            let handle = log.reload_handle();
            log.init();
            Box::new(move |filter| _ = handle.reload(filter))
        }
    };
    LogLevel { typed: level, change }
}

/// The standard hook writes to stderr itself: on a pipe that is not read it would never return.
fn log_panics(queue: StderrQueue, format: LogFormat) {
    std::panic::set_hook(Box::new(move |panic| {
        let thread = std::thread::current();
        let mut text = String::new();
        // Writing into memory cannot fail.
        let _ = write!(
            OneLine(&mut text),
            "thread '{}' panicked at {}: {}",
            thread.name().unwrap_or("<unnamed>"),
            panic.location().map_or_else(String::new, ToString::to_string),
            panic.payload_as_str().unwrap_or("a value that is not a string")
        );
        if format == LogFormat::Json {
            queue.push(json_line("ERROR", &text, Map::new()).as_bytes());
            return;
        }
        text.push('\n');
        let backtrace = Backtrace::capture();
        if backtrace.status() == BacktraceStatus::Captured {
            let _ = writeln!(text, "{backtrace}");
        }
        queue.push(text.as_bytes());
    }));
}
