//! Whom we trust: certificates of a file, and what TLS says against a server.
use std::error::Error;
use std::io;
use std::path::Path;

use reqwest::Certificate;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{CertificateError, RootCertStore};

use super::connect::wrong;
use crate::files;
use crate::store::StoreError;

/// The certificates of a file, in PEM.
pub(super) fn file(path: &str) -> Result<Vec<Vec<u8>>, StoreError> {
    let pem = files::contents(Path::new(path), files::TEXT).map_err(|error| wrong(format!("`ca`: {path}: {error}")))?;
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let certificates = read.map_err(|error| wrong(format!("`ca`: {path} cannot be read: {error}")))?;
    let unusable = |error| wrong(format!("`ca`: a certificate of {path} cannot be used: {error}"));
    certificates.iter().try_for_each(|one| RootCertStore::empty().add(one.clone())).map_err(unusable)?;
    if certificates.is_empty() {
        return Err(wrong(format!(
            "`ca`: {path} holds no certificate; it takes PEM, from `-----BEGIN CERTIFICATE-----` on"
        )));
    }
    Ok(certificates.iter().map(|certificate| certificate.to_vec()).collect())
}

/// The authorities that are trusted, and no others.
pub(super) fn certificates(roots: &[Vec<u8>]) -> Result<Vec<Certificate>, StoreError> {
    let read = |root: &Vec<u8>| Certificate::from_der(root);
    roots
        .iter()
        .map(read)
        .collect::<Result<_, _>>()
        .map_err(|error| wrong(format!("a certificate cannot be read: {error}")))
}

/// An error and its causes, outermost first. An I/O error does not name what it wraps as its cause.
fn causes<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| {
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        wrapped.map(|inner| inner as &(dyn Error + 'static)).or_else(|| error.source())
    })
}

/// The innermost cause says what happened; the outer ones repeat the address.
pub(super) fn innermost(error: &reqwest::Error) -> String {
    causes(error).last().map(ToString::to_string).unwrap_or_default()
}

/// What TLS says against the server.
pub(super) fn refusal(error: &reqwest::Error) -> Option<&rustls::Error> {
    causes(error).find_map(|cause| cause.downcast_ref::<rustls::Error>())
}

/// What TLS says against a server, and what to do about it.
pub(super) fn untrusted(address: &str, why: &rustls::Error, told: bool) -> String {
    let what = match why {
        rustls::Error::InvalidMessage(_) => {
            return format!("{address} does not speak TLS there; is it `http://`, or another port?");
        }
        rustls::Error::InvalidCertificate(why) => why,
        other => return format!("{address}: no secure connection: {other}"),
    };
    let hint = match what {
        CertificateError::UnknownIssuer | CertificateError::BadSignature if told => {
            "its authority is not the one that `ca` or `fingerprint` names; take them from this server again"
        }
        CertificateError::UnknownIssuer => {
            "its authority is not known here; give the authority's certificate with `ca: FILE`, or its `fingerprint`"
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "it has expired; renew it at the server, and check the clock here"
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => "check the clock here",
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "it is for another name; write the name of the certificate into `url`"
        }
        _ => "give the certificate of its authority with `ca: FILE`, or its `fingerprint`",
    };
    format!("the certificate of {address} is not trusted: {what}: {hint}")
}
