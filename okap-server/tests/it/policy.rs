//! A policy decides for whoever is on this computer, and for nobody else.

use okap_engine::{
    flow::{self, Decision, Profile},
    record::{App, Identity},
    token::Seed,
};
use okap_server::{Asked, AutoApprove, Config, Consent, MemoryVault, OkapService, ports};
use okap_types::{GrantRequest, Secret};
use serde_json::json;

use crate::support::{Hands, START, owner};

fn policy() -> AutoApprove {
    AutoApprove::for_owner(owner()).models(["gpt-4o-mini"]).unwrap()
}

async fn approves(policy: &AutoApprove, source: &str) -> bool {
    let body = json!({"okap": "1.0", "request": {"provider": "openai", "models": ["gpt-4o-mini"]}});
    let request = GrantRequest::parse_authorize(body.to_string().as_bytes()).unwrap();
    let app = App { identity: Identity::Unverified, info: request.client.clone() };
    let profile = Profile::new("http://127.0.0.1:8787".parse().unwrap());
    let now = ports::Clock::now(&Hands::at(START));
    let seed = Seed::new(Secret::new([7; 32]));
    let step = flow::direct(&profile, request, app, Some(source), None, now, &seed).unwrap();
    match policy.ask(&step.reply.interaction, now).await {
        Asked::Decided(_, Decision::ByPolicy(_)) => true,
        Asked::Decided(_, Decision::Deny) => false,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_policy_approves_this_computer_alone() {
    for here in ["127.0.0.1", "127.0.0.9", "::1", "::ffff:127.0.0.1", "unknown"] {
        assert!(approves(&policy(), here).await, "{here}");
    }
    for elsewhere in ["10.0.0.5", "203.0.113.9", "::ffff:10.0.0.5", "2001:db8::1"] {
        assert!(!approves(&policy(), elsewhere).await, "{elsewhere}");
        assert!(approves(&policy().danger_from_anywhere(), elsewhere).await, "{elsewhere}");
    }
}

#[test]
fn a_vault_at_another_address_does_not_start_with_a_policy() {
    let start = |issuer: &str, policy| {
        OkapService::new(Config::at(issuer.parse().unwrap()), MemoryVault::new(), policy).map(drop)
    };
    for here in ["http://127.0.0.1:8787", "http://[::1]:8787", "http://localhost:8787"] {
        start(here, policy()).unwrap();
    }
    let refused = start("https://vault.example", policy()).unwrap_err();
    assert!(refused.to_string().contains("https://vault.example"), "{refused}");
    start("https://vault.example", policy().danger_from_anywhere()).unwrap();
}
