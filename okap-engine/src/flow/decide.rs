use okap_types::{ErrorCode, GrantId, Provider, Timestamp, token::AuthorizationCode};
use url::Url;

use super::{CODE_LIFETIME, FlowError, Profile};
use crate::{
    narrow::{Approved, narrow},
    record::{Allowed, Back, Code, Grant, Interaction, Loaded, Outcome, Owner, insert},
    step::Step,
    token::{Seed, hash},
};

/// What the user says to a request: for each details object what is left of it, `None` for none.
#[derive(Clone, Debug)]
pub enum Decision {
    /// Allows what is left.
    Approve(Vec<Option<Approved>>),
    /// Allows what is left, and nobody looked: all that a policy allows of one provider shares
    /// its counters, whatever an app calls itself.
    ByPolicy(Vec<Option<Approved>>),
    /// Says no.
    Deny,
}

/// What a decision led to.
#[derive(Clone, Debug)]
pub struct Decided {
    /// The grant, unless denied.
    pub grant: Option<Grant>,
    /// Where the browser goes, in the redirect flow: with `code` or `error`, `state` and `iss`.
    pub redirect: Option<Url>,
}

/// Why a decision does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecideError {
    /// The request has ended.
    #[error("this request has expired; ask again from the app")]
    Expired,
    /// It was decided before.
    #[error("this request has been decided already")]
    AlreadyDecided,
    /// The page showed something else than what is stored.
    #[error("the page is out of date; open the link again")]
    NotShown,
    /// The approval goes beyond what was asked.
    #[error(transparent)]
    Wider(#[from] crate::narrow::Wider),
    /// The approval does not fit the request.
    #[error("the approval does not fit the request: {0}")]
    Unfit(&'static str),
}

impl From<&DecideError> for FlowError {
    fn from(error: &DecideError) -> Self {
        Self::new(ErrorCode::InvalidRequest, error.to_string())
    }
}

/// The hash of what a page shows for a request; the form carries it back.
#[must_use]
pub fn shown(interaction: &Interaction) -> String {
    let Interaction { id, app, access, user_code, source, .. } = interaction;
    let facts = (id, app, access, user_code, source);
    hash(&serde_json::to_string(&facts).unwrap_or_default())
}

/// Turns a user's decision into a grant, or a refusal.
///
/// The stored request decides, not the form: an approval that goes beyond it grants nothing.
///
/// # Errors
/// [`DecideError`].
pub fn decide(
    profile: &Profile,
    asked: &Loaded<Interaction>,
    owner: &Owner,
    page: &str,
    decision: &Decision,
    now: Timestamp,
    seed: &Seed,
) -> Result<Step<Decided>, DecideError> {
    let interaction = &asked.record;
    if interaction.expires <= now {
        return Err(DecideError::Expired);
    }
    if interaction.outcome != Outcome::Waiting {
        return Err(DecideError::AlreadyDecided);
    }
    if shown(interaction) != page {
        return Err(DecideError::NotShown);
    }
    let mut decided = interaction.clone();
    let (approved, by_policy) = match decision {
        Decision::Approve(approved) => (approved, false),
        Decision::ByPolicy(approved) => (approved, true),
        Decision::Deny => {
            decided.outcome = Outcome::Denied;
            let redirect = redirect(profile, &interaction.back, Err("access_denied"));
            let reply = Decided { grant: None, redirect };
            return Ok(Step { reply, changes: vec![asked.replace(&decided)] });
        }
    };
    let grant = Grant {
        id: grant_id(seed)?,
        owner: owner.clone(),
        app: interaction.app.clone(),
        access: allowed(profile, interaction, owner, approved, by_policy, now)?,
        shown: page.to_owned(),
        created: now,
        revoked: None,
        ancestors: Vec::new(),
        delegate: None,
    };
    decided.outcome = Outcome::Granted(grant.id.clone());
    let mut changes =
        vec![asked.replace(&decided), insert(grant.id.as_str(), &grant), grant.owned()];
    let code = AuthorizationCode::from_random(&seed.bits("code"));
    if let Back::Redirect { client_id, redirect_uri, challenge, key, .. } = &interaction.back {
        let record = Code {
            grant: grant.id.clone(),
            client_id: client_id.clone(),
            redirect_uri: redirect_uri.clone(),
            challenge: challenge.clone(),
            key: key.clone(),
            expires: now.plus_seconds(CODE_LIFETIME),
            used: false,
        };
        changes.push(insert(&hash(code.expose()), &record));
    }
    let redirect = redirect(profile, &interaction.back, Ok(&code));
    Ok(Step { reply: Decided { grant: Some(grant), redirect }, changes })
}

pub(super) fn grant_id(seed: &Seed) -> Result<GrantId, DecideError> {
    let name = seed.name("grant");
    let short = name.get(..22).unwrap_or_default();
    // the prefix keeps a name from looking like an option on a command line
    format!("g_{short}").parse().map_err(|_| DecideError::Unfit("no grant id"))
}

fn allowed(
    profile: &Profile,
    interaction: &Interaction,
    owner: &Owner,
    approved: &[Option<Approved>],
    by_policy: bool,
    now: Timestamp,
) -> Result<Vec<Allowed>, DecideError> {
    if approved.len() != interaction.access.len() {
        return Err(DecideError::Unfit("it has another number of parts"));
    }
    let latest = now.plus_seconds(profile.longest_grant);
    let mut granted: Vec<Allowed> = Vec::new();
    for (at, (asked, approved)) in interaction.access.iter().zip(approved).enumerate() {
        let Some(approved) = approved else { continue };
        let models_refused = narrow(asked, approved, latest)?;
        if approved.expires <= now {
            return Err(DecideError::Unfit("access would end in the past"));
        }
        let mut same = granted.iter().filter(|g| g.provider == asked.provider);
        if same.any(|g| g.models.overlaps(&approved.models)) {
            return Err(DecideError::Unfit("two parts would share a model"));
        }
        let earlier = interaction.access.iter().take(at);
        let ordinal = earlier.filter(|a| a.provider == asked.provider).count();
        granted.push(Allowed {
            provider: asked.provider.clone(),
            models: approved.models.clone(),
            capabilities: approved.capabilities.clone(),
            limits: approved.limits.clone(),
            expires: approved.expires,
            models_refused,
            account: match by_policy {
                true => account(owner, "policy", &asked.provider, 0),
                false => account(owner, &interaction.app.counted_as(), &asked.provider, ordinal),
            },
            under: Vec::new(),
        });
    }
    match granted.is_empty() {
        true => Err(DecideError::Unfit("nothing is left of it; deny it instead")),
        false => Ok(granted),
    }
}

/// Counters belong to (user, app, provider, details object), never to a token or a grant: asking
/// again does not reset them.
fn account(owner: &Owner, app: &str, provider: &Provider, ordinal: usize) -> String {
    hash(&format!("{}\n{app}\n{provider}\n{ordinal}", owner.as_str()))
}

fn redirect(
    profile: &Profile,
    back: &Back,
    outcome: Result<&AuthorizationCode, &str>,
) -> Option<Url> {
    let Back::Redirect { redirect_uri, state, .. } = back else { return None };
    let mut url = Url::parse(redirect_uri).ok()?;
    {
        let mut query = url.query_pairs_mut();
        match outcome {
            Ok(code) => query.append_pair("code", code.expose()),
            Err(error) => query.append_pair("error", error),
        };
        if let Some(state) = state {
            query.append_pair("state", state);
        }
        query.append_pair("iss", &profile.issuer_text());
    }
    Some(url)
}
