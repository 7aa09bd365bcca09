//! Argon2id with memory that is used again: what one hash worker does.

use argon2::{
    Algorithm, Argon2, Block, MIN_SALT_LEN, Params, Version,
    password_hash::phc::{Output, ParamsString, PasswordHash as Phc, Salt},
};
use zeroize::Zeroizing;

use super::{HashCost, PasswordsError, stored::Unverifiable};
use crate::model::{Password, PasswordHash};

/// The memory of one worker: made at the first hash, used again by the next ones, given back when told.
#[derive(Default)]
pub(super) struct Arena {
    blocks: Vec<Block>,
    /// How often it was used: what a check costs, whatever the machine does meanwhile.
    #[cfg(test)]
    pub(super) uses: usize,
}

impl Arena {
    /// 40 MiB of address space, of which only the blocks in use cost memory.
    ///
    /// glibc hands memory back to the system at once only where the request is above its mmap threshold, and
    /// that threshold follows freed requests up to 32 MiB. A larger reservation never goes through the heap.
    const RESERVED_BLOCKS: usize = 40 * 1024;

    fn of(&mut self, params: &Params) -> &mut [Block] {
        #[cfg(test)]
        {
            self.uses += 1;
        }
        let wanted = params.block_count();
        if self.blocks.capacity() < wanted.max(Self::RESERVED_BLOCKS) {
            self.blocks = Vec::with_capacity(wanted.max(Self::RESERVED_BLOCKS));
        }
        if self.blocks.len() < wanted {
            self.blocks.resize(wanted, Block::new());
        }
        self.blocks.get_mut(..wanted).unwrap_or_default()
    }

    /// Gives the memory back to the system.
    pub(super) fn release(&mut self) {
        self.blocks = Vec::new();
    }

    /// Gives the memory back that is more than a hash of a cost takes: a stored hash that took more must not keep it from
    /// others for as long as logins keep coming.
    pub(super) fn release_beyond(&mut self, cost: Option<HashCost>) {
        let usual = cost.map_or(0, |cost| usize::try_from(cost.memory_kib).unwrap_or(usize::MAX));
        if self.blocks.len() > usual {
            self.release();
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.blocks.capacity() == 0
    }
}

/// The largest cost of a stored hash that is worked on: a stored `m=4 GiB` must not take the service down.
const MAX_MEMORY_KIB: u32 = 256 * 1024;
const MAX_PASSES: u32 = 20;
const MAX_LANES: u32 = 16;

/// Hashes a new password, with 16 random bytes of salt.
pub(super) fn hash(
    password: &Password,
    cost: HashCost,
    arena: &mut Arena,
) -> Result<PasswordHash, PasswordsError> {
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).map_err(|_| PasswordsError::Failed("the system gave no random bytes"))?;
    let failed = |_| PasswordsError::Failed("argon2 refused its parameters");
    let params = Params::new(cost.memory_kib, cost.passes, 1, Some(32)).map_err(failed)?;
    let mut output = Zeroizing::new([0; 32]);
    let normalized = password.normalized();
    derive(&normalized, &salt, &params, Algorithm::Argon2id, &mut *output, arena).map_err(failed)?;
    phc(&params, &salt, &*output).ok_or(PasswordsError::Failed("the hash has no text form"))
}

/// A hash taken apart, whole and within the caps.
pub(super) struct Hash {
    algorithm: Algorithm,
    params: Params,
    salt: Salt,
    expected: Output,
}

impl Hash {
    /// Takes a stored hash apart.
    pub(super) fn read(stored: &str) -> Result<Self, Unverifiable> {
        let stored = Phc::new(stored).map_err(|_| Unverifiable::Damaged)?;
        let algorithm = Algorithm::try_from(stored.algorithm.as_str()).map_err(|_| Unverifiable::Unknown)?;
        if stored.version.is_some_and(|version| version != u32::from(Version::V0x13)) {
            return Err(Unverifiable::Unknown);
        }
        let (Some(salt), Some(expected)) = (stored.salt, stored.hash) else {
            return Err(Unverifiable::Damaged);
        };
        let params = Params::try_from(&stored).map_err(|_| Unverifiable::Damaged)?;
        if params.m_cost() > MAX_MEMORY_KIB || params.t_cost() > MAX_PASSES || params.p_cost() > MAX_LANES {
            return Err(Unverifiable::AboveCap);
        }
        if salt.as_ref().len() < MIN_SALT_LEN {
            return Err(Unverifiable::Damaged);
        }
        Ok(Self { algorithm, params, salt, expected })
    }

    /// Whether it was made of a password: ours of its NFKC form. Others hash the bytes as they came, and which of the two
    /// was done cannot be seen. Where the forms differ both are always tried: a right password that took one hash where a
    /// wrong one takes two would show by its time, at a disabled account too.
    pub(super) fn has(&self, password: &Password, arena: &mut Arena) -> Result<bool, Unverifiable> {
        let mut is = |text: &str| {
            let mut output = Zeroizing::new(vec![0; self.expected.len()]);
            derive(text, self.salt.as_ref(), &self.params, self.algorithm, &mut output, arena)
                .and_then(|()| Output::new(&output).map_err(|_| argon2::Error::OutputTooLong))
                // `Output` compares in constant time.
                .map(|output| output == self.expected)
                .map_err(|_| Unverifiable::Damaged)
        };
        let normalized = password.normalized();
        let of_normalized = is(&normalized)?;
        let of_presented = *normalized != password.presented() && is(password.presented())?;
        Ok(of_normalized | of_presented)
    }
}

