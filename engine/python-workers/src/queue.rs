//! Calls that wait for a worker, and what callers must know of the slots that serve them.
//!
//! Owns the one lock of a pool. It is held for moments only, never while something is waited for. Must not know processes.
//!
//! Functions are replaced as a whole: each set of them is a generation, a call belongs to the one that was in use when it came, and
//! calls are served in order. So a slot goes over to the next generation when no call of its own waits any more.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use tokio::sync::{oneshot, watch};

use crate::connection::Stopper;
use crate::counters::{Counters, add};
use crate::error::CallError;
use crate::kinds;
use crate::messages::{Answer, Request};
use crate::settings::{PoolFunction, Settings};

const ENDING: &str = "the server is ending";

/// What all slots and callers share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) counters: Counters,
    state: Mutex<State>,
    /// For slots that have a worker.
    work: Condvar,
    /// For slots that wait before they start another one.
    pause: Condvar,
    /// Told whenever the state of a slot changes.
    changed: watch::Sender<()>,
}

#[derive(Debug)]
struct State {
    queue: VecDeque<Job>,
    generation: Arc<Generation>,
    slots: Vec<Slot>,
    is_closing: bool,
}

#[derive(Debug, Default)]
struct Slot {
    health: Health,
    stopper: Option<Stopper>,
}

/// What is known of a slot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Health {
    /// Its worker will come. Calls may wait for it.
    #[default]
    Starting,
    /// Its worker takes calls.
    Up,
    /// Its worker could not be started, or has ended before it had a call. It is tried again.
    Failed(String),
}

/// A set of functions.
#[derive(Debug)]
pub(crate) struct Generation {
    pub(crate) functions: Vec<PoolFunction>,
    numbers: HashMap<String, usize>,
    refusals: Mutex<HashMap<usize, Refusal>>,
}

#[derive(Debug, Clone)]
struct Refusal {
    reason: String,
    /// Loading it ends or blocks its process, so it is not tried again.
    is_final: bool,
}

/// A call that waits.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) request: Request,
    pub(crate) view: usize,
    pub(crate) generation: Arc<Generation>,
    pub(crate) reply: Reply,
    since: Instant,
}

/// Where its answer goes.
#[derive(Debug)]
pub(crate) enum Reply {
    Task(oneshot::Sender<Result<Answer, CallError>>),
    Thread(SyncSender<Result<Answer, CallError>>),
}

/// What a slot is to do.
pub(crate) enum Next {
    Run(Box<Job>),
    /// Another generation of functions is in use.
    Replace,
    /// Its worker is gone.
    Died,
    Close,
}

impl Generation {
    pub(crate) fn new(functions: Vec<PoolFunction>) -> Self {
        let mut refusals = HashMap::new();
        for (number, function) in functions.iter().enumerate() {
            let problem = function.outputs.iter().find_map(|(name, value_type)| {
                let problem = kinds::of_output(value_type).err()?;
                Some(format!("output {name}: {problem}"))
            });
            if let Some(reason) = problem {
                refusals.insert(number, Refusal { reason, is_final: true });
            }
        }
        let numbers = functions
            .iter()
            .enumerate()
            .map(|(number, function)| (function.view.clone(), number));
        Self {
            numbers: numbers.collect(),
            refusals: Mutex::new(refusals),
            functions,
        }
    }

    /// The functions to load, with their numbers.
    pub(crate) fn loadable(&self) -> Vec<(usize, &PoolFunction)> {
        let refusals = self.refusals.lock();
        let is_loadable = |number: &usize| refusals.get(number).is_none_or(|refusal| !refusal.is_final);
        self.functions
            .iter()
            .enumerate()
            .filter(|(number, _)| is_loadable(number))
            .collect()
    }

    /// Notes what came of loading a function.
    pub(crate) fn note(&self, number: usize, loaded: Result<(), String>, is_final: bool) {
        let mut refusals = self.refusals.lock();
        match loaded {
            Ok(()) => drop(refusals.remove(&number)),
            Err(reason) => drop(refusals.insert(number, Refusal { reason, is_final })),
        }
    }

    pub(crate) fn refusal(&self, number: usize) -> Option<String> {
        Some(self.refusals.lock().get(&number)?.reason.clone())
    }

    /// The number of a view's function.
    pub(crate) fn number(&self, view: &str) -> Option<usize> {
        self.numbers.get(view).copied()
    }
}

impl Reply {
    pub(crate) fn send(self, answer: Result<Answer, CallError>) {
        // Nobody may wait for it any more.
        match self {
            Self::Task(sender) => drop(sender.send(answer)),
            Self::Thread(sender) => drop(sender.try_send(answer)),
        }
    }

    fn is_wanted(&self) -> bool {
        match self {
            Self::Task(sender) => !sender.is_closed(),
            Self::Thread(_) => true,
        }
    }
}

impl Shared {
    pub(crate) fn new(settings: Settings, functions: Vec<PoolFunction>) -> Self {
        let slots = (0..settings.workers).map(|_| Slot::default()).collect();
        Self {
            settings,
            counters: Counters::default(),
            state: Mutex::new(State {
                queue: VecDeque::new(),
                generation: Arc::new(Generation::new(functions)),
                slots,
                is_closing: false,
            }),
            work: Condvar::new(),
            pause: Condvar::new(),
            changed: watch::Sender::new(()),
        }
    }

    pub(crate) fn generation(&self) -> Arc<Generation> {
        Arc::clone(&self.state.lock().generation)
    }

