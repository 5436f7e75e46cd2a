//! The block `auth`: how clients of Feast's servers prove who they are.

use feast_model::error::{Error, Result};
use serde_json::Value;

use super::keys::check_keys;

/// Which clients a server answers (`auth.type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AuthType {
    /// Every client that reaches the server.
    #[default]
    NoAuth,
    /// Clients with a token of the Kubernetes cluster.
    Kubernetes,
    /// Clients with a token of an OpenID provider.
    Oidc,
}

impl AuthType {
    /// The name in the settings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoAuth => "no_auth",
            Self::Kubernetes => "kubernetes",
            Self::Oidc => "oidc",
        }
    }
}

/// Keys of servers and of clients, as one file serves both.
const OIDC_KEYS: [&str; 16] = [
    "type",
    "auth_discovery_url",
    "client_id",
    "ui_client_id",
    "verify_ssl",
    "ca_cert_path",
    "audience",
    "issuer",
    "jwks_cache_lifespan_seconds",
    "jwks_request_timeout_seconds",
    "username",
    "password",
    "client_secret",
    "token",
    "token_env_var",
    "token_refresh_margin_seconds",
];

/// The type, given as a string or in a mapping.
pub(super) fn auth_type(root: &Value) -> Result<AuthType> {
    match root.get("auth") {
        None | Some(Value::Null) => Ok(AuthType::NoAuth),
        Some(Value::String(name)) => by_name(name),
        Some(block @ Value::Object(members)) => {
            let auth_type = match members.get("type") {
                None | Some(Value::Null) => {
                    return Err(Error::invalid(format!(
                        "auth configuration is missing authentication type. {POSSIBLE}"
                    )));
                }
                Some(Value::String(name)) => by_name(name)?,
                Some(other) => by_name(&other.to_string())?,
            };
            match auth_type {
                AuthType::NoAuth => check_keys("auth", block, &["type"])?,
                AuthType::Oidc => check_keys("auth", block, &OIDC_KEYS)?,
                // Feast takes any key there.
                AuthType::Kubernetes => {}
            }
            Ok(auth_type)
        }
        Some(other) => Err(Error::invalid(format!(
            "auth must be a mapping with the key type, not {other}"
        ))),
    }
}

const POSSIBLE: &str = "Possible values=['no_auth', 'kubernetes', 'oidc']";

/// Feast's own message for a wrong type.
fn by_name(name: &str) -> Result<AuthType> {
    let types = [AuthType::NoAuth, AuthType::Kubernetes, AuthType::Oidc];
    let found = types.into_iter().find(|auth_type| auth_type.name() == name);
    found.ok_or_else(|| {
        Error::invalid(format!(
            "auth configuration has invalid authentication type={name}. {POSSIBLE}"
        ))
    })
}
