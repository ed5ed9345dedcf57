//! What the owner of the vault under test does: allows, hands out by the thousand, lets use up.

use std::time::Duration;

use anyhow::Context;
use base64ct::{Base64UrlUnpadded, Encoding as _};
use okap_client::{Client, ClientInfo, ModelAccess};
use okap_engine::{
    narrow::as_asked,
    pico::Pico,
    price::Usage,
    record::{Access, AuditRow, CallId, Change, End, Grant, Key, Loaded, insert},
    token::hash,
};
use okap_server::{Config, ConsentPage, Control, Decision, OkapService, Vault as _, shown};
use okap_types::{
    Capability, GrantId, Limits, ModelId, Provider, Secret, Timestamp, token::AccessToken,
};

use super::vault::Vault;
use crate::{
    home::Home,
    store::{Database, StoredVault},
    user::owner,
};

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
pub(super) async fn lend(
    vault: &Vault,
    app: &str,
    model: &str,
    limits: Limits,
) -> anyhow::Result<Lent> {
    let client = Client::new(vault.url.clone(), ClientInfo::new(app)?)?;
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

/// More tokens of a grant.
///
/// # Errors
/// A store that fails.
pub(super) async fn lend_again(
    vault: &Vault,
    lent: &Lent,
    many: usize,
) -> anyhow::Result<Vec<String>> {
    let control = control(vault).await?;
    let mut tokens = Vec::with_capacity(many);
    while tokens.len() < many {
        let mut changes = Vec::with_capacity(TOGETHER);
        for _ in 0..many.saturating_sub(tokens.len()).min(TOGETHER) {
            changes.push(token_of(&lent.grant, control.now(), &mut tokens)?);
        }
        control.vault().commit(changes).await?;
    }
    Ok(tokens)
}

/// Grants like this one, each with a token and an account of its own.
///
/// # Errors
/// A store that fails.
pub(super) async fn lend_many(
    vault: &Vault,
    like: &Lent,
    many: usize,
) -> anyhow::Result<Vec<String>> {
    let control = control(vault).await?;
    let key = Key::of::<Grant>(like.grant.as_str());
    let found = control.vault().read(std::slice::from_ref(&key)).await?.pop().flatten();
    let grant = Loaded::<Grant>::read(key, found)?.context("the grant is gone")?.record;
    let mut tokens = Vec::with_capacity(many);
    while tokens.len() < many {
        let mut changes = Vec::with_capacity(2 * TOGETHER);
        for _ in 0..many.saturating_sub(tokens.len()).min(TOGETHER) {
            let id = new_grant()?;
            let mut own = Grant { id: id.clone(), ..grant.clone() };
            for part in &mut own.access {
                part.account = id.to_string();
            }
            changes.push(insert(id.as_str(), &own));
            changes.push(token_of(&id, control.now(), &mut tokens)?);
        }
        control.vault().commit(changes).await?;
    }
    Ok(tokens)
}

/// The change that makes one more token.
fn token_of(grant: &GrantId, now: Timestamp, tokens: &mut Vec<String>) -> anyhow::Result<Change> {
    let token = AccessToken::from_random(&Secret::new(random()?)).expose().to_owned();
    let access = Access {
        grant: grant.clone(),
        issued: now,
        expires: now.plus_seconds(24 * 3600),
        narrowed: None,
        key: None,
    };
    let change = insert(&hash(&token), &access);
    tokens.push(token);
    Ok(change)
}

/// Rows of calls in the audit, of a thousand grants that are not called any more.
///
/// # Errors
/// A store that fails.
pub(super) async fn use_up(vault: &Vault, rows: u64) -> anyhow::Result<()> {
    let database = database(vault).await?;
    let grants = (0..1_000).map(|_| new_grant()).collect::<anyhow::Result<Vec<_>>>()?;
    let node = u64::from_le_bytes(random()?) >> 1;
    let now = Timestamp::from_unix_millis(1_767_225_600_000);
    let mut next = (0..rows).zip(grants.iter().cycle()).map(|(number, grant)| {
        Change::Append(std::sync::Arc::new(AuditRow {
            id: CallId { node, number },
            at: now,
            grant: grant.clone(),
            owner: owner(),
            provider: Provider::OpenAi,
            model: super::MODEL.to_owned(),
            operation: "chat".to_owned(),
            status: 200,
            usage: Usage { input: 20, output: 100, ..Usage::default() },
            cost: Pico::new(63_000_000),
            estimated: false,
            prices: "bench".to_owned(),
            end: End::Finished,
        }))
    });
    loop {
        let changes: Vec<_> = next.by_ref().take(2 * TOGETHER).collect();
        if changes.is_empty() {
            break;
        }
        database.commit(changes).await?;
    }
    // what is done behind the calls is not to be charged to those that follow
    while database.sweep(now).await? > 0 {}
    Ok(())
}

fn new_grant() -> anyhow::Result<GrantId> {
    Ok(format!("g_{}", Base64UrlUnpadded::encode_string(&random::<16>()?)).parse()?)
}

fn random<const N: usize>() -> anyhow::Result<[u8; N]> {
    let mut bits = [0; N];
    getrandom::fill(&mut bits).map_err(|error| anyhow::anyhow!("no random bits: {error}"))?;
    Ok(bits)
}

/// The vault's database, beside the process that serves it.
async fn database(vault: &Vault) -> anyhow::Result<Database> {
    Ok(match &vault.place.database {
        Some(address) => Database::connect(&address.parse()?).await?,
        None => Home::existing(vault.folder())?.database().await?,
    })
}

async fn control(vault: &Vault) -> anyhow::Result<Control<StoredVault, ConsentPage>> {
    let records = StoredVault::without_keys(database(vault).await?);
    let page = ConsentPage::at(&vault.url, "consent");
    Ok(OkapService::new(Config::at(vault.url.clone()), records, page)?.control())
}
