//! One HTTP/1.1 connection that sends requests as they are and reads responses with a `content-length`.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::Failure;
use crate::options::Options;

/// No response takes this long.
const READ_TIMEOUT: Duration = Duration::from_secs(60);

/// Where connections go.
#[derive(Clone)]
pub(crate) struct Target {
    address: String,
    tls: Option<Arc<ClientConfig>>,
}

impl Target {
    /// With TLS if certificates are given that the server's must be signed by.
    pub(crate) fn new(options: &Options) -> Result<Self, Failure> {
        Ok(Self {
            address: options.address.clone(),
            tls: options.ca.as_deref().map(client_config).transpose()?.map(Arc::new),
        })
    }

    fn host(&self) -> &str {
        self.address.rsplit_once(':').map_or(&*self.address, |(host, _)| host)
    }
}

fn client_config(authorities: &Path) -> Result<ClientConfig, Failure> {
    let mut trusted = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(authorities)? {
        trusted.add(certificate?)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(builder.with_root_certificates(trusted).with_no_client_auth())
}

/// A connection and the response last read from it.
pub(crate) struct Connection {
    stream: Box<dyn Stream>,
    buffer: Vec<u8>,
}

trait Stream: Read + Write + Send {}

impl<S: Read + Write + Send> Stream for S {}

/// A response in the buffer of its connection.
pub(crate) struct Response<'a> {
    pub(crate) status: u16,
    pub(crate) body: &'a [u8],
}

impl Connection {
    pub(crate) fn open(target: &Target) -> Result<Self, Failure> {
        let stream = TcpStream::connect(&target.address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(READ_TIMEOUT))?;
        Ok(Self {
            stream: match &target.tls {
                None => Box::new(stream),
                Some(config) => {
                    let name = ServerName::try_from(target.host().to_owned())?;
                    Box::new(StreamOwned::new(
                        ClientConnection::new(Arc::clone(config), name)?,
                        stream,
                    ))
                }
            },
            buffer: vec![0; 64 << 10],
        })
    }

    /// Sends a request and reads its response.
    pub(crate) fn exchange(&mut self, request: &[u8]) -> Result<Response<'_>, Failure> {
        self.stream.write_all(request)?;
        self.stream.flush()?;
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
