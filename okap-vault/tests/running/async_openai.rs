use async_openai::{
    Client,
    config::OpenAIConfig,
    error::OpenAIError,
    types::{
        chat::{
            ChatCompletionRequestUserMessageArgs, CreateChatCompletionRequest,
            CreateChatCompletionRequestArgs,
        },
        embeddings::CreateEmbeddingRequestArgs,
    },
};
use futures_util::StreamExt;
use okap_client::{Access, Capability, Limits, ModelAccess, Money, Provider};
use okap_conformance::provider::Config;

use crate::stack::Stack;

fn ask() -> ModelAccess {
    ModelAccess::new(Provider::OpenAi)
        .models(["gpt-4o-mini", "text-embedding-3-small"])
        .capabilities([Capability::Chat, Capability::Embeddings])
        .limits(Limits::monthly(Money::usd(1)))
}

/// The SDK as an app has it: only the key and the address are set.
fn sdk(access: &Access) -> Client<OpenAIConfig> {
    // the SDK's own HTTP client wants a TLS provider, also where it speaks plain HTTP
    let _ = rustls::crypto::ring::default_provider().install_default();
    let base_url = access.base_url(Provider::OpenAi).unwrap();
    let config =
        OpenAIConfig::new().with_api_key(access.token().expose()).with_api_base(base_url.as_str());
    Client::with_config(config)
}

fn chat(model: &str) -> CreateChatCompletionRequest {
    let message =
        ChatCompletionRequestUserMessageArgs::default().content("Say hello").build().unwrap();
    CreateChatCompletionRequestArgs::default()
        .model(model)
        .messages([message.into()])
        .build()
        .unwrap()
}

fn api_error(error: OpenAIError) -> (String, String) {
    match error {
        OpenAIError::ApiError(error) => {
            let inner = error;
            (format!("{inner:?}"), format!("{inner}"))
        }
        other => panic!("not the SDK's own API error: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_unchanged_sdk_chats_streams_embeds_and_lists() {
    let stack = Stack::start(Config::default()).await;
    let access = stack.grant(ask()).await;
    let sdk = sdk(&access);

    let answer = sdk.chat().create(chat("gpt-4o-mini")).await.unwrap();
    assert!(answer.choices[0].message.content.as_ref().is_some_and(|text| !text.is_empty()));

    let mut stream = sdk.chat().create_stream(chat("gpt-4o-mini")).await.unwrap();
    let mut text = String::new();
    while let Some(chunk) = stream.next().await {
        // an app that indexes the first choice must not meet an empty list
        text.push_str(chunk.unwrap().choices[0].delta.content.as_deref().unwrap_or_default());
    }
    assert!(!text.is_empty());

    let embed = CreateEmbeddingRequestArgs::default()
        .model("text-embedding-3-small")
        .input("x")
        .build()
        .unwrap();
    assert!(!sdk.embeddings().create(embed).await.unwrap().data[0].embedding.is_empty());

    let models = sdk.models().list().await.unwrap().data;
    let mut names: Vec<_> = models.into_iter().map(|m| m.id).collect();
    names.sort();
    assert_eq!(names, ["gpt-4o-mini", "text-embedding-3-small"]);

    let ledger = stack.ledger();
    assert!(ledger.violations.is_empty(), "{:?}", ledger.violations);
    assert_eq!(ledger.totals.calls, 3, "the model list is answered by the vault");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_refusal_is_the_sdks_own_error_and_says_what_to_do() {
    let stack = Stack::start(Config::default()).await;
    let access = stack.grant(ask()).await;
    let sdk = sdk(&access);
    sdk.chat().create(chat("gpt-4o-mini")).await.unwrap();

    let (error, _) = api_error(sdk.chat().create(chat("gpt-4o")).await.unwrap_err());
    assert!(
        error.contains("model_not_allowed") && error.contains("allowed: gpt-4o-mini"),
        "{error}"
    );

    stack.revoke(access.grant_id()).await;
    let (error, _) = api_error(sdk.chat().create(chat("gpt-4o-mini")).await.unwrap_err());
    assert!(error.contains("token_revoked") && error.contains("ask again"), "{error}");
    assert_eq!(stack.ledger().totals.calls, 1);
}
