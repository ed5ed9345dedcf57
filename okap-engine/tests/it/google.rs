//! Google's own words: what a call says, what goes up, what an answer used.

use okap_engine::{
    admit,
    ledger::Chain,
    price::{ModelPrice, PriceBook},
    provider::{
        Call, Meter, Operation, Route, Style, Upstream, Upstreams, Verb, error_body, models,
        stop_event,
    },
    record::Share,
    refusal::Refusal,
};
use okap_types::{Capability, ErrorCode, Limits, Provider};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{cap, noon};

const MODEL: &str = "gemini-2.5-flash";

fn operation(verb: Verb) -> Operation {
    Operation::Google { verb, model: MODEL.to_owned() }
}

fn read(verb: Verb, body: &Value) -> Result<Call, Refusal> {
    Call::read(operation(verb), body.to_string().as_bytes())
}

fn generate(extra: Value) -> Result<Call, Refusal> {
    let mut body = json!({"contents": [{"role": "user", "parts": [{"text": "hi"}]}]});
    body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    read(Verb::Generate, &body)
}

fn code(call: Result<Call, Refusal>) -> ErrorCode {
    call.unwrap_err().code()
}

fn google() -> Upstream {
    Upstreams::presets().find(&Provider::Google).unwrap().clone()
}

fn found(method: &str, path: &str, query: Option<&str>) -> Result<Route, Refusal> {
    google().route(&Provider::Google, method, path, query)
}

#[test]
fn every_address_of_its_sdks_is_found_and_goes_up_in_one_form() {
    let base = "https://generativelanguage.googleapis.com/v1beta";
    for (path, query, verb, up) in [
        ("/v1/models/gemini-2.5-flash:generateContent", None, Verb::Generate, ":generateContent"),
        (
            "/v1beta/models/gemini-2.5-flash:generateContent",
            None,
            Verb::Generate,
            ":generateContent",
        ),
        ("//models/gemini-2.5-flash:embedContent", None, Verb::Embed, ":embedContent"),
        ("/models/gemini-2.5-flash%3AcountTokens", None, Verb::CountTokens, ":countTokens"),
        (
            "/v1beta/models/gemini-2.5-flash:batchEmbedContents",
            None,
            Verb::BatchEmbed,
            ":batchEmbedContents",
        ),
        (
            "/v1/models/gemini-2.5-flash:streamGenerateContent",
            Some("alt=sse"),
            Verb::Stream,
            ":streamGenerateContent?alt=sse",
        ),
        (
            "/v1/models/gemini-2.5-flash:streamGenerateContent",
            None,
            Verb::StreamList,
            ":streamGenerateContent",
        ),
    ] {
        let route = found("POST", path, query).unwrap();
        assert_eq!((&route.operation, route.style), (&operation(verb), Style::Google), "{path}");
        let address = google().address(&route.operation);
        assert_eq!(address.as_str(), format!("{base}/models/{MODEL}{up}"));
    }
    let chat = found("POST", "/v1beta/openai/chat/completions", None).unwrap();
    assert_eq!((&chat.operation, chat.style), (&Operation::Chat, Style::OpenAi));
    assert_eq!(
        google().address(&chat.operation).as_str(),
        format!("{base}/openai/chat/completions")
    );
    assert_eq!(found("GET", "/v1beta/models", None).unwrap().style, Style::Google);
}

#[test]
fn other_verbs_names_and_ways_are_no_route() {
    for path in [
        "/v1beta/models/x:predict",
        "/v1beta/models/x:batchGenerateContent",
        "/v1beta/models/a%2Fb:generateContent",
        "/v1beta/tunedModels/x:generateContent",
        "/v1beta/cachedContents",
        "/v1beta/files",
        "/upload/v1beta/files",
        "/v1beta/models/x:generateContent/y",
    ] {
        let refused = found("POST", path, None).unwrap_err();
        assert!(matches!(refused.status(), 404 | 405), "{path} {refused}");
    }
    let stream = "/v1/models/x:streamGenerateContent";
    let media = found("POST", stream, Some("alt=media")).unwrap_err();
    assert_eq!(media.code(), ErrorCode::UnsupportedParameter);
    assert!(found("POST", stream, Some("alt=json")).is_ok());
}

