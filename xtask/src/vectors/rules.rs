//! Rules: where windows end, what a minute holds, and what narrower means.

use serde_json::{Value, json};

use super::File;

pub(super) fn all() -> Vec<File> {
    vec![windows(), minutes(), consent(), narrowing()]
}

fn windows() -> File {
    let case = |moment: &str, day_ends: &str, month_ends: &str| json!({"name": moment, "moment": moment, "day_ends": format!("{day_ends}T00:00:00Z"), "month_ends": format!("{month_ends}T00:00:00Z")});
    let cases = vec![
        case("2026-11-23T12:00:00Z", "2026-11-24", "2026-12-01"),
        case("2026-11-23T00:00:00Z", "2026-11-24", "2026-12-01"),
        case("2026-11-23T23:59:59.999Z", "2026-11-24", "2026-12-01"),
        case("2026-11-23T23:30:00-01:00", "2026-11-25", "2026-12-01"),
        case("2026-11-24T00:30:00+01:00", "2026-11-24", "2026-12-01"),
        case("2026-11-30T23:59:59.999Z", "2026-12-01", "2026-12-01"),
        case("2026-12-01T00:00:00Z", "2026-12-02", "2027-01-01"),
        case("2026-12-01T00:30:00+01:00", "2026-12-01", "2026-12-01"),
        case("2026-12-31T23:59:59.999Z", "2027-01-01", "2027-01-01"),
        case("2027-01-31T12:00:00Z", "2027-02-01", "2027-02-01"),
        case("2027-02-28T12:00:00Z", "2027-03-01", "2027-03-01"),
        case("2028-02-28T12:00:00Z", "2028-02-29", "2028-03-01"),
        case("2028-02-29T12:00:00Z", "2028-03-01", "2028-03-01"),
        case("2100-02-28T12:00:00Z", "2100-03-01", "2100-03-01"),
        case("1970-01-01T00:00:00Z", "1970-01-02", "1970-02-01"),
    ];
    File::new(
        "windows",
        "A moment, and when the UTC day and the UTC calendar month that it lies in end. A window holds its first moment and not its end.",
        cases,
    )
}

/// Requests as offsets in milliseconds, each with whether it is let through and, where not, how
/// many seconds later it would be.
fn minutes() -> File {
    let case = |name: &str, limit: u32, requests: &[(i64, Option<u32>)]| {
        let requests: Vec<Value> = requests
            .iter()
            .map(|(at, wait)| json!({"at": at, "admitted": wait.is_none(), "retry_after": wait}))
            .collect();
        json!({"name": name, "requests_per_minute": limit, "requests": requests})
    };
    let cases = vec![
        case("all at once", 3, &[(0, None), (0, None), (0, None), (0, Some(60)), (0, Some(60))]),
        case(
            "one a minute",
            1,
            &[(0, None), (59_999, Some(1)), (60_000, None), (119_999, Some(1)), (120_000, None)],
        ),
        case(
            "a refused request does not count",
            1,
            &[(0, None), (30_000, Some(30)), (60_000, None)],
        ),
        case(
            "the window slides, it is no clock minute",
            2,
            &[
                (59_000, None),
                (59_500, None),
                (60_000, Some(59)),
                (61_000, Some(58)),
                (118_999, Some(1)),
                (119_000, None),
                (119_499, Some(1)),
                (119_500, None),
            ],
        ),
        case(
            "a part of a second is waited for whole",
            1,
            &[(0, None), (500, Some(60)), (1_000, Some(59)), (1_001, Some(59)), (59_000, Some(1))],
        ),
        case(
            "each leaves by itself",
            2,
            &[
                (0, None),
                (40_000, None),
                (50_000, Some(10)),
                (60_000, None),
                (61_000, Some(39)),
                (100_000, None),
            ],
        ),
        case(
            "a burst across the border of a clock minute",
            4,
            &[
                (58_000, None),
                (58_000, None),
                (59_000, None),
                (59_999, None),
                (60_000, Some(58)),
                (62_000, Some(56)),
                (118_000, None),
                (118_000, None),
                (118_000, Some(1)),
                (119_000, None),
            ],
        ),
        case(
            "a clock that steps back opens nothing",
            1,
            &[(100_000, None), (30_000, Some(60)), (100_000, Some(60)), (160_000, None)],
        ),
    ];
    File::new(
        "minutes",
        "Requests under `requests_per_minute`, in the order in which they come; `at` is milliseconds after some moment. In no 60 seconds are more let through than the limit. `retry_after` is whole seconds, 1 to 60.",
        cases,
    )
}

/// A details object as an app asks for it.
fn ask(more: Value) -> Value {
    object(json!({"type": "ai_model_access", "provider": "openai"}), more)
}

fn object(mut base: Value, more: Value) -> Value {
    if let (Some(base), Value::Object(more)) = (base.as_object_mut(), more) {
        for (member, value) in more {
            match value {
                Value::Null => drop(base.remove(&member)),
                value => drop(base.insert(member, value)),
            }
        }
    }
    base
}

