//! The rules of one call: may it go, with which ceiling, and what is held for it.

use okap_types::{Provider, Timestamp};

use crate::{
    ledger::{Chain, Denial, Hold},
    pico::Pico,
    price::{ModelPrice, Usage},
    provider::{Call, Metered, Operation},
    record::{Access, Allowed, Grant},
    refusal::{Limit, Refusal},
};

/// The ceiling that is set where the app gives none: what every model accepts. A higher one than
/// a model's own makes OpenAI refuse the call.
const OUTPUT_CEILING: u64 = 4_096;

/// The same for completions of a text.
const COMPLETION_CEILING: u64 = 16;

/// Models that are known to accept more, by the beginning of their names; the first counts.
const OUTPUT_CEILINGS: &[(&str, u64)] = &[
    ("gpt-4o-2024-05-13", 4_096),
    ("gpt-4o", 16_384),
    ("gpt-4.1", 32_768),
    ("gpt-5-chat", 16_384),
    ("gpt-5", 32_768),
    ("gpt-6", 32_768),
    ("o1", 32_768),
    ("o3", 32_768),
    ("o4", 32_768),
];

/// Models that are billed for what they do beside their tokens, whatever the call asks.
const BILLED_BESIDE: &[&str] =
    &["-search-preview", "-search-api", "deep-research", "compound", ":online"];

/// Whether a token is alive: neither it nor its grant nor any grant above has ended.
///
/// # Errors
/// [`Refusal::InvalidToken`] where a grant above is missing, [`Refusal::TokenRevoked`],
/// [`Refusal::TokenExpired`].
pub fn alive(
    grant: &Grant,
    ancestors: &[Grant],
    token: &Access,
    now: Timestamp,
) -> Result<(), Refusal> {
    if ancestors.len() != grant.ancestors.len() {
        return Err(Refusal::InvalidToken);
    }
    let family = || std::iter::once(grant).chain(ancestors);
    if family().any(|g| g.revoked.is_some()) {
        return Err(Refusal::TokenRevoked);
    }
    let ends = family().map(Grant::expires).fold(token.expires, Timestamp::min);
    match ends <= now {
        true => Err(Refusal::TokenExpired(ends)),
        false => Ok(()),
    }
}

/// Finds the parts of a token that a call to a provider may fall under.
///
/// # Errors
/// [`Refusal::TokenExpired`], [`Refusal::ProviderNotAllowed`].
pub fn parts<'a>(
    access: &'a [Allowed],
    provider: &Provider,
    now: Timestamp,
) -> Result<Vec<&'a Allowed>, Refusal> {
    let of_provider: Vec<_> = access.iter().filter(|a| a.provider == *provider).collect();
    match of_provider.iter().map(|a| a.expires).max() {
        None => Err(Refusal::ProviderNotAllowed(provider.to_string())),
        Some(ends) if ends <= now => Err(Refusal::TokenExpired(ends)),
        Some(_) => Ok(of_provider),
    }
}

/// Finds the one details object that allows a call.
///
/// # Errors
/// [`Refusal::ModelNotAllowed`], [`Refusal::CapabilityNotAllowed`], [`Refusal::TokenExpired`].
pub fn allowed<'a>(
    parts: &[&'a Allowed],
    call: &Call,
    now: Timestamp,
) -> Result<&'a Allowed, Refusal> {
    let Some(part) = parts.iter().find(|a| a.models.contains(call.model.as_str())) else {
        // an app that lacks the capability everywhere learns that first
        for capability in &call.capabilities {
            if !parts.iter().any(|a| a.capabilities.contains(capability)) {
                return Err(Refusal::CapabilityNotAllowed(capability.clone()));
            }
        }
        let allowed = parts.iter().flat_map(|a| a.models.listed()).cloned().collect();
        return Err(Refusal::ModelNotAllowed { model: call.model.to_string(), allowed });
    };
    if let Some(missing) = call.capabilities.iter().find(|c| !part.capabilities.contains(c)) {
        return Err(Refusal::CapabilityNotAllowed(missing.clone()));
    }
    if part.expires <= now {
        return Err(Refusal::TokenExpired(part.expires));
    }
    Ok(part)
}

/// A call that may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admitted {
    /// What is counted for it until it is settled.
    pub hold: Hold,
    /// The output ceiling to forward; `None` leaves the call as it is.
    pub ceiling: Option<u64>,
    /// Whether the ceiling is below what the app asked for.
    pub lowered: bool,
}

