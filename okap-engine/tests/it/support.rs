use okap_engine::{flow::Profile, token::Seed};
use okap_types::{Secret, Timestamp};

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn noon() -> Timestamp {
    at("2026-11-23T12:00:00Z")
}

pub(crate) fn seed(number: u8) -> Seed {
    Seed::new(Secret::new([number; 32]))
}

pub(crate) fn profile() -> Profile {
    Profile::new("https://vault.example".parse().unwrap())
}
