//! Whoever changes the audit behind the vault's back is found out.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "test code"
)]

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use okap_engine::{
    pico::Pico,
    price::Usage,
    record::{AuditRow, CallId, Change, Seal},
};
use okap_server::Vault;
use okap_server::testkit::audit_row;
use okap_types::Timestamp;
use okap_vault::store::{Database, Flaw, Head, StoredVault, verify};
use rusqlite::Connection;
use tempfile::TempDir;

fn row(number: u64) -> AuditRow {
    let at = Timestamp::from_unix_millis(1_700_000_000_000 + i64::try_from(number).unwrap());
    AuditRow { at, ..audit_row(7, number) }
}

fn append(numbers: impl IntoIterator<Item = u64>) -> Vec<Change> {
    numbers.into_iter().map(|number| Change::Append(std::sync::Arc::new(row(number)))).collect()
}

/// A vault of ten calls, closed.
async fn ten() -> (TempDir, PathBuf) {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("vault.db");
    let vault = StoredVault::without_keys(Database::open(&path).await.unwrap());
    vault.commit(append(0..4)).await.unwrap();
    vault.commit(append(4..10)).await.unwrap();
    (home, path)
}

async fn verified(path: &Path, noted: Option<Seal>) -> Result<Head, Flaw> {
    let database = Database::open(path).await.unwrap();
    verify(&database, noted, |_, _| {}).await.unwrap()
}

async fn after(sql: &str) -> Result<Head, Flaw> {
    let (_home, path) = ten().await;
    Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    verified(&path, None).await
}

#[tokio::test]
async fn what_was_only_written_by_the_vault_holds() {
    let (_home, path) = ten().await;
    let head = verified(&path, None).await.unwrap();
    assert_eq!(head.seq, 10);
    let by_hand = (0..10).fold(Seal::FIRST, |seal, number| seal.next(&row(number)));
    assert_eq!(head.seal, by_hand);
    // an empty one holds as well
    let home = tempfile::tempdir().unwrap();
    assert_eq!(verified(&home.path().join("vault.db"), None).await, Ok(Head::START));
}

#[tokio::test]
async fn each_column_of_a_row_is_sealed() {
    for change in [
        "node = 8",
        "number = 99",
        "at = at + 1",
        "grant_id = 'g_2'",
        "owner = 'another'",
        "provider = 'groq'",
        "model = 'gpt-4o'",
        "operation = 'embeddings'",
        "status = 201",
        "input = input + 1",
        "output = 4",
        "more = '{\"cache_write\":1}'",
        "more = NULL",
        "cost = cost - 1",
        "estimated = 1",
        "prices = 'others'",
        "end = 'revoked'",
        "form = 2",
        "seal = zeroblob(32)",
        "seal = x'00'",
        // what no vault writes
        "cost = -1",
        "model = x'ff'",
        "end = 'well'",
        "grant_id = ''",
        "more = '{'",
    ] {
        let found = after(&format!("UPDATE audit SET {change} WHERE seq = 6")).await;
        assert_eq!(found, Err(Flaw::Row(6)), "{change}");
    }
    // the twin: nothing is changed by writing what stands there
    after("UPDATE audit SET cost = cost, model = model WHERE seq = 6").await.unwrap();
}

#[tokio::test]
async fn a_row_that_is_gone_added_or_moved_is_found() {
    let missing = |seq: u64| Err(Flaw::Missing(seq));
    assert_eq!(after("DELETE FROM audit WHERE seq = 1").await, missing(1));
    assert_eq!(after("DELETE FROM audit WHERE seq = 6").await, missing(6));
    assert_eq!(after("DELETE FROM audit WHERE seq = 10").await, missing(10));
    assert_eq!(after("DELETE FROM audit WHERE seq > 4").await, missing(5));
    assert_eq!(after("DELETE FROM audit").await, missing(1));
    let closed = "DELETE FROM audit WHERE seq = 6; UPDATE audit SET seq = seq - 1 WHERE seq > 6;";
    assert_eq!(after(closed).await, Err(Flaw::Row(6)));
    let added = "CREATE TEMP TABLE one AS SELECT * FROM audit WHERE seq = 10;
                 UPDATE one SET seq = 11, number = 99; INSERT INTO audit SELECT * FROM one;";
    assert_eq!(after(added).await, Err(Flaw::Behind(11)));
    let between = "CREATE TEMP TABLE one AS SELECT * FROM audit WHERE seq = 6;
                   UPDATE audit SET seq = -seq WHERE seq > 6;
                   UPDATE audit SET seq = 1 - seq WHERE seq < 0;
                   UPDATE one SET seq = 7, number = 99; INSERT INTO audit SELECT * FROM one;
                   DELETE FROM audit WHERE seq = 11;";
    assert_eq!(after(between).await, Err(Flaw::Row(7)));
    let swapped =
        "UPDATE audit SET seq = 100 WHERE seq = 6; UPDATE audit SET seq = 6 WHERE seq = 7;
                   UPDATE audit SET seq = 7 WHERE seq = 100;";
    assert_eq!(after(swapped).await, Err(Flaw::Row(6)));
}

