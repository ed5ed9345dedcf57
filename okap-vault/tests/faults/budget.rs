//! A budget worth ten calls, two hundred at once.

use okap_client::{Limits, Money};
use serde_json::json;

use crate::{
    app::App,
    checks::{bill, quiet},
    kill::provider,
    stage::Stage,
};

const AT_ONCE: usize = 200;
const WORDS: u64 = 400;

/// Statuses of calls at once, and the bill in pico-USD.
async fn rush(
    stage: &Stage,
    app: &std::sync::Arc<App>,
    extra: serde_json::Value,
) -> (Vec<u16>, u64) {
    let go = |n: usize| {
        let (app, extra) = (app.clone(), extra.clone());
        tokio::spawn(async move {
            let text = format!("{} say {WORDS} words {n:03}", app.name);
            let mut body =
                json!({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": text}]});
            body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
            app.send(0, "chat/completions", &body, false).await.status
        })
    };
    let tasks: Vec<_> = (0..AT_ONCE).map(go).collect();
    let mut statuses = Vec::new();
    for task in tasks {
        statuses.push(task.await.unwrap());
    }
    (statuses, bill(app, &quiet(stage).await))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_200_calls_against_a_budget_worth_10_exactly_10_pass() {
    let stage = Stage::start(provider()).await;
    let limits = |cap| Limits::monthly(Money::from_micros(cap).unwrap());
    // what one call costs, and a little: as much as its prompt may cost at most, and less than that
    // with the shortest answer that is of use
    let app = App::granted(&stage, "measured.", limits(1_000_000)).await;
    let body = json!({
        "model": "gpt-4o-mini", "max_tokens": WORDS,
        "messages": [{"role": "user", "content": format!("measured. say {WORDS} words 000")}],
    });
    assert_eq!(app.send(0, "chat/completions", &body, false).await.status, 200);
    let one = bill(&app, &quiet(&stage).await).div_ceil(1_000_000);
    let cap = 10 * one + 26;
    let limits = || limits(cap);
    let app = App::granted(&stage, "said.", limits()).await;
    let (statuses, billed) = rush(&stage, &app, json!({"max_tokens": WORDS})).await;
    let count = |statuses: &[u16], status| statuses.iter().filter(|s| **s == status).count();
    let (passed, refused) = (count(&statuses, 200), count(&statuses, 402));
    println!(
        "with max_tokens: {passed} of {AT_ONCE} pass, {billed} of {} pico-USD",
        cap * 1_000_000
    );
    assert_eq!((passed, refused), (10, AT_ONCE - 10), "{statuses:?}");
    assert!(billed <= cap * 1_000_000);

    let app = App::granted(&stage, "unsaid.", limits()).await;
    let (statuses, billed) = rush(&stage, &app, json!({})).await;
    let (passed, refused) = (count(&statuses, 200), count(&statuses, 402));
    assert_eq!(passed + refused, AT_ONCE, "{statuses:?}");
    println!(
        "without: {passed} of {AT_ONCE} pass, {} of {} pico-USD billed",
        billed,
        cap * 1_000_000
    );
    assert!(passed >= 10 && billed <= cap * 1_000_000, "{passed} {billed}");
    // whoever was refused did not fit: what is left pays for no more than a prompt
    assert!(cap * 1_000_000 - billed < 40_000_000, "{billed}");
}
