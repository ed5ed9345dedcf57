use okap_engine::pico::Pico;
use okap_types::{GrantId, Timestamp};
use serde_json::json;

use super::{Common, grants};
use crate::{out, store::Spent};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  okap-vault usage --since 2026-11-01
  okap-vault usage --grant g_hPUCYhW5yBIYVIAuMdf7zQ --json

Money is in USD. What a provider did not count is charged by its upper bound; those calls are
listed as estimated.")]
pub(super) struct Args {
    /// Leaves out earlier calls: 2026-11-01, or a moment with its offset
    #[arg(long, value_name = "DATE")]
    since: Option<Timestamp>,
    /// One grant alone
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    grant: Option<GrantId>,
}

pub(super) async fn run(common: &Common, args: &Args) -> anyhow::Result<()> {
    let control = grants::open(common).await?;
    if let Some(id) = &args.grant {
        grants::find(&control, id).await?;
    }
    let apps = grants::apps(&control).await?;
    let spent = control.vault().database().spent(args.since, args.grant.clone()).await?;
    let app = |row: &Spent| apps.get(&row.grant).cloned().unwrap_or_default();
    let total = spent.iter().fold(Total::default(), Total::plus);
    if common.json {
        let rows: Vec<_> = spent
            .iter()
            .map(|row| {
                json!({
                    "grant": row.grant,
                    "app": app(row),
                    "provider": row.provider,
                    "model": row.model,
                    "calls": row.calls,
                    "estimated_calls": row.estimated_calls,
                    "input_tokens": row.input_tokens,
                    "output_tokens": row.output_tokens,
                    "cost_usd": row.cost.to_string(),
                    "estimated_cost_usd": row.estimated_cost.to_string(),
                })
            })
            .collect();
        let total = json!({
            "calls": total.calls,
            "cost_usd": total.cost.to_string(),
            "estimated_cost_usd": total.estimated.to_string(),
        });
        return out::json(&json!({ "since": args.since, "usage": rows, "total": total }));
    }
    if spent.is_empty() {
        out::hint("no calls yet");
        return Ok(());
    }
    let mut rows: Vec<_> = spent
        .iter()
        .map(|row| {
            [
                row.grant.clone(),
                app(row),
                row.provider.clone(),
                row.model.clone(),
                row.calls.to_string(),
                row.input_tokens.to_string(),
                row.output_tokens.to_string(),
                row.cost.to_string(),
                row.estimated_cost.to_string(),
            ]
        })
        .collect();
    let mut last = std::array::from_fn(|_| String::new());
    let [name, _, _, _, calls, _, _, cost, estimated] = &mut last;
    *name = "total".to_owned();
    *calls = total.calls.to_string();
    *cost = total.cost.to_string();
    *estimated = total.estimated.to_string();
    rows.push(last);
    let head =
        ["GRANT", "APP", "PROVIDER", "MODEL", "CALLS", "INPUT", "OUTPUT", "USD", "ESTIMATED USD"];
    out::table(head, &rows);
    Ok(())
}

#[derive(Default)]
struct Total {
    calls: u64,
    cost: Pico,
    estimated: Pico,
}

impl Total {
    fn plus(self, row: &Spent) -> Self {
        Self {
            calls: self.calls.saturating_add(row.calls),
            cost: self.cost.saturating_add(row.cost),
            estimated: self.estimated.saturating_add(row.estimated_cost),
        }
    }
}
