use okap_types::{ErrorCode, GrantRequest, ModelAccess, Timestamp, UserCode, token::DeviceCode};

use super::{
    DEVICE_INTERVAL, FlowError, INTERACTION_LIFETIME, Issued, Opened, Profile, Refused,
    issue::{Mint, first_refresh, stands},
    open::interaction,
};
use crate::{
    record::{App, Back, Device, Grant, Interaction, Loaded, Outcome, Pointer, UserCoded, insert},
    step::Step,
    token::{Seed, hash},
};

/// What a poll that came too soon adds to the interval (RFC 8628 section 3.5), in seconds.
const SLOWER: i64 = 5;
/// How much sooner than the interval a poll may arrive, in milliseconds: networks are uneven.
const TOLERANCE: i64 = 1_000;

/// Opens a request that is decided on another device (RFC 8628 section 3.1).
///
/// # Errors
/// `invalid_authorization_details` for a past end or an unknown provider.
pub fn device(
    profile: &Profile,
    request: GrantRequest,
    app: App,
    source: Option<&str>,
    now: Timestamp,
    seed: &Seed,
) -> Result<Step<Opened<DeviceCode>>, FlowError> {
    let client_id = app.client_id().unwrap_or_default().to_owned();
    let interaction = interaction(profile, request, app, Back::Device, source, now, seed)?;
    let code = DeviceCode::from_random(&seed.bits("device"));
    let record = Device {
        interaction: interaction.id.clone(),
        client_id,
        expires: interaction.expires,
        interval: DEVICE_INTERVAL,
        polled: None,
    };
    let pointer = Pointer { interaction: interaction.id.clone(), expires: interaction.expires };
    let changes = vec![
        insert(&interaction.id, &interaction),
        insert(&hash(code.expose()), &record),
        insert(&user_code_name(&interaction.user_code), &UserCoded(pointer)),
    ];
    Ok(Step { reply: Opened { interaction, handle: code }, changes })
}

/// The name under which a user code leads to its request.
#[must_use]
pub fn user_code_name(code: &str) -> String {
    hash(UserCode::parse(code).as_ref().map_or("", UserCode::as_str))
}

/// What a client sends with a device code.
#[derive(Clone, Debug)]
pub struct Poll<'a> {
    /// `client_id`
    pub client_id: &'a str,
    /// The thumbprint of the key that the client proved to hold.
    pub key: Option<&'a str>,
    /// Less than was granted, for the access token.
    pub narrower: Option<&'a [ModelAccess]>,
}

/// Asks for the outcome (RFC 8628 section 3.4); the token comes once.
///
/// # Errors
/// `authorization_pending`, `slow_down`, `access_denied`, `expired_token`;
/// `invalid_authorization_details` where more is asked than was granted; `invalid_grant` for a
/// code that is unknown, used, or another client's, and for a grant that was revoked or has ended.
pub fn poll(
    device: Option<&Loaded<Device>>,
    interaction: Option<&Loaded<Interaction>>,
    grant: Option<&Loaded<Grant>>,
    with: &Poll<'_>,
    now: Timestamp,
    seed: &Seed,
) -> Result<Step<Issued>, Refused> {
    let Some(device) = device else {
        return Err(FlowError::grant("device_code is unknown, used or has ended").into());
    };
    let record = &device.record;
    if record.client_id != with.client_id {
        return Err(FlowError::grant("device_code was issued to another client_id").into());
    }
    let ended = || {
        let text = "the request expired before anybody decided; ask again";
        FlowError::new(ErrorCode::ExpiredToken, text)
    };
    let interaction = interaction.ok_or_else(ended)?;
    if record.expires <= now {
        return Err(ended().into());
    }
    match (&interaction.record.outcome, grant) {
        (Outcome::Denied, _) => {
            let text = "the user denied the request";
            Err(FlowError::new(ErrorCode::AccessDenied, text).into())
        }
        (Outcome::Granted(_), Some(grant)) => {
            stands(&grant.record, now)?;
            let mint = Mint::renewable(&grant.record, with.narrower, with.key, now)?;
            let mut step = mint.issue(now, seed);
            let (refresh, first) = first_refresh(&grant.record, with.client_id, with.key, seed);
            step.reply.refresh = Some(refresh);
            step.changes.push(first);
            step.changes.push(device.remove());
            Ok(step)
        }
        _ => Err(undecided(device, now)),
    }
}

fn undecided(device: &Loaded<Device>, now: Timestamp) -> Refused {
    let record = &device.record;
    let early = record.polled.is_some_and(|last| {
        let next = last.plus_seconds(record.interval).unix_millis() - TOLERANCE;
        now.unix_millis() < next
    });
    let interval = record.interval.saturating_add(if early { SLOWER } else { 0 });
    let polled = Device { polled: Some(now), interval, ..record.clone() };
    let error = match early {
        true => FlowError::new(
            ErrorCode::SlowDown,
            format!("polled too soon; leave {interval} s between two polls"),
        ),
        false => FlowError::new(ErrorCode::AuthorizationPending, "the user has not decided yet"),
    };
    // where the interval is longer than the request lives, no poll can be in time any more: there
    // is nothing left to remember, and nothing to write as often as somebody likes
    let changes = match early && record.interval > INTERACTION_LIFETIME {
        true => Vec::new(),
        false => vec![device.replace(&polled)],
    };
    Refused { error, changes }
}
