//! What an index notes of a token's id or of a session: until when, and which generations it ends, in one word.

use crate::{NumericDate, TokenKind};

/// The expiry in seconds in the upper 40 bits, the bound in the lower 24: read and written as one, so that nobody
/// sees the expiry of one note with the bound of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Note(u64);

impl Note {
    const BOUND_BITS: u32 = 24;

    /// The bound that stands for all of it, refresh tokens too.
    const ALL: u64 = (1 << Self::BOUND_BITS) - 1;

    /// The expiry that stands for "never"; as a moment it is in the year 36 812.
    const NEVER: u64 = (1 << (u64::BITS - Self::BOUND_BITS)) - 1;

    /// All of a token or a session, until a moment or for good.
    pub(super) fn all(expires_at: Option<NumericDate>) -> Self {
        Self::new(expires_at, Self::ALL)
    }

    /// A session's access tokens up to a generation.
    pub(super) fn access(up_to: u32, expires_at: Option<NumericDate>) -> Self {
        Self::new(expires_at, saturated(up_to))
    }

    fn new(expires_at: Option<NumericDate>, bound: u64) -> Self {
        Self(expires_at.map_or(Self::NEVER, seconds) << Self::BOUND_BITS | bound)
    }

    pub(super) const fn from_word(word: u64) -> Self {
        Self(word)
    }

    pub(super) const fn word(self) -> u64 {
        self.0
    }

    /// Both notes at once: the later expiry and the higher bound.
    pub(super) fn and(self, other: Self) -> Self {
        Self(self.expiry().max(other.expiry()) << Self::BOUND_BITS | self.bound().max(other.bound()))
    }

    /// Whether a session's token of this kind and generation is revoked.
    pub(super) fn ends(self, kind: TokenKind, generation: u32) -> bool {
        let bound = self.bound();
        bound == Self::ALL || kind == TokenKind::Access && saturated(generation) <= bound
    }

    /// Whether the note still counts at a moment.
    pub(super) fn lasts_until(self, moment: NumericDate) -> bool {
        self.expiry() >= seconds(moment)
    }

    const fn expiry(self) -> u64 {
        self.0 >> Self::BOUND_BITS
    }

    const fn bound(self) -> u64 {
        self.0 & Self::ALL
    }
}

/// A moment before 1970 is taken for 1970: the entry is kept a little longer.
fn seconds(moment: NumericDate) -> u64 {
    u64::try_from(moment.seconds()).unwrap_or(0).min(Note::NEVER)
}

/// The last generation that has a number of its own stands for all beyond it, in notes and in tokens alike, so that
/// one too many is refused and never one too few.
fn saturated(generation: u32) -> u64 {
    u64::from(generation).min(Note::ALL - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: fn(i64) -> Option<NumericDate> = |seconds| Some(NumericDate::from_seconds(seconds));

    #[test]
    fn a_bound_ends_access_tokens_up_to_it() {
        let last = u32::try_from(Note::ALL).unwrap() - 1;
        for (bound, generation, ended) in [
            (0, 0, true),
            (0, 1, false),
            (7, 7, true),
            (7, 8, false),
            (last - 1, last, false),
            (last, last, true),
            // Beyond the last number there is no telling apart.
            (last, u32::MAX, true),
            (u32::MAX, u32::MAX, true),
            (u32::MAX, last - 1, true),
        ] {
            let note = Note::access(bound, None);
            assert_eq!(note.ends(TokenKind::Access, generation), ended, "{bound} {generation}");
            assert!(!note.ends(TokenKind::Refresh, generation), "{bound} {generation}");
        }
        assert!(Note::all(None).ends(TokenKind::Refresh, u32::MAX));
    }

    #[test]
    fn of_two_notes_the_later_expiry_and_the_higher_bound_count() {
        let both = Note::all(AT(100)).and(Note::access(3, AT(200)));
        assert_eq!(both, Note::all(AT(200)));
        assert_eq!(Note::access(3, None).and(Note::access(9, AT(5))), Note::access(9, None));
    }

    #[test]
    fn an_expiry_stays_within_its_bits() {
        for (expiry, moment, lasts) in [
            (AT(100), 100, true),
            (AT(100), 101, false),
            (AT(-5), -5, true),
            (AT(-5), 0, true),
            (AT(-5), 1, false),
            (AT(i64::MAX), i64::MAX, true),
            (None, i64::MAX, true),
        ] {
            assert_eq!(Note::all(expiry).lasts_until(NumericDate::from_seconds(moment)), lasts, "{expiry:?}");
        }
    }
}
