//! The claims that a token has to have, so that all of them are looked for at once.

use super::Registered;

/// The required claims, each with a bit that is marked when the claim is there.
#[derive(Clone, Debug)]
pub(crate) struct Required {
    claims: Vec<(String, u128)>,
    all: u128,
}

impl Required {
    /// How many claims can be required: those without a place have the upper bits.
    pub(crate) const MOST: usize = 64;

    pub(crate) fn new(names: &[String]) -> Self {
        let mut claims: Vec<(String, u128)> = Vec::with_capacity(names.len());
        for (place, name) in names.iter().take(Self::MOST).enumerate() {
            // A name that is listed twice must not be missing for ever.
            let known = claims.iter().find(|(known, _)| known == name).map(|(_, bit)| *bit);
            let own = || Registered::placed(name).map_or(1 << (Self::MOST + place), Self::place);
            claims.push((name.clone(), known.unwrap_or_else(own)));
        }
        let all = claims.iter().fold(0, |all, (_, bit)| all | bit);
        Self { claims, all }
    }

    /// The bit of a claim with a place.
    #[inline]
    pub(super) const fn place(claim: Registered) -> u128 {
        1 << claim as u32
    }

    /// The bit of a claim without a place, none where it is not required.
    pub(super) fn bit_of(&self, name: &str) -> u128 {
        self.claims.iter().find(|(required, _)| required == name).map_or(0, |(_, bit)| *bit)
    }

    /// The first of the claims that is not marked.
    #[inline]
    pub(super) fn first_missing(&self, present: u128) -> Option<&str> {
        if self.all & !present == 0 {
            return None;
        }
        self.claims.iter().find(|(_, bit)| present & bit == 0).map(|(name, _)| name.as_str())
    }
}
