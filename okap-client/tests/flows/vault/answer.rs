//! What an honest vault answers.

use std::{collections::HashMap, time::Duration};

use base64ct::{Base64UrlUnpadded, Encoding};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::time::{Instant, sleep_until};

use super::{CODE, CONTINUATION, Call, TOKEN, Vault};

pub(crate) const DEVICE_CODE: &str = "okap_dc_DDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDcrc321";
/// How long a rotated refresh token gives its successor again.
const GRACE: Duration = Duration::from_secs(10);

/// The tokens that are out.
#[derive(Default)]
pub(super) struct Tokens {
    issued: usize,
    /// The refresh token that is good.
    refresh: Option<String>,
    /// The one before, and when it was rotated.
    before: Option<(String, Instant)>,
    /// Whether the grant was revoked.
    dead: bool,
    /// When the user decides on the other device.
    device: Option<Instant>,
    spent: bool,
}

impl Vault {
    /// When the user allows what is asked on a device; at once, if nothing is said.
    pub(crate) fn decide_on_device_after(&self, wait: Duration) {
        self.0.tokens.lock().unwrap().device = Some(Instant::now() + wait);
    }

    /// The user takes the grant back.
    pub(crate) fn revoke(&self) {
        self.0.tokens.lock().unwrap().dead = true;
    }

    /// Whether the grant stands: no refresh token was used twice.
    pub(crate) fn stands(&self) -> bool {
        !self.0.tokens.lock().unwrap().dead
    }

    fn details(&self, asked: &Value) -> Value {
        let one = |asked: &Value| {
            let or = |name: &str, other: Value| asked.get(name).cloned().unwrap_or(other);
            json!({
                "type": "ai_model_access", "provider": asked["provider"],
                "models": or("models", json!(["gpt-4o-mini"])),
                "capabilities": or("capabilities", json!(["chat"])),
                "limits": or("limits", json!({})), "expires": or("expires", json!("2099-01-01")),
                "base_url": self.own(&format!("/v1/{}", asked["provider"].as_str().unwrap())),
                "currency": "USD", "window": "utc_calendar", "added_in_1_1": {"a": [1]},
            })
        };
        asked.as_array().unwrap().iter().map(one).collect()
    }

    fn token(&self, form: &HashMap<String, String>) -> Value {
        let asked = match form.get("authorization_details") {
            Some(less) => serde_json::from_str(less).unwrap(),
            None => self.0.asked.lock().unwrap().clone(),
        };
        json!({
            "access_token": TOKEN, "token_type": "Bearer", "expires_in": 3600,
            "authorization_details": self.details(&asked), "grant_id": "g_1",
        })
    }

    /// A token answer with a refresh token, bound to a key where one was shown.
    fn renewable(&self, call: &Call, first: bool) -> (u16, Value) {
        let mut answer = self.token(&call.form());
        if call.headers.contains_key("dpop") {
            answer["token_type"] = json!("DPoP");
        }
        let mut tokens = self.0.tokens.lock().unwrap();
        if !first {
            tokens.issued += 1;
            answer["access_token"] = json!(format!("okap_at_{}", tokens.issued));
        }
        let refresh = tokens.refresh.get_or_insert_with(|| "okap_rt_0".to_owned());
        answer["refresh_token"] = json!(refresh);
        (200, answer)
    }

    fn rotate(&self, presented: &str) -> bool {
        let mut tokens = self.0.tokens.lock().unwrap();
        let now = Instant::now();
        let good = tokens.refresh.as_deref() == Some(presented);
        let again =
            tokens.before.as_ref().is_some_and(|(b, at)| b == presented && *at + GRACE > now);
        if tokens.dead || !(good || again) {
            tokens.dead = true;
            return false;
        }
        if good {
            tokens.before = Some((presented.to_owned(), now));
            tokens.refresh = Some(format!("okap_rt_{}", tokens.issued + 1));
        }
        true
    }

    pub(super) async fn answer(&self, line: &str, call: &Call) -> (u16, Value) {
        match line {
            "POST /okap/authorize" => {
                let body = call.json();
                assert_eq!(body["okap"], "1.0");
                *self.0.asked.lock().unwrap() = body["authorization_details"].clone();
                (202, self.pending())
            }
            "POST /okap/continue" => self.outcome(call).await,
            "POST /okap/par" => {
                let form = call.form();
                *self.0.asked.lock().unwrap() =
                    serde_json::from_str(&form["authorization_details"]).unwrap();
                let mut pushed = self.0.pushed.lock().unwrap();
                let name = format!("urn:ietf:params:oauth:request_uri:{}&=", pushed.len());
                pushed.insert(name.clone(), form);
                (201, json!({"request_uri": name, "expires_in": 90}))
            }
            "POST /okap/device_authorization" => {
                *self.0.asked.lock().unwrap() =
                    serde_json::from_str(&call.form()["authorization_details"]).unwrap();
                let page = self.own("/okap/device");
                (
                    200,
                    json!({
                        "device_code": DEVICE_CODE, "user_code": "BCDF-GHJK",
                        "verification_uri": page,
                        "verification_uri_complete": format!("{page}?user_code=BCDF-GHJK"),
                        "expires_in": 600, "interval": 5,
                    }),
                )
            }
            "POST /okap/token" => self.token_endpoint(call),
            "POST /okap/revoke" => (200, json!(null)),
            "GET /okap/limits" => (
                200,
                json!({
                    "okap": "1.0", "grant_id": "g_1", "limits": [{
                        "type": "ai_model_access", "provider": "openai",
                        "models": ["gpt-4o-mini"], "capabilities": ["chat"],
                        "expires": "2099-01-01",
                        "limits": {"monthly_spend": {"limit": "10.00", "used": "2.50",
                            "remaining": "7.50", "resets_at": "2027-01-01"}},
                    }],
                }),
            ),
            "GET /okap/grants/g_1" => (
                200,
                json!({
                    "okap": "1.0", "grant_id": "g_1", "status": "active", "created": "2026-01-01",
                    "expires": "2099-01-01", "client_name": "Notes",
                    "authorization_details": self.details(&self.0.asked.lock().unwrap()),
                }),
            ),
            line if line.starts_with("GET /.well-known/oauth-protected-resource") => {
                let path = line.trim_start_matches("GET /.well-known/oauth-protected-resource");
                (
                    200,
                    json!({
                        "resource": self.own(path), "authorization_servers": [self.0.issuer],
                        "bearer_methods_supported": ["header"],
                        "dpop_signing_alg_values_supported": ["ES256"],
                        "authorization_details_types_supported": ["ai_model_access"],
                    }),
                )
            }
            line if line.starts_with("GET /.well-known/oauth-authorization-server") => {
                (200, self.metadata())
            }
            _ => (404, json!({"error": "not_found", "error_description": "no such path"})),
        }
    }

