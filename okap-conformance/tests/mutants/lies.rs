//! All mutants, by profile.

mod core;
mod limits;
mod proxy;

use crate::lie::Mutant;

pub(crate) fn all() -> impl Iterator<Item = &'static Mutant> {
    let profiles: [&'static [Mutant]; 3] = [core::MUTANTS, proxy::MUTANTS, limits::MUTANTS];
    profiles.into_iter().flatten()
}