/// Admits a call against the accounts it counts in: bounds what the provider could bill, lowers
/// the output ceiling where the money left asks for it, and holds the bound.
///
/// # Errors
/// [`Refusal::ModelNotPriced`], also for a model that is billed beside its tokens;
/// [`Refusal::SpendLimitExceeded`], [`Refusal::TokensPerRequest`], [`Refusal::RequestsPerMinute`],
/// [`Refusal::RequestsPerDay`]; [`Denial::Uncovered`] where a lease has to be renewed first.
pub fn admit(
    chain: &mut Chain,
    call: &Call,
    price: Option<&ModelPrice>,
    now: Timestamp,
) -> Result<Admitted, Denial> {
    let mut ceiling = call.ceiling;
    let unasked = unasked_ceiling(call, price);
    if let Some(most) = chain.tokens_per_request() {
        ceiling = within_tokens(call, most.get().into(), unasked)
            .map_err(|could| Refusal::TokensPerRequest { could, most })?;
    }
    if call.is_free() || !chain.has_money() {
        // no cap here, but the account may stand under one elsewhere
        let output = output_of(call, Some(ceiling.unwrap_or(unasked)));
        let bound = price.and_then(|p| bound(call, p, output));
        let bound = bound.filter(|_| !call.is_free()).unwrap_or_default();
        let hold = chain.hold(bound, now)?;
        return Ok(Admitted { hold, ceiling, lowered: ceiling != call.ceiling });
    }
    let priced = price.filter(|p| covers(call, p) && !billed_beside(call, p));
    let price = priced.ok_or_else(|| Refusal::ModelNotPriced(call.model.to_string()))?;
    if let Some(what) = call.unbounded {
        return Err(Refusal::UnsupportedParameter(what.to_owned()).into());
    }
    // rates first: a call over its rate learns that, and holds nothing
    chain.fits_rates(now)?;
    // where nothing is left, what costs nothing still goes
    let left = chain.money_left(now).ok().flatten().unwrap_or_default();
    if call.has_output() {
        let wanted = ceiling.unwrap_or(unasked);
        let all = price.affordable_output(left, call.prompt_at_most);
        let each = all.unwrap_or(0) / call.answers.max(1);
        if all.is_none() || each < wanted.min(call.least_output()) {
            return Err(too_dear(chain, now).into());
        }
        ceiling = Some(wanted.min(each));
    }
    let bound = bound(call, price, output_of(call, ceiling));
    let bound = bound.ok_or_else(|| too_dear(chain, now))?;
    let hold = chain.hold(bound, now)?;
    let lowered = call.has_output() && ceiling != call.ceiling;
    Ok(Admitted { hold, ceiling, lowered })
}

/// What a call used and cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// What was used.
    pub usage: Usage,
    /// What it cost.
    pub cost: Pico,
    /// Whether `usage` is a bound and not the provider's own count.
    pub estimated: bool,
}

/// Settles an answer: by the provider's own count, or where it gave none by the bound of what
/// came through, never 0.
#[must_use]
pub fn settle(
    call: &Call,
    admitted: &Admitted,
    metered: &Metered,
    price: Option<&ModelPrice>,
) -> Settlement {
    // a count before the end is one so far: only the last one is whole
    let counted = match call.is_free() {
        true => Some(metered.usage.unwrap_or_default()),
        false => metered.usage.filter(|_| metered.complete),
    };
    let usage = counted.unwrap_or_else(|| {
        let early = metered.usage.unwrap_or_default();
        let ceiling = admitted.ceiling.map(|c| c.saturating_mul(call.answers));
        let through = match ceiling.or(Some(call.output_at_most).filter(|most| *most > 0)) {
            // what the model thought in silence is billed too, and nobody saw it
            Some(ceiling) if call.hidden_output => ceiling,
            Some(ceiling) => metered.delivered.min(ceiling),
            None => metered.delivered,
        };
        let input = if early.input > 0 { early.input } else { call.prompt_at_most };
        let output = early.output.max(through);
        match call.operation {
            // tokens of images are the dearer ones
            Operation::Images | Operation::ImageEdits => {
                Usage { input, output, input_image: input, output_image: output, ..early }
            }
            _ => Usage { input, output, ..early },
        }
    });
    let usage = with_units(call, metered, usage);
    // what is billed by the thing is known exactly once the things are there
    let by_unit = metered.complete
        && (call.units.seconds == 0 || metered.seconds > 0)
        && price.is_some_and(|price| price.by_unit(&usage).is_some());
    let estimated = counted.is_none() && !by_unit;
    Settlement { usage, cost: charge(call, admitted, price, &usage, estimated), estimated }
}

/// Settles a call whose answer never came: the whole bound, for the provider may bill it.
#[must_use]
pub fn settle_unanswered(call: &Call, admitted: &Admitted) -> Settlement {
    let output = output_of(call, admitted.ceiling);
    let usage = Usage { input: call.prompt_at_most, output, ..call.units };
    Settlement { usage, cost: admitted.hold.amount, estimated: true }
}

