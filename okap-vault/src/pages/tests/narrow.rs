//! What the form leaves of a request, and what it cannot make of it.

use okap_types::{Limits, Models, Money};

use super::*;

async fn granted(stage: &Stage) -> okap_engine::record::Allowed {
    let mut grants = stage.grants().await;
    assert_eq!(grants.len(), 1);
    let mut access = grants.remove(0).access;
    assert_eq!(access.len(), 1);
    access.remove(0)
}

fn listed(models: &[&str]) -> Models {
    Models::Listed(models.iter().map(|model| model.parse().unwrap()).collect())
}

#[tokio::test]
async fn what_is_left_as_it_was_is_granted_as_asked() {
    let stage = Stage::new().await;
    let browser = stage.browser().await;
    let id = stage.asked(usual(), notes()).await;
    browser.decide(&id, "allow", &untouched()).await.has("Allowed").has("<bdi>Notes</bdi>");
    let access = granted(&stage).await;
    assert_eq!(access.models, listed(&["gpt-4o-mini", "gpt-4o"]));
    let asked = Limits {
        tokens_per_request: okap_types::Count::new(4000),
        ..Limits::monthly(Money::usd(10))
    };
    assert_eq!(access.limits, asked.per_minute(60));
    // the last day means the very moment asked for
    assert_eq!(access.expires.to_string(), "2026-03-01T10:30:00Z");
}

#[tokio::test]
async fn what_is_lowered_is_granted_so() {
    let stage = Stage::new().await;
    let browser = stage.browser().await;
    let id = stage.asked(usual(), notes()).await;
    let fields = touched(&[
        ("model.0", Some("gpt-4o-mini")),
        ("capability.0", Some("chat")),
        ("monthly_spend.0", Some("2.50")),
        ("daily_spend.0", Some("0.5")),
        ("requests_per_minute.0", Some("5")),
        ("requests_per_day.0", Some("100")),
        ("tokens_per_request.0", Some("1000")),
        ("expires.0", Some("2026-02-01")),
    ]);
    browser.decide(&id, "allow", &fields).await.has("Allowed");
    let access = granted(&stage).await;
    assert_eq!(access.models, listed(&["gpt-4o-mini"]));
    assert_eq!(access.models_refused, ["gpt-4o".parse().unwrap()]);
    assert_eq!(access.capabilities, [okap_types::Capability::Chat]);
    assert_eq!(
        serde_json::to_value(&access.limits).unwrap(),
        json!({"monthly_spend": "2.50", "daily_spend": "0.50", "requests_per_minute": 5,
               "requests_per_day": 100, "tokens_per_request": 1000}),
    );
    assert_eq!(access.expires.to_string(), "2026-02-01T00:00:00Z");
}

#[tokio::test]
async fn a_form_that_the_page_cannot_make_grants_nothing() {
    let stage = Stage::new().await;
    let browser = stage.browser().await;
    let id = stage.asked(usual(), notes()).await;
    for (change, why) in [
        (("model.0", Some("gpt-5")), "The model “gpt-5” was not asked for."),
        (("model.0", Some("*")), "The model “*” was not asked for."),
        (("model.0", Some("gpt-4o\u{202e}")), "The model “gpt-4o⟨U+202E⟩” was not asked for."),
        (("models_any.0", Some("1")), "This page has no field “models_any.0”."),
        (("models_extra.0", Some("gpt-5")), "This page has no field “models_extra.0”."),
        (("capability.0", Some("vision")), "The capability “vision” was not asked for."),
        (
            ("monthly_spend.0", Some("10.000001")),
            "10.000001 USD is more than the 10.00 USD asked for.",
        ),
        (("no_monthly_limit.0", Some("1")), "This page has no field “no_monthly_limit.0”."),
        (("requests_per_minute.0", Some("61")), "61 is more than the 60 asked for."),
        (("tokens_per_request.0", Some("4001")), "4,001 is more than the 4,000 asked for."),
        (("expires.0", Some("2026-03-02")), "2 March 2026 is later than 1 March 2026, 10:30 UTC."),
        (("include.0", Some("yes")), "The field “include.0” can only be ticked."),
        (("include.1", Some("1")), "This page has no field “include.1”."),
        (("owner", Some("me")), "This page has no field “owner”."),
        (("<b>", Some("")), "This page has no field “&#60;b&#62;”."),
    ] {
        let refused = browser.decide(&id, "allow", &touched(&[change])).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{change:?} {}", refused.text);
        refused.has(why).has("nothing was allowed");
        assert!(stage.waits(&id).await && stage.grants().await.is_empty(), "{change:?}");
    }
    for (twice, why) in [
        (("monthly_spend.0", "1.00"), "The field “monthly_spend.0” stands there twice."),
        (("model.0", "gpt-4o"), "A model stands there twice."),
        (("capability.0", "chat"), "A capability stands there twice."),
        (("include.0", "1"), "The field “include.0” stands there twice."),
        (("shown", "x"), "The field “shown” stands there twice."),
        (("action", "deny"), "The field “action” stands there twice."),
    ] {
        let mut fields = untouched();
        fields.push(twice);
        let refused = browser.decide(&id, "allow", &fields).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{twice:?}");
        refused.has(why);
        assert!(stage.waits(&id).await && stage.grants().await.is_empty(), "{twice:?}");
    }
    let refused = browser.decide(&id, "grant", &untouched()).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    browser.decide(&id, "allow", &untouched()).await.has("Allowed");
}

