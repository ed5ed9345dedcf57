use okap_engine::{address::base_url, ledger::Used, pico::Pico, record::Allowed};
use okap_server::Grant;
use okap_types::{Capability, Count, GrantId, Models, Money, Timestamp};

use crate::{
    family::{Family, State},
    pages::{
        Site,
        caller::Caller,
        show::{self, visible},
    },
};

impl State {
    /// The state in a word.
    pub(in crate::pages) fn word(self) -> &'static str {
        match self {
            Self::Active(_) => "Active",
            Self::Expired(_) => "Expired",
            Self::Revoked(_) => "Revoked",
        }
    }

    /// The style that marks it.
    pub(in crate::pages) fn class(self) -> &'static str {
        if self.is_active() { "active" } else { "over" }
    }
}

/// A grant on a page.
#[derive(Debug)]
pub(super) struct Card {
    pub(super) id: String,
    pub(super) app: Caller,
    pub(super) state: State,
    pub(super) created: String,
    /// The day that it ends, or the day that it was revoked.
    pub(super) ends: String,
    /// The exact moment of that.
    pub(super) ends_at: String,
    pub(super) objects: Vec<Object>,
    /// The grant that it was handed on from.
    pub(super) parent: Option<String>,
    /// Whom it was handed on to.
    pub(super) delegate: Option<String>,
    /// How many grants were handed on from it, and how many of those, and of those below, are
    /// active.
    pub(super) handed_on: usize,
    pub(super) end_with: usize,
}

impl Card {
    pub(super) fn new(grant: &Grant, used: &[Used], family: &Family<'_>, site: &Site) -> Self {
        let (now, state) = (site.pages.control.now(), family.state(grant));
        let objects = grant.access.iter().zip(used).map(|(access, used)| {
            let address = base_url(&site.pages.issuer, &access.provider).to_string();
            Object::new(access, used, address, now)
        });
        Self {
            id: grant.id.to_string(),
            app: Caller::of(&grant.app),
            state,
            created: show::moment(grant.created),
            ends: show::day(state.end()),
            ends_at: show::moment(state.end()),
            objects: objects.collect(),
            // also where the record of that one is gone
            parent: grant.ancestors.first().map(GrantId::to_string),
            delegate: grant.delegate.as_ref().map(|name| name.as_str().to_owned()),
            handed_on: family.children(&grant.id).len(),
            end_with: family.end_with(&grant.id),
        }
    }

    /// Whom it was handed on to, in a sentence.
    pub(super) fn delegate(&self) -> &str {
        self.delegate.as_deref().unwrap_or("a program without a name")
    }
}

/// A grant in a list of those that were handed on.
#[derive(Debug)]
pub(super) struct HandedOn {
    pub(super) id: String,
    pub(super) delegate: Option<String>,
    pub(super) state: State,
    pub(super) ends: String,
}

impl HandedOn {
    pub(super) fn new(grant: &Grant, family: &Family<'_>) -> Self {
        let state = family.state(grant);
        Self {
            id: grant.id.to_string(),
            delegate: grant.delegate.as_ref().map(|name| name.as_str().to_owned()),
            state,
            ends: show::moment(state.end()),
        }
    }
}

/// One details object of a grant.
#[derive(Debug)]
pub(super) struct Object {
    pub(super) provider: String,
    /// Explicit models; empty where all are allowed.
    pub(super) models: Vec<String>,
    pub(super) refused: Vec<String>,
    pub(super) capabilities: String,
    pub(super) meters: Vec<Meter>,
    /// Whether money has no cap at all.
    pub(super) no_money_cap: bool,
    /// What this month has cost, where no cap counts it.
    pub(super) spent: String,
    pub(super) tokens_per_request: Option<String>,
    pub(super) expires: String,
    /// Whether it has ended, alone or with the grant.
    pub(super) is_over: bool,
    pub(super) address: String,
}

impl Object {
    fn new(access: &Allowed, used: &Used, address: String, now: Timestamp) -> Self {
        let limits = &access.limits;
        let meters = [
            limits.monthly_spend.map(|cap| money("this month", used.month, cap, used.month_ends)),
            limits.daily_spend.map(|cap| money("today", used.day, cap, used.day_ends)),
            limits
                .requests_per_minute
                .map(|cap| requests("in the last minute", used.minute_requests, cap, None)),
            limits
                .requests_per_day
                .map(|cap| requests("today", used.day_requests, cap, Some(used.day_ends))),
        ];
        let models = match &access.models {
            Models::Any => Vec::new(),
            Models::Listed(models) => {
                models.iter().map(|model| visible(model.as_str()).into_owned()).collect()
            }
        };
        let capabilities: Vec<_> = access.capabilities.iter().map(Capability::as_str).collect();
        Self {
            provider: show::provider(&access.provider).to_owned(),
            models,
            refused: access
                .models_refused
                .iter()
                .map(|m| visible(m.as_str()).into_owned())
                .collect(),
            capabilities: capabilities.join(", "),
            meters: meters.into_iter().flatten().collect(),
            no_money_cap: !limits.has_money(),
            spent: show::usd(used.month),
            tokens_per_request: limits.tokens_per_request.map(|cap| show::count(cap.get().into())),
            expires: show::moment(access.expires),
            is_over: access.expires <= now,
            address,
        }
    }

    /// The meter that a list shows: the money, else the first there is.
    pub(super) fn first_meter(&self) -> Option<&Meter> {
        self.meters.first()
    }
}

/// How far a cap is used up.
#[derive(Debug)]
pub(super) struct Meter {
    /// `1.20 of 10.00 USD this month`
    pub(super) label: String,
    /// When it begins again.
    pub(super) resets: Option<String>,
    /// For the drawing alone: parts of a thousand.
    pub(super) parts: u64,
}

fn money(window: &str, used: Pico, cap: Money, resets: Timestamp) -> Meter {
    let most = Pico::from_micros(cap.micros()).unwrap_or_default();
    Meter {
        label: format!("{} of {cap} USD {window}", show::usd(used)),
        resets: Some(show::moment(resets)),
        parts: thousandths(used.get(), most.get()),
    }
}

fn requests(window: &str, used: u32, cap: Count, resets: Option<Timestamp>) -> Meter {
    let (used, cap) = (u64::from(used), u64::from(cap.get()));
    Meter {
        label: format!("{} of {} requests {window}", show::count(used), show::count(cap)),
        resets: resets.map(show::moment),
        parts: thousandths(used, cap),
    }
}

fn thousandths(used: u64, most: u64) -> u64 {
    let parts = u128::from(used).saturating_mul(1_000).checked_div(u128::from(most));
    parts.map_or(1_000, |parts| u64::try_from(parts.min(1_000)).unwrap_or(1_000))
}
