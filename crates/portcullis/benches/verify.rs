//! What verifying and issuing cost, beside what nobody can go below and beside another library, in one run.
//!
//! Run by `scripts/bench library`. criterion measures; the table at the end has the medians of its samples and
//! the ratios of the design's section on numbers.

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
use portcullis::{Algorithm, JwtManager, Key};
use sha2::Sha256;

const SECRET: &[u8] = b"sixty-four bytes of a secret that nobody uses for anything else.";

/// Nanoseconds of each sample, by name.
#[derive(Default)]
struct Figures(BTreeMap<String, Vec<f64>>);

impl Figures {
    /// Lets criterion measure something and keeps what it saw.
    fn measure<T>(&mut self, criterion: &mut Criterion, name: &str, mut work: impl FnMut() -> T) {
        let samples = self.0.entry(name.to_owned()).or_default();
        criterion.bench_function(name, |bencher| {
            bencher.iter_custom(|rounds| {
                let start = now();
                for _ in 0..rounds {
                    black_box(work());
                }
                let took = start.elapsed();
                #[expect(clippy::cast_precision_loss, reason = "a few digits are enough")]
                samples.push(took.as_nanos() as f64 / rounds as f64);
                took
            });
        });
    }

    fn median(&self, name: &str) -> f64 {
        let mut samples = self.0[name].clone();
        samples.sort_by(f64::total_cmp);
        samples[samples.len() / 2]
    }

    fn ratio(&self, one: &str, other: &str) -> f64 {
        self.median(one) / self.median(other)
    }
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
    report(&figures, &pairs);
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
    // Twice, so that a change of the machine's pace during the run shows.
    for round in ["1", "2"] {
        let name = |what: &str| format!("HS256/{what}/{round}");
        figures.measure(criterion, &name("hmac alone"), || {
            key.clone().chain_update(black_box(&input)).finalize()
        });
        figures.measure(criterion, &name("verify"), || jwt.verify(black_box(&token)).unwrap());
        figures.measure(criterion, &name("jsonwebtoken"), || {
            jsonwebtoken::decode::<Claims>(black_box(&token), &theirs, &validation).unwrap()
        });
    }
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
    for round in ["1", "2"] {
        let name = |what: &str| format!("{}/{what}/{round}", pair.algorithm);
        figures.measure(criterion, &name("aws-lc alone"), || {
            pair.public.verify_sig(black_box(input.as_bytes()), black_box(&signature)).unwrap();
        });
        figures.measure(criterion, &name("verify"), || forgetful.verify(black_box(&token)).unwrap());
    }
    let name = format!("{}/remembered", pair.algorithm);
    figures.measure(criterion, &name, || remembering.verify(black_box(&token)).unwrap());
    let name = format!("{}/issue", pair.algorithm);
    figures.measure(criterion, &name, || forgetful.access("alice").claim("role", "ed").sign().unwrap());
}

fn report(figures: &Figures, pairs: &[Pair]) {
    println!("\n{:<44} {:>9} {:>9}   goal", "", "run 1", "run 2");
    let line = |what: &str, values: [f64; 2], goal: &str| {
        println!("{what:<44} {:>9.2} {:>9.2}   {goal}", values[0], values[1]);
    };
    let both = |what: &str, one: &str, other: &str, goal: &str| {
        let name = |it: &str, round: &str| format!("{it}/{round}");
        let ratio = |round: &str| figures.ratio(&name(one, round), &name(other, round));
        line(what, ["1", "2"].map(ratio), goal);
    };
    both("HS256 verify / one HMAC-SHA256", "HS256/verify", "HS256/hmac alone", "at most 2.5");
    both("jsonwebtoken 11 / HS256 verify", "HS256/jsonwebtoken", "HS256/verify", "at least 4");
    for pair in pairs {
        let name = |what: &str| format!("{}/{what}", pair.algorithm);
        let what = format!("{} verify / aws-lc alone", pair.algorithm);
        both(&what, &name("verify"), &name("aws-lc alone"), "at most 1.05");
    }
    println!("\n{:<44} {:>12}", "", "ns");
    let plain = |name: &str, goal: &str| println!("{name:<44} {:>12.0}   {goal}", figures.median(name));
    for name in figures.0.keys() {
        plain(name, if name.ends_with("/remembered") { "at most 150" } else { "" });
    }
}
