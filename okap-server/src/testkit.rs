//! The contract that every [`Vault`] is held to, as tests for your own.
//!
//! ```no_run
//! # use okap_server::MemoryVault;
//! okap_server::testkit::vault_contract!(async || MemoryVault::new());
//! # fn main() {}
//! ```
//!
//! Each promise in the trait's *Behavior* lists is a function here; [`vault_contract!`] makes a
//! `#[tokio::test]` of each, over a vault that your closure opens empty.

#![allow(clippy::panic, clippy::expect_used, clippy::missing_panics_doc, reason = "test code")]

use std::sync::Arc;

use okap_engine::{
    pico::Pico,
    price::Usage,
    record::{AuditRow, CallId, Change, End, Expect, Key, Owner, Versioned},
};
use okap_types::{Provider, Timestamp};

use crate::{CommitError, Vault};

/// Makes a test of every promise of [`Vault`](crate::Vault). The closure opens an empty vault.
#[macro_export]
macro_rules! vault_contract {
    ($open:expr) => {
        $crate::vault_contract!(@each $open;
            reads_answer_in_order_and_none_where_nothing_stands
            a_read_sees_every_commit_that_returned
            a_commit_applies_all_or_nothing
            a_stale_version_conflicts_and_the_fresh_one_does_not
            an_absent_record_is_written_once
            every_write_gives_another_version
            a_removed_record_is_gone_and_can_be_written_again
            unknown_kinds_are_kept_as_they_are
            lists_are_in_order_bounded_and_resumable
            an_append_never_conflicts
            a_change_that_is_heard_gives_another_generation
            of_many_writers_one_wins_each_version
            records_stay_until_they_may_be_forgotten
            a_missing_key_is_none
        );
    };
    (@each $open:expr; $($promise:ident)+) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $promise() {
            let open = $open;
            $crate::testkit::$promise(open().await).await;
        }
    )+};
}
pub use crate::vault_contract;

fn key(name: &str) -> Key {
    Key::stored(&format!("contract/{name}"))
}

fn put(name: &str, expect: Expect, bytes: &[u8]) -> Change {
    Change::Put { key: key(name), expect, bytes: Some(bytes.to_vec()), forget_after: None }
}

async fn get(vault: &impl Vault, name: &str) -> Option<Versioned> {
    vault.read(&[key(name)]).await.expect("read").pop().flatten()
}

/// A row of the audit such as a call leaves; rows of one node differ in their numbers, and in what
/// was used and what it cost by as much.
pub fn audit_row(node: u64, number: u64) -> AuditRow {
    AuditRow {
        id: CallId { node, number },
        at: Timestamp::from_unix_millis(1_700_000_000_000),
        grant: "g_1".parse().expect("grant id"),
        owner: Owner::new("owner"),
        provider: Provider::OpenAi,
        model: "gpt-4o-mini".to_owned(),
        operation: "chat".to_owned(),
        status: 200,
        usage: Usage {
            input: number.saturating_add(10),
            output: 3,
            cache_read: number % 2,
            ..Usage::default()
        },
        cost: Pico::new(number.saturating_add(1_000)),
        estimated: false,
        prices: "test".to_owned(),
        end: End::Finished,
    }
}

fn row(number: u64) -> Change {
    Change::Append(Arc::new(audit_row(1, number)))
}

/// One answer a key, in order.
pub async fn reads_answer_in_order_and_none_where_nothing_stands(vault: impl Vault) {
    vault.commit(vec![put("b", Expect::Absent, b"2")]).await.expect("commit");
    let found = vault.read(&[key("a"), key("b"), key("c"), key("b")]).await.expect("read");
    let bytes: Vec<_> = found.into_iter().map(|v| v.map(|v| v.bytes)).collect();
    assert_eq!(bytes, [None, Some(b"2".to_vec()), None, Some(b"2".to_vec())]);
    assert!(vault.read(&[]).await.expect("read").is_empty());
}

/// No stale read after a commit.
pub async fn a_read_sees_every_commit_that_returned(vault: impl Vault) {
    let mut expect = Expect::Absent;
    for round in 0..50u8 {
        vault.commit(vec![put("a", expect, &[round])]).await.expect("commit");
        let found = get(&vault, "a").await.expect("record");
        assert_eq!(found.bytes, [round]);
        expect = Expect::Version(found.version);
    }
}

