//! PEM (RFC 7468): the one key of a file, whatever tools have written around it.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

use super::KeyError;

/// The DER in the one block of a PEM text; lines before and after it are no matter (RFC 7468 section 2).
pub(super) fn decode(text: &str) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let fault = |text: &'static str| KeyError::Pem(text.into());
    let (_, rest) = text.split_once("-----BEGIN ").ok_or(fault("it has no line \"-----BEGIN …\""))?;
    let (label, rest) = rest.split_once("-----").ok_or(fault("its first line has no end"))?;
    let (body, rest) = rest.split_once("-----END ").ok_or(fault("it has no line \"-----END …\""))?;
    if !rest.starts_with(label) {
        return Err(fault("its first and last line name different things"));
    }
    if rest.contains("-----BEGIN ") {
        // openssl writes the parameters of a curve before its key; nothing else may stand beside a key.
        return if label == "EC PARAMETERS" {
            decode(rest)
        } else {
            Err(fault("it has more than one block"))
        };
    }
    check(label)?;
    let base64: Zeroizing<String> = Zeroizing::new(body.split_ascii_whitespace().collect());
    STANDARD.decode(base64.as_bytes()).map(Zeroizing::new).map_err(|_| fault("it is not base64"))
}

/// What a block says it is. The bytes say it too, and they decide; this is for what is never a key of ours.
fn check(label: &str) -> Result<(), KeyError> {
    match label {
        "PRIVATE KEY" | "RSA PRIVATE KEY" | "EC PRIVATE KEY" | "PUBLIC KEY" | "RSA PUBLIC KEY" => Ok(()),
        "ENCRYPTED PRIVATE KEY" => {
            Err(KeyError::Pem("it is encrypted: take the passphrase off with `openssl pkcs8`".into()))
        }
        "CERTIFICATE" => Err(KeyError::Pem(
            "it is a certificate: take its key out with `openssl x509 -pubkey -noout`".into(),
        )),
        "OPENSSH PRIVATE KEY" => {
            Err(KeyError::Pem("it is of ssh: turn it with `ssh-keygen -p -m PKCS8`".into()))
        }
        other => Err(KeyError::Pem(format!("{other:?} is no key").into())),
    }
}
