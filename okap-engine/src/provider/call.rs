use okap_types::{
    Capability, ModelId, ParseError, Provider,
    strict::{self, Bounds},
};
use serde_json::{Value, value::RawValue};

use super::{Operation, anthropic, openai};
use crate::refusal::Refusal;

/// Tokens that a chat template may add around a prompt, beyond the bytes of its JSON.
const TEMPLATE_TOKENS: u64 = 64;
/// Tokens that a provider adds when tools are declared.
const TOOL_TOKENS: u64 = 2_048;
/// Nesting of a call's body; tool schemas go deep.
const DEPTH: usize = 100;
/// Members and items of a call's body: each takes many times its bytes in memory. The longest
/// that a provider takes are embeddings of 300,000 token numbers.
const VALUES: usize = 500_000;

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
    /// How many answers it asks for.
    pub answers: u64,
    /// No prompt of this body has more tokens.
    pub prompt_at_most: u64,
    /// Whether the model may think in tokens that the app never sees.
    pub hidden_output: bool,
    /// Whether the app itself asked for usage in the stream.
    pub usage_asked: bool,
    members: Members,
}

/// The members of a body, in order, each as its own JSON text.
#[derive(Clone, Debug, Default)]
pub(super) struct Members(Vec<(String, Box<RawValue>)>);

impl Call {
    /// Reads a call's body, strictly: repeated members, members that would go around the grant
    /// and members of the wrong type are refused.
    ///
    /// # Errors
    /// [`Refusal::InvalidJson`], [`Refusal::DuplicateMember`], [`Refusal::InvalidRequest`],
    /// [`Refusal::UnsupportedParameter`], [`Refusal::NotCovered`].
    pub fn read(operation: Operation, body: &[u8]) -> Result<Self, Refusal> {
        if separators(body) > VALUES {
            let text = format!("request body has more than {VALUES} members and items");
            return Err(Refusal::InvalidRequest(text));
        }
        let bounds = Bounds { bytes: usize::MAX, depth: DEPTH };
        let text = strict::check(body, bounds).map_err(|e| match e {
            ParseError::DuplicateMember(name) => Refusal::DuplicateMember(name),
            other => Refusal::InvalidJson(other.to_string()),
        })?;
        let members = Members::read(text)?;
        for (name, _) in &members.0 {
            plain_name(name)?;
        }
        let model = match members.value("model")? {
            Some(Value::String(model)) => model.parse::<ModelId>(),
            Some(_) => return Err(Refusal::InvalidRequest("model is not a string".into())),
            None => return Err(Refusal::InvalidRequest("model is missing".into())),
        };
        let model = model.map_err(|e| Refusal::InvalidRequest(e.to_string()))?;
        let stream = match members.value("stream")? {
            None | Some(Value::Null) => false,
            Some(Value::Bool(stream)) => stream,
            Some(_) => return Err(Refusal::InvalidRequest("stream is not true or false".into())),
        };
        let mut call = Self {
            capabilities: vec![operation.capability()],
            operation,
            model,
            stream,
            ceiling: None,
            answers: 1,
            prompt_at_most: u64::try_from(body.len())
                .unwrap_or(u64::MAX)
                .saturating_add(TEMPLATE_TOKENS),
            hidden_output: false,
            usage_asked: false,
            members,
        };
        match call.operation {
            Operation::Chat | Operation::Responses | Operation::Embeddings => {
                openai::read(&mut call)?
            }
            Operation::Messages | Operation::CountTokens => anthropic::read(&mut call)?,
            Operation::Models | Operation::Model(_) => {}
        }
        if !call.has_output() {
            call.stream = false;
        }
        Ok(call)
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
        let mut members = self.members.clone();
        match self.operation {
            Operation::Chat => openai::rewrite_chat(self, provider, &mut members, ceiling),
            Operation::Responses => openai::rewrite_responses(provider, &mut members, ceiling),
            Operation::Messages => anthropic::rewrite(&mut members, ceiling),
            _ => {}
        }
        members.write()
    }