#[tokio::test]
async fn a_head_that_is_gone_or_another_is_found() {
    let head = "WHERE name = 'audit_head'";
    assert_eq!(after(&format!("DELETE FROM meta {head}")).await, Err(Flaw::NoHead));
    assert_eq!(after(&format!("UPDATE meta SET value = 'x' {head}")).await, Err(Flaw::NoHead));
    let other = format!("UPDATE meta SET value = '10 {}' {head}", "ab".repeat(32));
    assert_eq!(after(&other).await, Err(Flaw::Head(10)));
    let further = format!("UPDATE meta SET value = replace(value, '10 ', '12 ') {head}");
    assert_eq!(after(&further).await, Err(Flaw::Missing(11)));
}

#[tokio::test]
async fn a_noted_head_finds_even_a_chain_that_was_made_anew() {
    let (_home, path) = ten().await;
    let noted = verified(&path, None).await.unwrap().seal;
    let vault = StoredVault::without_keys(Database::open(&path).await.unwrap());
    vault.commit(append([10])).await.unwrap();
    drop(vault);
    // the twin: it has grown, and what was noted is still in it
    assert_eq!(verified(&path, Some(noted)).await.unwrap().seq, 11);
    assert_eq!(verified(&path, Some(Seal::FIRST)).await.unwrap().seq, 11);
    // whoever may write the database goes back to row 9 and goes on from there
    let nine = (0..9).fold(Seal::FIRST, |seal, number| seal.next(&row(number)));
    let sql = format!(
        "DELETE FROM audit WHERE seq > 9; UPDATE meta SET value = '9 {nine}' WHERE name = 'audit_head'"
    );
    Connection::open(&path).unwrap().execute_batch(&sql).unwrap();
    let vault = StoredVault::without_keys(Database::open(&path).await.unwrap());
    vault.commit(append([10])).await.unwrap();
    drop(vault);
    assert_eq!(verified(&path, None).await.unwrap().seq, 10, "by itself it holds");
    assert_eq!(verified(&path, Some(noted)).await, Err(Flaw::Unknown(noted)));
}

#[tokio::test]
async fn a_row_that_is_handed_over_again_is_not_added_again() {
    let (_home, path) = ten().await;
    let before = verified(&path, None).await.unwrap();
    let vault = StoredVault::without_keys(Database::open(&path).await.unwrap());
    vault.commit(append(0..10)).await.unwrap();
    assert_eq!(verified(&path, None).await.unwrap(), before);
    // among others, and twice in one commit
    vault.commit(append([9, 10, 10, 3, 11])).await.unwrap();
    assert_eq!(verified(&path, None).await.unwrap().seq, 12);
}

#[tokio::test]
async fn rows_of_before_the_chain_are_chained_and_none_is_lost() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("vault.db");
    let first = include_str!("../src/store/sqlite/migrations/0001.sql");
    let old = Connection::open(&path).unwrap();
    old.execute_batch(first).unwrap();
    for (seq, usage) in [(3, r#"{"input":10,"output":3}"#), (5, r#"{"input":1,"cache_read":1}"#)] {
        old.execute(
            "INSERT INTO audit VALUES (?1, 1700000000000, 'g_1', 'owner', 'openai', 'm', 'chat', 200,
                                       ?2, 77, 0, 'test', 'finished')",
            (seq, usage),
        )
        .unwrap();
    }
    old.execute_batch(
        "INSERT INTO records VALUES ('a/1', 1, x'01', NULL); UPDATE meta SET value = 1;
         PRAGMA application_id = 0x4f4b4150; PRAGMA user_version = 1",
    )
    .unwrap();
    drop(old);
    assert_eq!(verified(&path, None).await.unwrap().seq, 2);
    let database = Database::open(&path).await.unwrap();
    let rows = database.audit(0, 10).await.unwrap();
    let rows: Vec<_> = rows.into_iter().map(|entry| entry.row.unwrap()).collect();
    assert_eq!(rows[0].id, CallId { node: 0, number: 3 });
    assert_eq!(rows[1].id, CallId { node: 0, number: 5 });
    assert_eq!(rows[1].usage, Usage { input: 1, cache_read: 1, ..Usage::default() });
    let spent = database.spent(None, None).await.unwrap();
    assert_eq!((spent[0].calls, spent[0].cost), (2, Pico::new(154)));
    // and it goes on from there
    let vault = StoredVault::without_keys(database);
    vault.commit(append([0])).await.unwrap();
    assert_eq!(verified(&path, None).await.unwrap().seq, 3);
}

