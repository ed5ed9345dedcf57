use okap_types::Timestamp;

use super::issue::{Issued, Mint};
use crate::{
    record::{Change, Grant, Interaction, Loaded, Outcome},
    step::Step,
    token::Seed,
};

/// What an app learns when it asks for the outcome.
#[derive(Clone, Debug)]
pub enum Fetched {
    /// The user has not decided.
    Waiting,
    /// The user said no, or took it back.
    Denied,
    /// The user allowed: here is the token, once.
    Issued(Box<Issued>),
    /// Too late: the request has ended, or what was allowed.
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
        (_, Some(grant)) if grant.record.revoked.is_some() => {
            Step { reply: Fetched::Denied, changes: last }
        }
        (_, Some(grant)) if grant.record.expires() <= now => {
            Step { reply: Fetched::Expired, changes: last }
        }
        _ if interaction.expires <= now => Step { reply: Fetched::Expired, changes: last },
        (Outcome::Granted(_), Some(grant)) => {
            let mut step = Mint::lasting(&grant.record).issue(now, seed);
            step.changes.extend(last);
            Step { reply: Fetched::Issued(Box::new(step.reply)), changes: step.changes }
        }
        _ => Step { reply: Fetched::Waiting, changes: Vec::new() },
    }
}
