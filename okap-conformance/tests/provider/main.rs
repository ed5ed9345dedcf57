//! The fake provider over real HTTP, spoken by hand so that nothing is smoothed over.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod books;
mod command;
mod control;
mod faults;
mod media;
mod shapes;
mod support;
mod violations;
