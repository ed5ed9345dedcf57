use std::borrow::Cow;

use okap_types::{Capability, ModelId, Provider};

use super::{
    Operation, Part, anthropic,
    form::Form,
    google,
    json::{Json, Object},
    members::{Body, Changes, Members},
    openai,
};
use crate::{price::Usage, refusal::Refusal};

/// Tokens that a chat template may add around a prompt, beyond the bytes of its JSON.
const TEMPLATE_TOKENS: u64 = 64;
/// Tokens that a provider adds when tools are declared.
const TOOL_TOKENS: u64 = 2_048;
/// Output tokens below which a lowered ceiling is of no use.
const USEFUL_OUTPUT: u64 = 16;
/// The model that judges where a call names none.
const MODERATION: &str = "omni-moderation-latest";

/// What a call says, as far as the rules need it, and its members as they came.
#[derive(Clone, Debug)]
pub struct Call {
    /// Which route.
    pub operation: Operation,
    /// The model it names.
    pub model: ModelId,
    /// What it needs.
    pub capabilities: Vec<Capability>,
    /// Whether the answer streams.
    pub stream: bool,
    /// The output ceiling that the app set, in tokens for each answer.
    pub ceiling: Option<u64>,
    /// How many answers are made and billed.
    pub answers: u64,
    /// No prompt of this body has more tokens.
    pub prompt_at_most: u64,
    /// No answer without a ceiling has more tokens, in all.
    pub output_at_most: u64,
    /// What some models count instead of tokens: characters, seconds, images.
    pub units: Usage,
    /// What of it has no bound, so that it cannot go under a money limit.
    pub unbounded: Option<&'static str>,
    /// Whether the model may think in tokens that the app never sees.
    pub hidden_output: bool,
    /// Whether the app itself asked for usage in the stream.
    pub usage_asked: bool,
    /// How many of the answers the app gets to see.
    pub(super) shown: u64,
    /// The budget for thoughts that the app set.
    pub(super) thinking: Option<u64>,
    /// Whether the app chose a service tier.
    pub(super) tier_chosen: bool,
    /// Bytes of a second of the sound that comes down, at least.
    pub(super) bytes_per_second: u64,
    free: bool,
    content: Content,
}

/// What stands in a call.
#[derive(Clone, Debug)]
enum Content {
    Json(Members),
    Form(Form),
}

/// How an answer comes down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// In one piece.
    Whole,
    /// Piece by piece, as it is made.
    Streamed,
}

impl Call {
    /// Reads a call's body, strictly: repeated members, members that would go around the grant
    /// and members of the wrong type are refused.
    ///
    /// # Errors
    /// [`Refusal::InvalidJson`], [`Refusal::DuplicateMember`], [`Refusal::InvalidRequest`],
    /// [`Refusal::UnsupportedParameter`], [`Refusal::NotCovered`].
    pub fn read(operation: Operation, body: &[u8]) -> Result<Self, Refusal> {
        if operation.is_form() {
            return Err(Refusal::InvalidRequest("this call is a form".to_owned()));
        }
        let length = body.len();
        let body = Body::read(body)?;
        if operation.model().is_none() {
            body.object().names().try_for_each(plain_name)?;
        }
        let model = match (operation.model(), body.get("model")) {
            (Some(model), _) => model.parse::<ModelId>(),
            (None, Some(Json::Text(model))) => model.parse::<ModelId>(),
            (None, None) if operation == Operation::Moderations => MODERATION.parse(),
            (None, Some(_)) => {
                return Err(Refusal::InvalidRequest("model is not a string".into()));
            }
            (None, None) => return Err(Refusal::InvalidRequest("model is missing".into())),
        };
        let model = model.map_err(|e| Refusal::InvalidRequest(e.to_string()))?;
        let stream = match (&operation, body.get("stream")) {
            (operation, _) if operation.model().is_some() => operation.streams(),
            (_, None) => false,
            (_, Some(Json::Bool(stream))) => *stream,
            _ => return Err(Refusal::InvalidRequest("stream is not true or false".into())),
        };
        let mut call = Self::new(operation, model, length);
        call.stream = stream && call.has_output();
        match call.operation {
            Operation::Messages | Operation::CountTokens => anthropic::read(&mut call, &body)?,
            Operation::Google { .. } => google::read(&mut call, &body)?,
            Operation::Models | Operation::Model(_) => {}
            _ => openai::read(&mut call, &body)?,
        }
        call.content = Content::Json(body.keep());
        Ok(call)
    }

