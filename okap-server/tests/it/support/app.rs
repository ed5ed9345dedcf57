use okap_engine::{flow::Decision, record::Interaction};
use serde_json::{Value, json};

use super::{Answer, Ask, House, VERIFIER, all, challenge, chat_with};

/// The members of a form.
pub(crate) type Members = Vec<(&'static str, String)>;

/// The members with one changed; an empty value leaves it out.
pub(crate) fn but(members: &Members, name: &'static str, value: &str) -> Members {
    let mut members = members.clone();
    members.retain(|(other, _)| *other != name);
    if !value.is_empty() {
        members.push((name, value.to_owned()));
    }
    members
}

/// Posts a form.
pub(crate) fn post(path: &str, members: &[(&'static str, String)]) -> Ask {
    let pairs: Vec<(&str, &str)> = members.iter().map(|(n, v)| (*n, v.as_str())).collect();
    Ask::post(path).form(&pairs)
}

/// An app of the OAuth kind.
#[derive(Clone, Debug)]
pub(crate) struct App {
    pub(crate) client_id: String,
    pub(crate) redirect_uri: String,
}

/// Where a published app of these tests has its document.
pub(crate) const NOTES: &str = "https://notes.example/okap.json";
/// Another one's.
pub(crate) const OTHER: &str = "https://other.example/okap.json";

/// What a published app says of itself; its answers go to its own site.
pub(crate) fn document(url: &str) -> Value {
    let site = url.trim_end_matches("/okap.json");
    json!({
        "client_id": url, "client_name": "Notes",
        "redirect_uris": [format!("{site}/cb"), "http://127.0.0.1/cb"],
    })
}

impl App {
    /// An app on the user's computer.
    pub(crate) fn local() -> Self {
        Self {
            client_id: "http://localhost".into(),
            redirect_uri: "http://127.0.0.1:51004/cb".into(),
        }
    }

    /// The app of a document as [`document`] gives it.
    pub(crate) fn published(url: &str) -> Self {
        let site = url.trim_end_matches("/okap.json");
        Self { client_id: url.into(), redirect_uri: format!("{site}/cb") }
    }

    /// What it pushes.
    pub(crate) fn pushes(&self, details: &Value) -> Members {
        let details = match details {
            Value::Array(_) => details.clone(),
            one => json!([one]),
        };
        vec![
            ("client_id", self.client_id.clone()),
            ("response_type", "code".into()),
            ("redirect_uri", self.redirect_uri.clone()),
            ("code_challenge", challenge(VERIFIER)),
            ("code_challenge_method", "S256".into()),
            ("authorization_details", details.to_string()),
            ("state", "s-1".into()),
        ]
    }

    /// How it redeems a code.
    pub(crate) fn redeems(&self, code: &str) -> Members {
        vec![
            ("grant_type", "authorization_code".into()),
            ("client_id", self.client_id.clone()),
            ("redirect_uri", self.redirect_uri.clone()),
            ("code_verifier", VERIFIER.into()),
            ("code", code.into()),
        ]
    }

    /// How it renews.
    pub(crate) fn renews(&self, refresh: &str) -> Members {
        vec![
            ("grant_type", "refresh_token".into()),
            ("client_id", self.client_id.clone()),
            ("refresh_token", refresh.into()),
        ]
    }

    /// How it polls.
    pub(crate) fn polls(&self, code: &str) -> Members {
        vec![
            ("grant_type", "urn:ietf:params:oauth:grant-type:device_code".into()),
            ("client_id", self.client_id.clone()),
            ("device_code", code.into()),
        ]
    }

    /// How it hands all of its access on.
    pub(crate) fn hands_on(&self, token: &str) -> Members {
        let mut members = exchange(token);
        members.push(("client_id", self.client_id.clone()));
        members
    }
}

/// How an app without a client id hands all of its access on.
pub(crate) fn exchange(token: &str) -> Members {
    vec![
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange".into()),
        ("subject_token", token.into()),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token".into()),
    ]
}

/// What the token endpoint gave.
#[derive(Clone, Debug)]
pub(crate) struct Tokens {
    pub(crate) access: String,
    pub(crate) refresh: String,
    pub(crate) grant: String,
}

impl From<&Answer> for Tokens {
    fn from(answer: &Answer) -> Self {
        assert_eq!(answer.status, 200, "{}", answer.text());
        let body = answer.json();
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        Self {
            access: text("access_token"),
            refresh: text("refresh_token"),
            grant: text("grant_id"),
        }
    }
}

impl House {
    /// Sends a form to the token endpoint.
    pub(crate) async fn token(&self, members: &Members) -> Answer {
        self.send(post("/okap/token", members)).await
    }

    /// Sends a form to the token endpoint that succeeds.
    pub(crate) async fn tokens(&self, members: &Members) -> Tokens {
        Tokens::from(&self.token(members).await)
    }

    /// The browser follows the link of a pushed request.
    pub(crate) async fn follow(&self, client_id: &str, pushed: &Answer) -> Answer {
        assert_eq!(pushed.status, 201, "{}", pushed.text());
        let request_uri = pushed.json()["request_uri"].as_str().unwrap().to_owned();
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("client_id", client_id).append_pair("request_uri", &request_uri);
        self.send(Ask::get(&format!("/okap/authorize?{}", query.finish()))).await
    }

    /// The request that a push led to.
    pub(crate) async fn asked(&self, client_id: &str, pushed: &Answer) -> Interaction {
        let page = self.follow(client_id, pushed).await;
        assert_eq!(page.status, 303, "{}", page.text());
        self.interaction(page.header("location").unwrap()).await
    }

    /// The user allows what was pushed; gives the code of the redirect.
    pub(crate) async fn code_of(&self, client_id: &str, pushed: &Answer) -> String {
        self.code_as(client_id, pushed, all).await
    }

    /// The user decides on what was pushed; gives the code of the redirect.
    pub(crate) async fn code_as(
        &self,
        client_id: &str,
        pushed: &Answer,
        decide: impl FnOnce(&Interaction) -> Decision,
    ) -> String {
        let asked = self.asked(client_id, pushed).await;
        let back = self.decide(&asked, &decide(&asked)).await.unwrap().redirect.unwrap();
        // the page's redirect is part of what the client sees
        self.notes.take(back.as_str().as_bytes().to_vec());
        let code = back.query_pairs().find(|(name, _)| name == "code");
        code.expect("no code in the redirect").1.into_owned()
    }

    /// An app pushes, the user allows all of it; gives the code.
    pub(crate) async fn code_for(&self, app: &App, details: &Value) -> String {
        let pushed = self.send(post("/okap/par", &app.pushes(details))).await;
        self.code_of(&app.client_id, &pushed).await
    }

    /// An app goes through the whole code flow.
    pub(crate) async fn through_browser(&self, app: &App, details: &Value) -> Tokens {
        let code = self.code_for(app, details).await;
        self.tokens(&app.redeems(&code)).await
    }

    /// A local app with a token for chat without any limit.
    pub(crate) async fn local(&self) -> Tokens {
        self.through_browser(&App::local(), &chat_with(json!({}))).await
    }

    /// What a chat call with a token leads to.
    pub(crate) async fn chats(&self, token: &str) -> (u16, String) {
        self.send(Ask::chat(token, json!({}))).await.says()
    }

    /// Hands a token of a direct grant on, narrowed.
    pub(crate) async fn child(&self, token: &str, details: &Value) -> Tokens {
        let mut members = exchange(token);
        members.push(("authorization_details", json!([details]).to_string()));
        self.tokens(&members).await
    }
}
