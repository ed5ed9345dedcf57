//! What can happen, as numbers that mean something only beside what has happened before.

use proptest::{option, prelude::*, sample::select};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    Pushed,
    Device,
    Direct,
}

/// One object of a request. Masks: bit n is the nth model or capability, none leaves it open.
#[derive(Clone, Debug)]
pub(super) struct Object {
    pub(super) other_provider: bool,
    pub(super) models: u8,
    pub(super) capabilities: u8,
    /// Money in a month, requests in a minute, requests in a day.
    pub(super) caps: [Option<u8>; 3],
    /// Seconds from now.
    pub(super) end: Option<i64>,
}

/// How to narrow one object; `wild` steps over one of its borders.
#[derive(Clone, Debug)]
pub(super) struct Tweak {
    pub(super) which: u8,
    pub(super) models: u8,
    pub(super) capabilities: u8,
    pub(super) caps: [Option<u8>; 3],
    pub(super) end: u8,
    pub(super) wild: Option<Wild>,
}

impl Tweak {
    /// Leaves all of it.
    pub(super) const fn all() -> Self {
        Self { which: 0, models: 0, capabilities: 0, caps: [None; 3], end: 2, wild: None }
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Wild {
    Models,
    AllModels,
    Capabilities,
    Cap(usize),
    LaterEnd,
    PastEnd,
    OtherProvider,
}

pub(super) type Wish = Option<Vec<Tweak>>;

/// What a client gets wrong, if anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slip {
    None,
    OtherClient,
    OtherRedirect,
    OtherVerifier,
    NoVerifier,
    ShortVerifier,
}

/// `which` counts back from the latest of its kind.
#[derive(Clone, Debug)]
pub(super) enum Op {
    /// Asks and gets an answer.
    Begin {
        how: How,
        published: bool,
        bound: bool,
        objects: Vec<Object>,
        tweaks: Vec<Option<Tweak>>,
        until: Until,
    },
    Open {
        how: How,
        published: bool,
        bound: bool,
        objects: Vec<Object>,
    },
    Decide {
        which: u8,
        stale: bool,
        denied: bool,
        tweaks: Vec<Option<Tweak>>,
    },
    Redeem {
        which: u8,
        slip: Slip,
        key: Key,
        wish: Wish,
    },
    Poll {
        which: u8,
        slip: Slip,
        key: Key,
        wish: Wish,
    },
    /// Polls again and again, after so many seconds each.
    Polls {
        which: u8,
        gaps: Vec<i64>,
    },
    Fetch {
        which: u8,
    },
    Refresh {
        which: u8,
        slip: Slip,
        key: Key,
        wish: Wish,
    },
    Exchange {
        which: u8,
        slip: Slip,
        key: Key,
        delegate_key: bool,
        wish: Wish,
    },
    /// Hands a token on, what comes of it again, and so on.
    HandOn {
        which: u8,
        times: u8,
    },
    Revoke {
        which: u8,
    },
    RevokeByToken {
        which: u8,
    },
    Use {
        which: u8,
        aim: Aim,
        amount: u8,
    },
    Settle {
        which: u8,
        part: u8,
    },
    Wait(i64),
    StepBack(i64),
    Sweep,
}

/// How far a request goes at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Until {
    Asked,
    Denied,
    Approved,
    Taken,
}

/// What a call names.
#[derive(Clone, Copy, Debug)]
pub(super) enum Aim {
    /// A model and a capability of the part with this number.
    Allowed(u8),
    /// Whatever comes.
    Blind { other_provider: bool, model: u8, chat: bool },
}

/// Which key a client proves to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// The one that it has to, where it has to.
    Right,
    None,
    Own,
    Other,
}

fn caps() -> impl Strategy<Value = [Option<u8>; 3]> {
    (option::weighted(0.4, 0u8..6), option::weighted(0.3, 1u8..5), option::weighted(0.3, 1u8..7))
        .prop_map(|(month, minute, day)| [month, minute, day])
}

