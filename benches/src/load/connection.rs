//! One HTTP/1.1 connection that sends requests as they are and reads responses with a `content-length`.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::Failure;

/// No response takes this long.
const READ_TIMEOUT: Duration = Duration::from_secs(60);

/// A connection and the response last read from it.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// A response in the buffer of its connection.
pub(crate) struct Response<'a> {
    pub(crate) status: u16,
    pub(crate) body: &'a [u8],
}

impl Connection {
    pub(crate) fn open(address: &str) -> Result<Self, Failure> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(READ_TIMEOUT))?;
        Ok(Self {
            stream,
            buffer: vec![0; 64 << 10],
        })
    }

    /// Sends a request and reads its response.
    pub(crate) fn exchange(&mut self, request: &[u8]) -> Result<Response<'_>, Failure> {
        self.stream.write_all(request)?;
        let mut filled = 0;
        let head = loop {
            filled += self.read(filled)?;
            if let Some(head) = Head::find(&self.buffer[..filled])? {
                break head;
            }
        };
        let whole = head.bytes + head.content_length;
        if self.buffer.len() < whole {
            self.buffer.resize(whole, 0);
        }
        while filled < whole {
            filled += self.read(filled)?;
        }
        if filled > whole {
            return Err("the server sent more than its response".into());
        }
        Ok(Response {
            status: head.status,
            body: &self.buffer[head.bytes..whole],
        })
    }

    fn read(&mut self, filled: usize) -> Result<usize, Failure> {
        match self.stream.read(&mut self.buffer[filled..])? {
            0 => Err("the server closed the connection".into()),
            bytes => Ok(bytes),
        }
    }
}

/// What precedes the body of a response.
struct Head {
    bytes: usize,
    status: u16,
    content_length: usize,
}

impl Head {
    /// `None` when the end of the head is not there yet.
    fn find(bytes: &[u8]) -> Result<Option<Self>, Failure> {
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
            return Ok(None);
        };
        let text = std::str::from_utf8(&bytes[..end])?;
        let mut lines = text.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1));
        let length = lines
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        Ok(Some(Self {
            bytes: end + 4,
            status: status.ok_or("a response without a status")?.parse()?,
            content_length: length.ok_or("a response without a content-length")?.1.trim().parse()?,
        }))
    }
}
