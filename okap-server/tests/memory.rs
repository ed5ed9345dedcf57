//! The reference vault keeps the contract, also where it is shared or was read back from a file.

#![cfg(feature = "testkit")]
#![allow(clippy::unwrap_used, missing_docs, reason = "test code")]

use std::sync::Arc;

use okap_server::{Change, Expect, Key, MemoryVault, Owner, Vault};
use okap_types::{Provider, Secret};

okap_server::testkit::vault_contract!(async || MemoryVault::new());

mod shared {
    use super::{Arc, MemoryVault};

    okap_server::testkit::vault_contract!(async || Arc::new(MemoryVault::new()));
}

mod read_back {
    use super::{MemoryVault, again};

    okap_server::testkit::vault_contract!(async || again(&MemoryVault::new()));
}

fn again(vault: &MemoryVault) -> MemoryVault {
    MemoryVault::read_back(&vault.written_out().unwrap()).unwrap()
}

fn put(key: &Key, bytes: &[u8]) -> Vec<Change> {
    let (key, bytes) = (key.clone(), Some(bytes.to_vec()));
    vec![Change::Put { key, expect: Expect::Absent, bytes, forget_after: None }]
}

#[tokio::test]
async fn what_is_written_out_is_read_back_and_has_no_keys_in_it() {
    let (owner, key) = (Owner::new("ada"), Secret::from("sk-made-up-and-long-enough"));
    let vault = MemoryVault::new().with_key(&owner, Provider::OpenAi, key.clone());
    let name = Key::stored("kind/name");
    vault.commit(put(&name, br#"{"a":"b"}"#)).await.unwrap();
    let written = String::from_utf8(vault.written_out().unwrap()).unwrap();
    assert!(!written.contains(key.expose()), "{written}");
    let (before, after) = (vault.read(std::slice::from_ref(&name)), again(&vault));
    assert_eq!(before.await.unwrap(), after.read(&[name]).await.unwrap());
    assert_eq!(vault.generation().await.unwrap(), after.generation().await.unwrap());
    assert!(after.master_key(&owner, &Provider::OpenAi).await.unwrap().is_none());
    assert!(vault.master_key(&owner, &Provider::OpenAi).await.unwrap().is_some());
}

#[tokio::test]
async fn a_record_that_is_no_text_is_not_written_out_as_another() {
    let vault = MemoryVault::new();
    vault.commit(put(&Key::stored("kind/text"), b"text")).await.unwrap();
    assert!(vault.written_out().is_ok());
    vault.commit(put(&Key::stored("kind/bytes"), &[0xff])).await.unwrap();
    assert!(vault.written_out().is_err());
}

#[tokio::test]
async fn a_key_that_is_replaced_gives_another_generation() {
    let (vault, owner) = (MemoryVault::new(), Owner::new("ada"));
    let before = vault.generation().await.unwrap();
    for text in ["sk-one", "sk-two"] {
        vault.keep_key(&owner, Provider::OpenAi, Secret::from(text));
        let key = vault.master_key(&owner, &Provider::OpenAi).await.unwrap().unwrap();
        assert_eq!(key.expose(), text);
    }
    assert_ne!(vault.generation().await.unwrap(), before);
}