/// How much work an argon2id hash is, where it is one.
pub(super) fn work(stored: &str) -> Option<u64> {
    let stored = Phc::new(stored).ok()?;
    let params = Params::try_from(&stored).ok()?;
    let cost = HashCost { memory_kib: params.m_cost(), passes: params.t_cost() };
    (stored.algorithm == Algorithm::Argon2id.ident()).then(|| cost.work())
}

/// A hash that no password has: what an unknown name is checked against, at the present cost.
///
/// It is written, not computed, so that starting costs nothing.
pub(super) fn dummy(cost: HashCost) -> PasswordHash {
    PasswordHash::stored(format!(
        "$argon2id$v=19$m={},t={},p=1$cG9ydGN1bGxpcy5kdW1teQ$bm9ib2R5IGhhcyB0aGlzIHBhc3N3b3JkLCBub2JvZHk",
        cost.memory_kib, cost.passes
    ))
}

fn derive(
    password: &str,
    salt: &[u8],
    params: &Params,
    algorithm: Algorithm,
    output: &mut [u8],
    arena: &mut Arena,
) -> Result<(), argon2::Error> {
    let argon2 = Argon2::new(algorithm, Version::V0x13, params.clone());
    argon2.hash_password_into_with_memory(password.as_bytes(), salt, output, arena.of(params))
}

fn phc(params: &Params, salt: &[u8], output: &[u8]) -> Option<PasswordHash> {
    let phc = Phc {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(params).ok()?,
        salt: Some(Salt::new(salt).ok()?),
        hash: Some(Output::new(output).ok()?),
    };
    Some(PasswordHash::stored(phc.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: HashCost = HashCost { memory_kib: 64, passes: 1 };

    fn password(text: &str) -> Password {
        Password::parse(text).unwrap()
    }

    fn verify(password: &Password, stored: &str, arena: &mut Arena) -> Result<bool, Unverifiable> {
        Hash::read(stored)?.has(password, arena)
    }

    #[test]
    fn a_hash_verifies_its_password_and_no_other() {
        let mut arena = Arena::default();
        let stored = hash(&password("correct horse"), CHEAP, &mut arena).unwrap();
        assert!(stored.as_str().starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{}", stored.as_str());
        assert_eq!(verify(&password("correct horse"), stored.as_str(), &mut arena), Ok(true));
        assert_eq!(verify(&password("correct horse "), stored.as_str(), &mut arena), Ok(false));
    }

    #[test]
    fn a_hash_of_the_reference_implementation_verifies() {
        // From the test of the reference implementation: "password", "somesalt", m=256, t=2, p=1.
        let stored = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        assert_eq!(verify(&password("password"), stored, &mut Arena::default()), Ok(true));
    }

    #[test]
    fn the_dummy_costs_what_a_real_hash_costs_and_never_verifies() {
        let dummy = dummy(CHEAP);
        assert_eq!(verify(&password("x"), dummy.as_str(), &mut Arena::default()), Ok(false));
        let params = Params::try_from(&Phc::new(dummy.as_str()).unwrap()).unwrap();
        assert_eq!((params.m_cost(), params.t_cost(), params.output_len()), (64, 1, Some(32)));
    }

    #[test]
    fn damaged_and_oversized_hashes_are_not_worked_on() {
        const HASH: &str = "c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        for (stored, problem) in [
            ("", Unverifiable::Damaged),
            ("plain", Unverifiable::Damaged),
            ("$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ", Unverifiable::Damaged),
            (&format!("$argon2id$v=16$m=64,t=1,p=1${HASH}"), Unverifiable::Unknown),
            (&format!("$argon2id$v=19$m=4194304,t=1,p=1${HASH}"), Unverifiable::AboveCap),
            (&format!("$argon2id$v=19$m=64,t=1000000,p=1${HASH}"), Unverifiable::AboveCap),
            (&format!("$argon2id$v=19$m=1024,t=1,p=17${HASH}"), Unverifiable::AboveCap),
            (&format!("$bcrypt$v=19$m=64,t=1,p=1${HASH}"), Unverifiable::Unknown),
        ] {
            let verdict = verify(&password("password"), stored, &mut Arena::default());
            assert_eq!(verdict, Err(problem), "{stored}");
        }
    }

    #[test]
    fn a_right_password_is_as_much_work_as_a_wrong_one_in_every_spelling() {
        // LOG-02
        for (typed, hashes) in [("password", 1), ("pa\u{308}ssword", 2)] {
            let ours = hash(&password(typed), CHEAP, &mut Arena::default()).unwrap();
            let dummy = dummy(CHEAP);
            for (stored, holds) in [(&ours, true), (&dummy, false)] {
                let mut arena = Arena::default();
                assert_eq!(verify(&password(typed), stored.as_str(), &mut arena), Ok(holds));
                assert_eq!(arena.uses, hashes, "{typed}, right: {holds}");
            }
        }
    }

    #[test]
    fn a_hash_of_the_bytes_as_they_came_verifies_too() {
        // PWD-04
        // By argon2-cffi, which does not normalise, of a password that NFKC changes.
        let typed = "pa\u{308}ssw\u{f6}rd \u{fb01}";
        let stored =
            "$argon2id$v=19$m=64,t=1,p=2$14Wdm9AZ4JyoZAlB8E1eGg$piy9Egv4C+72iyNRvvm2e1uucCh45ehzDeGRWVGixjw";
        let mut arena = Arena::default();
        assert_eq!(verify(&password(typed), stored, &mut arena), Ok(true));
        assert_eq!(verify(&password(&password(typed).normalized()), stored, &mut arena), Ok(false));
        let ours = hash(&password(typed), CHEAP, &mut arena).unwrap();
        assert_eq!(verify(&password(&password(typed).normalized()), ours.as_str(), &mut arena), Ok(true));
        assert_eq!(verify(&password(typed), ours.as_str(), &mut arena), Ok(true));
    }
}
