use okap_engine::{
    pico::Pico,
    provider::{Style, error_body, stop_event},
    refusal::{Limit, Refusal},
};
use okap_types::Money;

use crate::support::at;

fn spent() -> Refusal {
    Refusal::SpendLimitExceeded {
        limit: Limit::Month,
        cap: Money::usd(10),
        used: Pico::from_micros(9_999_999).unwrap(),
        resets_at: at("2026-12-01"),
    }
}

#[test]
fn errors_come_in_the_shape_of_the_provider() {
    let grant = "g1".parse().unwrap();
    insta::assert_json_snapshot!("spent.openai", error_body(Style::OpenAi, &spent(), Some(&grant)));
    insta::assert_json_snapshot!(
        "spent.anthropic",
        error_body(Style::Anthropic, &spent(), Some(&grant))
    );
    insta::assert_json_snapshot!(
        "revoked.openai",
        error_body(Style::OpenAi, &Refusal::TokenRevoked, None)
    );
}

#[test]
fn a_stream_is_ended_in_the_words_of_the_provider() {
    let text = |style| String::from_utf8(stop_event(style, &Refusal::TokenRevoked, None)).unwrap();
    assert!(text(Style::OpenAi).starts_with("data: {\"error\":"));
    assert!(text(Style::Anthropic).starts_with("event: error\ndata: {"));
    assert!(text(Style::OpenAi).ends_with("\n\n"));
}

#[test]
fn only_waits_of_a_minute_are_advised() {
    assert_eq!(Refusal::RequestsPerMinute { most: 5, wait: 12 }.retry_after(), Some(12));
    assert_eq!(
        Refusal::RequestsPerDay { most: 5, resets_at: at("2026-12-01") }.retry_after(),
        None
    );
    assert_eq!(spent().retry_after(), None);
    assert!(spent().is_final() && !Refusal::RequestsPerMinute { most: 5, wait: 12 }.is_final());
    assert_eq!((spent().status(), Refusal::Upgrade.status()), (402, 426));
}
