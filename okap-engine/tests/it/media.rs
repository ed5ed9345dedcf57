//! Completions, images, audio and moderation: what they say, and what they can cost at most.

use okap_engine::{
    admit::{self, Settlement},
    ledger::Chain,
    pico::Pico,
    price::{Override, PriceBook},
    provider::{Answer, Call, Meter, Operation, Part},
    record::Share,
    refusal::Refusal,
};
use okap_types::{Capability, ErrorCode, Limits, Provider};
use serde_json::{Value, json};

use crate::support::{cap, noon};

fn read(operation: Operation, body: &Value) -> Result<Call, Refusal> {
    Call::read(operation, body.to_string().as_bytes())
}

fn field(name: &str, value: &str) -> Part {
    Part { name: name.into(), file: None, kind: None, bytes: value.into() }
}

fn file(name: &str, file: &str, bytes: Vec<u8>) -> Part {
    Part { name: name.into(), file: Some(file.into()), kind: Some("audio/wav".into()), bytes }
}

/// Sixteen-bit samples, 8,000 in a second.
fn wav(seconds: u32) -> Vec<u8> {
    let bytes = seconds * 16_000;
    let mut wav =
        b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data"
            .to_vec();
    wav.extend(bytes.to_le_bytes());
    wav.resize(wav.len() + usize::try_from(bytes).unwrap(), 0);
    wav
}

/// Admits a call under a cap in millionths of a USD, and settles it with an answer.
fn paid(
    book: &PriceBook,
    call: &Call,
    micros: u64,
    answer: &[u8],
) -> Result<(String, Settlement), Refusal> {
    let share = Share { account: String::new(), limits: Limits::monthly(cap(micros)), until: None };
    let mut chain = Chain::new(&[share], []);
    let price = book.find("openai", call.model.as_str());
    let admitted = admit::admit(&mut chain, call, price, noon())?;
    let mut meter = Meter::new(call);
    match call.answer("audio/mpeg") {
        Some(Answer::Streamed) => {
            meter.chunk(answer).unwrap();
            meter.end();
        }
        _ => assert!(meter.whole(answer)),
    }
    let settled = admit::settle(call, &admitted, &meter.metered(), price);
    assert!(settled.cost <= admitted.hold.amount, "{settled:?} {admitted:?}");
    Ok((admitted.hold.amount.to_string(), settled))
}

fn own(model: &str, prices: &str) -> PriceBook {
    let own = Override {
        provider: "openai".into(),
        model: model.into(),
        context_window: None,
        prices: serde_json::from_str(prices).unwrap(),
    };
    PriceBook::embedded().unwrap().with_overrides(&[own])
}

#[test]
fn completions_bill_the_larger_of_n_and_best_of_for_every_prompt() {
    let answers = |extra: Value| {
        let mut body = json!({"model": "gpt-3.5-turbo-instruct", "prompt": "a"});
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        read(Operation::Completions, &body).map(|call| call.answers)
    };
    for (extra, wanted) in [
        (json!({}), 1),
        (json!({"n": 3}), 3),
        (json!({"best_of": 5}), 5),
        (json!({"n": 2, "best_of": 5}), 5),
        (json!({"prompt": ["a", "b", "c"], "best_of": 2}), 6),
        (json!({"prompt": [1, 2, 3]}), 1),
        (json!({"prompt": [[1, 2], [3]], "n": 2}), 4),
    ] {
        assert_eq!(answers(extra.clone()).unwrap(), wanted, "{extra}");
    }
    for extra in
        [json!({"prompt": null}), json!({"prompt": {}}), json!({"n": 2_000, "prompt": ["a", "b"]})]
    {
        assert_eq!(
            answers(extra.clone()).unwrap_err().code(),
            ErrorCode::InvalidRequest,
            "{extra}"
        );
    }
    let refused = answers(json!({"models": ["x"]})).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::UnsupportedParameter);
}

