//! What the database does when others, the disk or a crash come in its way.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs,
    reason = "test code"
)]

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    sync::atomic::{AtomicU64, Ordering},
};

use okap_engine::{
    pico::Pico,
    price::Usage,
    record::{AuditRow, CallId, Change, End, Expect, Key, Owner},
};
use okap_server::{CommitError, StoreError, Vault};
use okap_types::{Provider, Timestamp};
use okap_vault::store::{Database, Fault, NEWEST, StoreFault, StoredVault};
use rusqlite::Connection;
use tempfile::TempDir;

fn another_call() -> CallId {
    static CALLS: AtomicU64 = AtomicU64::new(0);
    CallId { node: 1, number: CALLS.fetch_add(1, Ordering::Relaxed) }
}

fn home() -> TempDir {
    tempfile::tempdir().unwrap()
}

async fn open(home: &TempDir) -> Database {
    Database::open(&home.path().join("vault.db")).await.unwrap()
}

fn put(key: &str, expect: Expect, bytes: &[u8]) -> Change {
    Change::Put { key: Key::stored(key), expect, bytes: Some(bytes.to_vec()), forget_after: None }
}

fn fault(error: &StoreError) -> Fault {
    error.0.downcast_ref::<StoreFault>().expect("a fault of the database").fault()
}

async fn refused(path: &Path) -> StoreFault {
    Database::open(path).await.expect_err("has to be refused")
}

#[tokio::test]
async fn a_database_opens_again_with_what_it_kept() {
    let home = home();
    let vault = StoredVault::without_keys(open(&home).await);
    vault.commit(vec![put("a/1", Expect::Absent, b"one")]).await.unwrap();
    drop(vault);
    let left: Vec<_> =
        std::fs::read_dir(home.path()).unwrap().map(|f| f.unwrap().file_name()).collect();
    assert_eq!(left, ["vault.db"], "closed, so a copy of the one file is whole");
    let vault = StoredVault::without_keys(open(&home).await);
    assert_eq!(vault.read(&[Key::stored("a/1")]).await.unwrap()[0].as_ref().unwrap().bytes, b"one");
}

