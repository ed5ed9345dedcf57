//! The providers that speak OpenAI's words: where a call from OpenAI's SDK goes up to, and what
//! one costs that runs at home.

use okap_engine::{
    price::{Override, PriceBook},
    provider::{Auth, Meter, Operation, Style, Upstreams},
};
use okap_types::Provider;
use serde_json::json;

use crate::worked::call;

/// Each with the address that its own documents give to OpenAI's SDK.
const KNOWN: [(Provider, &str, Auth); 8] = [
    (Provider::OpenAi, "https://api.openai.com/v1", Auth::Bearer),
    (Provider::Groq, "https://api.groq.com/openai/v1", Auth::Bearer),
    (Provider::Together, "https://api.together.xyz/v1", Auth::Bearer),
    (Provider::Mistral, "https://api.mistral.ai/v1", Auth::Bearer),
    (Provider::Cohere, "https://api.cohere.ai/compatibility/v1", Auth::Bearer),
    (Provider::OpenRouter, "https://openrouter.ai/api/v1", Auth::Bearer),
    (Provider::Ollama, "http://127.0.0.1:11434/v1", Auth::None),
    (Provider::Google, "https://generativelanguage.googleapis.com/v1beta/openai", Auth::Bearer),
];

#[test]
fn a_call_of_openais_sdk_goes_up_to_the_providers_own_address() {
    let presets = Upstreams::presets();
    for (provider, base, auth) in KNOWN {
        let upstream = presets.find(&provider).unwrap();
        for (path, operation) in [
            ("chat/completions", Operation::Chat),
            ("embeddings", Operation::Embeddings),
            ("audio/transcriptions", Operation::Transcriptions),
        ] {
            // as the base_url is issued, and with what people write behind it
            for before in ["/", "/v1/", "//", "/v1//"] {
                let path_there = format!("{before}{path}");
                let found = upstream.route(&provider, "POST", &path_there, None).unwrap();
                assert_eq!(
                    (&found.operation, found.style),
                    (&operation, Style::OpenAi),
                    "{provider} {path_there}"
                );
                let up = upstream.address(&found.operation);
                assert_eq!(up.as_str(), format!("{base}/{path}"));
                assert_eq!(upstream.auth_for(&found.operation), auth, "{provider}");
            }
        }
        assert!(upstream.route(&provider, "POST", "/v1/files", None).is_err(), "{provider}");
    }
}

#[test]
fn ollama_has_no_price_until_its_owner_says_so() {
    let book = PriceBook::embedded().unwrap();
    assert!(book.find("ollama", "llama3.2").is_none());
    let own: Override = serde_json::from_value(json!({
        "provider": "ollama", "model": "llama3.2", "prices": {"input": "0.05", "output": "0.10"},
    }))
    .unwrap();
    let book = book.with_overrides(&[own]);
    let price = book.find("ollama", "llama3.2").unwrap();
    let mut meter = Meter::new(&call(&Operation::Chat, "llama3.2"));
    let answer = r#"{"usage":{"prompt_tokens":26,"completion_tokens":298,"total_tokens":324}}"#;
    assert!(meter.whole(answer.as_bytes()));
    // (26 x 0.05 + 298 x 0.10) / 10^6
    let cost = price.cost(&meter.metered().usage.unwrap()).unwrap();
    assert_eq!(cost.to_string(), "0.0000311");
}
