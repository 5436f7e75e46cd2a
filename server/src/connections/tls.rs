//! TLS: the certificate and its key, reading them again when their files change, and who may connect. The only module here that
//! knows rustls and x509-cert.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use feast_engine::model::Timestamp;
use feast_engine::{Error, ErrorKind};
use parking_lot::Mutex;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::time::Time;

/// Between two looks at the files.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// The name of HTTP/2 in a handshake.
const HTTP2: &[u8] = b"h2";

/// The least version of TLS that is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TlsVersion {
    /// 1.2 and 1.3.
    #[default]
    Tls12,
    /// 1.3 alone.
    Tls13,
}

impl TlsVersion {
    fn versions(self) -> Vec<&'static SupportedProtocolVersion> {
        match self {
            Self::Tls12 => vec![&TLS13, &TLS12],
            Self::Tls13 => vec![&TLS13],
        }
    }
}

/// The files of a server that speaks TLS, in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The private key.
    pub key: PathBuf,
    /// The certificate, with those between it and the one that clients trust after it.
    pub certificate: PathBuf,
    /// Only clients with a certificate by one of these may connect.
    pub client_authorities: Option<PathBuf>,
    /// The least version that is spoken.
    pub min_version: TlsVersion,
}

/// What a server needs to speak TLS, as its files are now.
pub struct Tls {
    files: TlsFiles,
    loaded: ArcSwap<Loaded>,
    state: Mutex<State>,
}

/// What tells whether a file is the same: its inode, size and times.
type Fingerprint = Vec<Option<(u64, u64, u64, i64, i64)>>;

/// A certificate, with those that it is signed by, at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateState {
    /// The last moment at which all of them are valid.
    pub until: Timestamp,
    /// What an operator should know.
    pub remark: Option<String>,
    /// Clients refuse it now.
    pub is_refused: bool,
}

/// When a certificate is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Validity {
    first: Timestamp,
    last: Timestamp,
}

impl Validity {
    /// A certificate should have been renewed some time before its end: those of a day have some hours left then, those of months a week.
    fn at(self, now: Timestamp) -> CertificateState {
        const WEEK: i64 = 7 * 86_400_000_000;
        let until = self.last;
        let whole = until.micros().saturating_sub(self.first.micros());
        let left = until.micros().saturating_sub(now.micros());
        let remark = match left {
            ..0 => Some(format!("the TLS certificate has ended at {until}: clients refuse it")),
            _ if now < self.first => Some(format!(
                "the TLS certificate is valid from {} on: clients refuse it until then",
                self.first
            )),
            _ if left < WEEK.min(whole / 5) => Some(format!("the TLS certificate ends at {until}")),
            _ => None,
        };
        CertificateState {
            until,
            remark,
            is_refused: left < 0 || now < self.first,
        }
    }
}

struct Loaded {
    config: Arc<ServerConfig>,
    /// Of the certificate and those that it is signed by, all of them.
    validity: Option<Validity>,
}

struct State {
    files: Fingerprint,
    /// A problem is logged once.
    problem: String,
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// `Invalid` when one cannot be read or used, naming it.
    pub fn load(files: TlsFiles) -> Result<Self, Error> {
        // Before they are read: a file that is replaced meanwhile is read again.
        let fingerprint = fingerprint(&files);
        let loaded = Loaded::read(&files)?;
        Ok(Self {
            files,
            loaded: ArcSwap::from_pointee(loaded),
            state: Mutex::new(State {
                files: fingerprint,
                problem: String::new(),
            }),
        })
    }

    /// Agrees on TLS with a client.
    pub(super) async fn accept(&self, stream: TcpStream) -> std::io::Result<TlsStream<TcpStream>> {
        let config = Arc::clone(&self.loaded.load().config);
        TlsAcceptor::from(config).accept(stream).await
    }

    /// What is to be said now of the time in which the certificate is valid, and until when that is. `None` when it does not say it
    /// readably.
    pub fn certificate(&self, now: Timestamp) -> Option<CertificateState> {
        self.loaded.load().validity.map(|validity| validity.at(now))
    }

    /// Reads the files again if they have changed. With files that cannot be used the former ones stay.
    pub(crate) fn refresh(&self) {
        let now = fingerprint(&self.files);
        let mut state = self.state.lock();
        if state.files == now && state.problem.is_empty() {
            return;
        }
        match Loaded::read(&self.files) {
            Ok(loaded) => {
                self.loaded.store(Arc::new(loaded));
                *state = State {
                    files: now,
                    problem: String::new(),
                };
                tracing::info!("TLS key and certificate read again");
            }
            Err(error) => {
                let problem = error.to_string();
                if problem != state.problem {
                    tracing::error!("the TLS key and certificate as they were stay in use: {problem}");
                }
                state.problem = problem;
            }
        }
    }

