mod media;
mod words;

use okap_types::Secret;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use self::words::{Event, Holder, Whole};
use super::{
    Call, Operation, Verb,
    items::Items,
    sse::{Events, LONGEST, LONGEST_IMAGE, TooLong, data},
    texts::each_text,
    usage::{self, GoogleUsage},
    watch::Watch,
};
use crate::price::Usage;

/// Reads an answer as it passes: what the provider says was used, what text came through.
#[derive(Debug)]
pub struct Meter {
    kind: Kind,
    hide_usage: bool,
    cut: Cut,
    usage: Option<Usage>,
    images: u64,
    seconds: u64,
    delivered: u64,
    /// Bytes of sound that came through.
    sound: u64,
    complete: bool,
    /// Answers of a chat that have not said why they ended, and those that have.
    answers: u64,
    finished: Vec<u64>,
    /// Bytes of sound that count as one token.
    bytes_per_token: u64,
    watch: Option<Watch>,
}

/// Whose words an answer is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Chat,
    Responses,
    Messages,
    Google,
    /// Events of audio that is made or written down.
    Audio,
    /// Events of an image that is made.
    Images,
    Other,
}

/// How a stream is cut into what can be read.
#[derive(Debug)]
enum Cut {
    Events(Events),
    Items(Items),
    /// Sound, which says nothing of itself.
    Nowhere,
}

/// What an answer used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Metered {
    /// Tokens as the provider counted them.
    pub usage: Option<Usage>,
    /// Images that came.
    pub images: u64,
    /// Seconds of a recording, as the provider counted them.
    pub seconds: u64,
    /// Bytes of generated text that came through; a token is at least one byte. Of sound, the
    /// most tokens that it can be.
    pub delivered: u64,
    /// Whether the answer came to its end.
    pub complete: bool,
}

impl Meter {
    /// A meter for the answer to a call.
    #[must_use]
    pub fn new(call: &Call) -> Self {
        let kind = match &call.operation {
            Operation::Chat | Operation::Completions => Kind::Chat,
            Operation::Responses => Kind::Responses,
            Operation::Messages => Kind::Messages,
            Operation::Google { .. } => Kind::Google,
            Operation::Speech | Operation::Transcriptions | Operation::Translations => Kind::Audio,
            Operation::Images | Operation::ImageEdits => Kind::Images,
            _ => Kind::Other,
        };
        let cut = match &call.operation {
            Operation::Google { verb: Verb::StreamList, .. } => Cut::Items(Items::default()),
            Operation::Speech if !call.stream => Cut::Nowhere,
            Operation::Images | Operation::ImageEdits => Cut::Events(Events::up_to(LONGEST_IMAGE)),
            _ => Cut::Events(Events::up_to(LONGEST)),
        };
        Self {
            kind,
            hide_usage: kind == Kind::Chat && call.stream && !call.usage_asked,
            cut,
            usage: None,
            images: 0,
            seconds: 0,
            delivered: 0,
            sound: 0,
            complete: false,
            answers: if call.shown > 0 { call.shown } else { call.answers },
            finished: Vec::new(),
            bytes_per_token: (call.bytes_per_second / usage::SOUND_TOKENS_PER_SECOND).max(1),
            watch: None,
        }
    }

    /// Watches for a secret that must not come through, also where a stream brings it in pieces.
    #[must_use]
    pub fn watching(self, secret: Option<&Secret<String>>) -> Self {
        Self { watch: secret.and_then(Watch::new), ..self }
    }

