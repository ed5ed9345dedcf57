//! Every test, by area. A file below a profile's folder is one area and lists its own.

mod admin;
mod core;
mod delegation;
mod device;
mod dpop;
mod limits;
mod oauth;
mod proxy;

use futures_util::future::BoxFuture;

use crate::{case::Case, driver::Verb, outcome::Outcome, profile::Profile};

/// A test: what it is called, what it verifies, and how.
pub struct Test {
    /// `profile.area.behaviour`; never changed and never used again.
    pub id: &'static str,
    /// Raised whenever the verdict on some vault may change.
    pub rev: u32,
    /// One sentence of what a vault does, in the present tense.
    pub title: &'static str,
    /// The profile it belongs to: the first part of its id.
    pub profile: Profile,
    /// The requirements that it verifies.
    pub verifies: &'static [&'static str],
    /// Verbs of the driver beside [`Verb::Decide`] without which it is untestable.
    pub needs: &'static [Verb],
    /// The test whose success this one's refusal is held against, where that is a test of its own.
    pub twin: Option<&'static str>,
    /// The threat that it is about.
    pub threat: Option<&'static str>,
    /// The test itself.
    pub run: for<'a> fn(&'a Case) -> BoxFuture<'a, Outcome>,
}

impl Test {
    /// Whether it changes the vault for all tests, and so runs alone.
    #[must_use]
    pub fn runs_alone(&self) -> bool {
        self.needs.iter().any(|verb| matches!(verb, Verb::Advance | Verb::Restart))
    }
}

/// Every test there is, in order of profile and area.
pub fn all() -> impl Iterator<Item = &'static Test> {
    let areas: &[&'static [Test]] = &[
        core::metadata::TESTS,
        core::message::TESTS,
        core::request::TESTS,
        core::details::TESTS,
        core::wait::TESTS,
        core::grant::TESTS,
        core::outcome::TESTS,
        core::page::TESTS,
        core::flat::TESTS,
        core::token::TESTS,
        core::revoke::TESTS,
        core::own::TESTS,
        oauth::client::TESTS,
        oauth::assertion::TESTS,
        oauth::page::TESTS,
        oauth::push::TESTS,
        oauth::details::TESTS,
        oauth::authorize::TESTS,
        oauth::code::TESTS,
        oauth::bind::TESTS,
        oauth::form::TESTS,
        oauth::refresh::TESTS,
        oauth::revoke::TESTS,
        proxy::forward::TESTS,
        proxy::key::TESTS,
        proxy::refuse::TESTS,
        proxy::route::TESTS,
        proxy::metadata::TESTS,
        proxy::credential::TESTS,
        proxy::body::TESTS,
        proxy::form::TESTS,
        proxy::member::TESTS,
        proxy::header::TESTS,
        proxy::redirect::TESTS,
        proxy::answer::TESTS,
        proxy::patience::TESTS,
        proxy::stream::TESTS,
        proxy::shape::TESTS,
        proxy::framing::TESTS,
        limits::race::TESTS,
        limits::rate::TESTS,
        limits::spend::TESTS,
        limits::ceiling::TESTS,
        limits::settle::TESTS,
        limits::account::TESTS,
        limits::window::TESTS,
        limits::restart::TESTS,
        admin::page::TESTS,
        admin::keep::TESTS,
        admin::family::TESTS,
        device::request::TESTS,
        device::poll::TESTS,
        device::page::TESTS,
        dpop::proof::TESTS,
        dpop::claims::TESTS,
        dpop::binding::TESTS,
        dpop::exchange::TESTS,
        dpop::nonce::TESTS,
        delegation::exchange::TESTS,
        delegation::chain::TESTS,
        delegation::spend::TESTS,
    ];
    areas.iter().copied().flatten()
}

/// The test with this id.
#[must_use]
pub fn find(id: &str) -> Option<&'static Test> {
    all().find(|test| test.id == id)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::requirement::Requirement;

    #[test]
    fn ids_are_unique_and_begin_with_their_profile() {
        let mut seen = BTreeSet::new();
        for test in all() {
            assert!(seen.insert(test.id), "{} twice", test.id);
            let parts: Vec<_> = test.id.split('.').collect();
            assert_eq!((parts.len(), parts[0]), (3, test.profile.word()), "{}", test.id);
        }
    }

    #[test]
    fn every_test_verifies_a_requirement_that_a_vault_can_be_seen_to_meet() {
        for test in all() {
            assert!(!test.verifies.is_empty() && test.rev > 0, "{}", test.id);
            for id in test.verifies {
                let requirement = Requirement::find(id);
                let requirement = requirement.unwrap_or_else(|| panic!("{}: {id}", test.id));
                assert!(requirement.testability != "excluded", "{}: {id}", test.id);
            }
        }
    }

    #[test]
    fn every_twin_is_a_test() {
        for test in all() {
            if let Some(twin) = test.twin {
                assert!(find(twin).is_some() && twin != test.id, "{}: {twin}", test.id);
            }
        }
    }
}
