//! What counting adds to a request: no memory, and time that `--nocapture` shows.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    missing_docs,
    reason = "a test says what is wrong by failing"
)]

use std::{hint::black_box, time::Duration};

use allocation_counter::measure;
use axum::http::{Method, StatusCode};
use portcullis::{Clock, SystemClock};
use portcullis_server::{metrics::Requests, route_table};

const TIMES: u32 = 1_000_000;

#[test]
fn a_request_is_counted_without_an_allocation() {
    let requests = Requests::of(route_table().into_iter().map(|route| route.path));
    let took = Duration::from_micros(40);
    let count = |method: &Method, route| {
        let underway = requests.begin();
        underway.answered(black_box(method), black_box(Some(route)), black_box(StatusCode::OK), took);
    };
    let other = Method::from_bytes(b"BREW").unwrap();
    let allocations = measure(|| {
        count(&Method::GET, "/tests/secret");
        count(&other, "/nowhere");
    });
    assert_eq!(allocations.count_total, 0);
    let begun = SystemClock.monotonic();
    for _ in 0..TIMES {
        count(&Method::GET, "/tests/secret");
    }
    // No bound: a test must not fail because a machine is busy. A build for release takes a few dozen ns.
    println!("counting a request takes {:?}", (SystemClock.monotonic() - begun) / TIMES);
}
