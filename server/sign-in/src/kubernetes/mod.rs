//! Tokens of a Kubernetes cluster: the cluster itself says whose they are, and its role bindings which roles that somebody has.
//!
//! What a token says of itself is not looked at: the review of the cluster decides, and gives the name and the groups.

mod bindings;

use std::path::{Path, PathBuf};
use std::time::Duration;

use feast_http_client::{Client, Reply, Trust};
use feast_model::error::{Error, ErrorKind, Result};
use feast_permissions::{Principal, SignInKind};
use serde_json::{Value, json};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::Refusal;
use bindings::{Binding, Subject};

const TIMEOUT: Duration = Duration::from_secs(10);
/// Questions that the cluster is asked at once: more would be the load of others. Tokens that it has accepted before have turns of their
/// own, so that a flood of wrong tokens does not keep them waiting.
const MAX_QUESTIONS: usize = 4;
/// How long a token waits for its turn.
const MAX_WAIT: Duration = Duration::from_secs(5);

const REVIEWS: &str = "/apis/authentication.k8s.io/v1/tokenreviews";
const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";
const SERVICE_ACCOUNT: &str = "system:serviceaccount:";
const SERVICE_ACCOUNTS_OF: &str = "system:serviceaccounts:";

/// The cluster that this process runs in.
pub(crate) struct Cluster {
    client: Client,
    /// Without a slash at its end.
    url: String,
    /// The namespace of this server.
    namespace: String,
    /// The token of this server, which is replaced now and then.
    token_file: PathBuf,
    questions_of_known: Semaphore,
    questions_of_others: Semaphore,
}

/// What a review says of a token.
struct Review {
    name: String,
    groups: Vec<String>,
}

impl Cluster {
    /// Whether this process is in a cluster, as far as its environment says.
    pub(crate) fn is_around() -> bool {
        std::env::var_os("KUBERNETES_SERVICE_HOST").is_some()
    }

    /// As Kubernetes tells a pod of it: in the environment, and in the files of its service account.
    ///
    /// # Errors
    /// `Unavailable` when it does not.
    pub(crate) fn of_this_pod(service_account: &Path) -> Result<Self> {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let host = variable("KUBERNETES_SERVICE_HOST").zip(variable("KUBERNETES_SERVICE_PORT"));
        let (host, port) = host.ok_or_else(|| {
            Error::new(
                ErrorKind::Unavailable,
                "this process is in no Kubernetes cluster: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set",
            )
        })?;
        let host = if host.contains(':') { format!("[{host}]") } else { host };
        let token_file = service_account.join("token");
        read_trimmed(&token_file)?;
        Ok(Self {
            client: Client::new(&Trust::File(&service_account.join("ca.crt")), TIMEOUT, false)?,
            url: format!("https://{host}:{port}"),
            namespace: read_trimmed(&service_account.join("namespace"))?,
            token_file,
            questions_of_known: Semaphore::new(MAX_QUESTIONS),
            questions_of_others: Semaphore::new(MAX_QUESTIONS),
        })
    }

    /// Whether the cluster reviews tokens for this server, by its own: what it is called, and why it does not.
    pub(crate) fn reach(&self) -> (String, Result<(), Refusal>) {
        let reviewed = self.own_token().and_then(|token| self.review(&token));
        (format!("the cluster at {}", self.url), reviewed.map(drop))
    }

