//! The device flow: a code for a person, a code for the device, and one answer.

use okap_engine::{
    flow::{Decision, Poll, user_code_name},
    record::{Device, Loaded, UserCoded},
    token::hash,
};
use okap_types::{ErrorCode, ModelAccess, Provider, token::DeviceCode};

use crate::{
    host::{Host, knows, polling, renewing},
    support::{all_of, asked, local},
};

fn opened() -> (Host, String, DeviceCode) {
    let mut host = Host::new();
    let (id, code) = host.device(local(), &[asked()]).unwrap();
    (host, id, code)
}

fn approved() -> (Host, DeviceCode) {
    let (mut host, id, code) = opened();
    host.decide(&id, None, &all_of(&[asked()])).unwrap().unwrap();
    (host, code)
}

#[test]
fn v91_a_poll_before_the_interval_slows_down_by_five_seconds() {
    let (mut host, id, code) = opened();
    let mut poll = |wait| {
        host.wait(wait);
        host.poll(&code, &polling()).unwrap_err()
    };
    assert_eq!(poll(0), ErrorCode::AuthorizationPending);
    assert_eq!(poll(5), ErrorCode::AuthorizationPending);
    assert_eq!(poll(3), ErrorCode::SlowDown);
    // ten seconds from then on, counted from the last poll
    assert_eq!(poll(5), ErrorCode::SlowDown);
    assert_eq!(poll(10), ErrorCode::SlowDown);
    assert_eq!(poll(20), ErrorCode::AuthorizationPending);
    assert_eq!(poll(20), ErrorCode::AuthorizationPending);
    host.decide(&id, None, &all_of(&[asked()])).unwrap().unwrap();
    host.poll(&code, &polling()).unwrap();
}

#[test]
fn polls_without_a_pause_write_only_what_they_change() {
    let (mut host, id, code) = opened();
    let written = |host: &Host| {
        let stored: Loaded<Device> = host.store.read(&hash(code.expose())).unwrap();
        stored.version
    };
    for _ in 0..200 {
        host.poll(&code, &polling()).unwrap_err();
    }
    // the interval is longer than the request lives: no poll can be in time any more
    let before = written(&host);
    for _ in 0..3 {
        host.wait(10);
        assert_eq!(host.poll(&code, &polling()).unwrap_err(), ErrorCode::SlowDown);
    }
    assert_eq!(written(&host), before);
    host.decide(&id, None, &all_of(&[asked()])).unwrap().unwrap();
    host.poll(&code, &polling()).unwrap();
}

#[test]
fn v91_an_approved_request_gives_its_token_once() {
    let (mut host, code) = approved();
    let issued = host.poll(&code, &polling()).unwrap();
    assert_eq!(host.knock(&issued.token, &Provider::OpenAi), Ok(()));
    assert_eq!(issued.expires_in, 3600);
    assert_eq!(host.poll(&code, &polling()).unwrap_err(), ErrorCode::InvalidGrant);
    // and takes nothing back
    assert_eq!(host.knock(&issued.token, &Provider::OpenAi), Ok(()));
    host.refresh(&renewing(&issued.refresh.unwrap())).unwrap();
}

#[test]
fn another_client_learns_nothing_and_spends_nothing() {
    let (mut host, code) = approved();
    let other = Poll { client_id: "https://other.example/okap.json", ..polling() };
    assert_eq!(host.poll(&code, &other).unwrap_err(), ErrorCode::InvalidGrant);
    host.poll(&code, &polling()).unwrap();
}

#[test]
fn a_denied_request_says_so() {
    let (mut host, id, code) = opened();
    host.decide(&id, None, &Decision::Deny).unwrap().unwrap();
    assert_eq!(host.poll(&code, &polling()).unwrap_err(), ErrorCode::AccessDenied);
}

#[test]
fn a_request_lives_ten_minutes() {
    for (seconds, answer) in
        [(599, ErrorCode::AuthorizationPending), (600, ErrorCode::ExpiredToken)]
    {
        let (mut host, _, code) = opened();
        host.wait(seconds);
        assert_eq!(host.poll(&code, &polling()).unwrap_err(), answer, "{seconds} s");
    }
    let (mut host, code) = approved();
    host.wait(600);
    assert_eq!(host.poll(&code, &polling()).unwrap_err(), ErrorCode::ExpiredToken);
    host.wait(-1);
    host.poll(&code, &polling()).unwrap();
}

#[test]
fn an_ended_request_is_known_as_such_for_a_while() {
    let (mut host, _, code) = opened();
    host.wait(700);
    host.store.sweep(host.now);
    assert_eq!(host.poll(&code, &polling()).unwrap_err(), ErrorCode::ExpiredToken);
    host.wait(600);
    host.store.sweep(host.now);
    assert!(!knows::<Device>(&host, code.expose()));
    assert_eq!(host.poll(&code, &polling()).unwrap_err(), ErrorCode::InvalidGrant);
}

#[test]
fn a_wider_wish_is_refused_and_the_device_code_stays_good() {
    let (mut host, code) = approved();
    let wider = [ModelAccess::new(Provider::OpenAi).models(["o3"])];
    let refused = host.poll(&code, &Poll { narrower: Some(&wider), ..polling() });
    assert_eq!(refused.unwrap_err(), ErrorCode::InvalidAuthorizationDetails);
    let narrower = [ModelAccess::new(Provider::OpenAi).models(["gpt-4o"])];
    let issued = host.poll(&code, &Poll { narrower: Some(&narrower), ..polling() }).unwrap();
    assert_eq!(issued.access[0].models.listed(), narrower[0].models);
}

#[test]
fn a_proof_binds_both_tokens() {
    let (mut host, code) = approved();
    let issued = host.poll(&code, &Poll { key: Some("key"), ..polling() }).unwrap();
    assert!(issued.bound);
    let token = issued.refresh.unwrap();
    assert_eq!(host.refresh(&renewing(&token)).unwrap_err(), ErrorCode::InvalidGrant);
}

#[test]
fn a_grant_that_was_taken_back_or_ended_gives_no_token() {
    let polled = |revoked: bool, waited: i64| {
        let mut host = Host::new();
        let brief = [asked().expires(host.now.plus_seconds(60))];
        let (id, code) = host.device(local(), &brief).unwrap();
        let decided = host.decide(&id, None, &all_of(&brief)).unwrap().unwrap();
        if revoked {
            host.revoke(&decided.grant.unwrap().id);
        }
        host.wait(waited);
        host.poll(&code, &polling()).map(|issued| issued.expires_in)
    };
    assert_eq!(polled(false, 59), Ok(1));
    assert_eq!(polled(true, 59), Err(ErrorCode::InvalidGrant));
    assert_eq!(polled(false, 60), Err(ErrorCode::InvalidGrant));
}

#[test]
fn what_a_person_types_leads_to_the_request_however_it_is_written() {
    let (host, id, _) = opened();
    let code = host.interaction(&id).unwrap().record.user_code;
    let bare = code.replace('-', "").to_lowercase();
    for typed in [code.clone(), bare.clone(), format!(" {} {} ", &bare[..4], &bare[4..])] {
        let found = host.store.read::<UserCoded>(&user_code_name(&typed)).unwrap();
        assert_eq!(found.record.0.interaction, id);
    }
    for typed in ["", "BBBB-BBBB", &code[1..]] {
        assert!(!host.store.has::<UserCoded>(&user_code_name(typed)), "{typed}");
    }
}
