//! The one writer of an audit log: a thread that appends what all others leave in a buffer.
//!
//! A request waits for it only where it asks to ([`Writer::on_disk`]). What cannot be written stays and is tried again. What does not
//! fit into the buffer meanwhile is lost: it is counted, and the log has a line about it where those lines would be.

use std::sync::Arc;
use std::time::{Duration, Instant};

use feast_engine::{Error, ErrorKind};
use parking_lot::{Condvar, Mutex};
use tokio::sync::watch;

use super::line;
use super::target::Target;

/// The most bytes that wait, in addition to as many that are being written: some 10,000 lines.
const MAX_PENDING_BYTES: usize = 4 << 20;
/// With more waiting than this, writes are refused. The other half is for the lines about those refusals.
const FULL_BYTES: usize = MAX_PENDING_BYTES / 2;
/// From here on the buffer is emptied at once.
const WAKE_BYTES: usize = MAX_PENDING_BYTES / 16;
/// Lines that come within this time are written together, unless somebody waits: to wake the thread for each costs a busy server.
const BATCH_INTERVAL: Duration = Duration::from_millis(2);
/// From a write that failed to the next try.
const RETRY_INTERVAL: Duration = Duration::from_millis(500);
/// How long a request waits for its line: a disk that hangs for longer is not one that lines are on.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) struct Writer(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    /// There is something to do.
    filled: Condvar,
    /// The thread has ended.
    ended: Condvar,
    progress: watch::Sender<Progress>,
}

#[derive(Default)]
struct State {
    pending: Vec<u8>,
    /// How many lines were ever taken.
    taken: u64,
    /// Somebody waits for one of them.
    is_awaited: bool,
    /// The file may be another one.
    reopens: bool,
    /// Lines that were lost since the log has said so, and ever.
    lost: u64,
    lost_ever: u64,
    /// Why nothing can be written, and why the file at the path is not used.
    trouble: Option<Arc<Error>>,
    /// When the thread began to write what it is writing.
    busy_since: Option<Instant>,
    stops: bool,
    has_ended: bool,
}

impl State {
    /// Whether a write does not come back: a disk on a network whose other end is away, a pipe that nobody reads.
    fn hangs(&self) -> bool {
        self.busy_since.is_some_and(|since| since.elapsed() > PATIENCE)
    }
}

/// What is on disk.
#[derive(Debug, Clone, Copy, Default)]
struct Progress {
    /// So many of the lines that were taken.
    lines: u64,
    is_failing: bool,
}

/// A line by its number among all that were taken.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ticket(u64);