    /// Takes a chunk of a streamed answer; gives back what goes to the app: whole events, without
    /// the usage that the app did not ask for.
    ///
    /// # Errors
    /// A sentence, where the stream cannot be an answer or repeats the secret.
    pub fn chunk(&mut self, chunk: &[u8]) -> Result<Vec<u8>, &'static str> {
        let mut out = Vec::with_capacity(chunk.len());
        let mut cut = std::mem::replace(&mut self.cut, Cut::Nowhere);
        let outcome = match &mut cut {
            Cut::Events(events) => events.push(chunk, |event| {
                if self.passes(event) {
                    out.extend_from_slice(event);
                }
            }),
            Cut::Items(items) => {
                let outcome = items.push(chunk, |item, json| {
                    self.item(item, json);
                    out.extend_from_slice(item);
                });
                self.complete |= items.closed();
                outcome
            }
            Cut::Nowhere => {
                self.sound(chunk);
                out.extend_from_slice(chunk);
                Ok(())
            }
        };
        self.cut = cut;
        match outcome {
            Ok(()) if self.watch.as_ref().is_some_and(Watch::alarmed) => {
                Err("its stream repeats the key")
            }
            Ok(()) => Ok(out),
            Err(TooLong) => Err("an event of its stream is beyond all measure"),
        }
    }

    /// Ends a streamed answer; gives back what was still waiting for its blank line. Whether the
    /// answer is whole, [`metered`](Self::metered) tells.
    pub fn end(&mut self) -> Vec<u8> {
        let rest = match &mut self.cut {
            Cut::Events(events) => events.rest(),
            Cut::Items(items) => items.rest(),
            Cut::Nowhere => {
                // sound has no last word
                self.complete = self.sound > 0;
                return Vec::new();
            }
        };
        let events = matches!(self.cut, Cut::Events(_));
        let passes = match events {
            true => self.passes(&rest),
            false => {
                self.item(&rest, &[]);
                true
            }
        };
        let passes = passes && !self.watch.as_ref().is_some_and(Watch::alarmed);
        // a chat whose every answer has ended is whole, also without a last word
        let all = u64::try_from(self.finished.len()).unwrap_or(u64::MAX) >= self.answers;
        self.complete |= events && all && matches!(self.kind, Kind::Chat | Kind::Google);
        if passes { rest } else { Vec::new() }
    }

    /// Takes an answer that came whole. `false` where it cannot be one.
    pub fn whole(&mut self, body: &[u8]) -> bool {
        self.complete = true;
        if !body.trim_ascii_start().starts_with(b"{") {
            // subtitles and plain text of a recording
            self.complete = self.kind == Kind::Audio && std::str::from_utf8(body).is_ok();
            self.deliver(body.len());
            return self.complete;
        }
        let whole = match serde_json::from_slice::<Whole<'_>>(body) {
            Ok(whole) => self.take(&whole),
            // a member that stands twice, say: the later one counts
            Err(_) => match serde_json::from_slice::<serde_json::Value>(body) {
                Ok(answer) => {
                    let answer = answer.to_string();
                    serde_json::from_str(&answer).is_ok_and(|whole: Whole<'_>| self.take(&whole))
                }
                Err(_) => false,
            },
        };
        self.complete = whole;
        whole
    }

    /// What was metered so far.
    #[must_use]
    pub const fn metered(&self) -> Metered {
        Metered {
            usage: self.usage,
            images: self.images,
            seconds: self.seconds,
            delivered: self.delivered.saturating_add(self.sound.div_ceil(self.bytes_per_token)),
            complete: self.complete,
        }
    }

    fn take(&mut self, whole: &Whole<'_>) -> bool {
        self.take_usage(whole.usage, whole.x_groq.as_ref(), whole.usage_metadata);
        self.images = whole
            .data
            .filter(|_| self.kind == Kind::Images)
            .and_then(|data| serde_json::from_str::<Vec<IgnoredAny>>(data.get()).ok())
            .map_or(0, |data| u64::try_from(data.len()).unwrap_or(u64::MAX));
        if self.seconds == 0 {
            let duration = whole.duration.and_then(|raw| raw.get().parse().ok());
            self.seconds = duration.map_or(0, usage::begun_seconds);
        }
        // where the provider has counted, nobody asks how much text came
        if self.usage.is_none() {
            for part in [whole.choices, whole.output, whole.content, whole.candidates, whole.text] {
                self.text(part);
            }
        }
        true
    }

    /// Reads an event; whether the app gets it.
    fn passes(&mut self, event: &[u8]) -> bool {
        if let Some(watch) = &mut self.watch {
            watch.event(event);
        }
        let Some(data) = data(event) else { return true };
        if data.as_ref() == b"[DONE]" {
            self.complete = true;
            return true;
        }
        let Ok(event) = serde_json::from_slice::<Event<'_>>(&data) else {
            // whatever it is, it was paid for
            self.deliver(data.len());
            return true;
        };
        match self.kind {
            Kind::Chat => return self.chat(&event),
            Kind::Responses => self.response(&event),
            Kind::Google => self.candidates(&event),
            Kind::Audio => self.audio(&event),
            Kind::Images => self.image(&event),
            Kind::Messages | Kind::Other => self.message(&event),
        }
        true
    }

    /// Reads an item of a list.
    fn item(&mut self, item: &[u8], json: &[u8]) {
        if let Some(watch) = &mut self.watch {
            watch.event(item);
        }
        match serde_json::from_slice::<Event<'_>>(json) {
            Ok(event) => self.candidates(&event),
            Err(_) => self.deliver(json.len()),
        }
    }

    fn chat(&mut self, chunk: &Event<'_>) -> bool {
        self.take_usage(chunk.usage, chunk.x_groq.as_ref(), None);
        for choice in chunk.choices.iter().flatten() {
            self.text(choice.delta.or(choice.text));
            self.finish(choice.index, choice.finish_reason.is_some());
        }
        let only_usage = chunk.choices.as_ref().is_some_and(Vec::is_empty)
            && chunk.usage.is_some_and(|usage| usage.get().starts_with('{'));
        !(self.hide_usage && only_usage)
    }

    fn finish(&mut self, index: Option<u64>, ended: bool) {
        let index = index.unwrap_or(0);
        if ended && !self.finished.contains(&index) {
            self.finished.push(index);
        }
    }

    fn response(&mut self, event: &Event<'_>) {
        if let Some(response) = &event.response {
            self.take_usage(response.usage, None, None);
        }
        let kind = event.kind.as_deref().unwrap_or_default();
        if kind.ends_with(".delta") {
            self.text(event.delta);
        }
        if matches!(kind, "response.completed" | "response.incomplete" | "response.failed") {
            self.complete = true;
        }
    }

    fn message(&mut self, event: &Event<'_>) {
        match event.kind.as_deref() {
            Some("message_start") => {
                if let Some(message) = &event.message {
                    self.take_usage(message.usage, None, None);
                }
                // the count so far: only the last one is whole
                self.complete = false;
            }
            Some("content_block_start") => self.text(event.content_block),
            Some("content_block_delta") => self.text(event.delta),
            Some("message_delta") => self.take_usage(event.usage, None, None),
            Some("message_stop") => self.complete = true,
            _ => {}
        }
    }

    fn candidates(&mut self, event: &Event<'_>) {
        self.take_usage(None, None, event.usage_metadata);
        for candidate in event.candidates.iter().flatten() {
            self.text(candidate.content);
            self.finish(candidate.index, candidate.finish_reason.is_some());
        }
        if event.prompt_feedback.as_ref().is_some_and(|said| said.block_reason.is_some()) {
            // a prompt that is blocked gets no answer, and this is the end of it
            self.answers = 0;
        }
    }

    /// Counts what was generated, and looks at it.
    fn text(&mut self, value: Option<&RawValue>) {
        let Some(value) = value else { return };
        let (mut bytes, watch) = (0_usize, &mut self.watch);
        each_text(value, &mut |text| {
            bytes = bytes.saturating_add(text.len());
            if let Some(watch) = watch {
                watch.bytes(text.as_bytes());
            }
        });
        self.deliver(bytes);
    }

    fn deliver(&mut self, bytes: usize) {
        self.delivered = self.delivered.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    fn take_usage(
        &mut self,
        usage: Option<&RawValue>,
        x_groq: Option<&Holder<'_>>,
        google: Option<&RawValue>,
    ) {
        if let Some(seconds) = usage.and_then(usage::seconds) {
            self.seconds = seconds;
            return;
        }
        let counted = match self.kind {
            Kind::Messages => usage.and_then(|usage| usage::anthropic(usage, self.usage)),
            Kind::Google => google.and_then(GoogleUsage::read),
            Kind::Images => usage.and_then(usage::image),
            _ => usage.and_then(usage::openai).or_else(|| x_groq?.usage.and_then(usage::openai)),
        };
        self.usage = counted.or(self.usage);
    }
}
