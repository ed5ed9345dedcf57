//! The code flow: an app pushes its request, the user's browser is led through the vault, and ends
//! at the app's address with a code.

use serde_json::{Value, json};

use super::{Ask, Case, Parameters, Published, key::sha256};
use crate::{
    driver::Decision,
    http::{Call, Reply},
    outcome::{Stop, prerequisite},
};

/// The client id of apps on the user's own computer.
pub(super) const LOCAL: &str = "http://localhost";

/// A request that an app pushes.
#[derive(Clone, Debug)]
pub struct Push {
    /// The parameters.
    pub form: Parameters,
    /// What the code is redeemed with.
    pub verifier: String,
    /// What has to come back.
    pub state: String,
    /// Where the browser is to end.
    pub redirect_uri: String,
    /// Who asks.
    pub client_id: String,
    correlation: String,
}

/// Where the browser ended.
#[derive(Clone, Debug)]
pub struct Landing {
    /// The whole address.
    pub url: String,
    parameters: Vec<(String, String)>,
}

/// A code, and what it is redeemed with.
#[derive(Clone, Debug)]
pub struct Coded {
    /// The code.
    pub code: String,
    /// The request that it came of.
    pub push: Push,
}

impl Push {
    /// With another value of a parameter.
    #[must_use]
    pub fn with(self, name: &str, value: &str) -> Self {
        Self { form: self.form.with(name, value), ..self }
    }

    /// Without a parameter.
    #[must_use]
    pub fn without(self, name: &str) -> Self {
        Self { form: self.form.without(name), ..self }
    }

    /// With one more value of a parameter.
    #[must_use]
    pub fn also(self, name: &str, value: &str) -> Self {
        Self { form: self.form.also(name, value), ..self }
    }

    /// To another address.
    #[must_use]
    pub fn to(self, redirect_uri: &str) -> Self {
        Self { redirect_uri: redirect_uri.to_owned(), ..self.with("redirect_uri", redirect_uri) }
    }

    /// Of a published client.
    #[must_use]
    pub fn of(self, client_id: &str) -> Self {
        let push = self.without("client_name").with("client_id", client_id);
        Self { client_id: client_id.to_owned(), ..push }
    }

    /// Of a published client, to its own address.
    #[must_use]
    pub fn by(self, client: &Published) -> Self {
        self.of(&client.client_id).to(&client.redirect_uri)
    }

    /// With this state.
    #[must_use]
    pub fn state(self, state: &str) -> Self {
        Self { state: state.to_owned(), ..self.with("state", state) }
    }
}

impl Landing {
    /// The address where the browser ends.
    #[must_use]
    pub fn at(url: &str) -> Self {
        let parsed = url.parse::<url::Url>().ok();
        let pairs = parsed.as_ref().map(|url| url.query_pairs().into_owned().collect());
        Self { url: url.to_owned(), parameters: pairs.unwrap_or_default() }
    }

    /// A parameter; `None` where it is not there once.
    #[must_use]
    pub fn one(&self, name: &str) -> Option<&str> {
        let mut values = self.parameters.iter().filter(|(known, _)| known == name);
        match (values.next(), values.next()) {
            (Some((_, value)), None) => Some(value),
            _ => None,
        }
    }

    /// Fails where something about it is not so. Codes are not repeated.
    ///
    /// # Errors
    /// [`Stop::Failed`].
    pub fn ensure(&self, requirement: &str, holds: bool, expected: &str) -> Result<(), Stop> {
        let shown = |(name, value): &(String, String)| match name.as_str() {
            "code" => "code=…".to_owned(),
            name => format!("{name}={value}"),
        };
        let shown: Vec<_> = self.parameters.iter().map(shown).collect();
        crate::outcome::ensure(requirement, holds, expected, shown.join("&"))
    }
}

impl Coded {
    /// The token request that it is redeemed by.
    #[must_use]
    pub fn form(&self) -> Parameters {
        Parameters::of(&[
            ("grant_type", "authorization_code"),
            ("code", &self.code),
            ("redirect_uri", &self.push.redirect_uri),
            ("client_id", &self.push.client_id),
            ("code_verifier", &self.push.verifier),
        ])
    }
}

impl Case {
    /// A request of a local app, as a pushed one.
    #[must_use]
    pub fn to_push(&self, ask: &Ask) -> Push {
        let verifier = [self.nonce(), self.nonce(), self.nonce()].concat();
        let challenge = sha256(&verifier);
        let (state, redirect_uri) = (self.nonce(), "http://127.0.0.1:49152/back".to_owned());
        let form = Parameters::of(&[
            ("client_id", LOCAL),
            ("client_name", &ask.app()),
            ("response_type", "code"),
            ("redirect_uri", &redirect_uri),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
            ("authorization_details", &json!([ask.details()]).to_string()),
            ("state", &state),
        ]);
        let (client_id, correlation) = (LOCAL.to_owned(), ask.correlation.clone());
        Push { form, verifier, state, redirect_uri, client_id, correlation }
    }

