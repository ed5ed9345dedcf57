//! Mutants of the profile `core`, by area.

mod consent;
mod flat;
mod message;
pub(super) mod outcome;
mod own;
mod page;
mod request;
mod wait;

use bytes::Bytes;
use http::Request;
use serde_json::Value;

use crate::lie::{Mutant, Scene};

pub(crate) const AREAS: [&[Mutant]; 8] = [
    message::MUTANTS,
    request::MUTANTS,
    wait::MUTANTS,
    consent::MUTANTS,
    outcome::MUTANTS,
    flat::MUTANTS,
    own::MUTANTS,
    page::MUTANTS,
];

/// Changes what a direct request says.
fn asked(scene: &Scene<'_>, request: &mut Request<Bytes>, change: impl FnOnce(&mut Value)) {
    let Ok(mut body) = serde_json::from_slice::<Value>(request.body()) else { return };
    let before = body.clone();
    if scene.path == "/okap/authorize" {
        change(&mut body);
    }
    // what is left alone stays byte for byte
    if body != before {
        *request.body_mut() = body.to_string().into();
    }
}

/// Changes each object that is asked for in shape 2.
fn each_asked(scene: &Scene<'_>, request: &mut Request<Bytes>, change: impl FnMut(&mut Value)) {
    asked(scene, request, |body| {
        let details = body.get_mut("authorization_details").and_then(Value::as_array_mut);
        details.into_iter().flatten().for_each(change);
    });
}
