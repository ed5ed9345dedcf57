//! The one place that knows which module speaks for which route.

use serde_json::Value;

use super::anthropic;
use super::ask::Ask;
use super::draft::Draft;
use super::error::ProviderError;
use super::openai::{chat, embeddings, responses};
use super::reply::Frame;
use super::route::Route;

/// Reads a request.
pub(super) fn read(route: &Route, body: &Value) -> Result<Ask, ProviderError> {
    if !body.is_object() {
        return Err(ProviderError::invalid(
            "We could not parse the JSON body of your request.",
            "",
        ));
    }
    match route {
        Route::Responses => responses::read(body),
        Route::Embeddings => embeddings::read(body),
        Route::Messages => anthropic::read(body),
        Route::CountTokens => anthropic::read_counted(body).map(Ask::unstreamed),
        _ => chat::read(body),
    }
}

/// Writes an answer in one piece.
pub(super) fn whole(route: &Route, draft: &Draft<'_>) -> Value {
    match route {
        Route::Responses => responses::whole(draft),
        Route::Embeddings => embeddings::whole(draft),
        Route::Messages => anthropic::whole(draft),
        Route::CountTokens => anthropic::counted(draft.usage.prompt),
        _ => chat::whole(draft),
    }
}

/// Writes an answer as the pieces of a stream.
pub(super) fn frames(route: &Route, draft: &Draft<'_>) -> Vec<Frame> {
    match route {
        Route::Responses => responses::frames(draft),
        Route::Messages => anthropic::frames(draft),
        _ => chat::frames(draft),
    }
}
