//! All mutants, by profile.

mod core;
mod limits;
mod proxy;

use crate::lie::Mutant;

pub(crate) fn all() -> impl Iterator<Item = &'static Mutant> {
    let profiles: [&'static [Mutant]; 2] = [proxy::MUTANTS, limits::MUTANTS];
    core::AREAS.into_iter().chain(profiles).flatten()
}
