//! Encrypted connections: which certificates are trusted, and which one is shown.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use feast_config::RedisTls;
use feast_model::error::{Error, Result, path as shown};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_rustls::TlsConnector;

/// Makes encrypted connections as the settings say. The only crypto provider is ring: no other is in the binary.
///
/// # Errors
/// `Invalid` when a certificate or key cannot be read.
pub(super) fn connector(tls: &RedisTls) -> Result<TlsConnector> {
    let provider = Arc::new(ring::default_provider());
    let algorithms = provider.signature_verification_algorithms;
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::internal(format!("TLS: {error}")))?;
    let builder = if !tls.checks_certificate {
        builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyCertificate(algorithms)))
    } else {
        let roots = roots(tls.ca.as_deref())?;
        if tls.checks_hostname {
            builder.with_root_certificates(roots)
        } else {
            let verifier = AnyHostname::new(roots, provider)?;
            builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier))
        }
    };
    let config = match &tls.client {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let chain = certificates(certificate)?;
            let private =
                PrivateKeyDer::from_pem_file(key).map_err(|error| unreadable("the private key", key, error))?;
            builder
                .with_client_auth_cert(chain, private)
                .map_err(|error| unreadable("the client's certificate", certificate, error))?
        }
    };
    Ok(TlsConnector::from(Arc::new(config)))
}

/// The system's certificates, and those of `ca`: a file, or a directory of files.
fn roots(ca: Option<&Path>) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    // Those that cannot be read are left out: one that is needed is missed at the handshake.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(ca) = ca {
        let certificates = if ca.is_dir() {
            files_of(ca)?
                .iter()
                .filter_map(|file| certificates(file).ok())
                .flatten()
                .collect()
        } else {
            certificates(ca)?
        };
        let (added, _) = roots.add_parsable_certificates(certificates);
        if added == 0 {
            return Err(unreadable("certificates to trust", ca, "there are none in it"));
        }
    }
    if roots.is_empty() {
        return Err(
            Error::invalid("no certificate is trusted, so that none of a Redis can be checked")
                .with_hint("give the authority's certificate: ssl_ca_certs in connection_string"),
        );
    }
    Ok(roots)
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let certificates: Vec<_> = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect::<Result<_, _>>)
        .map_err(|error| unreadable("certificates", file, error))?;
    if certificates.is_empty() {
        return Err(unreadable("certificates", file, "there are none in it"));
    }
    Ok(certificates)
}

fn files_of(directory: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(directory).map_err(|error| unreadable("certificates", directory, error))?;
    Ok(entries.filter_map(Result::ok).map(|entry| entry.path()).collect())
}

fn unreadable(what: &str, path: &Path, why: impl std::fmt::Display) -> Error {
    Error::invalid(format!("cannot read {what} from {}: {why}", shown(path)))
        .with_hint("look at ssl_ca_certs, ssl_ca_path, ssl_certfile and ssl_keyfile in connection_string")
}

/// Takes any certificate (`ssl_cert_reqs=none`): encrypted, but whoever is in between can read and answer.
#[derive(Debug)]
struct AnyCertificate(WebPkiSupportedAlgorithms);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}

/// Takes a certificate of a trusted authority for whatever host it is (`ssl_check_hostname=false`).
#[derive(Debug)]
struct AnyHostname(Arc<WebPkiServerVerifier>);

impl AnyHostname {
    fn new(roots: RootCertStore, provider: Arc<CryptoProvider>) -> Result<Self> {
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .map(Self)
            .map_err(|error| Error::internal(format!("TLS: {error}")))
    }
}

impl ServerCertVerifier for AnyHostname {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        use rustls::CertificateError::{NotValidForName, NotValidForNameContext};
        // The name is what is checked last.
        match self.0.verify_server_cert(certificate, intermediates, name, ocsp, now) {
            Err(rustls::Error::InvalidCertificate(NotValidForName | NotValidForNameContext { .. })) => {
                Ok(ServerCertVerified::assertion())
            }
            checked => checked,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}
