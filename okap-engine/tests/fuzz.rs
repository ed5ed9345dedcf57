//! The fuzz targets of `fuzz/`, run on stable: each seed as it is, then changed for a while.
//!
//! `OKAP_FUZZ_SECONDS` says how long a target runs; without it, half a second.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    reason = "tests"
)]

#[path = "../../fuzz/src/lib.rs"]
#[allow(dead_code, missing_docs, unreachable_pub, reason = "shared with fuzz/")]
mod fuzz;

use std::{
    fmt::Write as _,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    time::{Duration, Instant},
};

use fuzz::{mutate::Mutator, seeds, targets};

fn seconds() -> Duration {
    let wished = std::env::var("OKAP_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok());
    wished.map_or(Duration::from_millis(500), Duration::from_secs)
}

/// Runs a target until its time is up, and says with which bytes it failed.
fn run(name: &str) {
    let (_, target) = targets::ALL.iter().find(|(known, _)| *known == name).unwrap();
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("../spec/vectors");
    let seeds = seeds::of(name, &vectors);
    assert!(seeds.len() > 4, "{name} has {} seeds", seeds.len());
    let (count, begun) = (seeds.len(), Instant::now());
    let mut inputs = seeds.clone().into_iter();
    // other inputs at another time of day would fail where nobody can see it again
    let mut mutator = Mutator::new(seeds, 1);
    let mut runs = 0u64;
    while runs < u64::try_from(count).unwrap() || begun.elapsed() < seconds() {
        let input = inputs.next().unwrap_or_else(|| mutator.input());
        if catch_unwind(AssertUnwindSafe(|| target(&input))).is_err() {
            let hex = input.iter().fold(String::new(), |mut hex, byte| {
                let _ = write!(hex, "{byte:02x}");
                hex
            });
            panic!("{name} failed at run {runs} with {:?}\n{hex}", String::from_utf8_lossy(&input));
        }
        runs += 1;
    }
    println!("fuzz {name}: {count} seeds, {runs} runs in {} s", begun.elapsed().as_secs());
}

macro_rules! tests {
    ($($target:ident)+) => {
        $(#[test] fn $target() { run(stringify!($target)); })+

        #[test]
        fn every_target_is_run() {
            let named = [$(stringify!($target)),+];
            assert_eq!(targets::ALL.iter().map(|(name, _)| *name).collect::<Vec<_>>(), named);
        }
    };
}

tests! { request details form token user_code timestamp money meter client_document dpop_proof jws }