#[test]
fn completions_go_up_with_the_ceiling_and_stream_with_their_usage() {
    let body = json!({"model": "m", "prompt": "a", "max_tokens": 50, "stream": true});
    let call = read(Operation::Completions, &body).unwrap();
    assert_eq!((call.ceiling, &call.capabilities[..]), (Some(50), &[Capability::Completions][..]));
    let up: Value = serde_json::from_slice(&call.forward_to(&Provider::OpenAi, Some(20))).unwrap();
    assert_eq!(
        (&up["max_tokens"], &up["stream_options"]["include_usage"]),
        (&json!(20), &json!(true))
    );
    let mut meter = Meter::new(&call);
    let stream = "data: {\"choices\":[{\"text\":\"Hi\",\"index\":0,\"finish_reason\":\"stop\"}]}\n\n\
                  data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}\n\n\
                  data: [DONE]\n\n";
    let out = meter.chunk(stream.as_bytes()).unwrap();
    assert!(!String::from_utf8(out).unwrap().contains("usage"));
    assert_eq!(meter.metered().usage.unwrap().output, 2);
    assert!(meter.metered().complete);
}

#[test]
fn the_usage_of_groqs_streams_is_found_where_it_stands() {
    let body = json!({"model": "m", "messages": [], "stream": true});
    let mut meter = Meter::new(&read(Operation::Chat, &body).unwrap());
    let event = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\
                 \"x_groq\":{\"id\":\"r\",\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":3}}}\n\n";
    meter.chunk(event.as_bytes()).unwrap();
    assert_eq!(meter.metered().usage.map(|u| (u.input, u.output)), Some((5, 3)));
}

