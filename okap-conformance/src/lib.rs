//! Tests an OKAP vault from the outside.
//!
//! The crate shares no code with the vault, the client or the engine, so that it cannot share
//! their bugs. Its first piece is [`provider`]: a fake OpenAI and Anthropic that keeps its own
//! books. What the vault says is compared with what really reached the provider.

pub mod provider;
