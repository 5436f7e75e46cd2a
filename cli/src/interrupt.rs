//! Ctrl-C and SIGTERM during a command that can end early: the first asks it to, the second ends the process at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::signal::unix::{SignalKind, signal};

use crate::output::Failure;

/// What a shell calls the end of a process by Ctrl-C.
const EXIT_CODE: i32 = 130;

/// Whether the command should end.
pub(crate) struct Interrupt {
    is_set: Arc<AtomicBool>,
}

impl Interrupt {
    /// Listens for signals from now on, for the rest of the process.
    pub(crate) fn listen() -> Result<Self, Failure> {
        let failed = |problem: std::io::Error| Failure::new(format!("cannot listen for signals: {problem}"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
        let runtime = runtime.map_err(failed)?;
        let (mut interrupt, mut terminate) = {
            let _in_runtime = runtime.enter();
            let interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
            (interrupt, signal(SignalKind::terminate()).map_err(failed)?)
        };
        let is_set = Arc::new(AtomicBool::new(false));
        let first = Arc::clone(&is_set);
        let wait = move || {
            runtime.block_on(async {
                loop {
                    tokio::select! {
                        _ = interrupt.recv() => {}
                        _ = terminate.recv() => {}
                    }
                    if first.swap(true, Ordering::SeqCst) {
                        // The stores are made for processes that end anywhere.
                        std::process::exit(EXIT_CODE);
                    }
                }
            });
        };
        let thread = std::thread::Builder::new().name("feast-signals".to_owned());
        thread.spawn(wait).map_err(failed)?;
        Ok(Self { is_set })
    }

    pub(crate) fn is_set(&self) -> bool {
        self.is_set.load(Ordering::SeqCst)
    }
}
