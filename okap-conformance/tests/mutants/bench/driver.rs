//! The user of the bench's vault, in this process.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use okap_conformance::driver::{Decision, Driver, DriverError, Order};
use okap_server::{Interaction, Key, Outcome, Vault as _, Versioned, shown};
use okap_types::GrantId;
use serde_json::{Value, json};

use super::{
    decision,
    vault::{Vault, Works, owner},
};

pub(crate) struct Within {
    works: Arc<Works>,
    dump: tempfile::TempDir,
}

/// What it can do.
const VERBS: [&str; 8] =
    ["decide", "revoke", "advance", "audit", "dump", "publish", "sign_in", "restart"];

impl Within {
    pub(crate) fn new(vault: &Vault) -> Self {
        Self { works: vault.works.clone(), dump: tempfile::tempdir().unwrap() }
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
                self.works.control().revoke(&owner(), &id(grant)?).await.map_err(failed)?;
                Ok(Value::Null)
            }
            Order::Advance { seconds } => {
                self.works.clock.turn(*seconds);
                Ok(Value::Null)
            }
            Order::Audit { grant } => {
                let grant = id(grant)?;
                let rows = self.works.control().vault().audit();
                let mut rows: Vec<_> = rows
                    .into_iter()
                    .filter(|row| row.grant == grant)
                    .map(|row| json!(row))
                    .collect();
                if let Some(lie) = self.works.lie().audit {
                    lie(&mut rows);
                }
                Ok(json!({ "rows": rows }))
            }
            Order::Dump => {
                let kept = self.works.control().vault().kept().await.map_err(failed)?;
                std::fs::write(self.dump.path().join("kept.json"), kept).map_err(failed)?;
                Ok(json!({ "path": self.dump.path() }))
            }
            Order::Publish { url, document, cache_control } => {
                self.works.shelf.put(url, document.as_deref(), cache_control.as_deref());
                Ok(Value::Null)
            }
            Order::SignIn { .. } => Ok(json!({ "cookie": self.works.sessions.begin() })),
            Order::Restart => {
                self.works.restart().await;
                Ok(Value::Null)
            }
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
            return self.works.control().interaction(id).await.map_err(failed);
        }
        if let Some(code) = code {
            let (mut code, mut source) = (code.to_owned(), "bench".to_owned());
            if let Some(lie) = self.works.lie().typed {
                lie(&mut code, &mut source);
            }
            return self.works.control().typed(&code, &source).await.map_err(failed);
        }
        // the control lists a part of many
        let kind = Key::all::<Interaction>();
        let found =
            self.works.control().vault().list(&kind, None, usize::MAX).await.map_err(failed)?;
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
        let approved = match decision {
            Decision::Ignore => {
                return Ok(json!({ "page": format!("/consent/{}", asked.id) }));
            }
            Decision::Approve => vec![json!({}); asked.access.len()],
            Decision::Narrow { details } => details.clone(),
            Decision::Deny => Vec::new(),
        };
        let control = self.works.control();
        let decision = match decision {
            Decision::Deny => okap_server::Decision::Deny,
            _ => decision::approval(&control, asked, &approved)
                .ok_or_else(|| failed("what is left cannot be read"))?,
        };
        let decided = control.decide(&asked.id, &owner(), &shown(asked), &decision).await;
        let decided = decided.map_err(failed)?;
        let mut redirect = decided.redirect.map(String::from);
        if let (Some(url), Some(lie)) = (&mut redirect, self.works.lie().landing) {
            lie(url);
        }
        Ok(json!({ "redirect": redirect }))
    }
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
