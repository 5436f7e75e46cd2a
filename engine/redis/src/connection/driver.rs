//! Writes commands to a stream and hands out the replies: one task for each connection.
//!
//! Redis answers in order, so the first replies belong to whoever sent first. A reply of which nobody knows the command would shift all
//! later ones, so it ends the connection.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::sync::{mpsc, oneshot};

use super::replies::{Held, Replies, ReplyMemory};
use super::reply::{Malformed, Reply, ReplyScanner};
use super::trouble::Reason;

/// Requests that wait to be written, beyond those in the pieces below.
pub(super) const MAX_WAITING: usize = 64;
/// No request is taken while more than this waits to be written, so that senders wait for a server that reads slowly.
const MAX_UNWRITTEN: usize = 256 << 10;
/// Room for what is read at once.
const READ_BYTES: usize = 64 << 10;
const MIN_READ_BYTES: usize = 8 << 10;

/// Commands of one sender, and where their replies go.
pub(super) struct Exchange {
    pub(super) commands: Vec<u8>,
    /// How many replies there will be, at least one.
    pub(super) count: usize,
    pub(super) sender: oneshot::Sender<Result<Replies, Reason>>,
}

/// An exchange whose replies are coming.
struct Pending {
    /// `None` once the sender was told that they are too large: what is left of them is passed over.
    sender: Option<oneshot::Sender<Result<Replies, Reason>>>,
    missing: usize,
    replies: Vec<Reply>,
    held: Held,
}

/// Runs until the stream ends, or every sender of requests is gone. Says in `end` why, before the last senders hear of it.
pub(super) async fn drive<S: AsyncRead + AsyncWrite>(
    stream: S,
    requests: mpsc::Receiver<Exchange>,
    memory: Arc<ReplyMemory>,
    end: Arc<OnceLock<Reason>>,
) {
    let (reader, writer) = split(stream);
    let mut driver = Driver {
        reader,
        writer,
        requests,
        unwritten: Vec::new(),
        written: 0,
        received: BytesMut::new(),
        scanner: ReplyScanner::default(),
        pending: VecDeque::new(),
        memory,
    };
    let reason = driver.run().await;
    let _ = end.set(reason);
}

struct Driver<S> {
    reader: ReadHalf<S>,
    writer: WriteHalf<S>,
    requests: mpsc::Receiver<Exchange>,
    /// Commands, of which the first bytes are written.
    unwritten: Vec<u8>,
    written: usize,
    /// What has come since the last whole reply.
    received: BytesMut,
    scanner: ReplyScanner,
    pending: VecDeque<Pending>,
    memory: Arc<ReplyMemory>,
}

impl<S: AsyncRead + AsyncWrite> Driver<S> {
    async fn run(&mut self) -> Reason {
        loop {
            if self.received.capacity() - self.received.len() < MIN_READ_BYTES {
                self.received.reserve(READ_BYTES);
            }
            let waits = self.unwritten.len() - self.written;
            tokio::select! {
                biased;
                written = self.writer.write(&self.unwritten[self.written..]), if waits > 0 => match written {
                    Ok(0) | Err(_) => return Reason::Closed,
                    Ok(bytes) => {
                        self.written += bytes;
                        if self.written == self.unwritten.len() {
                            self.unwritten.clear();
                            self.written = 0;
                            // TLS holds back what does not fill a record.
                            if self.writer.flush().await.is_err() {
                                return Reason::Closed;
                            }
                        }
                    }
                },
                read = self.reader.read_buf(&mut self.received) => match read {
                    Ok(0) | Err(_) => return Reason::Closed,
                    Ok(_) => if let Err(reason) = self.hand_out() {
                        return reason;
                    },
                },
                request = self.requests.recv(), if waits < MAX_UNWRITTEN => match request {
                    Some(request) => {
                        self.take(request);
                        while self.unwritten.len() - self.written < MAX_UNWRITTEN
                            && let Ok(request) = self.requests.try_recv()
                        {
                            self.take(request);
                        }
                    }
                    None => return Reason::Closed,
                },
            }
        }
    }

    fn take(&mut self, request: Exchange) {
        // Its time was over before anything was written.
        if request.sender.is_closed() {
            return;
        }
        if self.unwritten.is_empty() {
            self.unwritten = request.commands;
        } else {
            self.unwritten.extend_from_slice(&request.commands);
        }
        self.pending.push_back(Pending {
            sender: Some(request.sender),
            missing: request.count,
            replies: Vec::with_capacity(request.count),
            held: Held::default(),
        });
    }

    /// Hands out the replies that are there.
    fn hand_out(&mut self) -> Result<(), Reason> {
        while !self.received.is_empty() {
            let end = self.scanner.end(&self.received);
            let end = end.map_err(|Malformed(problem)| Reason::Protocol(problem.to_owned()))?;
            let Some(pending) = self.pending.front_mut() else {
                return match end {
                    Some(end) => Err(unrequested(&Reply::new(self.received.split_to(end).freeze()))),
                    None => Ok(()),
                };
            };
            pending.expect(end.unwrap_or_else(|| self.scanner.seen()), &self.memory);
            let Some(end) = end else {
                if pending.sender.is_none() {
                    let passed = self.scanner.pass(self.received.len());
                    drop(self.received.split_to(passed));
                }
                return Ok(());
            };
            let reply = self.received.split_to(end);
            pending.push(reply);
            if pending.missing == 0
                && let Some(pending) = self.pending.pop_front()
            {
                pending.complete();
            }
        }
        Ok(())
    }
}

impl Pending {
    /// The reply that comes has so many bytes at least.
    fn expect(&mut self, bytes: usize, memory: &Arc<ReplyMemory>) {
        let Some(sender) = &self.sender else { return };
        let is_given_up = sender.is_closed();
        if !is_given_up && self.held.hold(memory, bytes) {
            return;
        }
        self.replies = Vec::new();
        self.held = Held::default();
        if let Some(sender) = self.sender.take() {
            let _ = sender.send(Err(Reason::TooLarge(memory.limit())));
        }
    }

    fn push(&mut self, reply: BytesMut) {
        self.missing -= 1;
        if self.sender.is_some() {
            self.held.keep();
            self.replies.push(Reply::new(reply.freeze()));
        }
    }

    fn complete(self) {
        if let Some(sender) = self.sender {
            // The sender may have given up meanwhile.
            let _ = sender.send(Ok(Replies::new(self.replies, self.held)));
        }
    }
}

/// Why a connection ends on which a reply comes that nobody waits for: a server that has enough clients says so before it closes it.
fn unrequested(reply: &Reply) -> Reason {
    match reply.error() {
        Some(error) => Reason::refusal(error.code(), error.details()),
        None => Reason::Protocol("it sends what nobody has asked for".to_owned()),
    }
}

#[cfg(test)]
mod tests;
