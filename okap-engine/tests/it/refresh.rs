//! Refresh tokens: turned over at each use, watched for reuse, never longer than the grant.

use okap_engine::{
    flow::{Issued, Redeem, Renew},
    record::Refresh,
    token::hash,
};
use okap_types::{ErrorCode, ModelAccess, Provider, token::RefreshToken};

use crate::{
    host::{Host, knows, redeeming, renewing},
    support::{asked, code, issued},
};

const REFUSED: ErrorCode = ErrorCode::InvalidGrant;

fn started() -> (Host, Issued, RefreshToken) {
    let mut host = Host::new();
    let issued = issued(&mut host);
    let token = issued.refresh.clone().unwrap();
    (host, issued, token)
}

fn bound() -> (Host, Issued, RefreshToken) {
    let mut host = Host::new();
    let code = code(&mut host, None);
    let issued = host.redeem(&code, &Redeem { key: Some("key"), ..redeeming() }).unwrap();
    let token = issued.refresh.clone().unwrap();
    (host, issued, token)
}

fn next(issued: &Issued) -> RefreshToken {
    issued.refresh.clone().unwrap()
}

#[test]
fn each_use_gives_another_refresh_token_and_another_access_token() {
    let (mut host, first, token) = started();
    let second = host.refresh(&renewing(&token)).unwrap();
    assert_ne!(first.token.expose(), second.token.expose());
    assert_ne!(token.expose(), next(&second).expose());
    assert_eq!((second.expires_in, &second.grant), (3600, &first.grant));
    assert_eq!(host.knock(&first.token, &Provider::OpenAi), Ok(()));
    assert_eq!(host.knock(&second.token, &Provider::OpenAi), Ok(()));
    host.refresh(&renewing(&next(&second))).unwrap();
}

#[test]
fn v78_another_client_is_refused_and_nothing_is_lost() {
    let (mut host, first, token) = started();
    let other = Renew { client_id: "https://other.example/okap.json", ..renewing(&token) };
    assert_eq!(host.refresh(&other).unwrap_err(), REFUSED);
    assert_eq!(host.knock(&first.token, &Provider::OpenAi), Ok(()));
    let second = host.refresh(&renewing(&token)).unwrap();
    // also with a token that was used, after the grace
    host.wait(11);
    assert_eq!(host.refresh(&other).unwrap_err(), REFUSED);
    host.refresh(&renewing(&next(&second))).unwrap();
}

#[test]
fn the_last_token_repeated_within_ten_seconds_gives_the_same_successor() {
    let (mut host, _, token) = started();
    let second = host.refresh(&renewing(&token)).unwrap();
    for seconds in [0, 5, 5] {
        host.wait(seconds);
        let again = host.refresh(&renewing(&token)).unwrap();
        assert_eq!(next(&again).expose(), next(&second).expose());
        assert_ne!(again.token.expose(), second.token.expose());
        assert_eq!(host.knock(&again.token, &Provider::OpenAi), Ok(()));
    }
    host.refresh(&renewing(&next(&second))).unwrap();
}

#[test]
fn v79_a_used_token_after_the_grace_kills_the_grant() {
    for (seconds, dead) in [(10, false), (11, true)] {
        let (mut host, first, token) = started();
        let second = host.refresh(&renewing(&token)).unwrap();
        host.wait(seconds);
        assert_eq!(host.refresh(&renewing(&token)).is_err(), dead, "{seconds} s");
        for token in [&first.token, &second.token] {
            assert_eq!(host.knock(token, &Provider::OpenAi).is_err(), dead);
        }
        assert_eq!(host.refresh(&renewing(&next(&second))).is_err(), dead);
    }
}

#[test]
fn v79_a_used_token_whose_successor_was_used_kills_the_grant_within_the_grace() {
    let (mut host, first, token) = started();
    let second = host.refresh(&renewing(&token)).unwrap();
    host.refresh(&renewing(&next(&second))).unwrap();
    // the twin: the last of the chain may be repeated
    host.refresh(&renewing(&next(&second))).unwrap();
    assert_eq!(host.knock(&first.token, &Provider::OpenAi), Ok(()));
    assert_eq!(host.refresh(&renewing(&token)).unwrap_err(), REFUSED);
    assert_eq!(host.knock(&first.token, &Provider::OpenAi), Err(ErrorCode::TokenRevoked));
}

#[test]
fn v79_a_used_token_is_remembered_for_thirty_days() {
    for (days, remembered) in [(29, true), (31, false)] {
        let mut host = Host::new();
        let long = ModelAccess { expires: None, ..asked() };
        let id = host.push(crate::support::local(), std::slice::from_ref(&long), None).unwrap();
        let decided = host.decide(&id, None, &crate::support::all_of(&[long])).unwrap().unwrap();
        let code = crate::host::code_of(&decided);
        let token = next(&host.redeem(&code, &redeeming()).unwrap());
        let second = next(&host.refresh(&renewing(&token)).unwrap());
        host.wait(days * 86_400);
        host.store.sweep(host.now);
        assert_eq!(knows::<Refresh>(&host, token.expose()), remembered);
        assert!(knows::<Refresh>(&host, second.expose()));
        assert_eq!(host.refresh(&renewing(&token)).unwrap_err(), REFUSED);
        assert_eq!(host.refresh(&renewing(&second)).is_err(), remembered);
    }
}

