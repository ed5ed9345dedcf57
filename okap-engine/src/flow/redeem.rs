use okap_types::{ErrorCode, ModelAccess, Timestamp};

use super::{
    FlowError, Issued, Refused,
    issue::{Mint, first_refresh, stands},
    revoke::revoke,
};
use crate::{
    record::{Code, Grant, Loaded},
    step::Step,
    token::{Seed, verifier_matches},
};

/// What a client sends with a code.
#[derive(Clone, Debug)]
pub struct Redeem<'a> {
    /// `client_id`
    pub client_id: &'a str,
    /// `redirect_uri`, as in the pushed request.
    pub redirect_uri: &'a str,
    /// `code_verifier`
    pub verifier: Option<&'a str>,
    /// The thumbprint of the key that the client proved to hold.
    pub key: Option<&'a str>,
    /// Less than was granted, for the access token.
    pub narrower: Option<&'a [ModelAccess]>,
}

/// Redeems a code for an access and a refresh token (RFC 6749 section 4.1.3, RFC 7636 section
/// 4.6, RFC 9449 section 10).
///
/// The code is spent only after every check has passed, so that a stranger cannot spend it. A
/// replay with the right verifier revokes what the first use got.
///
/// # Errors
/// `invalid_request` for a malformed verifier; `invalid_authorization_details` where more is asked
/// than was granted; else `invalid_grant`.
pub fn redeem(
    code: Option<&Loaded<Code>>,
    grant: Option<&Loaded<Grant>>,
    with: &Redeem<'_>,
    now: Timestamp,
    seed: &Seed,
) -> Result<Step<Issued>, Refused> {
    let invalid = FlowError::grant;
    let verifier = with.verifier.ok_or_else(|| invalid("code_verifier is missing"))?;
    let unreserved = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~');
    if !(43..=128).contains(&verifier.len()) || !verifier.bytes().all(unreserved) {
        let text = "code_verifier is not 43 to 128 characters A-Z a-z 0-9 - . _ ~";
        return Err(FlowError::new(ErrorCode::InvalidRequest, text).into());
    }
    let (Some(code), Some(grant)) = (code, grant) else {
        return Err(invalid("code is unknown or has ended").into());
    };
    let record = &code.record;
    if record.client_id != with.client_id || record.redirect_uri != with.redirect_uri {
        return Err(invalid("code was issued to another client_id or redirect_uri").into());
    }
    if record.key.is_some() && record.key.as_deref() != with.key {
        return Err(invalid("code is bound to a key that was not proved").into());
    }
    if !verifier_matches(verifier, &record.challenge) {
        return Err(invalid("code_verifier does not belong to this code").into());
    }
    if record.used {
        let error = invalid("code was redeemed before; what it gave is revoked");
        return Err(Refused { error, changes: revoke(grant, now).changes });
    }
    if record.expires <= now {
        return Err(invalid("code is older than 60 seconds").into());
    }
    stands(&grant.record, now)?;
    let mint = Mint::renewable(&grant.record, with.narrower, with.key, now)?;
    let mut step = mint.issue(now, seed);
    let (refresh, first) = first_refresh(&grant.record, with.client_id, with.key, seed);
    step.reply.refresh = Some(refresh);
    step.changes.push(first);
    step.changes.push(code.replace(&Code { used: true, ..record.clone() }));
    Ok(step)
}
