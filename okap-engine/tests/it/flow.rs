use base64ct::{Base64UrlUnpadded, Encoding};
use okap_engine::{
    client::Client,
    flow::{self, DecideError, Decision, FlowError, Opened, Redeem},
    narrow::as_asked,
    record::{App, Change, Code, Grant, Identity, Interaction, Key, Loaded, Owner, Versioned},
    step::Step,
};
use okap_types::{
    ClientInfo, ErrorCode, GrantRequest, ModelAccess, Money, Provider, Timestamp,
    oauth::PushedRequest,
};
use sha2::{Digest, Sha256};

use crate::{
    host::Host,
    support::{local, model, noon, profile, seed},
};

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

fn pushed() -> PushedRequest {
    PushedRequest {
        client_id: "http://localhost".into(),
        client_name: Some("Notes".into()),
        response_type: "code".into(),
        redirect_uri: "http://127.0.0.1:51004/cb".into(),
        code_challenge: Base64UrlUnpadded::encode_string(&Sha256::digest(VERIFIER)),
        code_challenge_method: "S256".into(),
        authorization_details:
            r#"[{"type":"ai_model_access","provider":"openai","models":["gpt-4o-mini"],"limits":{"monthly_spend":10}}]"#
                .into(),
        state: Some("xyz".into()),
        resource: None,
        dpop_jkt: None,
        client_assertion_type: None,
        client_assertion: None,
    }
}

fn open(form: &PushedRequest, number: u8) -> Result<Step<Opened<String>>, FlowError> {
    let app = Client::Local.at_redirect(&form.redirect_uri, form.client_name.as_deref())?;
    flow::pushed(&profile(), form, app, None, None, noon(), &seed(number))
}

/// Plays the store: the record that a change wrote.
fn stored<R: okap_engine::record::Record>(changes: &[Change]) -> Loaded<R> {
    let prefix = Key::all::<R>();
    let found = changes.iter().find_map(|change| match change {
        Change::Put { key, bytes: Some(bytes), .. }
            if key.as_str().starts_with(prefix.as_str()) =>
        {
            Some((key.clone(), Versioned { version: 1, bytes: bytes.clone() }))
        }
        _ => None,
    });
    let (key, found) = found.unwrap();
    Loaded::read(key, Some(found)).unwrap().unwrap()
}

fn asked() -> Loaded<Interaction> {
    stored(&open(&pushed(), 1).unwrap().changes)
}

fn allow(asked: &Loaded<Interaction>) -> Decision {
    let latest = noon().plus_seconds(86_400);
    Decision::Approve(asked.record.access.iter().map(|a| Some(as_asked(a, &[], latest))).collect())
}

fn decided() -> (Loaded<Grant>, Loaded<Code>, String) {
    let asked = asked();
    let shown = flow::shown(&asked.record);
    let step = flow::decide(
        &profile(),
        &asked,
        &Owner::new("me"),
        &shown,
        &allow(&asked),
        noon(),
        &seed(2),
    )
    .unwrap();
    let redirect = step.reply.redirect.unwrap();
    let code = redirect.query_pairs().find(|(n, _)| n == "code").unwrap().1.into_owned();
    (stored(&step.changes), stored(&step.changes), code)
}

fn with() -> Redeem<'static> {
    Redeem {
        client_id: "http://localhost",
        redirect_uri: "http://127.0.0.1:51004/cb",
        verifier: Some(VERIFIER),
        key: None,
        narrower: None,
    }
}

fn redeem_at(with: &Redeem<'_>, now: Timestamp) -> Result<(), ErrorCode> {
    let (grant, code, _) = decided();
    flow::redeem(Some(&code), Some(&grant), with, now, &seed(3)).map(drop).map_err(|e| e.error.code)
}

