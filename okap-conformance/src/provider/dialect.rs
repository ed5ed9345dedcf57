//! The one place that knows which module speaks for which route.

use serde_json::Value;

use super::ask::Ask;
use super::draft::Draft;
use super::error::ProviderError;
use super::openai::{audio, chat, completions, embeddings, images, moderations, responses};
use super::reply::{Frame, Reply};
use super::route::{Route, Verb};
use super::{anthropic, google};

/// Reads a request.
pub(super) fn read(route: &Route, body: &Value) -> Result<Ask, ProviderError> {
    if !body.is_object() {
        return Err(ProviderError::invalid(
            "We could not parse the JSON body of your request.",
            "",
        ));
    }
    match route {
        Route::Completions => completions::read(body),
        Route::Responses => responses::read(body),
        Route::Embeddings => embeddings::read(body),
        Route::Images => images::read(body),
        Route::ImageEdits => images::read_edit(body),
        Route::Speech => audio::read_speech(body),
        Route::Transcriptions | Route::Translations => audio::read_recording(body),
        Route::Moderations => moderations::read(body),
        Route::Messages => anthropic::read(body),
        Route::CountTokens => anthropic::read_counted(body).map(Ask::unstreamed),
        Route::Google(verb, model) => google::read(*verb, model, body),
        _ => chat::read(body),
    }
}

/// Writes an answer in one piece.
pub(super) fn whole(route: &Route, draft: &Draft<'_>) -> Reply {
    let body = match route {
        Route::Speech => return audio::sound(draft),
        Route::Completions => completions::whole(draft),
        Route::Responses => responses::whole(draft),
        Route::Embeddings => embeddings::whole(draft),
        Route::Images | Route::ImageEdits => images::whole(draft),
        Route::Transcriptions | Route::Translations => audio::written(draft),
        Route::Moderations => moderations::whole(draft),
        Route::Messages => anthropic::whole(draft),
        Route::CountTokens => anthropic::counted(draft.usage.prompt),
        Route::Google(Verb::Count, _) => google::counted(draft.usage.prompt),
        Route::Google(Verb::Embed | Verb::BatchEmbed, _) => google::embedded(draft),
        Route::Google(..) => google::whole(draft),
        _ => chat::whole(draft),
    };
    Reply::json(200, &body)
}

/// Writes an answer as the pieces of a stream.
pub(super) fn stream(route: &Route, draft: &Draft<'_>) -> Reply {
    let frames: Vec<Frame> = match route {
        Route::Google(Verb::List, _) => return Reply::list(google::items(draft)),
        Route::Google(..) => google::events(draft),
        Route::Completions => completions::frames(draft),
        Route::Responses => responses::frames(draft),
        Route::Images => images::frames(draft, "image_generation"),
        Route::ImageEdits => images::frames(draft, "image_edit"),
        Route::Speech => audio::sounds(draft),
        Route::Transcriptions | Route::Translations => audio::words(draft),
        Route::Messages => anthropic::frames(draft),
        _ => chat::frames(draft),
    };
    Reply::stream(frames)
}