/// One unmet expectation undoes the whole commit.
pub async fn a_commit_applies_all_or_nothing(vault: impl Vault) {
    vault.commit(vec![put("there", Expect::Absent, b"old")]).await.expect("commit");
    let both = vec![put("new", Expect::Absent, b"1"), put("there", Expect::Absent, b"2")];
    assert!(matches!(vault.commit(both).await, Err(CommitError::Conflict)));
    assert_eq!(get(&vault, "new").await, None);
    assert_eq!(get(&vault, "there").await.expect("record").bytes, b"old");
    let both = vec![put("new", Expect::Absent, b"1"), put("newer", Expect::Absent, b"2")];
    vault.commit(both).await.expect("the twin that fits");
    assert!(get(&vault, "new").await.is_some() && get(&vault, "newer").await.is_some());
}

/// Compare and set.
pub async fn a_stale_version_conflicts_and_the_fresh_one_does_not(vault: impl Vault) {
    vault.commit(vec![put("a", Expect::Absent, b"1")]).await.expect("commit");
    let first = get(&vault, "a").await.expect("record").version;
    vault.commit(vec![put("a", Expect::Version(first), b"2")]).await.expect("fresh");
    let stale = vault.commit(vec![put("a", Expect::Version(first), b"3")]).await;
    assert!(matches!(stale, Err(CommitError::Conflict)));
    assert_eq!(get(&vault, "a").await.expect("record").bytes, b"2");
    let missing = vault.commit(vec![put("missing", Expect::Version(1), b"3")]).await;
    assert!(matches!(missing, Err(CommitError::Conflict)));
}

/// `Absent` means absent.
pub async fn an_absent_record_is_written_once(vault: impl Vault) {
    vault.commit(vec![put("a", Expect::Absent, b"1")]).await.expect("first");
    let second = vault.commit(vec![put("a", Expect::Absent, b"2")]).await;
    assert!(matches!(second, Err(CommitError::Conflict)));
    assert_eq!(get(&vault, "a").await.expect("record").bytes, b"1");
}

/// Even where the bytes are the same.
pub async fn every_write_gives_another_version(vault: impl Vault) {
    vault.commit(vec![put("a", Expect::Absent, b"same")]).await.expect("commit");
    let first = get(&vault, "a").await.expect("record").version;
    vault.commit(vec![put("a", Expect::Version(first), b"same")]).await.expect("commit");
    assert_ne!(get(&vault, "a").await.expect("record").version, first);
}

/// A version of before the removal does not fit what is written after it.
pub async fn a_removed_record_is_gone_and_can_be_written_again(vault: impl Vault) {
    vault.commit(vec![put("a", Expect::Absent, b"1")]).await.expect("commit");
    let version = get(&vault, "a").await.expect("record").version;
    let remove = |expect| Change::Put { key: key("a"), expect, bytes: None, forget_after: None };
    vault.commit(vec![remove(Expect::Version(version))]).await.expect("remove");
    assert_eq!(get(&vault, "a").await, None);
    let again = vault.commit(vec![remove(Expect::Version(version))]).await;
    assert!(matches!(again, Err(CommitError::Conflict)));
    vault.commit(vec![put("a", Expect::Absent, b"2")]).await.expect("write again");
    let stale = vault.commit(vec![put("a", Expect::Version(version), b"3")]).await;
    assert!(matches!(stale, Err(CommitError::Conflict)));
}

/// Bytes are bytes.
pub async fn unknown_kinds_are_kept_as_they_are(vault: impl Vault) {
    let key = Key::stored("kind-of-tomorrow/x");
    let bytes: Vec<u8> = (0..=255).collect();
    let change = Change::Put {
        key: key.clone(),
        expect: Expect::Absent,
        bytes: Some(bytes.clone()),
        forget_after: None,
    };
    vault.commit(vec![change]).await.expect("commit");
    let found = vault.read(&[key]).await.expect("read").pop().flatten();
    assert_eq!(found.expect("record").bytes, bytes);
}

