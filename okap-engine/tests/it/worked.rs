//! What each provider bills for an answer of its own, worked out by hand from its price list.

use okap_engine::{
    price::{PriceBook, Usage},
    provider::{Call, Meter, Operation, Part, Verb},
};
use serde_json::json;

const CHAT: Operation = Operation::Chat;

/// The call that such an answer belongs to.
pub(crate) fn call(operation: &Operation, model: &str) -> Call {
    let body = match operation {
        Operation::Transcriptions => {
            let field = |name: &str, file: Option<&str>, bytes: &str| Part {
                name: name.into(),
                file: file.map(Into::into),
                kind: None,
                bytes: bytes.into(),
            };
            let parts = vec![field("model", None, model), field("file", Some("a.mp3"), "ID3")];
            return Call::read_form(operation.clone(), parts).unwrap();
        }
        Operation::Google { verb: Verb::Embed, .. } => json!({"content": {"parts": []}}),
        Operation::Google { .. } => json!({"contents": []}),
        Operation::Completions | Operation::Images => json!({"model": model, "prompt": "a"}),
        Operation::Messages => json!({"model": model, "messages": [], "max_tokens": 9}),
        _ => json!({"model": model, "messages": [], "input": "a"}),
    };
    Call::read(operation.clone(), body.to_string().as_bytes()).unwrap()
}

fn google(verb: Verb, model: &str) -> Operation {
    Operation::Google { verb, model: model.to_owned() }
}

/// What an answer costs in USD: read by the meter, priced by the book.
fn costs(provider: &str, operation: &Operation, model: &str, answer: &str) -> String {
    let mut meter = Meter::new(&call(operation, model));
    assert!(meter.whole(answer.as_bytes()), "{answer}");
    let metered = meter.metered();
    let usage = metered.usage.unwrap_or_default();
    let usage = Usage { seconds: metered.seconds, images: metered.images, ..usage };
    let price = PriceBook::embedded().unwrap().find(provider, model).unwrap();
    price.cost(&usage).unwrap().to_string()
}

fn check(provider: &str, rows: &[(Operation, &str, &str, &str)]) {
    for (operation, model, answer, usd) in rows {
        assert_eq!(costs(provider, operation, model, answer), *usd, "{provider} {model} {answer}");
    }
}

#[test]
fn openai() {
    check(
        "openai",
        &[
            // (600 x 0.15 + 400 x 0.075 + 50 x 0.60) / 10^6
            (
                CHAT,
                "gpt-4o-mini",
                r#"{"usage":{"prompt_tokens":1000,"completion_tokens":50,"total_tokens":1050,
            "prompt_tokens_details":{"cached_tokens":400}}}"#,
                "0.00015",
            ),
            // reasoning is in the completion: (2,000 x 1.25 + 1,000 x 10) / 10^6
            (
                CHAT,
                "gpt-5",
                r#"{"usage":{"prompt_tokens":2000,"completion_tokens":1000,"total_tokens":3000,
            "completion_tokens_details":{"reasoning_tokens":800}}}"#,
                "0.0125",
            ),
            // (4,000 x 2 + 6,000 x 0.50 + 2,000 x 8) / 10^6
            (
                Operation::Responses,
                "o3",
                r#"{"usage":{"input_tokens":10000,"output_tokens":2000,"total_tokens":12000,
            "input_tokens_details":{"cached_tokens":6000},"output_tokens_details":{"reasoning_tokens":1500}}}"#,
                "0.027",
            ),
            // above 272,000 tokens: (200,000 x 5 + 100,000 x 0.50 + 1,000 x 22.50) / 10^6
            (
                CHAT,
                "gpt-5.4",
                r#"{"usage":{"prompt_tokens":300000,"completion_tokens":1000,"total_tokens":301000,
            "prompt_tokens_details":{"cached_tokens":100000}}}"#,
                "1.0725",
            ),
            // 10,000 x 0.13 / 10^6
            (
                Operation::Embeddings,
                "text-embedding-3-large",
                r#"{"usage":{"prompt_tokens":10000,"total_tokens":10000}}"#,
                "0.0013",
            ),
            // (100 x 1.50 + 40 x 2) / 10^6
            (
                Operation::Completions,
                "gpt-3.5-turbo-instruct",
                r#"{"usage":{"prompt_tokens":100,"completion_tokens":40,"total_tokens":140}}"#,
                "0.00023",
            ),
            // (10 x 5 + 40 x 8 + 4,160 x 32 + 40 x 10) / 10^6
            (
                Operation::Images,
                "gpt-image-1.5",
                r#"{"data":[{}],"usage":{"input_tokens":50,"output_tokens":4200,
            "total_tokens":4250,"input_tokens_details":{"text_tokens":10,"image_tokens":40},
            "output_tokens_details":{"text_tokens":40,"image_tokens":4160}}}"#,
                "0.13389",
            ),
            // the end of a stream tells no parts: (10 x 5 + 40 x 8 + 4,200 x 32) / 10^6
            (
                Operation::Images,
                "gpt-image-1.5",
                r#"{"data":[{}],"usage":{"input_tokens":50,"output_tokens":4200,
            "total_tokens":4250,"input_tokens_details":{"text_tokens":10,"image_tokens":40}}}"#,
                "0.13477",
            ),
            // (20 x 1.25 + 600 x 3 + 100 x 5) / 10^6
            (
                Operation::Transcriptions,
                "gpt-4o-mini-transcribe",
                r#"{"text":"a","usage":{"type":"tokens",
            "input_tokens":620,"output_tokens":100,"total_tokens":720,
            "input_token_details":{"text_tokens":20,"audio_tokens":600}}}"#,
                "0.002325",
            ),
            // a minute and a half at 0.006 a minute
            (
                Operation::Transcriptions,
                "whisper-1",
                r#"{"text":"a","usage":{"type":"duration","seconds":90}}"#,
                "0.009",
            ),
        ],
    );
}

