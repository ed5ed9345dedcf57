//! Delegation: a token handed on allows less, ends earlier, and dies with those above it.

use okap_engine::{
    flow::{Exchange, Fetched, Issued, Redeem, Renew},
    pico::Pico,
    record::Refresh,
};
use okap_types::{
    Capability, ErrorCode, Limits, ModelAccess, Models, Money, Provider, token::AccessToken,
};

use crate::{
    host::{Host, exchanging, knows, redeeming, renewing},
    support::{all_of, asked, cap, code, issued, stranger},
};

const INVALID: ErrorCode = ErrorCode::InvalidRequest;

fn started() -> (Host, Issued) {
    let mut host = Host::new();
    let issued = issued(&mut host);
    (host, issued)
}

fn hand_on(
    host: &mut Host,
    subject: &AccessToken,
    wish: &[ModelAccess],
) -> Result<Issued, ErrorCode> {
    host.exchange(subject, &Exchange { narrower: Some(wish), ..exchanging() })
}

fn openai() -> ModelAccess {
    ModelAccess::new(Provider::OpenAi)
}

#[test]
fn what_is_handed_on_is_a_grant_of_its_own_under_its_parent() {
    let (mut host, root) = started();
    let child = host.exchange(&root.token, &exchanging()).unwrap();
    assert_ne!(child.grant, root.grant);
    assert!(child.refresh.is_none());
    let standing = host.standing(&child.token).unwrap();
    assert_eq!(standing.grant.ancestors, [root.grant]);
    let (part, parent) = (&standing.allows()[0], &root.access[0]);
    assert_eq!((&part.models, &part.limits), (&parent.models, &parent.limits));
    assert_ne!(part.account, parent.account);
    assert_eq!(part.under, parent.shares());
}

#[test]
fn v86_nothing_wider_than_the_subject_token_is_handed_on() {
    let (mut host, root) = started();
    let end = host.now.plus_seconds(30 * 86_400);
    let monthly = |micros| openai().limits(Limits::monthly(cap(micros)));
    for (wider, twin) in [
        (monthly(10_000_001), monthly(10_000_000)),
        (
            openai().limits(Limits::default().per_minute(61)),
            openai().limits(Limits::default().per_minute(60)),
        ),
        (openai().expires(end.plus_seconds(1)), openai().expires(end)),
        (openai().models(["gpt-4o", "o3"]), openai().models(["gpt-4o", "gpt-4o-mini"])),
        (openai().models(["*"]), openai()),
        (
            openai().capabilities([Capability::Chat, Capability::Images]),
            openai().capabilities([Capability::Chat]),
        ),
        (ModelAccess::new(Provider::Anthropic), openai()),
    ] {
        let refused = hand_on(&mut host, &root.token, std::slice::from_ref(&wider));
        assert_eq!(refused.unwrap_err(), ErrorCode::InvalidAuthorizationDetails, "{wider:?}");
        hand_on(&mut host, &root.token, &[twin]).unwrap();
    }
}

#[test]
fn v86_a_narrowed_token_hands_on_what_it_allows_and_not_what_its_grant_does() {
    let (mut host, root) = started();
    let fewer = [openai().models(["gpt-4o"]).limits(Limits::monthly(Money::usd(1)))];
    let refresh = root.refresh.unwrap();
    let narrowed = host.refresh(&Renew { narrower: Some(&fewer), ..renewing(&refresh) }).unwrap();
    for wider in
        [openai().models(["gpt-4o-mini"]), openai().limits(Limits::monthly(cap(1_000_001)))]
    {
        let refused = hand_on(&mut host, &narrowed.token, &[wider]);
        assert_eq!(refused.unwrap_err(), ErrorCode::InvalidAuthorizationDetails);
    }
    let child = hand_on(&mut host, &narrowed.token, &[openai()]).unwrap();
    let part = &host.standing(&child.token).unwrap().grant.access[0];
    assert_eq!(part.models, Models::Listed(fewer[0].models.clone()));
    // on the parent's counter the token's own lower cap holds
    assert_eq!(part.under[0].limits.monthly_spend, Some(Money::usd(1)));
    assert_eq!(part.under[0].account, root.access[0].account);
}

#[test]
fn what_is_handed_on_ends_with_the_subject_token() {
    let (mut host, root) = started();
    host.wait(600);
    let child = host.exchange(&root.token, &exchanging()).unwrap();
    assert_eq!(child.expires_in, 3000);
    assert_eq!(child.access[0].expires, host.now.plus_seconds(3000));
    host.wait(2999);
    assert_eq!(host.knock(&child.token, &Provider::OpenAi), Ok(()));
    host.wait(1);
    assert_eq!(host.knock(&child.token, &Provider::OpenAi), Err(ErrorCode::TokenExpired));
}

#[test]
fn v87_a_dead_token_is_not_handed_on() {
    let (mut host, root) = started();
    let child = host.exchange(&root.token, &exchanging()).unwrap();
    host.exchange(&child.token, &exchanging()).unwrap();
    host.revoke(&child.grant);
    assert_eq!(host.exchange(&child.token, &exchanging()).unwrap_err(), INVALID);
    let other = host.exchange(&root.token, &exchanging()).unwrap();
    host.exchange(&other.token, &exchanging()).unwrap();
    host.revoke(&root.grant);
    for token in [&root.token, &other.token] {
        assert_eq!(host.exchange(token, &exchanging()).unwrap_err(), INVALID);
    }
    let (mut host, root) = started();
    host.wait(3599);
    host.exchange(&root.token, &exchanging()).unwrap();
    host.wait(1);
    assert_eq!(host.exchange(&root.token, &exchanging()).unwrap_err(), INVALID);
}

