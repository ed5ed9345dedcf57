use okap_types::{ModelAccess, Reason, Timestamp};

use super::{
    approve::Mistakes,
    draft::{Draft, may_be_unlimited, offered},
};
use crate::pages::show;

/// Fields that stand empty where the user types models.
const BLANK: usize = 3;
/// Fields that are added where all are in use.
const MORE: usize = 2;

/// One details object on the page.
#[derive(Debug)]
pub(super) struct Part<'a> {
    /// Its place in the request; the end of every field's name.
    pub(super) at: usize,
    /// Whether there are others, and this one can be left out.
    pub(super) several: bool,
    pub(super) include: bool,
    pub(super) provider: &'a str,
    pub(super) reason: Option<&'a str>,
    /// The models asked for; empty where they are the user's choice.
    pub(super) models: Vec<Tick>,
    /// The models typed, and room for more.
    pub(super) lines: Vec<String>,
    pub(super) models_any: bool,
    /// The models that the price book knows.
    pub(super) known: Vec<String>,
    pub(super) models_mistake: Option<String>,
    pub(super) capabilities: Vec<Tick>,
    pub(super) capabilities_mistake: Option<String>,
    pub(super) monthly: Field,
    /// Whether no monthly limit is ticked; `None` where the app asked for one.
    pub(super) unlimited: Option<bool>,
    /// Other caps that the app asked for.
    pub(super) limits: Vec<Field>,
    /// Caps that the user may add.
    pub(super) more: Vec<Field>,
    /// Whether those are in use.
    pub(super) more_open: bool,
    pub(super) expires: Field,
}

/// A box to tick.
#[derive(Debug)]
pub(super) struct Tick {
    pub(super) value: String,
    /// The value with nothing hidden in it.
    pub(super) label: String,
    pub(super) hint: &'static str,
    pub(super) ticked: bool,
}

/// A field to fill in.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) id: String,
    pub(super) label: &'static str,
    pub(super) unit: &'static str,
    /// The kind of the input: `number` or `date`.
    pub(super) kind: &'static str,
    pub(super) value: String,
    pub(super) least: String,
    pub(super) most: Option<String>,
    pub(super) step: &'static str,
    pub(super) hint: String,
    pub(super) mistake: Option<String>,
    pub(super) required: bool,
}

impl<'a> Part<'a> {
    /// An object with what was typed so far. `end` is the latest end it can have, `known` are
    /// models to offer.
    pub(super) fn new(
        at: usize,
        asked: &'a ModelAccess,
        draft: Draft,
        mistakes: Mistakes,
        end: Timestamp,
        known: Vec<String>,
    ) -> Self {
        let caps = [
            cap(at, &mistakes, &DAILY, draft.daily_spend, asked.limits.daily_spend),
            count(
                at,
                &mistakes,
                &PER_MINUTE,
                draft.requests_per_minute,
                asked.limits.requests_per_minute,
            ),
            count(at, &mistakes, &PER_DAY, draft.requests_per_day, asked.limits.requests_per_day),
            count(
                at,
                &mistakes,
                &TOKENS,
                draft.tokens_per_request,
                asked.limits.tokens_per_request,
            ),
        ];
        let (limits, more): (Vec<_>, Vec<_>) = caps.into_iter().partition(|field| field.required);
        let more_open = more.iter().any(|field| !field.value.is_empty() || field.mistake.is_some());
        let mut monthly =
            cap(at, &mistakes, &MONTHLY, draft.monthly_spend, asked.limits.monthly_spend);
        let unlimited = may_be_unlimited(asked).then_some(draft.no_monthly_limit);
        if unlimited.is_some() {
            monthly.hint = format!(
                "The app names no limit; this one is the vault’s proposal. {}",
                MONTHLY.resets
            );
        }
        Self {
            at,
            several: false,
            include: draft.include,
            provider: show::provider(&asked.provider),
            reason: asked.reason.as_ref().map(Reason::as_str).filter(|reason| !reason.is_empty()),
            models: ticks(asked.models.iter().map(|m| (m.as_str(), "")), &draft.models),
            lines: lines(asked, &draft.models),
            models_any: draft.models_any,
            known,
            models_mistake: mistakes.of("models"),
            capabilities: ticks(
                offered(asked).iter().map(|c| (c.as_str(), show::capability(c))),
                &draft.capabilities,
            ),
            capabilities_mistake: mistakes.of("capability"),
            monthly,
            unlimited,
            limits,
            more,
            more_open,
            expires: expires(at, &mistakes, draft.expires, end),
        }
    }

