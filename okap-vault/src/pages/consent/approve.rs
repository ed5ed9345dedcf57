use std::{collections::BTreeMap, fmt::Display};

use okap_server::Approved;
use okap_types::{
    Count, Limits, ModelAccess, ModelId, Models, Money, Timestamp, model::check_list,
};

use super::draft::{Draft, may_be_unlimited};
use crate::pages::{form::Misfit, show};

/// Why a draft is no approval.
#[derive(Debug)]
pub(super) enum Wrong {
    /// It goes beyond what was asked, which the page does not let happen.
    Misfit(Misfit),
    /// It has slips that the user can put right.
    Mistakes(Mistakes),
}

/// What to tell the user beside each field.
#[derive(Clone, Debug, Default)]
pub(super) struct Mistakes(BTreeMap<&'static str, String>);

impl Mistakes {
    /// How many fields are wrong.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// What is wrong with a field.
    pub(super) fn of(&self, field: &str) -> Option<String> {
        self.0.get(field).cloned()
    }
}

/// Turns what was typed into an approval that is no wider than what was asked.
///
/// # Errors
/// [`Wrong`].
pub(super) fn approve(
    draft: &Draft,
    asked: &ModelAccess,
    end: Timestamp,
    now: Timestamp,
) -> Result<Approved, Wrong> {
    let mut wrong = Collected::default();
    let most = &asked.limits;
    let models = wrong.take("models", models(draft, asked));
    let capabilities = wrong.take("capability", capabilities(draft));
    let limits = Limits {
        monthly_spend: wrong.take("monthly_spend", monthly(draft, asked)).flatten(),
        daily_spend: wrong
            .take("daily_spend", cap(&draft.daily_spend, most.daily_spend, money))
            .flatten(),
        requests_per_minute: wrong
            .take(
                "requests_per_minute",
                cap(&draft.requests_per_minute, most.requests_per_minute, whole),
            )
            .flatten(),
        requests_per_day: wrong
            .take("requests_per_day", cap(&draft.requests_per_day, most.requests_per_day, whole))
            .flatten(),
        tokens_per_request: wrong
            .take(
                "tokens_per_request",
                cap(&draft.tokens_per_request, most.tokens_per_request, whole),
            )
            .flatten(),
    };
    let expires = wrong.take("expires", expires(&draft.expires, end, now));
    match (wrong.misfit, models, capabilities, expires) {
        (Some(misfit), ..) => Err(Wrong::Misfit(misfit)),
        (None, Some(models), Some(capabilities), Some(expires)) if wrong.mistakes.0.is_empty() => {
            Ok(Approved { models, capabilities, limits, expires })
        }
        _ => Err(Wrong::Mistakes(wrong.mistakes)),
    }
}

/// What is wrong with one field.
enum Problem {
    Misfit(String),
    Mistake(String),
}

#[derive(Default)]
struct Collected {
    misfit: Option<Misfit>,
    mistakes: Mistakes,
}

impl Collected {
    fn take<T>(&mut self, field: &'static str, value: Result<T, Problem>) -> Option<T> {
        match value {
            Ok(value) => return Some(value),
            Err(Problem::Misfit(text)) => self.misfit = Some(Misfit(text)),
            Err(Problem::Mistake(text)) => {
                self.mistakes.0.insert(field, text);
            }
        }
        None
    }
}

fn models(draft: &Draft, asked: &ModelAccess) -> Result<Models, Problem> {
    if draft.models_any && asked.models.is_empty() {
        return Ok(Models::Any);
    }
    if draft.models.is_empty() {
        let text = match asked.models.is_empty() {
            true => "Name at least one model, or tick every model.",
            false => "Tick at least one model, or deny.",
        };
        return Err(Problem::Mistake(text.to_owned()));
    }
    if draft.models.iter().any(|model| model == "*") {
        let text = "“*” is no model. To allow all of them, tick every model.";
        return Err(Problem::Mistake(text.to_owned()));
    }
    let mistake = |error: okap_types::model::InvalidModel| Problem::Mistake(sentence(&error));
    let models: Result<Vec<ModelId>, _> = draft.models.iter().map(|model| model.parse()).collect();
    let models = models.map_err(mistake)?;
    check_list(&models).map_err(mistake)?;
    Ok(Models::Listed(models))
}

fn capabilities(draft: &Draft) -> Result<Vec<okap_types::Capability>, Problem> {
    let ticked = draft.capabilities.iter().map(|capability| capability.parse());
    let ticked: Result<Vec<_>, _> = ticked.collect();
    match ticked {
        Ok(ticked) if ticked.is_empty() => {
            Err(Problem::Mistake("Tick at least one of these, or deny.".to_owned()))
        }
        Ok(ticked) => Ok(ticked),
        Err(error) => Err(Problem::Mistake(sentence(&error))),
    }
}

/// The cap that matters most is never absent by a slip: to have none, the user says so.
fn monthly(draft: &Draft, asked: &ModelAccess) -> Result<Option<Money>, Problem> {
    match (may_be_unlimited(asked), draft.no_monthly_limit) {
        (true, true) => Ok(None),
        (true, false) if draft.monthly_spend.is_empty() => {
            Err(Problem::Mistake("Enter an amount, or tick no monthly limit.".to_owned()))
        }
        _ => cap(&draft.monthly_spend, asked.limits.monthly_spend, money),
    }
}

/// A cap: none above the one asked, and none missing where one was asked.
fn cap<T: Ord + Copy>(
    text: &str,
    asked: Option<T>,
    read: impl Fn(&str) -> Result<T, Problem>,
) -> Result<Option<T>, Problem>
where
    Shown<T>: Display,
{
    if text.is_empty() {
        return match asked {
            Some(asked) => Err(Problem::Mistake(format!("Enter {} or less.", Shown(asked)))),
            None => Ok(None),
        };
    }
    match (read(text)?, asked) {
        (value, Some(asked)) if value > asked => Err(Problem::Misfit(format!(
            "{} is more than the {} asked for.",
            Shown(value),
            Shown(asked)
        ))),
        (value, _) => Ok(Some(value)),
    }
}

struct Shown<T>(T);

impl Display for Shown<Money> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} USD", self.0)
    }
}