    /// The call that pushes a request.
    #[must_use]
    pub fn push(&self, push: &Push) -> Call {
        Call::post(self.at("okap/par")).form(&push.form.fields())
    }

    /// Pushes a request.
    ///
    /// # Errors
    /// As [`Case::send`].
    pub async fn send_push(&self, push: &Push) -> Result<Reply, Stop> {
        self.send(self.push(push)).await
    }

    /// Pushes a request that has to be taken. Gives the `request_uri`.
    ///
    /// # Errors
    /// [`Stop::Failed`] where it is not.
    pub async fn pushed(&self, push: &Push) -> Result<String, Stop> {
        taken(&self.send_push(push).await?)
    }

    /// The address at which the browser begins.
    #[must_use]
    pub fn link(&self, client_id: &str, request_uri: &str) -> String {
        let query = Parameters::of(&[("client_id", client_id), ("request_uri", request_uri)]);
        format!("{}?{}", self.at("okap/authorize"), query.query())
    }

    /// The browser opens a link of the app, and goes where the vault sends it. Gives the page on
    /// which the user decides.
    ///
    /// # Errors
    /// [`Stop::Failed`] where the vault refuses the link.
    pub async fn browse(&self, push: &Push, request_uri: &str) -> Result<String, Stop> {
        let link = self.link(&push.client_id, request_uri);
        let reply = self.send(Call::get(&link)).await?;
        reply.ensure("OKAP-R-112", reply.status < 400, "a page, or a redirect to one")?;
        Ok(reply.header("location").map_or(link, |page| self.absolute(page)))
    }

    /// An address as the vault writes it in a redirect.
    #[must_use]
    pub fn absolute(&self, address: &str) -> String {
        let base = self.issuer().parse::<url::Url>().and_then(|issuer| issuer.join(address));
        base.map_or_else(|_| address.to_owned(), |url| url.to_string())
    }

    /// The user decides on a page; the browser goes on to the app.
    ///
    /// # Errors
    /// [`Stop::Untestable`] where the driver does not say where the browser is led.
    pub async fn land(&self, push: &Push, page: &str, said: Decision) -> Result<Landing, Stop> {
        let done = self.decide_by(&push.correlation, said, Some(page.to_owned()), None).await?;
        match done.pointer("/redirect").and_then(Value::as_str) {
            Some(url) => Ok(Landing::at(url)),
            None => Err(Stop::Untestable(
                "the driver does not say where the browser is led: {\"redirect\": …}".to_owned(),
            )),
        }
    }

    /// Pushes, browses, decides.
    ///
    /// # Errors
    /// As its parts.
    pub async fn walk(&self, push: &Push, said: Decision) -> Result<Landing, Stop> {
        let pushed = self.send_push(push).await?;
        self.walk_on(push, &pushed, said).await
    }

    /// Browses and decides what was pushed.
    async fn walk_on(&self, push: &Push, pushed: &Reply, said: Decision) -> Result<Landing, Stop> {
        let page = self.browse(push, &taken(pushed)?).await?;
        self.land(push, &page, said).await
    }

    /// A code, for a test that is about what becomes of it.
    ///
    /// # Errors
    /// [`Stop::Untestable`] where there is none.
    pub async fn coded_of(&self, push: Push) -> Result<Coded, Stop> {
        let pushed = prerequisite("no code to test with", self.send_push(&push).await)?;
        self.coded_after(push, &pushed).await
    }

    /// As [`coded_of`](Self::coded_of), of a request that was pushed and answered.
    ///
    /// # Errors
    /// As [`coded_of`](Self::coded_of).
    pub async fn coded_after(&self, push: Push, pushed: &Reply) -> Result<Coded, Stop> {
        let came = self.walk_on(&push, pushed, Decision::Approve).await;
        let landed = prerequisite("no code to test with", came)?;
        match landed.one("code") {
            Some(code) => {
                self.secret("code", code);
                Ok(Coded { code: code.to_owned(), push })
            }
            None => Err(Stop::Untestable("no code to test with".to_owned())),
        }
    }

    /// As [`coded_of`](Self::coded_of), of a local app that asks for this.
    ///
    /// # Errors
    /// As [`coded_of`](Self::coded_of).
    pub async fn coded(&self, ask: &Ask) -> Result<Coded, Stop> {
        self.coded_of(self.to_push(ask)).await
    }

    /// The token request of a code, as a call.
    #[must_use]
    pub fn redemption(&self, code: &Coded) -> Call {
        Call::post(self.at("okap/token")).form(&code.form().fields())
    }
}

/// The `request_uri` of a push that was taken.
fn taken(reply: &Reply) -> Result<String, Stop> {
    let uri = reply.text("/request_uri");
    let taken = reply.status == 201 && !uri.is_empty();
    reply.ensure("OKAP-R-108", taken, "201 with a request_uri")?;
    Ok(uri.to_owned())
}
