//! Access that is bound to a key, and calls with it.

use super::{Ask, Case, Grant, Holder, Prompt, Proof, code::LOCAL, proof::proven};
use crate::{
    http::{Call, Reply},
    outcome::{Stop, Witness, prerequisite},
};

/// What an app with a key was given.
pub struct Bound {
    /// The grant, its token bound.
    pub grant: Grant,
    /// Who holds the key.
    pub holder: Holder,
}

impl Bound {
    /// The refresh token; empty where there is none.
    #[must_use]
    pub fn refresh(&self) -> &str {
        self.grant.reply.text("/refresh_token")
    }
}

impl Case {
    /// Bound access, for a test that is about something else.
    ///
    /// # Errors
    /// [`Stop::Untestable`] where there is none.
    pub async fn bound(&self, ask: &Ask) -> Result<Bound, Stop> {
        let holder = self.holder();
        let code = self.coded(ask).await?;
        let reply = self.send_proven(&holder, &self.redemption(&code), None).await?;
        let what = "no bound token to test with";
        let grant = prerequisite(what, Grant::of_tokens(&reply, "OKAP-R-263"))?;
        let kind = reply.text("/token_type").eq_ignore_ascii_case("dpop");
        prerequisite(what, reply.ensure("OKAP-R-263", kind, "token_type DPoP"))?;
        Ok(Bound { grant, holder })
    }

    /// A chat call without a credential.
    #[must_use]
    pub fn bare_chat(&self, grant: &Grant, prompt: &Prompt) -> Call {
        Call::post(format!("{}/chat/completions", grant.base_url)).json(prompt.body())
    }

    /// A call with a bound token and the right proof, which has to reach the provider.
    ///
    /// # Errors
    /// [`Stop::Failed`] where it does not.
    pub async fn forwarded_bound(
        &self,
        requirement: &str,
        bound: &Bound,
    ) -> Result<(Prompt, Witness), Stop> {
        let prompt = self.prompt();
        let call = self.bare_chat(&bound.grant, &prompt);
        let reply = self.send_proven(&bound.holder, &call, Some(&bound.grant.token)).await?;
        reply.has_status(requirement, 200)?;
        let witness = Witness::of_upstream(requirement, &prompt.nonce, &self.books(&prompt))?;
        Ok((prompt, witness))
    }

    /// Calls with a bound token and a proof that is spoiled or strange before it is signed.
    ///
    /// # Errors
    /// As [`Case::send`].
    pub async fn call_with(
        &self,
        bound: &Bound,
        spoil: impl FnOnce(Proof) -> Proof,
    ) -> Result<(Reply, Prompt), Stop> {
        self.call_signed(bound, |proof| spoil(proof).by(&bound.holder.key)).await
    }

    /// As [`call_with`](Self::call_with), and whoever spoils it signs it.
    ///
    /// # Errors
    /// As [`Case::send`].
    pub async fn call_signed(
        &self,
        bound: &Bound,
        sign: impl FnOnce(Proof) -> String,
    ) -> Result<(Reply, Prompt), Stop> {
        let (prompt, token) = (self.prompt(), Some(bound.grant.token.as_str()));
        let call = self.bare_chat(&bound.grant, &prompt);
        let proof = sign(self.proof(&bound.holder, &call, token));
        let reply = self.send(proven(&call, token, &proof)).await?;
        bound.holder.heard(&reply);
        Ok((reply, prompt))
    }

    /// Fails where a proof was not refused for what it is, before any byte left.
    ///
    /// # Errors
    /// [`Stop::Failed`].
    pub fn refused_proof(
        &self,
        requirement: &str,
        (reply, prompt): &(Reply, Prompt),
    ) -> Result<(), Stop> {
        reply.is_refused(requirement, 401, "invalid_dpop_proof")?;
        self.never_left(prompt)
    }

    /// Fails where a proof was not taken.
    ///
    /// # Errors
    /// [`Stop::Failed`].
    pub fn took_proof(
        &self,
        requirement: &str,
        (reply, prompt): &(Reply, Prompt),
    ) -> Result<Witness, Stop> {
        reply.has_status(requirement, 200)?;
        Witness::of_upstream(requirement, &prompt.nonce, &self.books(prompt))
    }

    /// The refresh of a local app's token.
    #[must_use]
    pub fn refreshment(&self, refresh: &str) -> Call {
        Call::post(self.at("okap/token")).form(&[
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh),
            ("client_id", LOCAL),
        ])
    }
}
