//! All mutants, by profile.

mod core;
mod limits;
mod proxy;

use crate::lie::Mutant;

pub(crate) fn all() -> impl Iterator<Item = &'static Mutant> {
    let profiles: [&'static [Mutant]; 11] = [
        core::MUTANTS,
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
    profiles.into_iter().flatten()
}
