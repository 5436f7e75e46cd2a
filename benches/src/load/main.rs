//! Load on one endpoint of a running server, with every response checked: how many requests it answers, and how long each
//! takes.
//!
//! Closed loop: each connection sends its next request when it has the response to the last one. Open loop (`--rate`):
//! requests are due at fixed times, and one that finds all connections busy is timed from when it was due.
#![expect(clippy::print_stdout, reason = "the figures are this program's output")]

mod check;
mod connection;
mod options;
mod report;
mod schedule;

use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Parser;

use check::CheckedRequest;
use connection::{Connection, Target};
use options::Options;
use report::{Outcome, Report};
use schedule::Schedule;

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let options = Options::parse();
    let target = Target::new(&options)?;
    let requests: Arc<[CheckedRequest]> = check::read_requests(&options, &target)?.into();
    run(&options, &target, &requests, Duration::from_secs_f64(options.warm_up))?;
    let outcome = run(&options, &target, &requests, Duration::from_secs_f64(options.seconds))?;
    let report = Report::new(&options, requests.len(), outcome);
    if options.json {
        println!("{}", report.to_json());
    } else {
        println!("{report}");
    }
    Ok(())
}

/// Loads the server from one thread a connection.
fn run(
    options: &Options,
    target: &Target,
    requests: &Arc<[CheckedRequest]>,
    duration: Duration,
) -> Result<Outcome, Failure> {
    let schedule = Arc::new(Schedule::new(options.rate, duration));
    let connections: Vec<_> = (0..options.connections)
        .map(|number| {
            let (schedule, requests, target) = (Arc::clone(&schedule), Arc::clone(requests), target.clone());
            let connection = Connection::open(&target)?;
            Ok(std::thread::spawn(move || {
                load(connection, &target, &schedule, &requests, number)
            }))
        })
        .collect::<Result<_, Failure>>()?;
    let mut outcome = Outcome::default();
    for connection in connections {
        outcome.add(connection.join().map_err(|_| "a connection ended in a panic")??);
    }
    outcome.elapsed = schedule.started().elapsed();
    Ok(outcome)
}

fn load(
    mut connection: Connection,
    target: &Target,
    schedule: &Schedule,
    requests: &[CheckedRequest],
    first: usize,
) -> Result<Outcome, Failure> {
    let mut outcome = Outcome::default();
    // Connections start at different requests, so that they do not ask for the same entities at the same time.
    let mut order = requests
        .iter()
        .cycle()
        .skip(first * requests.len() / 7 % requests.len());
    while let Some(due) = schedule.next() {
        let Some(request) = order.next() else { break };
        let response = match connection.exchange(&request.bytes) {
            Ok(response) => response,
            Err(_) => {
                outcome.failed += 1;
                connection = Connection::open(target)?;
                continue;
            }
        };
        let latency = Instant::now().saturating_duration_since(due);
        match response.status {
            200 => request.check_again(response.body)?,
            503 => {
                outcome.refused += 1;
                continue;
            }
            status => return Err(format!("status {status}: {}", String::from_utf8_lossy(response.body)).into()),
        }
        outcome.latencies.push(latency);
        outcome.response_bytes += response.body.len() as u64;
    }
    Ok(outcome)
}
