//! The code flow against a store: what a code gives, once.

use okap_engine::{
    flow::{Fetched, Redeem},
    record::Code,
};
use okap_types::{ErrorCode, ModelAccess, Provider};

use crate::{
    host::{Host, OTHER_VERIFIER, VERIFIER, code_of, knows, redeeming},
    support::{all_of, asked, code, issued, local, stranger},
};

const REFUSED: ErrorCode = ErrorCode::InvalidGrant;

#[test]
fn v58_a_code_used_twice_takes_back_what_it_gave() {
    let mut host = Host::new();
    let code = code(&mut host, None);
    let first = host.redeem(&code, &redeeming()).unwrap();
    assert_eq!(host.knock(&first.token, &Provider::OpenAi), Ok(()));
    assert_eq!(host.redeem(&code, &redeeming()).unwrap_err(), REFUSED);
    assert_eq!(host.knock(&first.token, &Provider::OpenAi), Err(ErrorCode::TokenRevoked));
}

#[test]
fn v59_a_replay_without_the_verifier_takes_nothing_back() {
    let mut host = Host::new();
    let code = code(&mut host, None);
    let first = host.redeem(&code, &redeeming()).unwrap();
    let stranger = Redeem { verifier: Some(OTHER_VERIFIER), ..redeeming() };
    assert_eq!(host.redeem(&code, &stranger).unwrap_err(), REFUSED);
    assert_eq!(host.knock(&first.token, &Provider::OpenAi), Ok(()));
}

/// Each with one thing wrong; the code stays good for whoever has all of it right.
#[test]
fn v61_v63_v64_v65_v115_a_code_is_not_spent_by_whoever_cannot_redeem_it() {
    let mut host = Host::new();
    let code = code(&mut host, Some("key"));
    let right = Redeem { key: Some("key"), ..redeeming() };
    for (wrong, refusal) in [
        (Redeem { client_id: "https://other.example/okap.json", ..right.clone() }, REFUSED),
        (Redeem { redirect_uri: "http://127.0.0.1:51004/cb/", ..right.clone() }, REFUSED),
        (Redeem { redirect_uri: "http://127.0.0.1:51005/cb", ..right.clone() }, REFUSED),
        (Redeem { verifier: Some(OTHER_VERIFIER), ..right.clone() }, REFUSED),
        (Redeem { verifier: None, ..right.clone() }, REFUSED),
        (Redeem { verifier: Some(&VERIFIER[1..]), ..right.clone() }, ErrorCode::InvalidRequest),
        (Redeem { key: None, ..right.clone() }, REFUSED),
        (Redeem { key: Some("other key"), ..right.clone() }, REFUSED),
    ] {
        assert_eq!(host.redeem(&code, &wrong).unwrap_err(), refusal, "{wrong:?}");
    }
    assert!(host.redeem(&code, &right).unwrap().bound);
}

#[test]
fn v64_a_verifier_has_43_to_128_unreserved_characters() {
    let mut host = Host::new();
    let code = code(&mut host, None);
    let long = "a".repeat(129);
    for malformed in ["", &VERIFIER[1..], &long, "dBjftJeZ4CVP+mB92K27uhbUJU1p1r_wW1gFWFOEjXk"] {
        let with = Redeem { verifier: Some(malformed), ..redeeming() };
        assert_eq!(host.redeem(&code, &with).unwrap_err(), ErrorCode::InvalidRequest);
    }
    // of the right form, and another's
    let with = Redeem { verifier: Some(&long[1..]), ..redeeming() };
    assert_eq!(host.redeem(&code, &with).unwrap_err(), REFUSED);
    host.redeem(&code, &redeeming()).unwrap();
}

#[test]
fn v66_a_code_ends_after_sixty_seconds_and_is_forgotten_later() {
    for (seconds, good) in [(59, true), (60, false), (61, false)] {
        let mut host = Host::new();
        let code = code(&mut host, None);
        host.wait(seconds);
        assert_eq!(host.redeem(&code, &redeeming()).is_ok(), good, "{seconds} s");
        assert!(knows::<Code>(&host, &code));
    }
}

#[test]
fn v70_a_wider_wish_is_refused_and_the_code_stays_good() {
    let mut host = Host::new();
    let code = code(&mut host, None);
    let wish = |models: &[&str]| [ModelAccess::new(Provider::OpenAi).models(models)];
    for wider in [
        wish(&["gpt-4o", "o3"]).as_slice(),
        &[ModelAccess::new(Provider::Anthropic)],
        &[asked().capabilities([okap_types::Capability::Images])],
    ] {
        let with = Redeem { narrower: Some(wider), ..redeeming() };
        let refused = host.redeem(&code, &with).unwrap_err();
        assert_eq!(refused, ErrorCode::InvalidAuthorizationDetails);
    }
    let narrower = wish(&["gpt-4o"]);
    let with = Redeem { narrower: Some(&narrower), ..redeeming() };
    let issued = host.redeem(&code, &with).unwrap();
    assert_eq!(issued.access[0].models.listed(), narrower[0].models);
    assert_eq!(issued.access[0].limits, asked().limits);
    // the token allows less, its grant all of it
    let standing = host.standing(&issued.token).unwrap();
    assert_eq!(standing.allows(), issued.access);
    assert_eq!(standing.grant.access[0].models.listed(), asked().models);
}

