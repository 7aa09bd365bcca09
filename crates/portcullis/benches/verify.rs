//! What verifying and issuing cost, beside what nobody can go below and beside another library, in one run.
//!
//! Run by `scripts/bench library`. criterion measures each alone, for the table of nanoseconds. The ratios of the
//! design's section on numbers are of duels: both sides in turn, half a millisecond each, so that a change of the
//! machine's pace meets both; the median of 400 turns counts.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs,
    reason = "a benchmark fails by panicking"
)]

use std::{
    collections::BTreeMap,
    hint::black_box,
    time::{Duration, Instant},
};

use aws_lc_rs::{
    encoding::AsDer as _,
    rsa::KeySize,
    signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, ParsedPublicKey, RsaKeyPair},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use criterion::Criterion;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jsonwebtoken::{DecodingKey, Validation};
use portcullis::{Algorithm, JwtManager, Key, Revocation as _, RevocationIndex, Verdict};
use sha2::Sha256;

const SECRET: &[u8] = b"sixty-four bytes of a secret that nobody uses for anything else.";

/// Nanoseconds of each sample, and the lines of the table of ratios.
#[derive(Default)]
struct Figures {
    nanoseconds: BTreeMap<String, Vec<f64>>,
    ratios: Vec<String>,
}

impl Figures {
    /// Lets criterion measure something and keeps what it saw.
    fn measure<T>(&mut self, criterion: &mut Criterion, name: &str, mut work: impl FnMut() -> T) {
        let samples = self.nanoseconds.entry(name.to_owned()).or_default();
        criterion.bench_function(name, |bencher| {
            bencher.iter_custom(|rounds| {
                let took = time(rounds, &mut work);
                samples.push(nanoseconds(took, rounds));
                took
            });
        });
    }

    /// How much longer one side takes than the other, measured in turns.
    fn duel<T, U>(
        &mut self,
        what: &str,
        goal: &str,
        mut one: impl FnMut() -> T,
        mut other: impl FnMut() -> U,
    ) {
        const TURN: f64 = 500_000.0;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a positive number of rounds"
        )]
        let rounds = |pace: f64| (TURN / pace).max(1.0) as u64;
        let (ones, others) = (nanoseconds(time(64, &mut one), 64), nanoseconds(time(64, &mut other), 64));
        let (ones, others) = (rounds(ones), rounds(others));
        let mut ratios: Vec<f64> = (0..400)
            .map(|_| nanoseconds(time(ones, &mut one), ones) / nanoseconds(time(others, &mut other), others))
            .collect();
        ratios.sort_by(f64::total_cmp);
        let (low, middle, high) = (ratios[40], ratios[200], ratios[360]);
        self.ratios.push(format!("{what:<36} {middle:>6.3}   {low:>6.3} to {high:>6.3}   {goal}"));
    }

    fn median(&self, name: &str) -> f64 {
        let mut samples = self.nanoseconds[name].clone();
        samples.sort_by(f64::total_cmp);
        samples[samples.len() / 2]
    }
}

fn time<T>(rounds: u64, work: &mut impl FnMut() -> T) -> Duration {
    let start = now();
    for _ in 0..rounds {
        black_box(work());
    }
    now().duration_since(start)
}

