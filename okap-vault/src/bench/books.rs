//! What the owner of the vault under test does: allows, and hands out by the thousand.

use std::time::Duration;

use anyhow::Context;
use okap_client::{Client, ClientInfo, ModelAccess};
use okap_engine::{
    narrow::as_asked,
    record::{Access, Grant, insert},
    token::hash,
};
use okap_server::{Config, ConsentPage, Control, Decision, OkapService, Vault as _, shown};
use okap_types::{Capability, GrantId, Limits, ModelId, Provider, Secret, token::AccessToken};

use super::vault::Vault;
use crate::{home::Home, store::SqliteVault, user::owner};

/// Records that are written together.
const TOGETHER: usize = 500;
/// How long a decision may take to be heard of.
const HEARD: Duration = Duration::from_secs(10);

/// Access to the vault under test.
#[derive(Clone, Debug)]
pub(super) struct Lent {
    pub(super) grant: GrantId,
    pub(super) token: String,
}

/// An app asks for one model, and the owner allows it.
///
/// # Errors
/// Whatever stood in the way.
pub(super) async fn lend(vault: &Vault, model: &str, limits: Limits) -> anyhow::Result<Lent> {
    let client = Client::new(vault.url.clone(), ClientInfo::new("Benchmark")?)?;
    let ask = ModelAccess::new(Provider::OpenAi)
        .models([model])
        .capabilities([Capability::Chat])
        .limits(limits);
    let pending = client.start(ask).await.context("the benchmark could not ask")?;
    let page = pending.consent_url().context("the vault named no page")?.clone();
    let id = page.path_segments().and_then(Iterator::last).context("the page has no id")?;
    let control = control(vault).await?;
    let asked = control.interaction(id).await?;
    let latest = control.now().plus_seconds(24 * 3600);
    let all = asked.access.iter().map(|access| Some(as_asked(access, &[] as &[ModelId], latest)));
    let decision = Decision::Approve(all.collect());
    control.decide(id, &owner(), &shown(&asked), &decision).await?;
    let access = pending.wait(HEARD).await?;
    Ok(Lent { grant: access.grant_id().clone(), token: access.token().expose().to_owned() })
}

/// Grants like this one, each with a token of its own.
///
/// # Errors
/// A store that fails.
pub(super) async fn lend_many(
    vault: &Vault,
    like: &Lent,
    many: usize,
) -> anyhow::Result<Vec<String>> {
    let control = control(vault).await?;
    let grants = control.grants(&owner()).await?;
    let grant = grants.into_iter().find(|g| g.id == like.grant).context("the grant is gone")?;
    let now = control.now();
    let mut tokens = Vec::with_capacity(many);
    let mut changes = Vec::with_capacity(2 * TOGETHER);
    for number in 0..many {
        let id: GrantId = format!("g_bench{number:017}").parse()?;
        let mut bits = [0; 32];
        getrandom::fill(&mut bits).map_err(|error| anyhow::anyhow!("no random bits: {error}"))?;
        let token = AccessToken::from_random(&Secret::new(bits)).expose().to_owned();
        let access = Access {
            grant: id.clone(),
            issued: now,
            expires: now.plus_seconds(3600),
            narrowed: None,
            key: None,
        };
        changes.push(insert(id.as_str(), &Grant { id: id.clone(), ..grant.clone() }));
        changes.push(insert(&hash(&token), &access));
        tokens.push(token);
        if changes.len() >= 2 * TOGETHER || number + 1 == many {
            control.vault().commit(std::mem::take(&mut changes)).await?;
        }
    }
    Ok(tokens)
}

/// The vault's records, beside the process that serves it.
async fn control(vault: &Vault) -> anyhow::Result<Control<SqliteVault, ConsentPage>> {
    let database = Home::existing(vault.folder())?.database().await?;
    let records = SqliteVault::without_keys(database);
    let page = ConsentPage::at(&vault.url, "consent");
    Ok(OkapService::new(Config::at(vault.url.clone()), records, page)?.control())
}
