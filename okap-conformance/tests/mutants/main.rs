//! A vault that lies, and the tests that catch it at that.
//!
//! `lies/` has the mutants: each is one thing that a vault may do wrong, put in at a seam of an
//! honest vault, with the ids of exactly the tests that fail on it. `cargo xtask mutants` prints the
//! kill score; words behind it pick mutants.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs,
    reason = "test code"
)]

mod bench;
mod flow;
mod lie;
mod lies;
mod table;

use std::collections::BTreeSet;

use futures_util::{StreamExt, stream};
use lie::{Lie, Mutant};

/// Mutants that are tried at a time with the tests that they name: they mostly wait.
const AT_ONCE: usize = 6;
/// With all tests, which are many at once already, and measure time.
const AT_ONCE_WITH_ALL: usize = 2;

#[tokio::test(flavor = "multi_thread")]
async fn the_vault_without_a_lie_passes_every_test() {
    let report = bench::run(Lie::NONE, |_| true).await;
    assert_eq!(report.trouble(), [""; 0]);
    assert!(report.passed() > 15, "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_mutant_is_killed_by_the_tests_it_names_and_fails_no_other() {
    // `cargo xtask mutants` tries all tests on each mutant, or those that it picks; else each is tried
    // with the tests that it names, which takes a tenth of the time
    let picked = std::env::var("OKAP_MUTANTS").ok();
    let tests = std::env::var("OKAP_MUTANTS_TESTS").unwrap_or_default();
    let only = picked.clone().unwrap_or_default();
    let tried = |mutant: &Mutant, id: &str| match picked {
        Some(_) => has_one(id, &tests),
        None => mutant.killed_by.contains(&id),
    };
    let runs = lies::all()
        .filter(|mutant| has_one(mutant.id, &only))
        .map(async |mutant| (mutant, bench::run(mutant.lie, |id| tried(mutant, id)).await));
    let at_once = if picked.is_some() { AT_ONCE_WITH_ALL } else { AT_ONCE };
    let mut runs = stream::iter(runs).buffered(at_once);
    let (mut killed, mut all, mut ran, mut wrong) = (0, 0, 0, Vec::new());
    while let Some((mutant, report)) = runs.next().await {
        let failed = report.failed();
        let named = mutant.killed_by.iter().copied().filter(|id| tried(mutant, id));
        let named: BTreeSet<_> = named.collect();
        let caught = !mutant.killed_by.is_empty() && named.is_subset(&failed);
        let mut stray: BTreeSet<_> = failed.difference(&named).copied().collect();
        if !stray.is_empty() {
            // on a busy machine a test that measures time fails by chance: a stray fails twice
            let again = bench::run(mutant.lie, |id| stray.contains(id)).await.failed();
            let chance: Vec<_> = stray.difference(&again).copied().collect();
            println!("        by chance {chance:?}");
            stray.retain(|id| again.contains(id));
        }
        // of those that name it none was picked: nothing is said of the mutant
        let idle = named.is_empty() && caught;
        all += usize::from(!idle);
        killed += usize::from(caught && !idle);
        ran += 1;
        let verdict = match (caught, stray.is_empty()) {
            (true, true) if idle => "idle",
            (true, true) => "killed",
            (true, false) => "stray",
            (false, _) => "ALIVE",
        };
        println!("{verdict:7} {:14} {:60} {}", mutant.id, mutant.what, mutant.killed_by.join(" "));
        if !caught || !stray.is_empty() {
            println!("        failed {failed:?}");
            wrong.push(format!(
                "{}: failed {failed:?}\n{}",
                mutant.id,
                report.trouble().join("\n")
            ));
        }
    }
    println!("kill score {killed}/{all}");
    assert!(wrong.is_empty() && ran > 0, "{}", wrong.join("\n"));
}

/// Whether an id has one of some words; no words are in each.
fn has_one(id: &str, words: &str) -> bool {
    words.is_empty() || words.split_whitespace().any(|word| id.contains(word))
}
