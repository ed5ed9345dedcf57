use okap_types::{
    ClientInfo, ErrorCode, GrantRequest, ParseError, Timestamp, oauth::PushedRequest,
    token::ContinuationToken,
};
use url::{Host, Url};

use super::{FlowError, INTERACTION_LIFETIME, PUSHED_LIFETIME, Profile};
use crate::{
    record::{
        App, Back, Continuation, Identity, Interaction, Outcome, Pointer, Pushed, Repeated, insert,
    },
    step::Step,
    token::{Seed, hash},
};

/// Why a request cannot be opened.
pub type OpenError = FlowError;

/// A request that now waits for the user.
#[derive(Clone, Debug)]
pub struct Opened<T> {
    /// What was stored.
    pub interaction: Interaction,
    /// What the app holds to get at the outcome.
    pub handle: T,
}

/// Opens a direct request. `source` says where it came from; the same flat request from the same
/// source picks up its own decision.
///
/// # Errors
/// `invalid_authorization_details` for a past end or an unknown provider.
pub fn direct(
    profile: &Profile,
    request: GrantRequest,
    repeated_as: Option<&str>,
    now: Timestamp,
    seed: &Seed,
) -> Result<Step<Opened<ContinuationToken>>, OpenError> {
    let app = App { identity: Identity::Unverified, info: request.client.clone() };
    let interaction = interaction(profile, request, app, Back::Fetch, now, seed)?;
    let token = ContinuationToken::from_random(&seed.bits("continuation"));
    let pointer = Pointer { interaction: interaction.id.clone(), expires: interaction.expires };
    let pointer = match repeated_as {
        Some(fingerprint) => insert(fingerprint, &Repeated(pointer)),
        None => insert(&hash(token.expose()), &Continuation(pointer)),
    };
    let changes = vec![insert(&interaction.id, &interaction), pointer];
    Ok(Step { reply: Opened { interaction, handle: token }, changes })
}

/// Opens a pushed request (RFC 9126). The handle is the `request_uri`.
///
/// # Errors
/// `invalid_client`, `invalid_request`, `unsupported_response_type`,
/// `invalid_authorization_details`.
pub fn pushed(
    profile: &Profile,
    form: &PushedRequest,
    now: Timestamp,
    seed: &Seed,
) -> Result<Step<Opened<String>>, OpenError> {
    let invalid = |text: &str| FlowError::new(ErrorCode::InvalidRequest, text);
    if form.client_id != LOCAL_CLIENT {
        let text = format!(
            "client_id must be {LOCAL_CLIENT}: this vault knows apps on this computer only"
        );
        return Err(FlowError::new(ErrorCode::InvalidClient, text));
    }
    if !is_loopback_redirect(&form.redirect_uri) {
        return Err(invalid(
            "redirect_uri is not http://127.0.0.1:port/path or http://[::1]:port/path",
        ));
    }
    if form.response_type != "code" {
        let text = "response_type must be code";
        return Err(FlowError::new(ErrorCode::UnsupportedResponseType, text));
    }
    if form.code_challenge_method != "S256" {
        return Err(invalid("code_challenge_method must be S256"));
    }
    let unreserved = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    if form.code_challenge.len() != 43 || !form.code_challenge.bytes().all(unreserved) {
        return Err(invalid("code_challenge is not the base64url SHA-256 of a verifier"));
    }
    if form.state.as_ref().is_some_and(|s| s.len() > 512) {
        return Err(invalid("state is longer than 512 bytes"));
    }
    let info = match &form.client_name {
        Some(name) => ClientInfo::new(name).map_err(|e| invalid(&e.to_string()))?,
        None => ClientInfo::default(),
    };
    let request = GrantRequest::from_oauth(&form.authorization_details, info.clone())
        .map_err(|e: ParseError| FlowError::new(e.code(), e.to_string()))?;
    let back = Back::Redirect {
        client_id: form.client_id.clone(),
        redirect_uri: form.redirect_uri.clone(),
        state: form.state.clone(),
        challenge: form.code_challenge.clone(),
    };
    let app = App { identity: Identity::Local, info };
    let interaction = interaction(profile, request, app, back, now, seed)?;
    let request_uri = format!("urn:ietf:params:oauth:request_uri:{}", seed.name("request uri"));
    let expires = now.plus_seconds(PUSHED_LIFETIME);
    let pointer = Pushed(Pointer { interaction: interaction.id.clone(), expires });
    let changes =
        vec![insert(&interaction.id, &interaction), insert(&hash(&request_uri), &pointer)];
    Ok(Step { reply: Opened { interaction, handle: request_uri }, changes })
}

/// The `client_id` of an app on the user's own computer.
pub(crate) const LOCAL_CLIENT: &str = "http://localhost";

fn is_loopback_redirect(text: &str) -> bool {
    let Ok(url) = Url::parse(text) else { return false };
    let loopback = match url.host() {
        Some(Host::Ipv4(ip)) => ip == std::net::Ipv4Addr::LOCALHOST,
        Some(Host::Ipv6(ip)) => ip == std::net::Ipv6Addr::LOCALHOST,
        _ => false,
    };
    // what the parser would change was not written plainly: `\`, `@`, case, dots
    let plain = url.as_str() == text || format!("{text}/") == url.as_str();
    text.len() <= 512
        && url.scheme() == "http"
        && loopback
        && plain
        && url.port().is_some()
        && url.username().is_empty()
        && url.password().is_none()
        && url.fragment().is_none()
}

fn interaction(
    profile: &Profile,
    request: GrantRequest,
    app: App,
    back: Back,
    now: Timestamp,
    seed: &Seed,
) -> Result<Interaction, OpenError> {
    let invalid = |text: String| FlowError::new(ErrorCode::InvalidAuthorizationDetails, text);
    for access in &request.access {
        if access.expires.is_some_and(|e| e <= now) {
            return Err(invalid("expires is not in the future".to_owned()));
        }
        if !profile.providers.contains(&access.provider) {
            let known: Vec<_> = profile.providers.iter().map(|p| p.as_str()).collect();
            let text = format!(
                "provider {} is not known here, known: {}",
                access.provider,
                known.join(", ")
            );
            return Err(invalid(text));
        }
    }
    Ok(Interaction {
        id: seed.name("interaction"),
        shape: request.shape,
        app,
        access: request.access,
        user_code: seed.user_code(),
        back,
        created: now,
        expires: now.plus_seconds(INTERACTION_LIFETIME),
        outcome: Outcome::Waiting,
    })
}
