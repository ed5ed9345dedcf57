//! Which grant was handed on from which, and what that leaves of each.

use std::collections::HashMap;

use okap_server::Grant;
use okap_types::{GrantId, Timestamp};

/// All grants of an owner at a moment.
#[derive(Debug)]
pub(crate) struct Family<'a> {
    grants: &'a [Grant],
    by_id: HashMap<&'a GrantId, &'a Grant>,
    /// What was handed on from a grant itself, the latest first.
    children: HashMap<&'a GrantId, Vec<&'a Grant>>,
    /// How many active grants are below one.
    active_below: HashMap<&'a GrantId, usize>,
    now: Timestamp,
}

/// What a grant is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Calls are let through until then.
    Active(Timestamp),
    /// It ended by itself.
    Expired(Timestamp),
    /// It was revoked, or one that it was handed on from.
    Revoked(Timestamp),
}

impl State {
    /// Whether calls are let through.
    pub(crate) fn is_active(self) -> bool {
        matches!(self, Self::Active(_))
    }

    /// When it ends or ended.
    pub(crate) fn end(self) -> Timestamp {
        match self {
            Self::Active(at) | Self::Expired(at) | Self::Revoked(at) => at,
        }
    }
}

impl<'a> Family<'a> {
    /// Reads how grants hang together.
    pub(crate) fn of(grants: &'a [Grant], now: Timestamp) -> Self {
        let by_id = grants.iter().map(|grant| (&grant.id, grant)).collect();
        let mut children: HashMap<_, Vec<_>> = HashMap::new();
        for grant in grants {
            if let Some(parent) = grant.ancestors.first() {
                children.entry(parent).or_default().push(grant);
            }
        }
        for children in children.values_mut() {
            children.sort_by_key(|grant| std::cmp::Reverse(grant.created));
        }
        let mut family = Self { grants, by_id, children, active_below: HashMap::new(), now };
        for grant in grants.iter().filter(|grant| !grant.ancestors.is_empty()) {
            if family.state(grant).is_active() {
                for above in &grant.ancestors {
                    let below = family.active_below.entry(above).or_default();
                    *below = below.saturating_add(1);
                }
            }
        }
        family
    }

    /// A grant by its id.
    pub(crate) fn find(&self, id: &str) -> Option<&'a Grant> {
        let id: GrantId = id.parse().ok()?;
        self.by_id.get(&id).copied()
    }

    /// What a grant is good for: it ends with those that it was handed on from.
    pub(crate) fn state(&self, grant: &Grant) -> State {
        let (mut ends, mut revoked) = (grant.expires(), grant.revoked);
        for id in &grant.ancestors {
            // one that is gone has ended
            let Some(above) = self.by_id.get(id) else {
                return State::Expired(ends.min(self.now));
            };
            ends = ends.min(above.expires());
            // the first to go took the rest along
            revoked = match (revoked, above.revoked) {
                (Some(own), Some(above)) => Some(own.min(above)),
                (own, above) => own.or(above.filter(|at| *at < ends)),
            };
        }
        match revoked {
            Some(at) => State::Revoked(at),
            None if ends <= self.now => State::Expired(ends),
            None => State::Active(ends),
        }
    }

    /// The grants that users allowed, not those that apps made of them.
    pub(crate) fn allowed(&self) -> impl Iterator<Item = &'a Grant> {
        self.grants.iter().filter(|grant| grant.ancestors.is_empty())
    }

    /// What was handed on from a grant itself, the latest first.
    pub(crate) fn children(&self, of: &GrantId) -> &[&'a Grant] {
        self.children.get(of).map(Vec::as_slice).unwrap_or_default()
    }

    /// How many grants end with one that is revoked now.
    pub(crate) fn end_with(&self, id: &GrantId) -> usize {
        self.active_below.get(id).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use okap_engine::record::{App, Identity};
    use okap_server::{Allowed, Owner};
    use okap_types::{ClientInfo, Limits, Models, Provider};

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_unix_millis(second * 1000)
    }

    fn grant(id: &str, ancestors: &[&str], expires: i64, revoked: Option<i64>) -> Grant {
        Grant {
            id: id.parse().unwrap(),
            owner: Owner::new("me"),
            app: App { identity: Identity::Local, info: ClientInfo::default() },
            access: vec![Allowed {
                provider: Provider::OpenAi,
                models: Models::Any,
                capabilities: Vec::new(),
                limits: Limits::default(),
                expires: at(expires),
                models_refused: Vec::new(),
                account: id.to_owned(),
                under: Vec::new(),
            }],
            shown: String::new(),
            created: at(0),
            revoked: revoked.map(at),
            ancestors: ancestors.iter().map(|id| id.parse().unwrap()).collect(),
            delegate: None,
        }
    }

    fn state(grants: &[Grant], now: i64) -> State {
        Family::of(grants, at(now)).state(grants.last().unwrap())
    }

    #[test]
    fn a_grant_ends_by_itself_or_by_its_owner() {
        assert_eq!(state(&[grant("a", &[], 10, None)], 9), State::Active(at(10)));
        assert_eq!(state(&[grant("a", &[], 10, None)], 10), State::Expired(at(10)));
        assert_eq!(state(&[grant("a", &[], 10, Some(5))], 20), State::Revoked(at(5)));
    }

    #[test]
    fn what_was_handed_on_ends_with_what_it_came_from() {
        let with = |root: Grant, parent: Grant| {
            state(&[root, parent, grant("c", &["b", "a"], 10, None)], 9)
        };
        let (root, parent) = (
            |revoked| grant("a", &[], 30, revoked),
            |end, revoked| grant("b", &["a"], end, revoked),
        );
        assert_eq!(with(root(None), parent(20, None)), State::Active(at(10)));
        assert_eq!(with(root(Some(7)), parent(20, None)), State::Revoked(at(7)));
        assert_eq!(with(root(Some(7)), parent(20, Some(5))), State::Revoked(at(5)));
        assert_eq!(with(root(None), parent(8, None)), State::Expired(at(8)));
        // gone before it could be taken along
        assert_eq!(with(root(Some(9)), parent(8, None)), State::Expired(at(8)));
        // and one of which nothing is known
        assert_eq!(state(&[grant("c", &["b"], 10, None)], 9), State::Expired(at(9)));
    }

    #[test]
    fn a_revocation_takes_all_below_along_and_no_one_else() {
        let grants = [
            grant("a", &[], 30, None),
            grant("b", &["a"], 20, None),
            grant("c", &["b", "a"], 10, None),
            grant("d", &["a"], 5, None),
            grant("e", &[], 30, None),
        ];
        let family = Family::of(&grants, at(7));
        let id = |id: &str| id.parse().unwrap();
        let counts = ["a", "b", "c", "e"].map(|of| family.end_with(&id(of)));
        assert_eq!(counts, [2, 1, 0, 0]);
        let names = |of: &str| -> Vec<_> {
            family.children(&id(of)).iter().map(|child| child.id.to_string()).collect()
        };
        assert_eq!((names("a"), names("b")), (vec!["b".into(), "d".into()], vec!["c".into()]));
        assert_eq!(family.allowed().count(), 2);
    }
}
