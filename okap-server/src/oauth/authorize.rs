use okap_engine::{
    flow,
    record::{Back, Interaction, Pushed},
    token::hash,
};
use okap_types::form::Form;

use crate::{
    CommitError, Consent, Vault,
    core::Core,
    reply::{self, Reply},
    vault::load,
};

impl<V: Vault, C: Consent> Core<V, C> {
    /// `GET /okap/authorize`: the browser comes with a pushed request and goes on to consent.
    pub(crate) async fn authorize(&self, query: Option<&str>) -> Reply {
        let refused = |text: &str| reply::page(400, "This link does not work", text);
        let Ok(form) = Form::parse(query.unwrap_or_default()) else {
            return refused("A parameter stands twice. Start again from the app.");
        };
        let (Some(client_id), Some(request_uri)) = (form.opt("client_id"), form.opt("request_uri"))
        else {
            return refused(
                "invalid_request: the app has to push its request first. Start again from the app.",
            );
        };
        let ended =
            "invalid_request_uri: this link has been used or has ended. Start again from the app.";
        let unavailable = || reply::page(503, "Try again", "The vault cannot reach its store.");
        let pushed = match load::<Pushed>(&self.vault, &hash(request_uri)).await {
            Ok(Some(pushed)) if pushed.record.0.expires > self.clock.now() => pushed,
            Ok(_) => return refused(ended),
            Err(_) => return unavailable(),
        };
        let asked = match load::<Interaction>(&self.vault, &pushed.record.0.interaction).await {
            Ok(Some(asked)) => asked.record,
            Ok(None) => return refused(ended),
            Err(_) => return unavailable(),
        };
        let matches = match &asked.back {
            Back::Redirect { client_id: pushed, .. } => pushed == client_id,
            Back::Fetch | Back::Device => false,
        };
        if !matches {
            return refused("invalid_request: this link belongs to another app.");
        }
        match self.commit(vec![pushed.remove()]).await {
            Ok(()) => {}
            Err(CommitError::Conflict) => return refused(ended),
            Err(CommitError::Store(_)) => return unavailable(),
        }
        match self.consent.ask(&asked, self.clock.now()).await {
            crate::Asked::Visit(page) => reply::see_other(page.as_str()),
            crate::Asked::Decided(owner, decision) => {
                let shown = flow::shown(&asked);
                let decided = match self.decide(&asked.id, &owner, &shown, &decision).await {
                    Ok(decided) => Ok(decided),
                    Err(_) => self.decide(&asked.id, &owner, &shown, &flow::Decision::Deny).await,
                };
                match decided.ok().and_then(|d| d.redirect) {
                    Some(back) => reply::see_other(back.as_str()),
                    None => unavailable(),
                }
            }
        }
    }
}
