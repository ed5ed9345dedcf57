use okap_types::{ModelAccess, Timestamp, token::RefreshToken};

use super::{
    FlowError, Issued, Refused,
    issue::{Mint, stands},
    revoke::revoke,
};
use crate::{
    record::{Grant, Loaded, Refresh, Rotated, insert},
    step::Step,
    token::{Seed, hash},
};

/// Seconds in which a used refresh token still gives its successor: for an answer that got lost.
const GRACE: i64 = 10;

/// What a client sends with a refresh token.
#[derive(Clone, Debug)]
pub struct Renew<'a> {
    /// The refresh token.
    pub token: &'a RefreshToken,
    /// `client_id`
    pub client_id: &'a str,
    /// The thumbprint of the key that the client proved to hold.
    pub key: Option<&'a str>,
    /// Less than was granted, for the access token alone.
    pub narrower: Option<&'a [ModelAccess]>,
}

/// Renews an access token (RFC 6749 section 6) and turns the refresh token over.
///
/// # Behavior
/// - Each use gives a successor that ends when the first one would.
/// - The last used token, repeated within 10 s while its successor is unused, gives the same
///   successor and another access token; where its use bound the successor to a key, to that key.
/// - Any other reuse revokes the grant (RFC 9700 section 4.14.2): one of the two users is a thief.
///
/// `successor` is the record of the token that the presented one was turned into.
///
/// # Errors
/// `invalid_authorization_details` where more is asked than was granted; else `invalid_grant`.
pub fn refresh(
    presented: Option<&Loaded<Refresh>>,
    successor: Option<&Loaded<Refresh>>,
    grant: Option<&Loaded<Grant>>,
    with: &Renew<'_>,
    now: Timestamp,
    seed: &Seed,
) -> Result<Step<Issued>, Refused> {
    let invalid = FlowError::grant;
    let (Some(presented), Some(grant)) = (presented, grant) else {
        return Err(invalid("refresh_token is unknown or has ended").into());
    };
    let record = &presented.record;
    if record.client_id != with.client_id {
        return Err(invalid("refresh_token was issued to another client_id").into());
    }
    if record.key.is_some() && record.key.as_deref() != with.key {
        return Err(invalid("refresh_token is bound to a key that was not proved").into());
    }
    stands(&grant.record, now)?;
    if record.expires <= now {
        return Err(invalid("refresh_token has ended with its grant; ask the user again").into());
    }
    // a successor that was bound to a key is given again to whoever holds that key alone
    let unused = successor.filter(|s| {
        let key = s.record.key.as_deref();
        s.record.rotated.is_none() && (key.is_none() || key == with.key)
    });
    let (rotated, again) = match &record.rotated {
        None => (Rotated { at: now, salt: seed.name("salt") }, false),
        Some(earlier) if unused.is_some() && now <= earlier.at.plus_seconds(GRACE) => {
            (earlier.clone(), true)
        }
        Some(_) => {
            let error = invalid("refresh_token was used before; the grant is revoked");
            return Err(Refused { error, changes: revoke(grant, now).changes });
        }
    };
    let mut step = Mint::renewable(&grant.record, with.narrower, with.key, now)?.issue(now, seed);
    let next = rotated.successor(with.token);
    if !again {
        let key = with.key.map(str::to_owned);
        let heir = Refresh { key, rotated: None, ..record.clone() };
        step.changes.push(insert(&hash(next.expose()), &heir));
        let used = Refresh { rotated: Some(rotated), ..record.clone() };
        step.changes.push(presented.replace(&used));
    }
    step.reply.refresh = Some(next);
    Ok(step)
}