impl Writer {
    /// Starts the thread.
    ///
    /// # Errors
    /// `Unavailable` when there can be no more threads.
    pub(super) fn start(target: Target) -> Result<Self, Error> {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            filled: Condvar::new(),
            ended: Condvar::new(),
            progress: watch::Sender::new(Progress::default()),
        });
        let thread = Thread {
            shared: Arc::clone(&shared),
            target,
            lines: Vec::new(),
            end: 0,
            syncs: false,
            reopens: false,
        };
        std::thread::Builder::new()
            .name("feast-audit".to_owned())
            .spawn(move || thread.run())
            .map_err(|source| Error::new(ErrorKind::Unavailable, format!("no thread can be started: {source}")))?;
        Ok(Self(shared))
    }

    /// Leaves whole lines. `None` when they are lost.
    pub(super) fn push(&self, lines: &[u8], is_awaited: bool) -> Option<Ticket> {
        let count = lines.iter().filter(|byte| **byte == b'\n').count();
        let mut state = self.0.state.lock();
        if state.stops || state.pending.len() + lines.len() > MAX_PENDING_BYTES {
            let is_first = state.lost == 0;
            state.lost += count as u64;
            state.lost_ever += count as u64;
            drop(state);
            if is_first {
                tracing::error!("lines of the audit log are lost, as they are not written as fast as they come");
            }
            return None;
        }
        let before = state.pending.len();
        state.pending.extend_from_slice(lines);
        let after = state.pending.len();
        state.taken += count as u64;
        state.is_awaited |= is_awaited;
        let ticket = Ticket(state.taken);
        drop(state);
        if before == 0 || is_awaited || (before < WAKE_BYTES && after >= WAKE_BYTES) {
            self.0.filled.notify_one();
        }
        Some(ticket)
    }

    /// Whether a line that is left now can be expected to be on disk soon.
    ///
    /// # Errors
    /// `Unavailable`, as long as nothing can be written.
    pub(super) fn check(&self) -> Result<(), Error> {
        let state = self.0.state.lock();
        match &state.trouble {
            Some(trouble) if self.0.progress.borrow().is_failing => Err(trouble.repeated()),
            _ if state.pending.len() > FULL_BYTES || state.hangs() => Err(too_slow()),
            _ => Ok(()),
        }
    }

    /// Waits until a line that was left with `is_awaited` is on disk.
    ///
    /// # Errors
    /// `Unavailable` when it is not for now.
    pub(super) async fn on_disk(&self, ticket: Ticket) -> Result<(), Error> {
        let mut progress = self.0.progress.subscribe();
        let settled = progress.wait_for(|now| now.lines >= ticket.0 || now.is_failing);
        // What was read is let go of before the lock is taken: the thread takes both the other way round.
        let settled = tokio::time::timeout(PATIENCE, settled).await;
        let is_on_disk = settled.map(|now| now.is_ok_and(|now| now.lines >= ticket.0));
        match is_on_disk {
            Ok(true) => Ok(()),
            Ok(false) => {
                let trouble = self.0.state.lock().trouble.clone();
                Err(trouble.map_or_else(too_slow, |trouble| trouble.repeated()))
            }
            Err(_) => Err(too_slow()),
        }
    }

    /// Waits until everything that was left is on disk, or cannot be for now.
    pub(super) async fn flush(&self) {
        let last = {
            let mut state = self.0.state.lock();
            state.is_awaited |= !state.pending.is_empty();
            Ticket(state.taken)
        };
        self.0.filled.notify_one();
        // What is wrong is logged by the thread.
        let _ = self.on_disk(last).await;
    }

    /// Has the file at the path opened again.
    pub(super) fn reopen(&self) {
        self.0.state.lock().reopens = true;
        self.0.filled.notify_one();
    }

    pub(super) fn trouble(&self) -> Option<Arc<Error>> {
        let state = self.0.state.lock();
        let hangs = || (state.hangs() || state.lost > 0).then(|| Arc::new(too_slow()));
        state.trouble.clone().or_else(hangs)
    }

    /// How many lines were taken, and how many were lost.
    pub(super) fn counts(&self) -> (u64, u64) {
        let state = self.0.state.lock();
        (state.taken, state.lost_ever)
    }

    /// Takes no more lines, and waits until all are written, for so long at most.
    pub(super) fn stop(&self, patience: Duration) {
        let mut state = self.0.state.lock();
        state.stops = true;
        self.0.filled.notify_one();
        let is_at_work = |state: &mut State| !state.has_ended;
        self.0.ended.wait_while_for(&mut state, is_at_work, patience);
        let unwritten = state.taken - self.0.progress.borrow().lines;
        log_loss(unwritten + state.lost);
    }
}

pub(super) fn too_slow() -> Error {
    Error::new(
        ErrorKind::Unavailable,
        "cannot write the audit log: its disk does not take lines as fast as they come",
    )
}

fn removed() -> Error {
    let message = "cannot write the audit log: its file was removed while lines were written";
    Error::new(ErrorKind::Unavailable, message)
}

fn log_loss(lines: u64) {
    if lines > 0 {
        tracing::error!("{lines} lines of the audit log are lost, as they could not be written in time");
    }
}

/// The state of the thread that writes.
struct Thread {
    shared: Arc<Shared>,
    target: Target,
    /// What was taken and is not written.
    lines: Vec<u8>,
    /// The number of the last of them.
    end: u64,
    /// Somebody waits for one of them.
    syncs: bool,
    reopens: bool,
}

