use okap_types::{ErrorCode, Timestamp};

use super::{FlowError, Issued, fetch::issue, revoke::revoke};
use crate::{
    record::{Change, Code, Grant, Loaded},
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
    pub verifier: &'a str,
}

/// Why a code is not redeemed, and what has to be committed all the same.
#[derive(Clone, Debug)]
pub struct RedeemError {
    /// What to answer.
    pub error: FlowError,
    /// A replay with the right verifier revokes what the first use got.
    pub changes: Vec<Change>,
}

impl From<FlowError> for RedeemError {
    fn from(error: FlowError) -> Self {
        Self { error, changes: Vec::new() }
    }
}

/// Redeems a code for an access token (RFC 6749 section 4.1.3, RFC 7636 section 4.6).
///
/// The code is spent only after every check has passed, so that a stranger cannot spend it.
///
/// # Errors
/// `invalid_request` for a malformed verifier, else `invalid_grant`.
pub fn redeem(
    code: Option<&Loaded<Code>>,
    grant: Option<&Loaded<Grant>>,
    with: &Redeem<'_>,
    now: Timestamp,
    seed: &Seed,
) -> Result<Step<Issued>, RedeemError> {
    let invalid = |text: &str| FlowError::new(ErrorCode::InvalidGrant, text);
    let unreserved = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~');
    if !(43..=128).contains(&with.verifier.len()) || !with.verifier.bytes().all(unreserved) {
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
    if !verifier_matches(with.verifier, &record.challenge) {
        return Err(invalid("code_verifier does not belong to this code").into());
    }
    if record.used {
        let error = invalid("code was redeemed before; what it gave is revoked");
        return Err(RedeemError { error, changes: revoke(grant, now).changes });
    }
    if record.expires <= now {
        return Err(invalid("code is older than 60 seconds").into());
    }
    if grant.record.revoked.is_some() {
        return Err(invalid("the user has revoked this grant").into());
    }
    let mut step = issue(&grant.record, now, seed);
    step.changes.push(code.replace(&Code { used: true, ..record.clone() }));
    Ok(step)
}
