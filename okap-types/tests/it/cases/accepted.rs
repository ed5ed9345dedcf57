//! Messages that parse.

use super::{DRAFT, Door, PROPOSAL, PYPI, PYPI_BARE};

/// Messages that parse.
pub(crate) fn accepted() -> Vec<(Door, String)> {
    let mut all = vec![
        (Door::Proposal, PROPOSAL.to_owned()),
        (Door::Details, DRAFT.to_owned()),
        (Door::Flat, PYPI.to_owned()),
        (Door::Flat, PYPI_BARE.to_owned()),
    ];
    let around = |members: &str| Door::ALL.map(|door| (door, door.around(members)));
    for members in [
        r#""provider":"openai""#.to_owned(),
        r#""provider":"my-lab_2","models":[],"capabilities":["dreaming"],"limits":{}"#.to_owned(),
        r#""provider":"openai","limits":{"daily_spend":0,"monthly_spend":"0"}"#.to_owned(),
        r#""provider":"openai","limits":{"monthly_spend":1000000,"daily_spend":"1000000.000000"}"#
            .to_owned(),
        format!(r#""provider":"openai","reason":"{}{}""#, "x".repeat(280), r"\u200b".repeat(100)),
        r#""provider":"openai","reason":"\ud83d\ude00 \u0000 caf\u00e9""#.to_owned(),
        r#""provider":"ollama","models":["My Model:7b","\u6a21\u578b"]"#.to_owned(),
        r#" "provider" : "openai" , "expires" : "2999-12-31t23:59:59.999z" "#.to_owned(),
    ] {
        all.extend(around(&members));
    }
    for more in [
        r#""client":{}"#,
        r#""client":{"name":"","more":{"deep":[1,{"a":null}]}}"#,
        r#""client":{"name":"Notes","url":"http://127.0.0.1:8080/x?y#z"}"#,
        r#""client":{"client_id":"https://notes.example/okap.json"}"#,
        // a claim; whether it is an address is seen where somebody wants to prove it
        r#""client":{"client_id":"notes"}"#,
        r#""extra":[null,1e-3,"\u0000"],"provider":"ignored here""#,
    ] {
        let body = format!(r#"{{"okap":"1.0","request":{{"provider":"openai"}},{more}}}"#);
        all.push((Door::Proposal, body));
    }
    let typed = r#""type":"ai_model_access","provider":"openai""#;
    all.push((Door::Proposal, Door::Proposal.around(typed)));
    all.push((Door::Proposal, r#"{"okap":"1.7","request":{"provider":"openai"}}"#.to_owned()));
    all.push((
        Door::Flat,
        r#"{"okap":"1.0","provider":"openai","more":1,"app_url":""}"#.to_owned(),
    ));
    all
}