#[test]
fn a_code_is_redeemed_with_what_it_was_issued_for_and_with_nothing_else() {
    assert_eq!(redeem_at(&with(), noon()), Ok(()));
    let wrong = |with: Redeem<'static>| redeem_at(&with, noon()).unwrap_err();
    assert_eq!(wrong(Redeem { client_id: "http://localhost/", ..with() }), ErrorCode::InvalidGrant);
    assert_eq!(
        wrong(Redeem { redirect_uri: "http://127.0.0.1:51004/CB", ..with() }),
        ErrorCode::InvalidGrant
    );
    let other = "eBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    assert_eq!(wrong(Redeem { verifier: Some(other), ..with() }), ErrorCode::InvalidGrant);
    assert_eq!(
        wrong(Redeem { verifier: Some(&VERIFIER[..42]), ..with() }),
        ErrorCode::InvalidRequest
    );
}

#[test]
fn a_code_lives_sixty_seconds() {
    assert_eq!(redeem_at(&with(), noon().plus_seconds(59)), Ok(()));
    assert_eq!(redeem_at(&with(), noon().plus_seconds(60)), Err(ErrorCode::InvalidGrant));
}

#[test]
fn a_replayed_code_revokes_only_for_whoever_knows_the_verifier() {
    let (grant, mut code, _) = decided();
    code.record.used = true;
    let replay = flow::redeem(Some(&code), Some(&grant), &with(), noon(), &seed(3)).unwrap_err();
    assert_eq!(replay.error.code, ErrorCode::InvalidGrant);
    assert!(stored::<Grant>(&replay.changes).record.revoked.is_some());
    let stranger =
        Redeem { verifier: Some("eBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"), ..with() };
    let replay = flow::redeem(Some(&code), Some(&grant), &stranger, noon(), &seed(3)).unwrap_err();
    assert!(replay.changes.is_empty());
}

#[test]
fn the_browser_comes_back_with_code_state_and_issuer() {
    let asked = asked();
    let shown = flow::shown(&asked.record);
    let owner = Owner::new("me");
    let decide = |decision: &Decision| {
        flow::decide(&profile(), &asked, &owner, &shown, decision, noon(), &seed(2))
            .unwrap()
            .reply
            .redirect
            .unwrap()
    };
    let names = |url: &url::Url| url.query_pairs().map(|(n, _)| n.into_owned()).collect::<Vec<_>>();
    let allowed = decide(&allow(&asked));
    assert_eq!(names(&allowed), ["code", "state", "iss"]);
    let denied = decide(&Decision::Deny);
    assert_eq!(
        denied.as_str(),
        "http://127.0.0.1:51004/cb?error=access_denied&state=xyz&iss=https%3A%2F%2Fvault.example",
    );
}

#[test]
fn a_request_is_decided_once_in_time_and_as_it_was_shown() {
    let asked = asked();
    let shown = flow::shown(&asked.record);
    let owner = Owner::new("me");
    let decide = |asked: &Loaded<Interaction>, shown: &str, now| {
        flow::decide(&profile(), asked, &owner, shown, &allow(asked), now, &seed(2))
            .map(|step| step.changes)
    };
    let changes = decide(&asked, &shown, noon()).unwrap();
    let after = stored::<Interaction>(&changes);
    assert_eq!(decide(&after, &shown, noon()).unwrap_err(), DecideError::AlreadyDecided);
    assert_eq!(decide(&asked, &shown, noon().plus_seconds(600)).unwrap_err(), DecideError::Expired);
    assert_eq!(decide(&asked, "another page", noon()).unwrap_err(), DecideError::NotShown);
}

#[test]
fn a_tampered_approval_grants_nothing() {
    let asked = asked();
    let shown = flow::shown(&asked.record);
    let Decision::Approve(mut parts) = allow(&asked) else { unreachable!() };
    parts[0].as_mut().unwrap().limits.monthly_spend = Some(Money::usd(11));
    let decision = Decision::Approve(parts);
    let refused =
        flow::decide(&profile(), &asked, &Owner::new("me"), &shown, &decision, noon(), &seed(2));
    assert!(matches!(refused, Err(DecideError::Wider(_))));
}

