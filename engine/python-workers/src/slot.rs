//! The thread of a worker: it starts the process, has it load the functions, runs calls on it, and replaces it when it is gone.
//!
//! Owns when a worker is started again. One that a call has ended is replaced at once: calls pace that. One that ends before it had a
//! call is not, or a worker that cannot live would start without end. Must not know what is in requests.
//!
//! The kernel ends a worker with the thread that has started it, so that must be this one, which outlives it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::connection::{Connection, Lost};
use crate::counters::add;
use crate::error::CallError;
use crate::messages::{Answer, Request};
use crate::printed::Printed;
use crate::process::{Process, Started};
use crate::queue::{Generation, Health, Job, Next, Shared};
use crate::settings::PoolFunction;

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const MAX_PAUSE: Duration = Duration::from_secs(5);
/// For a process that has closed its socket to be gone, and what it printed to be read.
const GRACE: Duration = Duration::from_millis(200);

/// Why a slot has no worker any more.
enum Ended {
    Closed,
    /// There are other functions, or a call has ended it.
    Replaced,
    /// Without a call: why.
    Idle(String),
}

/// A worker that has loaded its functions.
struct Worker {
    process: Process,
    connection: Connection,
    printed: Printed,
    /// Its outputs are closed.
    is_dead: Arc<AtomicBool>,
    number: u32,
}

/// Serves calls until the pool is closed.
pub(crate) fn run(shared: &Arc<Shared>, slot: usize) {
    let (mut failures, mut is_first) = (0, true);
    while let Some(generation) = shared.wanted_generation() {
        if !std::mem::take(&mut is_first) {
            add(&shared.counters.restarts);
        }
        let ended = match Worker::start(shared, slot, &generation) {
            Ok(mut worker) => {
                shared.set_health(slot, Health::Up);
                worker.serve(shared, &generation, &mut failures)
            }
            Err(NotUp::Again) => Ended::Replaced,
            Err(NotUp::Failed(reason)) => Ended::Idle(reason),
        };
        shared.set_stopper(slot, None);
        match ended {
            Ended::Closed => return,
            Ended::Replaced => {
                if failures == 0 {
                    shared.set_health(slot, Health::Starting);
                }
            }
            Ended::Idle(reason) => {
                if !shared.is_closing() {
                    tracing::warn!(worker = slot, "a Python worker does not run: {reason}");
                }
                shared.set_health(slot, Health::Failed(reason));
                shared.pause(pause_after(failures));
                failures += 1;
            }
        }
    }
}

fn pause_after(failures: u32) -> Duration {
    FIRST_PAUSE.saturating_mul(1 << failures.min(10)).min(MAX_PAUSE)
}

/// Why a worker was not started.
enum NotUp {
    Failed(String),
    /// Without the function that has ended it, it may.
    Again,
}

impl Worker {
    fn start(shared: &Arc<Shared>, slot: usize, generation: &Arc<Generation>) -> Result<Self, NotUp> {
        let settings = &shared.settings;
        let deadline = Instant::now() + settings.start_timeout;
        let Started {
            process,
            socket,
            printed,
        } = Process::start(settings).map_err(NotUp::Failed)?;
        let no_thread = |problem: std::io::Error| NotUp::Failed(problem.to_string());
        let is_dead = Arc::new(AtomicBool::new(false));
        let ended = {
            let (shared, is_dead) = (Arc::downgrade(shared), Arc::clone(&is_dead));
            move || {
                is_dead.store(true, Ordering::Release);
                if let Some(shared) = shared.upgrade() {
                    shared.wake();
                }
            }
        };
        let connection = Connection::new(socket, settings.max_frame);
        let stopper = connection.stopper().map_err(no_thread)?;
        let mut worker = Self {
            process,
            connection,
            printed: Printed::read(printed, slot, ended).map_err(no_thread)?,
            is_dead,
            number: 0,
        };
        if !shared.set_stopper(slot, Some(stopper)) {
            return Err(NotUp::Again);
        }
        worker.set_up(shared, deadline)?;
        for (number, function) in generation.loadable() {
            worker.load(shared, generation, (number, function), deadline)?;
        }
        Ok(worker)
    }

    fn set_up(&mut self, shared: &Shared, deadline: Instant) -> Result<(), NotUp> {
        let mut request = Request::setup(&shared.settings).map_err(|problem| NotUp::Failed(problem.to_string()))?;
        let answer = self.exchange(&mut request, deadline);
        let answer = answer.map_err(|lost| NotUp::Failed(self.words_on(&lost, shared.settings.start_timeout)))?;
        answer.done().map_err(NotUp::Failed)
    }