    /// Has a call wait for a worker. The reply comes back if the functions were replaced since the call was prepared.
    ///
    /// # Errors
    /// Why none will take it.
    pub(crate) fn enqueue(
        &self,
        generation: Arc<Generation>,
        view: usize,
        request: Request,
        reply: Reply,
    ) -> Result<Option<Reply>, CallError> {
        let mut state = self.state.lock();
        state.usable()?;
        if !Arc::ptr_eq(&state.generation, &generation) {
            return Ok(Some(reply));
        }
        if let Some(reason) = generation.refusal(view) {
            return Err(CallError::NotLoaded(reason));
        }
        if state.queue.len() >= self.settings.queue {
            add(&self.counters.busy);
            return Err(CallError::Busy(format!("{} calls wait for them", state.queue.len())));
        }
        state.queue.push_back(Job {
            request,
            view,
            generation,
            reply,
            since: Instant::now(),
        });
        drop(state);
        self.work.notify_one();
        Ok(None)
    }

    /// Waits for something to do, for a slot whose worker has the functions of `own`.
    pub(crate) fn next(&self, own: &Arc<Generation>, is_dead: &AtomicBool) -> Next {
        let mut state = self.state.lock();
        loop {
            let next = match state.queue.front() {
                _ if state.is_closing => Some(Next::Close),
                _ if is_dead.load(Ordering::Acquire) => Some(Next::Died),
                Some(job) if Arc::ptr_eq(&job.generation, own) => None,
                Some(_) => Some(Next::Replace),
                None if Arc::ptr_eq(&state.generation, own) => {
                    self.work.wait(&mut state);
                    continue;
                }
                None => Some(Next::Replace),
            };
            match next {
                Some(next) => {
                    // The wake-up was for a job, which is another slot's now.
                    self.work.notify_one();
                    return next;
                }
                None => match state.queue.pop_front() {
                    Some(job) if !job.reply.is_wanted() => {}
                    Some(job) if job.since.elapsed() > self.settings.max_wait => {
                        add(&self.counters.busy);
                        let waited = job.since.elapsed().as_secs();
                        job.reply
                            .send(Err(CallError::Busy(format!("it has waited for {waited} s"))));
                    }
                    Some(job) => return Next::Run(Box::new(job)),
                    None => {}
                },
            }
        }
    }

    /// The functions that the next worker needs, if there is to be one.
    pub(crate) fn wanted_generation(&self) -> Option<Arc<Generation>> {
        let state = self.state.lock();
        let generation = state.queue.front().map_or(&state.generation, |job| &job.generation);
        (!state.is_closing).then(|| Arc::clone(generation))
    }

    pub(crate) fn replace(&self, functions: Vec<PoolFunction>) {
        let mut state = self.state.lock();
        if state.generation.functions != functions {
            state.generation = Arc::new(Generation::new(functions));
            drop(state);
            self.work.notify_all();
        }
    }

    /// Notes what is known of a slot. If no slot can take calls, those that wait learn why.
    pub(crate) fn set_health(&self, slot: usize, health: Health) {
        let mut state = self.state.lock();
        if let Some(slot) = state.slots.get_mut(slot) {
            slot.health = health;
        }
        if let Err(reason) = state.usable() {
            for job in state.queue.drain(..) {
                job.reply.send(Err(reason.clone()));
            }
        }
        drop(state);
        self.changed.send_replace(());
    }

    /// Lets [`Self::close`] end what a slot waits for. Whether it goes on.
    pub(crate) fn set_stopper(&self, slot: usize, stopper: Option<Stopper>) -> bool {
        let mut state = self.state.lock();
        if let Some(slot) = state.slots.get_mut(slot) {
            slot.stopper = stopper;
        }
        !state.is_closing
    }

    /// Waits, but not longer than the pool is open.
    pub(crate) fn pause(&self, time: Duration) {
        let mut state = self.state.lock();
        let deadline = Instant::now() + time;
        while !state.is_closing {
            if self.pause.wait_until(&mut state, deadline).timed_out() {
                return;
            }
        }
    }

    /// Wakes slots whose worker may be gone.
    pub(crate) fn wake(&self) {
        // Under the lock, so that no slot is between its look and its wait.
        drop(self.state.lock());
        self.work.notify_all();
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.state.lock().is_closing
    }

    pub(crate) fn close(&self) {
        let mut state = self.state.lock();
        state.is_closing = true;
        for stopper in state.slots.iter().filter_map(|slot| slot.stopper.as_ref()) {
            stopper.stop();
        }
        for job in state.queue.drain(..) {
            job.reply.send(Err(CallError::NotStarted(ENDING.to_owned())));
        }
        drop(state);
        self.work.notify_all();
        self.pause.notify_all();
        self.changed.send_replace(());
    }

    /// Waits until a worker takes calls, or none can be started.
    pub(crate) async fn started(&self) -> Result<(), CallError> {
        let mut changes = self.changed.subscribe();
        loop {
            {
                let state = self.state.lock();
                state.usable()?;
                if state.slots.iter().any(|slot| slot.health == Health::Up) {
                    return Ok(());
                }
            }
            if changes.changed().await.is_err() {
                return Err(CallError::NotStarted(ENDING.to_owned()));
            }
        }
    }
}

impl State {
    /// Whether calls may wait.
    fn usable(&self) -> Result<(), CallError> {
        if self.is_closing {
            return Err(CallError::NotStarted(ENDING.to_owned()));
        }
        let mut reason = "the settings allow none: serving.python.workers is how many";
        for slot in &self.slots {
            match &slot.health {
                Health::Failed(why) => reason = why,
                Health::Starting | Health::Up => return Ok(()),
            }
        }
        Err(CallError::NotStarted(reason.to_owned()))
    }
}
