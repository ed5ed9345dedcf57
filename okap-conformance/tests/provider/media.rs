//! Images and sound as events, billed as they are made.

use serde_json::{Value, json};

use crate::support::{Ask, KEY, Reply, provider};

fn kinds(reply: &Reply) -> Vec<String> {
    reply.events().into_iter().map(|event| event.name.unwrap()).collect()
}

fn form(fields: &[(&str, &str)]) -> Vec<u8> {
    let head = "content-disposition: form-data; name=";
    let mut form: String = fields
        .iter()
        .map(|(name, value)| format!("--xyz\r\n{head}\"{name}\"\r\n\r\n{value}\r\n"))
        .collect();
    for name in ["image", "file"] {
        let file = format!("{head}\"{name}\"; filename=\"{name}.x\"");
        form += &format!("--xyz\r\n{file}\r\n\r\nx\r\n");
    }
    (form + "--xyz--\r\n").into_bytes()
}

fn ask_form(path: &str, fields: &[(&str, &str)]) -> Ask {
    Ask::bare("POST", path)
        .header("authorization", &format!("Bearer {KEY}"))
        .header("content-type", "multipart/form-data; boundary=xyz")
        .raw(&form(fields))
}

/// The usage of the last event, which is what was billed.
fn told(reply: &Reply) -> (Value, Value) {
    let usage = reply.events().pop().unwrap().data["usage"].take();
    (usage["input_tokens"].clone(), usage["output_tokens"].clone())
}

#[tokio::test]
async fn an_image_streams_with_early_looks_and_its_usage() {
    let provider = provider().await;
    let body = json!({"model": "gpt-image-1", "prompt": "a cat", "stream": true});
    let mut early = body.clone();
    early["partial_images"] = json!(2);
    let edit = [("model", "gpt-image-1"), ("prompt", "a hat"), ("stream", "true")];
    for (ask, wanted, tokens) in [
        (Ask::openai("/v1/images/generations", &body), &["image_generation.completed"][..], 1_056),
        (
            Ask::openai("/v1/images/generations", &early),
            &[
                "image_generation.partial_image",
                "image_generation.partial_image",
                "image_generation.completed",
            ],
            1_256,
        ),
        (ask_form("/v1/images/edits", &edit), &["image_edit.completed"], 1_056),
    ] {
        let reply = ask.send(&provider).await;
        assert_eq!(kinds(&reply), wanted);
        let ledger = provider.ledger();
        let call = ledger.last().unwrap();
        assert_eq!((call.completion_tokens, call.streamed), (tokens, true));
        assert_eq!(told(&reply), (json!(call.prompt_tokens), json!(tokens)));
    }
    provider.stop().await;
}

#[tokio::test]
async fn what_openai_does_not_stream_is_refused() {
    let provider = provider().await;
    let with = |model: &str, extra: Value| {
        let mut body = json!({"model": model, "prompt": "a", "input": "a", "voice": "alloy"});
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        body
    };
    let images = "/v1/images/generations";
    let speech = "/v1/audio/speech";
    for (path, model, extra, status) in [
        (images, "gpt-image-1", json!({"stream": true, "n": 1}), 200),
        (images, "gpt-image-1", json!({"stream": true, "n": 2}), 400),
        (images, "gpt-image-1", json!({"stream": true, "partial_images": 4}), 400),
        (images, "dall-e-3", json!({"stream": true}), 400),
        (speech, "gpt-4o-mini-tts", json!({"stream_format": "sse"}), 200),
        (speech, "tts-1", json!({"stream_format": "sse"}), 400),
        (speech, "tts-1", json!({"stream_format": "audio"}), 200),
    ] {
        let reply = Ask::openai(path, &with(model, extra.clone())).send(&provider).await;
        assert_eq!(reply.status, status, "{model} {extra} {}", reply.text());
    }
    provider.stop().await;
}

#[tokio::test]
async fn speech_and_what_is_heard_come_as_events_with_their_usage() {
    let provider = provider().await;
    let body = json!({
        "model": "gpt-4o-mini-tts", "input": "Hey", "voice": "alloy", "stream_format": "sse",
    });
    let reply = Ask::openai("/v1/audio/speech", &body).send(&provider).await;
    let delta = "speech.audio.delta";
    assert_eq!(kinds(&reply), [delta, delta, delta, "speech.audio.done"]);
    assert_eq!(told(&reply), (json!(1), json!(3)));
    let fields = [("model", "gpt-4o-transcribe"), ("stream", "true")];
    let reply = ask_form("/v1/audio/transcriptions", &fields).send(&provider).await;
    let delta = "transcript.text.delta";
    assert_eq!(kinds(&reply), [delta, delta, delta, "transcript.text.done"]);
    assert_eq!(told(&reply), (json!(10), json!(3)));
    assert_eq!(provider.ledger().last().unwrap().completion_tokens, 3);
    let fields = [("model", "whisper-1"), ("stream", "true")];
    let reply = ask_form("/v1/audio/transcriptions", &fields).send(&provider).await;
    assert_eq!(reply.json()["usage"]["type"], "duration", "it knows no stream");
    provider.stop().await;
}
