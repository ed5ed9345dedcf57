use std::collections::BTreeSet;

use okap_types::{Capability, ModelAccess, Money, Provider, Timestamp};

use crate::pages::{
    form::{Form, Misfit},
    show::{self, visible},
};

/// The cap on money that the page proposes where the app asked for none.
const SUGGESTED: Money = Money::usd(10);
/// What an app can use that leaves the choice to the user: what this vault has routes for.
const CAPABILITIES: [Capability; 3] =
    [Capability::Chat, Capability::Vision, Capability::Embeddings];

/// What the form says of one details object, in the words that were typed.
#[derive(Clone, Debug, Default)]
pub(super) struct Draft {
    /// Whether the object is wanted at all.
    pub(super) include: bool,
    /// The models ticked, or typed where the app left them to the user.
    pub(super) models: Vec<String>,
    /// Every model of the provider.
    pub(super) models_any: bool,
    /// The capabilities ticked.
    pub(super) capabilities: Vec<String>,
    /// USD in a month.
    pub(super) monthly_spend: String,
    /// No cap on money in a month.
    pub(super) no_monthly_limit: bool,
    /// USD in a day.
    pub(super) daily_spend: String,
    /// Requests in a minute.
    pub(super) requests_per_minute: String,
    /// Requests in a day.
    pub(super) requests_per_day: String,
    /// Tokens of one request.
    pub(super) tokens_per_request: String,
    /// The last day, `YYYY-MM-DD`.
    pub(super) expires: String,
}

/// The capabilities that can be ticked for an object.
pub(super) fn offered(asked: &ModelAccess) -> Vec<Capability> {
    if !asked.capabilities.is_empty() {
        return asked.capabilities.clone();
    }
    let has = |capability: &Capability| {
        asked.provider != Provider::Anthropic || *capability != Capability::Embeddings
    };
    CAPABILITIES.into_iter().filter(has).collect()
}

/// Whether the user may choose to have no cap on money in a month.
pub(super) fn may_be_unlimited(asked: &ModelAccess) -> bool {
    asked.limits.monthly_spend.is_none()
}

impl Draft {
    /// The page's proposal: what was asked, and a cap on money.
    pub(super) fn suggested(asked: &ModelAccess, end: Timestamp) -> Self {
        fn text<T: ToString>(cap: Option<T>) -> String {
            cap.map(|cap| cap.to_string()).unwrap_or_default()
        }
        let limits = &asked.limits;
        let capabilities = match asked.capabilities.as_slice() {
            [] => vec![Capability::Chat.to_string()],
            asked => asked.iter().map(Capability::to_string).collect(),
        };
        Self {
            include: true,
            models: asked.models.iter().map(|model| model.as_str().to_owned()).collect(),
            models_any: false,
            capabilities,
            monthly_spend: limits.monthly_spend.unwrap_or(SUGGESTED).to_string(),
            no_monthly_limit: false,
            daily_spend: text(limits.daily_spend),
            requests_per_minute: text(limits.requests_per_minute.map(|count| count.get())),
            requests_per_day: text(limits.requests_per_day.map(|count| count.get())),
            tokens_per_request: text(limits.tokens_per_request.map(|count| count.get())),
            expires: show::date(end),
        }
    }

    fn of(form: &Form, at: usize, asked: &ModelAccess) -> Result<Self, Misfit> {
        let name = |field: &str| format!("{field}.{at}");
        let text = |field| form.one(&name(field)).map(|v| v.unwrap_or_default().trim().to_owned());
        let models = match asked.models.is_empty() {
            false => {
                ticked(form, &name("model"), asked.models.iter().map(|m| m.as_str()), "model")?
            }
            true => lines(form.many(&name("models_extra"))),
        };
        let offered = offered(asked);
        let offered = offered.iter().map(Capability::as_str);
        Ok(Self {
            include: form.ticked(&name("include"))?,
            models,
            models_any: form.ticked(&name("models_any"))?,
            capabilities: ticked(form, &name("capability"), offered, "capability")?,
            monthly_spend: text("monthly_spend")?,
            no_monthly_limit: form.ticked(&name("no_monthly_limit"))?,
            daily_spend: text("daily_spend")?,
            requests_per_minute: text("requests_per_minute")?,
            requests_per_day: text("requests_per_day")?,
            tokens_per_request: text("tokens_per_request")?,
            expires: text("expires")?,
        })
    }
}

/// Reads the drafts of all objects from the form.
///
/// # Errors
/// [`Misfit`] for a field that the page does not have, or a choice that it does not offer.
pub(super) fn typed(form: &Form, asked: &[ModelAccess]) -> Result<Vec<Draft>, Misfit> {
    let mut names: BTreeSet<String> = ["csrf", "shown", "action"].map(str::to_owned).into();
    for (at, access) in asked.iter().enumerate() {
        let always = [
            "include",
            "capability",
            "monthly_spend",
            "daily_spend",
            "requests_per_minute",
            "requests_per_day",
            "tokens_per_request",
            "expires",
        ];
        names.extend(always.map(|field| format!("{field}.{at}")));
        let models: &[&str] = match access.models.is_empty() {
            true => &["models_extra", "models_any"],
            false => &["model"],
        };
        names.extend(models.iter().map(|field| format!("{field}.{at}")));
        if may_be_unlimited(access) {
            names.insert(format!("no_monthly_limit.{at}"));
        }
    }
    if let Some(name) = form.names().find(|name| !names.contains(*name)) {
        return Err(Misfit(format!("This page has no field “{}”.", visible(name))));
    }
    asked.iter().enumerate().map(|(at, access)| Draft::of(form, at, access)).collect()
}

/// The ticks of a group, each one of those offered and none twice; in the order offered.
fn ticked<'a>(
    form: &Form,
    name: &str,
    offered: impl Iterator<Item = &'a str>,
    what: &str,
) -> Result<Vec<String>, Misfit> {
    let ticks = form.many(name);
    let left: Vec<String> =
        offered.filter(|o| ticks.iter().any(|t| t == o)).map(str::to_owned).collect();
    if let Some(other) = ticks.iter().find(|tick| !left.contains(tick)) {
        return Err(Misfit(format!("The {what} “{}” was not asked for.", visible(other))));
    }
    match ticks.len() == left.len() {
        true => Ok(left),
        false => Err(Misfit(format!("A {what} stands there twice."))),
    }
}

/// What was typed into several fields, or several lines of one; each once.
fn lines(values: &[String]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in values.iter().flat_map(|value| value.lines()).map(str::trim) {
        if !line.is_empty() && !lines.iter().any(|earlier| earlier == line) {
            lines.push(line.to_owned());
        }
    }
    lines
}
