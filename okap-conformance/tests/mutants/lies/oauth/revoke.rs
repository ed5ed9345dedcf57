use super::{REVOKE, fields};
use crate::lie::{Lie, Mutant};

pub(crate) const MUTANTS: &[Mutant] = &[
    Mutant {
        id: "oauth.73",
        what: "the hint about a token's kind is believed",
        killed_by: &["oauth.revoke.refresh_token"],
        lie: Lie {
            request: Some(|scene, request| {
                fields(scene, REVOKE, request, |form| {
                    let wrong = form.get("token_type_hint") == "access_token";
                    if wrong && form.get("token").starts_with("okap_rt_") {
                        form.put("token", "unknown");
                    }
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "oauth.74",
        what: "a token that is not known is refused",
        killed_by: &["core.revoke.anybody", "oauth.revoke.unknown"],
        lie: Lie {
            request: Some(|scene, request| {
                fields(scene, REVOKE, request, |form| {
                    if !form.get("token").starts_with("okap_") {
                        form.drop("token");
                    }
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "oauth.75",
        what: "a client gives another's token back",
        killed_by: &["core.revoke.client", "oauth.revoke.other_client"],
        lie: Lie {
            request: Some(|scene, request| {
                fields(scene, REVOKE, request, |form| form.drop("client_id"));
            }),
            ..Lie::NONE
        },
    },
];
