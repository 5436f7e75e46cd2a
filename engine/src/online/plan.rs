//! What a request means: views, features and join keys, resolved against one state of the registry.

use std::collections::{BTreeMap, BTreeSet};

use super::keys::key_encoder;
use crate::codec::entity_key::EntityKeyEncoder;
use crate::codec::row::storage_type;
use crate::error::{Error, ErrorKind, FeastException, Result};
use crate::model::{
    DUMMY_JOIN_KEY, Definitions, FeatureReference, FeatureSelection, FeatureService, FeatureView, Field, Projection,
    ValueType, ViewState, WantedFeatures,
};

/// A resolved selection of features. It can be kept as long as the registry does not change.
#[derive(Debug)]
pub struct ReadPlan {
    pub(super) views: Vec<PlannedView>,
    /// Every name under which a request may give keys: join keys of the project, mapped keys, entity names.
    request_keys: BTreeMap<String, JoinKey>,
}

/// A join key as requests give it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinKey {
    /// Name under which it is answered.
    pub name: String,
    /// Type its values are read as.
    pub value_type: ValueType,
}

/// The part of a plan that one view answers.
#[derive(Debug)]
pub(super) struct PlannedView {
    pub(super) view: String,
    pub(super) keys: Vec<PlannedKey>,
    pub(super) encoder: EntityKeyEncoder,
    pub(super) features: Vec<PlannedFeature>,
}

#[derive(Debug)]
pub(super) struct PlannedKey {
    /// Key in the request, after the projection's join key map.
    pub(super) request_key: String,
    /// Key of the view; also taken from the request when the mapped one is not there.
    pub(super) join_key: String,
    pub(super) value_type: ValueType,
}

#[derive(Debug)]
pub(super) struct PlannedFeature {
    /// Name in the answer.
    pub(super) answer_name: String,
    pub(super) name: String,
    pub(super) value_type: ValueType,
    pub(super) storage_type: String,
}

impl ReadPlan {
    /// Resolves a selection. `full_feature_names` puts the view's name before each feature: `view__feature`.
    ///
    /// # Errors
    /// `NotFound` for an unknown view or service, `Unsupported` for an on-demand view, `Invalid` for the rest, in Feast's
    /// order of checks and words.
    pub(crate) fn new(
        definitions: &Definitions,
        project: &str,
        selection: &FeatureSelection,
        full_feature_names: bool,
        state_of: &dyn Fn(&str) -> ViewState,
    ) -> Result<Self> {
        let projections = match selection {
            FeatureSelection::Service(name) => service(definitions, project, name)?.projections.clone(),
            FeatureSelection::Features(references) => group_references(references)?,
        };
        let mut found = Vec::with_capacity(projections.len());
        for projection in &projections {
            found.push((
                projection,
                served_view(definitions, project, &projection.view, state_of)?,
            ));
        }
        check_collisions(&projections, full_feature_names)?;
        let views = found
            .iter()
            .map(|(projection, view)| PlannedView::new(projection, view, full_feature_names));
        let views = views.collect::<Result<Vec<_>>>()?;
        let request_keys = request_keys(definitions, &views);
        Ok(Self { views, request_keys })
    }

    /// How many features an answer holds for each entity.
    pub fn feature_count(&self) -> usize {
        self.views.iter().map(|view| view.features.len()).sum()
    }

    /// The join key that a request means by a name: a join key, a mapped join key, or an entity's name.
    pub fn join_key(&self, name: &str) -> Option<&JoinKey> {
        self.request_keys.get(name)
    }
}

impl PlannedView {
    fn new(projection: &Projection, view: &FeatureView, full_feature_names: bool) -> Result<Self> {
        let features = projection.features.iter().map(|wanted| {
            let (_, field) = view.feature(&wanted.name).ok_or_else(|| {
                let text = format!(
                    "Feature {} not found in projection {}",
                    wanted.name,
                    projection.display_name()
                );
                Error::invalid(text).with_exception(FeastException::KeyError)
            })?;
            Ok(PlannedFeature {
                answer_name: answer_name(projection, &field.name, full_feature_names),
                name: field.name.clone(),
                value_type: field.value_type.clone(),
                storage_type: storage_type(&field.value_type),
            })
        });
        let features = features.collect::<Result<Vec<_>>>()?;
        let encoder = key_encoder(view)?;
        let keys = view.entity_columns.iter().map(|key| PlannedKey {
            request_key: projection.request_key(&key.name).to_owned(),
            join_key: key.name.clone(),
            value_type: key.value_type.clone(),
        });
        Ok(Self {
            view: view.name.clone(),
            keys: keys.collect(),
            encoder,
            features,
        })
    }
}