prop_compose! {
    fn object()(
        other_provider in prop::bool::weighted(0.3), models in 0u8..16, capabilities in 0u8..8,
        caps in caps(),
        end in select(vec![
            None, None, None, None, Some(20), Some(90), Some(7_200), Some(3 * 86_400),
            Some(40 * 86_400), Some(40 * 86_400), Some(2 * 366 * 86_400), Some(0),
        ]),
    ) -> Object {
        Object { other_provider, models, capabilities, caps, end }
    }
}

fn wild() -> impl Strategy<Value = Wild> {
    select(vec![
        Wild::Models,
        Wild::AllModels,
        Wild::Capabilities,
        Wild::Cap(0),
        Wild::Cap(1),
        Wild::Cap(2),
        Wild::LaterEnd,
        Wild::PastEnd,
        Wild::OtherProvider,
    ])
}

prop_compose! {
    fn tweak(wildness: f64)(
        which in 0u8..4, models: u8, capabilities: u8, caps in caps(), end in 0u8..6,
        wild in option::weighted(wildness, wild()),
    ) -> Tweak {
        Tweak { which, models, capabilities, caps, end, wild }
    }
}

fn wish() -> impl Strategy<Value = Wish> {
    option::weighted(0.5, prop::collection::vec(tweak(0.25), 1..=2)).boxed()
}

fn which() -> impl Strategy<Value = u8> {
    prop_oneof![3 => 0u8..2, 2 => 0u8..12]
}

fn slip() -> impl Strategy<Value = Slip> {
    prop_oneof![
        8 => Just(Slip::None),
        2 => select(vec![
            Slip::OtherClient, Slip::OtherRedirect, Slip::OtherVerifier, Slip::NoVerifier,
            Slip::ShortVerifier,
        ]),
    ]
}

fn key() -> impl Strategy<Value = Key> {
    prop_oneof![12 => Just(Key::Right), 3 => select(vec![Key::None, Key::Own, Key::Other])]
}

/// Moments around which something ends.
fn seconds() -> impl Strategy<Value = i64> {
    prop_oneof![
        8 => 1i64..=12,
        4 => select(vec![19, 20, 59, 60, 61, 300]),
        2 => select(vec![599, 600, 601, 660, 1_200, 3_599, 3_600]),
        1 => select(vec![86_400, 5 * 86_400, 30 * 86_400, 31 * 86_400, 366 * 86_400]),
    ]
}

fn aim() -> impl Strategy<Value = Aim> {
    prop_oneof![
        5 => (0u8..3).prop_map(Aim::Allowed),
        1 => (prop::bool::weighted(0.3), 0u8..5, any::<bool>()).prop_map(
            |(other_provider, model, chat)| Aim::Blind { other_provider, model, chat }),
    ]
}

fn how() -> impl Strategy<Value = How> {
    prop_oneof![3 => Just(How::Pushed), 2 => Just(How::Device), 1 => Just(How::Direct)]
}

fn rare() -> impl Strategy<Value = bool> {
    prop::bool::weighted(0.1)
}

fn bound() -> impl Strategy<Value = bool> {
    prop::bool::weighted(0.3)
}

/// Asks for one object, and gets all of it.
fn begin(until: impl Strategy<Value = Until>) -> impl Strategy<Value = Op> {
    (how(), any::<bool>(), bound(), object(), until).prop_map(
        |(how, published, bound, object, until)| {
            let (objects, tweaks) = (vec![object], vec![Some(Tweak::all())]);
            Op::Begin { how, published, bound, objects, tweaks, until }
        },
    )
}

