//! Tokens as providers make them, also those that none should accept.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Value, json};

/// Seconds since 1970, as claims have them, so many from now.
pub(super) fn in_seconds(seconds: i64) -> i64 {
    feast_engine::now().micros() / 1_000_000 + seconds
}

/// What a token of somebody with role `reader` says.
pub(super) fn reader() -> Value {
    json!({"preferred_username": "ann", "exp": in_seconds(600), "roles": ["reader"]})
}

/// A token that is signed with one of the keys of the fixtures, by what its head says.
pub(super) fn signed(head: &Value, claims: &Value, key: &str) -> String {
    let message = unsigned(head, claims);
    let signature = match head["alg"].as_str().unwrap() {
        "none" => Vec::new(),
        // The key is public: so is this signature.
        "HS256" => {
            let public = feast_fixtures::PROVIDER_KEYS.as_bytes();
            let key = hmac::Key::new(hmac::HMAC_SHA256, public);
            hmac::sign(&key, message.as_bytes()).as_ref().to_vec()
        }
        "ES256" => {
            let random = SystemRandom::new();
            let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &private_key(key), &random).unwrap();
            key.sign(&random, message.as_bytes()).unwrap().as_ref().to_vec()
        }
        _ => {
            let key = RsaKeyPair::from_pkcs8(&private_key(key)).unwrap();
            let mut signature = vec![0; key.public().modulus_len()];
            key.sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                message.as_bytes(),
                &mut signature,
            )
            .unwrap();
            signature
        }
    };
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// A token of the provider's first key.
pub(super) fn of_provider(claims: &Value) -> String {
    signed(&json!({"alg": "RS256", "kid": "test-key-1"}), claims, "test-key-1")
}

/// Without a signature: head and claims.
fn unsigned(head: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(head), part(claims))
}

fn private_key(name: &str) -> Vec<u8> {
    let path = format!("{}/{name}.pem", feast_fixtures::PROVIDER);
    let pem = std::fs::read_to_string(path).unwrap();
    let lines = pem.lines().skip_while(|line| !line.starts_with("-----BEGIN")).skip(1);
    let lines = lines.take_while(|line| !line.starts_with("-----END"));
    STANDARD.decode(lines.collect::<String>()).unwrap()
}
