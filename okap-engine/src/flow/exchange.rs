use okap_types::{AppName, ErrorCode, ModelAccess, Timestamp};

use super::{FlowError, Issued, decide::grant_id, issue::Mint};
use crate::{
    narrow::attenuate,
    record::{Access, Allowed, Grant, insert},
    step::Step,
    token::{Seed, hash},
};

/// Most times that access is handed on.
pub const DEEPEST: usize = 3;

/// What a client sends to hand its access on.
#[derive(Clone, Debug)]
pub struct Exchange<'a> {
    /// `client_id`
    pub client_id: Option<&'a str>,
    /// What the user reads for the program that gets the token.
    pub delegate: Option<AppName>,
    /// The thumbprint of the key that the client proved to hold.
    pub key: Option<&'a str>,
    /// The thumbprint of the key that the new token shall be bound to, in place of the client's.
    pub delegate_key: Option<&'a str>,
    /// Less than the token allows; `None` hands on all of it.
    pub narrower: Option<&'a [ModelAccess]>,
}

/// Hands access on to another program (RFC 8693): a grant of its own, within what the token
/// allows, which ends with the token at the latest and dies with its parents.
///
/// # Behavior
/// - What the child spends counts on its own account and on every account above it.
/// - At most three times handed on.
///
/// # Errors
/// `invalid_authorization_details` where more is asked than the token allows; `invalid_request`
/// for a token that is dead, another client's, bound to a key that was not proved, or too deep.
pub fn exchange(
    subject: &Access,
    grant: &Grant,
    ancestors: &[Grant],
    with: &Exchange<'_>,
    now: Timestamp,
    seed: &Seed,
) -> Result<Step<Issued>, FlowError> {
    let invalid = |text: &str| FlowError::new(ErrorCode::InvalidRequest, text);
    let mut family = std::iter::once(grant).chain(ancestors);
    if ancestors.len() != grant.ancestors.len()
        || family.any(|g| g.revoked.is_some() || g.expires() <= now)
        || subject.expires <= now
    {
        return Err(invalid("subject_token has ended or was revoked"));
    }
    if grant.app.client_id() != with.client_id {
        return Err(invalid("subject_token was issued to another client_id"));
    }
    if subject.key.is_some() && subject.key.as_deref() != with.key {
        return Err(invalid("subject_token is bound to a key that was not proved"));
    }
    if grant.ancestors.len() >= DEEPEST {
        let text = format!("access is handed on at most {DEEPEST} times");
        return Err(FlowError::new(ErrorCode::InvalidRequest, text));
    }
    let parts = subject.allows(grant);
    let handed_on = match with.narrower {
        Some(asked) => attenuate(parts, asked, now)?,
        None => parts.iter().filter(|p| p.expires > now).map(|p| (p, p.clone())).collect(),
    };
    let id = grant_id(seed).map_err(|_| FlowError::new(ErrorCode::ServerError, "no grant id"))?;
    let own = |(at, (parent, part)): (usize, (&Allowed, Allowed))| Allowed {
        expires: part.expires.min(subject.expires),
        account: hash(&format!("{}\ndelegated\n{id}\n{at}", grant.owner.as_str())),
        under: parent.shares(),
        models_refused: Vec::new(),
        ..part
    };
    let child = Grant {
        owner: grant.owner.clone(),
        app: grant.app.clone(),
        access: handed_on.into_iter().enumerate().map(own).collect(),
        shown: grant.shown.clone(),
        created: now,
        revoked: None,
        ancestors: std::iter::once(&grant.id).chain(&grant.ancestors).cloned().collect(),
        delegate: with.delegate.clone(),
        id,
    };
    let mut mint = Mint::lasting(&child);
    mint.key = with.delegate_key.or(with.key);
    let mut step = mint.issue(now, seed);
    step.changes.push(insert(child.id.as_str(), &child));
    step.changes.push(child.owned());
    step.changes.push(child.counted());
    Ok(step)
}