impl Display for Shown<Count> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&show::count(self.0.get().into()))
    }
}

fn money(text: &str) -> Result<Money, Problem> {
    let hint = "Enter an amount such as 10.50, at most 1000000 and with at most 6 decimals.";
    text.parse().map_err(|_| Problem::Mistake(hint.to_owned()))
}

fn whole(text: &str) -> Result<Count, Problem> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let count = text.parse().ok().and_then(Count::new).filter(|_| digits);
    count.ok_or_else(|| {
        Problem::Mistake(format!(
            "Enter a whole number from 1 to {}.",
            show::count(Count::MAX.into())
        ))
    })
}

/// A day, which means its first moment; the last day that can be chosen means the very end.
fn expires(text: &str, end: Timestamp, now: Timestamp) -> Result<Timestamp, Problem> {
    if text == show::date(end) {
        return Ok(end);
    }
    let day = match text.len() {
        10 => text.parse::<Timestamp>().ok(),
        _ => None,
    };
    match day {
        None => Err(Problem::Mistake("Enter a day as YYYY-MM-DD.".to_owned())),
        Some(day) if day > end => {
            Err(Problem::Misfit(format!("{} is later than {}.", show::day(day), show::moment(end))))
        }
        Some(day) if day <= now => {
            Err(Problem::Mistake("Choose a day that is yet to come.".to_owned()))
        }
        Some(day) => Ok(day),
    }
}

/// An error's text as a sentence on a page.
fn sentence(error: &dyn Display) -> String {
    let text = error.to_string();
    let mut letters = text.chars();
    let first = letters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}
