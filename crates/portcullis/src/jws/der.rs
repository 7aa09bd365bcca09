//! The little DER (X.690) that keys are wrapped in: which form a key file has, and its public numbers.

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const OBJECT_IDENTIFIER: u8 = 0x06;
const SEQUENCE: u8 = 0x30;

/// `rsaEncryption` (RFC 8017 appendix A.1).
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
/// `id-RSASSA-PSS` (RFC 4055 section 1.2): an RSA key for PSS alone.
const RSA_PSS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10];
/// `id-ecPublicKey` (RFC 5480 section 2.1.1).
const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
/// `id-Ed25519` (RFC 8410 section 3).
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
/// `secp256r1`, `secp384r1` and `secp521r1` (RFC 5480 section 2.1.1.1).
pub(crate) const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
pub(crate) const P384: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];
pub(crate) const P521: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x23];

/// The forms in which keys are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// `PrivateKeyInfo` (RFC 5208, RFC 5958): any private key.
    Pkcs8,
    /// `RSAPrivateKey` (RFC 8017 appendix A.1.2).
    Pkcs1Private,
    /// `ECPrivateKey` (RFC 5915).
    Sec1,
    /// `SubjectPublicKeyInfo` (RFC 5280 section 4.1): any public key.
    Spki,
    /// `RSAPublicKey` (RFC 8017 appendix A.1.1).
    Pkcs1Public,
    /// A certificate, or something else that begins like one.
    Certificate,
    /// `EncryptedPrivateKeyInfo` (RFC 5958 section 3).
    Encrypted,
}

/// The form of a key file, by the kinds of its first members.
pub(crate) fn form(der: &[u8]) -> Option<Form> {
    let mut members = Reader::whole_sequence(der)?;
    let (first, second, third) = (members.next()?, members.next()?, members.next());
    Some(match (first.0, second.0, third) {
        (INTEGER, SEQUENCE, Some(_)) => Form::Pkcs8,
        (INTEGER, OCTET_STRING, _) => Form::Sec1,
        (INTEGER, INTEGER, Some(_)) => Form::Pkcs1Private,
        (INTEGER, INTEGER, None) => Form::Pkcs1Public,
        (SEQUENCE, BIT_STRING, None) => Form::Spki,
        (SEQUENCE, OCTET_STRING, None) => Form::Encrypted,
        (SEQUENCE, SEQUENCE, _) => Form::Certificate,
        _ => return None,
    })
}

/// What a `SubjectPublicKeyInfo` holds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Spki<'a> {
    /// `RSAPublicKey`.
    Rsa(&'a [u8]),
    /// The curve's identifier and the point.
    Ec { curve: &'a [u8], point: &'a [u8] },
    /// The encoded point.
    Ed25519(&'a [u8]),
}

/// Takes a `SubjectPublicKeyInfo` apart; `None` also for the kinds of key that no algorithm of ours has.
pub(crate) fn spki(der: &[u8]) -> Option<Spki<'_>> {
    let mut members = Reader::whole_sequence(der)?;
    let mut algorithm = Reader(members.expect(SEQUENCE)?);
    let bits = members.expect(BIT_STRING)?;
    members.end()?;
    // The first byte counts the unused bits of the last one; keys have whole bytes.
    let key = bits.strip_prefix(&[0])?;
    Some(match algorithm.expect(OBJECT_IDENTIFIER)? {
        RSA => Spki::Rsa(key),
        EC => Spki::Ec { curve: algorithm.expect(OBJECT_IDENTIFIER)?, point: key },
        ED25519 => Spki::Ed25519(key),
        _ => return None,
    })
}

/// An RSA key that is for PSS alone.
pub(crate) struct Pss<'a> {
    /// The key in its PKCS#1 form.
    pub(crate) key: &'a [u8],
    /// Whether it has parameters, which bind it to one hash and a shortest salt (RFC 4055 section 3.3).
    pub(crate) bound: bool,
}

/// Takes such a key out of PKCS#8 or a `SubjectPublicKeyInfo`; `None` for every other kind of key.
pub(crate) fn pss(form: Form, der: &[u8]) -> Option<Pss<'_>> {
    let mut members = Reader::whole_sequence(der)?;
    let (algorithm, key) = match form {
        Form::Pkcs8 => {
            members.expect(INTEGER)?;
            (members.expect(SEQUENCE)?, members.expect(OCTET_STRING)?)
        }
        Form::Spki => (members.expect(SEQUENCE)?, members.expect(BIT_STRING)?.strip_prefix(&[0])?),
        _ => return None,
    };
    let mut algorithm = Reader(algorithm);
    let is_pss = algorithm.expect(OBJECT_IDENTIFIER)? == RSA_PSS;
    is_pss.then(|| Pss { key, bound: algorithm.end().is_none() })
}

/// Modulus and exponent of an `RSAPublicKey`, without leading zeros.
pub(crate) fn rsa_public_key(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut members = Reader::whole_sequence(der)?;
    let (n, e) = (members.unsigned()?, members.unsigned()?);
    members.end()?;
    Some((n, e))
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// The members of a sequence that is all there is.
    fn whole_sequence(der: &'a [u8]) -> Option<Self> {
        let mut outer = Self(der);
        let members = outer.expect(SEQUENCE)?;
        outer.end()?;
        Some(Self(members))
    }

    /// The next member's tag and content.
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (tag, rest) = self.0.split_first()?;
        let (first, rest) = rest.split_first()?;
        let (length, rest, least) = match *first {
            short @ ..=0x7f => (usize::from(short), rest, 0),
            0x81 => rest.split_first().map(|(length, rest)| (usize::from(*length), rest, 0x80))?,
            0x82 => {
                let (length, rest) = rest.split_first_chunk::<2>()?;
                (usize::from(u16::from_be_bytes(*length)), rest, 0x100)
            }
            // No key has 64 KiB.
            _ => return None,
        };
        // DER has one way to write a length.
        if length < least {
            return None;
        }
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((*tag, content))
    }

    fn expect(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.next().filter(|(found, _)| *found == tag).map(|(_, content)| content)
    }

    /// A positive integer, without the zero that keeps it positive.
    fn unsigned(&mut self) -> Option<&'a [u8]> {
        let bytes = self.expect(INTEGER)?;
        match bytes.split_first()? {
            (0, rest) if rest.first().is_some_and(|first| *first >= 0x80) => Some(rest),
            (1..=0x7f, _) => Some(bytes),
            _ => None,
        }
    }

    fn end(&self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_shortest_positive_integers_are_numbers_of_a_key() {
        assert_eq!(rsa_public_key(&[0x30, 7, 2, 2, 0, 0x81, 2, 1, 3]), Some((&[0x81][..], &[3][..])));
        for bad in [
            &[0x30, 7, 2, 2, 0, 0x7f, 2, 1, 3][..],
            &[0x30, 6, 2, 1, 0x81, 2, 1, 3],
            &[0x30, 6, 2, 1, 0, 2, 1, 3],
            &[0x30, 6, 2, 1, 5, 2, 1, 3, 0],
            &[0x30, 9, 2, 1, 5, 2, 1, 3],
            &[],
        ] {
            assert_eq!(rsa_public_key(bad), None, "{bad:?}");
        }
    }
}
