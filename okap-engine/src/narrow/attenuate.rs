use okap_types::{Capability, Count, Limits, ModelAccess, Models, Money, Provider, Timestamp};

use crate::record::Allowed;

/// Says in what a wish goes beyond what was granted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TooWide {
    /// A provider that was not granted.
    #[error("provider {0} was not granted")]
    Provider(Provider),
    /// Models that no single granted object holds.
    #[error("no object of {0} was granted with all of these models")]
    Models(Provider),
    /// No models, and more than one object they could be taken from.
    #[error("several objects of {0} were granted; name the models")]
    Ambiguous(Provider),
    /// Two objects would allow the same model.
    #[error("two objects of {0} would share a model")]
    Overlap(Provider),
    /// A capability that was not granted.
    #[error("capability {0} was not granted")]
    Capability(Capability),
    /// A cap above the granted one.
    #[error("{0} is above what was granted")]
    Limit(&'static str),
    /// A later end, or one that is past.
    #[error("expires is not between now and {0}, when the access ends")]
    Expiry(Timestamp),
}

/// Narrows what was granted to what is asked: each object within one granted object of its
/// provider (RFC 9396 section 6). Gives that parent beside each.
///
/// What the wish leaves out is inherited. Counters stay the parent's: a lower cap is a lower cap
/// on the same counter.
///
/// # Errors
/// [`TooWide`]; then nothing may be issued.
pub fn attenuate<'a>(
    granted: &'a [Allowed],
    asked: &[ModelAccess],
    now: Timestamp,
) -> Result<Vec<(&'a Allowed, Allowed)>, TooWide> {
    let mut narrowed: Vec<(&Allowed, Allowed)> = Vec::with_capacity(asked.len());
    for wish in asked {
        let parent = parent(granted, wish)?;
        let part = within(parent, wish, now)?;
        let same = narrowed.iter().filter(|(_, earlier)| earlier.provider == part.provider);
        if same.into_iter().any(|(_, earlier)| earlier.models.overlaps(&part.models)) {
            return Err(TooWide::Overlap(part.provider));
        }
        narrowed.push((parent, part));
    }
    Ok(narrowed)
}

/// The one granted object that a wish falls under.
fn parent<'a>(granted: &'a [Allowed], wish: &ModelAccess) -> Result<&'a Allowed, TooWide> {
    let mut of_provider = granted.iter().filter(|g| g.provider == wish.provider).peekable();
    if of_provider.peek().is_none() {
        return Err(TooWide::Provider(wish.provider.clone()));
    }
    if !wish.models.is_empty() {
        let wanted = Models::Listed(wish.models.clone());
        let holds = of_provider.find(|g| wanted.is_subset(&g.models));
        return holds.ok_or_else(|| TooWide::Models(wish.provider.clone()));
    }
    match (of_provider.next(), of_provider.next()) {
        (Some(only), None) => Ok(only),
        _ => Err(TooWide::Ambiguous(wish.provider.clone())),
    }
}

fn within(parent: &Allowed, wish: &ModelAccess, now: Timestamp) -> Result<Allowed, TooWide> {
    if let Some(extra) = wish.capabilities.iter().find(|c| !parent.capabilities.contains(c)) {
        return Err(TooWide::Capability(extra.clone()));
    }
    let expires = wish.expires.unwrap_or(parent.expires);
    if expires > parent.expires || expires <= now {
        return Err(TooWide::Expiry(parent.expires));
    }
    Ok(Allowed {
        models: match wish.models.is_empty() {
            true => parent.models.clone(),
            false => Models::Listed(wish.models.clone()),
        },
        capabilities: match wish.capabilities.is_empty() {
            true => parent.capabilities.clone(),
            false => wish.capabilities.clone(),
        },
        limits: lowered(&parent.limits, &wish.limits)?,
        expires,
        models_refused: Vec::new(),
        ..parent.clone()
    })
}

/// The caps of a child: each inherited, lowered, or added.
fn lowered(parent: &Limits, wish: &Limits) -> Result<Limits, TooWide> {
    fn low<T: Ord + Copy>(
        name: &'static str,
        parent: Option<T>,
        wish: Option<T>,
    ) -> Result<Option<T>, TooWide> {
        match (parent, wish) {
            (Some(cap), Some(wish)) if wish > cap => Err(TooWide::Limit(name)),
            (parent, wish) => Ok(wish.or(parent)),
        }
    }
    let money = |name, parent: Option<Money>, wish| low(name, parent, wish);
    let count = |name, parent: Option<Count>, wish| low(name, parent, wish);
    Ok(Limits {
        monthly_spend: money("monthly_spend", parent.monthly_spend, wish.monthly_spend)?,
        daily_spend: money("daily_spend", parent.daily_spend, wish.daily_spend)?,
        requests_per_minute: count(
            "requests_per_minute",
            parent.requests_per_minute,
            wish.requests_per_minute,
        )?,
        requests_per_day: count(
            "requests_per_day",
            parent.requests_per_day,
            wish.requests_per_day,
        )?,
        tokens_per_request: count(
            "tokens_per_request",
            parent.tokens_per_request,
            wish.tokens_per_request,
        )?,
    })
}
