use std::collections::HashMap;

use okap_engine::{
    ledger::Used,
    record::{Allowed, Grant},
};
use okap_server::{Config, ConsentPage, Control, OkapService};
use okap_types::{GrantId, Models, Timestamp};
use serde_json::{Value, json};

use super::{Common, fault::NotFound};
use crate::{out, store::SqliteVault, user};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Lists who may use what
    #[command(after_help = "Example:\n  okap-vault grants list --json")]
    List,
    /// Shows one grant: what it allows and what it has used
    #[command(after_help = "Example:\n  okap-vault grants show hPUCYhW5yBIYVIAuMdf7zQ")]
    Show {
        /// The grant, from `okap-vault grants list`
        #[arg(allow_hyphen_values = true)]
        id: GrantId,
    },
    /// Ends a grant at once; the app is refused from its next call on
    #[command(after_help = "Example:\n  okap-vault grants revoke hPUCYhW5yBIYVIAuMdf7zQ")]
    Revoke {
        /// The grant, from `okap-vault grants list`
        #[arg(allow_hyphen_values = true)]
        id: GrantId,
    },
}

pub(super) type Grants = Control<SqliteVault, ConsentPage>;

pub(super) async fn run(common: &Common, command: Command) -> anyhow::Result<()> {
    let grants = open(common).await?;
    match command {
        Command::List => list(common, &grants).await,
        Command::Show { id } => show(common, &grants, &id).await,
        Command::Revoke { id } => {
            find(&grants, &id).await?;
            grants.revoke(&user::owner(), &id).await?;
            match common.json {
                true => out::line(&json!({ "revoked": id }).to_string()),
                false => {
                    out::line(&format!("revoked {id}; its app is refused from the next call on"))
                }
            }
            Ok(())
        }
    }
}

/// The grants of a vault, beside a server that may be running; its keys stay closed.
pub(super) async fn open(common: &Common) -> anyhow::Result<Grants> {
    let database = common.existing_home()?.database().await?;
    // nothing that is done here shows the vault's own address
    let issuer = "http://127.0.0.1".parse()?;
    let consent = ConsentPage::at(&issuer, "consent");
    let okap = OkapService::new(Config::at(issuer), SqliteVault::without_keys(database), consent)?;
    Ok(okap.control())
}

/// One of the owner's grants.
pub(super) async fn find(grants: &Grants, id: &GrantId) -> anyhow::Result<Grant> {
    let found = grants.grants(&user::owner()).await?.into_iter().find(|grant| grant.id == *id);
    found.ok_or_else(|| {
        NotFound(format!("there is no grant {id}; see okap-vault grants list")).into()
    })
}

/// What apps call themselves, by grant.
pub(super) async fn apps(grants: &Grants) -> anyhow::Result<HashMap<String, String>> {
    let all = grants.grants(&user::owner()).await?;
    Ok(all.iter().map(|grant| (grant.id.to_string(), app(grant))).collect())
}

async fn list(common: &Common, grants: &Grants) -> anyhow::Result<()> {
    let mut all = grants.grants(&user::owner()).await?;
    all.sort_by_key(|grant| grant.created);
    let now = grants.now();
    if common.json {
        let all: Vec<_> = all.iter().map(|grant| json(grant, now, None)).collect();
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
            let expires = grant.expires().to_string();
            [
                grant.id.to_string(),
                app(grant),
                status(grant, now).to_owned(),
                models.join("; "),
                expires,
            ]
        })
        .collect();
    out::table(["GRANT", "APP", "STATUS", "MODELS", "EXPIRES"], &rows);
    Ok(())
}

async fn show(common: &Common, grants: &Grants, id: &GrantId) -> anyhow::Result<()> {
    let grant = find(grants, id).await?;
    let (now, used) = (grants.now(), grants.used(&grant).await?);
    if common.json {
        return out::json(&json(&grant, now, Some(&used)));
    }
    let revoked = grant.revoked.map(|at| format!(" {at}")).unwrap_or_default();
    out::line(&format!("{}  {}", grant.id, app(&grant)));
    out::line(&format!("  status        {}{revoked}", status(&grant, now)));
    out::line(&format!("  granted       {}", grant.created));
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
    grant
        .app
        .info
        .name
        .as_ref()
        .map_or_else(|| "(no name)".to_owned(), |name| name.as_str().to_owned())
}

fn models(access: &Allowed) -> String {
    match &access.models {
        Models::Any => "all models".to_owned(),
        Models::Listed(ids) => ids.iter().map(|id| id.as_str()).collect::<Vec<_>>().join(", "),
    }
}

fn status(grant: &Grant, now: Timestamp) -> &'static str {
    match grant.revoked {
        Some(_) => "revoked",
        None if grant.expires() <= now => "expired",
        None => "active",
    }
}

fn json(grant: &Grant, now: Timestamp, used: Option<&[Used]>) -> Value {
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
    json!({
        "id": grant.id,
        "app": grant.app.info.name.as_ref().map(|name| name.as_str()),
        "identity": grant.app.identity,
        "status": status(grant, now),
        "created": grant.created,
        "revoked": grant.revoked,
        "expires": grant.expires(),
        "access": access.collect::<Vec<_>>(),
    })
}
