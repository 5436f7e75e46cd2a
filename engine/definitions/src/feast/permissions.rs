//! Permissions and policies.

use feast_model::{Action, Metadata, Permission, Policy, ResourceType};

use super::arguments::{Arguments, with_object};
use crate::error::Evaluated;
use crate::value::{FeastObject, Value};

pub(super) fn permission(mut arguments: Arguments<'_>) -> Evaluated<Value> {
    let name = arguments.required_str("name")?;
    let types = resource_types(&mut arguments)?;
    let name_patterns = one_or_many(&mut arguments, "name_patterns")?;
    let name_patterns = name_patterns
        .iter()
        .map(|value| {
            let string = value.as_str().map(|string| string.trim().to_owned());
            string.ok_or_else(|| arguments.wrong_type("name_patterns", value, "a list of str"))
        })
        .collect::<Result<Vec<_>, _>>()?;
    let actions = actions(&mut arguments)?;
    let policy = policy(&mut arguments)?;
    if policy == Policy::AllowAll {
        return Err(arguments.limit(format!(
            "permission {name} allows everybody everything, which Python Feast can write but not read back: every later command \
             of it would fail; give it a policy such as RoleBasedPolicy(roles=[...])"
        )));
    }
    let permission = Permission {
        types,
        name_patterns,
        actions,
        policy,
        metadata: Metadata {
            tags: trimmed(arguments.str_dict("tags")?),
            ..Metadata::new(name)
        },
        required_tags: trimmed(arguments.str_dict("required_tags")?),
    };
    Ok(arguments.object(FeastObject::Permission(permission)))
}

/// All of them, where none are given.
fn resource_types(arguments: &mut Arguments<'_>) -> Evaluated<Vec<ResourceType>> {
    let types = one_or_many(arguments, "types")?;
    let types: Vec<_> = types
        .iter()
        .map(|value| {
            let known = match value {
                Value::FeastClass(class) => ResourceType::by_class_name(class.name),
                _ => None,
            };
            known.ok_or_else(|| {
                arguments.raise(
                    "ValueError",
                    format!("{} is not one of the managed types", value.type_name()),
                )
            })
        })
        .collect::<Result<_, _>>()?;
    Ok(if types.is_empty() {
        ResourceType::ALL.to_vec()
    } else {
        types
    })
}

/// All of them, where the argument is not given; an empty list is an error.
fn actions(arguments: &mut Arguments<'_>) -> Evaluated<Vec<Action>> {
    if !arguments.has("actions") {
        return Ok(Action::ALL.to_vec());
    }
    let actions = one_or_many(arguments, "actions")?;
    if actions.is_empty() {
        return Err(arguments.raise("ValueError", "The list 'actions' must be non-empty."));
    }
    actions
        .iter()
        .map(|value| {
            let known = match value {
                Value::EnumMember(member) => Action::ALL
                    .into_iter()
                    .find(|action| action.feast_name() == member.name),
                _ => None,
            };
            known.ok_or_else(|| arguments.wrong_type("actions", value, "a list of AuthzedAction"))
        })
        .collect()
}

fn policy(arguments: &mut Arguments<'_>) -> Evaluated<Policy> {
    match arguments.given("policy")? {
        Some(Value::FeastClass(class)) if class.name == "AllowAll" => Ok(Policy::AllowAll),
        None => Ok(Policy::AllowAll),
        Some(value) => {
            let policy = with_object(&value, |object| match object {
                FeastObject::Policy(policy) => Some(policy.clone()),
                _ => None,
            });
            policy.ok_or_else(|| arguments.wrong_type("policy", &value, "an instance of Policy"))
        }
    }
}

fn trimmed(tags: std::collections::BTreeMap<String, String>) -> std::collections::BTreeMap<String, String> {
    let trimmed = tags
        .iter()
        .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()));
    trimmed.collect()
}

/// A list, or a single value that stands for a list of it.
fn one_or_many(arguments: &mut Arguments<'_>, name: &str) -> Evaluated<Vec<Value>> {
    Ok(match arguments.given(name)? {
        None => Vec::new(),
        Some(Value::List(items)) => items.borrow().clone(),
        Some(single) => vec![single],
    })
}

pub(super) fn role_based_policy(mut arguments: Arguments<'_>) -> Evaluated<Value> {
    let roles = arguments.str_list("roles")?;
    Ok(arguments.object(FeastObject::Policy(Policy::Roles(roles))))
}

pub(super) fn group_based_policy(mut arguments: Arguments<'_>) -> Evaluated<Value> {
    let groups = arguments.str_list("groups")?;
    Ok(arguments.object(FeastObject::Policy(Policy::Groups(groups))))
}

pub(super) fn namespace_based_policy(mut arguments: Arguments<'_>) -> Evaluated<Value> {
    let namespaces = arguments.str_list("namespaces")?;
    Ok(arguments.object(FeastObject::Policy(Policy::Namespaces(namespaces))))
}

pub(super) fn combined_policy(mut arguments: Arguments<'_>) -> Evaluated<Value> {
    let (groups, namespaces) = (arguments.str_list("groups")?, arguments.str_list("namespaces")?);
    Ok(arguments.object(FeastObject::Policy(Policy::GroupsAndNamespaces { groups, namespaces })))
}

pub(super) fn allow_all(arguments: Arguments<'_>) -> Evaluated<Value> {
    Ok(arguments.object(FeastObject::Policy(Policy::AllowAll)))
}

/// Classes that definitions only name, as types of a permission.
pub(super) fn not_constructed(arguments: Arguments<'_>) -> Evaluated<Value> {
    Err(arguments.limit("such objects are not made in definition files"))
}
