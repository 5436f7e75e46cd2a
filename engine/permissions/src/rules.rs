//! The permissions of a registry, made ready to decide.

use std::collections::HashMap;
use std::fmt;

use feast_model::{Action, Definitions, ObjectKind, Permission, Policy};

use crate::object::Object;
use crate::pattern::Pattern;

/// The permissions of one state of a registry, and which of its objects each is about.
#[derive(Debug)]
pub struct Rules {
    pub(crate) permissions: Vec<Permission>,
    /// Whether there are permissions that could not be read. They allow nothing, but they are there.
    has_unreadable: bool,
    pub(crate) objects: Vec<RuledObject>,
    /// Positions in `objects`, by kind and name.
    places: HashMap<ObjectKind, HashMap<String, usize>>,
    remarks: Vec<Remark>,
}

/// An object, and the permissions whose types, patterns and tags fit it: their positions, in the order of the registry.
#[derive(Debug)]
pub(crate) struct RuledObject {
    pub(crate) object: Object,
    pub(crate) permissions: Vec<usize>,
}

/// What who runs a server should know of a permission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remark {
    /// A pattern is not one of Python, or not known here: the permission allows nothing.
    UnreadablePattern {
        /// Name of the permission.
        permission: String,
        /// The pattern.
        pattern: String,
    },
    /// Python might match a pattern with these names: they are not matched here.
    UndecidedNames {
        /// Name of the permission.
        permission: String,
        /// Names of objects.
        names: Vec<String>,
    },
    /// It asks for tags, which Feast does not look at: these objects, which it is about in Feast, are not among those here.
    NarrowedByTags {
        /// Name of the permission.
        permission: String,
        /// Whom it allows.
        policy: Policy,
        /// Names of objects.
        names: Vec<String>,
    },
}

/// So many names are in a line about them.
const MAX_NAMES_SHOWN: usize = 5;

impl Rules {
    /// Reads all patterns and brings them to all objects, so that no decision has to. `has_unreadable`: whether the registry has
    /// permissions beside those of the definitions.
    pub fn new(definitions: &Definitions, has_unreadable: bool) -> Self {
        let (permissions, objects) = (definitions.permissions.clone(), Object::all(definitions));
        let mut remarks = Vec::new();
        let mut ruled: Vec<RuledObject> = objects
            .into_iter()
            .map(|object| RuledObject {
                object,
                permissions: Vec::new(),
            })
            .collect();
        for (position, permission) in permissions.iter().enumerate() {
            match ReadPermission::new(permission) {
                Ok(read) => read.bring_to(position, &mut ruled, &mut remarks),
                Err(remark) => remarks.push(remark),
            }
        }
        let mut places: HashMap<ObjectKind, HashMap<String, usize>> = HashMap::new();
        for (position, RuledObject { object, .. }) in ruled.iter().enumerate() {
            places
                .entry(object.kind)
                .or_default()
                .insert(object.name.clone(), position);
        }
        Self {
            permissions,
            has_unreadable,
            objects: ruled,
            places,
            remarks,
        }
    }

    /// Whether these definitions would give the same rules.
    pub fn are_of(&self, definitions: &Definitions, has_unreadable: bool) -> bool {
        let objects = Object::all(definitions);
        self.has_unreadable == has_unreadable
            && self.permissions == definitions.permissions
            && self.objects.len() == objects.len()
            && self
                .objects
                .iter()
                .zip(&objects)
                .all(|(known, object)| known.object == *object)
    }

    /// Whether there is no permission at all: then everything is allowed to whoever has signed in.
    pub fn is_empty(&self) -> bool {
        self.permissions.is_empty() && !self.has_unreadable
    }

    /// What who runs a server should know.
    pub fn remarks(&self) -> &[Remark] {
        &self.remarks
    }

    pub(crate) fn object(&self, kind: ObjectKind, name: &str) -> Option<&RuledObject> {
        let place = *self.places.get(&kind)?.get(name)?;
        self.objects.get(place)
    }

