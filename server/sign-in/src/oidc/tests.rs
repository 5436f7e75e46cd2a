//! Tokens that are made to break what reads them.

use proptest::prelude::*;
use serde_json::json;

use super::is_of_service_account;
use super::keys::KeySet;
use crate::bearer;

fn keys() -> KeySet {
    let jwks = json!({"keys": [
        {"kty": "RSA", "kid": "r", "n": "AQAB", "e": "AQAB"},
        {"kty": "EC", "kid": "e", "crv": "P-256", "x": "", "y": ""},
        {"kty": "OKP", "kid": "o", "crv": "Ed25519", "x": "AA"},
    ]});
    KeySet::from_jwks(&jwks, None).unwrap()
}

fn part() -> impl Strategy<Value = String> {
    prop_oneof![
        "[A-Za-z0-9_=-]{0,40}",
        Just("eyJhbGciOiJSUzI1NiIsImtpZCI6InIifQ".to_owned()),
        Just("eyJhbGciOiJFUzI1NiIsImtpZCI6ImUifQ".to_owned()),
        Just("eyJhbGciOiJFZERTQSIsImtpZCI6Im8ifQ".to_owned()),
        Just("eyJhbGciOiJIUzI1NiIsImtpZCI6InIifQ".to_owned()),
        Just("e30".to_owned()),
    ]
}

proptest! {
    #[test]
    fn no_token_ends_the_process_and_none_is_accepted_without_a_signature(
        parts in proptest::collection::vec(part(), 0..5),
        header in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let token = parts.join(".");
        prop_assert!(!matches!(keys().claims(&token), Ok(super::Found::Claims(_))));
        is_of_service_account(&token);
        let _ = bearer::token(Some(&header));
    }
}

#[test]
fn what_is_no_key_set_is_refused() {
    for jwks in [
        json!(null),
        json!({}),
        json!({"keys": "x"}),
        json!({"keys": [{"kty": "oct", "k": "AA"}]}),
    ] {
        assert!(KeySet::from_jwks(&jwks, None).is_err(), "{jwks}");
    }
    let taken_back = KeySet::from_jwks(&json!({"keys": []}), None);
    assert!(taken_back.is_ok_and(|keys| keys.is_empty()));
}
