//! The form of every engine function that decides something.

use crate::record::Change;

/// An answer, and the changes that must be committed before it is given.
///
/// The caller commits first; on a conflict it reads again and asks again.
#[derive(Clone, Debug)]
#[must_use = "the changes have to be committed"]
pub struct Step<T> {
    /// What to answer once the changes are durable.
    pub reply: T,
    /// What to commit, all or nothing.
    pub changes: Vec<Change>,
}
