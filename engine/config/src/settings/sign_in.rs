//! Whose tokens and keys a server accepts.

use serde_json::Value;

use super::repository::never;
use super::{Block, ignored, or_null, place, setting, some};
use crate::redact::without_secrets;
use crate::{ApiKey, Auth, Issuer, OidcConfig, RepositoryConfig};

const OF_CLIENTS: &str = "it is for clients; a server whose block says how a client signs in does not start";

fn oidc(config: &RepositoryConfig) -> Option<&OidcConfig> {
    match &config.auth {
        Auth::Oidc(oidc) => Some(oidc),
        Auth::NoAuth | Auth::Kubernetes | Auth::OidcClient(_) => None,
    }
}

pub(crate) static AUTH: Block = Block::new(
    "Who may sign in",
    "auth",
    &[setting(
        "type",
        "`no_auth`, `kubernetes`, `oidc`",
        "whose tokens are accepted: [`sign-in.md`](sign-in.md); `auth: TYPE` says the same",
        |config| some(config.auth.type_name()),
    )],
)
.short("type");

pub(crate) static OIDC: Block = Block::new(
    "Who may sign in: an OpenID provider",
    "auth",
    &[
        setting(
            "auth_discovery_url",
            "a URL",
            "where the provider describes itself",
            |config| some(without_secrets(&oidc(config)?.discovery_url)),
        )
        .required(),
        setting(
            "client_id",
            "a name",
            "roles of this client in `resource_access` count",
            |config| or_null(oidc(config)?.client_id.as_deref()),
        ),
        setting(
            "audience",
            "a name",
            "the token must be made for it; set it, as otherwise tokens that the provider made for any other application are accepted",
            |config| or_null(oidc(config)?.audience.as_deref()),
        ),
        setting(
            "issuer",
            "a URL, `\"\"`",
            "the token must be made by it, and say so; `\"\"` accepts any",
            |config| match &oidc(config)?.issuer {
                Issuer::OfProvider => Some(Value::Null),
                Issuer::Exactly(issuer) => some(issuer.as_str()),
                Issuer::Anybody => some(""),
            },
        )
        .or_nothing("the provider's own, in tokens that have the claim"),
        setting(
            "verify_ssl",
            "true, false",
            "check the provider's certificate",
            |config| some(oidc(config)?.checks_certificate),
        ),
        setting(
            "ca_cert_path",
            "a path",
            "the authorities that sign the provider's certificate",
            |config| match &oidc(config)?.authorities {
                Some(path) => place(path),
                None => Some(Value::Null),
            },
        )
        .or_nothing("those of the system"),
        setting(
            "jwks_cache_lifespan_seconds",
            "1 to 604800 seconds",
            "how long keys are used before they are fetched again",
            |config| some(oidc(config)?.key_lifespan.as_secs()),
        ),
        setting(
            "jwks_request_timeout_seconds",
            "1 to 300 seconds",
            "how long fetching them may take",
            |config| some(oidc(config)?.key_timeout.as_secs()),
        ),
    ],
)
.with("auth: {type: oidc, auth_discovery_url: \"https://provider/.well-known/openid-configuration\"}")
.and_ignored(&[
    ignored("ui_client_id", "Feast's pages for browsers are not offered", never),
    ignored("username", OF_CLIENTS, never),
    ignored("password", OF_CLIENTS, never),
    ignored("client_secret", OF_CLIENTS, never),
    ignored("token", OF_CLIENTS, never),
    ignored("token_env_var", OF_CLIENTS, never),
    ignored("token_refresh_margin_seconds", "it is for clients", never),
]);

pub(crate) static SERVING: Block = Block::new(
    "Who may sign in: by means of this server",
    "serving",
    &[
        setting(
            "api_keys",
            "a list",
            "keys of the server's own, at most 1000: [`sign-in.md`](sign-in.md#api-keys); with one of them everybody has to sign in",
            |config| config.api_keys.is_empty().then_some(Value::Null),
        ),
        setting(
            "service_account_path",
            "a path",
            "what the server needs to ask its Kubernetes cluster",
            |config| place(&config.service_account_path),
        ),
    ],
);

/// The value of each key, if there are keys.
fn each(config: &RepositoryConfig, value: impl Fn(&ApiKey) -> Option<Value>) -> Option<Value> {
    let values = config.api_keys.iter().map(|key| value(key).unwrap_or_default());
    (!config.api_keys.is_empty()).then(|| values.collect())
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) static API_KEY: Block = Block::new(
    "An API key",
    "serving.api_keys[]",
    &[
        setting(
            "name",
            "a name",
            "what its holder is called, in refusals and in the log",
            |config| each(config, |key| some(key.name.as_str())),
        )
        .required(),
        setting("sha256", "64 hexadecimal digits", "of the key", |config| {
            each(config, |key| some(hexadecimal(&key.sha256)))
        })
        .required(),
        setting(
            "roles",
            "a list of names",
            "roles of its holder, for permissions",
            |config| each(config, |key| some(key.roles.clone())),
        ),
        setting(
            "groups",
            "a list of names",
            "groups of its holder, for permissions",
            |config| each(config, |key| some(key.groups.clone())),
        ),
        setting(
            "read_only",
            "true, false",
            "it may never write, whatever permissions say",
            |config| each(config, |key| some(key.is_read_only)),
        ),
        setting("expires", "a time", "from then on it is none", |config| {
            each(config, |key| or_null(key.expires.map(|time| time.to_string())))
        })
        .or_nothing("never"),
    ],
)
.with("serving: {api_keys: [{name: a, sha256: '0000000000000000000000000000000000000000000000000000000000000000'}]}");