    /// Looks at the files again and again.
    pub(crate) async fn watch(self: Arc<Self>) {
        loop {
            tokio::time::sleep(LOOK_INTERVAL).await;
            let tls = Arc::clone(&self);
            // A panic has been logged.
            let _ = tokio::task::spawn_blocking(move || tls.refresh()).await;
        }
    }
}

/// Whether a client has chosen HTTP/2.
pub(super) fn speaks_http2(stream: &TlsStream<TcpStream>) -> bool {
    stream.get_ref().1.alpn_protocol() == Some(HTTP2)
}

fn fingerprint(files: &TlsFiles) -> Fingerprint {
    let of = |file: Metadata| (file.dev(), file.ino(), file.size(), file.mtime(), file.mtime_nsec());
    let paths = [
        Some(&files.key),
        Some(&files.certificate),
        files.client_authorities.as_ref(),
    ];
    let paths = paths.into_iter().flatten();
    paths.map(|path| std::fs::metadata(path).ok().map(of)).collect()
}

impl Loaded {
    fn read(files: &TlsFiles) -> Result<Self, Error> {
        let certificates = certificates("--cert", &files.certificate)?;
        Ok(Self {
            validity: validity(&certificates),
            config: Arc::new(server_config(files, certificates)?),
        })
    }
}

/// When all of them are valid.
fn validity(certificates: &[CertificateDer<'_>]) -> Option<Validity> {
    let each = certificates.iter().map(|certificate| {
        let validity = Certificate::from_der(certificate).ok()?.tbs_certificate.validity;
        let time = |time: Time| {
            i64::try_from(time.to_unix_duration().as_secs())
                .ok()
                .and_then(Timestamp::from_seconds)
        };
        Some(Validity {
            first: time(validity.not_before)?,
            last: time(validity.not_after)?,
        })
    });
    let all: Option<Vec<Validity>> = each.collect();
    all?.into_iter().reduce(|all, one| Validity {
        first: all.first.max(one.first),
        last: all.last.min(one.last),
    })
}

fn server_config(files: &TlsFiles, certificates: Vec<CertificateDer<'static>>) -> Result<ServerConfig, Error> {
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|source| unusable("--key", &files.key, &source))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&files.min_version.versions())
        .map_err(|source| Error::internal(format!("TLS cannot be used: {source}")))?;
    let builder = match &files.client_authorities {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let mut authorities = RootCertStore::empty();
            for certificate in self::certificates("--client-ca", path)? {
                authorities
                    .add(certificate)
                    .map_err(|source| unusable("--client-ca", path, &source))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(authorities), provider)
                .build()
                .map_err(|source| unusable("--client-ca", path, &source))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let mut config = builder.with_single_cert(certificates, key).map_err(|source| {
        unusable("--cert", &files.certificate, &source).with_hint(
            "give the certificate of the key that --key names, in PEM, and after it those that it is signed by",
        )
    })?;
    config.alpn_protocols = vec![HTTP2.to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn certificates(option: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let certificates = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let certificates = certificates.map_err(|source| unusable(option, path, &source))?;
    if certificates.is_empty() {
        return Err(unusable(option, path, &"there is no certificate in it"));
    }
    Ok(certificates)
}

fn unusable(option: &str, path: &Path, why: &dyn std::fmt::Display) -> Error {
    Error::new(
        ErrorKind::Invalid,
        format!("{option} {} cannot be used: {why}", path.display()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_should_be_renewed_before_their_end() {
        let time = |text: &str| Timestamp::parse(text).unwrap();
        let check = |first: &str, last: &str, now: &str, expected: Option<&str>| {
            let validity = Validity {
                first: time(first),
                last: time(last),
            };
            let state = validity.at(time(now));
            assert_eq!(state.remark.is_some(), expected.is_some(), "{state:?}");
            assert_eq!(
                state.is_refused,
                expected.is_some_and(|words| words.contains("refuse")),
                "{state:?}"
            );
            assert!(state.remark.unwrap_or_default().contains(expected.unwrap_or_default()));
        };
        let months = ("2026-01-01T00:00:00Z", "2026-04-01T00:00:00Z");
        check(months.0, months.1, "2026-03-24T00:00:00Z", None);
        check(months.0, months.1, "2026-03-26T00:00:00Z", Some("ends at 2026-04-01"));
        check(
            months.0,
            months.1,
            "2026-04-02T00:00:00Z",
            Some("has ended at 2026-04-01T00:00:00Z: clients refuse"),
        );
        let day = ("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z");
        check(day.0, day.1, "2026-01-01T12:00:00Z", None);
        check(day.0, day.1, "2026-01-01T20:00:00Z", Some("ends at 2026-01-02"));
        check(
            day.0,
            day.1,
            "2025-12-31T23:00:00Z",
            Some("is valid from 2026-01-01T00:00:00Z on: clients refuse"),
        );
    }
}