fn service<'a>(definitions: &'a Definitions, project: &str, name: &str) -> Result<&'a FeatureService> {
    definitions.service(name).ok_or_else(|| {
        let text = format!("Feature service {name} does not exist in project {project}");
        Error::not_found(FeastException::FeatureServiceNotFound, text)
    })
}

fn served_view<'a>(
    definitions: &'a Definitions,
    project: &str,
    name: &str,
    state_of: &dyn Fn(&str) -> ViewState,
) -> Result<&'a FeatureView> {
    let Some(view) = definitions.feature_view(name) else {
        return Err(match definitions.on_demand_feature_view(name) {
            Some(_) => Error::new(
                ErrorKind::Unsupported,
                format!(
                    "On demand feature view '{name}' is computed by a Python function, which this server does not run"
                ),
            ),
            None => Error::unknown_feature_view(name, project),
        });
    };
    // Rows stay readable while newer ones are loaded.
    if let state @ (ViewState::Created | ViewState::Generated) = state_of(name) {
        return Err(Error::invalid(format!(
            "Feature view '{name}' is in state '{}' and cannot serve features. Only AVAILABLE_ONLINE feature views can serve.",
            state.name()
        )));
    }
    if view.enabled {
        return Ok(view);
    }
    Err(Error::invalid(format!(
        "Feature view '{name}' is disabled and cannot serve features. Enable it with `feast feature-views enable {name}` or set enabled=True."
    )))
}

/// One projection a view, views in order of first mention, features in request order.
fn group_references(references: &[String]) -> Result<Vec<Projection>> {
    if references.is_empty() {
        return Err(Error::invalid("No features specified for retrieval"));
    }
    let mut projections: Vec<Projection> = Vec::new();
    for text in references {
        let reference = FeatureReference::parse(text).ok_or_else(|| {
            Error::invalid(format!(
                "Invalid feature reference '{text}'. Expected format: '<feature_view>:<feature>' or '<feature_view>@<version>:<feature>'"
            ))
        })?;
        // Only the name counts here: the type is taken from the view.
        let wanted = Field::new(reference.feature, ValueType::Bytes);
        match projections
            .iter_mut()
            .find(|projection| projection.view == reference.view)
        {
            Some(projection) => projection.features.push(wanted),
            None => projections.push(Projection {
                wanted: WantedFeatures::Resolved,
                features: vec![wanted],
                ..Projection::of(reference.view)
            }),
        }
    }
    Ok(projections)
}

fn answer_name(projection: &Projection, feature: &str, full_feature_names: bool) -> String {
    if full_feature_names {
        format!("{}__{feature}", projection.display_name())
    } else {
        feature.to_owned()
    }
}

fn check_collisions(projections: &[Projection], full_feature_names: bool) -> Result<()> {
    let mut seen = BTreeSet::new();
    let mut twice = Vec::new();
    for projection in projections {
        for field in &projection.features {
            let name = answer_name(projection, &field.name, full_feature_names);
            if !seen.insert(name.clone()) && !twice.contains(&name) {
                twice.push(name);
            }
        }
    }
    if twice.is_empty() {
        return Ok(());
    }
    let remedy = if full_feature_names {
        "please ensure that the feature views or their own features have different names. If you're intentionally joining the \
         same feature view twice on different sets of entities, please rename one of the feature views with '.with_name'."
    } else {
        "either use the full feature name by setting 'full_feature_names=True', or ensure that the features in question have \
         different names."
    };
    let names = twice.join(", ");
    let text = format!("Duplicate features named {names} found.\nTo resolve this collision, {remedy}");
    Err(Error::new(ErrorKind::Invalid, text).with_exception(FeastException::FeatureNameCollision))
}

fn request_keys(definitions: &Definitions, planned: &[PlannedView]) -> BTreeMap<String, JoinKey> {
    let mut keys = BTreeMap::new();
    let mut add = |given_as: &str, name: &str, value_type: &ValueType| {
        let key = JoinKey {
            name: name.to_owned(),
            value_type: value_type.clone(),
        };
        keys.entry(given_as.to_owned()).or_insert(key);
    };
    // The requested views come first: their type of a key is the one that matters.
    for key in planned.iter().flat_map(|view| &view.keys) {
        add(&key.request_key, &key.request_key, &key.value_type);
        add(&key.join_key, &key.join_key, &key.value_type);
    }
    for key in definitions.feature_views.iter().flat_map(|view| &view.entity_columns) {
        add(&key.name, &key.name, &key.value_type);
    }
    let by_entity: Vec<(String, JoinKey)> = definitions
        .entities
        .iter()
        .filter_map(|entity| Some((entity.name.clone(), keys.get(&entity.join_key)?.clone())))
        .collect();
    for (entity, key) in by_entity {
        keys.entry(entity).or_insert(key);
    }
    keys.remove(DUMMY_JOIN_KEY);
    keys
}
