//! Numbers and masks as the engine's words.

use std::sync::OnceLock;

use okap_engine::{
    client::Client,
    narrow::Approved,
    pico::Pico,
    record::{Allowed, App},
};
use okap_types::{
    Capability, ClientDocument, Count, Limits, ModelAccess, ModelId, Models, Money, Provider,
    Timestamp, oauth::LOCAL_CLIENT,
};
use proptest::prelude::*;

use super::Checked;
use crate::{
    host::REDIRECT,
    model::{
        op::{How, Key, Object, Slip, Tweak, Wild},
        spec::{ANY, Ask, Caps, Left, Part},
    },
    support::{document, local, stranger},
};

pub(super) const OTHER_CLIENT: &str = "https://other.example/okap.json";
pub(super) const KEYS: [&str; 4] = ["", "right key", "own key", "other key"];
pub(super) const MODELS: [&str; 5] = ["a", "b", "c", "d", "e"];
const CAPABILITIES: [Capability; 3] =
    [Capability::Chat, Capability::Embeddings, Capability::Vision];

pub(super) fn wire(asks: Option<&[Ask]>) -> Option<Vec<ModelAccess>> {
    asks.map(|asks| asks.iter().map(access).collect())
}

pub(super) fn micros(amount: u64) -> Pico {
    Pico::from_micros(amount).unwrap()
}

pub(super) fn proven(key: Key, bound: Option<u8>) -> Option<u8> {
    match key {
        Key::Right => bound,
        Key::None => None,
        Key::Own => Some(2),
        Key::Other => Some(3),
    }
}

pub(super) fn notes() -> &'static ClientDocument {
    static DOCUMENT: OnceLock<ClientDocument> = OnceLock::new();
    DOCUMENT.get_or_init(|| document(""))
}

/// Apps that the vault is sure of in different ways have different counters.
pub(super) fn app(how: How, published: bool) -> (u8, App) {
    let signed = |authenticated| Client::Published { document: notes(), authenticated };
    match (how, published) {
        (How::Direct, _) => (3, stranger()),
        (_, false) => (0, local()),
        (How::Pushed, true) => (1, signed(true).at_redirect(REDIRECT, None).unwrap()),
        (How::Device, true) => (2, signed(false).on_device(None).unwrap()),
    }
}

/// The client id that is sent for an app; none has the stranger.
pub(super) fn client(slip: Slip, app: u8) -> &'static str {
    match (slip, app) {
        (Slip::OtherClient, _) => OTHER_CLIENT,
        (_, 0) => LOCAL_CLIENT,
        (_, 1 | 2) => notes().client_id.as_str(),
        _ => "",
    }
}

pub(super) fn provider(number: u8) -> Provider {
    if number == 0 { Provider::OpenAi } else { Provider::Anthropic }
}

pub(super) fn names(mask: u8) -> Vec<&'static str> {
    MODELS.into_iter().enumerate().filter(|(at, _)| mask >> at & 1 == 1).map(|(_, n)| n).collect()
}

pub(super) fn capabilities(mask: u8) -> Vec<Capability> {
    let all = CAPABILITIES.into_iter().enumerate();
    all.filter(|(at, _)| mask >> at & 1 == 1).map(|(_, c)| c).collect()
}

pub(super) fn limits([month, minute, day]: Caps) -> Limits {
    let count = |cap: Option<u64>| cap.and_then(|cap| Count::new(u32::try_from(cap).unwrap()));
    Limits {
        monthly_spend: month.and_then(Money::from_micros),
        requests_per_minute: count(minute),
        requests_per_day: count(day),
        ..Limits::default()
    }
}

pub(super) fn models(mask: u8) -> Models {
    match mask {
        ANY => Models::Any,
        mask => Models::Listed(names(mask).iter().map(|n| n.parse::<ModelId>().unwrap()).collect()),
    }
}

pub(super) fn access(ask: &Ask) -> ModelAccess {
    ModelAccess {
        expires: ask.end.map(Timestamp::from_unix_millis),
        ..ModelAccess::new(provider(ask.provider))
            .models(names(ask.models))
            .capabilities(capabilities(ask.capabilities))
            .limits(limits(ask.caps))
    }
}

pub(super) fn approved(left: &Left) -> Approved {
    Approved {
        models: models(left.models),
        capabilities: capabilities(left.capabilities),
        limits: limits(left.caps),
        expires: Timestamp::from_unix_millis(left.end),
    }
}