#[test]
fn a_proof_at_the_token_call_binds_what_an_unbound_code_gives() {
    let mut host = Host::new();
    let code = code(&mut host, None);
    let issued = host.redeem(&code, &Redeem { key: Some("key"), ..redeeming() }).unwrap();
    assert!(issued.bound);
    assert_eq!(host.standing(&issued.token).unwrap().access.key.as_deref(), Some("key"));
    assert!(!super::support::issued(&mut host).bound);
}

#[test]
fn a_renewable_token_lives_an_hour_and_never_longer_than_its_grant() {
    let mut host = Host::new();
    assert_eq!(issued(&mut host).expires_in, 3600);
    let brief = [asked().expires(host.now.plus_seconds(50))];
    let id = host.push(local(), &brief, None).unwrap();
    let code = code_of(&host.decide(&id, None, &all_of(&brief)).unwrap().unwrap());
    host.wait(20);
    assert_eq!(host.redeem(&code, &redeeming()).unwrap().expires_in, 30);
}

#[test]
fn a_grant_that_ended_before_its_code_was_redeemed_gives_nothing() {
    let mut host = Host::new();
    let brief = [asked().expires(host.now.plus_seconds(30))];
    let id = host.push(local(), &brief, None).unwrap();
    let code = code_of(&host.decide(&id, None, &all_of(&brief)).unwrap().unwrap());
    host.wait(30);
    assert_eq!(host.redeem(&code, &redeeming()).unwrap_err(), REFUSED);
    // the same code, a second earlier
    host.wait(-1);
    assert_eq!(host.redeem(&code, &redeeming()).unwrap().expires_in, 1);
}

#[test]
fn a_revoked_grant_gives_no_token_for_its_code() {
    let mut host = Host::new();
    for revoked in [false, true] {
        let asked = [asked()];
        let id = host.push(local(), &asked, None).unwrap();
        let decided = host.decide(&id, None, &all_of(&asked)).unwrap().unwrap();
        if revoked {
            host.revoke(&decided.grant.as_ref().unwrap().id);
        }
        assert_eq!(host.redeem(&code_of(&decided), &redeeming()).is_err(), revoked);
    }
}

#[test]
fn a_direct_request_is_answered_once() {
    let mut host = Host::new();
    let (id, token) = host.direct(stranger(), &[asked()]).unwrap();
    assert!(matches!(host.fetch(&token), Some(Fetched::Waiting)));
    host.decide(&id, None, &all_of(&[asked()])).unwrap().unwrap();
    let Some(Fetched::Issued(issued)) = host.fetch(&token) else { panic!("approved") };
    assert_eq!((issued.expires_in, issued.refresh.is_none()), (30 * 86_400, true));
    assert!(host.fetch(&token).is_none());
}

#[test]
fn a_direct_request_for_long_gives_a_token_of_thirty_days() {
    let mut host = Host::new();
    let long = [ModelAccess { expires: None, ..asked() }];
    let (id, token) = host.direct(stranger(), &long).unwrap();
    host.decide(&id, None, &all_of(&long)).unwrap().unwrap();
    let Some(Fetched::Issued(issued)) = host.fetch(&token) else { panic!("approved") };
    assert_eq!(issued.expires_in, 30 * 86_400);
    assert_eq!(issued.access[0].expires, host.now.plus_seconds(365 * 86_400));
}

#[test]
fn a_grant_that_was_taken_back_or_ended_gives_no_token_to_a_direct_request() {
    let fetched = |revoked: bool, waited: i64| {
        let mut host = Host::new();
        let brief = [asked().expires(host.now.plus_seconds(60))];
        let (id, token) = host.direct(stranger(), &brief).unwrap();
        let decided = host.decide(&id, None, &all_of(&brief)).unwrap().unwrap();
        if revoked {
            host.revoke(&decided.grant.unwrap().id);
        }
        host.wait(waited);
        host.fetch(&token)
    };
    assert!(matches!(fetched(false, 59), Some(Fetched::Issued(_))));
    assert!(matches!(fetched(true, 59), Some(Fetched::Denied)));
    assert!(matches!(fetched(false, 60), Some(Fetched::Expired)));
}
