use serde_json::json;

use crate::{
    flow,
    lie::{Lie, Mutant, edit},
};

pub(crate) const MUTANTS: &[Mutant] = &[
    Mutant {
        id: "proxy.13",
        what: "a stream is held back until it has ended",
        killed_by: &["proxy.stream.events", "proxy.stream.hangup", "proxy.stream.revoked"],
        lie: Lie { stream: Some(flow::held_back), ..Lie::NONE },
    },
    Mutant {
        id: "proxy.14",
        what: "a stream that broke off looks complete",
        killed_by: &["proxy.stream.truncated"],
        lie: Lie { stream: Some(flow::mended), ..Lie::NONE },
    },
    Mutant {
        id: "proxy.20",
        what: "the provider goes on when the app has hung up",
        killed_by: &["proxy.stream.hangup", "proxy.stream.revoked"],
        lie: Lie { stream: Some(flow::unheard), ..Lie::NONE },
    },
    Mutant {
        id: "proxy.61",
        what: "the chunk with the usage is shown to every app",
        killed_by: &["proxy.body.duplicate", "proxy.stream.usage"],
        lie: Lie {
            request: Some(|scene, request| {
                if scene.path.ends_with("/chat/completions")
                    && String::from_utf8_lossy(request.body()).contains("\"stream\":true")
                {
                    edit(request.body_mut(), |body| {
                        body["stream_options"] = json!({ "include_usage": true });
                    });
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "proxy.62",
        what: "the provider is not asked for usage",
        killed_by: &["limits.settle.usage", "proxy.body.exact", "proxy.stream.usage"],
        lie: Lie {
            upstream: Some(|_, request| {
                edit(request.body_mut(), |body| {
                    body.as_object_mut().map(|members| members.remove("stream_options"));
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "proxy.63",
        what: "a character that comes in two pieces is lost",
        killed_by: &["proxy.stream.pieces"],
        lie: Lie { stream: Some(|body| flow::each_text(body, str::to_owned)), ..Lie::NONE },
    },
];
