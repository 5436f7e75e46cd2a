//! Lines of the log and of what a server prints beside it, as text or as JSON.

use std::fmt;

use clap::ValueEnum;
use feast_engine::now;
use serde_json::{Map, Value, json};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::{Format, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Fields that the message of an event says too: a line of text does not say them again.
pub(crate) const SAID_IN_MESSAGE: [&str; 11] = [
    "client",
    "user",
    "method",
    "path",
    "status",
    "duration_ms",
    "request_id",
    "subject",
    "rows",
    "steps",
    "left_out",
];

/// How lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum LogFormat {
    #[default]
    Text,
    Json,
}

/// Writes events as lines.
pub(crate) struct EventLine {
    format: LogFormat,
    text: Format,
}

impl EventLine {
    pub(crate) fn new(format: LogFormat) -> Self {
        Self {
            format,
            text: tracing_subscriber::fmt::format().with_target(false),
        }
    }
}

impl<S, N> FormatEvent<S, N> for EventLine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        if self.format == LogFormat::Text {
            return self.text.format_event(context, writer, event);
        }
        let mut fields = Fields::default();
        event.record(&mut fields);
        let level = event.metadata().level().as_str();
        writer.write_str(&json_line(level, &fields.message, fields.others))
    }
}

/// One line, whatever is in the texts: JSON escapes what would end it.
pub(crate) fn json_line(level: &str, message: &str, others: Map<String, Value>) -> String {
    let mut line = Map::new();
    line.insert("timestamp".to_owned(), json!(now().to_string()));
    line.insert("level".to_owned(), json!(level));
    line.insert("message".to_owned(), json!(message));
    line.extend(others);
    let mut line = Value::Object(line).to_string();
    line.push('\n');
    line
}

#[derive(Default)]
struct Fields {
    message: String,
    others: Map<String, Value>,
}

impl Fields {
    fn add(&mut self, field: &Field, value: Value) {
        match (field.name(), value) {
            ("message", Value::String(text)) => self.message = text,
            (name, value) => {
                self.others.insert(name.to_owned(), value);
            }
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, json!(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, json!(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, json!(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, json!(value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, json!(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, json!(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_does_not_end_its_line() {
        let line = json_line("INFO", "a\nb\u{2028}\u{1b}[31m\"", Map::new());
        assert_eq!(line.matches('\n').count(), 1);
        let read: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(
            (&read["level"], &read["message"]),
            (&json!("INFO"), &json!("a\nb\u{2028}\u{1b}[31m\""))
        );
    }
}