#[test]
fn what_is_spoken_is_billed_by_the_character() {
    let book = PriceBook::embedded().unwrap();
    for (provider, model, characters, usd) in [
        ("openai", "tts-1", 4_000, "0.06"),    // 15 USD per million
        ("openai", "tts-1-hd", 4_000, "0.12"), // 30
        ("groq", "canopylabs/orpheus-v1-english", 5_000, "0.11"), // 22
    ] {
        let usage = Usage { characters, ..Usage::default() };
        let price = book.find(provider, model).unwrap();
        assert_eq!(price.cost(&usage).unwrap().to_string(), usd, "{model}");
    }
}

#[test]
fn anthropic() {
    let messages = || Operation::Messages;
    check(
        "anthropic",
        &[
            // (1,000 x 2 + 5,000 x 0.20 + 3,000 x 2.50 + 1,000 x 4 + 500 x 10) / 10^6
            (
                messages(),
                "claude-sonnet-5",
                r#"{"usage":{"input_tokens":1000,"cache_creation_input_tokens":4000,
            "cache_read_input_tokens":5000,"output_tokens":500,
            "cache_creation":{"ephemeral_5m_input_tokens":3000,"ephemeral_1h_input_tokens":1000}}}"#,
                "0.0195",
            ),
            // (2,000 x 5 + 1,000 x 25) / 10^6
            (
                messages(),
                "claude-opus-5",
                r#"{"usage":{"input_tokens":2000,"output_tokens":1000}}"#,
                "0.035",
            ),
            // (100 x 1 + 100,000 x 0.10 + 200 x 5) / 10^6
            (
                messages(),
                "claude-haiku-4-5",
                r#"{"usage":{"input_tokens":100,"cache_creation_input_tokens":0,
            "cache_read_input_tokens":100000,"output_tokens":200}}"#,
                "0.0111",
            ),
            // 210,000 tokens are a long prompt: (150,000 x 6 + 60,000 x 0.60 + 1,000 x 22.50) / 10^6
            (
                messages(),
                "claude-sonnet-4-5",
                r#"{"usage":{"input_tokens":150000,"cache_read_input_tokens":60000,
            "output_tokens":1000}}"#,
                "0.9585",
            ),
        ],
    );
}

#[test]
fn google_natively_and_in_openais_words() {
    let generate = |model| google(Verb::Generate, model);
    check(
        "google",
        &[
            // thoughts are output: (600 x 0.30 + 400 x 0.03 + 400 x 2.50) / 10^6
            (
                generate("gemini-2.5-flash"),
                "gemini-2.5-flash",
                r#"{"candidates":[],"usageMetadata":{
            "promptTokenCount":1000,"cachedContentTokenCount":400,"candidatesTokenCount":100,
            "thoughtsTokenCount":300,"totalTokenCount":1400}}"#,
                "0.001192",
            ),
            // above 200,000 tokens: (250,000 x 2.50 + 1,500 x 15) / 10^6
            (
                generate("gemini-2.5-pro"),
                "gemini-2.5-pro",
                r#"{"usageMetadata":{"promptTokenCount":250000,
            "candidatesTokenCount":1000,"thoughtsTokenCount":500,"totalTokenCount":251500}}"#,
                "0.6475",
            ),
            // (200 x 0.30 + 800 x 1 + 10 x 2.50) / 10^6
            (
                generate("gemini-2.5-flash"),
                "gemini-2.5-flash",
                r#"{"usageMetadata":{"promptTokenCount":1000,
            "candidatesTokenCount":10,"totalTokenCount":1010,"promptTokensDetails":[
            {"modality":"TEXT","tokenCount":200},{"modality":"AUDIO","tokenCount":800}]}}"#,
                "0.000885",
            ),
            // 2,000 x 0.15 / 10^6
            (
                google(Verb::Embed, "gemini-embedding-001"),
                "gemini-embedding-001",
                r#"{"embedding":{"values":[1]},"usageMetadata":{"promptTokenCount":2000}}"#,
                "0.0003",
            ),
            // the completion leaves 50 thoughts out, the total has them: (100 x 1.50 + 70 x 9) / 10^6
            (
                CHAT,
                "gemini-3.5-flash",
                r#"{"usage":{"prompt_tokens":100,"completion_tokens":20,"total_tokens":170}}"#,
                "0.00078",
            ),
        ],
    );
}

