//! The providers that speak OpenAI's words: where a call from OpenAI's SDK goes up to.

use okap_engine::provider::{Auth, Operation, Style, Upstreams};
use okap_types::Provider;

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
