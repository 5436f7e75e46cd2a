//! Tokens of a Kubernetes cluster.

use std::sync::atomic::Ordering;

use serde_json::json;

use super::cluster::Cluster;
use super::provider::Provider;
use super::token::{of_provider, reader, signed};
use super::{ask, library, status_of_read};
use crate::support::{Repository, Server};

fn serve(cluster: &Cluster) -> (Repository, Server) {
    let repository = library(&format!("auth: {{type: kubernetes}}\n{}", cluster.serving()));
    let server = cluster.serve(&repository);
    (repository, server)
}

/// A token of a service account with role `reader`, by a binding in the namespace of the server.
fn notebook() -> String {
    let claims = json!({"sub": "system:serviceaccount:ml-dev:notebook", "kubernetes.io": {"namespace": "ml-dev"}});
    signed(&json!({"alg": "RS256"}), &claims, "stranger")
}

#[test]
fn the_cluster_is_asked_once_in_some_seconds() {
    let cluster = Cluster::start();
    let (_repository, server) = serve(&cluster);
    for _ in 0..5 {
        assert_eq!(status_of_read(&server, &notebook()), 200);
        assert_eq!(status_of_read(&server, "unknown-token"), 401);
    }
    assert_eq!(cluster.shared.reviews.load(Ordering::SeqCst), 2);
    let requests = cluster.shared.requests.lock().unwrap().clone();
    assert_eq!(
        requests,
        [
            "/apis/authentication.k8s.io/v1/tokenreviews",
            "/apis/rbac.authorization.k8s.io/v1/namespaces/feast-system/rolebindings",
            "/apis/authentication.k8s.io/v1/tokenreviews",
        ]
    );
}

#[test]
fn what_a_token_says_of_itself_is_not_believed() {
    let cluster = Cluster::start();
    let (_repository, server) = serve(&cluster);
    for subject in ["a:b:ml-dev:notebook", ":::", "system:serviceaccount:ml-dev:nobody"] {
        let forged = signed(
            &json!({"alg": "none"}),
            &json!({"sub": subject, "roles": ["reader"]}),
            "",
        );
        assert_eq!(status_of_read(&server, &forged), 401, "{subject}");
    }
}

#[test]
fn a_cluster_that_is_away_or_hides_bindings() {
    let cluster = Cluster::start();
    let (_repository, server) = serve(&cluster);
    cluster.shared.is_away.store(true, Ordering::SeqCst);
    assert_eq!(status_of_read(&server, &notebook()), 503);
    cluster.shared.is_away.store(false, Ordering::SeqCst);
    cluster.shared.hides_bindings.store(true, Ordering::SeqCst);
    // Who it is is known, but not which roles that is.
    let refused = ask(&server, "/get-online-features", &notebook(), &super::read_of_members());
    assert_eq!(refused.status, 403, "{}", refused.body);
    let (_, log) = server.stop();
    assert!(
        log.contains("the cluster does not let this server read /apis/rbac"),
        "{log}"
    );
}

#[test]
fn a_server_that_cannot_ask_its_cluster_says_that_service_accounts_cannot_sign_in() {
    let (cluster, provider) = (Cluster::start(), Provider::start());
    let repository = library(&format!(
        "{}\nserving: {{service_account_path: nowhere}}",
        provider.auth("")
    ));
    let server = cluster.serve(&repository);
    assert_eq!(status_of_read(&server, &of_provider(&reader())), 200);
    assert_eq!(status_of_read(&server, &notebook()), 401);
    let (_, log) = server.stop();
    let warning = "Warning: tokens of service accounts are not accepted: cannot read ";
    assert!(log.contains(warning), "{log}");
}

#[test]
fn outside_of_a_cluster_the_server_does_not_start() {
    let repository = library("auth: {type: kubernetes}");
    let mut command = repository.command(&["serve", "--port", "0"]);
    command
        .env_remove("KUBERNETES_SERVICE_HOST")
        .env_remove("KUBERNETES_SERVICE_PORT");
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("this process is in no Kubernetes cluster"), "{said}");
}
