//! Calls that come as a form with a file, where a vault has a route for them.

use serde_json::json;

use crate::{
    case::{Case, Grant},
    catalogue::Test,
    http::Call,
    outcome::{Outcome, Stop, Witness, ensure, twin},
    profile::Profile,
};

pub(in crate::catalogue) const TESTS: &[Test] = &[
    Test {
        id: "proxy.form.model",
        rev: 2,
        title: "a form names exactly one model, wherever it stands",
        profile: Profile::Proxy,
        verifies: &["OKAP-R-289"],
        needs: &[],
        twin: Some("proxy.forward.clean"),
        threat: Some("parser-differential"),
        run: |case| Box::pin(model(case)),
    },
    Test {
        id: "proxy.form.file",
        rev: 1,
        title: "the provider learns no more of a file's name than its ending",
        profile: Profile::Proxy,
        verifies: &["OKAP-R-477", "OKAP-R-297"],
        needs: &[],
        twin: Some("proxy.forward.clean"),
        threat: Some("identity-leak"),
        run: |case| Box::pin(file(case)),
    },
];

const MODEL: &str = "whisper-1";
const BOUNDARY: &str = "okapconf-form";

/// A field's name, the name of its file where it is one, and what it holds.
type Field<'a> = (&'a str, Option<&'a str>, &'a str);

async fn model(case: &Case) -> Outcome {
    let grant = granted(case).await?;
    let sound = ("file", Some("a.wav"), "sound");
    let named = ("model", None, MODEL);
    let words = case.nonce();
    let prompt = ("prompt", None, words.as_str());
    for taken in [[named, prompt, sound], [prompt, sound, named]] {
        twin(case.send(call(&grant, &taken)).await?.has_status("OKAP-R-289", 200))?;
    }
    for other in [Some(MODEL), Some("gpt-4o-transcribe"), None] {
        let words = case.nonce();
        let mut fields = vec![("prompt", None, words.as_str()), sound];
        if let Some(other) = other {
            fields.insert(0, named);
            fields.push(("model", None, other));
        }
        let reply = case.send(call(&grant, &fields)).await?;
        // a second part is a member that is repeated as well
        let known = reply.code() == "invalid_request"
            || other.is_some() && reply.code() == "duplicate_member";
        reply.ensure("OKAP-R-289", reply.status == 400 && known, "400 invalid_request")?;
        case.never_left(&words)?;
    }
    Witness::of_upstream("OKAP-R-289", &words, &case.books(&words))
}

async fn file(case: &Case) -> Outcome {
    let grant = granted(case).await?;
    let (words, secret) = (case.nonce(), case.nonce());
    let name = format!("{secret}.wav");
    let fields =
        [("model", None, MODEL), ("prompt", None, &words), ("file", Some(name.as_str()), "sound")];
    twin(case.send(call(&grant, &fields)).await?.has_status("OKAP-R-280", 200))?;
    let books = case.books(&words);
    let heard = books.last().and_then(|call| call.body.pointer("/file/filename"));
    let heard = heard.and_then(|name| name.as_str()).unwrap_or_default();
    ensure("OKAP-R-477", !heard.contains(&secret), "another name", heard)?;
    // the rule leaves the ending as it is
    ensure("OKAP-R-297", heard.ends_with(".wav"), "a name with the ending .wav", heard)?;
    Witness::of_upstream("OKAP-R-477", &words, &books)
}

/// A grant to have sound written down, where the vault has a route for that.
async fn granted(case: &Case) -> Result<Grant, Stop> {
    let chat = case.grant(&case.ask()).await?;
    if case.send(call(&chat, &[("model", None, MODEL)])).await?.status == 404 {
        let none = "this vault does not serve /audio/transcriptions";
        return Err(Stop::NotApplicable(none.to_owned()));
    }
    let models = [MODEL, "gpt-4o-transcribe"];
    case.grant(&case.ask().models(&models).with("capabilities", json!(["audio"]))).await
}

fn call(grant: &Grant, fields: &[Field<'_>]) -> Call {
    let mut form = String::new();
    for (name, file, holds) in fields {
        let file = file.map(|file| format!("; filename=\"{file}\"\r\ncontent-type: audio/wav"));
        let file = file.unwrap_or_default();
        let head = format!("content-disposition: form-data; name=\"{name}\"{file}");
        form.push_str(&format!("--{BOUNDARY}\r\n{head}\r\n\r\n{holds}\r\n"));
    }
    form.push_str(&format!("--{BOUNDARY}--\r\n"));
    Call::post(format!("{}/audio/transcriptions", grant.base_url))
        .bearer(&grant.token)
        .header("content-type", format!("multipart/form-data; boundary={BOUNDARY}"))
        .body(form)
}
