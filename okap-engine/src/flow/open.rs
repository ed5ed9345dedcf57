use okap_types::{
    ErrorCode, GrantRequest, ParseError, Provider, Timestamp, oauth::PushedRequest,
    token::ContinuationToken,
};

use super::{FlowError, INTERACTION_LIFETIME, PUSHED_LIFETIME, Profile};
use crate::{
    address::base_url,
    record::{App, Back, Continuation, Interaction, Outcome, Pointer, Pushed, Repeated, insert},
    step::Step,
    token::{Seed, hash},
};

/// A request that now waits for the user.
#[derive(Clone, Debug)]
pub struct Opened<T> {
    /// What was stored.
    pub interaction: Interaction,
    /// What the app holds to get at the outcome.
    pub handle: T,
}

/// Opens a direct request. The same flat request, by `repeated_as`, picks up its own decision.
///
/// # Errors
/// `invalid_authorization_details` for a past end or an unknown provider.
pub fn direct(
    profile: &Profile,
    request: GrantRequest,
    app: App,
    source: Option<&str>,
    repeated_as: Option<&str>,
    now: Timestamp,
    seed: &Seed,
) -> Result<Step<Opened<ContinuationToken>>, FlowError> {
    let interaction = interaction(profile, request, app, Back::Fetch, source, now, seed)?;
    let token = ContinuationToken::from_random(&seed.bits("continuation"));
    let pointer = Pointer { interaction: interaction.id.clone(), expires: interaction.expires };
    let pointer = match repeated_as {
        Some(fingerprint) => insert(fingerprint, &Repeated(pointer)),
        None => insert(&hash(token.expose()), &Continuation(pointer)),
    };
    let changes = vec![insert(&interaction.id, &interaction), pointer];
    Ok(Step { reply: Opened { interaction, handle: token }, changes })
}

/// Opens a pushed request (RFC 9126) of an app whose redirect URI has been checked
/// ([`client`](crate::client)). The handle is the `request_uri`; `key` is the thumbprint that the
/// code shall be bound to.
///
/// # Errors
/// `invalid_request`, `unsupported_response_type`, `invalid_target`,
/// `invalid_authorization_details`.
pub fn pushed(
    profile: &Profile,
    form: &PushedRequest,
    app: App,
    key: Option<&str>,
    source: Option<&str>,
    now: Timestamp,
    seed: &Seed,
) -> Result<Step<Opened<String>>, FlowError> {
    let invalid = |text: &str| FlowError::new(ErrorCode::InvalidRequest, text);
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
    if form.dpop_jkt.is_some() && key.is_some() && form.dpop_jkt.as_deref() != key {
        return Err(invalid("dpop_jkt is not the thumbprint of the key in the DPoP proof"));
    }
    let request = asked(&form.authorization_details, &app)?;
    check_resource(profile, form.resource.as_deref(), request.access.iter().map(|a| &a.provider))?;
    let back = Back::Redirect {
        client_id: form.client_id.clone(),
        redirect_uri: form.redirect_uri.clone(),
        state: form.state.clone(),
        challenge: form.code_challenge.clone(),
        key: key.or(form.dpop_jkt.as_deref()).map(str::to_owned),
    };
    let interaction = interaction(profile, request, app, back, source, now, seed)?;
    let request_uri = format!("urn:ietf:params:oauth:request_uri:{}", seed.name("request uri"));
    let expires = now.plus_seconds(PUSHED_LIFETIME);
    let pointer = Pushed(Pointer { interaction: interaction.id.clone(), expires });
    let changes =
        vec![insert(&interaction.id, &interaction), insert(&hash(&request_uri), &pointer)];
    Ok(Step { reply: Opened { interaction, handle: request_uri }, changes })
}

/// Reads what an OAuth form asks for.
///
/// # Errors
/// `invalid_authorization_details`, `request_too_large`.
pub fn asked(details: &str, app: &App) -> Result<GrantRequest, FlowError> {
    GrantRequest::from_oauth(details, app.info.clone())
        .map_err(|e: ParseError| FlowError::new(e.code(), e.to_string()))
}

/// Checks `resource` (RFC 8707): the vault, or one of the providers that are asked for.
///
/// # Errors
/// `invalid_target`.
pub fn check_resource<'a>(
    profile: &Profile,
    resource: Option<&str>,
    mut providers: impl Iterator<Item = &'a Provider>,
) -> Result<(), FlowError> {
    let Some(resource) = resource else { return Ok(()) };
    let named = resource == profile.issuer_text()
        || providers.any(|p| base_url(&profile.issuer, p).as_str() == resource);
    match named {
        true => Ok(()),
        false => {
            let text = "resource is neither this vault nor the base_url of what is asked for";
            Err(FlowError::new(ErrorCode::InvalidTarget, text))
        }
    }
}

pub(super) fn interaction(
    profile: &Profile,
    request: GrantRequest,
    app: App,
    back: Back,
    source: Option<&str>,
    now: Timestamp,
    seed: &Seed,
) -> Result<Interaction, FlowError> {
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
        source: source.map(str::to_owned),
        created: now,
        expires: now.plus_seconds(INTERACTION_LIFETIME),
        outcome: Outcome::Waiting,
    })
}
