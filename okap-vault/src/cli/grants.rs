use std::collections::HashMap;

use okap_engine::{
    ledger::Used,
    record::{Allowed, App, Grant, Identity},
};
use okap_server::{Config, ConsentPage, Control, OkapService};
use okap_types::{AppName, GrantId, Models};
use serde_json::{Value, json};

use super::{Common, fault::NotFound};
use crate::{
    family::{Family, State},
    out,
    store::StoredVault,
    user,
};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Lists who may use what
    #[command(after_help = "Example:\n  okap-vault grants list --json")]
    List,
    /// Shows one grant: what it allows and what it has used
    #[command(after_help = "Example:\n  okap-vault grants show g_hPUCYhW5yBIYVIAuMdf7zQ")]
    Show {
        /// The grant, from `okap-vault grants list`
        #[arg(allow_hyphen_values = true)]
        id: GrantId,
    },
    /// Ends a grant at once; the app is refused from its next call on
    #[command(after_help = "Example:\n  okap-vault grants revoke g_hPUCYhW5yBIYVIAuMdf7zQ")]
    Revoke {
        /// The grant, from `okap-vault grants list`
        #[arg(allow_hyphen_values = true)]
        id: GrantId,
    },
}

pub(super) type Grants = Control<StoredVault, ConsentPage>;

pub(super) async fn run(common: &Common, command: Command) -> anyhow::Result<()> {
    let grants = open(common).await?;
    match command {
        Command::List => list(common, &grants).await,
        Command::Show { id } => show(common, &grants, &id).await,
        Command::Revoke { id } => revoke(common, &grants, &id).await,
    }
}

async fn revoke(common: &Common, grants: &Grants, id: &GrantId) -> anyhow::Result<()> {
    let all = grants.grants(&user::owner()).await?;
    let family = Family::of(&all, grants.now());
    let grant = found(&family, id)?;
    let along = family.end_with(&grant.id);
    grants.revoke(&user::owner(), id).await?;
    super::known_everywhere().await;
    if common.json {
        out::line(&json!({ "revoked": id, "ended_with_it": along }).to_string());
        return Ok(());
    }
    let along = match along {
        0 => String::new(),
        1 => ", and with it 1 that it was handed on to".to_owned(),
        many => format!(", and with it {many} that it was handed on to"),
    };
    out::line(&format!("revoked {id}{along}; its app is refused from the next call on"));
    Ok(())
}

/// The grants of a vault, beside a server that may be running; its keys stay closed.
pub(super) async fn open(common: &Common) -> anyhow::Result<Grants> {
    let database = common.database().await?;
    // nothing that is done here shows the vault's own address
    let issuer = "http://127.0.0.1".parse()?;
    let consent = ConsentPage::at(&issuer, "consent");
    let okap = OkapService::new(Config::at(issuer), StoredVault::without_keys(database), consent)?;
    Ok(okap.control())
}

/// One of the owner's grants.
pub(super) async fn find(grants: &Grants, id: &GrantId) -> anyhow::Result<Grant> {
    let all = grants.grants(&user::owner()).await?;
    Ok(found(&Family::of(&all, grants.now()), id)?.clone())
}

fn found<'a>(family: &Family<'a>, id: &GrantId) -> Result<&'a Grant, NotFound> {
    family
        .find(id.as_str())
        .ok_or_else(|| NotFound(format!("there is no grant {id}; see okap-vault grants list")))
}

/// What apps call themselves, by grant.
pub(super) async fn apps(grants: &Grants) -> anyhow::Result<HashMap<String, String>> {
    let all = grants.grants(&user::owner()).await?;
    Ok(all.iter().map(|grant| (grant.id.to_string(), app(grant))).collect())
}

async fn list(common: &Common, grants: &Grants) -> anyhow::Result<()> {
    let mut all = grants.grants(&user::owner()).await?;
    all.sort_by_key(|grant| grant.created);
    let family = Family::of(&all, grants.now());
    if common.json {
        let all: Vec<_> = all.iter().map(|grant| json(grant, &family, None)).collect();
        return out::json(&json!({ "grants": all }));
    }
    if all.is_empty() {
        out::hint("no grants yet; an app asks for one at the vault's address");
        return Ok(());
    }
    let rows: Vec<_> = all
        .iter()
        .map(|grant| {
            let models: Vec<_> =
                grant.access.iter().map(|a| format!("{} {}", a.provider, models(a))).collect();
            [
                grant.id.to_string(),
                app(grant),
                status(&family, grant).to_owned(),
                models.join("; "),
                grant.expires().to_string(),
                grant.ancestors.first().map(GrantId::to_string).unwrap_or_default(),
            ]
        })
        .collect();
    out::table(["GRANT", "APP", "STATUS", "MODELS", "EXPIRES", "HANDED ON FROM"], &rows);
    Ok(())
}

