//! Looks at the registry's file from one thread of its own: a file system that does not answer stops that thread, and nobody else for
//! longer than they want to wait.
//!
//! A look that has begun before a caller came may have missed what was written just before that, so callers wait for the next one; those
//! who come meanwhile share it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use feast_files::is_on_local_disk;
use feast_model::error::{Error, ErrorKind, Result, path as error_path};
use feast_registry::{RegistryFile, Snapshot, Stamp};
use parking_lot::{Condvar, Mutex};

/// A look takes some microseconds. After so long the file system hangs, and callers who want to wait for less do not wait at all.
const SLOW_LOOK: Duration = Duration::from_secs(1);

/// What a look has found.
#[derive(Clone)]
pub(super) struct Look {
    /// `None` when there is no file.
    pub(super) stamp: Option<Stamp>,
    /// What the file holds, unless that was known.
    pub(super) loaded: Option<std::result::Result<Snapshot, Arc<Error>>>,
    /// Whoever looks at its state does not wait for a network.
    pub(super) is_local: bool,
}

/// The thread, and those who wait for it.
pub(super) struct RegistryLooks {
    place: RegistryFile,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// A look is wanted, or the thread is to end.
    wanted: Condvar,
    /// A look is done.
    done: Condvar,
}

#[derive(Default)]
struct State {
    is_started: bool,
    is_ended: bool,
    /// Numbers of looks, counted from 1.
    last_wanted: u64,
    last_begun: u64,
    last_done: u64,
    begun_at: Option<Instant>,
    /// States that need not be read.
    known: Vec<Stamp>,
    found: Option<Look>,
}

impl RegistryLooks {
    /// The thread is started by the first look.
    pub(super) fn new(place: RegistryFile) -> Self {
        Self {
            place,
            shared: Arc::default(),
        }
    }

    /// What the file is now. It is read unless it is in a state that is `known`.
    ///
    /// # Errors
    /// `Unavailable` when the file system does not answer within `patience`.
    pub(super) fn look(&self, known: Vec<Stamp>, patience: Duration) -> Result<Look> {
        // A time that is too far away for the clock is for ever.
        let deadline = Instant::now().checked_add(patience);
        let mut state = self.shared.state.lock();
        if !state.is_started {
            self.start()?;
            state.is_started = true;
        }
        if patience < SLOW_LOOK && state.begun_at.is_some_and(|begun| begun.elapsed() > SLOW_LOOK) {
            return Err(self.no_answer(patience));
        }
        let number = state.last_begun + 1;
        if state.last_wanted == number {
            // Only what all who share the look know is not read.
            state.known.retain(|stamp| known.contains(stamp));
        } else {
            state.last_wanted = number;
            state.known = known;
        }
        self.shared.wanted.notify_one();
        while state.last_done < number {
            let Some(deadline) = deadline else {
                self.shared.done.wait(&mut state);
                continue;
            };
            if self.shared.done.wait_until(&mut state, deadline).timed_out() && state.last_done < number {
                return Err(self.no_answer(patience));
            }
        }
        let found = state.found.clone();
        found.ok_or_else(|| Error::internal("a look at the registry has found nothing"))
    }

    fn start(&self) -> Result<()> {
        let (place, shared) = (self.place.clone(), Arc::clone(&self.shared));
        let started = std::thread::Builder::new()
            .name("registry".to_owned())
            .spawn(move || shared.run(&place));
        started.map(drop).map_err(|source| {
            Error::new(
                ErrorKind::Unavailable,
                format!("no thread can be started to read the registry: {source}"),
            )
        })
    }

    /// What there is to say when nothing was found within `patience`.
    pub(super) fn no_answer(&self, patience: Duration) -> Error {
        let message = format!(
            "the registry {} could not be read within {} s: its file system does not answer",
            error_path(self.place.path()),
            patience.as_secs_f64()
        );
        Error::new(ErrorKind::Unavailable, message).with_hint("look at the file system that it is on")
    }
}

impl Drop for RegistryLooks {
    /// A thread that hangs is left to the end of the process.
    fn drop(&mut self) {
        self.shared.state.lock().is_ended = true;
        self.shared.wanted.notify_one();
    }
}

impl Shared {
    fn run(&self, place: &RegistryFile) {
        let mut state = self.state.lock();
        loop {
            if state.is_ended {
                return;
            }
            if state.last_wanted <= state.last_begun {
                self.wanted.wait(&mut state);
                continue;
            }
            state.last_begun += 1;
            state.begun_at = Some(Instant::now());
            let known = std::mem::take(&mut state.known);
            drop(state);
            let found = look(place, &known);
            state = self.state.lock();
            state.last_done = state.last_begun;
            state.begun_at = None;
            state.found = Some(found);
            self.done.notify_all();
        }
    }
}

fn look(place: &RegistryFile, known: &[Stamp]) -> Look {
    let stamp = place.stamp();
    let is_known = stamp.is_some_and(|stamp| known.contains(&stamp));
    Look {
        stamp,
        loaded: (!is_known).then(|| place.load().map_err(Arc::new)),
        is_local: is_on_local_disk(place.path()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;
    use std::process::Command;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);
    const BRIEFLY: Duration = Duration::from_millis(50);

    #[test]
    fn a_file_is_read_if_its_state_is_not_known() {
        let directory = tempfile::tempdir().unwrap();
        let place = RegistryFile::new(&directory.path().join("registry.db"), "shop");
        let looks = RegistryLooks::new(place);
        let missing = looks.look(Vec::new(), PATIENCE).unwrap();
        assert!(missing.stamp.is_none() && missing.loaded.unwrap().is_ok());
        std::fs::write(directory.path().join("registry.db"), b"").unwrap();
        let found = looks.look(Vec::new(), PATIENCE).unwrap();
        assert!(found.loaded.is_some());
        let again = looks.look(found.stamp.into_iter().collect(), PATIENCE).unwrap();
        assert!(again.stamp == found.stamp && again.loaded.is_none());
        std::fs::write(directory.path().join("registry.db"), b"no registry").unwrap();
        let damaged = looks.look(found.stamp.into_iter().collect(), PATIENCE).unwrap();
        assert_eq!(damaged.loaded.unwrap().err().unwrap().kind(), ErrorKind::Data);
    }

    /// Opening a FIFO waits until another process opens its other end.
    #[test]
    fn nobody_waits_for_ever_for_a_file_system_that_does_not_answer() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("registry.db");
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        let looks = RegistryLooks::new(RegistryFile::new(&path, "shop"));
        let refused = looks.look(Vec::new(), BRIEFLY).err().unwrap();
        assert_eq!(refused.kind(), ErrorKind::Unavailable);
        assert_eq!(
            refused.public_message(),
            "the registry registry.db could not be read within 0.05 s: its file system does not answer"
        );
        std::thread::sleep(SLOW_LOOK);
        let start = Instant::now();
        let impatient = looks.look(Vec::new(), Duration::from_millis(900));
        assert!(impatient.is_err() && start.elapsed() < Duration::from_millis(800));
        std::thread::scope(|scope| {
            let patient: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| looks.look(Vec::new(), PATIENCE)))
                .collect();
            std::thread::sleep(BRIEFLY);
            std::fs::rename(&path, directory.path().join("other")).unwrap();
            // Lets the thread go on.
            drop(
                OpenOptions::new()
                    .write(true)
                    .open(directory.path().join("other"))
                    .unwrap(),
            );
            for look in patient {
                assert!(
                    look.join().unwrap().unwrap().stamp.is_none(),
                    "they saw the file that is there since"
                );
            }
        });
    }
}
