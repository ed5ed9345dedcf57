//! All mutants, by profile.

mod core;
mod device;
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
    ];
    core::AREAS.iter().chain(profiles).copied().flatten()
}
