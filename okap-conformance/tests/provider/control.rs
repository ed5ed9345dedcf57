//! The control plane that tests in other languages use.

use serde_json::{Value, json};

use crate::support::{Ask, PATIENCE, provider};

fn post(path: &str, body: Value) -> Ask {
    Ask::bare("POST", &format!("/__provider/{path}")).json(&body)
}

fn ledger(query: &str) -> Ask {
    Ask::bare("GET", &format!("/__provider/ledger{query}"))
}

#[tokio::test]
async fn the_books_are_read_as_json_and_control_calls_are_not_in_them() {
    let provider = provider().await;
    Ask::chat(json!({})).header("cookie", "a=b").send(&provider).await;
    let books = ledger("").send(&provider).await.json();
    assert_eq!(
        books["totals"],
        json!({
            "calls": 1, "prompt_tokens": 6, "completion_tokens": 12, "billed_pico": 8_100_000,
            "open": 0, "max_concurrent": 1,
        })
    );
    assert_eq!(
        books["violations"],
        json!([{ "seq": 1, "what": "header_not_allowed", "at": "header cookie" }])
    );
    let call = &books["calls"][0];
    assert_eq!((&call["state"], &call["status"]), (&json!("finished"), &json!(200)));
    assert_eq!(call["headers"][0], json!({ "name": "authorization", "value": "Bearer <master>" }));
    assert_eq!(post("reset", json!({})).send(&provider).await.json(), json!({ "reset": true }));
    let books = ledger("").send(&provider).await.json();
    assert_eq!((&books["calls"], &books["violations"]), (&json!([]), &json!([])));
}

#[tokio::test]
async fn faults_are_set_listed_and_cleared() {
    let provider = provider().await;
    let rule = json!({
        "model_prefix": "gpt", "times": 5, "words": 2,
        "fault": { "kind": "status", "status": 529 },
    });
    let listed = post("fault", rule).send(&provider).await.json();
    assert_eq!(listed["rules"][0]["fault"]["kind"], "status");
    assert_eq!(Ask::chat(json!({})).send(&provider).await.status, 529);
    let listed = Ask::bare("GET", "/__provider/fault").send(&provider).await.json();
    assert_eq!(listed["rules"][0]["times"], 4);
    let listed = Ask::bare("DELETE", "/__provider/fault").send(&provider).await.json();
    assert_eq!(listed, json!({ "rules": [] }));
    assert_eq!(Ask::chat(json!({})).send(&provider).await.status, 200);
}

#[tokio::test]
async fn every_kind_of_fault_can_be_named() {
    let provider = provider().await;
    for fault in [
        json!({ "kind": "status", "status": 429, "retry_after": 3, "echo": true }),
        json!({ "kind": "redirect", "to": "http://evil.example" }),
        json!({ "kind": "hang" }),
        json!({ "kind": "cut" }),
        json!({ "kind": "end_early", "after": 2 }),
        json!({ "kind": "error_event" }),
        json!({ "kind": "html" }),
        json!({ "kind": "truncated_json" }),
        json!({ "kind": "huge", "bytes": 10 }),
        json!({ "kind": "no_usage" }),
        json!({ "kind": "zero_usage" }),
        json!({ "kind": "gzip" }),
        json!({ "kind": "echo_credential" }),
    ] {
        assert_eq!(post("fault", json!({ "fault": fault })).send(&provider).await.status, 200);
    }
    for wrong in [json!({ "fault": { "kind": "fire" } }), json!({ "wrods": 3 })] {
        let reply = post("fault", wrong).send(&provider).await;
        assert_eq!(reply.status, 400);
        assert!(reply.json()["error"].as_str().unwrap().contains("unknown"));
    }
    assert_eq!(post("nothing", json!({})).send(&provider).await.status, 404);
    assert_eq!(provider.ledger().totals.calls, 0);
}

#[tokio::test]
async fn the_barrier_is_armed_and_released_and_the_ledger_waits_for_its_calls() {
    let provider = provider().await;
    assert_eq!(post("barrier", json!({ "calls": 9 })).send(&provider).await.json()["armed"], 9);
    let call = tokio::spawn(Ask::chat(json!({})).send_to_owned(provider.url()));
    provider.wait_until(PATIENCE, |ledger| ledger.totals.prompt_tokens > 0).await.unwrap();
    let open = ledger("?settle_ms=20").send(&provider).await.json();
    assert_eq!(open["totals"]["open"], 1);
    let released = Ask::bare("POST", "/__provider/release").send(&provider).await.json();
    assert_eq!(released, json!({ "released": 1 }));
    let settled = ledger("?settle_ms=5000").send(&provider).await.json();
    assert_eq!((&settled["totals"]["open"], call.await.unwrap()), (&json!(0), 200));
}
