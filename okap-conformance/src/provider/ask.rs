//! What a request asks for, once its provider's shape is read.

use serde_json::{Map, Value, json};

use super::error::ProviderError;
use super::prompt::Prompt;

/// A request, understood.
#[derive(Debug)]
pub(super) struct Ask {
    pub(super) model: String,
    pub(super) stream: bool,
    /// Whether a chat stream ends with a usage chunk.
    pub(super) usage_chunk: bool,
    /// Completions wanted.
    pub(super) choices: u64,
    /// Completions made and billed for them, where they are more.
    pub(super) tried: u64,
    /// What is billed as a prompt in place of tokens: characters, seconds.
    pub(super) taken: Option<u64>,
    /// What is made in place of words: images, tokens of images or sound.
    pub(super) made: Option<u64>,
    /// Most tokens of one completion.
    pub(super) max: Option<u64>,
    pub(super) prompt: Prompt,
    /// The tool to call instead of speaking.
    pub(super) tool: Option<ToolCall>,
}

/// A call of the app's tool.
#[derive(Clone, Debug)]
pub(super) struct ToolCall {
    pub(super) name: String,
    pub(super) arguments: Value,
}

impl Ask {
    /// Reads `model` and `stream`, which every call has.
    pub(super) fn new(body: &Value) -> Result<Self, ProviderError> {
        let model = body.get("model").and_then(Value::as_str).unwrap_or_default();
        if model.is_empty() {
            return Err(ProviderError::invalid("you must provide a model parameter", "model"));
        }
        let stream = match body.get("stream") {
            None | Some(Value::Null) => false,
            Some(Value::Bool(stream)) => *stream,
            Some(_) => {
                return Err(ProviderError::invalid("'stream' must be a boolean", "stream"));
            }
        };
        Ok(Self { stream, ..Self::of(model) })
    }

    /// The same of a form, whose fields are texts.
    pub(super) fn of_form(body: &Value) -> Result<Self, ProviderError> {
        let mut body = body.clone();
        if let Some(stream) = body.get_mut("stream") {
            *stream = match stream.as_str().map(str::to_ascii_lowercase).as_deref() {
                Some("true") => json!(true),
                Some("false") => json!(false),
                _ => stream.take(),
            };
        }
        Self::new(&body)
    }

    /// A request for a model that stands elsewhere.
    pub(super) fn of(model: &str) -> Self {
        Self {
            model: model.to_owned(),
            stream: false,
            usage_chunk: false,
            choices: 1,
            tried: 0,
            taken: None,
            made: None,
            max: None,
            prompt: Prompt::default(),
            tool: None,
        }
    }

    /// The same for a call that has no stream, whatever it says.
    pub(super) fn unstreamed(self) -> Self {
        Self { stream: false, ..self }
    }

    /// Reads an optional whole number of at least `least`.
    pub(super) fn number(
        body: &Value,
        name: &'static str,
        least: u64,
    ) -> Result<Option<u64>, ProviderError> {
        match body.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => match value.as_u64().filter(|number| *number >= least) {
                Some(number) => Ok(Some(number)),
                None => {
                    let text = format!("Invalid '{name}': expected an integer >= {least}.");
                    Err(ProviderError::invalid(&text, name))
                }
            },
        }
    }

    /// Reads `messages`, which must not be empty.
    pub(super) fn messages(&mut self, body: &Value) -> Result<(), ProviderError> {
        let messages = body.get("messages").and_then(Value::as_array);
        let Some(messages) = messages.filter(|messages| !messages.is_empty()) else {
            return Err(ProviderError::invalid("messages: at least one is required", "messages"));
        };
        messages.iter().for_each(|message| self.prompt.message(message));
        Ok(())
    }

    /// Reads `tools`: the first is called when the user says so, or the request forces it.
    pub(super) fn tools(&mut self, body: &Value) {
        let Some(tools) = body.get("tools") else {
            return;
        };
        self.prompt.json(tools);
        let choice = body.get("tool_choice").unwrap_or(&Value::Null);
        let word = choice.as_str().or_else(|| choice.get("type").and_then(Value::as_str));
        let called = match word.unwrap_or("auto") {
            "none" => false,
            "auto" => self.prompt.last_user.to_lowercase().contains("use the tool"),
            _ => true,
        };
        let named = choice.get("name").or_else(|| choice.pointer("/function/name"));
        let wanted = |tool: &&Value| named.is_none() || function(tool).get("name") == named;
        let tool = tools.as_array().and_then(|tools| tools.iter().find(wanted));
        self.tool = tool.filter(|_| called).map(|tool| {
            let function = function(tool);
            let name = function.get("name").and_then(Value::as_str).unwrap_or("tool");
            let schema = function.get("parameters").or_else(|| function.get("input_schema"));
            ToolCall { name: name.to_owned(), arguments: arguments(schema) }
        });
    }
}

/// The part of a tool that has its name: chat wraps it, the other shapes do not.
fn function(tool: &Value) -> &Value {
    tool.get("function").unwrap_or(tool)
}

/// A plain value for every property of a tool's schema.
fn arguments(schema: Option<&Value>) -> Value {
    let properties = schema.and_then(|schema| schema.get("properties"));
    let sample = |(name, property): (&String, &Value)| {
        let value = match property.get("type").and_then(Value::as_str) {
            Some("integer" | "number") => json!(1),
            Some("boolean") => json!(true),
            Some("array") => json!([]),
            Some("object") => json!({}),
            _ => json!("fixture"),
        };
        (name.clone(), value)
    };
    let members = properties.and_then(Value::as_object);
    Value::Object(members.map_or_else(Map::new, |members| members.iter().map(sample).collect()))
}
