//! How often verifying a token asks the heap for memory. A binary of its own: counting slows what it counts.
//!
//! Run by `scripts/bench library`.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "a benchmark fails by panicking")]

use allocation_counter::measure;
use portcullis::{JwtManager, Key};

fn main() {
    // `cargo test --benches` runs this too, and wants nothing measured.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let jwt = JwtManager::builder(Key::hs256([7; 32]).unwrap()).build().unwrap();
    let token = jwt.access("alice").claim("role", "ed").sign().unwrap();
    drop(jwt.verify(token.as_str()));
    let count = measure(|| drop(jwt.verify(token.as_str()))).count_total;
    println!("heap allocations of one HS256 verify: {count} (goal: 0)");
}
