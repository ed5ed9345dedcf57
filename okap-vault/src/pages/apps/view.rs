use std::collections::{HashMap, HashSet};

use okap_engine::{pico::Pico, token::hash};
use okap_server::{Grant, StoreError};
use okap_types::{GrantId, Models, Timestamp};

use crate::{
    family::{Family, State},
    pages::{
        Site,
        caller::Caller,
        show::{self, visible},
    },
};

/// Ended grants that an app's card shows.
const ENDED: usize = 3;
/// Models that a line names.
const MODELS: usize = 3;

/// An app with all that it was allowed.
#[derive(Debug)]
pub(super) struct App {
    /// Tells it apart in addresses.
    pub(super) id: String,
    pub(super) caller: Caller,
    /// What the user allowed it, the active ones first.
    pub(super) grants: Vec<Line>,
    /// Ended ones that are not shown.
    pub(super) older: usize,
    /// How many are active, and how many that it handed on.
    pub(super) active: usize,
    pub(super) handed_on: usize,
    /// What all of it has cost this month, USD.
    pub(super) spent: String,
    pub(super) last_call: Option<String>,
}

/// A grant in a line.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) id: String,
    /// `OpenAI gpt-4o-mini`, a line each.
    pub(super) allows: String,
    pub(super) state: State,
    pub(super) ends: String,
}

/// What tells the app of a grant apart: what its counters are kept under.
pub(super) fn id(grant: &Grant) -> String {
    hash(&grant.app.counted_as())
}

/// The apps of some grants: those with active grants first, then as they were allowed last.
pub(super) async fn apps(site: &Site, grants: &[Grant]) -> Result<Vec<App>, StoreError> {
    let family = Family::of(grants, site.pages.control.now());
    let calls = last_calls(site, grants).await?;
    let mut by_app: HashMap<String, Vec<&Grant>> = HashMap::new();
    for grant in grants {
        by_app.entry(id(grant)).or_default().push(grant);
    }
    let mut apps = Vec::new();
    for (id, mut grants) in by_app {
        grants.sort_by_key(|grant| {
            (!family.state(grant).is_active(), std::cmp::Reverse(grant.created))
        });
        let spent = spent(site, &grants).await?;
        let called = grants.iter().filter_map(|grant| calls.get(&grant.id)).max();
        let latest = grants.iter().map(|grant| grant.created).max();
        if let Some(app) = App::new(id, &grants, &family, spent, called) {
            apps.push((app.active == 0, std::cmp::Reverse(latest), app));
        }
    }
    apps.sort_by(|(ended, latest, app), (e, l, a)| (ended, latest, &app.id).cmp(&(e, l, &a.id)));
    Ok(apps.into_iter().map(|(_, _, app)| app).collect())
}

impl App {
    fn new(
        id: String,
        grants: &[&Grant],
        family: &Family<'_>,
        spent: Pico,
        called: Option<&Timestamp>,
    ) -> Option<Self> {
        let is_active = |grant: &&&Grant| family.state(grant).is_active();
        let (allowed, handed_on): (Vec<&Grant>, Vec<&Grant>) =
            grants.iter().partition(|grant| grant.ancestors.is_empty());
        let active = allowed.iter().filter(is_active).count();
        let shown = active.saturating_add(ENDED);
        Some(Self {
            id,
            // what it was called last
            caller: Caller::of(&grants.iter().max_by_key(|grant| grant.created)?.app),
            older: allowed.len().saturating_sub(shown),
            grants: allowed.iter().take(shown).map(|grant| Line::new(grant, family)).collect(),
            active,
            handed_on: handed_on.iter().filter(is_active).count(),
            spent: show::usd(spent),
            last_call: called.map(|at| show::moment(*at)),
        })
    }
}

impl Line {
    fn new(grant: &Grant, family: &Family<'_>) -> Self {
        let state = family.state(grant);
        let allows = grant.access.iter().map(|access| {
            let provider = show::provider(&access.provider);
            match &access.models {
                Models::Any => format!("{provider} every model"),
                Models::Listed(models) => {
                    let names: Vec<_> =
                        models.iter().take(MODELS).map(|m| visible(m.as_str())).collect();
                    let more = match models.len().saturating_sub(MODELS) {
                        0 => String::new(),
                        more => format!(" and {more} more"),
                    };
                    format!("{provider} {}{more}", names.join(", "))
                }
            }
        });
        Self {
            id: grant.id.to_string(),
            allows: allows.collect::<Vec<_>>().join("; "),
            state,
            ends: show::day(state.end()),
        }
    }
}

/// What an app's grants have cost this month. Its grants share their counters, and what it handed
/// on counts in those as well.
async fn spent(site: &Site, grants: &[&Grant]) -> Result<Pico, StoreError> {
    let mut counted = HashSet::new();
    let mut sum = Pico::ZERO;
    for grant in grants.iter().filter(|grant| grant.ancestors.is_empty()) {
        if grant.access.iter().all(|access| counted.contains(&access.account)) {
            continue;
        }
        let used = site.pages.control.used(grant).await?;
        for (access, used) in grant.access.iter().zip(used) {
            if counted.insert(&access.account) {
                sum = sum.saturating_add(used.month);
            }
        }
    }
    Ok(sum)
}

/// When each grant was used last.
async fn last_calls(
    site: &Site,
    grants: &[Grant],
) -> Result<HashMap<GrantId, Timestamp>, StoreError> {
    let ids = grants.iter().map(|grant| grant.id.clone()).collect();
    site.pages.database.last_calls(ids).await
}
