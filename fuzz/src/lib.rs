//! What bytes from outside meet, one function a target; each says what has to hold for any bytes.
//!
//! `cargo xtask fuzz` runs them under libFuzzer where there is a nightly toolchain. The tests of
//! okap-engine run the same functions with a mutator of their own.

#[path = "mutate.rs"]
pub mod mutate;
#[path = "seeds.rs"]
pub mod seeds;
#[path = "targets.rs"]
pub mod targets;
