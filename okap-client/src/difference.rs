use std::fmt;

use okap_types::{
    Capability, Count, GrantedAccess, Limits, ModelAccess, ModelId, Models, Money, Provider,
    Timestamp,
};

/// One point in which a grant is less than the ask.
///
/// ```no_run
/// # fn works(access: okap_client::Access) {
/// use okap_client::Difference;
/// let refused = |d: &Difference| matches!(d, Difference::Refused { .. });
/// let complete = !access.differences().iter().any(refused);
/// # let _ = complete;
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Difference {
    /// Nothing of one object was granted.
    Refused {
        /// The object as it was asked for.
        asked: Box<ModelAccess>,
    },
    /// A model was left out.
    Model {
        /// Whose model.
        provider: Provider,
        /// The model.
        model: ModelId,
    },
    /// A capability was left out.
    Capability {
        /// Whose capability.
        provider: Provider,
        /// The capability.
        capability: Capability,
    },
    /// A cap on money is lower than asked, or was added.
    Money {
        /// Whose models it caps.
        provider: Provider,
        /// The cap by its name on the wire, such as `monthly_spend`.
        limit: &'static str,
        /// The cap asked for; `None` asked for none.
        asked: Option<Money>,
        /// The cap in force.
        granted: Money,
    },
    /// A cap on requests or tokens is lower than asked, or was added.
    Count {
        /// Whose models it caps.
        provider: Provider,
        /// The cap by its name on the wire, such as `requests_per_minute`.
        limit: &'static str,
        /// The cap asked for; `None` asked for none.
        asked: Option<Count>,
        /// The cap in force.
        granted: Count,
    },
    /// Access ends earlier than asked.
    Expires {
        /// Whose access.
        provider: Provider,
        /// The end asked for.
        asked: Timestamp,
        /// The end granted.
        granted: Timestamp,
    },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { asked } => write!(f, "{}: nothing was granted", asked.provider),
            Self::Model { provider, model } => {
                write!(f, "{provider}: model {model} was not granted")
            }
            Self::Capability { provider, capability } => {
                write!(f, "{provider}: {capability} was not granted")
            }
            Self::Money { provider, limit, asked: Some(asked), granted } => {
                write!(f, "{provider}: {limit} is {granted} USD, {asked} USD were asked for")
            }
            Self::Money { provider, limit, asked: None, granted } => {
                write!(f, "{provider}: {limit} is {granted} USD, no limit was asked for")
            }
            Self::Count { provider, limit, asked: Some(asked), granted } => {
                write!(
                    f,
                    "{provider}: {limit} is {}, {} were asked for",
                    granted.get(),
                    asked.get()
                )
            }
            Self::Count { provider, limit, asked: None, granted } => {
                write!(f, "{provider}: {limit} is {}, no limit was asked for", granted.get())
            }
            Self::Expires { provider, asked, granted } => {
                write!(f, "{provider}: ends {granted}, {asked} was asked for")
            }
        }
    }
}

type Pair<T> = (&'static str, Option<T>, Option<T>);

fn money(asked: &Limits, granted: &Limits) -> [Pair<Money>; 2] {
    [
        ("monthly_spend", asked.monthly_spend, granted.monthly_spend),
        ("daily_spend", asked.daily_spend, granted.daily_spend),
    ]
}

fn counts(asked: &Limits, granted: &Limits) -> [Pair<Count>; 3] {
    [
        ("requests_per_minute", asked.requests_per_minute, granted.requests_per_minute),
        ("requests_per_day", asked.requests_per_day, granted.requests_per_day),
        ("tokens_per_request", asked.tokens_per_request, granted.tokens_per_request),
    ]
}

/// Says where a grant goes beyond the ask, if it does.
pub(crate) fn wider(asked: &ModelAccess, granted: &GrantedAccess) -> Option<String> {
    if !asked.models.is_empty() {
        let extra = granted.models.listed().iter().find(|m| !asked.models.contains(m));
        if let Some(model) = extra {
            return Some(format!("model {model}"));
        }
        if granted.models == Models::Any {
            return Some("every model".to_owned());
        }
    }
    if !asked.capabilities.is_empty() {
        let extra = granted.capabilities.iter().find(|c| !asked.capabilities.contains(c));
        if let Some(capability) = extra {
            return Some(format!("capability {capability}"));
        }
    }
    fn above<T: PartialOrd>(pairs: impl IntoIterator<Item = Pair<T>>) -> Option<String> {
        let above = |(_, asked, granted): &Pair<T>| match (asked, granted) {
            (Some(_), None) => true,
            (Some(asked), Some(granted)) => granted > asked,
            (None, _) => false,
        };
        pairs.into_iter().find(above).map(|(name, ..)| format!("limit {name}"))
    }
    let later = asked.expires.is_some_and(|asked| granted.expires > asked);
    above(money(&asked.limits, &granted.limits))
        .or_else(|| above(counts(&asked.limits, &granted.limits)))
        .or_else(|| later.then(|| format!("until {}", granted.expires)))
}

/// Lists where a grant stays behind the ask.
pub(crate) fn narrower(asked: &ModelAccess, granted: Option<&GrantedAccess>) -> Vec<Difference> {
    let Some(granted) = granted else {
        return vec![Difference::Refused { asked: Box::new(asked.clone()) }];
    };
    let provider = || asked.provider.clone();
    let models = asked.models.iter().filter(|m| !granted.models.contains(m.as_str()));
    let models = models.map(|m| Difference::Model { provider: provider(), model: m.clone() });
    let capabilities = asked.capabilities.iter().filter(|c| !granted.capabilities.contains(c));
    let capabilities = capabilities
        .map(|c| Difference::Capability { provider: provider(), capability: c.clone() });
    let money =
        money(&asked.limits, &granted.limits).into_iter().filter_map(|(limit, asked, granted)| {
            let granted = granted.filter(|_| asked != granted)?;
            Some(Difference::Money { provider: provider(), limit, asked, granted })
        });
    let counts =
        counts(&asked.limits, &granted.limits).into_iter().filter_map(|(limit, asked, granted)| {
            let granted = granted.filter(|_| asked != granted)?;
            Some(Difference::Count { provider: provider(), limit, asked, granted })
        });
    let expires = asked
        .expires
        .filter(|asked| granted.expires < *asked)
        .map(|asked| Difference::Expires { provider: provider(), asked, granted: granted.expires });
    models.chain(capabilities).chain(money).chain(counts).chain(expires).collect()
}
