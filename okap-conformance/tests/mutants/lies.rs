//! All mutants, by profile.

mod admin;
mod core;
mod delegation;
mod device;
mod dpop;
mod limits;
mod oauth;
mod proxy;

use crate::lie::Mutant;

pub(crate) fn all() -> impl Iterator<Item = &'static Mutant> {
    let profiles: &[&'static [Mutant]] = &[
        oauth::push::MUTANTS,
        oauth::authorize::MUTANTS,
        oauth::code::MUTANTS,
        oauth::form::MUTANTS,
        oauth::refresh::MUTANTS,
        oauth::revoke::MUTANTS,
        oauth::client::MUTANTS,
        oauth::assertion::MUTANTS,
        device::MUTANTS,
        dpop::proof::MUTANTS,
        dpop::claims::MUTANTS,
        dpop::binding::MUTANTS,
        dpop::nonce::MUTANTS,
        delegation::exchange::MUTANTS,
        delegation::chain::MUTANTS,
        proxy::forward::MUTANTS,
        proxy::route::MUTANTS,
        proxy::credential::MUTANTS,
        proxy::body::MUTANTS,
        proxy::member::MUTANTS,
        proxy::header::MUTANTS,
        proxy::answer::MUTANTS,
        proxy::stream::MUTANTS,
        limits::rate::MUTANTS,
        limits::money::MUTANTS,
        admin::MUTANTS,
    ];
    core::AREAS.iter().chain(profiles).copied().flatten()
}
