//! The reference vault keeps the contract.

#![cfg(feature = "testkit")]

okap_server::testkit::vault_contract!(async || okap_server::MemoryVault::new());
