//! C20, C21: what a grant may hold.

use std::time::Duration;

use okap_client::{
    Access, Ask, Capability, Count, Difference, Error, Limits, ModelAccess, Money, Provider,
};
use serde_json::{Value, json};

use crate::{ask, pair};

/// Asks, and has the vault change what it grants.
async fn grant(
    ask: impl Into<Ask>,
    twist: impl Fn(&mut Value) + Send + 'static,
) -> Result<Access, Error> {
    let (vault, client) = pair();
    vault.twist("/okap/continue", move |b| twist(&mut b["authorization_details"]));
    client.start(ask).await?.wait(Duration::ZERO).await
}

#[tokio::test]
async fn c20_base_url_elsewhere_is_refused() {
    for url in [
        "https://evil.test/v1/openai",
        "http://vault.test/v1/openai",
        "https://vault.test:8443/v1/openai",
        "https://vault.test@evil.test/v1/openai",
        "https://user:pass@vault.test/v1/openai",
        "https://vault.test/v1/openai#x",
        "data:text/plain,",
        // another provider's
        "https://vault.test/v1/groq",
        "https://vault.test/v1/openai/",
        "https://vault.test/v1/openai?to=groq",
        "https://vault.test",
    ] {
        let error = grant(ask(), move |d| d[0]["base_url"] = json!(url)).await.unwrap_err();
        assert!(error.is_untrusted(), "{url}: {error}");
    }
    let access = grant(ask(), |d| d[0]["base_url"] = json!("https://vault.test/proxy/openai"))
        .await
        .unwrap();
    assert_eq!(access.base_url(Provider::OpenAi).unwrap().path(), "/proxy/openai");
}

#[tokio::test]
async fn c21_more_than_asked_is_refused_and_named() {
    let asked = || {
        ask()
            .capabilities([Capability::Chat])
            .limits(Limits::monthly(Money::usd(10)).per_minute(60))
            .expires("2030-01-01".parse().unwrap())
    };
    let cases: [(&str, Value, &str); 9] = [
        ("/0/provider", json!("groq"), "groq in an object that was not asked for"),
        ("/0/models", json!(["gpt-4o-mini", "gpt-4o"]), "openai model gpt-4o"),
        ("/0/models", json!(["*"]), "openai every model"),
        ("/0/capabilities", json!(["chat", "images"]), "openai capability images"),
        ("/0/limits/monthly_spend", json!("10.01"), "openai limit monthly_spend"),
        ("/0/limits", json!({"requests_per_minute": 60}), "openai limit monthly_spend"),
        ("/0/limits/requests_per_minute", json!(61), "openai limit requests_per_minute"),
        ("/0/limits", json!({"monthly_spend": 10}), "openai limit requests_per_minute"),
        ("/0/expires", json!("2030-01-01T00:00:01Z"), "openai until 2030-01-01T00:00:01Z"),
    ];
    for (pointer, value, named) in cases {
        let error = grant(asked(), move |d| *d.pointer_mut(pointer).unwrap() = value.clone())
            .await
            .unwrap_err();
        assert!(error.is_wider() && error.is_untrusted(), "{error}");
        assert_eq!(error.to_string(), format!("the vault granted more than was asked: {named}"));
    }
    assert_eq!(grant(asked(), |_| ()).await.unwrap().differences(), []);
}

#[tokio::test]
async fn one_object_asked_for_covers_one_granted() {
    let twice = |d: &mut Value| {
        let first = d[0].clone();
        d.as_array_mut().unwrap().push(first);
    };
    let error = grant(ask(), twice).await.unwrap_err();
    assert!(error.is_wider(), "{error}");
    // two objects of one provider, granted in another order, with the open one narrowed
    let two = [ModelAccess::new(Provider::OpenAi), ask()];
    let access = grant(two, |d| {
        d[0]["models"] = json!(["o3"]);
        d.as_array_mut().unwrap().reverse();
    });
    assert_eq!(access.await.unwrap().differences(), []);
}

#[tokio::test]
async fn c21_less_than_asked_is_granted_and_listed() {
    let asked = ask()
        .models(["gpt-4o", "gpt-4o-mini"])
        .capabilities([Capability::Chat, Capability::Images])
        .expires("2030-01-01".parse().unwrap());
    let access = grant(asked, |d| {
        d[0]["models"] = json!(["gpt-4o-mini"]);
        d[0]["capabilities"] = json!(["chat"]);
        d[0]["limits"] = json!({"monthly_spend": "2.50", "requests_per_day": 100});
        d[0]["expires"] = json!("2029-01-01");
    });
    let access = access.await.unwrap();
    let provider = || Provider::OpenAi;
    assert_eq!(
        access.differences(),
        [
            Difference::Model { provider: provider(), model: "gpt-4o".parse().unwrap() },
            Difference::Capability { provider: provider(), capability: Capability::Images },
            Difference::Money {
                provider: provider(),
                limit: "monthly_spend",
                asked: Some(Money::usd(10)),
                granted: Money::from_micros(2_500_000).unwrap(),
            },
            Difference::Count {
                provider: provider(),
                limit: "requests_per_day",
                asked: None,
                granted: Count::new(100).unwrap(),
            },
            Difference::Expires {
                provider: provider(),
                asked: "2030-01-01".parse().unwrap(),
                granted: "2029-01-01".parse().unwrap(),
            },
        ]
    );
    let said: Vec<_> = access.differences().iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "openai: model gpt-4o was not granted",
            "openai: images was not granted",
            "openai: monthly_spend is 2.50 USD, 10.00 USD were asked for",
            "openai: requests_per_day is 100, no limit was asked for",
            "openai: ends 2029-01-01T00:00:00Z, 2030-01-01T00:00:00Z was asked for",
        ]
    );
}

#[tokio::test]
async fn c21_object_that_was_refused_is_listed() {
    let groq = ModelAccess::new(Provider::Groq);
    let access = grant([ask(), groq.clone()], |d| {
        d.as_array_mut().unwrap().pop();
    });
    let access = access.await.unwrap();
    assert_eq!(access.differences(), [Difference::Refused { asked: Box::new(groq) }]);
    assert_eq!(access.base_url(Provider::Groq), None);
}

#[tokio::test]
async fn what_the_app_left_to_the_user_is_no_difference() {
    let access = grant(ModelAccess::new(Provider::OpenAi), |d| d[0]["models"] = json!(["*"]));
    let access = access.await.unwrap();
    assert_eq!(access.differences(), []);
    assert!(access.granted()[0].models.contains("anything"));
}

#[tokio::test]
async fn grant_of_nothing_is_no_grant() {
    assert!(grant(ask(), |d| *d = json!([])).await.unwrap_err().is_vault());
    assert!(grant(ask(), |d| d[0]["models"] = json!([])).await.unwrap_err().is_vault());
}

#[tokio::test]
async fn limits_in_another_currency_are_refused() {
    assert!(grant(ask(), |d| d[0]["currency"] = json!("EUR")).await.unwrap_err().is_untrusted());
}

#[tokio::test]
async fn c21_members_that_nobody_knows_are_kept() {
    let access = grant(ask(), |d| d[0]["added_in_1_2"] = json!({"b": "é"})).await.unwrap();
    let kept: Value = serde_json::from_str(access.granted_json()).unwrap();
    assert_eq!(kept[0]["added_in_1_1"], json!({"a": [1]}));
    assert_eq!(kept[0]["added_in_1_2"], json!({"b": "é"}));
}
