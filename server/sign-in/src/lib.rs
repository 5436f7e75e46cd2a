//! Who a client is: it shows an API key of this server, a token of an OpenID provider, or one of a Kubernetes cluster, and gets a
//! [`Principal`] or a [`Refusal`].
//!
//! Knows nothing of endpoints, nor of what a principal may do. What cannot be checked is refused. Tokens, keys and what else is secret
//! stand in no message and in no cache, which has hashes of them.
//!
//! A request whose token has been seen a moment ago, or is an API key, is answered without waiting, and so is a token whose key is
//! known. Only what needs the provider or the cluster is awaited: no thread that reads sockets waits for them, and no other request.

mod api_keys;
mod bearer;
mod kubernetes;
mod oidc;
mod refusal;
mod remembered;

use std::path::Path;
use std::sync::Arc;

use feast_clock::now;
use feast_config::{ApiKey, Auth};
use feast_model::error::{Error, Result};
use feast_permissions::Principal;
use ring::digest::{SHA256, digest};

use api_keys::ApiKeys;
pub use api_keys::{NewApiKey, new_api_key};
use kubernetes::Cluster;
use oidc::Oidc;
pub use refusal::Refusal;
use remembered::Remembered;

/// The SHA-256 of a token.
type TokenHash = [u8; 32];

/// Finds out who clients are.
pub struct SignIn {
    api_keys: ApiKeys,
    tokens: Tokens,
    remembered: Remembered,
    warnings: Vec<String>,
}

/// What a client shows.
pub enum Shown<'a> {
    /// Nothing, an API key, or a token that was checked a moment ago.
    Known(Result<Arc<Principal>, Refusal>),
    /// A token that is to be checked.
    New(NewToken<'a>),
}

/// See [`Shown::New`].
pub struct NewToken<'a> {
    token: &'a str,
    hash: TokenHash,
}

/// Whose tokens are accepted beside API keys.
enum Tokens {
    Nobodys,
    /// A cluster as well, if the server runs in one: for tokens of its service accounts.
    Oidc(Box<Oidc>, Option<Arc<Cluster>>),
    Kubernetes(Arc<Cluster>),
}

impl SignIn {
    /// As the settings say. `None` when nobody has to sign in.
    ///
    /// # Errors
    /// `Invalid` when the settings are those of a client, or cannot be used; `Unavailable` when the process is in no cluster, or has no
    /// threads left.
    pub fn from_config(auth: &Auth, api_keys: &[ApiKey], service_account_path: &Path) -> Result<Option<Self>> {
        let mut warnings = Vec::new();
        let tokens = match auth {
            Auth::NoAuth if api_keys.is_empty() => return Ok(None),
            Auth::NoAuth => Tokens::Nobodys,
            Auth::Kubernetes => Tokens::Kubernetes(Arc::new(Cluster::of_this_pod(service_account_path)?)),
            Auth::Oidc(config) => {
                // Only for tokens of service accounts.
                let cluster = Cluster::of_this_pod(service_account_path);
                if let Err(problem) = &cluster
                    && Cluster::is_around()
                {
                    warnings.push(format!("tokens of service accounts are not accepted: {problem}"));
                }
                Tokens::Oidc(Box::new(Oidc::start(config)?), cluster.ok().map(Arc::new))
            }
            Auth::OidcClient(because) => return Err(client_settings(because)),
        };
        if let Tokens::Oidc(oidc, _) = &tokens {
            warnings.extend(oidc.warnings());
        }
        let api_keys = ApiKeys::new(api_keys);
        warnings.extend(api_keys.warnings(now()));
        Ok(Some(Self {
            api_keys,
            tokens,
            warnings,
            remembered: Remembered::default(),
        }))
    }

