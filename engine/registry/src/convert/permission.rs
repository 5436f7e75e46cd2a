//! Permissions.

use feast_model::{Action, Metadata, Permission, Policy, ResourceType};

use super::ConvertError;
use crate::messages::service::{GroupsAndNamespaces, Names, PermissionSpec, Policy as PolicyMessage};
use crate::protowire::{bytes_of, fields};

/// `PermissionSpec.Type`, by its numbers.
const TYPES: [ResourceType; 12] = [
    ResourceType::FeatureView,
    ResourceType::OnDemandFeatureView,
    ResourceType::BatchFeatureView,
    ResourceType::StreamFeatureView,
    ResourceType::Entity,
    ResourceType::FeatureService,
    ResourceType::DataSource,
    ResourceType::ValidationReference,
    ResourceType::SavedDataset,
    ResourceType::Permission,
    ResourceType::Project,
    ResourceType::LabelView,
];

pub(crate) fn permission_spec(permission: &Permission, project: &str) -> PermissionSpec {
    PermissionSpec {
        name: permission.name().to_owned(),
        project: project.to_owned(),
        types: permission.types.iter().map(|kind| number(&TYPES, kind)).collect(),
        name_patterns: permission.name_patterns.clone(),
        required_tags: permission.required_tags.clone(),
        // The enumeration has the order of its numbers.
        actions: permission
            .actions
            .iter()
            .map(|action| number(&Action::ALL, action))
            .collect(),
        policy: Some(policy_message(&permission.policy)),
        tags: permission.metadata.tags.clone(),
    }
}

/// The fields of a permission that are known here, and of its policy.
const LAST_FIELD: u32 = 8;
const POLICY: u32 = 7;
const LAST_POLICY_FIELD: u32 = 6;

/// Whether a permission says only what is known here. What a newer Feast says in addition may be a condition, or a kind of policy: without
/// it the permission would allow more than it does, and one whose policy is not known would allow everybody.
pub(crate) fn check_permission_fields(name: &str, bytes: &[u8]) -> Result<(), ConvertError> {
    let has_unknown =
        |message: &[u8], last| fields(message).is_ok_and(|fields| fields.iter().any(|field| field.number > last));
    if has_unknown(bytes, LAST_FIELD) || has_unknown(bytes_of(bytes, POLICY), LAST_POLICY_FIELD) {
        return Err(ConvertError(format!(
            "permission {name} says what Feast 0.67 does not know"
        )));
    }
    Ok(())
}

pub(crate) fn permission(spec: &PermissionSpec) -> Result<Permission, ConvertError> {
    let unknown = |what: &str, number: i32| {
        ConvertError(format!(
            "permission {} has {what} {number}, which Feast does not know",
            spec.name
        ))
    };
    let types = spec
        .types
        .iter()
        .map(|number| from_number(&TYPES, *number).ok_or_else(|| unknown("type", *number)));
    let actions = spec
        .actions
        .iter()
        .map(|number| from_number(&Action::ALL, *number).ok_or_else(|| unknown("action", *number)));
    Ok(Permission {
        types: types.collect::<Result<_, _>>()?,
        name_patterns: spec.name_patterns.clone(),
        actions: actions.collect::<Result<_, _>>()?,
        policy: spec.policy.as_ref().map_or(Policy::AllowAll, policy),
        metadata: Metadata {
            tags: spec.tags.clone(),
            ..Metadata::new(spec.name.clone())
        },
        required_tags: spec.required_tags.clone(),
    })
}

fn number<T: PartialEq>(all: &[T], value: &T) -> i32 {
    let position = all.iter().position(|known| known == value);
    position
        .and_then(|position| i32::try_from(position).ok())
        .unwrap_or_default()
}

fn from_number<T: Copy>(all: &[T], number: i32) -> Option<T> {
    usize::try_from(number).ok().and_then(|number| all.get(number)).copied()
}

fn policy_message(policy: &Policy) -> PolicyMessage {
    let mut message = PolicyMessage::default();
    let names = |names: &[String]| Some(Names { names: names.to_vec() });
    match policy {
        Policy::AllowAll => {}
        Policy::Roles(roles) => message.role_based_policy = names(roles),
        Policy::Groups(groups) => message.group_based_policy = names(groups),
        Policy::Namespaces(namespaces) => message.namespace_based_policy = names(namespaces),
        Policy::GroupsAndNamespaces { groups, namespaces } => {
            message.combined_group_namespace_policy = Some(GroupsAndNamespaces {
                groups: groups.clone(),
                namespaces: namespaces.clone(),
            });
        }
    }
    message
}

fn policy(message: &PolicyMessage) -> Policy {
    if let Some(roles) = &message.role_based_policy {
        Policy::Roles(roles.names.clone())
    } else if let Some(groups) = &message.group_based_policy {
        Policy::Groups(groups.names.clone())
    } else if let Some(namespaces) = &message.namespace_based_policy {
        Policy::Namespaces(namespaces.names.clone())
    } else if let Some(both) = &message.combined_group_namespace_policy {
        Policy::GroupsAndNamespaces {
            groups: both.groups.clone(),
            namespaces: both.namespaces.clone(),
        }
    } else {
        Policy::AllowAll
    }
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;
    use crate::protowire::{put, without};

    #[test]
    fn what_a_newer_feast_says_in_addition_is_not_ignored() {
        let role = |roles: &[&str]| Policy::Roles(roles.iter().map(|role| (*role).to_owned()).collect());
        let permission = |policy| Permission {
            metadata: Metadata::new("p"),
            types: vec![ResourceType::FeatureView],
            name_patterns: vec!["a".to_owned()],
            actions: vec![Action::ReadOnline],
            policy,
            required_tags: [("a".to_owned(), "b".to_owned())].into(),
        };
        let bytes = permission_spec(&permission(role(&["r"])), "x").encode_to_vec();
        assert!(check_permission_fields("p", &bytes).is_ok());
        let everybody = permission_spec(&permission(Policy::AllowAll), "x").encode_to_vec();
        assert!(check_permission_fields("p", &everybody).is_ok());
        // A policy of another kind.
        let mut other_policy = without(&bytes, &[POLICY]);
        let mut policy = Vec::new();
        put(&mut policy, LAST_POLICY_FIELD + 1, b"anything");
        put(&mut other_policy, POLICY, &policy);
        // A condition beside the policy.
        let mut condition = bytes;
        put(&mut condition, LAST_FIELD + 1, b"anything");
        for newer in [other_policy, condition] {
            let spec = PermissionSpec::decode(newer.as_slice()).unwrap();
            assert!(super::permission(&spec).is_ok());
            let problem = check_permission_fields("p", &newer).unwrap_err();
            assert_eq!(problem.to_string(), "permission p says what Feast 0.67 does not know");
        }
    }
}
