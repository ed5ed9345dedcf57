//! What is asked, as a form, and what is left of it.

use std::fmt::Write as _;

use okap_server::{Approved, Back, BoxError, Identity, Interaction, as_asked, shown};
use okap_types::{ModelAccess, Models};
use serde_json::{Map, Value, json};

use super::{Fields, OurControl, escaped};

/// Who asks for what, and a form to allow less of it or nothing.
pub(super) fn page(control: &OurControl, asked: &Interaction, token: &str) -> String {
    let app = &asked.app;
    let name = app.info.name.as_ref().map_or("An app", |name| name.as_str());
    let mut page = format!("<h1>{} asks for access</h1>", escaped(name));
    let back = match &asked.back {
        Back::Redirect { redirect_uri, .. } => Some(redirect_uri.as_str()),
        _ => None,
    };
    for (what, address) in [("It is", app.client_id()), ("It gets the answer at", back)] {
        if let Some(host) = address.and_then(host) {
            let _ = write!(page, "<p>{what} {}", escaped(&host));
        }
    }
    if app.identity != Identity::Published {
        page += "<p>Its name is its own word: unverified";
    }
    let _ = write!(page, "<p>The app shows the code {}", escaped(&asked.user_code));
    let hidden = [("token", token), ("shown", &*shown(asked))];
    page += "<form method=post>";
    for (name, value) in hidden {
        let _ = write!(page, "<input type=hidden name={name} value=\"{}\">", escaped(value));
    }
    for (at, access) in asked.access.iter().enumerate() {
        page += &object(control, at, access);
    }
    // the first button is what the Enter key presses
    page + "<button name=action value=deny>Deny</button>\
            <button name=action value=allow>Allow</button></form>"
}

fn object(control: &OurControl, at: usize, asked: &ModelAccess) -> String {
    let provider = escaped(asked.provider.as_str());
    let mut part = format!("<fieldset><legend>{provider}</legend>");
    if let Some(reason) = &asked.reason {
        let _ = write!(part, "<p>{}", escaped(reason.as_str()));
    }
    part += "<p>";
    let own = asked.models.iter().map(|model| (model.to_string(), "checked"));
    // where the models are the owner's choice, all that are known are offered
    let known = control.known_models(&asked.provider).into_iter().map(|model| (model, ""));
    let known = known.filter(|_| asked.models.is_empty());
    for (model, checked) in own.chain(known) {
        let model = escaped(&model);
        let _ = write!(
            part,
            "<label><input type=checkbox {checked} name={at}.models value=\"{model}\"> {model}</label>"
        );
    }
    let most = as_asked(asked, &[], control.latest_end());
    let capabilities: Vec<_> = most.capabilities.iter().map(ToString::to_string).collect();
    let _ = write!(part, "<p>To {}, until {}", escaped(&capabilities.join(", ")), most.expires);
    let limits = limits(asked);
    if !limits.keys().any(|name| name.ends_with("spend")) {
        part += "<p>Without a limit of money";
    }
    for (name, value) in limits {
        let unit = if name.ends_with("spend") { " in USD" } else { "" };
        let (label, value) = (name.replace('_', " "), value.to_string());
        let value = escaped(value.trim_matches('"'));
        let _ = write!(
            part,
            "<p><label>{label}{unit} <input name={at}.{name} value=\"{value}\"></label>"
        );
    }
    part + "</fieldset>"
}

fn limits(asked: &ModelAccess) -> Map<String, Value> {
    match json!(asked.limits) {
        Value::Object(limits) => limits,
        _ => Map::new(),
    }
}

/// What the form leaves of each object. Whether that is less than what was asked is for the vault
/// to say.
pub(super) fn left(
    control: &OurControl,
    asked: &Interaction,
    fields: &Fields,
) -> Result<Vec<Option<Approved>>, BoxError> {
    let of_one = |(at, asked): (usize, &ModelAccess)| {
        let own = fields.iter().filter_map(|(name, value)| {
            Some((name.strip_prefix(&format!("{at}."))?, value.as_str()))
        });
        let (mut models, mut left) = (Vec::new(), Map::new());
        for (name, value) in own {
            match name {
                "models" => models.push(value.parse()?),
                spend if spend.ends_with("spend") => {
                    left.insert(spend.to_owned(), json!(value));
                }
                rate => {
                    left.insert(rate.to_owned(), json!(value.parse::<u64>()?));
                }
            }
        }
        let limits = serde_json::from_value(Value::Object(left))?;
        let whole = as_asked(asked, &[], control.latest_end());
        // without a model there is nothing to allow
        let some = !models.is_empty();
        Ok(some.then_some(Approved { models: Models::Listed(models), limits, ..whole }))
    };
    asked.access.iter().enumerate().map(of_one).collect()
}

fn host(address: &str) -> Option<String> {
    Some(url::Url::parse(address).ok()?.host_str()?.to_owned())
}