    /// What who runs the server should know of its settings.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Asks those who are asked about tokens, as the first token would: gives what they are, and why one cannot be asked. For a runtime
    /// whose threads may be waited for.
    pub async fn reach(&self) -> Vec<(String, Result<(), Refusal>)> {
        let mut asked = Vec::new();
        let cluster = match &self.tokens {
            Tokens::Nobodys => None,
            Tokens::Oidc(oidc, cluster) => {
                asked.push(oidc.reach().await);
                cluster.as_ref()
            }
            Tokens::Kubernetes(cluster) => Some(cluster),
        };
        if let Some(cluster) = cluster {
            let cluster = Arc::clone(cluster);
            let reached = tokio::task::spawn_blocking(move || cluster.reach());
            let failed = |_| {
                (
                    "the cluster".to_owned(),
                    Err(Refusal::unavailable("asking the cluster failed")),
                )
            };
            asked.push(reached.await.unwrap_or_else(failed));
        }
        asked
    }

    /// The sender of a request with this `Authorization` header, as far as it is known without checking a token.
    pub fn look_up<'a>(&self, authorization: Option<&'a [u8]>) -> Shown<'a> {
        let token = match bearer::token(authorization) {
            Ok(token) => token,
            Err(refusal) => return Shown::Known(Err(refusal)),
        };
        let (hash, now) = (hash_of(token.as_bytes()), now());
        let known = self.api_keys.find(&hash, now);
        let known = known.or_else(|| self.remembered.get(&hash, now));
        known.map_or(Shown::New(NewToken { token, hash }), Shown::Known)
    }

    /// Checks a token: its signature, or what the cluster says of it.
    ///
    /// # Errors
    /// A [`Refusal`], for whatever reason.
    pub async fn check(&self, new: NewToken<'_>) -> Result<Arc<Principal>, Refusal> {
        let NewToken { token, hash } = new;
        match &self.tokens {
            Tokens::Nobodys => Err(Refusal::bad("it is no API key of this server")),
            Tokens::Oidc(_, Some(cluster)) if oidc::is_of_service_account(token) => {
                self.ask_cluster(cluster, token, hash, Cluster::service_account).await
            }
            Tokens::Oidc(oidc, _) => {
                let (principal, until) = oidc.principal(token).await?;
                let principal = Arc::new(principal);
                self.remembered.keep(hash, Arc::clone(&principal), until);
                Ok(principal)
            }
            Tokens::Kubernetes(cluster) => self.ask_cluster(cluster, token, hash, Cluster::principal).await,
        }
    }

    /// In a box, as few requests come here, and all carry the room for it.
    async fn ask_cluster(
        &self,
        cluster: &Arc<Cluster>,
        token: &str,
        hash: TokenHash,
        ask: fn(&Cluster, &str) -> Result<Principal, Refusal>,
    ) -> Result<Arc<Principal>, Refusal> {
        let asked = async {
            let _turn = cluster.turn(self.remembered.was_accepted(&hash)).await?;
            // Others may have asked about the same token meanwhile.
            if let Some(known) = self.remembered.get(&hash, now()) {
                return known;
            }
            let (cluster, token) = (Arc::clone(cluster), token.to_owned());
            let asked = tokio::task::spawn_blocking(move || ask(&cluster, &token));
            let outcome = asked
                .await
                .unwrap_or_else(|_| Err(Refusal::unavailable("asking the cluster failed")));
            let outcome = outcome.map(Arc::new);
            if !matches!(outcome, Err(Refusal::Unavailable(_))) {
                self.remembered.keep_briefly(hash, outcome.clone(), now());
            }
            outcome
        };
        Box::pin(asked).await
    }
}

fn hash_of(token: &[u8]) -> TokenHash {
    let mut hash = TokenHash::default();
    hash.copy_from_slice(digest(&SHA256, token).as_ref());
    hash
}

fn client_settings(because: &str) -> Error {
    let message =
        format!("auth is how a client signs in ({because}), and says nothing of whose tokens a server accepts");
    Error::invalid(message).with_hint(
        "for a server: auth: {type: oidc, auth_discovery_url: https://.../.well-known/openid-configuration}, without client_secret, token, \
         token_env_var, username and password",
    )
}