/// What the engine allows is to the letter what the specification says.
pub(super) fn same(engine: &[Allowed], spec: &[Part]) -> Checked {
    prop_assert_eq!(engine.len(), spec.len());
    for (ours, theirs) in engine.iter().zip(spec) {
        let caps: Vec<_> = ours.shares().into_iter().map(|share| share.limits).collect();
        let expected = std::iter::once(&theirs.caps).chain(theirs.above.iter().map(|(_, c)| c));
        let expected: Vec<_> = expected.map(|caps| limits(*caps)).collect();
        prop_assert_eq!(caps, expected);
        prop_assert_eq!(&ours.provider, &provider(theirs.provider));
        prop_assert_eq!(&ours.models, &models(theirs.models));
        prop_assert_eq!(&ours.capabilities, &capabilities(theirs.capabilities));
        prop_assert_eq!(ours.expires.unix_millis(), theirs.end);
    }
    Ok(())
}

pub(super) fn wide(caps: [Option<u8>; 3]) -> Caps {
    caps.map(|cap| cap.map(u64::from))
}

pub(super) fn ask(object: &Object, now: i64) -> Ask {
    Ask {
        provider: u8::from(object.other_provider),
        models: object.models,
        capabilities: object.capabilities,
        caps: wide(object.caps),
        end: object.end.map(|seconds| now + seconds * 1_000),
    }
}

pub(super) fn or(mask: u8, else_: u8) -> u8 {
    if mask == 0 { else_ } else { mask }
}

/// An approval within what is asked, but for one wild step.
pub(super) fn left(ask: &Ask, tweak: &Tweak, now: i64) -> Left {
    let latest = ask.end.unwrap_or(i64::MAX).min(now + 366 * 86_400_000);
    let caps = wide(tweak.caps);
    let mut left = Left {
        models: match ask.models {
            0 if tweak.models & 0x70 == 0 => ANY,
            0 => or(tweak.models & 15, 1),
            asked => or(tweak.models & asked, asked),
        },
        capabilities: match ask.capabilities {
            0 => or(tweak.capabilities & 7, 3),
            asked => or(tweak.capabilities & asked, asked),
        },
        caps: std::array::from_fn(|at| match (ask.caps[at], caps[at]) {
            (Some(most), Some(cap)) => Some(cap.min(most)),
            (most, cap) => most.or(cap),
        }),
        end: match tweak.end {
            0 => latest.min(now + 30_000),
            1 => latest.min(now + 5_000_000),
            _ => latest,
        },
    };
    match tweak.wild {
        None | Some(Wild::OtherProvider) => {}
        Some(Wild::Models) => left.models = tweak.models & 15,
        Some(Wild::AllModels) => left.models = ANY,
        Some(Wild::Capabilities) => left.capabilities = tweak.capabilities & 7,
        Some(Wild::Cap(at)) => left.caps[at] = ask.caps[at].map(|cap| cap + 1),
        Some(Wild::LaterEnd) => left.end = latest + 1_000,
        Some(Wild::PastEnd) => left.end = now,
    }
    left
}

/// A wish within one of the parts, but for one wild step.
pub(super) fn narrower(parts: &[Part], tweak: &Tweak, now: i64) -> Ask {
    let base = &parts[usize::from(tweak.which) % parts.len()];
    let caps = wide(tweak.caps);
    let mut ask = Ask {
        provider: base.provider,
        models: if tweak.models & 0x80 == 0 { 0 } else { tweak.models & base.models & 15 },
        capabilities: tweak.capabilities & base.capabilities & 7,
        caps: std::array::from_fn(|at| match (base.caps[at], caps[at]) {
            (Some(most), Some(cap)) => Some(cap.min(most)),
            (_, cap) => cap,
        }),
        end: match tweak.end {
            0 => Some(base.end.min(now + 30_000)),
            1 => Some(base.end.min(now + 5_000_000)),
            2 => Some(base.end),
            _ => None,
        },
    };
    match tweak.wild {
        None => {}
        Some(Wild::Models | Wild::AllModels) => ask.models = tweak.models & 15,
        Some(Wild::Capabilities) => ask.capabilities = tweak.capabilities & 7,
        Some(Wild::Cap(at)) => ask.caps[at] = base.caps[at].map(|cap| cap + 1),
        Some(Wild::LaterEnd) => ask.end = Some(base.end + 1_000),
        Some(Wild::PastEnd) => ask.end = Some(now),
        Some(Wild::OtherProvider) => ask.provider = 1 - base.provider,
    }
    ask
}