    /// Reads a call that is a form with files, its fields taken apart already. The fields may
    /// stand in any order.
    ///
    /// # Errors
    /// [`Refusal::InvalidRequest`], [`Refusal::UnsupportedParameter`].
    pub fn read_form(operation: Operation, parts: Vec<Part>) -> Result<Self, Refusal> {
        let model = parts.iter().find(|part| part.name == "model" && part.file.is_none());
        let model = model.ok_or_else(|| Refusal::InvalidRequest("model is missing".into()))?;
        let model = std::str::from_utf8(&model.bytes).unwrap_or_default().parse::<ModelId>();
        let model = model.map_err(|e| Refusal::InvalidRequest(e.to_string()))?;
        let mut call = Self::new(operation, model, 0);
        let form = match call.operation {
            Operation::ImageEdits => openai::read_pictures(&mut call, parts)?,
            Operation::Transcriptions | Operation::Translations => {
                openai::read_recording(&mut call, parts)?
            }
            _ => return Err(Refusal::InvalidRequest("this call is no form".to_owned())),
        };
        call.content = Content::Form(form);
        Ok(call)
    }

    fn new(operation: Operation, model: ModelId, length: usize) -> Self {
        let length = u64::try_from(length).unwrap_or(u64::MAX);
        Self {
            capabilities: vec![operation.capability()],
            free: matches!(
                operation,
                Operation::CountTokens | Operation::Google { verb: super::Verb::CountTokens, .. }
            ),
            operation,
            model,
            stream: false,
            ceiling: None,
            answers: 1,
            prompt_at_most: length.saturating_add(TEMPLATE_TOKENS),
            output_at_most: 0,
            units: Usage::default(),
            unbounded: None,
            hidden_output: false,
            usage_asked: false,
            shown: 0,
            thinking: None,
            tier_chosen: false,
            bytes_per_second: 0,
            content: Content::Json(Members::default()),
        }
    }

    /// The body to forward to OpenAI or Anthropic themselves, as [`forward_to`](Self::forward_to).
    #[must_use]
    pub fn forward(&self, ceiling: Option<u64>) -> Vec<u8> {
        self.forward_to(&Provider::OpenAi, ceiling)
    }

    /// The body to forward to a provider, with the output ceiling that was admitted, in the words
    /// that this provider obeys. What the rules do not touch goes up byte for byte.
    #[must_use]
    pub fn forward_to(&self, provider: &Provider, ceiling: Option<u64>) -> Vec<u8> {
        let members = match &self.content {
            Content::Form(form) => return form.write(),
            Content::Json(members) => members,
        };
        let changes = match self.operation {
            Operation::Messages => anthropic::rewrite(self, members, ceiling),
            Operation::CountTokens => Changes::default(),
            Operation::Google { .. } => google::rewrite(self, members, ceiling),
            _ => openai::rewrite(self, provider, members, ceiling),
        };
        members.write(&changes)
    }

