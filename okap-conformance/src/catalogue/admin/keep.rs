//! What is kept, and what is never shown again.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{
    case::Case,
    catalogue::Test,
    driver::Verb,
    outcome::{Outcome, Stop, ensure, prerequisite},
    profile::Profile,
};

pub(in crate::catalogue) const TESTS: &[Test] = &[
    Test {
        id: "admin.keep.keys",
        rev: 2,
        title: "no key, token or prompt stands in what the vault keeps and logs, in whatever form",
        profile: Profile::Admin,
        verifies: &["OKAP-R-421", "OKAP-R-423", "OKAP-R-431"],
        needs: &[Verb::Dump],
        twin: Some("proxy.forward.clean"),
        threat: Some("stolen-store"),
        run: |case| Box::pin(keys(case)),
    },
    Test {
        id: "admin.keep.shown",
        rev: 1,
        title: "no page shows a master key again",
        profile: Profile::Admin,
        verifies: &["OKAP-R-424"],
        needs: &[],
        twin: None,
        threat: Some("key-exfiltration"),
        run: |case| Box::pin(shown(case)),
    },
    Test {
        id: "admin.keep.audit",
        rev: 1,
        title: "every forwarded call has a row in the audit, with what it used",
        profile: Profile::Admin,
        verifies: &["OKAP-R-425"],
        needs: &[Verb::Audit],
        twin: Some("proxy.forward.clean"),
        threat: None,
        run: |case| Box::pin(audit(case)),
    },
];

async fn keys(case: &Case) -> Outcome {
    let grant = case.grant(&case.ask()).await?;
    let prompt = case.prompt();
    let called = case.forwarded(&grant, &prompt).await;
    let (_, witness) = prerequisite("a call to look for", called)?;
    let denied = case.prompt().model("gpt-4o");
    case.call(&grant, &denied).await?;
    // commits the words of another app, behind the call
    case.begin(&case.ask()).await?;
    let mut places = case.kept().await?;
    places.extend(case.log().await.map(|log| ("the log".to_owned(), log.into_bytes())));
    for (place, bytes) in &places {
        for (kind, requirement) in [("master", "OKAP-R-421"), ("token_", "OKAP-R-423")] {
            if let Some(seen) = case.secret_in(kind, bytes).await {
                let seen = format!("{seen} in {place}");
                return Err(Stop::failed(requirement, "no secret in the open", seen));
            }
        }
        let words = [&prompt.nonce, &denied.nonce];
        let text = String::from_utf8_lossy(bytes);
        let silent = !words.iter().any(|word| text.contains(word.as_str()));
        ensure("OKAP-R-431", silent, "no prompt kept", format!("one in {place}"))?;
    }
    Ok(witness)
}

async fn shown(case: &Case) -> Outcome {
    let grant = case.grant(&case.ask()).await?;
    let home = format!("{}/", case.issuer());
    let called = case.forwarded(&grant, &case.prompt()).await;
    let (_, witness) = prerequisite("a call with the key", called)?;
    let (mut browser, _) = case.signed_in(&home).await?;
    // every page that links lead to
    let all = browser.find(|_| false).await;
    match all {
        Ok(_) | Err(Stop::Untestable(_)) => {}
        Err(other) => return Err(other),
    }
    case.saw_no("master", "OKAP-R-424")?;
    Ok(witness)
}

async fn audit(case: &Case) -> Outcome {
    let (grant, other) = (case.grant(&case.ask()).await?, case.grant(&case.ask()).await?);
    let prompt = case.prompt().words(23);
    let called = case.forwarded(&grant, &prompt).await;
    let (_, witness) = prerequisite("a call to look for", called)?;
    let billed = case.books(&prompt).totals;
    let rows = case.audit(&grant).await?;
    let said = Value::Array(rows.clone()).to_string();
    ensure("OKAP-R-425", rows.len() == 1, "one row for one call", &said)?;
    let mut words = BTreeSet::new();
    rows.iter().for_each(|row| collect(row, &mut words));
    let wanted = [
        ("the grant", grant.id.clone()),
        ("the provider", "openai".to_owned()),
        ("the model", "gpt-4o-mini".to_owned()),
        ("the status", "200".to_owned()),
        ("what went in", billed.prompt_tokens.to_string()),
        ("what came out", billed.completion_tokens.to_string()),
    ];
    for (what, word) in wanted {
        ensure("OKAP-R-425", words.contains(&word), format!("{what}, {word}"), &said)?;
    }
    let strange = case.audit(&other).await?;
    let empty = strange.is_empty();
    ensure("OKAP-R-425", empty, "no row of another grant", Value::Array(strange).to_string())?;
    Ok(witness)
}

/// Every string and number of a row: how it is written down is the vault's own choice.
fn collect(row: &Value, words: &mut BTreeSet<String>) {
    match row {
        Value::String(text) => drop(words.insert(text.clone())),
        Value::Number(number) => drop(words.insert(number.to_string())),
        Value::Array(items) => items.iter().for_each(|item| collect(item, words)),
        Value::Object(members) => members.values().for_each(|item| collect(item, words)),
        _ => {}
    }
}
