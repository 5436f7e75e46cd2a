use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::time::{Duration, timeout};

use super::*;

/// A driver, and the server's end of its stream.
struct Driven {
    requests: mpsc::Sender<Exchange>,
    server: DuplexStream,
    end: Arc<OnceLock<Reason>>,
    memory: Arc<ReplyMemory>,
}

type Answer = oneshot::Receiver<Result<Replies, Reason>>;

impl Driven {
    fn new(limit: usize) -> Self {
        let (stream, server) = duplex(1 << 20);
        let (requests, receiver) = mpsc::channel(MAX_WAITING);
        let (end, memory) = (Arc::new(OnceLock::new()), ReplyMemory::new(limit));
        tokio::spawn(drive(stream, receiver, Arc::clone(&memory), Arc::clone(&end)));
        Self {
            requests,
            server,
            end,
            memory,
        }
    }

    async fn send(&self, command: &[u8], count: usize) -> Answer {
        let (sender, answer) = oneshot::channel();
        let exchange = Exchange {
            commands: command.to_vec(),
            count,
            sender,
        };
        assert!(self.requests.send(exchange).await.is_ok());
        answer
    }

    /// What the server reads.
    async fn reads(&mut self, expected: &[u8]) {
        let mut bytes = vec![0; expected.len()];
        self.server.read_exact(&mut bytes).await.unwrap();
        assert_eq!(bytes, expected);
    }

    async fn replies(&mut self, bytes: &[u8]) {
        self.server.write_all(bytes).await.unwrap();
    }

    /// Why the connection has ended.
    async fn reason(self) -> String {
        timeout(Duration::from_secs(5), self.requests.closed()).await.unwrap();
        format!("{:?}", self.end.get().unwrap())
    }
}

async fn numbers(answer: Answer) -> Vec<Option<i64>> {
    let replies = answer.await.unwrap().unwrap();
    replies.iter().map(Reply::integer).collect()
}

#[tokio::test]
async fn replies_go_to_those_who_sent_the_commands() {
    let mut driven = Driven::new(1 << 20);
    let (first, second) = (driven.send(b"one two;", 2).await, driven.send(b"three;", 1).await);
    driven.reads(b"one two;three;").await;
    driven.replies(b":1\r\n:").await;
    driven.replies(b"2\r\n:3\r").await;
    assert_eq!(numbers(first).await, [Some(1), Some(2)]);
    driven.replies(b"\n").await;
    assert_eq!(numbers(second).await, [Some(3)]);
    // Whoever has given up still has its replies read.
    drop(driven.send(b"four;", 1).await);
    let fifth = driven.send(b"five;", 1).await;
    let mut sent = vec![0; 10];
    let count = driven.server.read(&mut sent).await.unwrap();
    let replies: &[u8] = match &sent[..count] {
        // It had given up before it was written.
        b"five;" => b":5\r\n",
        _ => b":4\r\n:5\r\n",
    };
    driven.replies(replies).await;
    assert_eq!(numbers(fifth).await, [Some(5)]);
}

#[tokio::test]
async fn replies_that_are_too_large_are_passed_over() {
    let mut driven = Driven::new(1_000);
    let (large, list, small) = (
        driven.send(b"a;", 1).await,
        driven.send(b"b;", 3).await,
        driven.send(b"c;", 1).await,
    );
    driven.reads(b"a;b;c;").await;
    let string = |length: usize| {
        [
            format!("${length}\r\n").into_bytes(),
            vec![b'x'; length],
            b"\r\n".to_vec(),
        ]
        .concat()
    };
    // One reply, and several together.
    let replies = [string(2_000), string(400), string(400), string(400), b":7\r\n".to_vec()].concat();
    for piece in replies.chunks(33) {
        driven.replies(piece).await;
        tokio::task::yield_now().await;
    }
    assert!(matches!(large.await.unwrap(), Err(Reason::TooLarge(1_000))));
    assert!(matches!(list.await.unwrap(), Err(Reason::TooLarge(1_000))));
    assert_eq!(numbers(small).await, [Some(7)]);
    // Nothing counts any more.
    assert_eq!(driven.memory.used(), 0);
    // What is too large is not the last of its list.
    let hash = driven.send(b"h;", 1).await;
    driven.reads(b"h;").await;
    let reply = [b"*3\r\n".to_vec(), string(300), string(2_000), string(300)].concat();
    for piece in reply.chunks(700) {
        driven.replies(piece).await;
        tokio::task::yield_now().await;
    }
    assert!(matches!(hash.await.unwrap(), Err(Reason::TooLarge(1_000))));
    let small = driven.send(b"c;", 1).await;
    driven.reads(b"c;").await;
    driven.replies(b":7\r\n").await;
    assert_eq!(numbers(small).await, [Some(7)]);
    assert_eq!(driven.memory.used(), 0);
    let held = driven.send(b"d;", 1).await;
    driven.reads(b"d;").await;
    driven.replies(&string(900)).await;
    let held = held.await.unwrap().unwrap();
    let refused = driven.send(b"e;", 1).await;
    driven.reads(b"e;").await;
    driven.replies(&string(900)).await;
    assert!(matches!(refused.await.unwrap(), Err(Reason::TooLarge(_))));
    drop(held);
    assert_eq!(driven.memory.used(), 0);
}

#[tokio::test]
async fn what_nobody_asked_for_ends_the_connection() {
    let mut driven = Driven::new(1_000);
    driven.replies(b"-ERR max number of clients reached\r\n").await;
    assert!(driven.reason().await.contains("max number of clients"));
    let mut driven = Driven::new(1_000);
    driven.replies(b"+OK\r\n").await;
    assert!(driven.reason().await.contains("nobody has asked for"));
    let mut driven = Driven::new(1_000);
    let answer = driven.send(b"a;", 1).await;
    driven.reads(b"a;").await;
    driven.replies(b"HTTP/1.1 400 Bad Request\r\n").await;
    assert!(answer.await.is_err());
    assert!(driven.reason().await.starts_with("Protocol"));
    let mut driven = Driven::new(1_000);
    let answer = driven.send(b"a;", 2).await;
    driven.reads(b"a;").await;
    driven.replies(b"+OK\r\n$5\r\nab").await;
    drop(std::mem::replace(&mut driven.server, duplex(1).0));
    assert!(answer.await.is_err());
    assert_eq!(driven.reason().await, "Closed");
}
