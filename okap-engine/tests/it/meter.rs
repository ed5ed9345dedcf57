use okap_engine::provider::{Call, Meter, Operation};
use okap_types::Secret;
use proptest::prelude::*;
use serde_json::json;

fn call(operation: Operation, usage_asked: bool) -> Call {
    let body = json!({
        "model": "m", "messages": [], "input": "x", "stream": true, "max_tokens": 9,
        "stream_options": {"include_usage": usage_asked},
    });
    Call::read(operation, body.to_string().as_bytes()).unwrap()
}

const CHAT: &str = concat!(
    "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"Hé\"}}],\"usage\":null}\n\n",
    ": a comment\n\n",
    "data: {\"choices\":[{\"delta\":{\"content\":\"llo\"}}],\"usage\":null}\r\n\r\n",
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":2,",
    "\"prompt_tokens_details\":{\"cached_tokens\":3}}}\n\n",
    "data: [DONE]\n\n",
);

const MESSAGES: &str = concat!(
    "event: message_start\n",
    "data: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":10,",
    "\"cache_read_input_tokens\":5,\"cache_creation_input_tokens\":4,\"output_tokens\":1}}}\n\n",
    "event: content_block_delta\n",
    "data: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\",\"text\":\"Hi\"}}\n\n",
    "event: message_delta\n",
    "data: {\"type\":\"message_delta\",\"delta\":{},\"usage\":{\"output_tokens\":8}}\n\n",
    "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
);

fn run(call: &Call, stream: &[u8], cuts: &[usize]) -> (Vec<u8>, Meter) {
    let mut meter = Meter::new(call);
    let mut out = Vec::new();
    let mut from = 0;
    for cut in cuts.iter().copied().chain([stream.len()]) {
        let to = cut.clamp(from, stream.len());
        out.extend(meter.chunk(&stream[from..to]).unwrap());
        from = to;
    }
    out.extend(meter.end());
    (out, meter)
}

#[test]
fn the_usage_that_nobody_asked_for_is_read_and_hidden() {
    let (out, meter) = run(&call(Operation::Chat, false), CHAT.as_bytes(), &[]);
    let text = String::from_utf8(out).unwrap();
    assert!(!text.contains("prompt_tokens") && text.ends_with("data: [DONE]\n\n"));
    let metered = meter.metered();
    let usage = metered.usage.unwrap();
    assert_eq!((usage.input, usage.cache_read, usage.output), (7, 3, 2));
    assert_eq!((metered.delivered, metered.complete), (6, true));
}

#[test]
fn thoughts_that_the_completion_leaves_out_are_counted() {
    let used = |usage: &str| {
        let mut meter = Meter::new(&call(Operation::Chat, false));
        assert!(meter.whole(format!(r#"{{"choices":[],"usage":{usage}}}"#).as_bytes()));
        meter.metered().usage.map(|u| u.output)
    };
    assert_eq!(used(r#"{"prompt_tokens":21,"completion_tokens":5,"total_tokens":26}"#), Some(5));
    assert_eq!(used(r#"{"prompt_tokens":21,"completion_tokens":0,"total_tokens":81}"#), Some(60));
    let thought = r#"{"prompt_tokens":21,"completion_tokens":2,"completion_tokens_details":{"reasoning_tokens":9}}"#;
    assert_eq!(used(thought), Some(9));
    assert_eq!(used("{}"), None);
}

#[test]
fn the_usage_that_was_asked_for_is_shown() {
    let (out, _) = run(&call(Operation::Chat, true), CHAT.as_bytes(), &[]);
    assert_eq!(out, CHAT.as_bytes());
}

#[test]
fn caches_are_counted_beside_the_prompt_where_the_provider_does() {
    let (out, meter) = run(&call(Operation::Messages, false), MESSAGES.as_bytes(), &[]);
    assert_eq!(out, MESSAGES.as_bytes());
    let usage = meter.metered().usage.unwrap();
    assert_eq!((usage.input, usage.cache_read, usage.cache_write, usage.output), (19, 5, 4, 8));
    assert!(meter.metered().complete);
}

#[test]
fn a_stream_that_breaks_off_is_not_complete() {
    let half = &MESSAGES.as_bytes()[..MESSAGES.len() - 80];
    let (_, meter) = run(&call(Operation::Messages, false), half, &[]);
    assert!(!meter.metered().complete);
    let half = &CHAT.as_bytes()[..120];
    let (_, meter) = run(&call(Operation::Chat, false), half, &[]);
    assert_eq!((meter.metered().usage, meter.metered().complete), (None, false));
}

proptest! {
    /// Where the chunks are cut makes no difference to what goes out or is counted.
    #[test]
    fn the_meter_is_blind_to_chunk_borders(mut cuts in prop::collection::vec(0usize..900, 0..60)) {
        cuts.sort_unstable();
        for (operation, text) in [(Operation::Chat, CHAT), (Operation::Messages, MESSAGES)] {
            for text in [text.to_owned(), text.replace('\n', "\r\n").replace("\r\r", "\r")] {
                let call = call(operation.clone(), false);
                let (whole, all) = run(&call, text.as_bytes(), &[]);
                let (cut, parts) = run(&call, text.as_bytes(), &cuts);
                prop_assert_eq!(String::from_utf8(whole), String::from_utf8(cut));
                prop_assert_eq!(all.metered(), parts.metered());
            }
        }
    }

    #[test]
    fn no_stream_makes_the_meter_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        for operation in [Operation::Chat, Operation::Responses, Operation::Messages] {
            let mut meter = Meter::new(&call(operation, false));
            let _ = meter.chunk(&bytes);
            let _ = meter.end();
            let _ = meter.whole(&bytes);
        }
    }
}

#[test]
fn a_last_event_without_its_end_is_withheld_where_it_holds_the_key() {
    let key = Secret::from("sk-0123456789abcdef");
    let ends_with = |last: &str| {
        let mut meter = Meter::new(&call(Operation::Chat, true)).watching(Some(&key));
        assert!(meter.chunk(last.as_bytes()).unwrap().is_empty());
        meter.end()
    };
    assert_eq!(ends_with("data: {\"x\":\"sk-0123456789abcdef\"}"), b"");
    let other = "data: {\"x\":\"sk-0123456789abcdeg\"}";
    assert_eq!(ends_with(other), other.as_bytes());
}
