//! Runnable examples live in `examples/`; the README's code is compiled here.

#![doc = include_str!("../../README.md")]