#[test]
fn groq() {
    check(
        "groq",
        &[
            // (1,000 x 0.59 + 500 x 0.79) / 10^6
            (
                CHAT,
                "llama-3.3-70b-versatile",
                r#"{"usage":{"queue_time":0.1,"prompt_tokens":1000,
            "completion_tokens":500,"total_tokens":1500,"total_time":0.4}}"#,
                "0.000985",
            ),
            // (800 x 0.15 + 200 x 0.075 + 100 x 0.60) / 10^6
            (
                CHAT,
                "openai/gpt-oss-120b",
                r#"{"usage":{"prompt_tokens":1000,"completion_tokens":100,
            "total_tokens":1100,"prompt_tokens_details":{"cached_tokens":200}}}"#,
                "0.000195",
            ),
            // a tenth of an hour at 0.04
            (
                Operation::Transcriptions,
                "whisper-large-v3-turbo",
                r#"{"text":"a","duration":359.7}"#,
                "0.004",
            ),
        ],
    );
}

#[test]
fn mistral_cohere_and_together() {
    let embeddings = || Operation::Embeddings;
    check(
        "mistral",
        &[
            // (2,000 x 0.15 + 1,000 x 0.60) / 10^6
            (
                CHAT,
                "mistral-small-latest",
                r#"{"usage":{"prompt_tokens":2000,"total_tokens":3000,"completion_tokens":1000}}"#,
                "0.0009",
            ),
            // (500 x 2 + 100 x 6) / 10^6
            (
                CHAT,
                "mistral-large",
                r#"{"usage":{"prompt_tokens":500,"total_tokens":600,"completion_tokens":100}}"#,
                "0.0016",
            ),
            // a minute at 0.18 an hour
            (
                Operation::Transcriptions,
                "voxtral-mini-latest",
                r#"{"text":"a","usage":{"prompt_audio_seconds":60,"prompt_tokens":5,
            "total_tokens":405,"completion_tokens":400}}"#,
                "0.003",
            ),
            // 5,000 x 0.10 / 10^6
            (
                embeddings(),
                "mistral-embed",
                r#"{"usage":{"prompt_tokens":5000,"total_tokens":5000,"completion_tokens":0}}"#,
                "0.0005",
            ),
        ],
    );
    check(
        "cohere",
        &[
            // (1,000 x 2.50 + 200 x 10) / 10^6
            (
                CHAT,
                "command-a",
                r#"{"usage":{"prompt_tokens":1000,"completion_tokens":200,"total_tokens":1200}}"#,
                "0.0045",
            ),
            // 3,000 x 0.12 / 10^6
            (
                embeddings(),
                "embed-v4.0",
                r#"{"usage":{"prompt_tokens":3000,"total_tokens":3000}}"#,
                "0.00036",
            ),
        ],
    );
    check(
        "together",
        &[
            // (500 x 0.30 + 500 x 0.06 + 100 x 1.20) / 10^6
            (
                CHAT,
                "MiniMaxAI/MiniMax-M3",
                r#"{"usage":{"prompt_tokens":1000,"completion_tokens":100,
            "total_tokens":1100,"prompt_tokens_details":{"cached_tokens":500}}}"#,
                "0.0003",
            ),
            // (1,000 + 500) x 0.88 / 10^6
            (
                CHAT,
                "meta-llama/Llama-3.3-70B-Instruct-Turbo",
                r#"{"usage":{"prompt_tokens":1000,"completion_tokens":500,"total_tokens":1500}}"#,
                "0.00132",
            ),
        ],
    );
}

#[test]
fn openrouter_and_deepseek() {
    check(
        "openrouter",
        &[
            // (500 x 2 + 500 x 0.20 + 100 x 10) / 10^6
            (
                CHAT,
                "anthropic/claude-sonnet-5",
                r#"{"usage":{"prompt_tokens":1000,"completion_tokens":100,
            "total_tokens":1100,"cost":0.0021,"prompt_tokens_details":{"cached_tokens":500}}}"#,
                "0.0021",
            ),
            // (1,000 x 0.20 + 100 x 1.20) / 10^6
            (
                CHAT,
                "openai/gpt-5.6-luna",
                r#"{"usage":{"prompt_tokens":1000,"completion_tokens":100,"total_tokens":1100}}"#,
                "0.00032",
            ),
        ],
    );
    check(
        "deepseek",
        &[
            // (400 x 0.27 + 600 x 0.07 + 100 x 1.10) / 10^6
            (
                CHAT,
                "deepseek-chat",
                r#"{"usage":{"prompt_tokens":1000,"completion_tokens":100,"total_tokens":1100,
            "prompt_cache_hit_tokens":600,"prompt_cache_miss_tokens":400}}"#,
                "0.00026",
            ),
        ],
    );
}
