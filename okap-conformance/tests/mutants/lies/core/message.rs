use http::HeaderValue;
use serde_json::Value;

use super::{asked, each_asked};
use crate::lie::{Lie, Mutant};

pub(crate) const MUTANTS: &[Mutant] = &[
    Mutant {
        id: "core.21",
        what: "a byte order mark is skipped",
        killed_by: &["core.message.json", "proxy.body.json"],
        lie: Lie {
            request: Some(|_, request| {
                if request.body().starts_with("\u{feff}".as_bytes()) {
                    *request.body_mut() = request.body().slice(3..);
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "core.22",
        what: "of a member that stands twice the last one counts",
        killed_by: &["core.message.repeated"],
        lie: Lie {
            request: Some(|scene, request| {
                let read = serde_json::from_slice::<Value>(request.body());
                let again = read.map(|body| body.to_string()).unwrap_or_default();
                // shorter where a member was dropped
                if scene.path == "/okap/authorize"
                    && !again.is_empty()
                    && again.len() < request.body().len()
                {
                    *request.body_mut() = again.into();
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "core.23",
        what: "a body of any length is read",
        killed_by: &["core.message.bounds"],
        lie: Lie {
            request: Some(|scene, request| {
                if request.body().len() > 65_536 {
                    asked(scene, request, |body| {
                        body.as_object_mut().unwrap().remove("x");
                    });
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "core.24",
        what: "a message of any depth is read",
        killed_by: &["core.message.bounds"],
        lie: Lie {
            request: Some(|scene, request| {
                asked(scene, request, |body| {
                    if body["x"].is_array() {
                        body.as_object_mut().unwrap().remove("x");
                    }
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "core.25",
        what: "a direct request of any content type is read",
        killed_by: &["core.message.type"],
        lie: Lie {
            request: Some(|scene, request| {
                if scene.path == "/okap/authorize" {
                    let json = HeaderValue::from_static("application/json");
                    request.headers_mut().insert("content-type", json);
                }
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "core.26",
        what: "unknown members of details are ignored",
        killed_by: &["core.message.unknown"],
        lie: Lie {
            request: Some(|scene, request| {
                each_asked(scene, request, |object| {
                    if let Some(members) = object.as_object_mut() {
                        members.remove("okapconf_new");
                    }
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "core.27",
        what: "a base_url in a request is ignored",
        killed_by: &["core.message.unknown"],
        lie: Lie {
            request: Some(|scene, request| {
                each_asked(scene, request, |object| {
                    if let Some(members) = object.as_object_mut() {
                        members.remove("base_url");
                    }
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "core.28",
        what: "null stands for a member that is absent",
        killed_by: &["core.message.unknown"],
        lie: Lie {
            request: Some(|scene, request| {
                each_asked(scene, request, |object| {
                    if let Some(members) = object.as_object_mut() {
                        members.retain(|_, value| !value.is_null());
                    }
                });
            }),
            ..Lie::NONE
        },
    },
    Mutant {
        id: "core.29",
        what: "an unknown member at the top is refused",
        killed_by: &["core.message.unknown"],
        lie: Lie {
            request: Some(|scene, request| {
                asked(scene, request, |body| {
                    if body.get("okapconf_new").is_some() {
                        body["okap"].take();
                    }
                });
            }),
            ..Lie::NONE
        },
    },
];
