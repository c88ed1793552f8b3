//! Trust by fingerprint: the certificate of a server's chain that has it becomes the authority for that server.
use std::sync::Arc;
use std::time::Duration;

use elasticsearch::http::Url;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::trust::untrusted;
use crate::plan::Fingerprint;
use crate::store::StoreError;

/// For connecting and the handshake.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The certificate that has this fingerprint, out of the chain that a node shows. Nothing but a handshake is sent. The
/// chain must hold against that certificate alone: its names, its dates, its signatures.
pub(super) async fn certificate(url: &Url, fingerprint: &Fingerprint) -> Result<Vec<u8>, StoreError> {
    let address = url.origin().ascii_serialization();
    if url.scheme() != "https" {
        return Err(StoreError::Server(format!(
            "{address} has no certificate to hold `fingerprint` against; use https"
        )));
    }
    let name = url.host_str().unwrap_or_default();
    // Brackets stand around an IPv6 address in a URL, and nowhere else.
    let host = name.trim_start_matches('[').trim_end_matches(']').to_owned();
    let wrong = |_| StoreError::Server(format!("`{name}` is not a name that a certificate could have"));
    let name = ServerName::try_from(host.clone()).map_err(wrong)?;
    let shaken = chain(&host, url.port_or_known_default().unwrap_or(443), name.clone());
    match tokio::time::timeout(TIMEOUT, shaken).await {
        Ok(Ok(chain)) => pinned(&address, &chain, name, fingerprint),
        Ok(Err(Failure::Network(error))) => Err(StoreError::Unreached(format!("{address}: {error}"))),
        Ok(Err(Failure::Tls(error))) => Err(StoreError::Server(untrusted(&address, &error, true))),
        Err(_) => Err(StoreError::Unreached(format!("{address}: no answer within {} seconds", TIMEOUT.as_secs()))),
    }
}

/// The pinned certificate of a chain, which must hold against it.
fn pinned(
    address: &str,
    chain: &[CertificateDer<'static>],
    name: ServerName<'_>,
    fingerprint: &Fingerprint,
) -> Result<Vec<u8>, StoreError> {
    let prints: Vec<Fingerprint> = chain.iter().map(|certificate| Fingerprint::of(certificate)).collect();
    let Some(place) = prints.iter().position(|print| print == fingerprint) else {
        let seen: Vec<String> = prints.iter().map(Fingerprint::to_string).collect();
        return Err(StoreError::Server(format!(
            "no certificate of {address} has the `fingerprint` {fingerprint}; it showed {}. If the last of these is what \
             the server itself prints for its authority, write that one; a server that does not send its authority's \
             certificate needs `ca: FILE` instead. If neither, somebody else answers there",
            seen.join(" and ")
        )));
    };
    let root = &chain[place];
    match holds(root, chain, name) {
        Ok(()) => Ok(root.to_vec()),
        // One that signed itself is its own authority; any other server certificate cannot be one.
        Err(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::Other(_)))
            if place == 0 =>
        {
            let others: Vec<String> = prints[1..].iter().map(Fingerprint::to_string).collect();
            let other = if others.is_empty() { "give it with `ca: FILE`".into() } else { others.join(" or ") };
            Err(StoreError::Server(format!(
                "`fingerprint` is that of the own certificate of {address}, which others signed or which may sign others; \
                 write the one of the authority that signed it: {other}"
            )))
        }
        Err(error) => Err(StoreError::Server(untrusted(address, &error, true))),
    }
}

/// Whether a chain holds with one certificate as the only authority.
fn holds(
    root: &CertificateDer<'static>,
    chain: &[CertificateDer<'static>],
    name: ServerName<'_>,
) -> Result<(), rustls::Error> {
    let mut roots = RootCertStore::empty();
    roots.add(root.clone())?;
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::new(ring::default_provider()));
    let verifier = verifier.build().map_err(|error| rustls::Error::General(error.to_string()))?;
    verifier.verify_server_cert(&chain[0], &chain[1..], &name, &[], UnixTime::now())?;
    Ok(())
}

enum Failure {
    Network(std::io::Error),
    Tls(rustls::Error),
}

/// The certificates that a server shows, its own first. It proved to have the key of its own; whom to trust is not judged yet.
async fn chain(host: &str, port: u16, name: ServerName<'static>) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let provider = Arc::new(ring::default_provider());
    let verifier = Arc::new(Shown(provider.signature_verification_algorithms));
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map_err(Failure::Tls)?.dangerous().with_custom_certificate_verifier(verifier);
    let connector = TlsConnector::from(Arc::new(config.with_no_client_auth()));
    let stream = TcpStream::connect((host, port)).await.map_err(Failure::Network)?;
    let shaken = connector.connect(name, stream).await.map_err(|error| {
        let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()).cloned();
        tls.map_or(Failure::Network(error), Failure::Tls)
    })?;
    Ok(shaken.get_ref().1.peer_certificates().unwrap_or_default().to_vec())
}

/// Takes any chain, so that it can be looked at; only the signature of the handshake is checked.
#[derive(Debug)]
struct Shown(WebPkiSupportedAlgorithms);

impl ServerCertVerifier for Shown {
    fn verify_server_cert(
        &self,
        _own: &CertificateDer<'_>,
        _others: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        own: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, own, signed, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        own: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, own, signed, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}
