//! Keys from PEM and DER, in every form that tools write: PKCS#8, PKCS#1, SEC1 and SPKI.

use std::sync::Arc;

use super::{Key, KeyError, Signer, VerifyingKey, pem};
use crate::{
    Algorithm, jwk,
    jws::{
        asymmetric::{self, Kind, Public},
        der::{self, Form},
    },
};

impl Key {
    /// A private key from PEM: PKCS#8 for every algorithm, PKCS#1 for `RS*` and `PS*`, SEC1 for `ES*`.
    ///
    /// An RSA key that is for PSS alone (`id-RSASSA-PSS`, without parameters) is one for `PS*`.
    ///
    /// Its id is the RFC 7638 thumbprint of its public half.
    ///
    /// # Errors
    /// [`KeyError`] when the text is no PEM, or its key none for the algorithm: another kind or curve, an RSA
    /// key below 2048 or above 8192 bits or with a bad exponent, halves that do not fit each other.
    pub fn from_pem(algorithm: Algorithm, pem: impl AsRef<str>) -> Result<Self, KeyError> {
        Self::from_der(algorithm, pem::decode(pem.as_ref())?.as_slice())
    }

    /// A private key from DER, in the forms of [`from_pem`](Self::from_pem).
    ///
    /// # Errors
    /// As [`from_pem`](Self::from_pem).
    pub fn from_der(algorithm: Algorithm, der: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        let der = der.as_ref();
        kind(algorithm)?;
        let form = match form(der)? {
            Form::Spki | Form::Pkcs1Public => return Err(KeyError::PublicOnly),
            form => form,
        };
        let (form, der) = unwrapped(algorithm, form, der)?;
        let rejected = |reason| KeyError::Rejected { algorithm, reason };
        Self::of_pair(algorithm, asymmetric::Signer::from_der(algorithm, form, der).map_err(rejected)?)
    }

    pub(crate) fn of_pair(algorithm: Algorithm, signer: asymmetric::Signer) -> Result<Self, KeyError> {
        let reason = "it has no public half";
        let public = signer.public().ok_or(KeyError::Rejected { algorithm, reason })?;
        let verifying = VerifyingKey::of_numbers(algorithm, public)?;
        Ok(Self::assemble(verifying, Signer::Asymmetric(Arc::new(signer))))
    }
}

impl VerifyingKey {
    /// A public key from PEM: SPKI for every algorithm, PKCS#1 for `RS*` and `PS*`; of a private key its
    /// public half.
    ///
    /// Its id is its RFC 7638 thumbprint.
    ///
    /// # Errors
    /// [`KeyError`] when the text is no PEM, or its key none for the algorithm: another kind or curve, an RSA
    /// key below 2048 or above 8192 bits or with a bad exponent, a point that is not on its curve.
    pub fn from_pem(algorithm: Algorithm, pem: impl AsRef<str>) -> Result<Self, KeyError> {
        Self::from_der(algorithm, pem::decode(pem.as_ref())?.as_slice())
    }

    /// A public key from DER, in the forms of [`from_pem`](Self::from_pem).
    ///
    /// # Errors
    /// As [`from_pem`](Self::from_pem).
    pub fn from_der(algorithm: Algorithm, der: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        let (der, kind) = (der.as_ref(), kind(algorithm)?);
        let rejected = |reason| KeyError::Rejected { algorithm, reason };
        match form(der)? {
            form @ (Form::Spki | Form::Pkcs1Public) => {
                let (form, der) = unwrapped(algorithm, form, der)?;
                Self::of_numbers(algorithm, Public::from_der(kind, form, der).map_err(rejected)?)
            }
            _ => Key::from_der(algorithm, der).map(Self::from),
        }
    }

    pub(crate) fn of_numbers(algorithm: Algorithm, public: Public) -> Result<Self, KeyError> {
        let rejected = |reason| KeyError::Rejected { algorithm, reason };
        let verifier = asymmetric::Verifier::new(algorithm, public).map_err(rejected)?;
        let kid = jwk::thumbprint(verifier.public());
        Ok(Self::of_public(algorithm, kid, verifier))
    }
}

fn kind(algorithm: Algorithm) -> Result<Kind, KeyError> {
    Kind::of(algorithm).ok_or(KeyError::NoKeyPair(algorithm))
}

/// The RSA key in one that is for PSS alone, for the algorithms that are PSS; any other as it is.
fn unwrapped(algorithm: Algorithm, form: Form, der: &[u8]) -> Result<(Form, &[u8]), KeyError> {
    let Some(pss) = der::pss(form, der) else {
        return Ok((form, der));
    };
    let is_pss = matches!(algorithm, Algorithm::PS256 | Algorithm::PS384 | Algorithm::PS512);
    let reason = match form {
        _ if !is_pss => "it is for PSS alone (id-RSASSA-PSS): PS256, PS384 and PS512 take it",
        Form::Spki if pss.bound => {
            "it is id-RSASSA-PSS with parameters, which bind it to a hash: make it a plain RSA key with \
             `openssl rsa -pubin -RSAPublicKey_out -outform DER | openssl rsa -RSAPublicKey_in -inform DER -pubout`"
        }
        _ if pss.bound => {
            "it is id-RSASSA-PSS with parameters, which bind it to a hash: make it a plain RSA key with \
             `openssl rsa -traditional -outform DER | openssl rsa -inform DER`"
        }
        Form::Spki => return Ok((Form::Pkcs1Public, pss.key)),
        _ => return Ok((Form::Pkcs1Private, pss.key)),
    };
    Err(KeyError::Rejected { algorithm, reason })
}

fn form(der: &[u8]) -> Result<Form, KeyError> {
    match der::form(der) {
        None => Err(KeyError::Der("it is none of PKCS#8, PKCS#1, SEC1 and SPKI")),
        Some(Form::Certificate) => {
            Err(KeyError::Der("it is a certificate: take its key out with `openssl x509 -pubkey -noout`"))
        }
        Some(Form::Encrypted) => {
            Err(KeyError::Der("it is encrypted: take the passphrase off with `openssl pkcs8`"))
        }
        Some(form) => Ok(form),
    }
}
