//! Runnable examples live in `examples/`; the code of the README and of the hook's page is compiled
//! here.

#![doc = include_str!("../../README.md")]

#[cfg(doctest)]
#[doc = include_str!("../../okap-conformance/HOOK.md")]
struct Hook;
