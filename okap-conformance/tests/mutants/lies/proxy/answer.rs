use std::time::Duration;

use http::StatusCode;

use crate::lie::{Lie, Mutant, edit};

pub(crate) const MUTANTS: &[Mutant] = &[
    Mutant {
        id: "proxy.16",
        what: "a provider that is silent is waited for",
        killed_by: &["proxy.patience.silent"],
        lie: Lie {
            config: Some(|config| config.answer_within = Duration::from_secs(600)),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "proxy.05",
        what: "a redirect is followed with the key",
        killed_by: &["proxy.redirect.refused"],
        lie: Lie { redirect: Some(Clone::clone), ..Lie::NONE },
    },
    Mutant {
        id: "proxy.06",
        what: "a redirect is followed without the key",
        killed_by: &["proxy.redirect.refused"],
        lie: Lie {
            redirect: Some(|headers| {
                let mut kept = headers.clone();
                kept.remove("authorization");
                kept
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "proxy.54",
        what: "an error of the provider gets another status",
        killed_by: &["proxy.answer.errors"],
        lie: Lie {
            answer: Some(|_, answer| {
                if answer.status() == 422 {
                    *answer.status_mut() = StatusCode::BAD_REQUEST;
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "proxy.55",
        what: "a key that is refused looks like a fault of the app",
        killed_by: &["proxy.answer.credential"],
        lie: Lie {
            answer: Some(|_, answer| {
                if answer.status() == 403 {
                    *answer.status_mut() = StatusCode::BAD_REQUEST;
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "proxy.56",
        what: "a provider can pose as the vault",
        killed_by: &["proxy.answer.posing"],
        lie: Lie {
            answer: Some(|_, answer| {
                edit(answer.body_mut(), |body| {
                    body.as_object_mut().map(|members| members.remove("okap"));
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "proxy.57",
        what: "a page of a gateway is taken for an answer",
        killed_by: &["proxy.answer.broken"],
        lie: Lie {
            answer: Some(|_, answer| {
                if answer.body().starts_with(b"<!doctype") {
                    *answer.body_mut() = "{}".into();
                    let json = http::HeaderValue::from_static("application/json");
                    answer.headers_mut().insert("content-type", json);
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "proxy.58",
        what: "a call that failed is sent again",
        killed_by: &["proxy.answer.once"],
        lie: Lie { again: Some(|status| status >= 500), ..Lie::NONE },
    },
    Mutant {
        id: "proxy.59",
        what: "calls at once have no end",
        killed_by: &["proxy.answer.at_once"],
        lie: Lie { config: Some(|config| config.calls_at_once = usize::MAX), ..Lie::NONE },
    },
];