#[tokio::test]
async fn the_page_that_was_shown_is_the_page_that_is_decided() {
    let stage = Stage::new().await;
    let browser = stage.browser().await;
    let id = stage.asked(usual(), notes()).await;
    let path = format!("/consent/{id}");
    for shown in ["", "x", &hash("another page")] {
        for action in ["allow", "deny"] {
            let mut fields = untouched();
            fields.extend([("shown", shown), ("action", action)]);
            let refused = browser.post(&path, &fields).await;
            assert_eq!(refused.status, StatusCode::CONFLICT, "{}", refused.text);
            assert!(stage.waits(&id).await);
        }
    }
    browser.decide(&id, "deny", &untouched()).await.has("Denied");
}

#[tokio::test]
async fn a_slip_gives_the_form_again_with_what_was_typed() {
    let stage = Stage::new().await;
    let browser = stage.browser().await;
    let id = stage.asked(usual(), notes()).await;
    for (field, value, why) in [
        ("monthly_spend.0", "two", "Enter an amount such as 10.50"),
        ("monthly_spend.0", "1e1", "Enter an amount such as 10.50"),
        ("monthly_spend.0", "-1", "Enter an amount such as 10.50"),
        ("monthly_spend.0", "", "Enter 10.00 USD or less."),
        ("daily_spend.0", "0.0000001", "Enter an amount such as 10.50"),
        ("requests_per_minute.0", "0", "Enter a whole number from 1"),
        ("requests_per_minute.0", "", "Enter 60 or less."),
        ("requests_per_day.0", "+5", "Enter a whole number from 1"),
        ("tokens_per_request.0", "1.5", "Enter a whole number from 1"),
        ("expires.0", "tomorrow", "Enter a day as YYYY-MM-DD."),
        ("expires.0", "2026-02-30", "Enter a day as YYYY-MM-DD."),
        ("expires.0", "", "Enter a day as YYYY-MM-DD."),
        ("expires.0", "2026-01-15", "Choose a day that is yet to come."),
    ] {
        let fields = touched(&[(field, Some(value)), ("model.0", Some("gpt-4o"))]);
        let again = browser.decide(&id, "allow", &fields).await;
        assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY, "{field}={value}");
        let name = field.replace(".0", "-0");
        again
            .has(&format!("id=\"{name}-mistake\">{why}"))
            .has(&format!("aria-describedby=\"{name}-mistake {name}-hint\""))
            .has("Nothing is decided yet")
            .has("value=\"gpt-4o\" checked")
            .lacks("value=\"gpt-4o-mini\" checked");
        assert_eq!(again.field(field), value);
        assert!(stage.waits(&id).await && stage.grants().await.is_empty());
    }
    for (field, why) in
        [("model.0", "Tick at least one model"), ("capability.0", "Tick at least one of these")]
    {
        let again = browser.decide(&id, "allow", &touched(&[(field, None)])).await;
        assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);
        again.has(why);
    }
    let again = browser.decide(&id, "allow", &touched(&[("include.0", None)])).await;
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);
    again.has("nothing is left of it");
    assert!(stage.waits(&id).await && stage.grants().await.is_empty());
}

