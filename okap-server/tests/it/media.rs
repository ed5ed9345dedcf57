//! Completions, images, audio and moderation, through the vault.

use okap_conformance::provider::{Fault, Rule};
use serde_json::{Value, json};

use crate::money::prices;
use crate::support::{Ask, Granted, House, Plan};

async fn granted(house: &House, capability: &str, models: Value, limits: Value) -> Granted {
    let details = json!({
        "type": "ai_model_access", "provider": "openai", "models": models,
        "capabilities": [capability], "limits": limits,
    });
    house.grant(details).await
}

fn ask(token: &str, path: &str, body: &Value) -> Ask {
    Ask::post(&format!("/v1/openai/{path}")).bearer(token).json(body)
}

/// A WAV file of so many seconds.
fn wav(seconds: u32) -> Vec<u8> {
    let bytes = seconds * 16_000;
    let mut wav =
        b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data"
            .to_vec();
    wav.extend(bytes.to_le_bytes());
    wav.resize(wav.len() + usize::try_from(bytes).unwrap(), 0);
    wav
}

/// A form: a part's name, the name of its file, and what it holds.
fn form(parts: &[(&str, Option<&str>, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, file, bytes) in parts {
        out.extend(format!("--xyz\r\ncontent-disposition: form-data; name=\"{name}\"").bytes());
        if let Some(file) = file {
            out.extend(format!("; filename=\"{file}\"\r\ncontent-type: audio/wav").bytes());
        }
        out.extend(b"\r\n\r\n");
        out.extend(*bytes);
        out.extend(b"\r\n");
    }
    out.extend(b"--xyz--\r\n");
    out
}

fn ask_form(token: &str, path: &str, parts: &[(&str, Option<&str>, &[u8])]) -> Ask {
    Ask::post(&format!("/v1/openai/{path}"))
        .bearer(token)
        .header("content-type", "multipart/form-data; boundary=xyz")
        .raw(&form(parts))
}

#[tokio::test]
async fn every_call_is_charged_what_the_provider_bills() {
    let dalle = r#"{"provider":"openai","model":"dall-e-3","prices":{"images":"0.04"}}"#;
    let house = Plan::new().tune(prices(dalle)).build().await;
    let cap = json!({"monthly_spend": "5.00"});
    let text = json!(["gpt-3.5-turbo-instruct"]);
    let completions = granted(&house, "completions", text, cap.clone()).await.token;
    let images =
        granted(&house, "images", json!(["gpt-image-1", "dall-e-3"]), cap.clone()).await.token;
    let models = json!(["tts-1", "gpt-4o-mini-tts", "whisper-1", "gpt-4o-transcribe"]);
    let audio = granted(&house, "audio", models, cap.clone()).await.token;
    let judge = granted(&house, "moderation", json!(["omni-moderation-latest"]), cap).await.token;
    let complete = |extra: Value| {
        let body = json!({"model": "gpt-3.5-turbo-instruct", "prompt": "say 9 words"});
        ask(&completions, "completions", &crate::support::with(body, extra))
    };
    let image = |model: &str| {
        ask(&images, "images/generations", &json!({"model": model, "prompt": "a cat", "n": 2}))
    };
    let early = json!({
        "model": "gpt-image-1", "prompt": "a cat", "stream": true, "partial_images": 2,
    });
    let speech = json!({"model": "tts-1", "input": "Grüße", "voice": "alloy"});
    let events = json!({
        "model": "gpt-4o-mini-tts", "input": "Grüße", "voice": "alloy", "stream_format": "sse",
    });
    let sound = wav(3);
    let written = |path: &str, model: &str| {
        let parts = [("file", Some("a.wav"), &sound[..]), ("model", None, model.as_bytes())];
        ask_form(&audio, path, &parts)
    };
    for ask in [
        complete(json!({})),
        complete(json!({"n": 2, "best_of": 4, "max_tokens": 5})),
        complete(json!({"prompt": ["say 2 words", "b"], "stream": true})),
        image("gpt-image-1"),
        image("dall-e-3"),
        ask_form(
            &images,
            "images/edits",
            &[
                ("model", None, b"gpt-image-1"),
                ("prompt", None, b"a hat"),
                ("image", Some("a.png"), b"x"),
            ],
        ),
        ask(&images, "images/generations", &early),
        ask_form(
            &images,
            "images/edits",
            &[
                ("model", None, b"gpt-image-1"),
                ("prompt", None, b"a hat"),
                ("image", Some("a.png"), b"x"),
                ("stream", None, b"true"),
            ],
        ),
        ask(&audio, "audio/speech", &speech),
        ask(&audio, "audio/speech", &events),
        ask_form(
            &audio,
            "audio/transcriptions",
            &[
                ("model", None, b"gpt-4o-transcribe"),
                ("stream", None, b"true"),
                ("file", Some("a.wav"), &sound),
            ],
        ),
        written("audio/transcriptions", "whisper-1"),
        written("audio/translations", "whisper-1"),
        written("audio/transcriptions", "gpt-4o-transcribe"),
        ask(&judge, "moderations", &json!({"input": "hi"})),
    ] {
        let (billed, charged) = (house.billed(), house.charged());
        let answer = house.send(ask.clone()).await;
        assert_eq!((answer.status, answer.whole), (200, true), "{}", answer.text());
        house.quiet().await;
        assert_eq!(
            house.charged() - charged,
            house.billed() - billed,
            "{:?}",
            house.audit().last()
        );
        assert!(!house.audit().last().unwrap().estimated);
    }
    house.done().await;
}

#[tokio::test]
async fn each_wants_the_capability_of_its_own() {
    let house = House::open().await;
    let chat = house.plain().await.token;
    let body = json!({"model": "gpt-4o-mini", "prompt": "a", "input": "a", "voice": "alloy"});
    let plain = |names: &[&str]| {
        let mut body = body.clone();
        body.as_object_mut()
            .unwrap()
            .retain(|name, _| name == "model" || names.contains(&name.as_str()));
        body
    };
    for (path, names) in [
        ("completions", &["prompt"][..]),
        ("images/generations", &["prompt"]),
        ("audio/speech", &["input", "voice"]),
        ("moderations", &["input"]),
    ] {
        house.refuses(ask(&chat, path, &plain(names)), 403, "capability_not_allowed").await;
    }
    let sound = wav(1);
    let parts = [("file", Some("a.wav"), &sound[..]), ("model", None, b"gpt-4o-mini")];
    for path in ["audio/transcriptions", "audio/translations"] {
        house.refuses(ask_form(&chat, path, &parts), 403, "capability_not_allowed").await;
    }
    house.done().await;
}

#[tokio::test]
async fn v158_a_form_names_one_model_and_nothing_of_a_file_goes_up_but_its_bytes() {
    let house = House::open().await;
    let token = granted(&house, "audio", json!(["whisper-1"]), json!({"monthly_spend": "1.00"}))
        .await
        .token;
    let (path, sound) = ("audio/transcriptions", wav(1));
    let file = ("file", Some("my secret.wav"), &sound[..]);
    let model = ("model", None, &b"whisper-1"[..]);
    let other = ("model", None, &b"gpt-4o-transcribe"[..]);
    for parts in [vec![model, other, file], vec![model, file, model], vec![file], vec![model]] {
        house.refuses(ask_form(&token, path, &parts), 400, "invalid_request").await;
    }
    house.refuses(ask_form(&token, path, &[other, file]), 403, "model_not_allowed").await;
    let long = "x".repeat(900_000);
    for kind in ["multipart/form-data", &format!("multipart/form-data; boundary={}", &long[..71])] {
        let ask = ask_form(&token, path, &[model, file]).without("content-type");
        house.refuses(ask.header("content-type", kind), 400, "invalid_request").await;
    }
    let broken = ask_form(&token, path, &[model, file]).raw(b"--xyz\r\nno end");
    house.refuses(broken, 400, "invalid_request").await;
    let json = ask(&token, path, &json!({"model": "whisper-1"}));
    house.refuses(json, 415, "unsupported_media_type").await;
    // the boundary that would go up, and a great many dashes
    let dashes =
        [&wav(1)[..], b"\r\n--okap-form-boundary-0--\r\n", "-".repeat(500_000).as_bytes()].concat();
    for sound in [&sound, &dashes] {
        let parts = [("file", Some("my secret.wav"), &sound[..]), model];
        let answer = house.send(ask_form(&token, path, &parts)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let went = house.provider.ledger().last().unwrap().body.clone();
        assert_eq!(went["file"]["filename"], "file.wav");
        assert_eq!(went["file"]["bytes"], sound.len());
        assert_eq!(went["model"], "whisper-1");
    }
    house.done().await;
}

#[tokio::test]
async fn what_has_no_price_or_no_bound_does_not_go_under_a_money_limit() {
    let house = House::open().await;
    let models = json!(["dall-e-3", "whisper-1", "tts-1"]);
    let cap = json!({"monthly_spend": "1.00"});
    let images = granted(&house, "images", models.clone(), cap.clone()).await.token;
    let body = json!({"model": "dall-e-3", "prompt": "a"});
    house.refuses(ask(&images, "images/generations", &body), 403, "model_not_priced").await;
    let audio = granted(&house, "audio", models.clone(), cap).await.token;
    let ogg = [("model", None, &b"whisper-1"[..]), ("file", Some("a.ogg"), b"OggS")];
    let refused = ask_form(&audio, "audio/transcriptions", &ogg);
    house.refuses(refused, 400, "unsupported_parameter").await;
    assert_eq!(house.arrived(), 0);
    let open = granted(&house, "audio", models, json!({})).await.token;
    assert_eq!(house.send(ask_form(&open, "audio/transcriptions", &ogg)).await.status, 200);
    house.done().await;
}

#[tokio::test]
async fn an_image_that_breaks_off_is_charged_in_full() {
    let house = House::open().await;
    let cap = json!({"monthly_spend": "1.00"});
    let token = granted(&house, "images", json!(["gpt-image-1"]), cap).await.token;
    let body = json!({
        "model": "gpt-image-1", "prompt": "a cat", "stream": true, "partial_images": 1,
    });
    for (fault, whole) in [(None, true), (Some(Fault::Cut { after: 1 }), false)] {
        if let Some(fault) = fault {
            house.provider.set_fault(Rule::fault(fault).times(1));
        }
        let charged = house.charged();
        let answer = house.send(ask(&token, "images/generations", &body)).await;
        assert_eq!((answer.whole, answer.text().contains("partial_image")), (whole, true));
        house.quiet().await;
        let row = house.audit().last().unwrap().clone();
        assert_eq!(row.estimated, !whole);
        // 1,156 tokens at 40 USD per million; the dearest image is far above
        let dear = house.charged() - charged > 6_240 * 40_000_000;
        assert_eq!(dear, !whole, "{row:?}");
    }
    house.done().await;
}

#[tokio::test]
async fn sound_that_breaks_off_is_charged_in_full() {
    let house = House::open().await;
    let token =
        granted(&house, "audio", json!(["tts-1"]), json!({"monthly_spend": "1.00"})).await.token;
    house.provider.set_fault(Rule::fault(Fault::Cut { after: 1 }).times(1));
    let body = json!({"model": "tts-1", "input": "a long text", "voice": "alloy"});
    let answer = house.send(ask(&token, "audio/speech", &body)).await;
    assert!(!answer.whole);
    house.quiet().await;
    assert_eq!(house.charged(), 11 * 15_000_000);
    house.done().await;
}