#[test]
fn the_ceiling_and_the_candidates_are_read_in_either_spelling() {
    for config in [
        json!({"generationConfig": {"maxOutputTokens": 50, "candidateCount": 2}}),
        json!({"generation_config": {"max_output_tokens": 50, "candidate_count": 2}}),
    ] {
        let call = generate(config).unwrap();
        assert_eq!((call.ceiling, call.answers), (Some(50), 2));
        let up: Value =
            serde_json::from_slice(&call.forward_to(&Provider::Google, Some(20))).unwrap();
        let config = up.get("generationConfig").or_else(|| up.get("generation_config")).unwrap();
        assert_eq!(config["maxOutputTokens"], 20);
        assert!(config.get("max_output_tokens").is_none(), "one ceiling and not two");
    }
    let none = generate(json!({})).unwrap();
    let up: Value = serde_json::from_slice(&none.forward_to(&Provider::Google, Some(20))).unwrap();
    assert_eq!(up["generationConfig"], json!({"maxOutputTokens": 20}));
    let twice = json!({"generationConfig": {}, "generation_config": {"maxOutputTokens": 9}});
    assert_eq!(code(generate(twice)), ErrorCode::DuplicateMember);
    let twice = json!({"generationConfig": {"maxOutputTokens": 1, "max_output_tokens": 9}});
    assert_eq!(code(generate(twice)), ErrorCode::DuplicateMember);
}

#[test]
fn a_budget_for_thoughts_stays_below_a_lowered_ceiling() {
    let with = |budget: i64| {
        let thinking = json!({"thinkingBudget": budget});
        let config = json!({"maxOutputTokens": 5_000, "thinkingConfig": thinking});
        generate(json!({"generationConfig": config})).unwrap()
    };
    let budget = |call: &Call, ceiling| {
        let up: Value =
            serde_json::from_slice(&call.forward_to(&Provider::Google, Some(ceiling))).unwrap();
        up["generationConfig"]["thinkingConfig"]["thinkingBudget"].clone()
    };
    assert_eq!(budget(&with(4_000), 1_000), 500);
    assert_eq!(budget(&with(4_000), 5_000), 4_000);
    assert_eq!(budget(&with(-1), 1_000), -1);
    assert!(with(4_000).hidden_output && !with(0).hidden_output);
}

#[test]
fn what_stands_with_the_provider_or_acts_on_its_own_is_refused() {
    for extra in [
        json!({"cachedContent": "cachedContents/abc"}),
        json!({"cached_content": "cachedContents/abc"}),
        json!({"serviceTier": "priority"}),
        json!({"generationConfig": {"responseLength": 9}}),
        json!({"contents": [{"parts": [{"fileData": {"fileUri": "https://x/files/1"}}]}]}),
        json!({"contents": [{"parts": [{"file_data": {"file_uri": "https://x/files/1"}}]}]}),
    ] {
        assert_eq!(code(generate(extra.clone())), ErrorCode::UnsupportedParameter, "{extra}");
    }
    for extra in [
        json!({"tools": [{"googleSearch": {}}]}),
        json!({"tools": [{"code_execution": {}}]}),
        json!({"tools": [{"urlContext": {}}]}),
        json!({"contents": [{"parts": [{"executableCode": {}}]}]}),
        json!({"contents": [{"parts": [{"inlineData": {"mimeType": "video/mp4", "data": ""}}]}]}),
        json!({"generationConfig": {"responseModalities": ["IMAGE"]}}),
    ] {
        assert_eq!(code(generate(extra.clone())), ErrorCode::CapabilityNotAllowed, "{extra}");
    }
    let fine = json!({
        "tools": [{"functionDeclarations": [{"name": "f"}]}],
        "systemInstruction": {"parts": [{"text": "be kind"}]},
        "generationConfig": {"responseModalities": ["TEXT"]},
    });
    assert_eq!(generate(fine).unwrap().capabilities, [Capability::Chat]);
    let picture = json!({"inline_data": {"mime_type": "image/png", "data": "AAAA"}});
    let seen = generate(json!({"contents": [{"parts": [picture]}]})).unwrap();
    assert_eq!(seen.capabilities, [Capability::Chat, Capability::Vision]);
}

