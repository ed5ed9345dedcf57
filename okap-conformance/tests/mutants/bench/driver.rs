//! The user of the bench's vault, in this process.

use futures_util::future::BoxFuture;
use okap_conformance::driver::{Decision, Driver, DriverError, Order};
use okap_engine::narrow::as_asked;
use okap_server::{
    Approved, ConsentPage, Control, Interaction, Key, Outcome, Vault as _, Versioned, shown,
};
use okap_types::{GrantId, ModelAccess, Models};
use serde_json::{Value, json};

use super::{
    documents::Shelf,
    pages,
    seams::{Clock, Store},
    vault::{Vault, owner},
};
use crate::lie::Lie;

pub(crate) struct Within {
    control: Control<Store, ConsentPage>,
    clock: Clock,
    dump: tempfile::TempDir,
    shelf: Shelf,
    lie: Lie,
}

/// What it can do.
const VERBS: [&str; 7] = ["decide", "revoke", "advance", "audit", "dump", "publish", "sign_in"];

impl Within {
    pub(crate) fn new(vault: &Vault) -> Self {
        Self {
            control: vault.control.clone(),
            clock: vault.clock.clone(),
            dump: tempfile::tempdir().unwrap(),
            shelf: vault.shelf.clone(),
            lie: vault.lie,
        }
    }

    async fn order(&self, order: &Order) -> Result<Value, DriverError> {
        match order {
            Order::Capabilities => Ok(json!({ "verbs": VERBS })),
            Order::Decide { correlation, decision, interaction_url, user_code, .. } => {
                let (page, code) = (interaction_url.as_deref(), user_code.as_deref());
                let asked = self.find(page, code, correlation).await?;
                self.decide(&asked, decision).await
            }
            Order::Revoke { grant } => {
                self.control.revoke(&owner(), &id(grant)?).await.map_err(failed)?;
                Ok(Value::Null)
            }
            Order::Advance { seconds } => {
                self.clock.turn(*seconds);
                Ok(Value::Null)
            }
            Order::Audit { grant } => {
                let grant = id(grant)?;
                let rows = self.control.vault().audit();
                let rows: Vec<_> = rows.into_iter().filter(|row| row.grant == grant).collect();
                Ok(json!({ "rows": rows }))
            }
            Order::Dump => {
                let kept = self.control.vault().kept().await.map_err(failed)?;
                std::fs::write(self.dump.path().join("kept.json"), kept).map_err(failed)?;
                Ok(json!({ "path": self.dump.path() }))
            }
            Order::Publish { url, document, fresh } => {
                self.shelf.put(url, document.as_deref(), *fresh);
                Ok(Value::Null)
            }
            Order::SignIn { .. } => Ok(json!({ "cookie": pages::COOKIE })),
            other => Err(DriverError::Unsupported(other.verb())),
        }
    }

    async fn find(
        &self,
        page: Option<&str>,
        code: Option<&str>,
        correlation: &str,
    ) -> Result<Interaction, DriverError> {
        if let Some(id) = page.and_then(|page| page.rsplit('/').next()) {
            return self.control.interaction(id).await.map_err(failed);
        }
        if let Some(code) = code {
            let (mut code, mut source) = (code.to_owned(), "bench".to_owned());
            if let Some(lie) = self.lie.typed {
                lie(&mut code, &mut source);
            }
            return self.control.typed(&code, &source).await.map_err(failed);
        }
        // the control lists a part of many
        let kind = Key::all::<Interaction>();
        let found = self.control.vault().list(&kind, None, usize::MAX).await.map_err(failed)?;
        let read = |(_, found): (Key, Versioned)| serde_json::from_slice(&found.bytes).ok();
        let waiting: Vec<Interaction> = found.into_iter().filter_map(read).collect();
        let carries = |asked: &Interaction| {
            asked.outcome == Outcome::Waiting
                && asked
                    .app
                    .info
                    .name
                    .as_ref()
                    .is_some_and(|name| name.as_str().contains(correlation))
        };
        waiting.into_iter().find(carries).ok_or_else(|| failed("no such request"))
    }

    async fn decide(&self, asked: &Interaction, decision: &Decision) -> Result<Value, DriverError> {
        let details = match decision {
            Decision::Ignore => {
                return Ok(json!({ "page": format!("/consent/{}", asked.id) }));
            }
            Decision::Approve => vec![json!({}); asked.access.len()],
            Decision::Narrow { details } => details.clone(),
            Decision::Deny => Vec::new(),
        };
        let decision = match decision {
            Decision::Deny => okap_server::Decision::Deny,
            _ => okap_server::Decision::Approve(
                asked.access.iter().zip(&details).map(|(one, left)| self.left(one, left)).collect(),
            ),
        };
        let decided = self.control.decide(&asked.id, &owner(), &shown(asked), &decision).await;
        let decided = decided.map_err(failed)?;
        let mut redirect = decided.redirect.map(String::from);
        if let (Some(url), Some(lie)) = (&mut redirect, self.lie.landing) {
            lie(url);
        }
        Ok(json!({ "redirect": redirect }))
    }

    fn left(&self, asked: &ModelAccess, left: &Value) -> Option<Approved> {
        if left.is_null() {
            return None;
        }
        let choice = ["gpt-4o-mini".parse().unwrap()];
        let whole = as_asked(asked, &choice, self.control.latest_end());
        Some(Approved {
            models: read(left, "models").map_or(whole.models, Models::Listed),
            capabilities: read(left, "capabilities").unwrap_or(whole.capabilities),
            limits: read(left, "limits").unwrap_or(whole.limits),
            expires: read(left, "expires").unwrap_or(whole.expires),
        })
    }
}

fn read<T: serde::de::DeserializeOwned>(left: &Value, member: &str) -> Option<T> {
    left.get(member).map(|value| serde_json::from_value(value.clone()).unwrap())
}

fn id(grant: &str) -> Result<GrantId, DriverError> {
    grant.parse().map_err(failed)
}

fn failed(error: impl std::fmt::Display) -> DriverError {
    DriverError::Failed(error.to_string())
}

impl Driver for Within {
    fn carry_out<'a>(
        &'a self,
        _: &'a str,
        order: &'a Order,
    ) -> BoxFuture<'a, Result<Value, DriverError>> {
        Box::pin(self.order(order))
    }
}