    /// Waits until the cluster may be asked about a token, which it has accepted before or not.
    ///
    /// # Errors
    /// `Unavailable` when that takes too long.
    pub(crate) async fn turn(&self, is_known: bool) -> Result<SemaphorePermit<'_>, Refusal> {
        let questions = match is_known {
            true => &self.questions_of_known,
            false => &self.questions_of_others,
        };
        match tokio::time::timeout(MAX_WAIT, questions.acquire()).await {
            Ok(Ok(turn)) => Ok(turn),
            Ok(Err(_)) | Err(_) => Err(Refusal::unavailable("too many tokens wait for the cluster")),
        }
    }

    /// Who has a token of a service account, where tokens of people come from a provider: no role bindings are read.
    ///
    /// # Errors
    /// `BadToken`, or `Unavailable` when the cluster does not answer.
    pub(crate) fn service_account(&self, token: &str) -> Result<Principal, Refusal> {
        let review = self.review(token)?;
        let (namespace, _) = service_account(&review.name)
            .ok_or_else(|| Refusal::bad("the cluster says that it is not the token of a service account"))?;
        Ok(Principal {
            namespaces: vec![namespace.to_owned()],
            ..Principal::new(review.name.clone(), SignInKind::Kubernetes)
        })
    }

    /// Who has a token, with roles and namespaces by the role bindings of the cluster.
    ///
    /// # Errors
    /// `BadToken`, or `Unavailable` when the cluster does not answer.
    pub(crate) fn principal(&self, token: &str) -> Result<Principal, Refusal> {
        let review = self.review(token)?;
        let of_groups = review
            .groups
            .iter()
            .filter_map(|group| group.strip_prefix(SERVICE_ACCOUNTS_OF));
        let mut namespaces: Vec<String> = of_groups.map(str::to_owned).collect();
        let mut add_namespace = |namespace: &str| {
            if !namespaces.iter().any(|known| known == namespace) {
                namespaces.push(namespace.to_owned());
            }
        };
        let roles = match service_account(&review.name) {
            Some((namespace, name)) => {
                add_namespace(namespace);
                let account = Subject::ServiceAccount { namespace, name };
                let own = self.bindings(&format!("{RBAC}/namespaces/{}/rolebindings", self.namespace))?;
                bindings::roles(own.iter().filter(|binding| binding.is_of(&account)))
            }
            None => {
                let user = Subject::User(&review.name);
                let in_namespaces = self.bindings(&format!("{RBAC}/rolebindings"))?;
                let of_cluster = self.bindings(&format!("{RBAC}/clusterrolebindings"))?;
                for binding in in_namespaces
                    .iter()
                    .filter(|binding| binding.is_of(&user) && binding.opens_namespace())
                {
                    binding.namespace.iter().for_each(|namespace| add_namespace(namespace));
                }
                let groups: Vec<Subject<'_>> = review.groups.iter().map(|group| Subject::Group(group)).collect();
                let is_meant =
                    |binding: &&Binding| binding.is_of(&user) || groups.iter().any(|group| binding.is_of(group));
                bindings::roles(in_namespaces.iter().chain(&of_cluster).filter(is_meant))
            }
        };
        Ok(Principal {
            roles,
            namespaces,
            groups: review.groups,
            ..Principal::new(review.name, SignInKind::Kubernetes)
        })
    }

    fn review(&self, token: &str) -> Result<Review, Refusal> {
        let review = json!({
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenReview",
            "spec": { "token": token },
        });
        let reply = self
            .client
            .post(&format!("{}{REVIEWS}", self.url), &self.own_token()?, &review);
        let review = match reply.map_err(unavailable)? {
            Reply::Json(review) => review,
            Reply::Status(status) => {
                return Err(unavailable(format!("a TokenReview was answered with status {status}")));
            }
        };
        let status = &review["status"];
        if status["authenticated"] != Value::Bool(true) {
            return Err(Refusal::bad("the cluster does not accept it"));
        }
        let user = &status["user"];
        let name = user["username"].as_str().filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| Refusal::bad("the cluster does not say whose it is"))?;
        let groups = user["groups"].as_array().into_iter().flatten();
        Ok(Review {
            name: name.to_owned(),
            groups: groups.filter_map(|group| group.as_str().map(str::to_owned)).collect(),
        })
    }

    /// A list of bindings; none if this server may not read it: then nobody has roles by them.
    fn bindings(&self, path: &str) -> Result<Vec<Binding>, Refusal> {
        let reply = self
            .client
            .get(&format!("{}{path}", self.url), Some(&self.own_token()?));
        match reply.map_err(unavailable)? {
            Reply::Json(list) => Ok(bindings::parse(&list)),
            Reply::Status(status @ (401 | 403 | 404)) => {
                tracing::error!(
                    "the cluster does not let this server read {path} (status {status}): nobody has roles by what is there"
                );
                Ok(Vec::new())
            }
            Reply::Status(status) => Err(unavailable(format!("{path} was answered with status {status}"))),
        }
    }

    fn own_token(&self) -> Result<String, Refusal> {
        read_trimmed(&self.token_file).map_err(|error| unavailable(error.to_string()))
    }
}

fn unavailable(why: String) -> Refusal {
    Refusal::unavailable(format!("the cluster cannot be asked: {why}"))
}

/// Namespace and name of a service account.
fn service_account(user: &str) -> Option<(&str, &str)> {
    user.strip_prefix(SERVICE_ACCOUNT)?.split_once(':')
}

fn read_trimmed(path: &Path) -> Result<String> {
    let text = std::fs::read_to_string(path).map_err(|source| Error::io("read", path, source))?;
    Ok(text.trim().to_owned())
}
