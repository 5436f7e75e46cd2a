//! Tokens of an OpenID provider: JWTs, signed with keys that the provider publishes.

mod claims;
mod keys;
mod provider;
#[cfg(test)]
mod tests;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use feast_clock::now;
use feast_config::OidcConfig;
use feast_model::Timestamp;
use feast_model::error::Result;
use feast_permissions::Principal;
use serde_json::Value;

use crate::Refusal;
use keys::Found;
use provider::Provider;

/// Checks tokens of one provider.
pub(crate) struct Oidc {
    config: OidcConfig,
    provider: Provider,
}

impl Oidc {
    /// Begins to fetch the provider's keys.
    ///
    /// # Errors
    /// `Invalid` for settings that cannot be used, `Unavailable` when there is no thread.
    pub(crate) fn start(config: &OidcConfig) -> Result<Self> {
        Ok(Self {
            config: config.clone(),
            provider: Provider::start(config)?,
        })
    }

    pub(crate) fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.config.audience.is_none() {
            warnings.push(
                "auth.audience is not set: tokens that the provider made for any other client are accepted too"
                    .to_owned(),
            );
        }
        if !self.config.checks_certificate {
            warnings.push(
                "auth.verify_ssl is false: whoever is in between can give this server keys of their own and sign in as anybody"
                    .to_owned(),
            );
        } else if self.config.discovery_url.starts_with("http://") {
            warnings.push(
                "auth.auth_discovery_url is not https: whoever is in between can give this server keys of their own and sign in as \
                 anybody"
                    .to_owned(),
            );
        }
        warnings
    }

    /// Whether the provider gives its keys: what it is called, and why it does not.
    pub(crate) async fn reach(&self) -> (String, Result<(), Refusal>) {
        let keys = self.provider.fetched_anew().await;
        let reached = match keys {
            Ok(keys) if keys.is_empty() => Err(Refusal::unavailable(
                "the provider publishes no key: none of its tokens is accepted",
            )),
            keys => keys.map(drop),
        };
        (format!("the OpenID provider {}", self.config.discovery_url), reached)
    }

    /// Who has this token, and when it ends. Waits for the provider only if the key of the token is not known.
    ///
    /// # Errors
    /// `BadToken`, and `Unavailable` while there are no keys.
    pub(crate) async fn principal(&self, token: &str) -> Result<(Principal, Timestamp), Refusal> {
        let (keys, claims) = match self.provider.keys() {
            Some(keys) => match keys.claims(token)? {
                Found::Claims(claims) => (keys, claims),
                Found::UnknownKey(_) => Box::pin(self.with_new_keys(token)).await?,
            },
            None => Box::pin(self.with_new_keys(token)).await?,
        };
        claims::check(&claims, &self.config, keys.issuer.as_deref(), now())?;
        let principal = claims::principal(&claims, self.config.client_id.as_deref())?;
        Ok((principal, claims::end(&claims)?))
    }

    async fn with_new_keys(&self, token: &str) -> Result<(std::sync::Arc<keys::KeySet>, claims::Claims), Refusal> {
        let keys = self.provider.fetched_anew().await?;
        match keys.claims(token)? {
            Found::Claims(claims) => Ok((keys, claims)),
            Found::UnknownKey(why) => Err(Refusal::BadToken(why)),
        }
    }
}

/// Whether a token says that it is one of a service account of a cluster. Nothing else is believed by this: the cluster is asked.
pub(crate) fn is_of_service_account(token: &str) -> bool {
    let payload = token.split('.').nth(1).unwrap_or_default();
    let claims = URL_SAFE_NO_PAD.decode(payload).ok();
    let claims = claims.and_then(|claims| serde_json::from_slice::<Value>(&claims).ok());
    claims.is_some_and(|claims| claims["kubernetes.io"].is_object())
}