async fn show(common: &Common, grants: &Grants, id: &GrantId) -> anyhow::Result<()> {
    let all = grants.grants(&user::owner()).await?;
    let family = Family::of(&all, grants.now());
    let grant = found(&family, id)?;
    let used = grants.used(grant).await?;
    if common.json {
        return out::json(&json(grant, &family, Some(&used)));
    }
    let revoked = match family.state(grant) {
        State::Revoked(at) => format!(" {at}"),
        _ => String::new(),
    };
    out::line(&format!("{}  {}", grant.id, app(grant)));
    out::line(&format!("  status        {}{revoked}", status(&family, grant)));
    if let Some(client_id) = grant.app.client_id() {
        out::line(&format!("  client        {client_id}, {}", proof(&grant.app)));
    }
    out::line(&format!("  granted       {}", grant.created));
    if let Some(parent) = grant.ancestors.first() {
        out::line(&format!("  handed on     from {parent} to {}", delegate(grant)));
    }
    for child in family.children(&grant.id) {
        let status = status(&family, child);
        out::line(&format!("  handed on     as {} to {}, {status}", child.id, delegate(child)));
    }
    for (access, used) in grant.access.iter().zip(used) {
        let capabilities: Vec<_> = access.capabilities.iter().map(|c| c.as_str()).collect();
        let limits = &access.limits;
        out::line(&format!("  {}", access.provider));
        out::line(&format!("    models      {}", models(access)));
        out::line(&format!("    may         {}", capabilities.join(", ")));
        out::line(&format!("    expires     {}", access.expires));
        let line = |name: &str, used: String, cap: Option<String>| {
            out::line(&format!(
                "    {name:11} {used} of {}",
                cap.unwrap_or_else(|| "no limit".to_owned())
            ));
        };
        let usd = |cap: Option<okap_types::Money>| cap.map(|cap| format!("{cap} USD"));
        line("this month", format!("{} USD", used.month), usd(limits.monthly_spend));
        line("today", format!("{} USD", used.day), usd(limits.daily_spend));
        let count =
            |cap: Option<okap_types::Count>| cap.map(|cap| format!("{} requests", cap.get()));
        let made = |requests: u32| format!("{requests} requests");
        line("today", made(used.day_requests), count(limits.requests_per_day));
        line("last minute", made(used.minute_requests), count(limits.requests_per_minute));
    }
    Ok(())
}

fn app(grant: &Grant) -> String {
    let name = grant.app.info.name.as_ref().map(|name| name.as_str().to_owned());
    let name = match (name, grant.app.identity) {
        (Some(name), _) => name,
        (None, Identity::Published) => grant.app.client_id().unwrap_or_default().to_owned(),
        (None, _) => "(no name)".to_owned(),
    };
    match grant.ancestors.is_empty() {
        true => name,
        false => format!("{name} > {}", delegate(grant)),
    }
}

/// Whom a grant was handed on to.
fn delegate(grant: &Grant) -> &str {
    grant.delegate.as_ref().map_or("(no name)", AppName::as_str)
}

/// How sure it is that the app is the client that it names.
fn proof(app: &App) -> &'static str {
    match app.identity {
        Identity::Published => "verified",
        Identity::Claimed => "which nothing proves",
        Identity::Local => "a local app",
        Identity::Unverified => "unverified",
    }
}

fn models(access: &Allowed) -> String {
    match &access.models {
        Models::Any => "all models".to_owned(),
        Models::Listed(ids) => ids.iter().map(|id| id.as_str()).collect::<Vec<_>>().join(", "),
    }
}

fn status(family: &Family<'_>, grant: &Grant) -> &'static str {
    match family.state(grant) {
        State::Revoked(_) => "revoked",
        State::Expired(_) => "expired",
        State::Active(_) => "active",
    }
}

fn json(grant: &Grant, family: &Family<'_>, used: Option<&[Used]>) -> Value {
    let access = grant.access.iter().enumerate().map(|(at, access)| {
        let mut object = json!({
            "provider": access.provider,
            "models": access.models,
            "capabilities": access.capabilities,
            "limits": access.limits,
            "expires": access.expires,
        });
        if let (Some(used), Some(object)) =
            (used.and_then(|used| used.get(at)), object.as_object_mut())
        {
            let used = json!({
                "month_usd": used.month.to_string(),
                "month_ends": used.month_ends,
                "day_usd": used.day.to_string(),
                "day_requests": used.day_requests,
                "day_ends": used.day_ends,
                "minute_requests": used.minute_requests,
            });
            object.insert("used".to_owned(), used);
        }
        object
    });
    let handed_on: Vec<_> = family.children(&grant.id).iter().map(|child| &child.id).collect();
    json!({
        "id": grant.id,
        "app": grant.app.info.name.as_ref().map(|name| name.as_str()),
        "identity": grant.app.identity,
        "client_id": grant.app.client_id(),
        "parent": grant.ancestors.first(),
        "delegate": grant.delegate.as_ref().map(AppName::as_str),
        "handed_on": handed_on,
        "status": status(family, grant),
        "created": grant.created,
        "revoked": grant.revoked,
        "expires": grant.expires(),
        "access": access.collect::<Vec<_>>(),
    })
}
