//! What permissions say of all objects together, for who writes them.

use std::collections::BTreeSet;

use feast_model::{Action, Policy};

use crate::object::Object;
use crate::principal::{Principal, SignInKind};
use crate::rules::Rules;

/// An object with actions that no permission is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsecured<'a> {
    /// The object.
    pub object: &'a Object,
    /// The actions; all of them when no permission is about the object at all.
    pub actions: Vec<Action>,
    /// Whether some permission is about the object.
    pub has_permission: bool,
}

/// What a role may do to an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleGrant<'a> {
    /// The role.
    pub role: &'a str,
    /// The object.
    pub object: &'a Object,
    /// What it may do; nothing, perhaps.
    pub actions: Vec<Action>,
}

impl Rules {
    /// The objects with actions that no permission is about: nobody may do them, unless there is no permission at all.
    pub fn unsecured(&self) -> impl Iterator<Item = Unsecured<'_>> {
        self.objects.iter().filter_map(|ruled| {
            let is_open = |action: &Action| self.about(ruled, std::slice::from_ref(action)).next().is_none();
            let actions: Vec<Action> = Action::ALL.into_iter().filter(|action| is_open(action)).collect();
            (!actions.is_empty()).then_some(Unsecured {
                object: &ruled.object,
                actions,
                has_permission: !ruled.permissions.is_empty(),
            })
        })
    }

    /// The roles that permissions name, in the order of their names.
    pub fn roles(&self) -> BTreeSet<&str> {
        let policies = self.permissions.iter().map(|permission| &permission.policy);
        let roles = policies.filter_map(|policy| match policy {
            Policy::Roles(roles) => Some(roles.iter().map(String::as_str)),
            _ => None,
        });
        roles.flatten().collect()
    }

    /// What each role may do to each object, to somebody who has that role and nothing else.
    pub fn role_grants(&self) -> impl Iterator<Item = RoleGrant<'_>> {
        self.roles().into_iter().flat_map(move |role| {
            let principal = Principal {
                roles: vec![role.to_owned()],
                ..Principal::new("", SignInKind::Oidc)
            };
            self.objects.iter().map(move |ruled| {
                let Object { kind, name, .. } = &ruled.object;
                let may = |action: &Action| {
                    self.decide(&principal, std::slice::from_ref(action), *kind, name)
                        .is_ok()
                };
                RoleGrant {
                    role,
                    object: &ruled.object,
                    actions: Action::ALL.into_iter().filter(may).collect(),
                }
            })
        })
    }
}
