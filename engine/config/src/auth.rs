//! The block `auth`: how clients of Feast's servers prove who they are. One file serves servers and clients, and what a block is for shows
//! in its keys.

use std::path::{Path, PathBuf};
use std::time::Duration;

use feast_model::error::{Error, Result};
use serde_json::Value;

use super::block::{flag_or, has_login, seconds_or, string_at};
use super::keys::check_keys;
use super::settings::{AUTH, OIDC};

/// Whose tokens a server accepts (`auth`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Auth {
    /// Nobody's: it answers every client that reaches it, unless it has keys of its own.
    #[default]
    NoAuth,
    /// Those of the Kubernetes cluster.
    Kubernetes,
    /// Those of an OpenID provider.
    Oidc(OidcConfig),
    /// The block says how a client signs in, and nothing about a server. Holds what shows it.
    OidcClient(&'static str),
}

/// How tokens of an OpenID provider are checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OidcConfig {
    /// Where the provider describes itself (`auth_discovery_url`).
    pub discovery_url: String,
    /// Whose roles in `resource_access` count (`client_id`); nobody's when `None`.
    pub client_id: Option<String>,
    /// For whom tokens must be made (`audience`); anybody when `None`.
    pub audience: Option<String>,
    /// Who must have made them (`issuer`).
    pub issuer: Issuer,
    /// Whether the provider's certificate is checked (`verify_ssl`).
    pub checks_certificate: bool,
    /// The authorities that sign it (`ca_cert_path`); those of the system when `None`.
    pub authorities: Option<PathBuf>,
    /// How long keys are used before they are fetched again (`jwks_cache_lifespan_seconds`).
    pub key_lifespan: Duration,
    /// How long fetching them may take (`jwks_request_timeout_seconds`).
    pub key_timeout: Duration,
}

/// What the claim `iss` of a token must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Issuer {
    /// What the provider says of itself, in tokens that have the claim.
    OfProvider,
    /// This, in every token.
    Exactly(String),
    /// Anything: `issuer: ""`.
    Anybody,
}

impl Auth {
    /// The type, as it is called in the settings.
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::NoAuth => "no_auth",
            Self::Kubernetes => "kubernetes",
            Self::Oidc(_) | Self::OidcClient(_) => "oidc",
        }
    }
}

/// By any of these Feast takes the block for one of a client.
const CLIENT_KEYS: [&str; 5] = ["client_secret", "token", "token_env_var", "username", "password"];

const DEFAULT_KEY_LIFESPAN: Duration = Duration::from_secs(300);
const DEFAULT_KEY_TIMEOUT: Duration = Duration::from_secs(10);
/// A week, and some minutes: more is a mistake.
const MAX_KEY_LIFESPAN: u64 = 604_800;
const MAX_KEY_TIMEOUT: u64 = 300;

/// The type is given as a string or in a mapping.
pub(super) fn auth(root: &Value, directory: &Path) -> Result<Auth> {
    let (name, block) = match root.get("auth") {
        None | Some(Value::Null) => return Ok(Auth::NoAuth),
        Some(Value::String(name)) => (name.clone(), &Value::Null),
        Some(block @ Value::Object(members)) => match members.get("type") {
            None | Some(Value::Null) => {
                return Err(Error::invalid(format!(
                    "auth configuration is missing authentication type. {POSSIBLE}"
                )));
            }
            Some(Value::String(name)) => (name.clone(), block),
            Some(other) => (other.to_string(), block),
        },
        Some(other) => {
            return Err(Error::invalid(format!(
                "auth must be a mapping with the key type, not {other}"
            )));
        }
    };
    match name.as_str() {
        "no_auth" => check_keys("auth", block, &[&AUTH]).map(|()| Auth::NoAuth),
        // Feast takes any key there.
        "kubernetes" => Ok(Auth::Kubernetes),
        "oidc" => {
            check_keys("auth", block, &[&AUTH, &OIDC])?;
            oidc(block, directory)
        }
        // Feast's own message.
        name => Err(Error::invalid(format!(
            "auth configuration has invalid authentication type={name}. {POSSIBLE}"
        ))),
    }
}

const POSSIBLE: &str = "Possible values=['no_auth', 'kubernetes', 'oidc']";

fn oidc(block: &Value, directory: &Path) -> Result<Auth> {
    let is_given = |key: &&str| block.get(*key).is_some_and(|value| !value.is_null());
    if let Some(key) = CLIENT_KEYS.into_iter().find(is_given) {
        return Ok(Auth::OidcClient(key));
    }
    let string = |key: &str| string_at(block, "auth", key);
    let Some(url) = string("auth_discovery_url")? else {
        return Ok(Auth::OidcClient(NO_URL));
    };
    if !url.starts_with("https://") && !url.starts_with("http://") {
        return Err(Error::invalid(format!("auth.auth_discovery_url {url:?} is not a URL"))
            .with_hint("it begins with https:// and ends with /.well-known/openid-configuration"));
    }
    if has_login(url) {
        return Err(
            Error::invalid("auth.auth_discovery_url has a user or a password in it, which are not sent")
                .with_hint("leave out what is before the @: what a provider says of its keys is for everybody"),
        );
    }
    let named = |key: &str| Ok::<_, Error>(string(key)?.filter(|text| !text.is_empty()).map(str::to_owned));
    Ok(Auth::Oidc(OidcConfig {
        discovery_url: url.to_owned(),
        client_id: named("client_id")?,
        audience: named("audience")?,
        issuer: match string("issuer")? {
            None => Issuer::OfProvider,
            Some("") => Issuer::Anybody,
            Some(issuer) => Issuer::Exactly(issuer.to_owned()),
        },
        checks_certificate: flag_or(block, "auth", "verify_ssl", true)?,
        // Feast's default is an empty string.
        authorities: named("ca_cert_path")?.map(|path| directory.join(path)),
        key_lifespan: seconds_or(
            block,
            "auth",
            "jwks_cache_lifespan_seconds",
            MAX_KEY_LIFESPAN,
            DEFAULT_KEY_LIFESPAN,
        )?,
        key_timeout: seconds_or(
            block,
            "auth",
            "jwks_request_timeout_seconds",
            MAX_KEY_TIMEOUT,
            DEFAULT_KEY_TIMEOUT,
        )?,
    }))
}

/// Stands for the key that a server's block has and a client's has not.
const NO_URL: &str = "no auth_discovery_url";
