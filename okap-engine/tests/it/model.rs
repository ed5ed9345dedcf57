//! Random walks through the whole flow, beside a model of it that is written from the
//! specification's words: sets are bit masks, moments are numbers, and nothing of the engine's
//! is called. After every step both have to agree.

mod op;
mod spec;
mod world;

use std::{cell::RefCell, collections::BTreeMap};

use proptest::test_runner::{Config, RngAlgorithm, TestRunner};

use self::{op::walk, world::World};

/// What a run of this size meets for certain; a walk that never gets there shows nothing.
const MET: &[&str] = &[
    "open: ok",
    "open: invalid_authorization_details",
    "decide: ok",
    "decide: denied",
    "decide: decided",
    "decide: expired",
    "decide: not shown",
    "decide: unfit",
    "redeem: ok",
    "redeem: invalid_grant",
    "redeem: invalid_request",
    "redeem: invalid_authorization_details",
    "redeem: replay",
    "poll: ok",
    "poll: authorization_pending",
    "poll: slow_down",
    "poll: access_denied",
    "poll: expired_token",
    "poll: invalid_grant",
    "poll: invalid_authorization_details",
    "fetch: ok",
    "fetch: waiting",
    "fetch: denied",
    "fetch: expired",
    "fetch: gone",
    "refresh: ok",
    "refresh: again",
    "refresh: reuse",
    "refresh: invalid_grant",
    "refresh: invalid_authorization_details",
    "exchange: ok",
    "exchange: invalid_request",
    "exchange: invalid_authorization_details",
    "use: ok",
    "use: token_revoked",
    "use: token_expired",
    "use: invalid_token",
    "use: provider_not_allowed",
    "use: model_not_allowed",
    "use: capability_not_allowed",
    "use: rate_limit_exceeded",
    "use: spend_limit_exceeded",
    "use: ok on 4 accounts",
];

#[test]
fn engine_and_specification_agree_on_every_walk() {
    let config = Config {
        cases: 2_000,
        // the default one takes most of the time in a build without optimisation
        rng_algorithm: RngAlgorithm::XorShift,
        source_file: Some(file!()),
        test_name: Some(concat!(module_path!(), "::engine_and_specification_agree_on_every_walk")),
        ..Config::default()
    };
    let met = RefCell::new(BTreeMap::<String, u32>::new());
    let walked = TestRunner::new(config).run(&walk(), |ops| {
        let mut world = World::new();
        for op in &ops {
            let outcome = world.step(op)?;
            *met.borrow_mut().entry(outcome).or_default() += 1;
        }
        Ok(())
    });
    if let Err(failed) = walked {
        panic!("{failed}");
    }
    let met = met.into_inner();
    let missed: Vec<_> = MET.iter().filter(|outcome| !met.contains_key(**outcome)).collect();
    assert!(missed.is_empty(), "no walk met {missed:?}; met were {met:#?}");
}