#[test]
fn an_image_that_is_billed_by_the_piece_wants_a_price_for_it() {
    let body = json!({"model": "dall-e-3", "prompt": "a cat", "n": 2, "size": "1024x1024"});
    let call = read(Operation::Images, &body).unwrap();
    let answer = br#"{"created":1,"data":[{"url":"https://x/1"},{"url":"https://x/2"}]}"#;
    let book = PriceBook::embedded().unwrap();
    let refused = paid(book, &call, 1_000_000, answer).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::ModelNotPriced);
    let (held, settled) =
        paid(&own("dall-e-3", r#"{"images":"0.04"}"#), &call, 1_000_000, answer).unwrap();
    assert_eq!((held.as_str(), settled.cost.to_string().as_str()), ("0.08", "0.08"));
    assert_eq!((settled.usage.images, settled.estimated), (2, false));
    let refused =
        paid(&own("dall-e-3", r#"{"images":"0.04"}"#), &call, 79_999, answer).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::SpendLimitExceeded);
}

#[test]
fn an_image_that_is_billed_by_tokens_costs_what_they_cost() {
    let body =
        json!({"model": "gpt-image-1", "prompt": "a cat", "size": "1024x1024", "quality": "high"});
    let call = read(Operation::Images, &body).unwrap();
    let answer = br#"{"created":1,"data":[{"b64_json":"AAAA"}],"usage":{"total_tokens":4210,
        "input_tokens":50,"output_tokens":4160,"input_tokens_details":{"text_tokens":10,"image_tokens":40}}}"#;
    let book = PriceBook::embedded().unwrap();
    let (_, settled) = paid(book, &call, 2_000_000, answer).unwrap();
    // 10 x 5 + 40 x 10 + 4,160 x 40 USD per million
    assert_eq!(settled.cost.to_string(), "0.16685");
    assert!(!settled.estimated);
    let uncounted = br#"{"created":1,"data":[{"b64_json":"AAAA"}]}"#;
    let (_, settled) = paid(book, &call, 2_000_000, uncounted).unwrap();
    assert!(settled.estimated && settled.cost >= Pico::from_micros(500_000).unwrap(), "never 0");
}

#[test]
fn images_have_bounds() {
    let of = |extra: Value| {
        let mut body = json!({"model": "gpt-image-1", "prompt": "a"});
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        read(Operation::Images, &body)
    };
    for extra in
        [json!({"n": 11}), json!({"size": "9x99999"}), json!({"size": "big"}), json!({"prompt": 1})]
    {
        assert_eq!(of(extra.clone()).unwrap_err().code(), ErrorCode::InvalidRequest, "{extra}");
    }
    assert_eq!(of(json!({"files": []})).unwrap_err().code(), ErrorCode::UnsupportedParameter);
    assert_eq!(of(json!({"n": 10})).unwrap().capabilities, [Capability::Images]);
    // the dearest size: 6,240 tokens
    assert!(of(json!({})).unwrap().output_at_most > 6_240);
}

#[test]
fn speech_is_billed_by_the_character_or_by_its_sound() {
    let speak = |model: &str, extra: Value| {
        let mut body = json!({"model": model, "input": "Grüße an alle", "voice": "alloy"});
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        read(Operation::Speech, &body)
    };
    let book = PriceBook::embedded().unwrap();
    let call = speak("tts-1", json!({})).unwrap();
    let (held, settled) = paid(book, &call, 1_000_000, &[0; 4_000]).unwrap();
    // 13 characters x 15 USD per million
    assert_eq!((held.as_str(), settled.cost.to_string().as_str()), ("0.000195", "0.000195"));
    assert_eq!((settled.usage.characters, settled.estimated), (13, false));
    let call = speak("gpt-4o-mini-tts", json!({"response_format": "wav"})).unwrap();
    let (_, settled) = paid(book, &call, 1_000_000, &[0; 96_000]).unwrap();
    assert!(settled.estimated && settled.usage.output <= 60, "two seconds: {settled:?}");
    assert!(speak("tts-1", json!({"voice": {"id": "voice_1"}})).is_err());
    assert!(speak("tts-1", json!({"stream_format": "rtp"})).is_err());
    assert_eq!(call.capabilities, [Capability::Audio]);
}

#[test]
fn a_recording_is_billed_by_the_second_or_by_its_tokens() {
    let of = |model: &str| {
        let parts = vec![file("file", "a.wav", wav(60)), field("model", model)];
        Call::read_form(Operation::Transcriptions, parts).unwrap()
    };
    let book = PriceBook::embedded().unwrap();
    let answer = br#"{"text":"hello","usage":{"type":"duration","seconds":60}}"#;
    let (held, settled) = paid(book, &of("whisper-1"), 1_000_000, answer).unwrap();
    // a minute is 0.006 USD; its head counts as a second begun
    assert_eq!((held.as_str(), settled.cost.to_string().as_str()), ("0.0061", "0.006"));
    assert!(!settled.estimated);
    let (_, settled) =
        paid(book, &of("whisper-1"), 1_000_000, br#"{"text":"a","duration":59.2}"#).unwrap();
    assert_eq!((settled.usage.seconds, settled.estimated), (60, false));
    let (held, settled) =
        paid(book, &of("whisper-1"), 1_000_000, b"1\n00:00 --> 00:01\nhello").unwrap();
    assert_eq!(
        (settled.cost.to_string(), settled.estimated),
        (held, true),
        "subtitles count nothing"
    );
    let answer = br#"{"text":"hello","usage":{"type":"tokens","input_tokens":600,
        "input_token_details":{"text_tokens":0,"audio_tokens":600},"output_tokens":100,"total_tokens":700}}"#;
    let (_, settled) = paid(book, &of("gpt-4o-transcribe"), 1_000_000, answer).unwrap();
    // 600 x 6 + 100 x 10 USD per million
    assert_eq!((settled.cost.to_string().as_str(), settled.estimated), ("0.0046", false));
}

#[test]
fn a_recording_without_a_bound_does_not_go_under_a_money_limit() {
    let of = |bytes: &[u8]| {
        let parts = vec![field("model", "whisper-1"), file("file", "a.ogg", bytes.to_vec())];
        Call::read_form(Operation::Transcriptions, parts).unwrap()
    };
    let book = PriceBook::embedded().unwrap();
    let answer = br#"{"text":"a","usage":{"type":"duration","seconds":1}}"#;
    let refused = paid(book, &of(b"OggS\0\x02"), 1_000_000, answer).unwrap_err();
    assert!(refused.to_string().contains("wav and mp3"), "{refused}");
    paid(book, &of(&wav(1)), 1_000_000, answer).unwrap();
    let mut open =
        Chain::new(&[Share { account: String::new(), limits: Limits::default(), until: None }], []);
    let price = book.find("openai", "whisper-1");
    assert!(admit::admit(&mut open, &of(b"OggS\0\x02"), price, noon()).is_ok(), "no money limit");
}

