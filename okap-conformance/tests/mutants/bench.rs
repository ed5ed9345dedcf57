//! Runs the catalogue against the vault with a lie in it.

mod decision;
mod documents;
mod driver;
pub(crate) mod pages;
mod seams;
mod vault;
mod wire;

use std::{collections::BTreeSet, path::Path, sync::Arc};

use okap_conformance::{
    catalogue,
    provider::{self, FakeProvider},
    report::Run,
    runner::{self, Options},
    seed::Seed,
    stage::Stage,
    target::Target,
    verdict::Verdict,
};

use crate::lie::Lie;

/// What the catalogue says of a vault.
#[derive(Debug)]
pub(crate) struct Report(Run);

/// Runs the tests that are meant, of the profiles that the vault has.
pub(crate) async fn run(lie: Lie, meant: impl Fn(&str) -> bool) -> Report {
    let provider = FakeProvider::start(provider::Config::default()).await.unwrap();
    let vault = vault::Vault::start(&provider, lie).await;
    let settings = [format!("target.base_url={}", vault.url)];
    let target = include_str!("bench/mutants.toml");
    let target = Target::parse(target, Path::new("mutants.toml"), &settings, []).unwrap();
    let profiles = target.profiles();
    let tests = catalogue::all().filter(|test| profiles.contains(&test.profile) && meant(test.id));
    let tests: Vec<_> = tests.collect();
    let driver = Box::new(driver::Within::new(&vault));
    let stage = Stage::within(target, provider, driver, Seed::fresh()).await.unwrap();
    let mut report = Run::default();
    let options = Options { again: false, ..Options::default() };
    runner::run(&Arc::new(stage), &tests, options, &mut |event| report.add(event)).await;
    Report(report)
}

impl Report {
    pub(crate) fn failed(&self) -> BTreeSet<&'static str> {
        // what a SHOULD says is a warning, and caught all the same
        let failed = self.0.with(&[Verdict::Fail, Verdict::Warn]);
        failed.filter_map(|tested| catalogue::find(&tested.test)).map(|test| test.id).collect()
    }

    pub(crate) fn passed(&self) -> usize {
        self.0.with(&[Verdict::Pass]).count()
    }

    /// A line for each test that is no pass.
    pub(crate) fn trouble(&self) -> Vec<String> {
        let trouble = self.0.tested.iter().filter(|tested| tested.verdict != Verdict::Pass);
        trouble.map(|t| format!("  {} {}: {}", t.verdict, t.test, t.said)).collect()
    }
}
