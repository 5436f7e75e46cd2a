//! API keys of this server: made by it, kept by clients, and known here by their hashes.
//!
//! A key is 32 random bytes, so that a plain SHA-256 is enough: nobody can try that many, and a hash that is slow on purpose would cost
//! every request what it costs an attacker.

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use feast_config::ApiKey;
use feast_model::Timestamp;
use feast_model::error::{Error, ErrorKind, Result};
use feast_permissions::{Principal, SignInKind};
use ring::rand::{SecureRandom, SystemRandom};

use crate::{Refusal, TokenHash, hash_of};

/// What keys begin with, so that they are recognized where they should not be, such as in a log.
const PREFIX: &str = "feast_";
const RANDOM_BYTES: usize = 32;

/// The keys of a server by their hashes. How long a look-up takes may tell something of a hash, which is of no use: nobody can choose a
/// key by its hash.
pub(crate) struct ApiKeys(HashMap<TokenHash, KnownKey>);

struct KnownKey {
    expires: Option<Timestamp>,
    principal: Arc<Principal>,
}

impl ApiKeys {
    pub(crate) fn new(keys: &[ApiKey]) -> Self {
        let known = |key: &ApiKey| KnownKey {
            expires: key.expires,
            principal: Arc::new(Principal {
                roles: key.roles.clone(),
                groups: key.groups.clone(),
                is_read_only: key.is_read_only,
                ..Principal::new(key.name.clone(), SignInKind::ApiKey)
            }),
        };
        Self(keys.iter().map(|key| (key.sha256, known(key))).collect())
    }

    /// Whose key has this hash. `None` when nobody's has.
    pub(crate) fn find(&self, hash: &TokenHash, now: Timestamp) -> Option<Result<Arc<Principal>, Refusal>> {
        self.0.get(hash).map(|key| match key.expires {
            Some(end) if end <= now => Err(Refusal::bad(format!("API key {} ended at {end}", key.principal.name))),
            _ => Ok(Arc::clone(&key.principal)),
        })
    }

    pub(crate) fn warnings(&self, now: Timestamp) -> Vec<String> {
        let keys = self.0.values();
        let ended = keys.filter_map(|key| Some((&key.principal.name, key.expires.filter(|end| *end <= now)?)));
        let mut lines: Vec<String> = ended
            .map(|(name, end)| format!("API key {name} ended at {end}: nobody can sign in with it"))
            .collect();
        lines.sort();
        lines
    }
}

/// A key that was just made.
pub struct NewApiKey {
    /// The key, for the client.
    pub key: String,
    /// Its SHA-256 in hexadecimal digits, for the settings.
    pub sha256: String,
}

/// Makes a key.
///
/// # Errors
/// `Unavailable` when the system gives no random bytes.
pub fn new_api_key() -> Result<NewApiKey> {
    let mut random = [0; RANDOM_BYTES];
    let filled = SystemRandom::new().fill(&mut random);
    filled.map_err(|_| Error::new(ErrorKind::Unavailable, "the system gives no random bytes"))?;
    let key = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(random));
    let sha256 = hash_of(key.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Ok(NewApiKey { key, sha256 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_by_its_hash_until_it_ends() {
        let made = new_api_key().unwrap();
        assert_eq!((made.key.len(), made.sha256.len()), (PREFIX.len() + 43, 64));
        let hash = hash_of(made.key.as_bytes());
        let end = Timestamp::parse("2027-01-31").unwrap();
        let keys = ApiKeys::new(&[ApiKey {
            name: "job".to_owned(),
            sha256: hash,
            roles: vec!["reader".to_owned()],
            groups: Vec::new(),
            is_read_only: true,
            expires: Some(end),
        }]);
        let before = Timestamp::parse("2027-01-30").unwrap();
        let principal = keys.find(&hash, before).unwrap().unwrap();
        assert_eq!((principal.name.as_str(), principal.is_read_only), ("job", true));
        assert!(keys.find(&hash_of(b"another"), before).is_none());
        let refusal = keys.find(&hash, end).unwrap().unwrap_err();
        assert_eq!(
            refusal.to_string(),
            "the token is not accepted: API key job ended at 2027-01-31T00:00:00Z"
        );
        assert!(keys.warnings(before).is_empty());
        assert_eq!(keys.warnings(end).len(), 1);
        assert_ne!(new_api_key().unwrap().key, made.key);
    }
}