/// Pages of a list join without gap or repetition.
pub async fn lists_are_in_order_bounded_and_resumable(vault: impl Vault) {
    let names: Vec<String> = (0..25).map(|n| format!("list/{n:02}")).collect();
    let changes = names.iter().rev().map(|n| put(n, Expect::Absent, n.as_bytes())).collect();
    vault.commit(changes).await.expect("commit");
    vault.commit(vec![put("lisu", Expect::Absent, b"beside")]).await.expect("commit");
    let prefix = key("list/");
    let mut seen = Vec::new();
    let mut after: Option<Key> = None;
    loop {
        let page = vault.list(&prefix, after.as_ref(), 10).await.expect("list");
        assert!(page.len() <= 10);
        let Some((last, _)) = page.last() else { break };
        after = Some(last.clone());
        seen.extend(page.into_iter().map(|(_, v)| String::from_utf8(v.bytes).expect("text")));
    }
    assert_eq!(seen, names);
    assert!(vault.list(&key("nothing/"), None, 10).await.expect("list").is_empty());
}

/// Audit rows go in whatever else happens.
pub async fn an_append_never_conflicts(vault: impl Vault) {
    let vault = Arc::new(vault);
    let tasks: Vec<_> = (0..16)
        .map(|n| {
            let vault = vault.clone();
            tokio::spawn(async move { vault.commit(vec![row(n)]).await })
        })
        .collect();
    for task in tasks {
        task.await.expect("task").expect("append");
    }
}

/// A store that tells its generation tells another one once what nodes remember is replaced, and a
/// row that is appended twice is no change.
pub async fn a_change_that_is_heard_gives_another_generation(vault: impl Vault) {
    let generation = async || vault.generation().await.expect("generation");
    let grant = |expect| Change::Put {
        key: Key::stored("grant/contract"),
        expect,
        bytes: Some(b"{}".to_vec()),
        forget_after: None,
    };
    let before = generation().await;
    vault.commit(vec![grant(Expect::Absent)]).await.expect("commit");
    for _ in 0..2 {
        vault.commit(vec![row(1)]).await.expect("append");
    }
    assert_eq!(generation().await, before, "nothing was replaced");
    let found = vault.read(&[Key::stored("grant/contract")]).await.expect("read");
    let version = found.into_iter().flatten().map(|found| found.version).next().expect("a record");
    vault.commit(vec![grant(Expect::Version(version))]).await.expect("commit");
    assert!(before.is_none() || generation().await != before, "a grant was replaced");
}

/// Sixteen writers raise one number: none is lost, none counted twice.
pub async fn of_many_writers_one_wins_each_version(vault: impl Vault) {
    let vault = Arc::new(vault);
    vault.commit(vec![put("n", Expect::Absent, &0u32.to_be_bytes())]).await.expect("commit");
    let tasks: Vec<_> = (0..16).map(|_| tokio::spawn(raise(vault.clone()))).collect();
    for task in tasks {
        task.await.expect("task");
    }
    let found = get(&*vault, "n").await.expect("record");
    assert_eq!(found.bytes, 16u32.to_be_bytes());
}

async fn raise<V: Vault>(vault: Arc<V>) {
    loop {
        let found = get(&*vault, "n").await.expect("record");
        let number = u32::from_be_bytes(found.bytes.try_into().expect("four bytes")) + 1;
        let change = put("n", Expect::Version(found.version), &number.to_be_bytes());
        match vault.commit(vec![change]).await {
            Ok(()) => return,
            Err(CommitError::Conflict) => {}
            Err(CommitError::Store(error)) => panic!("{error}"),
        }
    }
}

/// `forget_after` is a permission for later, never a loss before.
pub async fn records_stay_until_they_may_be_forgotten(vault: impl Vault) {
    let change = Change::Put {
        key: key("a"),
        expect: Expect::Absent,
        bytes: Some(b"1".to_vec()),
        forget_after: Some(Timestamp::from_unix_millis(4_000_000_000_000)),
    };
    vault.commit(vec![change]).await.expect("commit");
    assert!(get(&vault, "a").await.is_some());
}

/// No key is no error.
pub async fn a_missing_key_is_none(vault: impl Vault) {
    let key = vault.master_key(&Owner::new("nobody"), &Provider::Replicate).await.expect("answer");
    assert!(key.is_none());
}