    /// The type of the body to forward.
    #[must_use]
    pub fn content_type(&self) -> Cow<'static, str> {
        match &self.content {
            Content::Json(_) => "application/json".into(),
            Content::Form(form) => form.content_type().into(),
        }
    }

    /// How an answer of this type comes down; `None` where it cannot be one.
    #[must_use]
    pub fn answer(&self, content_type: &str) -> Option<Answer> {
        let json = content_type.starts_with("application/json");
        match &self.operation {
            _ if content_type.starts_with("text/event-stream") => {
                self.stream.then_some(Answer::Streamed)
            }
            Operation::Speech if !json => {
                let sound = ["audio/", "application/octet-stream"];
                let sound = sound.iter().any(|begin| content_type.starts_with(begin));
                (sound && !self.stream).then_some(Answer::Streamed)
            }
            // subtitles and plain text
            Operation::Transcriptions | Operation::Translations if !json => {
                let text = ["text/", "application/x-subrip"];
                text.iter().any(|begin| content_type.starts_with(begin)).then_some(Answer::Whole)
            }
            Operation::Google { verb: super::Verb::StreamList, .. } if json => {
                Some(Answer::Streamed)
            }
            _ => json.then_some(Answer::Whole),
        }
    }

    /// Whether its stream is made of events, so that one can say why it ends early.
    #[must_use]
    pub const fn has_events(&self) -> bool {
        self.stream
            && !matches!(self.operation, Operation::Google { verb: super::Verb::StreamList, .. })
    }

    /// Whether the provider generates tokens for it, up to a ceiling.
    #[must_use]
    pub const fn has_output(&self) -> bool {
        use super::Verb;
        matches!(
            self.operation,
            Operation::Chat
                | Operation::Completions
                | Operation::Responses
                | Operation::Messages
                | Operation::Google { verb: Verb::Generate | Verb::Stream | Verb::StreamList, .. }
        )
    }

    /// The fewest output tokens that are of any use to it.
    #[must_use]
    pub fn least_output(&self) -> u64 {
        match (&self.operation, self.thinking) {
            (Operation::Messages, Some(_)) => anthropic::LEAST_BUDGET.saturating_add(USEFUL_OUTPUT),
            _ => USEFUL_OUTPUT,
        }
    }

    /// Whether the provider counts while it still generates, so that only the last count is whole.
    #[must_use]
    pub const fn counts_early(&self) -> bool {
        self.stream && matches!(self.operation, Operation::Messages | Operation::Google { .. })
    }

    /// Takes note of who answers: a provider that goes on generating after a hang-up bills what
    /// nobody saw.
    #[must_use]
    pub fn sent_to(mut self, provider: &Provider) -> Self {
        let cancels = matches!(
            provider,
            Provider::OpenAi | Provider::Anthropic | Provider::Together | Provider::Cohere
        );
        self.hidden_output |= !cancels;
        // others bill what they judge
        self.free |= self.operation == Operation::Moderations && *provider == Provider::OpenAi;
        self
    }

    /// Whether the provider bills nothing for it.
    #[must_use]
    pub const fn is_free(&self) -> bool {
        self.free
    }

    pub(super) fn needs(&mut self, capability: Capability) {
        if !self.capabilities.contains(&capability) {
            self.capabilities.push(capability);
        }
    }

    pub(super) fn adds_tools(&mut self) {
        self.prompt_at_most = self.prompt_at_most.saturating_add(TOOL_TOKENS);
    }
}

/// Checks that a member has a name as all providers write theirs: small letters, digits, `_`.
///
/// Some servers fold the case of names, also of `ſ` and the Kelvin sign: to them `Model` is
/// `model`, and the later of the two counts.
pub(super) fn plain_name(name: &str) -> Result<(), Refusal> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    match !name.is_empty() && name.bytes().all(plain) {
        true => Ok(()),
        false => {
            let shown: String = name.escape_debug().take(40).collect();
            Err(Refusal::UnsupportedParameter(format!("\"{shown}\"")))
        }
    }
}

/// As [`plain_name`], for the members of an object inside; `what` names it.
pub(super) fn plain_object<'v, 'a>(
    value: &'v Json<'a>,
    what: &str,
) -> Result<&'v Object<'a>, Refusal> {
    let object = value.as_object();
    let object =
        object.ok_or_else(|| Refusal::InvalidRequest(format!("{what} is not an object")))?;
    object.names().try_for_each(plain_name)?;
    Ok(object)
}