#[test]
fn v87_access_is_handed_on_three_times_and_not_a_fourth() {
    let (mut host, root) = started();
    let mut last = root.token;
    for depth in 1..=3 {
        let child = host.exchange(&last, &exchanging()).unwrap();
        assert_eq!(host.standing(&child.token).unwrap().grant.ancestors.len(), depth);
        last = child.token;
    }
    assert_eq!(host.exchange(&last, &exchanging()).unwrap_err(), INVALID);
}

#[test]
fn v87_a_token_of_another_vault_is_not_handed_on() {
    let (mut host, root) = started();
    let foreign = AccessToken::from_random(&okap_types::Secret::new([9; 32]));
    assert_eq!(host.exchange(&foreign, &exchanging()).unwrap_err(), INVALID);
    assert!(!knows::<Refresh>(&host, foreign.expose()));
    host.exchange(&root.token, &exchanging()).unwrap();
}

#[test]
fn only_the_client_of_a_grant_hands_it_on() {
    let (mut host, root) = started();
    for client_id in [None, Some("https://other.example/okap.json")] {
        let with = Exchange { client_id, ..exchanging() };
        assert_eq!(host.exchange(&root.token, &with).unwrap_err(), INVALID);
    }
    host.exchange(&root.token, &exchanging()).unwrap();
}

#[test]
fn an_app_without_a_client_id_hands_on_without_one() {
    let mut host = Host::new();
    let (id, token) = host.direct(stranger(), &[asked()]).unwrap();
    host.decide(&id, None, &all_of(&[asked()])).unwrap().unwrap();
    let Some(Fetched::Issued(issued)) = host.fetch(&token) else { panic!("approved") };
    assert_eq!(host.exchange(&issued.token, &exchanging()).unwrap_err(), INVALID);
    host.exchange(&issued.token, &Exchange { client_id: None, ..exchanging() }).unwrap();
}

#[test]
fn a_bound_token_is_handed_on_by_its_key_and_binds_the_child() {
    let mut host = Host::new();
    let code = code(&mut host, None);
    let root = host.redeem(&code, &Redeem { key: Some("key"), ..redeeming() }).unwrap();
    for key in [None, Some("other key")] {
        let with = Exchange { key, delegate_key: Some("child's key"), ..exchanging() };
        assert_eq!(host.exchange(&root.token, &with).unwrap_err(), INVALID);
    }
    for (delegate_key, bound_to) in [(None, "key"), (Some("child's key"), "child's key")] {
        let with = Exchange { key: Some("key"), delegate_key, ..exchanging() };
        let child = host.exchange(&root.token, &with).unwrap();
        assert!(child.bound);
        let access = host.standing(&child.token).unwrap().access;
        assert_eq!(access.key.as_deref(), Some(bound_to));
    }
}

#[test]
fn v89_what_was_handed_on_dies_with_any_grant_above_it() {
    for revoked in 0..3 {
        let (mut host, root) = started();
        let child = host.exchange(&root.token, &exchanging()).unwrap();
        let grandchild = host.exchange(&child.token, &exchanging()).unwrap();
        let family = [&root, &child, &grandchild];
        for one in family {
            assert_eq!(host.knock(&one.token, &Provider::OpenAi), Ok(()));
        }
        host.revoke(&family[revoked].grant);
        for (generation, one) in family.into_iter().enumerate() {
            let knocked = host.knock(&one.token, &Provider::OpenAi);
            let alive = generation < revoked;
            assert_eq!(knocked, if alive { Ok(()) } else { Err(ErrorCode::TokenRevoked) });
        }
    }
}

#[test]
fn a_token_with_a_missing_ancestor_is_no_token() {
    let (mut host, root) = started();
    let child = host.exchange(&root.token, &exchanging()).unwrap();
    let mut standing = host.standing(&child.token).unwrap();
    assert_eq!(standing.alive(host.now), Ok(()));
    standing.ancestors.clear();
    let refused = standing.alive(host.now).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::InvalidToken);
}

#[test]
fn v90_what_a_child_spends_moves_every_counter_above_by_the_same() {
    let (mut host, root) = started();
    let child = host.exchange(&root.token, &exchanging()).unwrap();
    let grandchild = host.exchange(&child.token, &exchanging()).unwrap();
    let part = host.standing(&grandchild.token).unwrap().allows()[0].clone();
    let (mut chain, read) = host.chain(&part);
    let hold = chain.hold(Pico::new(500), host.now).unwrap();
    chain.settle(&hold, Pico::new(300));
    host.keep(&read, &chain);
    for one in [&root, &child, &grandchild] {
        let account = &host.standing(&one.token).unwrap().allows()[0].account.clone();
        let used = host.account(account).record.used(host.now);
        assert_eq!((used.month, used.day, used.day_requests), (Pico::new(300), Pico::new(300), 1));
    }
}

#[test]
fn the_delegate_is_named_by_the_app() {
    let (mut host, root) = started();
    let delegate = okap_types::ClientInfo::new("Helper").unwrap().name;
    let with = Exchange { delegate: delegate.clone(), ..exchanging() };
    let child = host.exchange(&root.token, &with).unwrap();
    assert_eq!(host.standing(&child.token).unwrap().grant.delegate, delegate);
}
