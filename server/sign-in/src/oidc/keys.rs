//! The keys of a provider, and signatures.
//!
//! A key has one algorithm: the one that it declares, or the usual one of its kind. A token that was signed by another is refused, so that
//! nobody can choose how a key is used, and least of all an algorithm with which the public key is the secret.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde_json::Value;

use super::claims::Claims;
use crate::Refusal;
use crate::refusal::shown;

/// What a provider publishes.
pub(crate) struct KeySet {
    /// What it calls itself.
    pub(crate) issuer: Option<String>,
    keys: Vec<Key>,
}

struct Key {
    id: Option<String>,
    algorithm: Algorithm,
    key: DecodingKey,
}

/// What a key set says of a token.
pub(crate) enum Found {
    /// It was signed with one of the keys.
    Claims(Claims),
    /// Its key is not among them: why that is so.
    UnknownKey(String),
}

impl KeySet {
    /// The keys of a JWKS that can be used here: public ones, for signatures.
    ///
    /// # Errors
    /// When there are keys, but none of them. A provider that lists none has taken them all back.
    pub(crate) fn from_jwks(jwks: &Value, issuer: Option<String>) -> Result<Self, String> {
        let listed = jwks["keys"].as_array().ok_or("it has no list of keys")?;
        let keys: Vec<Key> = listed.iter().filter_map(Key::from_jwk).collect();
        if keys.is_empty() && !listed.is_empty() {
            return Err("it has no key for signatures that can be used here".to_owned());
        }
        Ok(Self { issuer, keys })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The claims of a token, once its signature is checked.
    ///
    /// # Errors
    /// `BadToken` when it is not signed as its key says.
    pub(crate) fn claims(&self, token: &str) -> Result<Found, Refusal> {
        let header = Header::of(token)?;
        let key = match &header.key_id {
            Some(id) => {
                let mut named = self.keys.iter().filter(|key| key.id.as_ref() == Some(id)).peekable();
                if named.peek().is_none() {
                    return Ok(Found::UnknownKey(format!("the provider has no key {}", shown(id))));
                }
                named.find(|key| key.algorithm == header.algorithm)
            }
            None => match self.keys.as_slice() {
                [only] => Some(only).filter(|key| key.algorithm == header.algorithm),
                _ => {
                    return Err(Refusal::bad(
                        "it does not say with which of the provider's keys it is signed",
                    ));
                }
            },
        };
        let key = key.ok_or_else(|| {
            Refusal::bad(format!(
                "it is signed by {:?}, which is not what its key is for",
                header.algorithm
            ))
        })?;
        let mut validation = Validation::new(key.algorithm);
        // Claims are looked at afterwards.
        validation.required_spec_claims.clear();
        (validation.validate_exp, validation.validate_aud) = (false, false);
        let decoded = decode::<Claims>(token, &key.key, &validation);
        let decoded = decoded.map_err(|error| Refusal::bad(error.to_string()))?;
        Ok(Found::Claims(decoded.claims))
    }
}

impl Key {
    fn from_jwk(jwk: &Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(jwk.clone()).ok()?;
        if !matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature)) {
            return None;
        }
        Some(Self {
            algorithm: algorithm_of(&jwk)?,
            key: DecodingKey::from_jwk(&jwk).ok()?,
            id: jwk.common.key_id,
        })
    }
}

fn algorithm_of(jwk: &Jwk) -> Option<Algorithm> {
    let declared = jwk.common.key_algorithm;
    match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => match declared {
            None | Some(KeyAlgorithm::RS256) => Some(Algorithm::RS256),
            Some(KeyAlgorithm::RS384) => Some(Algorithm::RS384),
            Some(KeyAlgorithm::RS512) => Some(Algorithm::RS512),
            Some(KeyAlgorithm::PS256) => Some(Algorithm::PS256),
            Some(KeyAlgorithm::PS384) => Some(Algorithm::PS384),
            Some(KeyAlgorithm::PS512) => Some(Algorithm::PS512),
            Some(_) => None,
        },
        AlgorithmParameters::EllipticCurve(parameters) => match (&parameters.curve, declared) {
            (EllipticCurve::P256, None | Some(KeyAlgorithm::ES256)) => Some(Algorithm::ES256),
            (EllipticCurve::P384, None | Some(KeyAlgorithm::ES384)) => Some(Algorithm::ES384),
            _ => None,
        },
        AlgorithmParameters::OctetKeyPair(parameters) => match (&parameters.curve, declared) {
            (EllipticCurve::Ed25519, None | Some(KeyAlgorithm::EdDSA)) => Some(Algorithm::EdDSA),
            _ => None,
        },
        // A secret, which is not published.
        AlgorithmParameters::OctetKey(_) => None,
    }
}

/// What the head of a token says.
struct Header {
    algorithm: Algorithm,
    key_id: Option<String>,
}

impl Header {
    fn of(token: &str) -> Result<Self, Refusal> {
        let mut parts = token.split('.');
        let (Some(head), Some(_), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
            return Err(Refusal::bad("it is no API key of this server, and no JWT"));
        };
        let head = URL_SAFE_NO_PAD.decode(head).ok();
        let head = head.and_then(|head| serde_json::from_slice::<Value>(&head).ok());
        let head = head
            .filter(Value::is_object)
            .ok_or_else(|| Refusal::bad("its head cannot be read"))?;
        // What must be understood is not.
        if head.get("crit").is_some() {
            return Err(Refusal::bad("its head has crit"));
        }
        let algorithm = head["alg"].as_str().unwrap_or_default();
        let algorithm = algorithm
            .parse()
            .map_err(|_| Refusal::bad(format!("it is signed by {}, which is not accepted", shown(algorithm))))?;
        let key_id = match head.get("kid") {
            None | Some(Value::Null) => None,
            Some(Value::String(id)) => Some(id.clone()),
            Some(_) => return Err(Refusal::bad("its kid is no string")),
        };
        Ok(Self { algorithm, key_id })
    }
}