    /// How many models the price book knows, in words that fit a hint.
    pub(super) fn known_count(&self) -> String {
        show::count(self.known.len().try_into().unwrap_or(u64::MAX))
    }
}

fn ticks<'a>(
    offered: impl Iterator<Item = (&'a str, &'static str)>,
    ticked: &[String],
) -> Vec<Tick> {
    let tick = |(value, hint): (&str, &'static str)| Tick {
        value: value.to_owned(),
        label: show::visible(value).into_owned(),
        hint,
        ticked: ticked.iter().any(|ticked| ticked == value),
    };
    offered.map(tick).collect()
}

fn lines(asked: &ModelAccess, typed: &[String]) -> Vec<String> {
    if !asked.models.is_empty() {
        return Vec::new();
    }
    let room = BLANK.max(typed.len() + MORE).min(okap_types::model::MAX_MODELS.max(typed.len()));
    let blank = std::iter::repeat_with(String::new);
    typed.iter().cloned().chain(blank).take(room).collect()
}

/// The words around a cap.
struct Words {
    field: &'static str,
    label: &'static str,
    unit: &'static str,
    resets: &'static str,
}

const MONTHLY: Words = Words {
    field: "monthly_spend",
    label: "Money per month",
    unit: "USD",
    resets: "Resets on the 1st, 00:00 UTC.",
};
const DAILY: Words = Words {
    field: "daily_spend",
    label: "Money per day",
    unit: "USD",
    resets: "Resets every day, 00:00 UTC.",
};
const PER_MINUTE: Words = Words {
    field: "requests_per_minute",
    label: "Requests per minute",
    unit: "",
    resets: "Counted over any 60 seconds.",
};
const PER_DAY: Words = Words {
    field: "requests_per_day",
    label: "Requests per day",
    unit: "",
    resets: "Resets every day, 00:00 UTC.",
};
const TOKENS: Words = Words {
    field: "tokens_per_request",
    label: "Tokens per request",
    unit: "",
    resets: "Prompt and answer together.",
};

fn field(
    at: usize,
    mistakes: &Mistakes,
    words: &Words,
    value: String,
    most: Option<(String, String)>,
) -> Field {
    let (hint, most) = match most {
        Some((shown, most)) => (format!("Asked: {shown}. {}", words.resets), Some(most)),
        None => (format!("Empty for no limit. {}", words.resets), None),
    };
    Field {
        name: format!("{}.{at}", words.field),
        id: format!("{}-{at}", words.field),
        label: words.label,
        unit: words.unit,
        kind: "number",
        value,
        least: "0".to_owned(),
        required: most.is_some(),
        most,
        step: "any",
        hint,
        mistake: mistakes.of(words.field),
    }
}

fn cap(
    at: usize,
    mistakes: &Mistakes,
    words: &Words,
    value: String,
    asked: Option<okap_types::Money>,
) -> Field {
    let most = asked.map(|asked| (format!("{asked} USD"), asked.to_string()));
    field(at, mistakes, words, value, most)
}

fn count(
    at: usize,
    mistakes: &Mistakes,
    words: &Words,
    value: String,
    asked: Option<okap_types::Count>,
) -> Field {
    let most = asked.map(|asked| (show::count(asked.get().into()), asked.get().to_string()));
    Field { least: "1".to_owned(), step: "1", ..field(at, mistakes, words, value, most) }
}

fn expires(at: usize, mistakes: &Mistakes, value: String, end: Timestamp) -> Field {
    Field {
        name: format!("expires.{at}"),
        id: format!("expires-{at}"),
        label: "Ends on",
        unit: "",
        kind: "date",
        value,
        least: String::new(),
        most: Some(show::date(end)),
        step: "1",
        hint: format!("Latest: {}. An earlier day ends at its 00:00 UTC.", show::moment(end)),
        mistake: mistakes.of("expires"),
        required: true,
    }
}
