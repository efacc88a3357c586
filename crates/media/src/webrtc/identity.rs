//! The certificate that we show to browsers: one for all, signed by itself, made at each start (RFC 8827 §6.5).
//!
//! Nobody checks who signed it: a browser compares it with the fingerprint in our description.

use super::Fingerprint;
use crate::MediaError;
use dimpl::DtlsCertificate;
use p256::ecdsa::{DerSignature, SigningKey};
use p256::pkcs8::EncodePrivateKey;
use sha2::{Digest, Sha256};
use std::time::{Duration, SystemTime};
use x509_cert::TbsCertificate;
use x509_cert::builder::profile::BuilderProfile;
use x509_cert::builder::{Builder, CertificateBuilder, Result as Built};
use x509_cert::der::Encode;
use x509_cert::ext::Extension;
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{SubjectPublicKeyInfo, SubjectPublicKeyInfoRef};
use x509_cert::time::{Time, Validity};

/// A clock of the browser's that goes so much behind ours does no harm.
const CLOCKS_APART: Duration = Duration::from_secs(24 * 3_600);

/// Longer than any run of the engine.
const VALID_FOR: Duration = Duration::from_secs(20 * 365 * 24 * 3_600);

/// The certificate and its key.
pub(crate) struct Identity {
    pub(crate) certificate: DtlsCertificate,
    pub(crate) fingerprint: Fingerprint,
}

impl Identity {
    /// A new one.
    pub(crate) fn generate() -> Result<Self, MediaError> {
        let key = loop {
            let mut secret = [0; 32];
            getrandom::fill(&mut secret)?;
            // All but one in 2^32 numbers are keys.
            if let Ok(key) = SigningKey::from_slice(&secret) {
                break key;
            }
        };
        let mut serial = [0; 16];
        getrandom::fill(&mut serial)?;
        let certificate = certify(&key, &serial).map_err(|_| MediaError::Certificate)?;
        let private_key = key.to_pkcs8_der().map_err(|_| MediaError::Certificate)?;
        Ok(Self {
            fingerprint: Fingerprint(Sha256::digest(&certificate).into()),
            certificate: DtlsCertificate {
                certificate,
                private_key: private_key.as_bytes().to_vec(),
            },
        })
    }
}

fn certify(key: &SigningKey, serial: &[u8]) -> Built<Vec<u8>> {
    let now = SystemTime::now();
    let validity = Validity::new(
        Time::try_from(now - CLOCKS_APART)?,
        Time::try_from(now + VALID_FOR)?,
    );
    let builder = CertificateBuilder::new(
        SelfSigned("CN=Holdfast".parse()?),
        // Firefox takes two certificates with one number for a mistake.
        SerialNumber::new(serial)?,
        validity,
        SubjectPublicKeyInfo::from_key(key.verifying_key())?,
    )?;
    Ok(builder.build::<_, DerSignature>(key)?.to_der()?)
}

/// The plainest profile: a name, and no extensions.
struct SelfSigned(Name);

impl BuilderProfile for SelfSigned {
    fn get_issuer(&self, subject: &Name) -> Name {
        subject.clone()
    }

    fn get_subject(&self) -> Name {
        self.0.clone()
    }

    fn build_extensions(
        &self,
        _: SubjectPublicKeyInfoRef<'_>,
        _: SubjectPublicKeyInfoRef<'_>,
        _: &TbsCertificate,
    ) -> Built<Vec<Extension>> {
        Ok(Vec::new())
    }
}
