//! What may be asked for.

use serde_json::json;

use crate::{
    case::{Ask, Case, Grant},
    catalogue::Test,
    driver::Decision,
    outcome::{Outcome, Witness, ensure},
    profile::Profile,
};

pub(in crate::catalogue) const TESTS: &[Test] = &[
    Test {
        id: "core.details.list",
        rev: 1,
        title: "a list of details is neither empty nor long, and its objects do not overlap",
        profile: Profile::Core,
        verifies: &["OKAP-R-026", "OKAP-R-030"],
        needs: &[],
        twin: Some("core.outcome.order"),
        threat: Some("grant-escape"),
        run: |case| Box::pin(list(case)),
    },
    Test {
        id: "core.details.names",
        rev: 1,
        title: "names have their form, and a model is no pattern and hides nothing",
        profile: Profile::Core,
        verifies: &["OKAP-R-028", "OKAP-R-029", "OKAP-R-361", "OKAP-R-444"],
        needs: &[],
        twin: Some("core.request.waits"),
        threat: Some("consent-phishing"),
        run: |case| Box::pin(names(case)),
    },
    Test {
        id: "core.details.expires",
        rev: 1,
        title: "an end is a moment to come, and is brought down to the vault's longest",
        profile: Profile::Core,
        verifies: &["OKAP-R-032", "OKAP-R-033", "OKAP-R-034", "OKAP-R-043"],
        needs: &[],
        twin: Some("core.grant.allowed"),
        threat: None,
        run: |case| Box::pin(expires(case)),
    },
    Test {
        id: "core.details.reason",
        rev: 1,
        title: "a reason has at most 280 characters after cleaning",
        profile: Profile::Core,
        verifies: &["OKAP-R-035"],
        needs: &[],
        twin: Some("core.request.waits"),
        threat: Some("consent-phishing"),
        run: |case| Box::pin(reason(case)),
    },
    Test {
        id: "core.details.limits",
        rev: 1,
        title: "an amount is read by its digits and written as a decimal string",
        profile: Profile::Core,
        verifies: &["OKAP-R-036", "OKAP-R-037", "OKAP-R-039", "OKAP-R-361"],
        needs: &[],
        twin: Some("core.grant.allowed"),
        threat: Some("grant-escape"),
        run: |case| Box::pin(limits(case)),
    },
];

async fn list(case: &Case) -> Outcome {
    case.between("OKAP-R-026", async {
        let none = json!({ "okap": "1.0", "authorization_details": [] });
        case.refuses_body("OKAP-R-026", "invalid_authorization_details", &none).await?;
        let model = |n: usize| case.ask().models(&[&format!("gpt-4o-{n}")]);
        let most: Vec<_> = (0..16).map(model).collect();
        case.takes("OKAP-R-026", &case.ask().beside(&most)).await?;
        let more: Vec<_> = (0..17).map(model).collect();
        let more = case.ask().beside(&more);
        case.refuses_body("OKAP-R-026", "invalid_authorization_details", &more).await?;

        let open = || case.ask().models(&[]);
        for pair in [[model(1), model(1)], [open(), open()]] {
            let body = case.ask().beside(&pair);
            case.refuses_body("OKAP-R-030", "invalid_authorization_details", &body).await?;
        }
        Ok(())
    })
    .await
}

async fn names(case: &Case) -> Outcome {
    case.between("OKAP-R-028", async {
        let any = case.ask().models(&["*"]);
        case.refuses_details("OKAP-R-028", &any).await?;
        let any = case.ask().models(&["gpt-4o-mini", "*"]);
        case.refuses_details("OKAP-R-028", &any).await?;
        for model in ["gpt\n4", "gpt\u{200b}-4o", "gpt-\u{202e}o4", "gpt\u{0}", "gpt\u{ad}-4o"] {
            case.refuses_details("OKAP-R-029", &case.ask().models(&[model])).await?;
        }
        for wrong in ["OpenAI", "open ai", "-openai", "", "openai/..", &"o".repeat(65)] {
            let asked = case.ask().with("provider", json!(wrong));
            case.refuses_details("OKAP-R-444", &asked).await?;
            let asked = case.ask().with("capabilities", json!([wrong]));
            case.refuses_details("OKAP-R-444", &asked).await?;
        }
        for member in ["provider", "type"] {
            case.refuses_details("OKAP-R-361", &case.ask().without(member)).await?;
        }
        let other = case.ask().with("type", json!("payment_initiation"));
        case.refuses_details("OKAP-R-361", &other).await?;
        let strange = case.ask().with("capabilities", json!(["okapconf-later"]));
        case.takes("OKAP-R-444", &strange.shape_2()).await.map(drop)
    })
    .await
}