impl Thread {
    fn run(mut self) {
        let mut is_failing = false;
        loop {
            let stops = self.take(is_failing);
            let followed = self.follow_path();
            let written = match &followed {
                // What is written to a file without a name is nowhere.
                Err(trouble) if self.target.is_removed() => Err(trouble.repeated()),
                _ => self.write(),
            };
            is_failing = written.is_err();
            self.report(followed, written);
            if stops && (is_failing || self.shared.state.lock().pending.is_empty()) {
                self.shared.state.lock().has_ended = true;
                self.shared.ended.notify_all();
                return;
            }
        }
    }

    /// Waits for something to do, and takes lines, unless some of those before are left. Whether it is the last time.
    fn take(&mut self, is_failing: bool) -> bool {
        let Shared { state, filled, .. } = &*self.shared;
        let mut state = state.lock();
        let is_idle = |state: &mut State| !state.stops && !state.reopens && state.pending.is_empty();
        if is_failing || (self.reopens && state.pending.is_empty()) {
            filled.wait_while_for(&mut state, |state| !state.stops && !state.reopens, RETRY_INTERVAL);
        } else {
            filled.wait_while(&mut state, is_idle);
            let can_wait = |state: &mut State| {
                !state.stops && !state.reopens && !state.is_awaited && state.pending.len() < WAKE_BYTES
            };
            filled.wait_while_for(&mut state, can_wait, BATCH_INTERVAL);
        }
        self.reopens |= std::mem::take(&mut state.reopens);
        if self.lines.is_empty() {
            std::mem::swap(&mut state.pending, &mut self.lines);
            self.end = state.taken;
            self.syncs |= std::mem::take(&mut state.is_awaited);
            let lost = std::mem::take(&mut state.lost);
            if lost > 0 {
                line::lost(&mut self.lines, lost);
            }
            log_loss(lost);
        }
        state.busy_since = Some(Instant::now());
        state.stops
    }

    /// Goes on in the file that is at the path, if it may be another one.
    fn follow_path(&mut self) -> Result<(), Error> {
        if self.reopens || self.target.is_removed() {
            self.target.follow_path()?;
        }
        self.reopens = false;
        Ok(())
    }

    fn write(&mut self) -> Result<(), Error> {
        if !self.syncs {
            let written = self.target.append(&mut self.lines);
            return written.map_err(|source| self.target.failure(source));
        }
        // They are written again if it is not known whether they are on disk, or if the file has lost its name meanwhile: rather twice
        // than not at all.
        let mut left = self.lines.clone();
        let written = self.target.append(&mut left).and_then(|()| self.target.sync());
        match written {
            Ok(()) if self.target.is_removed() => Err(removed()),
            Ok(()) => {
                self.lines.clear();
                self.syncs = false;
                Ok(())
            }
            Err(source) => {
                if !left.is_empty() {
                    self.lines = left;
                }
                Err(self.target.failure(source))
            }
        }
    }