#[expect(clippy::cast_precision_loss, reason = "a few digits are enough")]
fn nanoseconds(took: Duration, rounds: u64) -> f64 {
    took.as_nanos() as f64 / rounds as f64
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
fn now() -> Instant {
    Instant::now()
}

fn main() {
    // `cargo test --benches` runs this too, and wants nothing measured.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .without_plots();
    let mut figures = Figures::default();
    hs256(&mut criterion, &mut figures);
    let pairs = [Algorithm::RS256, Algorithm::PS256, Algorithm::ES256, Algorithm::EdDSA].map(Pair::new);
    for pair in &pairs {
        asymmetric(&mut criterion, &mut figures, pair);
    }
    issuing(&mut criterion, &mut figures);
    revocation(&mut criterion, &mut figures);
    look_up(&mut criterion, &mut figures);
    report(&figures);
}

fn hs256(criterion: &mut Criterion, figures: &mut Figures) {
    let jwt = JwtManager::builder(Key::hs256(SECRET).unwrap()).build().unwrap();
    let token = jwt.access("alice").claim("role", "ed").sign().unwrap().into_string();
    println!("the token of HS256 has {} bytes", token.len());
    let input = token.rsplit_once('.').unwrap().0.as_bytes().to_vec();
    let key = Hmac::<Sha256>::new_from_slice(SECRET).unwrap();
    let theirs = DecodingKey::from_secret(SECRET);
    let mut validation = Validation::new(jsonwebtoken::Algorithm::HS256);
    (validation.leeway, validation.validate_nbf, validation.validate_aud) = (0, true, false);
    let hmac = || key.clone().chain_update(black_box(&input)).finalize();
    let verify = || jwt.verify(black_box(&token)).unwrap();
    let other = || jsonwebtoken::decode::<Claims>(black_box(&token), &theirs, &validation).unwrap();
    figures.duel("HS256 verify / one HMAC-SHA256", "at most 2.5", verify, hmac);
    figures.duel("jsonwebtoken 11 / HS256 verify", "at least 4", other, verify);
    figures.measure(criterion, "HS256/hmac alone", hmac);
    figures.measure(criterion, "HS256/verify", verify);
    figures.measure(criterion, "HS256/jsonwebtoken", other);
    figures.measure(criterion, "HS256/issue", || jwt.access("alice").claim("role", "ed").sign().unwrap());
}

/// What jsonwebtoken is asked for: as much as ours gives.
#[derive(serde::Deserialize)]
#[expect(dead_code, reason = "read by nobody, as of the other side")]
struct Claims {
    sub: String,
    jti: String,
    exp: i64,
    iat: i64,
    nbf: i64,
    #[serde(rename = "type")]
    kind: String,
    fresh: bool,
}

struct Pair {
    algorithm: Algorithm,
    key: Key,
    public: ParsedPublicKey,
}

impl Pair {
    fn new(algorithm: Algorithm) -> Self {
        let (pkcs8, public) = match algorithm {
            Algorithm::ES256 => {
                let pair = EcdsaKeyPair::generate(&signature::ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
                let public = ParsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, pair.public_key());
                (pair.to_pkcs8v1().unwrap().as_ref().to_vec(), public)
            }
            Algorithm::EdDSA => {
                let pair = Ed25519KeyPair::generate().unwrap();
                let public = ParsedPublicKey::new(&signature::ED25519, pair.public_key());
                (pair.to_pkcs8v1().unwrap().as_ref().to_vec(), public)
            }
            _ => {
                let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
                let public = if algorithm == Algorithm::RS256 {
                    ParsedPublicKey::new(&signature::RSA_PKCS1_2048_8192_SHA256, pair.public_key())
                } else {
                    ParsedPublicKey::new(&signature::RSA_PSS_2048_8192_SHA256, pair.public_key())
                };
                (pair.as_der().unwrap().as_ref().to_vec(), public)
            }
        };
        Self { algorithm, key: Key::from_der(algorithm, pkcs8).unwrap(), public: public.unwrap() }
    }
}

fn asymmetric(criterion: &mut Criterion, figures: &mut Figures, pair: &Pair) {
    let forgetful = JwtManager::builder(pair.key.clone()).remembered_tokens(0).build().unwrap();
    let remembering = JwtManager::builder(pair.key.clone()).build().unwrap();
    let token = forgetful.access("alice").claim("role", "ed").sign().unwrap().into_string();
    let (input, signature) = token.rsplit_once('.').unwrap();
    let signature = BASE64.decode(signature).unwrap();
    let name = |what: &str| format!("{}/{what}", pair.algorithm);
    let alone = || pair.public.verify_sig(black_box(input.as_bytes()), black_box(&signature)).unwrap();
    let verify = || forgetful.verify(black_box(&token)).unwrap();
    figures.duel(&format!("{} verify / aws-lc alone", pair.algorithm), "at most 1.05", verify, alone);
    figures.measure(criterion, &name("aws-lc alone"), alone);
    figures.measure(criterion, &name("verify"), verify);
    figures.measure(criterion, &name("remembered"), || remembering.verify(black_box(&token)).unwrap());
    figures
        .measure(criterion, &name("issue"), || forgetful.access("alice").claim("role", "ed").sign().unwrap());
}

/// What issuing costs with the algorithms that are not measured above.
fn issuing(criterion: &mut Criterion, figures: &mut Figures) {
    let rsa = RsaKeyPair::generate(KeySize::Rsa2048).unwrap().as_der().unwrap().as_ref().to_vec();
    let ec = |of| EcdsaKeyPair::generate(of).unwrap().to_pkcs8v1().unwrap().as_ref().to_vec();
    let (p384, p521) =
        (ec(&signature::ECDSA_P384_SHA384_FIXED_SIGNING), ec(&signature::ECDSA_P521_SHA512_FIXED_SIGNING));
    let of = |algorithm, der: &[u8]| Key::from_der(algorithm, der).unwrap();
    for key in [
        Key::hs384(SECRET).unwrap(),
        Key::hs512(SECRET).unwrap(),
        of(Algorithm::RS384, &rsa),
        of(Algorithm::RS512, &rsa),
        of(Algorithm::PS384, &rsa),
        of(Algorithm::PS512, &rsa),
        of(Algorithm::ES384, &p384),
        of(Algorithm::ES512, &p521),
    ] {
        let name = format!("{}/issue", key.algorithm());
        let jwt = JwtManager::builder(key).build().unwrap();
        figures.measure(criterion, &name, || jwt.access("alice").claim("role", "ed").sign().unwrap());
    }
}

/// What the index costs a token of a session, two look-ups, with a million sessions in it. Not always the same
/// token: what is looked up would stay in the processor's nearest memory, as it does in no service.
fn revocation(criterion: &mut Criterion, figures: &mut Figures) {
    const SESSIONS: usize = 1_000_000;
    const TOKENS: usize = 8192;
    let index = RevocationIndex::new();
    (0..SESSIONS).for_each(|n| index.revoke_session(&format!("session {n}"), None));
    let jwt = JwtManager::builder(Key::hs256(SECRET).unwrap()).build().unwrap();
    for (what, from) in [("hit", 0), ("miss", SESSIONS)] {
        let token = |n: usize| jwt.access("alice").session(format!("session {n}"), 1).sign().unwrap();
        // Spread over the whole, as they come.
        let places = (0..TOKENS).map(|n| from + n * (SESSIONS / TOKENS));
        let tokens: Vec<_> = places.map(|n| jwt.verify(token(n).as_str()).unwrap()).collect();
        assert!(tokens.iter().all(|token| matches!(index.check(token), Verdict::Revoked) == (what == "hit")));
        let mut next = 0;
        figures.measure(criterion, &format!("index of {SESSIONS} sessions/{what}"), || {
            next = (next + 1) % TOKENS;
            index.check(black_box(&tokens[next]))
        });
    }
}

/// What one look-up costs that finds nothing, by ids that were not looked up just before.
fn look_up(criterion: &mut Criterion, figures: &mut Figures) {
    const ENTRIES: usize = 1_000_000;
    const IDS: usize = 8192;
    let index = RevocationIndex::new();
    (0..ENTRIES).for_each(|n| index.revoke_token(&format!("token {n}"), None));
    let ids: Vec<String> = (0..IDS).map(|n| format!("unknown {}", n * (ENTRIES / IDS))).collect();
    let mut next = 0;
    figures.measure(criterion, &format!("index of {ENTRIES} tokens/one look-up, miss"), || {
        next = (next + 1) % IDS;
        index.is_token_revoked(black_box(&ids[next]))
    });
}

fn report(figures: &Figures) {
    println!("\n{:<36} {:>6}   {:<16}   goal", "ratio", "median", "10 % to 90 %");
    figures.ratios.iter().for_each(|line| println!("{line}"));
    println!("\n{:<36} {:>9}", "nanoseconds", "median");
    for name in figures.nanoseconds.keys() {
        let goal = if name.ends_with("/remembered") { "   at most 150" } else { "" };
        println!("{name:<36} {:>9.0}{goal}", figures.median(name));
    }
}