#[test]
fn v158_a_form_names_one_model_wherever_it_stands() {
    let form = |parts: Vec<Part>| Call::read_form(Operation::Transcriptions, parts);
    let behind = form(vec![file("file", "a.wav", wav(1)), field("model", "whisper-1")]).unwrap();
    assert_eq!(behind.model.as_str(), "whisper-1");
    for parts in [
        vec![field("model", "whisper-1"), field("model", "gpt-4o"), file("file", "a.wav", wav(1))],
        vec![file("file", "a.wav", wav(1))],
        vec![file("model", "whisper-1", b"whisper-1".to_vec()), file("file", "a.wav", wav(1))],
        vec![field("model", "whisper-1")],
        vec![field("model", "whisper-1"), file("file", "a", wav(1)), file("file", "b", wav(1))],
    ] {
        assert_eq!(form(parts).unwrap_err().code(), ErrorCode::InvalidRequest);
    }
    for parts in [
        vec![field("model", "whisper-1"), field("file", "x")],
        vec![field("model", "whisper-1"), field("url", "http://x"), file("file", "a", wav(1))],
        vec![field("model", "whisper-1"), field("Model", "gpt-4o"), file("file", "a", wav(1))],
    ] {
        assert_eq!(form(parts).unwrap_err().code(), ErrorCode::UnsupportedParameter);
    }
}

#[test]
fn a_form_goes_up_anew_and_without_the_name_of_a_file() {
    let inside = b"--okap-form-boundary-0\r\n".to_vec();
    let parts = vec![
        file("file", "../../Mum's diary\"; name=\"model.WAV", inside.clone()),
        field("model", "whisper-1"),
        field("timestamp_granularities[]", "word"),
        field("timestamp_granularities[]", "segment"),
    ];
    let call = Call::read_form(Operation::Transcriptions, parts).unwrap();
    let up = call.forward_to(&Provider::OpenAi, None);
    let text = String::from_utf8(up).unwrap();
    assert!(!text.contains("diary") && text.contains("filename=\"file.wav\""));
    let kind = call.content_type();
    let boundary = kind.strip_prefix("multipart/form-data; boundary=").unwrap();
    assert!(!String::from_utf8(inside).unwrap().contains(boundary));
    assert_eq!(text.matches(boundary).count(), 5);
}

#[test]
fn moderation_is_free_at_openai_and_billed_elsewhere() {
    let call = read(Operation::Moderations, &json!({"input": "hi"})).unwrap();
    assert_eq!(call.model.as_str(), "omni-moderation-latest");
    assert_eq!(call.capabilities, [Capability::Moderation]);
    let up: Value = serde_json::from_slice(&call.forward_to(&Provider::OpenAi, None)).unwrap();
    assert_eq!(up["model"], "omni-moderation-latest");
    assert!(call.clone().sent_to(&Provider::OpenAi).is_free());
    assert!(!call.sent_to(&Provider::Mistral).is_free());
    let other = json!({"input": [{"type": "video_url"}]});
    assert!(read(Operation::Moderations, &other).is_err());
}

#[test]
fn a_budget_for_thoughts_that_no_longer_fits_is_lowered_or_the_call_refused() {
    let body = json!({
        "model": "claude-sonnet-5", "max_tokens": 10_000, "messages": [],
        "thinking": {"type": "enabled", "budget_tokens": 8_000},
    });
    let call = read(Operation::Messages, &body).unwrap();
    let up: Value = serde_json::from_slice(&call.forward(Some(3_000))).unwrap();
    assert_eq!(
        (&up["max_tokens"], &up["thinking"]["budget_tokens"]),
        (&json!(3_000), &json!(1_500))
    );
    let up: Value = serde_json::from_slice(&call.forward(Some(10_000))).unwrap();
    assert_eq!(up["thinking"], body["thinking"]);
    let price = PriceBook::embedded().unwrap().find("anthropic", "claude-sonnet-5");
    let admitted = |micros| {
        let share =
            Share { account: String::new(), limits: Limits::monthly(cap(micros)), until: None };
        admit::admit(&mut Chain::new(&[share], []), &call, price, noon()).map(|a| a.ceiling)
    };
    // 1,040 tokens cost 0.0104 USD, and the prompt a little
    assert_eq!(Refusal::from(admitted(10_500).unwrap_err()).code(), ErrorCode::SpendLimitExceeded);
    assert!(admitted(20_000).unwrap().is_some_and(|ceiling| (1_040..10_000).contains(&ceiling)));
}