    /// Whether the provider generates tokens for it.
    #[must_use]
    pub const fn has_output(&self) -> bool {
        matches!(self.operation, Operation::Chat | Operation::Responses | Operation::Messages)
    }

    /// Whether the provider counts while it still generates, so that only the last count is whole.
    #[must_use]
    pub const fn counts_early(&self) -> bool {
        self.stream && matches!(self.operation, Operation::Messages)
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
        self
    }

    /// Whether the provider bills nothing for it.
    #[must_use]
    pub const fn is_free(&self) -> bool {
        matches!(self.operation, Operation::CountTokens)
    }

    pub(super) const fn members(&self) -> &Members {
        &self.members
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

/// Commas outside of texts; as many as JSON has, up to where it is JSON.
fn separators(body: &[u8]) -> usize {
    let (mut count, mut in_text, mut escaped) = (0_usize, false, false);
    for byte in body {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b',' if !in_text => count = count.saturating_add(1),
            _ => {}
        }
    }
    count
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
pub(super) fn plain_object<'a>(
    value: &'a Value,
    what: &str,
) -> Result<&'a serde_json::Map<String, Value>, Refusal> {
    let object = value.as_object();
    let object =
        object.ok_or_else(|| Refusal::InvalidRequest(format!("{what} is not an object")))?;
    object.keys().try_for_each(|name| plain_name(name))?;
    Ok(object)
}

impl Members {
    fn read(text: &str) -> Result<Self, Refusal> {
        use serde::de::{Deserializer as _, MapAccess, Visitor};
        struct Ordered;
        impl<'de> Visitor<'de> for Ordered {
            type Value = Members;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a JSON object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        serde_json::Deserializer::from_str(text)
            .deserialize_map(Ordered)
            .map_err(|e| Refusal::InvalidRequest(e.to_string()))
    }

    /// A member's value.
    pub(super) fn value(&self, name: &str) -> Result<Option<Value>, Refusal> {
        match self.0.iter().find(|(n, _)| n == name) {
            None => Ok(None),
            Some((_, raw)) => serde_json::from_str(raw.get())
                .map(Some)
                .map_err(|e| Refusal::InvalidRequest(format!("{name}: {e}"))),
        }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(n, raw)| n == name && raw.get() != "null")
    }

    /// The first of the forbidden members that is here with a value.
    pub(super) fn refuse(&self, forbidden: &[&str]) -> Result<(), Refusal> {
        match forbidden.iter().find(|name| self.has(name)) {
            Some(name) => Err(Refusal::UnsupportedParameter((*name).to_owned())),
            None => Ok(()),
        }
    }

    /// A member that is a positive whole number of tokens or answers.
    pub(super) fn count(&self, name: &str) -> Result<Option<u64>, Refusal> {
        let wrong = || {
            Refusal::InvalidRequest(format!("{name} is not a whole number from 1 to 2147483647"))
        };
        match self.value(name)? {
            None | Some(Value::Null) => Ok(None),
            Some(value) => {
                let number = value.as_u64().filter(|n| (1..=2_147_483_647).contains(n));
                number.map(Some).ok_or_else(wrong)
            }
        }
    }

    /// Takes a member away.
    pub(super) fn remove(&mut self, name: &str) {
        self.0.retain(|(n, _)| n != name);
    }

    /// Puts a value in place of a member, or behind the others.
    pub(super) fn set(&mut self, name: &str, value: &Value) {
        let Ok(raw) = serde_json::value::to_raw_value(value) else { return };
        match self.0.iter_mut().find(|(n, _)| n == name) {
            Some((_, old)) => *old = raw,
            None => self.0.push((name.to_owned(), raw)),
        }
    }

    fn write(&self) -> Vec<u8> {
        let mut out = vec![b'{'];
        for (at, (name, raw)) in self.0.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            // a string always has a JSON form
            out.extend(serde_json::to_vec(name).unwrap_or_default());
            out.push(b':');
            out.extend(raw.get().as_bytes());
        }
        out.push(b'}');
        out
    }
}