#[test]
fn v155_a_body_names_the_model_of_the_path() {
    for named in ["models/gemini-2.5-flash", "gemini-2.5-flash"] {
        let one = json!({"model": named, "content": {"parts": [{"text": "a"}]}});
        let call = read(Verb::BatchEmbed, &json!({"requests": [one]})).unwrap();
        assert_eq!(call.capabilities, [Capability::Embeddings]);
    }
    let one = |model: &str| json!({"model": model, "content": {"parts": [{"text": "a"}]}});
    let batch = json!({"requests": [one("models/gemini-2.5-flash"), one("models/gemini-2.5-pro")]});
    assert_eq!(code(read(Verb::BatchEmbed, &batch)), ErrorCode::ModelNotAllowed);
    assert_eq!(code(read(Verb::Embed, &one("models/other"))), ErrorCode::ModelNotAllowed);
    assert_eq!(code(generate(json!({"model": "models/other"}))), ErrorCode::ModelNotAllowed);
    let inner = json!({"generateContentRequest": {
        "model": "models/other", "contents": [{"parts": [{"text": "a"}]}],
    }});
    assert_eq!(code(read(Verb::CountTokens, &inner)), ErrorCode::ModelNotAllowed);
}

#[test]
fn counting_tokens_is_free() {
    let body = json!({"contents": [{"parts": [{"text": "a"}]}]});
    assert!(read(Verb::CountTokens, &body).unwrap().is_free());
    assert!(!read(Verb::Generate, &body).unwrap().is_free());
}

#[test]
fn a_ceiling_is_lowered_for_all_candidates_together() {
    let book = PriceBook::embedded().unwrap();
    let price: &ModelPrice = book.find("google", MODEL).unwrap();
    let share = Share { account: String::new(), limits: Limits::monthly(cap(10_000)), until: None };
    let mut chain = Chain::new(&[share], []);
    let config = json!({"maxOutputTokens": 60_000, "candidateCount": 2});
    let call = generate(json!({"generationConfig": config})).unwrap();
    let admitted = admit::admit(&mut chain, &call, Some(price), noon()).unwrap();
    let ceiling = admitted.ceiling.unwrap();
    assert!(admitted.lowered && ceiling < 60_000);
    let most = price.bound(call.prompt_at_most, ceiling * 2).unwrap();
    assert_eq!(admitted.hold.amount, most);
}

fn answer(text: &str) -> Meter {
    let body = json!({"contents": [{"parts": [{"text": "hi"}]}]});
    let mut meter = Meter::new(&read(Verb::Generate, &body).unwrap());
    assert!(meter.whole(text.as_bytes()));
    meter
}

#[test]
fn thoughts_are_counted_beside_the_candidates() {
    let meter = answer(
        r#"{"candidates":[{"content":{"parts":[{"text":"Hi"}]},"finishReason":"STOP"}],
        "usageMetadata":{"promptTokenCount":10,"candidatesTokenCount":2,"thoughtsTokenCount":30,
        "toolUsePromptTokenCount":5,"cachedContentTokenCount":4,"totalTokenCount":47,
        "promptTokensDetails":[{"modality":"TEXT","tokenCount":6},{"modality":"IMAGE","tokenCount":4}]}}"#,
    );
    let usage = meter.metered().usage.unwrap();
    assert_eq!((usage.input, usage.cache_read, usage.input_image), (15, 4, 4));
    assert_eq!((usage.output, usage.output_reasoning), (32, 30));
}