#[tokio::test]
async fn what_nodes_have_to_hear_of_raises_the_generation_and_nothing_else_does() {
    use okap_engine::record::{Expect, Key};
    let home = tempfile::tempdir().unwrap();
    let open = async || {
        let database = Database::open(&home.path().join("vault.db")).await.unwrap();
        StoredVault::without_keys(database)
    };
    // as two processes
    let (one, other) = (open().await, open().await);
    let put = |key: &str, expect| Change::Put {
        key: Key::stored(key),
        expect,
        bytes: Some(b"{}".to_vec()),
        forget_after: None,
    };
    let mut last = other.generation().await.unwrap();
    let mut moved = async |change: Change| {
        one.commit(vec![change]).await.unwrap();
        let before = std::mem::replace(&mut last, other.generation().await.unwrap());
        before != last
    };
    assert!(!moved(put("grant/g", Expect::Absent)).await, "nobody has read it yet");
    let grant = one.read(&[Key::stored("grant/g")]).await.unwrap().remove(0).unwrap();
    assert!(moved(put("grant/g", Expect::Version(grant.version))).await);
    assert!(!moved(put("account/a", Expect::Absent)).await);
    assert!(!moved(Change::Append(std::sync::Arc::new(row(1)))).await);
}

/// What `okap-vault audit …` says, and its exit code.
fn audit(home: &TempDir, arguments: &[&str]) -> (i32, String, String) {
    let done = Command::new(env!("CARGO_BIN_EXE_okap-vault"))
        .env_remove("OKAP_DATABASE")
        .arg("--data")
        .arg(home.path())
        .arg("audit")
        .args(arguments)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (done.status.code().unwrap(), text(done.stdout), text(done.stderr))
}

#[tokio::test]
async fn the_command_line_verifies_and_says_which_row_does_not_fit() {
    let (home, path) = ten().await;
    let head = verified(&path, None).await.unwrap().seal.to_string();
    let (code, said, _) = audit(&home, &["verify"]);
    assert_eq!((code, said), (0, format!("10 rows hold; head {head}\n")));
    let (code, said, _) = audit(&home, &["verify", "--json", "--head", &head]);
    let told: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!((code, &told["holds"], &told["rows"]), (0, &true.into(), &10.into()));
    assert_eq!(told["head"], head);
    let (code, _, error) = audit(&home, &["verify", "--head", &"ab".repeat(32)]);
    assert!(code == 6 && error.contains("is not in the chain"), "{error}");
    assert_eq!(audit(&home, &["verify", "--head", "abc"]).0, 2);
    let sql = "UPDATE audit SET cost = 0 WHERE seq = 6";
    Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    let (code, said, error) = audit(&home, &["verify", "--json"]);
    let told: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!((code, &told["holds"], &told["row"]), (6, &false.into(), &6.into()));
    assert!(error.contains("row 6"), "{error}");
}

#[tokio::test]
async fn the_command_line_exports_each_call_once() {
    let (home, path) = ten().await;
    let vault = StoredVault::without_keys(Database::open(&path).await.unwrap());
    let mut others = row(10);
    (others.grant, others.model) = ("g_2".parse().unwrap(), "=a,\"b\"".to_owned());
    vault.commit(vec![Change::Append(std::sync::Arc::new(others))]).await.unwrap();
    drop(vault);
    let (code, said, _) = audit(&home, &["export"]);
    let lines: Vec<serde_json::Value> =
        said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((code, lines.len()), (0, 11));
    assert_eq!((&lines[1]["seq"], &lines[1]["call"]), (&2.into(), &"0000000000000007-1".into()));
    let used = serde_json::json!({"cache_read": 1, "input": 11, "output": 3});
    assert_eq!(lines[1]["usage"], used);
    assert_eq!(lines[9]["seal"], (0..10).fold(Seal::FIRST, |s, n| s.next(&row(n))).to_string());
    // one grant, from a moment on
    assert_eq!(audit(&home, &["export", "--grant", "g_1"]).1.lines().count(), 10);
    let since = "2023-11-14T22:13:20.008Z";
    assert_eq!(audit(&home, &["export", "--since", since]).1.lines().count(), 3);
    // as a table, into a file
    let file = home.path().join("calls.csv");
    let (code, said, error) =
        audit(&home, &["export", "--format", "csv", "--output", file.to_str().unwrap()]);
    assert_eq!((code, said.as_str(), error.as_str()), (0, "", ""));
    let table = std::fs::read_to_string(&file).unwrap();
    let lines: Vec<_> = table.lines().collect();
    assert_eq!(lines.len(), 12);
    assert!(lines[0].starts_with("seq,call,at,grant,"), "{}", lines[0]);
    assert!(lines[11].contains(",openai,\"'=a,\"\"b\"\"\",chat,200,20,3,"), "{}", lines[11]);
    // a row that cannot be read ends it: an export that leaves rows out would not show it
    let sql = "UPDATE audit SET end = 'well' WHERE seq = 6";
    Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    assert_eq!(audit(&home, &["export"]).0, 6);
}
