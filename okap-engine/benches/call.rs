//! What the engine adds to every call: `cargo bench -p okap-engine`.

#![allow(clippy::unwrap_used, reason = "a benchmark")]

use divan::{Bencher, black_box};
use okap_engine::{
    admit,
    ledger::Chain,
    price::{ModelPrice, PriceBook},
    provider::{Call, Meter, Operation},
    record::Share,
    token,
};
use okap_types::{Limits, Money, Provider, Timestamp};

const SMALL: &[u8] = br#"{"model":"gpt-4o-mini","messages":[{"role":"system","content":"You are brief."},{"role":"user","content":"Say hello to the world, and then say goodbye."}],"max_tokens":64,"temperature":0.7,"stream":false}"#;

const ANSWER: &[u8] = br#"{"id":"chatcmpl-okap000001","object":"chat.completion","created":1760000000,"model":"gpt-4o-mini-2024-07-18","service_tier":"default","choices":[{"index":0,"message":{"role":"assistant","content":"Hello, world, and goodbye.","refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":29,"completion_tokens":7,"total_tokens":36,"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}}"#;

const CHUNK: &[u8] = b"data: {\"id\":\"chatcmpl-okap000001\",\"object\":\"chat.completion.chunk\",\"created\":1760000000,\"model\":\"gpt-4o-mini-2024-07-18\",\"service_tier\":\"default\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" hello\"},\"logprobs\":null,\"finish_reason\":null}],\"usage\":null,\"obfuscation\":\"x7Kq2\"}\n\n";

fn main() {
    divan::main();
}

fn small() -> Call {
    Call::read(Operation::Chat, SMALL).unwrap()
}

fn price() -> &'static ModelPrice {
    PriceBook::embedded().unwrap().find("openai", "gpt-4o-mini").unwrap()
}

fn chain() -> Chain {
    let limits = Limits::monthly(Money::usd(10)).per_minute(1_000_000);
    Chain::new(&[Share { account: String::new(), limits, until: None }], [])
}

#[divan::bench]
fn read() -> Call {
    small()
}

#[divan::bench]
fn read_4_kb(bencher: Bencher<'_, '_>) {
    let text = "All work and no play makes a dull day. ".repeat(100);
    let body = String::from_utf8_lossy(SMALL).replace("Say hello", &text);
    bencher.bench(|| Call::read(Operation::Chat, black_box(body.as_bytes())));
}

#[divan::bench]
fn admit_and_settle(bencher: Bencher<'_, '_>) {
    let (call, price, now) = (small(), price(), Timestamp::from_unix_millis(1_760_000_000_000));
    let mut meter = Meter::new(&call);
    meter.whole(ANSWER);
    let metered = meter.metered();
    bencher.with_inputs(chain).bench_refs(|chain| {
        let admitted = admit::admit(chain, &call, Some(price), now).unwrap();
        let settled = admit::settle(&call, &admitted, &metered, Some(price));
        chain.settle(&admitted.hold, settled.cost);
        settled
    });
}

#[divan::bench]
fn forward(bencher: Bencher<'_, '_>) {
    let call = small();
    bencher.bench(|| call.forward_to(&Provider::OpenAi, black_box(Some(64))));
}

#[divan::bench]
fn meter_whole(bencher: Bencher<'_, '_>) {
    let call = small();
    bencher.bench(|| {
        let mut meter = Meter::new(&call);
        meter.whole(black_box(ANSWER));
        meter.metered()
    });
}

#[divan::bench]
fn meter_chunk(bencher: Bencher<'_, '_>) {
    let body = String::from_utf8_lossy(SMALL).replace("false", "true");
    let call = Call::read(Operation::Chat, body.as_bytes()).unwrap();
    let mut meter = Meter::new(&call);
    bencher.bench_local(|| meter.chunk(black_box(CHUNK)));
}

#[divan::bench]
fn token_hash() -> String {
    token::hash(black_box("okap_at_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"))
}
