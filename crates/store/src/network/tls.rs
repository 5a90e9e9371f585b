//! TLS by `rustls`: whose certificates are believed.

use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore,
    SignatureScheme,
};

use super::url::{ServerUrl, TlsMode};

/// How to secure the way to a server.
///
/// # Errors
/// Where a file cannot be read or holds no certificate.
pub(crate) fn config(url: &ServerUrl) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let algorithms = provider.signature_verification_algorithms;
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("TLS cannot be set up: {error}"))?;
    let any_name = |authorities| {
        let verifier = AnyName { algorithms, authorities };
        builder.clone().dangerous().with_custom_certificate_verifier(Arc::new(verifier))
    };
    let checked = matches!(url.tls, TlsMode::VerifyCa | TlsMode::VerifyFull);
    let builder = if checked {
        let mut roots = RootCertStore::empty();
        for certificate in authorities(url.authorities.as_deref())? {
            roots.add(certificate).map_err(|error| format!("an authority's certificate is bad: {error}"))?;
        }
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .map_err(|error| format!("TLS cannot be set up: {error}"))?;
        match url.tls {
            TlsMode::VerifyCa => any_name(Some(verifier)),
            _ => builder.with_webpki_verifier(verifier),
        }
    } else {
        any_name(None)
    };
    let Some((certificate, key)) = &url.identity else { return Ok(builder.with_no_client_auth()) };
    let key = PrivateKeyDer::from_pem_file(key).map_err(|error| unreadable("sslkey", key, &error))?;
    builder
        .with_client_auth_cert(read("sslcert", certificate)?, key)
        .map_err(|error| format!("sslcert and sslkey cannot be used: {error}"))
}

/// The certificates in a file, or those that the system trusts.
///
/// # Errors
/// Where there are none.
pub(crate) fn authorities(file: Option<&Path>) -> Result<Vec<CertificateDer<'static>>, String> {
    if let Some(file) = file {
        return read("sslrootcert", file);
    }
    let found = rustls_native_certs::load_native_certs();
    if found.certs.is_empty() {
        return Err(
            "this system has no certificates of authorities: install them (Debian: ca-certificates), \
                    or name a file with sslrootcert="
                .to_owned(),
        );
    }
    Ok(found.certs)
}

fn read(setting: &str, file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let certificates = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let certificates = certificates.map_err(|error| unreadable(setting, file, &error))?;
    if certificates.is_empty() {
        return Err(format!("{setting}={} holds no certificate: it must be PEM", file.display()));
    }
    Ok(certificates)
}

fn unreadable(setting: &str, file: &Path, error: &rustls::pki_types::pem::Error) -> String {
    use rustls::pki_types::pem::Error;
    let why = match error {
        Error::Io(error) => error.to_string(),
        Error::NoItemsFound => "it holds none, it must be PEM".to_owned(),
        error => error.to_string(),
    };
    format!("{setting}={} cannot be read: {why}", file.display())
}

/// Why a handshake failed, and what to do.
pub(crate) fn meaning(error: &Error) -> String {
    use CertificateError as Of;
    match error {
        Error::InvalidCertificate(Of::UnknownIssuer) => {
            "its certificate is of no authority that is known here; name the file of its authority with sslrootcert="
        }
        Error::InvalidCertificate(Of::BadSignature) => {
            "its certificate was not signed by the authority whose name it bears; look at the file of sslrootcert="
        }
        Error::InvalidCertificate(Of::Expired | Of::ExpiredContext { .. }) => {
            "its certificate has expired; renew it there, or set this machine's clock right"
        }
        Error::InvalidCertificate(Of::NotValidYet | Of::NotValidYetContext { .. }) => {
            "its certificate is not valid yet; set this machine's clock right, or wait"
        }
        Error::InvalidCertificate(Of::NotValidForNameContext { presented, .. }) => {
            let names = presented.join(", ");
            return format!("its certificate is for {names}; write the host as the certificate names it");
        }
        Error::InvalidCertificate(Of::NotValidForName) => {
            "its certificate is for another name; write the host as the certificate names it"
        }
        Error::AlertReceived(AlertDescription::CertificateRequired) => {
            "it asks for a certificate of ours; name its file and that of its key with sslcert= and sslkey="
        }
        Error::AlertReceived(
            alert @ (AlertDescription::UnknownCA
            | AlertDescription::BadCertificate
            | AlertDescription::CertificateUnknown
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateRevoked
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::DecryptError),
        ) => {
            return format!("it does not take the certificate of sslcert ({alert:?}); give one of the authority that it trusts");
        }
        other => return other.to_string(),
    }
    .to_owned()
}

/// Believes whoever holds the key of the certificate that he shows, for whatever name.
#[derive(Debug)]
struct AnyName {
    algorithms: WebPkiSupportedAlgorithms,
    /// Who must have signed it: `verify-ca`. Nobody where absent: `prefer` and `require`, as `libpq` means them.
    authorities: Option<Arc<WebPkiServerVerifier>>,
}

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        end: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(authorities) = &self.authorities else { return Ok(ServerCertVerified::assertion()) };
        match authorities.verify_server_cert(end, between, name, ocsp, now) {
            // The chain is looked at first, the name last.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls12_signature(message, certificate, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
