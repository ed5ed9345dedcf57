use okap_types::{Timestamp, token::AccessToken};

use super::{ACCESS_LIFETIME, Issued};
use crate::{
    record::{Access, Change, Grant, Interaction, Loaded, Outcome, insert},
    step::Step,
    token::{Seed, hash},
};

/// What an app learns when it asks for the outcome.
#[derive(Clone, Debug)]
pub enum Fetched {
    /// The user has not decided.
    Waiting,
    /// The user said no.
    Denied,
    /// The user allowed: here is the token, once.
    Issued(Box<Issued>),
    /// Too late.
    Expired,
}

/// Gives the outcome of a direct request; a final answer is given once, since `last_word`, the
/// change that removes the app's handle, is part of it.
pub fn fetch(
    interaction: &Interaction,
    grant: Option<&Loaded<Grant>>,
    last_word: Change,
    now: Timestamp,
    seed: &Seed,
) -> Step<Fetched> {
    let last = vec![last_word];
    match (&interaction.outcome, grant) {
        (Outcome::Denied, _) => Step { reply: Fetched::Denied, changes: last },
        _ if interaction.expires <= now => Step { reply: Fetched::Expired, changes: last },
        (Outcome::Granted(_), Some(grant)) => {
            let mut step = issue(&grant.record, now, seed);
            step.changes.extend(last);
            Step { reply: Fetched::Issued(Box::new(step.reply)), changes: step.changes }
        }
        _ => Step { reply: Fetched::Waiting, changes: Vec::new() },
    }
}

/// Mints an access token for a grant: until the grant ends, at most 30 days.
pub(super) fn issue(grant: &Grant, now: Timestamp, seed: &Seed) -> Step<Issued> {
    let token = AccessToken::from_random(&seed.bits("access"));
    let expires = grant.expires().min(now.plus_seconds(ACCESS_LIFETIME));
    let record = Access { grant: grant.id.clone(), expires };
    let changes = vec![insert(&hash(token.expose()), &record)];
    let expires_in = now.seconds_until(expires);
    Step { reply: Issued { token, expires_in, grant: grant.clone() }, changes }
}
