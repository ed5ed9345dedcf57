//! Calling models through the vault.

pub(super) mod answer;
pub(super) mod body;
pub(super) mod credential;
pub(super) mod form;
pub(super) mod forward;
pub(super) mod framing;
pub(super) mod header;
pub(super) mod key;
pub(super) mod member;
pub(super) mod metadata;
pub(super) mod patience;
pub(super) mod redirect;
pub(super) mod refuse;
pub(super) mod route;
pub(super) mod shape;
pub(super) mod stream;
