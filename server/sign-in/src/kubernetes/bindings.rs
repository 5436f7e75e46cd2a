//! Role bindings of a cluster, as far as they say who has which role.

use serde_json::Value;

/// Bindings that the dashboard of Open Data Hub makes for who may use a namespace.
const DASHBOARD_PREFIX: &str = "dashboard-permissions-";
const DASHBOARD_LABEL: &str = "opendatahub.io/dashboard";

/// A role, and who has it.
pub(super) struct Binding {
    /// None of a binding for the whole cluster.
    pub(super) namespace: Option<String>,
    role: String,
    is_admin: bool,
    is_of_dashboard: bool,
    subjects: Vec<OwnedSubject>,
}

struct OwnedSubject {
    kind: String,
    name: String,
    namespace: Option<String>,
}

/// Somebody that a binding can be about.
#[derive(Debug, Clone, Copy)]
pub(super) enum Subject<'a> {
    User(&'a str),
    Group(&'a str),
    ServiceAccount { namespace: &'a str, name: &'a str },
}

/// The bindings of a list; those that cannot be read give nobody anything.
pub(super) fn parse(list: &Value) -> Vec<Binding> {
    let items = list["items"].as_array().into_iter().flatten();
    items.filter_map(Binding::new).collect()
}

/// The names of the roles, each once.
pub(super) fn roles<'a>(bindings: impl Iterator<Item = &'a Binding>) -> Vec<String> {
    let mut roles: Vec<String> = Vec::new();
    for binding in bindings {
        if !roles.contains(&binding.role) {
            roles.push(binding.role.clone());
        }
    }
    roles
}

impl Binding {
    fn new(binding: &Value) -> Option<Self> {
        let (metadata, role) = (&binding["metadata"], &binding["roleRef"]);
        let name = role["name"].as_str()?;
        let is_of_dashboard = metadata["name"]
            .as_str()
            .is_some_and(|name| name.starts_with(DASHBOARD_PREFIX))
            && metadata["labels"][DASHBOARD_LABEL] == "true";
        let subjects = binding["subjects"].as_array().into_iter().flatten();
        let subjects = subjects.filter_map(|subject| {
            let string = |key: &str| subject[key].as_str().map(str::to_owned);
            Some(OwnedSubject {
                kind: string("kind")?,
                name: string("name")?,
                namespace: string("namespace"),
            })
        });
        Some(Self {
            namespace: metadata["namespace"].as_str().map(str::to_owned),
            role: name.to_owned(),
            is_admin: role["kind"] == "ClusterRole" && name == "admin",
            is_of_dashboard,
            subjects: subjects.collect(),
        })
    }

    pub(super) fn is_of(&self, subject: &Subject<'_>) -> bool {
        self.subjects.iter().any(|known| match *subject {
            Subject::User(name) => known.kind == "User" && known.name == name,
            Subject::Group(name) => known.kind == "Group" && known.name == name,
            Subject::ServiceAccount { namespace, name } => {
                known.kind == "ServiceAccount" && known.name == name && known.namespace.as_deref() == Some(namespace)
            }
        })
    }

    /// Whether who has the role may work in the namespace of the binding.
    pub(super) fn opens_namespace(&self) -> bool {
        self.is_admin || self.is_of_dashboard
    }
}