    /// Notes how it went, for whoever waits or asks, and logs what has changed.
    fn report(&self, followed: Result<(), Error>, written: Result<(), Error>) {
        let is_failing = written.is_err();
        let trouble = written.and(followed).err().map(Arc::new);
        // Both at once: who is told of the trouble finds that nothing is let through.
        let mut state = self.shared.state.lock();
        let former = std::mem::replace(&mut state.trouble, trouble.clone());
        state.busy_since = None;
        self.shared.progress.send_modify(|progress| {
            progress.is_failing = is_failing;
            if !is_failing {
                progress.lines = self.end;
            }
        });
        drop(state);
        match (former, trouble) {
            (None, Some(trouble)) => {
                let hint = trouble.hint().map(|hint| format!(" ({hint})")).unwrap_or_default();
                tracing::error!("{trouble}{hint}");
            }
            (Some(_), None) => tracing::info!("the audit log is written again"),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{BufRead, BufReader};

    use super::*;

    fn on_pipe() -> (Writer, std::io::PipeReader) {
        let (reader, writer) = std::io::pipe().unwrap();
        let target = Target::stdout(File::from(std::os::fd::OwnedFd::from(writer)));
        (Writer::start(target).unwrap(), reader)
    }

    #[test]
    fn lines_come_in_their_order_and_all_before_the_end() {
        let (writer, reader) = on_pipe();
        for number in 0..1000 {
            assert!(writer.push(format!("line {number}\n").as_bytes(), false).is_some());
        }
        writer.stop(PATIENCE);
        assert!(writer.push(b"late\n", false).is_none());
        assert_eq!(writer.counts(), (1000, 1));
        drop(writer);
        let lines: Vec<String> = BufReader::new(reader).lines().map(Result::unwrap).collect();
        let expected: Vec<String> = (0..1000).map(|number| format!("line {number}")).collect();
        assert_eq!(lines, expected);
    }

    #[test]
    fn lines_that_are_lost_are_counted_and_the_log_has_a_line_about_them() {
        let (writer, reader) = on_pipe();
        let long = [b"x".repeat(8191), b"\n".to_vec()].concat();
        let mut taken = 0;
        // More than the pipe and both buffers hold together.
        for _ in 0..2 * MAX_PENDING_BYTES / long.len() + 64 {
            taken += u64::from(writer.push(&long, false).is_some());
        }
        let (_, lost) = writer.counts();
        assert!(lost > 0 && writer.check().is_err());
        let read = std::thread::spawn(move || BufReader::new(reader).lines().map(Result::unwrap).collect::<Vec<_>>());
        writer.stop(PATIENCE);
        drop(writer);
        let lines = read.join().unwrap();
        let notes: Vec<&String> = lines.iter().filter(|line| line.starts_with('{')).collect();
        assert_eq!(lines.len() - notes.len(), taken as usize);
        let told = notes.iter().map(|note| {
            let note: serde_json::Value = serde_json::from_str(note).unwrap();
            let detail = note["detail"].as_str().unwrap();
            detail.split(' ').next().unwrap().parse::<u64>().unwrap()
        });
        assert_eq!(told.sum::<u64>(), lost);
    }

    #[tokio::test]
    async fn who_waits_is_told_when_a_line_is_on_disk_and_when_it_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("audit.log");
        let writer = Writer::start(Target::open(&path).unwrap()).unwrap();
        let ticket = writer.push(b"one\n", true).unwrap();
        writer.on_disk(ticket).await.unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"one\n");
        assert!(writer.check().is_ok());

        let link = directory.path().join("link");
        std::os::unix::fs::symlink("/dev/full", &link).unwrap();
        let writer = Writer::start(Target::open(&link).unwrap()).unwrap();
        let ticket = writer.push(b"two\n", true).unwrap();
        let refused = writer.on_disk(ticket).await.unwrap_err();
        assert!(
            refused.to_string().starts_with("cannot write the audit log"),
            "{refused}"
        );
        assert!(writer.check().is_err() && writer.trouble().is_some());
        // The disk has room again.
        std::fs::remove_file(&link).unwrap();
        writer.reopen();
        let ticket = writer.push(b"three\n", true).unwrap();
        let end = std::time::Instant::now() + PATIENCE;
        while writer.on_disk(ticket).await.is_err() {
            assert!(std::time::Instant::now() < end);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(std::fs::read(&link).unwrap(), b"two\nthree\n");
        assert!(writer.check().is_ok());
    }
    #[tokio::test]
    async fn a_line_in_a_file_without_a_name_is_on_no_disk() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("audit.log");
        let writer = Writer::start(Target::open(&path).unwrap()).unwrap();
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        let ticket = writer.push(b"one\n", true).unwrap();
        assert!(writer.on_disk(ticket).await.is_err());
        assert!(writer.check().is_err() && writer.trouble().is_some());

        std::fs::remove_dir(&path).unwrap();
        let end = std::time::Instant::now() + PATIENCE;
        while writer.on_disk(ticket).await.is_err() {
            assert!(std::time::Instant::now() < end);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(std::fs::read(&path).unwrap(), b"one\n");
        assert!(writer.check().is_ok());
    }
}
