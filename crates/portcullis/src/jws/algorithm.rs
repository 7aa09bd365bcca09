//! The algorithms, by their registered names.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, de};

/// A signature algorithm (RFC 7518 section 3.1). It belongs to a key, never to a token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// HMAC with SHA-256; secrets of at least 32 bytes.
    #[default]
    HS256,
    /// HMAC with SHA-384; secrets of at least 48 bytes.
    HS384,
    /// HMAC with SHA-512; secrets of at least 64 bytes.
    HS512,
}

impl Algorithm {
    const ALL: [Self; 3] = [Self::HS256, Self::HS384, Self::HS512];

    /// The registered name, as the header member `alg` has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::HS256 => "HS256",
            Self::HS384 => "HS384",
            Self::HS512 => "HS512",
        }
    }

    /// The shortest secret in bytes: the length of the hash (RFC 7518 section 3.2).
    pub const fn min_secret_bytes(self) -> usize {
        match self {
            Self::HS256 => 32,
            Self::HS384 => 48,
            Self::HS512 => 64,
        }
    }

    /// The algorithm of exactly this name (RFC 8725 section 3.1: no other spelling).
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    fn from_str(name: &str) -> Result<Self, UnknownAlgorithm> {
        Self::from_name(name).ok_or(UnknownAlgorithm)
    }
}

impl<'de> Deserialize<'de> for Algorithm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// A name that is none of the supported algorithms'.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected one of HS256, HS384, HS512")]
pub struct UnknownAlgorithm;