async fn expires(case: &Case) -> Outcome {
    for wrong in [
        "2020-01-01T00:00:00Z",
        "2035-01-01T00:00:00",
        "2035-06-30T23:59:60Z",
        "3000-01-01T00:00:00Z",
        "1969-12-31T23:59:59Z",
        "2035-02-30",
        "tomorrow",
    ] {
        case.refuses_details("OKAP-R-032", &case.ask().expires(wrong)).await?;
    }
    let granted = async |ask: Ask| {
        let reply = case.answer(&ask, Decision::Approve).await?;
        let grant = Grant::read(&reply)?;
        let end = grant.object().get("expires").and_then(|end| end.as_str().map(str::to_owned));
        Ok::<_, crate::outcome::Stop>((end.unwrap_or_default(), reply, grant))
    };
    let (soon, far) = (case.moment(3_600), case.moment(360 * 24 * 3_600 * 100));
    let (end, reply, one) = granted(case.ask().expires(&soon)).await?;
    reply.ensure("OKAP-R-043", end == soon, format!("expires {soon}, as asked for"))?;
    let (longest, reply, other) = granted(case.ask().expires(&far)).await?;
    reply.ensure("OKAP-R-033", !longest.is_empty() && longest < far, "an end before that")?;
    let (unsaid, reply, _) = granted(case.ask()).await?;
    let within = !unsaid.is_empty() && days(&unsaid) <= days(&longest);
    reply.ensure("OKAP-R-033", within, format!("an end, {longest} at the latest"))?;
    ensure("OKAP-R-034", longest <= case.moment(366 * 24 * 3_600 + 60), "366 days", longest)?;
    Witness::of_fresh("OKAP-R-033", &one.token, &other.token)
}

/// The day of a moment: two grants of one length end a few seconds apart.
fn days(moment: &str) -> &str {
    moment.get(..10).unwrap_or_default()
}

async fn reason(case: &Case) -> Outcome {
    case.between("OKAP-R-035", async {
        let long = |letters: usize| case.ask().with("reason", json!("ä".repeat(letters)));
        case.takes("OKAP-R-035", &long(280).shape_2()).await?;
        case.refuses_details("OKAP-R-035", &long(281)).await?;
        let padded = format!("{}{}", "\u{200b}".repeat(50), "a ".repeat(140));
        case.takes("OKAP-R-035", &case.ask().with("reason", json!(padded)).shape_2()).await?;
        Ok(())
    })
    .await
}

async fn limits(case: &Case) -> Outcome {
    for wrong in [
        json!(-1),
        json!("-1"),
        json!("+1"),
        json!("1e3"),
        json!("1,000"),
        json!("0.0000001"),
        json!("1000000.01"),
        json!(""),
        json!("1."),
        json!(true),
        json!("0x10"),
    ] {
        let asked = case.ask().limits(json!({ "monthly_spend": wrong }));
        case.refuses_details("OKAP-R-036", &asked).await?;
    }
    // an exponent that a parser of numbers would have undone
    let raw = case.ask().limits(json!({ "monthly_spend": 77 })).shape_2().to_string();
    let reply = case.raw(raw.replacen("77", "1e2", 1)).await?;
    reply.is_refused("OKAP-R-036", 400, "invalid_authorization_details")?;
    for wrong in [json!(0), json!(-1), json!(1.5), json!("60"), json!(2_147_483_648_u64)] {
        let asked = case.ask().limits(json!({ "requests_per_minute": wrong }));
        case.refuses_details("OKAP-R-361", &asked).await?;
    }
    // what a binary number, times a million and cut, makes 526.268886
    let (day, month) = ("526.268887", "999999.123457");
    let raw = case.ask().limits(json!({ "daily_spend": 77 })).shape_2().to_string();
    case.raw(raw.replacen("77", day, 1)).await?.has_status("OKAP-R-037", 202)?;
    let ask = case.ask().limits(json!({ "daily_spend": day, "monthly_spend": month }));
    let granted = Grant::read(&case.answer(&ask, Decision::Approve).await?)?;
    for (member, asked) in [("daily_spend", day), ("monthly_spend", month)] {
        let said = granted.object().pointer(&format!("/limits/{member}")).cloned();
        granted.reply.ensure("OKAP-R-037", said == Some(json!(asked)), asked)?;
    }
    let whole = case.ask().limits(json!({ "monthly_spend": 10 }));
    let whole = Grant::read(&case.answer(&whole, Decision::Approve).await?)?;
    let two = whole.object().pointer("/limits/monthly_spend") == Some(&json!("10.00"));
    whole.reply.ensure("OKAP-R-039", two, "monthly_spend \"10.00\" for 10")?;
    Witness::of_fresh("OKAP-R-037", &granted.token, &whole.token)
}
