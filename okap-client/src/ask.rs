use okap_types::{GrantedAccess, Limits, ModelAccess, ModelId, access::check_details};
use serde::{Deserialize, Serialize};

use crate::{Error, error::Kind};

/// How often the same may be asked for in a row.
const MOST_TIMES: u8 = 3;

/// What an app asks for: 1 to 16 details objects.
///
/// Two objects of one provider name different models; at most one of them leaves the models to
/// the user.
///
/// ```
/// use okap_client::{Ask, ModelAccess, Provider};
/// let one: Ask = ModelAccess::new(Provider::OpenAi).into();
/// let two: Ask = [ModelAccess::new(Provider::OpenAi), ModelAccess::new(Provider::Groq)].into();
/// assert_eq!((one.access().len(), two.access().len()), (1, 2));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ask {
    details: Vec<ModelAccess>,
    /// How often the same was asked for before, in a row.
    #[serde(default)]
    repeats: u8,
}

impl Ask {
    /// The objects asked for.
    #[must_use]
    pub fn access(&self) -> &[ModelAccess] {
        &self.details
    }

    /// Finds out here what the vault would refuse anyway.
    pub(crate) fn check(self) -> Result<Self, Error> {
        check_details(&self.details).map_err(Error::ask)?;
        Ok(self)
    }

    /// This and more; `granted` says what the user chose where the app had left it open.
    pub(crate) fn and(&self, more: Self, granted: &[GrantedAccess]) -> Result<Self, Error> {
        let more = more.check()?;
        let mut details = self.details.clone();
        for mut wish in more.details {
            // it may join objects that were apart before
            while let Some(at) = details.iter().position(|d| meet(d, &wish)) {
                let mut earlier = details.remove(at);
                if earlier.capabilities.is_empty() && !wish.capabilities.is_empty() {
                    let chosen = granted.iter().filter(|g| is_of(g, &earlier));
                    earlier.capabilities = chosen.flat_map(|g| g.capabilities.clone()).collect();
                }
                wish = join(earlier, wish);
            }
            details.push(wish);
        }
        Self { details, repeats: 0 }.check()?.after(self)
    }

    /// This, asked for after another: counts where it is the same again.
    pub(crate) fn after(self, earlier: &Self) -> Result<Self, Error> {
        let again = self.details.len() == earlier.details.len()
            && self.details.iter().all(|d| earlier.details.iter().any(|e| same(d, e)));
        let repeats = match again {
            true => earlier.repeats.saturating_add(1).max(self.repeats),
            false => self.repeats,
        };
        if repeats >= MOST_TIMES {
            let text = format!("the same was asked for {MOST_TIMES} times in a row");
            return Err(Error::new(Kind::InvalidRequest, text));
        }
        Ok(Self { repeats, ..self })
    }
}

/// Whether two objects cannot stand beside each other.
fn meet(one: &ModelAccess, two: &ModelAccess) -> bool {
    one.provider == two.provider
        && (one.models.iter().any(|m| two.models.contains(m))
            || (one.models.is_empty() && two.models.is_empty()))
}

/// Whether an object was granted for one that was asked for.
fn is_of(granted: &GrantedAccess, asked: &ModelAccess) -> bool {
    let named = |m: &ModelId| granted.models.contains(m.as_str());
    granted.provider == asked.provider
        && (asked.models.is_empty() || asked.models.iter().any(named))
}

/// Whether two objects differ in nothing but words.
fn same(one: &ModelAccess, two: &ModelAccess) -> bool {
    let words = |a: &ModelAccess| ModelAccess { reason: None, ..a.clone() };
    words(one) == words(two)
}

/// One object that covers two.
fn join(one: ModelAccess, two: ModelAccess) -> ModelAccess {
    ModelAccess {
        models: both(one.models, two.models),
        capabilities: both(one.capabilities, two.capabilities),
        limits: Limits {
            monthly_spend: higher(one.limits.monthly_spend, two.limits.monthly_spend),
            daily_spend: higher(one.limits.daily_spend, two.limits.daily_spend),
            requests_per_minute: higher(
                one.limits.requests_per_minute,
                two.limits.requests_per_minute,
            ),
            requests_per_day: higher(one.limits.requests_per_day, two.limits.requests_per_day),
            tokens_per_request: higher(
                one.limits.tokens_per_request,
                two.limits.tokens_per_request,
            ),
        },
        expires: higher(one.expires, two.expires),
        reason: two.reason.or(one.reason),
        ..one
    }
}

/// All of two lists.
fn both<T: PartialEq>(mut one: Vec<T>, two: Vec<T>) -> Vec<T> {
    for item in two {
        if !one.contains(&item) {
            one.push(item);
        }
    }
    one
}

/// The higher of two caps. One that only one side has stays: who asks for one more capability
/// does not ask for the end of a limit.
fn higher<T: Ord>(one: Option<T>, two: Option<T>) -> Option<T> {
    one.max(two)
}

impl From<ModelAccess> for Ask {
    fn from(access: ModelAccess) -> Self {
        vec![access].into()
    }
}

impl From<Vec<ModelAccess>> for Ask {
    fn from(details: Vec<ModelAccess>) -> Self {
        Self { details, repeats: 0 }
    }
}

impl<const N: usize> From<[ModelAccess; N]> for Ask {
    fn from(access: [ModelAccess; N]) -> Self {
        Vec::from(access).into()
    }
}