#[tokio::test]
async fn a_newer_database_is_refused_and_left_as_it_is() {
    let home = home();
    drop(open(&home).await);
    let path = home.path().join("vault.db");
    let connection = Connection::open(&path).unwrap();
    connection.pragma_update(None, "user_version", NEWEST + 1).unwrap();
    drop(connection);
    let before = std::fs::read(&path).unwrap();
    let error = refused(&path).await;
    assert_eq!(error.fault(), Fault::Newer(NEWEST + 1));
    let text = error.to_string();
    assert!(text.contains("vault.db") && text.contains("update okap-vault"), "{text}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
    // the twin
    let connection = Connection::open(&path).unwrap();
    connection.pragma_update(None, "user_version", NEWEST).unwrap();
    drop(connection);
    open(&home).await;
}

#[tokio::test]
async fn what_is_no_database_of_ours_is_refused_and_left_as_it_is() {
    let home = home();
    let text = home.path().join("text");
    std::fs::write(&text, "my diary, nobody writes into it".repeat(100)).unwrap();
    let other = home.path().join("other");
    Connection::open(&other).unwrap().execute_batch("CREATE TABLE photos (id)").unwrap();
    for path in [&text, &other] {
        let before = std::fs::read(path).unwrap();
        let error = refused(path).await;
        assert_eq!(error.fault(), Fault::NotOurs, "{error}");
        assert_eq!(&std::fs::read(path).unwrap(), &before);
    }
    let folder = home.path().join("folder");
    std::fs::create_dir(&folder).unwrap();
    assert_eq!(refused(&folder).await.fault(), Fault::NotOpened);
    assert_eq!(refused(&home.path().join("missing/vault.db")).await.fault(), Fault::NotOpened);
    // the twin: an empty file is a new database
    let empty = home.path().join("empty");
    std::fs::write(&empty, "").unwrap();
    Database::open(&empty).await.unwrap();
}

#[tokio::test]
async fn a_full_disk_refuses_writes_and_loses_nothing() {
    let home = home();
    let database = open(&home).await;
    let vault = StoredVault::without_keys(database.clone());
    vault.commit(vec![put("a/1", Expect::Absent, b"kept")]).await.unwrap();
    let room = |pages: i64| {
        let database = database.clone();
        async move {
            database
                .sqlite()
                .unwrap()
                .write(move |tx| tx.pragma_update(None, "max_page_count", pages))
                .await
                .unwrap();
        }
    };
    room(1).await;
    let big = vec![7; 1_000_000];
    let Err(CommitError::Store(error)) = vault.commit(vec![put("a/2", Expect::Absent, &big)]).await
    else {
        panic!("there is no room for it");
    };
    assert_eq!(fault(&error), Fault::Full);
    let found = vault.read(&[Key::stored("a/1"), Key::stored("a/2")]).await.unwrap();
    assert_eq!((found[0].as_ref().unwrap().bytes.as_slice(), &found[1]), (&b"kept"[..], &None));
    room(1_000_000).await;
    vault.commit(vec![put("a/2", Expect::Absent, &big)]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_one_group_one_failure_undoes_no_other_write() {
    let home = home();
    let database = open(&home).await;
    let vault = StoredVault::without_keys(database.clone());
    // while this holds the writer, the others gather behind it
    let (held, holds) = tokio::sync::oneshot::channel();
    let (release, released) = std::sync::mpsc::channel();
    let gate = tokio::spawn({
        let database = database.clone();
        async move {
            let hold = move |_: &rusqlite::Transaction<'_>| {
                held.send(()).unwrap();
                released.recv().unwrap();
                Ok(())
            };
            database.sqlite().unwrap().write(hold).await.unwrap();
        }
    });
    holds.await.unwrap();
    let commits = (0..30).map(|n| {
        let vault = vault.clone();
        tokio::spawn(async move {
            let change = match n % 3 {
                0 => put(&format!("good/{n}"), Expect::Absent, b"x"),
                1 => put(&format!("bad/{n}"), Expect::Version(999), b"x"),
                _ => {
                    let broken = vault
                        .database()
                        .sqlite()
                        .unwrap()
                        .write(|tx| tx.execute("INSERT INTO nowhere VALUES (1)", []));
                    return assert_eq!(fault(&broken.await.unwrap_err()), Fault::Other);
                }
            };
            let done =
                vault.commit(vec![put(&format!("part/{n}"), Expect::Absent, b"x"), change]).await;
            assert_eq!(done.is_ok(), n % 3 == 0, "{n} {done:?}");
        })
    });
    let commits: Vec<_> = commits.collect();
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    release.send(()).unwrap();
    gate.await.unwrap();
    for commit in commits {
        commit.await.unwrap();
    }
    let count = |prefix: &'static str| {
        let vault = vault.clone();
        async move { vault.list(&Key::stored(prefix), None, 100).await.unwrap().len() }
    };
    assert_eq!((count("good/").await, count("part/").await, count("bad/").await), (10, 10, 0));
}

#[tokio::test]
async fn a_write_that_panics_ends_neither_the_others_nor_the_writer() {
    let home = home();
    let database = open(&home).await;
    let broken = database.sqlite().unwrap().write(|tx| -> rusqlite::Result<()> {
        tx.execute("UPDATE meta SET value = 77 WHERE name = 'writes'", [])?;
        panic!("on purpose")
    });
    broken.await.unwrap_err();
    let writes = "SELECT value FROM meta WHERE name = 'writes'";
    let count = database
        .sqlite()
        .unwrap()
        .read(move |moment| moment.query_row(writes, [], |row| row.get::<_, i64>(0)));
    assert_eq!(count.await.unwrap(), 0);
    database
        .sqlite()
        .unwrap()
        .write(|tx| tx.execute("UPDATE meta SET value = 1 WHERE name = 'writes'", []))
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_on_one_file_keep_one_truth() {
    let home = home();
    // two openings share nothing but the file, as two processes do
    let one = StoredVault::without_keys(open(&home).await);
    let other = StoredVault::without_keys(open(&home).await);
    one.commit(vec![put("a/n", Expect::Absent, b"0")]).await.unwrap();
    let add = |vault: StoredVault| {
        tokio::spawn(async move {
            let mut done = 0;
            while done < 50 {
                let found = vault.read(&[Key::stored("a/n")]).await.unwrap().remove(0).unwrap();
                let next = String::from_utf8(found.bytes).unwrap().parse::<u32>().unwrap() + 1;
                let change =
                    put("a/n", Expect::Version(found.version), next.to_string().as_bytes());
                match vault.commit(vec![change]).await {
                    Ok(()) => done += 1,
                    Err(CommitError::Conflict) => {}
                    Err(error) => panic!("{error:?}"),
                }
            }
        })
    };
    let (first, second) = (add(one.clone()), add(other));
    first.await.unwrap();
    second.await.unwrap();
    assert_eq!(one.read(&[Key::stored("a/n")]).await.unwrap()[0].as_ref().unwrap().bytes, b"100");
}

#[tokio::test]
async fn a_reader_cannot_write() {
    let home = home();
    let database = open(&home).await;
    let written = database.sqlite().unwrap().read(|moment| moment.execute("DELETE FROM meta", []));
    assert_eq!(fault(&written.await.unwrap_err()), Fault::ReadOnly);
    database
        .sqlite()
        .unwrap()
        .read(|moment| moment.query_row("SELECT COUNT(*) FROM meta", [], |_| Ok(())))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_sweep_removes_what_may_be_forgotten_and_nothing_else() {
    let home = home();
    let vault = StoredVault::without_keys(open(&home).await);
    let now = Timestamp::from_unix_millis(1_700_000_000_000);
    let until = |key: &str, at| Change::Put {
        key: Key::stored(key),
        expect: Expect::Absent,
        bytes: Some(b"x".to_vec()),
        forget_after: at,
    };
    let changes = vec![
        until("a/past", Some(now.plus_seconds(-1))),
        until("a/now", Some(now)),
        until("a/later", Some(now.plus_seconds(1))),
        until("a/never", None),
    ];
    vault.commit(changes).await.unwrap();
    vault
        .database()
        .sqlite()
        .unwrap()
        .write(move |tx| {
            tx.execute("INSERT INTO users VALUES ('owner', '', 0)", [])?;
            for (hash, expires) in [("old", now.unix_millis()), ("new", now.unix_millis() + 1)] {
                tx.execute(
                    "INSERT INTO sessions VALUES (?1, 'owner', '', 0, ?2)",
                    (hash, expires),
                )?;
            }
            Ok(())
        })
        .await
        .unwrap();
    assert_eq!(vault.database().sweep(now).await.unwrap(), 3);
    let left = vault.list(&Key::stored("a/"), None, 10).await.unwrap();
    let left: Vec<_> = left.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(left, ["a/later", "a/never"]);
    assert_eq!(vault.database().sweep(now).await.unwrap(), 0);
}

#[tokio::test]
async fn the_audit_is_summed_exactly_beyond_what_one_sum_holds() {
    let home = home();
    let vault = StoredVault::without_keys(open(&home).await);
    let row = |at, grant: &str, model: &str, cost, estimated| {
        Change::Append(std::sync::Arc::new(AuditRow {
            id: another_call(),
            at: Timestamp::from_unix_millis(at),
            grant: grant.parse().unwrap(),
            owner: Owner::new("owner"),
            provider: Provider::OpenAi,
            model: model.to_owned(),
            operation: "chat".to_owned(),
            status: 200,
            usage: Usage { input: 10, output: 3, ..Usage::default() },
            cost: Pico::new(cost),
            estimated,
            prices: "test".to_owned(),
            end: End::Finished,
        }))
    };
    let huge = u64::MAX / 4;
    let rows = vec![
        row(1, "g1", "m", 1_000_001, false),
        row(2, "g1", "m", 2, true),
        row(3, "g1", "n", huge, false),
        row(4, "g1", "n", huge, false),
        row(5, "g1", "n", huge, false),
        row(6, "g2", "m", 5, false),
    ];
    vault.commit(rows).await.unwrap();
    let sums = |since: Option<i64>, grant: Option<&'static str>| {
        let database = vault.database().clone();
        async move {
            let since = since.map(Timestamp::from_unix_millis);
            let grant = grant.map(|id| id.parse().unwrap());
            database.spent(since, grant).await.unwrap()
        }
    };
    let all = sums(None, None).await;
    assert_eq!(all.len(), 3);
    assert_eq!(
        (all[0].calls, all[0].estimated_calls, all[0].input_tokens, all[0].output_tokens),
        (2, 1, 20, 6)
    );
    assert_eq!((all[0].cost, all[0].estimated_cost), (Pico::new(1_000_003), Pico::new(2)));
    assert_eq!(all[1].cost, Pico::new(huge * 3));
    assert_eq!(sums(Some(6), None).await.len(), 1);
    assert_eq!(sums(None, Some("g2")).await, &all[2..]);
    assert!(sums(Some(7), Some("g2")).await.is_empty());
}

/// By itself: a few commits of each task, all of them there. As a process of the tests below, on
/// the database that they name: commits until it is killed or fails, and says so of each once it
/// is durable.
#[test]
fn commits_of_many_tasks_are_all_there() {
    let named = std::env::var("OKAP_TEST_DATABASE").ok();
    let most = if named.is_some() { u64::MAX } else { 25 };
    let home = home();
    let path = named.clone().unwrap_or_else(|| home.path().join("vault.db").display().to_string());
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let vault = StoredVault::without_keys(Database::open(Path::new(&path)).await.unwrap());
        let tasks = (0..8).map(|task| {
            let vault = vault.clone();
            tokio::spawn(async move {
                for n in 0..most {
                    let key = format!("crash/{task}-{n}");
                    match vault.commit(vec![put(&key, Expect::Absent, &[0; 500])]).await {
                        Ok(()) => println!("\nack {key}"),
                        Err(CommitError::Store(error)) => {
                            return println!("\nfault {:?}", fault(&error));
                        }
                        Err(error) => panic!("{error}"),
                    }
                }
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await.unwrap();
        }
        if named.is_none() {
            let all = vault.list(&Key::stored("crash/"), None, 1_000).await.unwrap();
            assert_eq!(all.len(), 8 * 25);
        }
    });
}

/// What a child said: commits that it acknowledged, and faults.
async fn said(mut command: Command, kill_after: Option<usize>) -> (Vec<String>, Vec<String>) {
    tokio::task::spawn_blocking(move || {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let (mut acks, mut faults) = (Vec::new(), Vec::new());
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            if let Some(key) = line.strip_prefix("ack ") {
                acks.push(key.to_owned());
            } else if let Some(fault) = line.strip_prefix("fault ") {
                faults.push(fault.to_owned());
            }
            if Some(acks.len()) == kill_after {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        (acks, faults)
    })
    .await
    .unwrap()
}

async fn all_are_there(home: &TempDir, acks: &[String]) {
    let vault = StoredVault::without_keys(open(home).await);
    let keys: Vec<_> = acks.iter().map(|key| Key::stored(key)).collect();
    let found = vault.read(&keys).await.unwrap();
    let lost: Vec<_> = acks.iter().zip(found).filter(|(_, found)| found.is_none()).collect();
    assert!(lost.is_empty(), "{lost:?}");
}

#[tokio::test]
async fn a_killed_writer_loses_no_commit_that_it_acknowledged() {
    let home = home();
    for round in 1..=4 {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "commits_of_many_tasks_are_all_there", "--nocapture"]);
        // a new file each round would not meet what the last crash left
        child.env("OKAP_TEST_DATABASE", home.path().join("vault.db"));
        let (acks, faults) = said(child, Some(round * 37)).await;
        assert!(acks.len() >= round * 37 && faults.is_empty(), "{} {faults:?}", acks.len());
        all_are_there(&home, &acks).await;
        let database = open(&home).await;
        database.sqlite().unwrap().write(|tx| tx.execute("DELETE FROM records", [])).await.unwrap();
        let check = database.sqlite().unwrap().read(|moment| {
            moment.query_row("PRAGMA integrity_check", [], |row| row.get::<_, String>(0))
        });
        assert_eq!(check.await.unwrap(), "ok");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_disk_that_fills_up_loses_no_commit_that_was_acknowledged() {
    let home = home();
    let mut shell = Command::new("sh");
    let script = "trap '' XFSZ; ulimit -f 600; exec \"$0\" --exact commits_of_many_tasks_are_all_there --nocapture";
    shell.args(["-c", script]).arg(std::env::current_exe().unwrap());
    shell.env("OKAP_TEST_DATABASE", home.path().join("vault.db"));
    let (acks, faults) = said(shell, None).await;
    assert!(acks.len() > 8, "{acks:?} {faults:?}");
    assert!(!faults.is_empty() && faults.iter().all(|f| f == "Io" || f == "Full"), "{faults:?}");
    all_are_there(&home, &acks).await;
}