    /// The permissions about an object that hold all of these actions.
    pub(crate) fn about<'a>(
        &'a self,
        object: &'a RuledObject,
        actions: &'a [Action],
    ) -> impl Iterator<Item = &'a Permission> {
        let permissions = object
            .permissions
            .iter()
            .filter_map(|position| self.permissions.get(*position));
        permissions.filter(|permission| actions.iter().all(|action| permission.actions.contains(action)))
    }
}

/// A permission whose patterns are compiled.
struct ReadPermission<'a> {
    permission: &'a Permission,
    patterns: Vec<Pattern>,
}

impl<'a> ReadPermission<'a> {
    fn new(permission: &'a Permission) -> Result<Self, Remark> {
        let patterns = permission.name_patterns.iter().map(|pattern| {
            // Feast strips them too.
            Pattern::new(pattern.trim()).ok_or_else(|| Remark::UnreadablePattern {
                permission: permission.name().to_owned(),
                pattern: pattern.clone(),
            })
        });
        Ok(Self {
            patterns: patterns.collect::<Result<_, _>>()?,
            permission,
        })
    }

    /// Notes it for each object that it is about, and what there is to say of the others.
    fn bring_to(&self, position: usize, objects: &mut [RuledObject], remarks: &mut Vec<Remark>) {
        let (mut undecided, mut narrowed) = (Vec::new(), Vec::new());
        for RuledObject { object, permissions } in objects {
            // A registry that says nothing of types means all.
            let types = &self.permission.types;
            if !types.is_empty() && !types.iter().any(|resource| object.is_of(*resource)) {
                continue;
            }
            match self.matches(&object.name) {
                Some(true) if self.has_required_tags(object) => permissions.push(position),
                Some(true) => narrowed.push(object.name.clone()),
                Some(false) => {}
                None => undecided.push(object.name.clone()),
            }
        }
        let name = || self.permission.name().to_owned();
        if !undecided.is_empty() {
            remarks.push(Remark::UndecidedNames {
                permission: name(),
                names: undecided,
            });
        }
        if !narrowed.is_empty() {
            remarks.push(Remark::NarrowedByTags {
                permission: name(),
                policy: self.permission.policy.clone(),
                names: narrowed,
            });
        }
    }

    /// `None` when it is not known.
    fn matches(&self, name: &str) -> Option<bool> {
        let mut is_known = true;
        for pattern in &self.patterns {
            match pattern.matches(name) {
                Ok(true) => return Some(true),
                Ok(false) => {}
                Err(_) => is_known = false,
            }
        }
        is_known.then_some(self.patterns.is_empty())
    }

    fn has_required_tags(&self, object: &Object) -> bool {
        let mut required = self.permission.required_tags.iter();
        required.all(|(name, value)| object.tags.get(name) == Some(value))
    }
}

impl fmt::Display for Remark {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnreadablePattern { permission, pattern } => write!(
                formatter,
                "permission {permission} allows nothing: its name pattern {pattern:?} cannot be read here as Python reads it"
            ),
            Self::UndecidedNames { permission, names } => write!(
                formatter,
                "permission {permission} is not about {}: whether Python would match these names with its patterns is not known here",
                shown(names)
            ),
            Self::NarrowedByTags {
                permission,
                policy,
                names,
            } => write!(
                formatter,
                "permission {permission} does not allow {} to use {}, which lack its required_tags; Feast, which ignores required_tags, does",
                whom(policy),
                shown(names)
            ),
        }
    }
}

fn shown(names: &[String]) -> String {
    let first = names
        .iter()
        .take(MAX_NAMES_SHOWN)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    match names.len().saturating_sub(MAX_NAMES_SHOWN) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

/// Whom a policy allows, in words.
fn whom(policy: &Policy) -> String {
    let list = |what: &str, names: &[String]| format!("{what} {}", names.join(", "));
    match policy {
        Policy::AllowAll => "everybody".to_owned(),
        Policy::Roles(roles) => list("the roles", roles),
        Policy::Groups(groups) => list("the groups", groups),
        Policy::Namespaces(namespaces) => list("the namespaces", namespaces),
        Policy::GroupsAndNamespaces { groups, namespaces } => {
            format!(
                "{} and {}",
                list("the groups", groups),
                list("the namespaces", namespaces)
            )
        }
    }
}
