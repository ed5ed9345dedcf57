//! More than was granted (C27), less, and a part for somebody else.

use okap_client::{Ask, Capability, Limits, ModelAccess, Money, Provider};
use serde_json::json;

use crate::{Canned, ask, pair, renewable, vault::TOKEN};

const AT: &str = "/okap/token";

fn o3() -> ModelAccess {
    ModelAccess::new(Provider::OpenAi).models(["o3"])
}

async fn more_of(asked: impl Into<Ask>, more: impl Into<Ask>) -> Vec<ModelAccess> {
    let (_, client) = pair();
    let pending = client.start(asked).await.unwrap();
    let access = pending.wait(std::time::Duration::ZERO).await.unwrap();
    access.with_more(more).unwrap().access().to_vec()
}

#[tokio::test]
async fn c27_more_is_asked_for_beside_all_that_was_asked() {
    // other models stand beside
    assert_eq!(more_of(ask(), o3()).await, [ask(), o3()]);
    let groq = ModelAccess::new(Provider::Groq);
    assert_eq!(more_of(ask(), groq.clone()).await, [ask(), groq]);
    // the same models with a higher limit
    let higher = ask().limits(Limits::monthly(Money::usd(20)).per_minute(5));
    assert_eq!(more_of(ask(), higher.clone()).await, [higher]);
    // a lower one, or none, changes nothing
    let lower = ask().limits(Limits::monthly(Money::usd(1)));
    assert_eq!(more_of(ask(), lower).await, [ask()]);
    let bare = ModelAccess::new(Provider::OpenAi).models(["gpt-4o-mini"]);
    assert_eq!(more_of(ask(), bare.clone()).await, [ask()]);
    // models of two objects become one
    let wide = bare.models(["gpt-4o-mini", "o3", "o4"]);
    let joined = ask().models(["gpt-4o-mini", "o3", "o4"]);
    assert_eq!(more_of([ask(), o3()], wide).await.len(), 1);
    assert_eq!(joined.models.len(), 3);
    // a capability is added to those that the user chose
    let images = ask().capabilities([Capability::Images]);
    let both = ask().capabilities([Capability::Chat, Capability::Images]);
    assert_eq!(more_of(ask(), images).await, [both]);
}

#[tokio::test(start_paused = true)]
async fn c27_the_same_is_asked_for_three_times_in_a_row_at_most() {
    // a user who says no each time
    let (_, client) = pair();
    let session = client.session(renewable(&client).await).await.unwrap();
    for _ in 0..3 {
        let asked = session.with_more(o3()).unwrap();
        assert_eq!(asked.access().len(), 2);
    }
    let error = session.with_more(o3()).unwrap_err();
    assert!(error.is_invalid_request(), "{error}");
    // something new is another question
    let new = ModelAccess::new(Provider::Groq);
    assert!(session.with_more(new).is_ok());

    // a user who says yes, and a vault that is never content
    let (_, client) = pair();
    let session = client.session(renewable(&client).await).await.unwrap();
    let mut times = 0;
    while let Ok(asked) = session.with_more(o3()) {
        let (_, client) = pair();
        let prompt = client.start_on_device(asked).await.unwrap();
        session.replace(prompt.wait(prompt.expires_in()).await.unwrap()).await.unwrap();
        times += 1;
    }
    assert_eq!(times, 3);
}

#[tokio::test(start_paused = true)]
async fn session_goes_on_with_wider_access() {
    let (_, client) = pair();
    let session = client.session(renewable(&client).await).await.unwrap();
    let (_, client) = pair();
    let prompt = client.start_on_device(session.with_more(o3()).unwrap()).await.unwrap();
    session.replace(prompt.wait(prompt.expires_in()).await.unwrap()).await.unwrap();
    assert_eq!(session.access().await.unwrap().granted().len(), 2);
    let (_, stranger) = crate::pair_at("https://other.test");
    let foreign = renewable(&stranger).await;
    assert!(session.replace(foreign).await.unwrap_err().is_invalid_request());
}

#[tokio::test(start_paused = true)]
async fn narrow_asks_for_less_and_refresh_for_all_again() {
    let (vault, client) = pair();
    let access = renewable(&client).await;
    let less = ask().limits(Limits::monthly(Money::usd(1)));
    let narrow = client.narrow(&access, less.clone()).await.unwrap();
    assert_eq!(narrow.granted()[0].limits.monthly_spend, Some(Money::usd(1)));
    assert_eq!(narrow.asked(), [less]);
    let form = vault.calls("POST /okap/token")[1].form();
    assert_eq!(form["grant_type"], "refresh_token");
    assert!(form["authorization_details"].contains("\"1.00\""));
    let whole = client.refresh(&narrow).await.unwrap();
    assert_eq!(whole.asked(), [ask()]);
    assert_eq!(whole.granted()[0].limits.monthly_spend, Some(Money::usd(10)));
    // more than was granted is refused, and so is an answer that gives more than the wish
    vault.can(AT, Canned::json(400, json!({"error": "invalid_authorization_details"})));
    assert!(client.narrow(&whole, o3()).await.unwrap_err().is_invalid_request());
    vault.twist(AT, |b| b["authorization_details"][0]["models"] = json!(["o3", "o4"]));
    assert!(client.narrow(&whole, o3()).await.unwrap_err().is_wider());
}

#[tokio::test(start_paused = true)]
async fn delegate_has_access_of_its_own() {
    let (vault, client) = pair();
    let access = renewable(&client).await;
    let part = ask().limits(Limits::daily(Money::usd(1)));
    let child = client.delegate(&access, part.clone(), "Worker", None).await.unwrap();
    assert_eq!(child.token().expose(), "okap_at_child");
    assert_eq!(child.grant_id().as_str(), "g_child");
    assert_eq!(child.asked(), [part]);
    assert!(!child.is_renewable() && !child.is_bound());
    let form = vault.calls("POST /okap/token")[1].form();
    assert_eq!(form["subject_token"], TOKEN);
    assert_eq!(form["client_id"], "http://localhost");
    assert_eq!(form["client_name"], "Worker");
    assert!(!form.contains_key("dpop_jkt"));
    // the text is all that the worker needs
    let text = child.save().unwrap();
    assert_eq!(client.restore(&text).unwrap().token().expose(), "okap_at_child");
}

#[tokio::test(start_paused = true)]
async fn false_exchange_is_refused() {
    let (vault, client) = pair();
    let access = renewable(&client).await;
    for (pointer, value) in [
        ("/grant_id", json!("g_1")),
        ("/issued_token_type", json!("urn:ietf:params:oauth:token-type:jwt")),
        ("/token_type", json!("DPoP")),
        ("/authorization_details/0/models", json!(["gpt-4o-mini", "o3"])),
    ] {
        vault.twist(AT, move |b| *b.pointer_mut(pointer).unwrap() = value.clone());
        let error = client.delegate(&access, ask(), "Worker", None).await.unwrap_err();
        assert!(error.is_untrusted() || error.is_vault(), "{pointer}: {error}");
    }
    let long = "W".repeat(81);
    assert!(client.delegate(&access, ask(), &long, None).await.unwrap_err().is_invalid_request());
}
