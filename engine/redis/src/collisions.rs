//! Names that cannot be told apart in the hashes of Redis.
//!
//! A field of a feature is a hash of 32 bits of `VIEW:FEATURE`, so two features may have the same one; among 1,000 features with the
//! same join keys that happens once in 8,600 repositories. Nothing else of the layout can meet: the field of a time is longer than
//! the four bytes of a feature, and the bytes of an entity key say where it ends, so that another entity and project never give the
//! same key.

use std::collections::HashMap;

use feast_codec::feast_value::field_name;
use feast_rows::{NameCollision, StoredView, version_collisions};

/// Names and types.
type JoinKeys<'a> = Vec<(&'a str, String)>;
/// Of each field, the view and the feature that have it.
type Fields<'a> = HashMap<[u8; 4], (&'a str, &'a str)>;

/// What of these views, which are all of a project, would overwrite each other.
pub fn name_collisions(views: &[StoredView]) -> Vec<NameCollision> {
    // Views with the same join keys share their hashes.
    let mut hashes: HashMap<JoinKeys<'_>, Fields<'_>> = HashMap::new();
    let mut collisions = Vec::new();
    for view in views {
        let fields = hashes.entry(join_keys(view)).or_default();
        for feature in &view.features {
            let field = field_name(&view.stored_name, &feature.name);
            let present = (&view.name[..], &feature.name[..]);
            let former = *fields.entry(field).or_insert(present);
            if former != present {
                collisions.push(NameCollision {
                    view: view.name.clone(),
                    message: format!(
                        "the features {}:{} and {}:{} have the same field {:08x} in the hashes of Redis, which knows features by a \
                         32-bit hash of view and feature: one would overwrite the other",
                        former.0,
                        former.1,
                        present.0,
                        present.1,
                        u32::from_be_bytes(field)
                    ),
                    hint: "rename one of the two features",
                });
            }
        }
    }
    let share_rows = |view: &StoredView, other: &StoredView| join_keys(view) == join_keys(other);
    collisions.extend(version_collisions(views, str::to_owned, share_rows));
    collisions
}

/// Keys of the same names are other ones when their types differ.
fn join_keys(view: &StoredView) -> JoinKeys<'_> {
    let keys = view.join_keys.iter();
    keys.map(|key| (&key.name[..], key.value_type.to_string())).collect()
}

#[cfg(test)]
mod tests {
    use feast_codec::feast_value::time_field;
    use feast_codec::record::ViewShape;
    use feast_model::{Field, ValueType};
    use proptest::prelude::*;

    use super::*;

    /// Found by trying names.
    const PAIR: [(&str, &str); 2] = [("driver_stats", "feature_34158"), ("driver_orders", "feature_96730")];
    const PAIR_OF_ONE_VIEW: [&str; 2] = ["feature_28641", "feature_48137"];

    fn view(name: &str, key_type: ValueType, features: &[&str]) -> StoredView {
        let features = features.iter().map(|feature| Field::new(*feature, ValueType::Int64));
        StoredView {
            name: name.to_owned(),
            stored_name: name.to_owned(),
            join_keys: vec![Field::new("driver_id", key_type)],
            features: features.collect(),
            shape: ViewShape::default(),
        }
    }

    #[test]
    fn two_features_with_the_same_field_are_named() {
        let [(stats, one), (orders, other)] = PAIR;
        let views = [
            view(stats, ValueType::Int64, &["a", one]),
            view(orders, ValueType::Int64, &["a", other]),
        ];
        let found = name_collisions(&views);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].view, orders);
        for name in ["driver_stats:feature_34158", "driver_orders:feature_96730", "c03e643e"] {
            assert!(found[0].message.contains(name), "{}", found[0].message);
        }
        let found = name_collisions(&[view(stats, ValueType::Int64, &PAIR_OF_ONE_VIEW)]);
        assert_eq!(found.len(), 1);
    }

    #[test]
    fn features_of_other_entities_do_not_meet() {
        let [(stats, one), (orders, other)] = PAIR;
        let views = [
            view(stats, ValueType::Int64, &[one]),
            view(orders, ValueType::Int32, &[other]),
        ];
        assert_eq!(name_collisions(&views), []);
    }

    #[test]
    fn the_version_of_a_view_gives_it_other_fields() {
        let [(stats, one), (orders, other)] = PAIR;
        let mut views = [
            view(stats, ValueType::Int64, &[one]),
            view(orders, ValueType::Int64, &[other]),
        ];
        views[1].stored_name = format!("{orders}_v1");
        assert_eq!(name_collisions(&views), []);
    }

    #[test]
    fn a_view_named_as_the_version_of_another_is_found() {
        let mut views = [
            view("stats", ValueType::Int64, &["a"]),
            view("stats_v1", ValueType::Int64, &["b"]),
        ];
        assert_eq!(name_collisions(&views), []);
        views[0].stored_name = "stats_v1".to_owned();
        assert_eq!(name_collisions(&views)[0].view, "stats_v1");
        views[1].join_keys[0].value_type = ValueType::String;
        assert_eq!(name_collisions(&views), []);
    }

    proptest! {
        #[test]
        fn no_time_has_the_field_of_a_feature(view in ".+", feature in ".*") {
            prop_assert_ne!(time_field(&view).len(), field_name(&view, &feature).len());
        }
    }
}
