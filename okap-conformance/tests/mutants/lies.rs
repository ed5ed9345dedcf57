//! All mutants, by profile.

mod core;
mod delegation;
mod dpop;
mod limits;
mod proxy;

use crate::lie::Mutant;

pub(crate) fn all() -> impl Iterator<Item = &'static Mutant> {
    let profiles: [&'static [Mutant]; 9] = [
        core::MUTANTS,
        proxy::MUTANTS,
        limits::MUTANTS,
        dpop::proof::MUTANTS,
        dpop::claims::MUTANTS,
        dpop::binding::MUTANTS,
        dpop::nonce::MUTANTS,
        delegation::exchange::MUTANTS,
        delegation::chain::MUTANTS,
    ];
    profiles.into_iter().flatten()
}