/// Settles a call that the provider did not take: nothing.
#[must_use]
pub fn settle_refused() -> Settlement {
    Settlement { usage: Usage::default(), cost: Pico::default(), estimated: false }
}

fn charge(
    call: &Call,
    admitted: &Admitted,
    price: Option<&ModelPrice>,
    usage: &Usage,
    estimated: bool,
) -> Pico {
    let held = admitted.hold.amount;
    let bounded = held > Pico::default() && (admitted.ceiling.is_some() || !call.has_output());
    match price {
        _ if call.is_free() => Pico::default(),
        None => Pico::default(),
        // a count that overflows is no count: the hold stands
        Some(price) => match price.cost(usage) {
            None => held,
            Some(cost) if estimated && bounded => cost.min(held),
            Some(cost) => cost,
        },
    }
}

/// Output tokens of all answers together, at most.
const fn output_of(call: &Call, ceiling: Option<u64>) -> u64 {
    match ceiling {
        Some(ceiling) if call.has_output() => ceiling.saturating_mul(call.answers),
        _ => call.output_at_most,
    }
}

/// What a call costs at most: by the thing, where the model has a price for it, or by tokens.
fn bound(call: &Call, price: &ModelPrice, output: u64) -> Option<Pico> {
    price.by_unit(&call.units).unwrap_or_else(|| price.bound(call.prompt_at_most, output))
}

/// Whether all that a call can be billed for has a price.
fn covers(call: &Call, price: &ModelPrice) -> bool {
    let makes = call.has_output() || call.output_at_most > 0;
    price.by_unit(&call.units).is_some()
        || price.has_input_price() && (!makes || price.has_output_price())
}

/// Adds what is counted beside tokens: as the provider counted it, else as the call says.
fn with_units(call: &Call, metered: &Metered, usage: Usage) -> Usage {
    let counted = |metered: u64, asked: u64| if metered > 0 { metered } else { asked };
    let images = if call.units.images > 0 { metered.images } else { 0 };
    // what a recording can last is of no interest where its tokens are known
    let lasts = if metered.usage.is_some() { 0 } else { call.units.seconds };
    Usage {
        characters: call.units.characters,
        seconds: counted(metered.seconds, lasts),
        images: counted(images, call.units.images),
        ..usage
    }
}

fn unasked_ceiling(call: &Call, price: Option<&ModelPrice>) -> u64 {
    if call.operation == Operation::Completions {
        // what the providers themselves take where nothing is said
        return COMPLETION_CEILING;
    }
    let name = call.model.as_str();
    let known = OUTPUT_CEILINGS.iter().find(|(begin, _)| name.starts_with(begin));
    let most = known.map_or(OUTPUT_CEILING, |(_, most)| *most);
    // prompt and answer share the window
    price.and_then(ModelPrice::context_window).map_or(most, |window| most.min(window / 2).max(1))
}

fn billed_beside(call: &Call, price: &ModelPrice) -> bool {
    // tools that search are refused, so that what searches cost comes with these models alone
    price.other_charges().any(|charge| !charge.ends_with("_searches"))
        || BILLED_BESIDE.iter().any(|part| call.model.as_str().contains(part))
}

fn within_tokens(call: &Call, most: u64, unasked: u64) -> Result<Option<u64>, u64> {
    let room = most.checked_sub(call.prompt_at_most).ok_or(call.prompt_at_most)?;
    if !call.has_output() {
        return match call.output_at_most > room {
            true => Err(call.prompt_at_most.saturating_add(call.output_at_most)),
            false => Ok(call.ceiling),
        };
    }
    let room = room / call.answers.max(1);
    match call.ceiling {
        Some(asked) if asked > room => {
            Err(call.prompt_at_most.saturating_add(asked.saturating_mul(call.answers)))
        }
        Some(asked) => Ok(Some(asked)),
        None if room == 0 => Err(call.prompt_at_most.saturating_add(1)),
        None => Ok(Some(room.min(unasked))),
    }
}

fn too_dear(chain: &Chain, now: Timestamp) -> Refusal {
    let windows = chain.used(now).flat_map(|(limits, used)| {
        let month =
            limits.monthly_spend.map(|cap| (Limit::Month, cap, used.month, used.month_ends));
        let day = limits.daily_spend.map(|cap| (Limit::Day, cap, used.day, used.day_ends));
        [month, day]
    });
    let left = |(_, cap, used, _): &(_, okap_types::Money, Pico, _)| {
        Pico::from_micros(cap.micros()).unwrap_or_default().saturating_sub(*used)
    };
    match windows.flatten().min_by_key(left) {
        Some((limit, cap, used, resets_at)) => {
            Refusal::SpendLimitExceeded { limit, cap, used, resets_at }
        }
        None => Refusal::VaultUnavailable,
    }
}