#[test]
fn v81_no_successor_lives_longer_than_the_first() {
    let (mut host, first, mut token) = started();
    let end = host.standing(&first.token).unwrap().grant.expires();
    for _ in 0..29 {
        host.wait(86_400);
        token = next(&host.refresh(&renewing(&token)).unwrap());
        let record = host.store.read::<Refresh>(&hash(token.expose())).unwrap().record;
        assert_eq!(record.expires, end);
    }
    host.wait(86_400 - 1);
    let last = host.refresh(&renewing(&token)).unwrap();
    assert_eq!(last.expires_in, 1);
    host.wait(1);
    assert_eq!(host.refresh(&renewing(&next(&last))).unwrap_err(), REFUSED);
}

#[test]
fn v82_a_narrower_refresh_narrows_one_access_token_and_not_the_grant() {
    let (mut host, _, token) = started();
    let fewer = [ModelAccess::new(Provider::OpenAi).models(["gpt-4o-mini"])];
    let second = host.refresh(&Renew { narrower: Some(&fewer), ..renewing(&token) }).unwrap();
    assert_eq!(second.access[0].models.listed(), fewer[0].models);
    let token = next(&second);
    let third = host.refresh(&Renew { narrower: Some(&[asked()]), ..renewing(&token) }).unwrap();
    assert_eq!(third.access[0].models.listed(), asked().models);
    let fourth = host.refresh(&renewing(&next(&third))).unwrap();
    assert_eq!(fourth.access, host.standing(&fourth.token).unwrap().grant.access);
}

#[test]
fn a_wider_refresh_is_refused_and_the_token_stays_good() {
    let (mut host, _, token) = started();
    let wider = [asked().models(["gpt-4o", "o3"])];
    let refused = host.refresh(&Renew { narrower: Some(&wider), ..renewing(&token) });
    assert_eq!(refused.unwrap_err(), ErrorCode::InvalidAuthorizationDetails);
    let second = host.refresh(&renewing(&token)).unwrap();
    // in the grace, too
    let refused = host.refresh(&Renew { narrower: Some(&wider), ..renewing(&token) });
    assert_eq!(refused.unwrap_err(), ErrorCode::InvalidAuthorizationDetails);
    host.refresh(&renewing(&next(&second))).unwrap();
}

#[test]
fn v83_a_revoked_grant_is_not_renewed() {
    for revoked in [false, true] {
        let (mut host, first, token) = started();
        if revoked {
            host.revoke(&first.grant);
        }
        assert_eq!(host.refresh(&renewing(&token)).is_err(), revoked);
    }
}

#[test]
fn v118_a_bound_token_is_renewed_by_its_key_and_by_no_other() {
    let (mut host, first, token) = bound();
    for key in [None, Some("other key")] {
        assert_eq!(host.refresh(&Renew { key, ..renewing(&token) }).unwrap_err(), REFUSED);
    }
    assert_eq!(host.knock(&first.token, &Provider::OpenAi), Ok(()));
    let second = host.refresh(&Renew { key: Some("key"), ..renewing(&token) }).unwrap();
    assert!(second.bound);
    // a used one does not betray its grant to another key either
    host.wait(11);
    assert_eq!(host.refresh(&renewing(&token)).unwrap_err(), REFUSED);
    let token = next(&second);
    host.refresh(&Renew { key: Some("key"), ..renewing(&token) }).unwrap();
}

#[test]
fn a_proof_binds_an_unbound_refresh_token_from_then_on() {
    let (mut host, _, token) = started();
    let second = host.refresh(&Renew { key: Some("key"), ..renewing(&token) }).unwrap();
    assert!(second.bound);
    let token = next(&second);
    assert_eq!(host.refresh(&renewing(&token)).unwrap_err(), REFUSED);
    host.refresh(&Renew { key: Some("key"), ..renewing(&token) }).unwrap();
}

#[test]
fn v118_a_token_whose_successor_is_bound_is_repeated_by_its_key() {
    let (mut host, first, token) = started();
    let key = Some("key");
    let second = host.refresh(&Renew { key, ..renewing(&token) }).unwrap();
    let again = host.refresh(&Renew { key, ..renewing(&token) }).unwrap();
    assert_eq!(next(&again).expose(), next(&second).expose());
    assert_eq!(host.knock(&first.token, &Provider::OpenAi), Ok(()));
}

#[test]
fn v79_a_token_that_was_bound_by_one_and_comes_from_another_kills_the_grant() {
    for other in [None, Some("other key")] {
        // whoever came first holds what the other cannot use: one of the two is a thief
        let (mut host, first, token) = started();
        let second = host.refresh(&Renew { key: Some("key"), ..renewing(&token) }).unwrap();
        let late = Renew { key: other, ..renewing(&token) };
        assert_eq!(host.refresh(&late).unwrap_err(), REFUSED);
        for token in [&first.token, &second.token] {
            assert_eq!(host.knock(token, &Provider::OpenAi), Err(ErrorCode::TokenRevoked));
        }
        let token = next(&second);
        let held = Renew { key: Some("key"), ..renewing(&token) };
        assert_eq!(host.refresh(&held).unwrap_err(), REFUSED);
    }
}

#[test]
fn an_unknown_refresh_token_is_refused() {
    let (mut host, _, token) = started();
    let unknown = RefreshToken::from_random(&okap_types::Secret::new([9; 32]));
    assert_eq!(host.refresh(&renewing(&unknown)).unwrap_err(), REFUSED);
    host.refresh(&renewing(&token)).unwrap();
}