#[test]
fn no_two_parts_of_an_approval_share_a_model() {
    let asked = [
        ModelAccess::new(Provider::OpenAi).models(["a"]),
        ModelAccess::new(Provider::OpenAi),
        ModelAccess::new(Provider::OpenAi).models(["c"]),
    ];
    // the user chooses the models of the second
    let decided = |choice: &str| {
        let mut host = Host::new();
        let id = host.push(local(), &asked, None).unwrap();
        let latest = host.now.plus_seconds(86_400);
        let parts = asked.iter().map(|a| Some(as_asked(a, &[model(choice)], latest)));
        host.decide(&id, None, &Decision::Approve(parts.collect())).unwrap().map(drop)
    };
    assert_eq!(decided("b"), Ok(()));
    for shared in ["a", "c"] {
        assert_eq!(decided(shared), Err(DecideError::Unfit("two parts would share a model")));
    }
}

#[test]
fn asking_again_reaches_the_same_counters() {
    let account = |number: u8| {
        let asked: Loaded<Interaction> = stored(&open(&pushed(), number).unwrap().changes);
        let shown = flow::shown(&asked.record);
        let step = flow::decide(
            &profile(),
            &asked,
            &Owner::new("me"),
            &shown,
            &allow(&asked),
            noon(),
            &seed(number + 1),
        );
        stored::<Grant>(&step.unwrap().changes).record.access[0].account.clone()
    };
    assert_eq!(account(10), account(20));
}

#[test]
fn what_a_policy_allows_shares_its_counters_whatever_the_app_calls_itself() {
    let account = |name: &str, by_policy: bool| {
        let form = PushedRequest { client_name: Some(name.into()), ..pushed() };
        let asked: Loaded<Interaction> = stored(&open(&form, 1).unwrap().changes);
        let shown = flow::shown(&asked.record);
        let decision = match (allow(&asked), by_policy) {
            (Decision::Approve(parts), true) => Decision::ByPolicy(parts),
            (decision, _) => decision,
        };
        let step = flow::decide(
            &profile(),
            &asked,
            &Owner::new("me"),
            &shown,
            &decision,
            noon(),
            &seed(2),
        );
        stored::<Grant>(&step.unwrap().changes).record.access[0].account.clone()
    };
    assert_eq!(account("a1", true), account("a2", true));
    assert_ne!(account("a1", false), account("a2", false));
}

#[test]
fn only_plain_loopback_redirects_are_taken() {
    let open = |uri: &str| {
        let form = PushedRequest { redirect_uri: uri.into(), ..pushed() };
        open(&form, 1).map(drop).map_err(|e| e.code)
    };
    assert_eq!(open("http://127.0.0.1:51004/cb"), Ok(()));
    assert_eq!(open("http://[::1]:51004/cb"), Ok(()));
    for wrong in [
        "http://localhost:51004/cb",
        "https://127.0.0.1:51004/cb",
        "http://127.0.0.1/cb",
        "http://127.0.0.1:51004@evil.test/cb",
        "http://evil.test:80/cb",
        "javascript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "http://127.0.0.1:51004/cb#x",
        "http://127.0.0.1:51004/a/../cb",
        "http://127.0.0.1:51004\\@evil.test/",
        "http://0x7f.1:5/cb",
        "http://u:p@127.0.0.1:5/cb",
        "HTTP://127.0.0.1:5/cb",
        "http://127.0.0.2:5/cb",
        "",
    ] {
        assert_eq!(open(wrong), Err(ErrorCode::InvalidRequest), "{wrong}");
    }
}

#[test]
fn a_past_end_or_an_unknown_provider_is_not_opened() {
    let open = |request: &str| {
        let body = format!(r#"{{"okap":"1.0","request":{request}}}"#);
        let request = GrantRequest::parse_authorize(body.as_bytes()).unwrap();
        let app = App { identity: Identity::Unverified, info: ClientInfo::default() };
        flow::direct(&profile(), request, app, None, None, noon(), &seed(1))
            .map(drop)
            .map_err(|e| e.code)
    };
    assert_eq!(open(r#"{"provider":"openai","expires":"2026-11-24"}"#), Ok(()));
    let refused = Err(ErrorCode::InvalidAuthorizationDetails);
    assert_eq!(open(r#"{"provider":"openai","expires":"2026-11-23"}"#), refused);
    assert_eq!(open(r#"{"provider":"nobody"}"#), refused);
}
