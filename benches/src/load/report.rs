//! What was measured, as JSON and as a table.

use std::fmt;
use std::time::Duration;

use serde_json::{Value, json};

use crate::options::Options;

/// What happened on connections.
#[derive(Default)]
pub(crate) struct Outcome {
    pub(crate) latencies: Vec<Duration>,
    pub(crate) response_bytes: u64,
    /// Requests answered with 503.
    pub(crate) refused: u64,
    /// Requests whose connection ended before their response.
    pub(crate) failed: u64,
    pub(crate) elapsed: Duration,
}

impl Outcome {
    pub(crate) fn add(&mut self, other: Self) {
        self.latencies.extend(other.latencies);
        self.response_bytes += other.response_bytes;
        self.refused += other.refused;
        self.failed += other.failed;
    }
}

/// The figures of one run.
pub(crate) struct Report {
    connections: usize,
    rate: Option<f64>,
    distinct_requests: usize,
    answered: usize,
    refused: u64,
    failed: u64,
    seconds: f64,
    response_bytes: u64,
    /// In milliseconds, of the answered requests.
    quantiles: [Option<f64>; QUANTILES.len()],
}

const QUANTILES: [(&str, f64); 3] = [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)];

impl Report {
    pub(crate) fn new(options: &Options, distinct_requests: usize, mut outcome: Outcome) -> Self {
        outcome.latencies.sort_unstable();
        let latencies = &outcome.latencies;
        let millis = |quantile: f64| {
            let position = ((latencies.len() as f64 * quantile) as usize).min(latencies.len().saturating_sub(1));
            latencies.get(position).map(|latency| latency.as_secs_f64() * 1e3)
        };
        Self {
            connections: options.connections,
            rate: options.rate,
            distinct_requests,
            answered: latencies.len(),
            refused: outcome.refused,
            failed: outcome.failed,
            seconds: outcome.elapsed.as_secs_f64(),
            response_bytes: outcome.response_bytes,
            quantiles: QUANTILES.map(|(_, quantile)| millis(quantile)),
        }
    }

    fn per_second(&self) -> f64 {
        self.answered as f64 / self.seconds
    }

    pub(crate) fn to_json(&self) -> Value {
        let [p50, p99, p999] = self.quantiles;
        json!({
            "connections": self.connections,
            "rate": self.rate,
            "distinct_requests": self.distinct_requests,
            "answered": self.answered,
            "refused": self.refused,
            "failed": self.failed,
            "seconds": self.seconds,
            "answer_bytes": self.response_bytes,
            "requests_per_second": self.per_second(),
            "p50_ms": p50, "p99_ms": p99, "p999_ms": p999,
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let loop_kind = match self.rate {
            Some(rate) => format!("open loop, {rate} requests/s due"),
            None => "closed loop".to_owned(),
        };
        writeln!(
            formatter,
            "{} connections, {loop_kind}, {:.1} s",
            self.connections, self.seconds
        )?;
        writeln!(
            formatter,
            "answered  {} ({:.0}/s), all as checked",
            self.answered,
            self.per_second()
        )?;
        writeln!(formatter, "refused   {} (503)", self.refused)?;
        writeln!(formatter, "failed    {} (connection ended)", self.failed)?;
        let megabytes = self.response_bytes as f64 / 1e6 / self.seconds;
        write!(formatter, "bodies    {megabytes:.1} MB/s")?;
        for ((name, _), millis) in QUANTILES.iter().zip(self.quantiles) {
            let text = millis.map_or_else(|| "-".to_owned(), |millis| format!("{millis:.3} ms"));
            write!(formatter, "\n{name:<9} {text}")?;
        }
        Ok(())
    }
}