fn consent() -> File {
    let asked = ask(json!({
        "models": ["gpt-4", "gpt-4o-mini"], "capabilities": ["chat", "embeddings"],
        "limits": {"monthly_spend": "10.00", "requests_per_minute": 60}, "expires": "2027-01-01T00:00:00Z",
    }));
    let all = json!({
        "models": ["gpt-4", "gpt-4o-mini"], "capabilities": ["chat", "embeddings"],
        "limits": {"monthly_spend": "10.00", "requests_per_minute": 60}, "expires": "2027-01-01T00:00:00Z",
    });
    let open = ask(json!({}));
    let case = |name: &str, asked: &Value, change: Value, models_refused: &[&str]| json!({"name": name, "asked": asked, "approved": object(all.clone(), change), "latest": "2027-11-24T12:00:00Z", "granted": true, "models_refused": models_refused});
    let wider = |name: &str, asked: &Value, change: Value, rule: &str| json!({"name": name, "asked": asked, "approved": object(all.clone(), change), "latest": "2027-11-24T12:00:00Z", "granted": false, "rule": rule});
    let cases = vec![
        case("all of it", &asked, json!({}), &[]),
        case("one model less", &asked, json!({"models": ["gpt-4o-mini"]}), &["gpt-4"]),
        case("one capability less", &asked, json!({"capabilities": ["chat"]}), &[]),
        case(
            "a lower cap",
            &asked,
            json!({"limits": {"monthly_spend": "9.999999", "requests_per_minute": 1}}),
            &[],
        ),
        case(
            "no money at all",
            &asked,
            json!({"limits": {"monthly_spend": "0.00", "requests_per_minute": 60}}),
            &[],
        ),
        case(
            "a cap more",
            &asked,
            json!({"limits": {"monthly_spend": "10.00", "requests_per_minute": 60, "daily_spend": "1.00"}}),
            &[],
        ),
        case("an earlier end", &asked, json!({"expires": "2026-12-01T00:00:00Z"}), &[]),
        case("what was left open, chosen", &open, json!({"expires": "2027-11-24T12:00:00Z"}), &[]),
        case("what was left open, every model", &open, json!({"models": ["*"], "limits": {}}), &[]),
        wider("another model", &asked, json!({"models": ["gpt-4", "o3"]}), "model"),
        wider("another case of a model", &asked, json!({"models": ["GPT-4"]}), "model"),
        wider("every model", &asked, json!({"models": ["*"]}), "model"),
        wider(
            "another capability",
            &asked,
            json!({"capabilities": ["chat", "images"]}),
            "capability",
        ),
        wider("no capability", &asked, json!({"capabilities": []}), "nothing"),
        wider(
            "no capability where it was left open",
            &open,
            json!({"capabilities": []}),
            "nothing",
        ),
        wider(
            "a higher cap on money",
            &asked,
            json!({"limits": {"monthly_spend": "10.000001", "requests_per_minute": 60}}),
            "limit",
        ),
        wider(
            "a higher cap on requests",
            &asked,
            json!({"limits": {"monthly_spend": "10.00", "requests_per_minute": 61}}),
            "limit",
        ),
        wider("a cap taken away", &asked, json!({"limits": {"monthly_spend": "10.00"}}), "limit"),
        wider(
            "another cap in place of it",
            &asked,
            json!({"limits": {"daily_spend": "1.00", "requests_per_minute": 60}}),
            "limit",
        ),
        wider("a later end", &asked, json!({"expires": "2027-01-01T00:00:00.001Z"}), "expires"),
        wider(
            "an end after the vault's own latest",
            &open,
            json!({"expires": "2027-11-24T12:00:00.001Z"}),
            "expires",
        ),
    ];
    File::new(
        "consent",
        "What an app asked, what the user approved of it, the latest end that the vault allows, and whether that is granted or which rule it breaks: a grant is never wider than the request.",
        cases,
    )
}

