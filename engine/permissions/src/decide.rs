//! One decision, in Feast's words when it is a refusal.

use std::fmt;

use feast_model::{Action, ObjectKind, Policy};
use feast_python_notation::python_list;

use crate::object::Object;
use crate::principal::Principal;
use crate::rules::{RuledObject, Rules};

/// Why somebody may not do something. What it says names the permissions that are about the object, as in Feast.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denied(String);

impl fmt::Display for Denied {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Denied {}

impl Rules {
    /// Whether a principal may do all of `actions` to an object: one permission must hold them all, and any that does is enough.
    ///
    /// # Errors
    /// [`Denied`], also for an object that the rules do not know.
    pub fn decide(
        &self,
        principal: &Principal,
        actions: &[Action],
        kind: ObjectKind,
        name: &str,
    ) -> Result<(), Denied> {
        if principal.is_read_only && !actions.iter().copied().all(is_read) {
            let text = format!("{} may only read", principal.name);
            return Err(Denied(text));
        }
        let Some(ruled) = self.object(kind, name) else {
            return Err(Denied(format!("No permissions can be found for {kind} {name}.")));
        };
        if self.is_empty() {
            if principal.name.is_empty() {
                let text = "No permissions defined and no authenticated user context. Access denied.";
                return Err(Denied(text.to_owned()));
            }
            return Ok(());
        }
        let mut permissions = self.about(ruled, actions);
        if permissions.any(|permission| permission.policy.grants(principal)) {
            return Ok(());
        }
        Err(self.denied(ruled, actions))
    }

    fn denied(&self, ruled: &RuledObject, actions: &[Action]) -> Denied {
        let Object { class, name, .. } = &ruled.object;
        let denied_by: Vec<String> = self
            .about(ruled, actions)
            .map(|permission| {
                let actions: Vec<&str> = actions.iter().map(|action| action.feast_name()).collect();
                format!(
                    "Permission {} denied execution of {} to {}:{name}: {}",
                    permission.name(),
                    python_list(&actions),
                    ruled.object.short_class(),
                    permission.policy.explanation()
                )
            })
            .collect();
        if !denied_by.is_empty() {
            return Denied(denied_by.join(","));
        }
        let actions = actions.iter().map(|action| {
            let name = action.feast_name();
            format!("<AuthzedAction.{name}: '{}'>", name.to_ascii_lowercase())
        });
        let actions = actions.collect::<Vec<_>>().join(", ");
        Denied(format!(
            "No permissions defined to manage [{actions}] on <class '{class}'>/{name}."
        ))
    }
}

const fn is_read(action: Action) -> bool {
    match action {
        Action::Describe | Action::ReadOnline | Action::ReadOffline => true,
        Action::Create | Action::Update | Action::Delete | Action::WriteOnline | Action::WriteOffline => false,
    }
}

/// What policies say to somebody.
trait Grant {
    fn grants(&self, principal: &Principal) -> bool;
    /// Why it does not.
    fn explanation(&self) -> String;
}

impl Grant for Policy {
    fn grants(&self, principal: &Principal) -> bool {
        let any = |permitted: &[String], own: &[String]| permitted.iter().any(|name| own.contains(name));
        match self {
            Self::AllowAll => true,
            Self::Roles(roles) => any(roles, &principal.roles),
            Self::Groups(groups) => any(groups, &principal.groups),
            Self::Namespaces(namespaces) => any(namespaces, &principal.namespaces),
            Self::GroupsAndNamespaces { groups, namespaces } => {
                any(groups, &principal.groups) || any(namespaces, &principal.namespaces)
            }
        }
    }

    fn explanation(&self) -> String {
        match self {
            Self::AllowAll => String::new(),
            Self::Roles(roles) => format!("Requires roles {}", python_list(roles)),
            Self::Groups(_) => "User is not added into the permitted groups".to_owned(),
            Self::Namespaces(_) => "User is not added into the permitted namespaces".to_owned(),
            Self::GroupsAndNamespaces { .. } => {
                "User must be in at least one of the permitted groups or namespaces".to_owned()
            }
        }
    }
}
