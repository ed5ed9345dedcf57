//! Images and sound that come as events.

use okap_engine::{
    admit::{self, Settlement},
    ledger::Chain,
    price::PriceBook,
    provider::{Answer, Call, Meter, Operation, Part},
    record::Share,
    refusal::Refusal,
};
use okap_types::{ErrorCode, Limits};
use serde_json::{Value, json};

use crate::support::{cap, noon};

fn with(mut body: Value, extra: &Value) -> Value {
    body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    body
}

fn field(name: &str, value: &str) -> Part {
    Part { name: name.into(), file: None, kind: None, bytes: value.into() }
}

fn image(extra: &Value) -> Result<Call, Refusal> {
    let body = with(json!({"model": "gpt-image-1.5", "prompt": "a cat", "stream": true}), extra);
    Call::read(Operation::Images, body.to_string().as_bytes())
}

fn edit(fields: &[(&str, &str)]) -> Result<Call, Refusal> {
    let mut parts = vec![field("model", "gpt-image-1.5"), field("prompt", "a hat")];
    parts.extend(fields.iter().map(|(name, value)| field(name, value)));
    parts.push(Part { file: Some("a.png".into()), ..field("image", "x") });
    Call::read_form(Operation::ImageEdits, parts)
}

fn speech(extra: &Value) -> Call {
    let body = json!({"model": "gpt-4o-mini-tts", "input": "Hello there", "stream_format": "sse"});
    Call::read(Operation::Speech, with(body, extra).to_string().as_bytes()).unwrap()
}

fn event(event: &Value) -> String {
    format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap())
}

fn early(kind: &str) -> String {
    let kind = format!("{kind}.partial_image");
    event(&json!({"type": kind, "b64_json": "AAAA", "partial_image_index": 0}))
}

/// The image itself, with OpenAI's count: the sum of the output, and no word of what is in it.
fn whole(kind: &str) -> String {
    event(&json!({"type": format!("{kind}.completed"), "b64_json": "AAAAAAAA", "usage": {
        "total_tokens": 4_410, "input_tokens": 50, "output_tokens": 4_360,
        "input_tokens_details": {"text_tokens": 10, "image_tokens": 40},
    }}))
}

/// What a stream costs, told whether it came to its end.
fn paid(call: &Call, stream: &str) -> (Settlement, bool) {
    assert_eq!(call.answer("text/event-stream; charset=utf-8"), Some(Answer::Streamed));
    let limits = Limits::monthly(cap(5_000_000));
    let share = Share { account: String::new(), limits, until: None };
    let price = PriceBook::embedded().unwrap().find("openai", call.model.as_str());
    let admitted = admit::admit(&mut Chain::new(&[share], []), call, price, noon()).unwrap();
    let mut meter = Meter::new(call);
    assert_eq!(meter.chunk(stream.as_bytes()).unwrap(), stream.as_bytes());
    meter.end();
    let settled = admit::settle(call, &admitted, &meter.metered(), price);
    assert!(settled.cost <= admitted.hold.amount, "{settled:?} {admitted:?}");
    (settled, meter.metered().complete)
}

#[test]
fn a_streamed_image_costs_what_its_last_event_counts() {
    let generated = image(&json!({"partial_images": 2})).unwrap();
    let edited = edit(&[("stream", "true"), ("partial_images", "1")]).unwrap();
    for (call, kind) in [(generated, "image_generation"), (edited, "image_edit")] {
        assert!(call.stream && call.has_events());
        let (settled, complete) = paid(&call, &(early(kind) + &early(kind) + &whole(kind)));
        // (10 x 5 + 40 x 8 + 4,360 x 32) / 10^6: all that is made is of the image
        assert_eq!(settled.cost.to_string(), "0.13989", "{kind}");
        assert!(complete && !settled.estimated && settled.usage.images == 1);
    }
}

#[test]
fn a_streamed_image_that_never_comes_costs_all_that_it_can() {
    let call = image(&json!({"partial_images": 1})).unwrap();
    let uncounted = event(&json!({"type": "image_generation.completed", "b64_json": "AAAA"}));
    let (settled, complete) = paid(&call, &uncounted);
    assert!(complete && settled.estimated);
    let most = settled.cost;
    let (settled, complete) = paid(&call, &early("image_generation"));
    assert!(!complete && settled.estimated);
    assert_eq!(settled.cost, most);
    // the dearest image: 6,240 tokens at 32 USD per million
    assert!(most.to_string().parse::<f64>().unwrap() > 0.19968, "{most}");
}