fn narrowing() -> File {
    let parent = |more: Value| {
        object(
            json!({
                "provider": "openai", "models": ["gpt-4", "gpt-4o-mini"], "capabilities": ["chat", "embeddings"],
                "limits": {"monthly_spend": "10.00", "requests_per_minute": 60}, "expires": "2027-01-01T00:00:00Z",
            }),
            more,
        )
    };
    let one = json!([parent(json!({}))]);
    let every = json!([parent(json!({"models": ["*"], "limits": {}}))]);
    let two = json!([
        parent(json!({"models": ["gpt-4"]})),
        parent(json!({"models": ["gpt-4o-mini"], "limits": {"daily_spend": "1.00"}})),
        parent(json!({"provider": "anthropic", "models": ["claude-sonnet-4-5"]})),
    ]);
    let now = "2026-11-23T12:00:00Z";
    let case = |name: &str, granted: &Value, asked: Value, child: Value| json!({"name": name, "granted": granted, "asked": asked, "now": now, "child": child});
    let wider = |name: &str, granted: &Value, asked: Value, rule: &str| json!({"name": name, "granted": granted, "asked": asked, "now": now, "child": null, "rule": rule, "code": "invalid_authorization_details"});
    let cases = vec![
        case("nothing said is all of it", &one, json!([ask(json!({}))]), one.clone()),
        case(
            "fewer models",
            &one,
            json!([ask(json!({"models": ["gpt-4"]}))]),
            json!([parent(json!({"models": ["gpt-4"]}))]),
        ),
        case(
            "one of every model",
            &every,
            json!([ask(json!({"models": ["o3"]}))]),
            json!([parent(json!({"models": ["o3"], "limits": {}}))]),
        ),
        case("every model is inherited", &every, json!([ask(json!({}))]), every.clone()),
        case(
            "fewer capabilities",
            &one,
            json!([ask(json!({"capabilities": ["chat"]}))]),
            json!([parent(json!({"capabilities": ["chat"]}))]),
        ),
        case(
            "a lower cap, the other inherited",
            &one,
            json!([ask(json!({"limits": {"monthly_spend": "1.00"}}))]),
            json!([parent(
                json!({"limits": {"monthly_spend": "1.00", "requests_per_minute": 60}})
            )]),
        ),
        case(
            "the same cap",
            &one,
            json!([ask(json!({"limits": {"monthly_spend": "10.00"}}))]),
            one.clone(),
        ),
        case(
            "a cap more",
            &one,
            json!([ask(json!({"limits": {"tokens_per_request": 1000}}))]),
            json!([parent(
                json!({"limits": {"monthly_spend": "10.00", "requests_per_minute": 60, "tokens_per_request": 1000}})
            )]),
        ),
        case(
            "an earlier end",
            &one,
            json!([ask(json!({"expires": "2026-11-24"}))]),
            json!([parent(json!({"expires": "2026-11-24T00:00:00Z"}))]),
        ),
        case("the same end", &one, json!([ask(json!({"expires": "2027-01-01"}))]), one.clone()),
        case(
            "one object of three",
            &two,
            json!([ask(json!({"models": ["gpt-4o-mini"]}))]),
            json!([parent(json!({"models": ["gpt-4o-mini"], "limits": {"daily_spend": "1.00"}}))]),
        ),
        case(
            "another provider",
            &two,
            json!([ask(json!({"provider": "anthropic"}))]),
            json!([parent(json!({"provider": "anthropic", "models": ["claude-sonnet-4-5"]}))]),
        ),
        case(
            "two of one parent, no model shared",
            &one,
            json!([
                ask(json!({"models": ["gpt-4"]})),
                ask(json!({"models": ["gpt-4o-mini"], "capabilities": ["chat"]}))
            ]),
            json!([
                parent(json!({"models": ["gpt-4"]})),
                parent(json!({"models": ["gpt-4o-mini"], "capabilities": ["chat"]}))
            ]),
        ),
        wider("another model", &one, json!([ask(json!({"models": ["o3"]}))]), "models"),
        wider(
            "models of two objects in one",
            &two,
            json!([ask(json!({"models": ["gpt-4", "gpt-4o-mini"]}))]),
            "models",
        ),
        wider(
            "a model of another provider",
            &two,
            json!([ask(json!({"models": ["claude-sonnet-4-5"]}))]),
            "models",
        ),
        wider(
            "a provider that was not granted",
            &one,
            json!([ask(json!({"provider": "google"}))]),
            "provider",
        ),
        wider(
            "one right and one not granted",
            &one,
            json!([ask(json!({})), ask(json!({"provider": "google"}))]),
            "provider",
        ),
        wider(
            "no models where two objects could be meant",
            &two,
            json!([ask(json!({}))]),
            "ambiguous",
        ),
        wider(
            "two of one parent that share a model",
            &one,
            json!([
                ask(json!({"models": ["gpt-4"]})),
                ask(json!({"models": ["gpt-4o-mini", "gpt-4"]}))
            ]),
            "overlap",
        ),
        wider(
            "two of one parent, one with all",
            &one,
            json!([ask(json!({"models": ["gpt-4"]})), ask(json!({}))]),
            "overlap",
        ),
        wider(
            "another capability",
            &one,
            json!([ask(json!({"capabilities": ["chat", "images"]}))]),
            "capability",
        ),
        wider(
            "a higher cap on money",
            &one,
            json!([ask(json!({"limits": {"monthly_spend": "10.000001"}}))]),
            "limit",
        ),
        wider(
            "a higher cap on requests",
            &one,
            json!([ask(json!({"limits": {"requests_per_minute": 61}}))]),
            "limit",
        ),
        wider(
            "a later end",
            &one,
            json!([ask(json!({"expires": "2027-01-01T00:00:00.001Z"}))]),
            "expires",
        ),
        wider(
            "an end that is past",
            &one,
            json!([ask(json!({"expires": "2026-11-23T12:00:00Z"}))]),
            "expires",
        ),
    ];
    File::new(
        "narrowing",
        "What a token allows, what a token request asks of it at a moment, and what the new token allows or which rule refuses (RFC 9396 section 6). Every member that is left out is inherited.",
        cases,
    )
}
