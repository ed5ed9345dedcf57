//! Sound, what is heard in it, and images: as events, or as bare bytes.

use super::{Meter, words::Event};

impl Meter {
    pub(super) fn audio(&mut self, event: &Event<'_>) {
        self.take_usage(event.usage, None, None);
        self.text(event.delta);
        if let Some(audio) = event.audio {
            // three bytes of sound in four letters
            let bytes = u64::try_from(audio.get().len() / 4 * 3).unwrap_or(u64::MAX);
            self.sound = self.sound.saturating_add(bytes);
        }
        self.complete |= event
            .kind
            .as_deref()
            .is_some_and(|kind| matches!(kind, "speech.audio.done" | "transcript.text.done"));
    }

    /// An early look at an image tells nothing: the count comes with the whole one.
    pub(super) fn image(&mut self, event: &Event<'_>) {
        if event.kind.as_deref().is_some_and(|kind| kind.ends_with(".completed")) {
            self.take_usage(event.usage, None, None);
            self.images = self.images.saturating_add(1);
            self.complete = true;
        }
    }

    pub(super) fn sound(&mut self, chunk: &[u8]) {
        if let Some(watch) = &mut self.watch {
            watch.bytes(chunk);
        }
        let bytes = u64::try_from(chunk.len()).unwrap_or(u64::MAX);
        self.sound = self.sound.saturating_add(bytes);
    }
}