#[test]
fn a_stream_brings_one_image_and_three_early_looks_at_most() {
    for extra in [json!({"n": 1}), json!({"partial_images": 0}), json!({"partial_images": 3})] {
        assert!(image(&extra).unwrap().stream, "{extra}");
    }
    for extra in [json!({"n": 2}), json!({"partial_images": 4}), json!({"partial_images": "1"})] {
        let refused = image(&extra).unwrap_err();
        assert_eq!(refused.code(), ErrorCode::InvalidRequest, "{extra}");
    }
    assert!(image(&json!({"n": 2})).unwrap_err().to_string().contains("leave out n"));
    assert!(!image(&json!({"n": 2, "stream": false})).unwrap().stream);
    assert!(!edit(&[]).unwrap().stream);
    assert!(edit(&[("stream", "true"), ("n", "1")]).unwrap().stream);
    for fields in [[("stream", "true"), ("n", "2")], [("stream", "yes"), ("n", "1")]] {
        assert_eq!(edit(&fields).unwrap_err().code(), ErrorCode::InvalidRequest);
    }
}

#[test]
fn an_early_look_adds_to_what_an_image_can_cost() {
    let most = |partial: u64| image(&json!({"partial_images": partial})).unwrap().output_at_most;
    assert_eq!(most(3) - most(0), 300);
}

#[test]
fn an_image_of_many_pixels_fits_into_one_event() {
    let large = "A".repeat(24 * 1024 * 1024);
    let event = event(&json!({"type": "image_generation.completed", "b64_json": large}));
    let mut meter = Meter::new(&image(&json!({})).unwrap());
    assert_eq!(meter.chunk(event.as_bytes()).unwrap().len(), event.len());
    let mut meter = Meter::new(&speech(&json!({})));
    assert!(meter.chunk(event.trim_end().as_bytes()).is_err(), "no second of sound is as long");
}

#[test]
fn speech_in_events_costs_what_its_last_one_counts() {
    let call = speech(&json!({}));
    let delta = event(&json!({"type": "speech.audio.delta", "audio": "A".repeat(2_000)}));
    let done = event(&json!({"type": "speech.audio.done", "usage": {
        "input_tokens": 14, "output_tokens": 101, "total_tokens": 115,
    }}));
    let (settled, complete) = paid(&call, &(delta.clone() + &done));
    // (14 x 0.60 + 101 x 12) / 10^6
    assert_eq!(settled.cost.to_string(), "0.0012204");
    assert!(complete && !settled.estimated);
    let (settled, complete) = paid(&call, &delta);
    assert!(!complete && settled.estimated);
    assert_eq!(call.answer("audio/mpeg"), None, "the app waits for events");
    assert_eq!(speech(&json!({"stream_format": null})).answer("text/event-stream"), None);
}

#[test]
fn sound_counts_the_same_in_pieces_of_any_size() {
    let call = speech(&json!({}));
    // 3,000 bytes, of which 160 may be a token
    let of = |size: usize| {
        let audio = "A".repeat(size);
        let delta = event(&json!({"type": "speech.audio.delta", "audio": audio}));
        paid(&call, &delta.repeat(4_000 / size)).0.usage.output
    };
    assert_eq!((of(4_000), of(400), of(40), of(4)), (19, 19, 19, 19));
    let bare = speech(&json!({"stream_format": "audio"}));
    let mut meter = Meter::new(&bare);
    for _ in 0..3_000 {
        meter.chunk(&[0]).unwrap();
    }
    assert_eq!(meter.metered().delivered, 19);
}

#[test]
fn a_recording_written_down_in_events_costs_what_its_last_one_counts() {
    let mp3 = Part {
        name: "file".into(),
        file: Some("a.mp3".into()),
        kind: None,
        bytes: [&[0xff, 0xfb, 0x90][..], &[0; 997]].concat(),
    };
    let parts = vec![field("model", "gpt-4o-transcribe"), field("stream", "true"), mp3];
    let call = Call::read_form(Operation::Transcriptions, parts).unwrap();
    assert!(call.stream);
    let delta = event(&json!({"type": "transcript.text.delta", "delta": "Hello"}));
    let done = event(&json!({"type": "transcript.text.done", "text": "Hello", "usage": {
        "type": "tokens", "input_tokens": 14, "output_tokens": 45, "total_tokens": 59,
        "input_token_details": {"text_tokens": 0, "audio_tokens": 14},
    }}));
    let (settled, complete) = paid(&call, &(delta + &done));
    // (14 x 6 + 45 x 10) / 10^6
    assert_eq!(settled.cost.to_string(), "0.000534");
    assert!(complete && !settled.estimated);
}
