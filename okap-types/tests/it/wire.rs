//! Answers as others see them.

use okap_types::{
    ErrorBody, ErrorCode, GrantedAccess, ModelAccess,
    oauth::{
        DeviceAnswer, IntrospectionAnswer, Metadata, ProtectedResource, PushedAnswer, TokenAnswer,
    },
    response::{Denied, DetailsGranted, FlatAnswer, Pending, RequestGranted, TokenType},
    standing::{GrantAnswer, GrantStatus, LimitsAnswer},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::answers;

#[test]
fn answers_stand_on_the_wire_as_before() {
    for (name, _, answer) in answers::all() {
        insta::assert_json_snapshot!(name, answer);
    }
}

#[test]
fn codes_and_their_statuses_are_as_before() {
    let codes: Vec<_> =
        ErrorCode::ALL.iter().map(|c| format!("{} {}", c.status(), c.as_str())).collect();
    insta::assert_json_snapshot!("error_codes", codes);
}

#[test]
fn a_code_is_found_by_its_text() {
    for code in ErrorCode::ALL {
        assert_eq!(ErrorCode::find(code.as_str()), Some(*code));
        assert_eq!(ErrorCode::find(&code.as_str().to_uppercase()), None);
    }
}

fn returns<T: Serialize + DeserializeOwned>(answer: &T) {
    let text = serde_json::to_string(answer).unwrap();
    let read: T = serde_json::from_str(&text).unwrap();
    assert_eq!(serde_json::to_string(&read).unwrap(), text);

    // a newer vault may add members
    let Value::Object(mut more) = serde_json::from_str(&text).unwrap() else { panic!("{text}") };
    more.insert("added_later".to_owned(), json!({"by": [1, null]}));
    let read: T = serde_json::from_str(&Value::Object(more).to_string()).unwrap();
    assert_eq!(serde_json::to_string(&read).unwrap(), text);
}

#[test]
fn answers_are_read_back_as_written_and_added_members_are_ignored() {
    returns::<Pending>(&answers::pending());
    returns::<DetailsGranted>(&answers::details_granted());
    returns::<RequestGranted>(&answers::request_granted());
    returns::<Denied>(&answers::denied());
    returns::<FlatAnswer>(&answers::flat_granted());
    returns::<FlatAnswer>(&answers::flat_refused());
    returns::<PushedAnswer>(&answers::pushed_answer());
    returns::<TokenAnswer>(&answers::token_answer());
    returns::<TokenAnswer>(&answers::token_answer_of_an_exchange());
    returns::<DeviceAnswer>(&answers::device_answer());
    returns::<IntrospectionAnswer>(&answers::introspection_answer());
    returns::<IntrospectionAnswer>(&IntrospectionAnswer::default());
    returns::<LimitsAnswer>(&answers::limits_answer());
    returns::<GrantAnswer>(&answers::grant_answer());
    returns::<Metadata>(&answers::metadata());
    returns::<ProtectedResource>(&answers::protected_resource());
    returns::<GrantedAccess>(&answers::granted_access());
    returns::<GrantedAccess>(&answers::everything_granted());
    returns::<ErrorBody>(&answers::unsupported_version());
}

#[test]
fn a_granted_object_sent_back_as_an_ask_is_refused() {
    let granted = serde_json::to_string(&answers::granted_access()).unwrap();
    assert!(serde_json::from_str::<ModelAccess>(&granted).is_err());
}

#[test]
fn the_token_type_is_read_in_any_case() {
    for text in ["Bearer", "bearer", "BEARER"] {
        let read: TokenType = serde_json::from_value(json!(text)).unwrap();
        assert_eq!(serde_json::to_value(read).unwrap(), json!("Bearer"));
    }
    for text in ["DPoP", "dpop", "DPOP"] {
        let read: TokenType = serde_json::from_value(json!(text)).unwrap();
        assert_eq!(serde_json::to_value(read).unwrap(), json!("DPoP"));
        assert_eq!(read.as_str(), "DPoP");
    }
    assert!(serde_json::from_value::<TokenType>(json!("MAC")).is_err());
    assert!(serde_json::from_value::<TokenType>(json!({"Bearer": null})).is_err());
}

#[test]
fn a_null_cap_in_an_answer_does_not_read_as_no_cap() {
    let mut granted = serde_json::to_value(answers::granted_access()).unwrap();
    granted["limits"] = json!({"monthly_spend": null});
    assert!(serde_json::from_value::<GrantedAccess>(granted).is_err());
}

#[test]
fn error_descriptions_keep_to_the_characters_of_rfc_6749() {
    let body = ErrorBody::new(ErrorCode::InvalidRequest, "a \"b\" c\\d é \n\u{202e} …");
    assert_eq!(body.error_description.as_deref(), Some("a 'b' c/d ? ?? ."));
}

#[test]
fn a_token_that_is_not_alive_is_answered_with_that_and_nothing_else() {
    let dead = serde_json::to_string(&IntrospectionAnswer::default()).unwrap();
    assert_eq!(dead, r#"{"active":false}"#);
}

#[test]
fn a_grant_says_in_one_word_whether_it_stands() {
    for (status, word) in [
        (GrantStatus::Active, "active"),
        (GrantStatus::Revoked, "revoked"),
        (GrantStatus::Expired, "expired"),
    ] {
        assert_eq!(serde_json::to_value(status).unwrap(), json!(word));
    }
}