    async fn outcome(&self, call: &Call) -> (u16, Value) {
        assert_eq!(call.headers["authorization"], format!("Bearer {CONTINUATION}"));
        let wait = call
            .headers
            .get("prefer")
            .map_or("0", |p| p.to_str().unwrap().strip_prefix("wait=").unwrap());
        let end = Instant::now() + Duration::from_secs(wait.parse().unwrap());
        let decided = *self.0.decided.lock().unwrap();
        match decided.filter(|at| *at <= end) {
            None => {
                sleep_until(end).await;
                (202, self.pending())
            }
            Some(at) => {
                sleep_until(at).await;
                let mut granted = self.token(&HashMap::new());
                granted["okap"] = json!("1.0");
                granted["status"] = json!("granted");
                granted["token"] = granted["access_token"].clone();
                (200, granted)
            }
        }
    }

    fn token_endpoint(&self, call: &Call) -> (u16, Value) {
        let form = call.form();
        let refused = |code: &str| (400, json!({"error": code}));
        match form["grant_type"].as_str() {
            "authorization_code" => {
                let pushed = self.0.pushed.lock().unwrap();
                let challenge =
                    Base64UrlUnpadded::encode_string(&Sha256::digest(&form["code_verifier"]));
                let pushed = pushed.values().find(|p| p["code_challenge"] == challenge);
                let honest = pushed.is_some_and(|pushed| {
                    form["code"] == CODE
                        && form["client_id"] == pushed["client_id"]
                        && form["redirect_uri"] == pushed["redirect_uri"]
                        && pushed.get("dpop_jkt") == self.shown_key(call).as_ref()
                });
                if honest { self.renewable(call, true) } else { refused("invalid_grant") }
            }
            "refresh_token" => match self.rotate(&form["refresh_token"]) {
                true => self.renewable(call, false),
                false => refused("invalid_grant"),
            },
            "urn:ietf:params:oauth:grant-type:device_code" => {
                assert_eq!(form["device_code"], DEVICE_CODE);
                let mut tokens = self.0.tokens.lock().unwrap();
                if tokens.spent {
                    return refused("invalid_grant");
                }
                if tokens.device.is_some_and(|at| at > Instant::now()) {
                    return refused("authorization_pending");
                }
                tokens.spent = true;
                drop(tokens);
                self.renewable(call, true)
            }
            "urn:ietf:params:oauth:grant-type:token-exchange" => {
                let kind = "urn:ietf:params:oauth:token-type:access_token";
                assert_eq!(form["subject_token_type"], kind);
                let mut answer = self.token(&form);
                answer["access_token"] = json!("okap_at_child");
                answer["issued_token_type"] = json!(kind);
                answer["grant_id"] = json!("g_child");
                if form.contains_key("dpop_jkt") || call.headers.contains_key("dpop") {
                    answer["token_type"] = json!("DPoP");
                }
                (200, answer)
            }
            _ => refused("unsupported_grant_type"),
        }
    }

    fn metadata(&self) -> Value {
        json!({
            "issuer": self.0.issuer,
            "authorization_endpoint": self.own("/okap/authorize"),
            "token_endpoint": self.own("/okap/token"),
            "pushed_authorization_request_endpoint": self.own("/okap/par"),
            "device_authorization_endpoint": self.own("/okap/device_authorization"),
            "revocation_endpoint": self.own("/okap/revoke"),
            "okap_direct_endpoint": self.own("/okap/authorize"),
            "okap_limits_endpoint": self.own("/okap/limits"),
            "okap_grants_endpoint": self.own("/okap/grants"),
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": true,
            "dpop_signing_alg_values_supported": ["ES256"],
        })
    }

    fn pending(&self) -> Value {
        json!({
            "okap": "1.0", "status": "pending", "interaction_uri": self.own("/ask/1"),
            "user_code": "BCDF-GHJK", "expires_in": 600, "interval": 5,
            "continue": {"uri": self.own("/okap/continue"), "access_token": CONTINUATION},
        })
    }
}
