use okap_types::Timestamp;

use crate::{
    record::{Grant, Loaded},
    step::Step,
};

/// Revokes a grant and with it all its tokens; once revoked it stays as it is.
pub fn revoke(grant: &Loaded<Grant>, now: Timestamp) -> Step<()> {
    match grant.record.revoked {
        Some(_) => Step { reply: (), changes: Vec::new() },
        None => {
            let revoked = Grant { revoked: Some(now), ..grant.record.clone() };
            Step { reply: (), changes: vec![grant.replace(&revoked)] }
        }
    }
}