#[tokio::test]
async fn to_check_decides_nothing() {
    let stage = Stage::new().await;
    let browser = stage.browser().await;
    let id = stage.asked(usual(), notes()).await;
    let fields = touched(&[("monthly_spend.0", Some("3"))]);
    let again = browser.decide(&id, "check", &fields).await;
    assert_eq!((again.status, again.field("monthly_spend.0")), (StatusCode::OK, "3".to_owned()));
    assert!(stage.waits(&id).await && stage.grants().await.is_empty());
}

fn open_choice() -> Value {
    json!([{"type": "ai_model_access", "provider": "openai"}])
}

/// The page's own proposal for [`open_choice`], with models.
fn chosen<'a>(more: &[(&'a str, &'a str)]) -> Fields<'a> {
    let mut fields =
        vec![("include.0", "1"), ("capability.0", "chat"), ("expires.0", "2027-01-16")];
    fields.extend_from_slice(more);
    fields
}

#[tokio::test]
async fn where_the_app_leaves_the_choice_the_user_chooses() {
    let stage = Stage::new().await;
    let browser = stage.browser().await;
    let id = stage.asked(open_choice(), notes()).await;
    let page = browser.get(&format!("/consent/{id}")).await;
    assert_eq!(page.field("monthly_spend.0"), "10.00");
    assert_eq!(page.field("expires.0"), "2027-01-16");
    page.has("<option value=\"gpt-4o-mini\">")
        .has("value=\"chat\" checked")
        .lacks("value=\"vision\" checked");
    let money = ("monthly_spend.0", "10.00");
    for (fields, why) in [
        (chosen(&[money]), "Name at least one model, or tick every model."),
        (chosen(&[money, ("models_extra.0", "*")]), "“*” is no model."),
        (chosen(&[("models_extra.0", "gpt-4o")]), "Enter an amount, or tick no monthly limit."),
    ] {
        let again = browser.decide(&id, "allow", &fields).await;
        assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY, "{fields:?}");
        again.has(why);
        assert!(stage.waits(&id).await);
    }
    let lines = [
        ("models_extra.0", " gpt-4o-mini "),
        ("models_extra.0", ""),
        ("models_extra.0", "gpt-4o\r\nmine"),
    ];
    browser.decide(&id, "allow", &chosen(&[&lines[..], &[money]].concat())).await.has("Allowed");
    let access = granted(&stage).await;
    assert_eq!(access.models, listed(&["gpt-4o-mini", "gpt-4o", "mine"]));
    assert_eq!(access.limits, Limits::monthly(Money::usd(10)));
    assert_eq!(access.expires, stage.control.latest_end());
}

#[tokio::test]
async fn no_limit_and_every_model_are_ticked_and_never_a_default() {
    let stage = Stage::new().await;
    let browser = stage.browser().await;
    let id = stage.asked(open_choice(), notes()).await;
    let ticks = [("models_any.0", "1"), ("no_monthly_limit.0", "1"), ("monthly_spend.0", "10.00")];
    browser.decide(&id, "allow", &chosen(&ticks)).await.has("Allowed");
    let access = granted(&stage).await;
    assert_eq!((access.models, access.limits), (Models::Any, Limits::default()));
}

#[tokio::test]
async fn a_part_can_be_left_out() {
    let stage = Stage::new().await;
    let browser = stage.browser().await;
    let mut both = usual();
    let other = json!({"type": "ai_model_access", "provider": "anthropic", "models": ["claude-sonnet-4-0"]});
    both.as_array_mut().unwrap().push(other);
    let id = stage.asked(both, notes()).await;
    let mut fields = touched(&[("include.0", None), ("monthly_spend.0", Some("nonsense"))]);
    fields.extend([
        ("include.1", "1"),
        ("model.1", "claude-sonnet-4-0"),
        ("capability.1", "chat"),
        ("monthly_spend.1", "1"),
        ("expires.1", "2026-02-01"),
    ]);
    browser.decide(&id, "allow", &fields).await.has("Allowed");
    assert_eq!(granted(&stage).await.provider, okap_types::Provider::Anthropic);
}