/// Asks one provider for two or three objects that share no model, one of them perhaps open.
fn begin_apart() -> impl Strategy<Value = Op> {
    let objects = prop::collection::vec(object(), 3);
    let tweaks = prop::collection::vec(option::weighted(0.9, tweak(0.02)), 3);
    let parts = prop::array::uniform4(0usize..3);
    (how(), any::<bool>(), objects, parts, 0usize..6, tweaks).prop_map(
        |(how, published, mut objects, parts, open, tweaks)| {
            for (at, object) in objects.iter_mut().enumerate() {
                let models = parts.iter().enumerate().filter(|(_, part)| **part == at);
                object.models = models.fold(0, |mask, (model, _)| mask | 1 << model);
                object.other_provider = false;
            }
            objects.retain(|object| object.models != 0);
            if let Some(object) = objects.get_mut(open) {
                object.models = 0;
            }
            let bound = false;
            Op::Begin { how, published, bound, objects, tweaks, until: Until::Taken }
        },
    )
}

/// How a request comes to its tokens.
fn asking() -> impl Strategy<Value = Op> {
    let objects = prop_oneof![
        2 => prop::collection::vec(object(), 1),
        1 => prop::collection::vec(object(), 2..=3),
    ];
    let tweaks = prop::collection::vec(option::weighted(0.9, tweak(0.08)), 3);
    let ends = vec![Until::Asked, Until::Denied, Until::Approved, Until::Taken, Until::Taken];
    prop_oneof![
        5 => begin(select(ends)),
        4 => begin_apart().boxed(),
        4 => (how(), any::<bool>(), bound(), objects).prop_map(
            |(how, published, bound, objects)| Op::Open { how, published, bound, objects }).boxed(),
        8 => (which(), rare(), prop::bool::weighted(0.2), tweaks).prop_map(
            |(which, stale, denied, tweaks)| Op::Decide { which, stale, denied, tweaks }).boxed(),
        6 => (which(), slip(), key(), wish()).prop_map(
            |(which, slip, key, wish)| Op::Redeem { which, slip, key, wish }).boxed(),
        5 => (which(), slip(), key(), wish()).prop_map(
            |(which, slip, key, wish)| Op::Poll { which, slip, key, wish }).boxed(),
        3 => (which(), prop::collection::vec(0i64..16, 2..=5)).prop_map(
            |(which, gaps)| Op::Polls { which, gaps }).boxed(),
        3 => which().prop_map(|which| Op::Fetch { which }).boxed(),
    ]
}

/// What becomes of tokens.
fn having() -> impl Strategy<Value = Op> {
    prop_oneof![
        10 => (which(), slip(), key(), wish()).prop_map(
            |(which, slip, key, wish)| Op::Refresh { which, slip, key, wish }).boxed(),
        10 => (which(), slip(), key(), rare(), wish()).prop_map(
            |(which, slip, key, delegate_key, wish)| {
                Op::Exchange { which, slip, key, delegate_key, wish }
            }).boxed(),
        3 => (which(), 2u8..=4).prop_map(|(which, times)| Op::HandOn { which, times }).boxed(),
        1 => which().prop_map(|which| Op::Revoke { which }).boxed(),
        1 => which().prop_map(|which| Op::RevokeByToken { which }).boxed(),
        20 => (which(), aim(), 0u8..4).prop_map(
            |(which, aim, amount)| Op::Use { which, aim, amount }).boxed(),
        4 => (which(), any::<u8>()).prop_map(|(which, part)| Op::Settle { which, part }).boxed(),
    ]
}

/// A walk of at most 60 steps; the first leads to tokens.
pub(super) fn walk() -> impl Strategy<Value = Vec<Op>> {
    (begin(Just(Until::Taken)), prop::collection::vec(op(), 0..60)).prop_map(|(first, mut walk)| {
        walk.insert(0, first);
        walk
    })
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        10 => asking().boxed(),
        14 => having().boxed(),
        4 => seconds().prop_map(Op::Wait),
        1 => select(vec![1, 5, 61, 3_600, 86_400]).prop_map(Op::StepBack),
        1 => Just(Op::Sweep),
    ]
}
