use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use okap_client::{Access, Capability, Limits, ModelAccess, Money, Provider};
use okap_conformance::provider::{Config, Manner};
use serde_json::json;

use crate::{http, stack::Stack};

/// 0.012 USD: some hundred calls, more than one life of the vault lets through.
const CAP: u64 = 12_000;

fn ask() -> ModelAccess {
    ModelAccess::new(Provider::OpenAi)
        .models(["gpt-4o-mini"])
        .capabilities([Capability::Chat])
        .limits(Limits::monthly(Money::from_micros(CAP).unwrap()))
}

/// One call; its status, 0 where no answer came.
async fn call(access: &Access, stream: bool) -> u16 {
    let http = client();
    let url = format!("{}/chat/completions", access.base_url(Provider::OpenAi).unwrap());
    let body = json!({
        "model": "gpt-4o-mini", "max_tokens": 100, "stream": stream,
        "messages": [{"role": "user", "content": "Tell me a story about a vault."}],
    });
    let sent = http.post(url).bearer_auth(access.token().expose()).json(&body).send();
    let Ok(Ok(answer)) = tokio::time::timeout(Duration::from_secs(10), sent).await else {
        return 0;
    };
    let status = answer.status().as_u16();
    match tokio::time::timeout(Duration::from_secs(10), answer.bytes()).await {
        Ok(Ok(_)) => status,
        _ => 0,
    }
}

fn client() -> &'static reqwest::Client {
    static CLIENT: OnceLock<reqwest::Client> = OnceLock::new();
    CLIENT.get_or_init(|| http::plain().build().unwrap())
}

fn number(stack: &Stack, sql: &str) -> i64 {
    let database = rusqlite::Connection::open(stack.database()).unwrap();
    database.query_row(sql, [], |row| row.get(0)).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_under_load_it_forgets_no_grant_no_revocation_and_no_money() {
    let manner = Manner {
        delay: Duration::from_millis(5),
        chunk_delay: Duration::from_millis(1),
        ..Manner::default()
    };
    let mut stack = Stack::start(Config { manner, ..Config::default() }).await;
    let access = Arc::new(stack.grant(ask()).await);
    let given_up = stack.grant(ask()).await;
    stack.revoke(given_up.grant_id()).await;
    assert_eq!(call(&given_up, false).await, 401);

    let answered = Arc::new(AtomicU64::new(0));
    for life in 0..5u64 {
        let load: Vec<_> = (0..8u64)
            .map(|worker| {
                let (access, answered) = (access.clone(), answered.clone());
                tokio::spawn(async move {
                    for round in 0..6 {
                        if call(&access, (worker + round) % 2 == 0).await == 200 {
                            answered.fetch_add(1, Ordering::SeqCst);
                        }
                    }
                })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(60 + 37 * life)).await;
        stack.kill();
        for task in load {
            task.await.unwrap();
        }
        stack.restart();
        let check = rusqlite::Connection::open(stack.database()).unwrap();
        let sound: String =
            check.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(sound, "ok");
        assert_eq!(call(&given_up, false).await, 401, "a revocation outlives a kill");
        // no call whose answer came whole is missing from the audit
        let rows =
            number(&stack, "SELECT count(*) FROM audit WHERE status = 200 AND end = 'finished'");
        assert!(rows >= answered.load(Ordering::SeqCst).try_into().unwrap());
    }

    // the grant lives on, and its cap is where it was
    let mut refused = false;
    for _ in 0..2_000 {
        match call(&access, false).await {
            200 => {}
            402 => {
                refused = true;
                break;
            }
            other => panic!("status {other}"),
        }
    }
    assert!(refused, "the cap is reached");
    let ledger = stack.provider.wait_until(Duration::from_secs(5), |l| l.totals.open == 0).await;
    drop(ledger);
    let ledger = stack.ledger();
    let billed = ledger.totals.billed_pico;
    assert!(billed <= CAP * 1_000_000, "billed {billed} pico");
    assert!(billed >= CAP * 1_000_000 / 4, "the cap was really used: {billed} pico");
    let recorded = u64::try_from(number(&stack, "SELECT sum(cost) FROM audit")).unwrap();
    assert!(recorded <= CAP * 1_000_000, "recorded {recorded} pico");
    assert!(ledger.violations.is_empty(), "{:?}", ledger.violations);
}
