//! Closed-loop load on one endpoint of a running server: how many requests it answers, and how long each takes.
//!
//! Each connection sends its next request when it has the answer to the last one. Every answer must have status 200 and
//! the length of the first one, so that a server does not look fast by failing.
#![expect(clippy::print_stdout, reason = "the figures are this program's output")]

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

type Failure = Box<dyn std::error::Error + Send + Sync>;

const USAGE: &str = "usage: feast-load HOST:PORT PATH BODY_FILE CONNECTIONS SECONDS";

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, path, body_file, connections, seconds] = arguments.as_slice() else {
        return Err(USAGE.into());
    };
    let body = std::fs::read_to_string(body_file)?;
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let connections: usize = connections.parse()?;
    let duration = Duration::from_secs_f64(seconds.parse()?);
    // One thread, so that the rest of the machine is the server's.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut latencies, elapsed) = runtime.block_on(load(address, &request, connections, duration))?;
    latencies.sort_unstable();
    let millis = |quantile: f64| {
        let position = ((latencies.len() as f64 * quantile) as usize).min(latencies.len().saturating_sub(1));
        latencies.get(position).map(|latency| latency.as_secs_f64() * 1e3)
    };
    let report = json!({
        "connections": connections,
        "requests": latencies.len(),
        "seconds": elapsed.as_secs_f64(),
        "requests_per_second": (latencies.len() as f64 / elapsed.as_secs_f64()).round(),
        "p50_ms": millis(0.50), "p99_ms": millis(0.99), "p999_ms": millis(0.999),
    });
    println!("{report}");
    Ok(())
}

async fn load(
    address: &str,
    request: &str,
    connections: usize,
    duration: Duration,
) -> Result<(Vec<Duration>, Duration), Failure> {
    let started = Instant::now();
    let tasks: Vec<_> = (0..connections)
        .map(|_| tokio::spawn(connection(address.to_owned(), request.to_owned(), started + duration)))
        .collect();
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await??);
    }
    Ok((latencies, started.elapsed()))
}

async fn connection(address: String, request: String, end: Instant) -> Result<Vec<Duration>, Failure> {
    let mut stream = TcpStream::connect(&address).await?;
    stream.set_nodelay(true)?;
    let mut latencies = Vec::new();
    let mut buffer = vec![0; 1 << 16];
    let mut expected = None;
    while Instant::now() < end {
        let sent = Instant::now();
        stream.write_all(request.as_bytes()).await?;
        let length = read_answer(&mut stream, &mut buffer).await?;
        latencies.push(sent.elapsed());
        if *expected.get_or_insert(length) != length {
            return Err(format!("an answer of {length} bytes where the first had {expected:?}").into());
        }
    }
    Ok(latencies)
}

/// Reads one answer and gives the length of its body.
async fn read_answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Result<usize, Failure> {
    let mut filled = 0;
    let mut total = None;
    while total.is_none_or(|(head, body)| filled < head + body) {
        if filled == buffer.len() {
            buffer.resize(buffer.len() * 2, 0);
        }
        let read = stream.read(&mut buffer[filled..]).await?;
        if read == 0 {
            return Err("the server closed the connection".into());
        }
        filled += read;
        if total.is_none() {
            total = head_and_body(&buffer[..filled])?;
        }
    }
    total
        .map(|(_, body)| body)
        .ok_or_else(|| "an answer without an end".into())
}

/// Lengths of head and body, once the head is there.
fn head_and_body(answer: &[u8]) -> Result<Option<(usize, usize)>, Failure> {
    let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = std::str::from_utf8(&answer[..end])?;
    if !head.starts_with("HTTP/1.1 200") {
        return Err(head.to_owned().into());
    }
    let length = head.lines().find_map(|line| {
        line.to_ascii_lowercase()
            .strip_prefix("content-length:")
            .map(|text| text.trim().to_owned())
    });
    let length = length.ok_or("an answer without a content length")?.parse()?;
    Ok(Some((end + 4, length)))
}