const EVENTS: &str = concat!(
    "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Hé\"}],\"role\":\"model\"},\"index\":0}],",
    "\"usageMetadata\":{\"promptTokenCount\":7,\"candidatesTokenCount\":1,\"totalTokenCount\":8}}\r\n\r\n",
    "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"llo {[\"}]},\"finishReason\":\"STOP\",\"index\":0}],",
    "\"usageMetadata\":{\"promptTokenCount\":7,\"candidatesTokenCount\":4,\"totalTokenCount\":11}}\r\n\r\n",
);

fn list() -> String {
    let items: Vec<_> = EVENTS.split("data: ").skip(1).map(str::trim).collect();
    format!("[{}]\n", items.join("\n,\r\n"))
}

fn run(verb: Verb, stream: &[u8], cuts: &[usize]) -> (Vec<u8>, Meter) {
    let body = json!({"contents": [{"parts": [{"text": "hi"}]}]});
    let mut meter = Meter::new(&read(verb, &body).unwrap());
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
fn both_kinds_of_stream_come_through_whole_and_counted() {
    for (verb, text) in [(Verb::Stream, EVENTS.to_owned()), (Verb::StreamList, list())] {
        let (out, meter) = run(verb, text.as_bytes(), &[]);
        assert_eq!(String::from_utf8(out).unwrap(), text);
        let metered = meter.metered();
        let usage = metered.usage.unwrap();
        assert_eq!((usage.input, usage.output, metered.complete), (7, 4, true), "{verb:?}");
    }
}

#[test]
fn a_stream_that_breaks_off_is_not_whole() {
    let end = EVENTS.find("finishReason").unwrap();
    let (_, meter) = run(Verb::Stream, &EVENTS.as_bytes()[..end], &[]);
    assert!(!meter.metered().complete);
    let list = list();
    let (_, meter) = run(Verb::StreamList, &list.as_bytes()[..list.len() - 2], &[]);
    assert!(!meter.metered().complete, "without the end of the list");
}

#[test]
fn the_vault_speaks_as_google_does() {
    let body = error_body(Style::Google, &Refusal::TokenRevoked, None);
    assert_eq!(body["error"]["code"], 401);
    assert_eq!(body["error"]["status"], "UNAUTHENTICATED");
    assert_eq!(body["error"]["details"][0]["reason"], "TOKEN_REVOKED");
    let event = stop_event(Style::Google, &Refusal::TokenRevoked, None);
    assert!(event.starts_with(b"data: {") && event.ends_with(b"}\n\n"));
    let listed = models(Style::Google, &[MODEL.parse().unwrap()]);
    assert_eq!(listed["models"][0]["name"], "models/gemini-2.5-flash");
}

proptest! {
    #[test]
    fn the_meter_is_blind_to_chunk_borders(mut cuts in prop::collection::vec(0usize..600, 0..60)) {
        cuts.sort_unstable();
        for (verb, text) in [(Verb::Stream, EVENTS.to_owned()), (Verb::StreamList, list())] {
            let (whole, all) = run(verb, text.as_bytes(), &[]);
            let (cut, parts) = run(verb, text.as_bytes(), &cuts);
            prop_assert_eq!(String::from_utf8(whole), String::from_utf8(cut));
            prop_assert_eq!(all.metered(), parts.metered());
        }
    }

    #[test]
    fn no_bytes_bring_the_reader_or_the_meter_down(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        for verb in [Verb::Generate, Verb::Embed, Verb::BatchEmbed, Verb::CountTokens] {
            let _ = Call::read(operation(verb), &bytes);
        }
        let body = json!({"contents": [{"parts": [{"text": "hi"}]}]});
        for verb in [Verb::Stream, Verb::StreamList] {
            let mut meter = Meter::new(&read(verb, &body).unwrap());
            let _ = meter.chunk(&bytes);
            let _ = meter.end();
            let _ = meter.whole(&bytes);
        }
    }
}
