//! Frames on the socket to a worker, with deadlines.
//!
//! Owns reading and writing. Must not know what is in a frame. Frames of the worker are not trusted: its functions may have found the
//! socket and written to it.

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// Bytes of a read. Usual answers come with one.
const CHUNK: usize = 64 * 1024;

/// The server's end of the socket to one worker.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: UnixStream,
    max_frame: usize,
    buffer: Vec<u8>,
}

/// Why a worker has not answered.
#[derive(Debug)]
pub(crate) enum Lost {
    /// The deadline has passed.
    TimedOut,
    /// The other end is closed.
    Ended,
    /// It has sent something that is not a frame.
    Garbage(String),
}

impl Connection {
    pub(crate) fn new(stream: UnixStream, max_frame: usize) -> Self {
        Self {
            stream,
            max_frame,
            buffer: vec![0; CHUNK],
        }
    }

    /// Sends bytes and reads the next frame, without its length.
    pub(crate) fn exchange(&mut self, bytes: &[u8], deadline: Instant) -> Result<Vec<u8>, Lost> {
        self.send(bytes, deadline)?;
        self.receive(deadline)
    }

    /// Sends bytes that need no answer.
    pub(crate) fn send(&mut self, mut bytes: &[u8], deadline: Instant) -> Result<(), Lost> {
        // A worker that waits for a request reads it at once. Only what does not fit into the socket's buffer can wait.
        while !bytes.is_empty() {
            let left = left_until(deadline)?;
            self.stream.set_write_timeout(Some(left)).map_err(|_| Lost::Ended)?;
            match self.stream.write(bytes) {
                Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
                Err(problem) => retry(problem.kind())?,
            }
        }
        Ok(())
    }

    fn receive(&mut self, deadline: Instant) -> Result<Vec<u8>, Lost> {
        let mut frame = Vec::new();
        loop {
            if let Some(length) = self.length(&frame)? {
                match frame.len().cmp(&(length + 4)) {
                    std::cmp::Ordering::Less => {}
                    std::cmp::Ordering::Equal => {
                        frame.drain(..4);
                        return Ok(frame);
                    }
                    std::cmp::Ordering::Greater => return Err(Lost::Garbage("more than one answer".to_owned())),
                }
            }
            let left = left_until(deadline)?;
            self.stream.set_read_timeout(Some(left)).map_err(|_| Lost::Ended)?;
            match self.stream.read(&mut self.buffer) {
                Ok(0) => return Err(Lost::Ended),
                Ok(count) => frame.extend_from_slice(self.buffer.get(..count).unwrap_or_default()),
                Err(problem) => retry(problem.kind())?,
            }
        }
    }

    /// The length of a frame of which these are the first bytes, as soon as they say it.
    fn length(&self, frame: &[u8]) -> Result<Option<usize>, Lost> {
        let Some(prefix) = frame.first_chunk::<4>() else {
            return Ok(None);
        };
        match usize::try_from(u32::from_ne_bytes(*prefix)) {
            Ok(length) if length <= self.max_frame => Ok(Some(length)),
            _ => Err(Lost::Garbage("an answer that is too long".to_owned())),
        }
    }

    /// Something that ends all reads and writes of it, also from another thread.
    pub(crate) fn stopper(&self) -> std::io::Result<Stopper> {
        Ok(Stopper(self.stream.try_clone()?))
    }
}

/// See [`Connection::stopper`].
#[derive(Debug)]
pub(crate) struct Stopper(UnixStream);

impl Stopper {
    pub(crate) fn stop(&self) {
        // Without a connection there is nothing to stop.
        drop(self.0.shutdown(Shutdown::Both));
    }
}

fn left_until(deadline: Instant) -> Result<Duration, Lost> {
    let left = deadline.saturating_duration_since(Instant::now());
    match left.is_zero() {
        true => Err(Lost::TimedOut),
        false => Ok(left),
    }
}

fn retry(kind: ErrorKind) -> Result<(), Lost> {
    match kind {
        // A timeout of the socket is told as WouldBlock; the deadline says whether it was the last one.
        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted => Ok(()),
        _ => Err(Lost::Ended),
    }
}
