//! A bounded number of workers, as callers use them.
//!
//! Owns the slots' threads. Columns are encoded and decoded by the callers, so that a slot only moves bytes. Must not know processes.

use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread::{self, JoinHandle};

use arrow::array::ArrayRef;
use feast_functions::{Input, Output};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::counters::{Snapshot, add};
use crate::error::CallError;
use crate::messages::Request;
use crate::queue::{Health, Reply, Shared};
use crate::settings::{PoolFunction, Settings};
use crate::slot;

/// Processes of the user's Python. Dropping it ends them all and waits for their end, some milliseconds.
#[derive(Debug)]
pub struct Pool {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

type Columns = Vec<(usize, ArrayRef)>;

impl Pool {
    /// Starts workers that load these functions. It does not wait for them: calls do. What keeps them from starting is told by calls
    /// and by [`Self::started`], and logged.
    pub fn start(settings: Settings, functions: Vec<PoolFunction>) -> Self {
        let workers = settings.workers;
        let shared = Arc::new(Shared::new(settings, functions));
        let mut threads = Vec::with_capacity(workers);
        for number in 0..workers {
            let theirs = Arc::clone(&shared);
            let thread = thread::Builder::new().name(format!("python-{number}"));
            match thread.spawn(move || slot::run(&theirs, number)) {
                Ok(thread) => threads.push(thread),
                Err(problem) => {
                    shared.set_health(number, Health::Failed(format!("there is no thread for it: {problem}")))
                }
            }
        }
        Self {
            shared,
            threads: Mutex::new(threads),
        }
    }

    /// Waits until a worker takes calls.
    ///
    /// # Errors
    /// [`CallError::NotStarted`] if none can be started.
    pub async fn started(&self) -> Result<(), CallError> {
        self.shared.started().await
    }

    /// The views whose functions could not be loaded, and why. Known once [`Self::started`] is.
    pub fn refusals(&self) -> Vec<(String, String)> {
        let generation = self.shared.generation();
        let refusal =
            |(number, function): (usize, &PoolFunction)| Some((function.view.clone(), generation.refusal(number)?));
        generation.functions.iter().enumerate().filter_map(refusal).collect()
    }

    /// Runs the function of a view over `rows` rows: for each wanted output its number and an array of so many values, in the order in
    /// which the function gives them. If the future is dropped, a call that waits is left out, and one that runs is run to its end.
    ///
    /// # Errors
    /// What the function raises, and each way in which it cannot be run.
    pub async fn call(
        &self,
        view: &str,
        inputs: &[Input<'_>],
        outputs: &[Output<'_>],
        rows: usize,
    ) -> Result<Columns, CallError> {
        let (reply, answer) = oneshot::channel();
        self.enqueue(view, inputs, outputs, rows, Reply::Task(reply))?;
        match answer.await {
            Ok(answer) => answer?.columns(outputs, rows),
            Err(_) => Err(ended()),
        }
    }

    /// As [`Self::call`], on a thread that may wait.
    ///
    /// # Errors
    /// As [`Self::call`].
    pub fn call_blocking(
        &self,
        view: &str,
        inputs: &[Input<'_>],
        outputs: &[Output<'_>],
        rows: usize,
    ) -> Result<Columns, CallError> {
        let (reply, answer) = sync_channel(1);
        self.enqueue(view, inputs, outputs, rows, Reply::Thread(reply))?;
        match answer.recv() {
            Ok(answer) => answer?.columns(outputs, rows),
            Err(_) => Err(ended()),
        }
    }

    /// Has workers load other functions. Calls that came before get the old ones. Without a change of them nothing is done; otherwise
    /// each worker is started anew as soon as no earlier call waits, and calls wait meanwhile: 50 ms, with pandas some 700.
    pub fn replace(&self, functions: Vec<PoolFunction>) {
        self.shared.replace(functions);
    }

    /// What it has done.
    pub fn counters(&self) -> Snapshot {
        self.shared.counters.snapshot()
    }

    /// Ends all workers, and waits for their end. Calls that wait or run are [`CallError::NotStarted`].
    pub fn close(&self) {
        self.shared.close();
        let threads = std::mem::take(&mut *self.threads.lock());
        for thread in threads {
            // A slot does not panic; if one did, its process was ended by that.
            drop(thread.join());
        }
    }

    fn enqueue(
        &self,
        view: &str,
        inputs: &[Input<'_>],
        outputs: &[Output<'_>],
        rows: usize,
        reply: Reply,
    ) -> Result<(), CallError> {
        add(&self.shared.counters.calls);
        let unknown = || CallError::NotLoaded(format!("the workers have no function of {view}"));
        let mut reply = Some(reply);
        while let Some(unsent) = reply {
            let generation = self.shared.generation();
            let number = generation.number(view).ok_or_else(unknown)?;
            let mode = generation.functions.get(number).ok_or_else(unknown)?.mode;
            let mut request = Request::call(mode, inputs, outputs, rows, self.shared.settings.max_frame)?;
            request.set_view(u32::try_from(number).map_err(|_| unknown())?);
            reply = self.shared.enqueue(generation, number, request, unsent)?;
        }
        Ok(())
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.close();
    }
}

fn ended() -> CallError {
    CallError::NotStarted("the pool has ended".to_owned())
}