    fn load(
        &mut self,
        shared: &Shared,
        generation: &Generation,
        (number, function): (usize, &PoolFunction),
        deadline: Instant,
    ) -> Result<(), NotUp> {
        let began = Instant::now();
        let bound = shared.settings.start_timeout;
        let mut request = match Request::load(number, function, shared.settings.max_frame) {
            Ok(request) => request,
            Err(problem) => {
                generation.note(number, Err(problem.to_string()), true);
                return Ok(());
            }
        };
        match self.exchange(&mut request, deadline) {
            Ok(answer) => {
                let loaded = answer.done();
                if let Err(reason) = &loaded {
                    tracing::warn!("the function of {} cannot be loaded in Python: {reason}", function.view);
                }
                generation.note(number, loaded, false);
                Ok(())
            }
            Err(_) if shared.is_closing() => Err(NotUp::Again),
            // Others have used up the time.
            Err(Lost::TimedOut) if began.elapsed() < bound / 2 => Err(NotUp::Failed(format!(
                "its functions take longer than {} s to load",
                bound.as_secs()
            ))),
            Err(lost) => {
                let reason = format!("loading it ends its worker: {}", self.words_on(&lost, bound));
                tracing::warn!("the function of {} is left out: {reason}", function.view);
                generation.note(number, Err(reason), true);
                Err(NotUp::Again)
            }
        }
    }

    fn serve(&mut self, shared: &Shared, generation: &Arc<Generation>, failures: &mut u32) -> Ended {
        loop {
            match shared.next(generation, &self.is_dead) {
                Next::Close => return Ended::Closed,
                Next::Replace => return Ended::Replaced,
                Next::Died => {
                    add(&shared.counters.deaths);
                    let words = self.words_on(&Lost::Ended, Duration::ZERO);
                    return Ended::Idle(format!("it ended without a call: {words}"));
                }
                Next::Run(job) => {
                    // It lives long enough to have calls.
                    *failures = 0;
                    shared.counters.in_flight.fetch_add(1, Ordering::Relaxed);
                    let goes_on = self.run(shared, *job);
                    shared.counters.in_flight.fetch_sub(1, Ordering::Relaxed);
                    if !goes_on {
                        return Ended::Replaced;
                    }
                }
            }
        }
    }

    /// Runs a call. Whether the worker can have another one.
    fn run(&mut self, shared: &Shared, mut job: Job) -> bool {
        if let Some(reason) = job.generation.refusal(job.view) {
            job.reply.send(Err(CallError::NotLoaded(reason)));
            return true;
        }
        let deadline = Instant::now() + shared.settings.timeout;
        match self.exchange(&mut job.request, deadline) {
            Ok(answer) => {
                job.reply.send(Ok(answer));
                true
            }
            Err(lost) => {
                let error = self.error_of(shared, &lost);
                job.reply.send(Err(error));
                false
            }
        }
    }

    fn error_of(&mut self, shared: &Shared, lost: &Lost) -> CallError {
        if shared.is_closing() {
            return CallError::NotStarted("the server is ending".to_owned());
        }
        match lost {
            Lost::TimedOut => {
                add(&shared.counters.timeouts);
                // Before the answer, so that who has it can rely on the function not running any more.
                self.process.end(Duration::ZERO);
                CallError::TimedOut {
                    milliseconds: shared.settings.timeout.as_millis(),
                }
            }
            lost => {
                add(&shared.counters.deaths);
                let status = self.status_on(lost);
                CallError::Died {
                    status,
                    last_line: self.printed.last_line(GRACE),
                }
            }
        }
    }

    fn exchange(&mut self, request: &mut Request, deadline: Instant) -> Result<Answer, Lost> {
        let number = self.number;
        self.number = number.wrapping_add(1);
        let frame = self.connection.exchange(request.numbered(number), deadline)?;
        Answer::of_frame(frame, number).ok_or_else(|| Lost::Garbage("what answers another request".to_owned()))
    }

    /// Ends the process. How it has ended.
    fn status_on(&mut self, lost: &Lost) -> String {
        match lost {
            Lost::Garbage(what) => {
                self.process.end(Duration::ZERO);
                format!("killed by the server, as it has sent {what}")
            }
            Lost::TimedOut | Lost::Ended => self.process.end(GRACE),
        }
    }

    fn words_on(&mut self, lost: &Lost, bound: Duration) -> String {
        if matches!(lost, Lost::TimedOut) {
            self.process.end(Duration::ZERO);
            return format!("it takes longer than {} s", bound.as_secs());
        }
        let status = self.status_on(lost);
        match self.printed.last_line(GRACE).as_str() {
            "" => status,
            line => format!("{status}; the last it printed: {line}"),
        }
    }
}
