//! Names that a store in Feast's layout cannot tell apart: what has them would share its place, and one would overwrite the other.

use std::collections::HashMap;

use crate::StoredView;

/// Two things of the registry with the same place in a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameCollision {
    /// The view that is to be changed.
    pub view: String,
    /// Both things, and where they meet.
    pub message: String,
    /// What can be done about it.
    pub hint: &'static str,
}

/// What stands between the name of a view and its version.
const VERSION_MARK: &str = "_v";

/// Views with the name under which a version of another view is stored, `VIEW_vN`. Versions up to the current one count: what other
/// programs read of former ones is still there.
///
/// `stored` is a name as the store compares it, `share_rows` says whether views of one name would have the same rows.
pub fn version_collisions(
    views: &[StoredView],
    stored: impl Fn(&str) -> String,
    share_rows: impl Fn(&StoredView, &StoredView) -> bool,
) -> Vec<NameCollision> {
    let by_name: HashMap<String, &StoredView> = views.iter().map(|view| (stored(&view.name), view)).collect();
    let collision = |view: &StoredView| {
        let name = stored(&view.name);
        let (base, number) = name.rsplit_once(VERSION_MARK)?;
        let version: u32 = number
            .parse()
            .ok()
            .filter(|version: &u32| version.to_string() == number)?;
        let other = by_name
            .get(base)
            .filter(|other| (1..=other.version()).contains(&version))?;
        share_rows(view, other).then(|| NameCollision {
            view: view.name.clone(),
            message: format!(
                "version {version} of feature view {} is stored under the name {} too, so one would overwrite the other",
                other.name, view.name
            ),
            hint: "rename one of the two feature views",
        })
    };
    views.iter().filter_map(collision).collect()
}

impl StoredView {
    /// The version of which it has the name in the store; 0 for the first, or where requests may not name versions.
    fn version(&self) -> u32 {
        let version = self.stored_name.strip_prefix(&self.name);
        let version = version.and_then(|rest| rest.strip_prefix(VERSION_MARK));
        version.and_then(|version| version.parse().ok()).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use feast_codec::record::ViewShape;

    use super::*;

    fn view(name: &str, stored_name: &str) -> StoredView {
        StoredView {
            name: name.to_owned(),
            stored_name: stored_name.to_owned(),
            join_keys: Vec::new(),
            features: Vec::new(),
            shape: ViewShape::default(),
        }
    }

    #[test]
    fn a_view_collides_with_the_versions_that_another_one_has_had() {
        for (name, collides) in [
            ("stats_v1", true),
            ("stats_v2", true),
            ("stats_v3", false),
            ("stats_v0", false),
            ("stats_v02", false),
            ("stats_v+1", false),
            ("stats_v", false),
            ("other_v1", false),
            ("STATS_V1", false),
        ] {
            let views = [view("stats", "stats_v2"), view(name, name)];
            let found = version_collisions(&views, str::to_owned, |_, _| true);
            assert_eq!(found.len(), usize::from(collides), "{name}: {found:?}");
        }
        let views = [view("stats", "stats_v2"), view("STATS_V1", "STATS_V1")];
        assert_eq!(
            version_collisions(&views, str::to_ascii_lowercase, |_, _| true)[0].view,
            "STATS_V1"
        );
        assert_eq!(version_collisions(&views, str::to_ascii_lowercase, |_, _| false), []);
    }

    #[test]
    fn a_version_of_a_versioned_name_is_another_name() {
        let views = [view("stats_v1", "stats_v1_v4"), view("stats", "stats")];
        assert_eq!(version_collisions(&views, str::to_owned, |_, _| true), []);
    }
}
