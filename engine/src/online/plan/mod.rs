//! What a request means: views, features and join keys, resolved against one state of the registry.

mod computations;
mod objects;

use std::any::Any;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use arc_swap::ArcSwapOption;
use feast_codec::row::storage_type;
use feast_functions::Budget;
use feast_model::error::{Error, ErrorKind, FeastException, Result};
use feast_model::{
    DUMMY_JOIN_KEY, Definitions, FeatureReference, FeatureSelection, FeatureService, FeatureView, Field, Projection,
    RequestedFeatures, ValueType, ViewState, ViewStatus,
};

use computations::{computed_view, plan_computations};
pub(crate) use objects::{ReadObject, read_objects};

use super::assemble::Columns;
use super::binding::Binding;
use super::computed::{PlannedComputation, check_request_data, request_data};
use super::feature_vectors::{Computed, FeatureVectors};
use super::key_types::key_encoder;
use super::keys::EntityRows;
use super::log_table::PlannedLog;
use super::planned_view::{KeyGroup, PlannedFeature, PlannedKey, PlannedView};
use super::view_functions::ViewFunctions;

/// A resolved selection of features. It can be kept as long as the registry does not change.
#[derive(Debug)]
pub struct ReadPlan {
    pub(super) views: Vec<PlannedView>,
    pub(super) groups: Vec<KeyGroup>,
    /// In the order of the response, behind what is stored.
    pub(super) computations: Vec<PlannedComputation>,
    /// What functions take from the request, by name.
    pub(super) request_data: BTreeMap<String, ValueType>,
    /// Its binding to the tables as they were when it was last used.
    pub(super) binding: ArcSwapOption<Binding>,
    /// Every name under which a request may give keys: join keys of the project, mapped keys, entity names.
    pub(super) request_keys: BTreeMap<String, JoinKey>,
    /// The feature service that was asked for.
    service: Option<String>,
    /// What is logged of the answers, if it is a service of which something is, or why it cannot be.
    log: Option<Result<Arc<PlannedLog>>>,
    attachment: OnceLock<Box<dyn Any + Send + Sync>>,
    /// What whoever asks must be allowed to read.
    pub(crate) objects: Vec<ReadObject>,
}

/// What plans are made from: one state of the registry.
pub(crate) struct PlanContext<'a> {
    pub(crate) definitions: &'a Definitions,
    pub(crate) project: &'a str,
    /// Of views that are not new.
    pub(crate) statuses: &'a HashMap<String, ViewStatus>,
    pub(crate) functions: &'a ViewFunctions,
    /// Whether `view@v2:feature` may be requested.
    pub(crate) with_versions: bool,
    /// Whether what is answered for feature services is logged.
    pub(crate) with_logs: bool,
}

impl PlanContext<'_> {
    fn status_of(&self, view: &str) -> ViewStatus {
        self.statuses.get(view).copied().unwrap_or(ViewStatus::NEW)
    }
}

/// What a request means by a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestColumn<'plan> {
    /// The join key.
    pub key: Option<&'plan JoinKey>,
    /// The type of data that functions take under this name.
    pub data_type: Option<&'plan ValueType>,
}

/// A join key as requests give it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinKey {
    /// Its name in the response.
    pub name: String,
    /// Type its values are read as. `None` for keys that no requested view has: they are only given back.
    pub value_type: Option<ValueType>,
}

impl ReadPlan {
    /// Resolves a selection. `full_feature_names` puts the view's name before each feature: `view__feature`.
    ///
    /// # Errors
    /// `NotFound` for an unknown view or service, `Unsupported` for an on-demand view whose function is not run here, `Invalid` for the
    /// rest, in Feast's order of checks and words.
    pub(crate) fn new(
        context: &PlanContext<'_>,
        selection: &FeatureSelection,
        full_feature_names: bool,
    ) -> Result<Self> {
        let projections = match selection {
            FeatureSelection::Service(name) => service(context, name)?.projections.clone(),
            FeatureSelection::Features(references) => group_references(references)?,
        };
        let (mut found, mut computed) = (Vec::with_capacity(projections.len()), Vec::new());
        for projection in &projections {
            match computed_view(context, projection)? {
                Some(view) => computed.push((projection, view)),
                None => found.push((projection, served_view(context, projection)?)),
            }
        }
        check_collisions(&projections, full_feature_names)?;
        let mut groups = Vec::new();
        let mut views = Vec::with_capacity(found.len());
        for (projection, view) in &found {
            let group = group_of(projection, view, &mut groups)?;
            views.push(PlannedView::new(context, projection, view, group, full_feature_names)?);
        }
        let computations = plan_computations(context, &computed, full_feature_names, &mut views, &mut groups)?;
        let request_keys = request_keys(context.definitions, &groups);
        Ok(Self {
            views,
            groups,
            request_data: request_data(&computations),
            computations,
            binding: ArcSwapOption::empty(),
            request_keys,
            service: match selection {
                FeatureSelection::Service(name) => Some(name.clone()),
                FeatureSelection::Features(_) => None,
            },
            log: planned_log(context, selection, full_feature_names),
            attachment: OnceLock::new(),
            objects: read_objects(context.definitions, selection),
        })
    }

    /// How many columns of features are made for a response, those included that only functions read.
    pub fn column_count(&self) -> usize {
        let stored = self.views.iter().map(|view| view.features.len());
        let computed = self.computations.iter().map(|computation| computation.outputs.len());
        stored.sum::<usize>() + computed.sum::<usize>()
    }

    /// How many features a response holds for each entity.
    pub fn feature_count(&self) -> usize {
        let stored = self.views.iter().flat_map(|view| &view.features);
        let stored = stored.filter(|feature| feature.is_answered).count();
        let computed = self.computations.iter().map(|computation| computation.outputs.len());
        stored + computed.sum::<usize>()
    }

    /// The name and the current version of each requested view, in the order of the response, each name once.
    pub fn view_versions(&self) -> Vec<(&str, i32)> {
        let mut seen = BTreeSet::new();
        let is_answered = |view: &&PlannedView| view.features.iter().any(|feature| feature.is_answered);
        let stored = self.views.iter().filter(is_answered);
        let stored = stored.map(|view| (view.shown_name.as_str(), view.version));
        let computed = self.computations.iter();
        let computed = computed.map(|computation| (computation.shown_name.as_str(), computation.version));
        let all = stored.chain(computed);
        all.filter(|(name, _)| seen.insert(*name)).collect()
    }

    /// The feature service that was asked for, if one was.
    pub fn service(&self) -> Option<&str> {
        self.service.as_deref()
    }

    /// What is logged of the answers; `None` when nothing is to be.
    ///
    /// # Errors
    /// `Invalid`, when it is to be logged and cannot be.
    pub fn log(&self) -> Option<Result<&Arc<PlannedLog>, &Error>> {
        self.log.as_ref().map(Result::as_ref)
    }

    /// The views whose rows are looked up, each as [`FeatureVectors::outcomes`] has it.
    pub fn view_names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.views.iter().map(|view| view.view.as_str())
    }

    /// The on-demand views whose functions are to be measured, each with its position among the functions, and its mode.
    pub fn measured_functions(&self) -> impl Iterator<Item = (usize, &str, &str)> {
        let computations = self.computations.iter().enumerate();
        computations
            .filter(|(_, computation)| computation.is_measured)
            .map(|(position, computation)| (position, computation.view.as_str(), computation.mode.as_str()))
    }

    /// What a caller keeps with the plan, so that it need not be found again for each request. It is made once, and must be small:
    /// the memory of kept plans is counted without it. `None` when the plan has something of another type.
    pub fn attached<T: Any + Send + Sync>(&self, make: impl FnOnce() -> T) -> Option<&T> {
        self.attachment.get_or_init(|| Box::new(make())).downcast_ref()
    }

    /// What a request means by a name.
    pub fn request_column(&self, name: &str) -> RequestColumn<'_> {
        RequestColumn {
            key: self.request_keys.get(name),
            data_type: self.request_data.get(name),
        }
    }

    /// Whether some of its functions are run by another process.
    pub(super) fn waits_for_functions(&self) -> bool {
        let mut computations = self.computations.iter();
        computations.any(|computation| computation.function.is_elsewhere())
    }

    /// Runs the functions over what is stored. `None` when they take more than a brief budget.
    pub(super) fn compute<'request>(
        &'request self,
        entities: &EntityRows,
        columns: Columns<'request>,
        budget: Budget,
    ) -> Result<Option<FeatureVectors<'request>>> {
        let Columns { mut vectors, stored } = columns;
        if self.computations.is_empty() {
            return Ok(Some(vectors));
        }
        let stored = stored.unwrap_or_default();
        let all_started = Instant::now();
        for (function, computation) in self.computations.iter().enumerate() {
            let started = computation.is_measured.then(Instant::now);
            if !computation.run(entities, &stored, &mut vectors, budget)? {
                return Ok(None);
            }
            if let Some(started) = started {
                let time = started.elapsed();
                vectors.add_computed(Computed { function, time });
            }
        }
        vectors.set_function_time(all_started.elapsed());
        Ok(Some(vectors))
    }

    /// Whether a request has all data that functions take from it.
    ///
    /// # Errors
    /// Feast's own, when some is missing.
    pub(super) fn check_request_data(&self, entities: &EntityRows) -> Result<()> {
        check_request_data(self.request_data.keys(), entities)
    }
}

impl PlannedView {
    fn new(
        context: &PlanContext<'_>,
        projection: &Projection,
        view: &FeatureView,
        group: usize,
        full_feature_names: bool,
    ) -> Result<Self> {
        let features = projection.features.iter().map(|requested| {
            let (_, field) = view
                .feature(&requested.name)
                .ok_or_else(|| unknown_feature(projection, &requested.name))?;
            let response_name = response_name(projection, &field.name, full_feature_names);
            Ok(PlannedFeature::new(field, response_name, true))
        });
        let features = features.collect::<Result<Vec<_>>>()?;
        Ok(Self {
            view: view.name().to_owned(),
            shown_name: projection.display_name().to_owned(),
            version: context.status_of(view.name()).version,
            max_age: view.ttl.filter(|ttl| *ttl > 0),
            group,
            features,
        })
    }
}

impl PlannedFeature {
    fn new(field: &Field, response_name: String, is_answered: bool) -> Self {
        Self {
            response_name,
            name: field.name.clone(),
            value_type: field.value_type.clone(),
            storage_type: storage_type(&field.value_type),
            is_answered,
        }
    }
}

fn unknown_feature(projection: &Projection, feature: &str) -> Error {
    let message = format!(
        "Feature {feature} not found in projection {}",
        projection.display_name()
    );
    Error::not_found(FeastException::KeyError, message)
}

/// The position of the group with the keys of a view, which is added if it is new.
fn group_of(projection: &Projection, view: &FeatureView, groups: &mut Vec<KeyGroup>) -> Result<usize> {
    let mut keys: Vec<PlannedKey> = view
        .entity_columns
        .iter()
        .map(|key| PlannedKey {
            request_key: projection.request_key(&key.name).to_owned(),
            join_key: key.name.clone(),
            value_type: key.value_type.clone(),
        })
        .collect();
    // An entity key has them in this order, whatever that of the view.
    keys.sort_by(|left, right| left.join_key.cmp(&right.join_key));
    if let Some(known) = groups.iter().position(|group| group.keys == keys) {
        return Ok(known);
    }
    let named: Vec<_> = keys
        .iter()
        .map(|key| (key.join_key.as_str(), &key.value_type))
        .collect();
    let encoder = key_encoder(view.name(), &named)?;
    groups.push(KeyGroup { keys, encoder });
    Ok(groups.len() - 1)
}

fn service<'a>(context: &PlanContext<'a>, name: &str) -> Result<&'a FeatureService> {
    context.definitions.service(name).ok_or_else(|| {
        let message = format!("Feature service {name} does not exist in project {}", context.project);
        Error::not_found(FeastException::FeatureServiceNotFound, message)
    })
}

fn planned_log(
    context: &PlanContext<'_>,
    selection: &FeatureSelection,
    full_feature_names: bool,
) -> Option<Result<Arc<PlannedLog>>> {
    let FeatureSelection::Service(name) = selection else {
        return None;
    };
    let service = context.definitions.service(name).filter(|_| context.with_logs)?;
    let log = PlannedLog::new(context.definitions, service, full_feature_names).transpose()?;
    Some(log.map(Arc::new))
}

fn disabled(view: &str) -> Error {
    Error::invalid(format!(
        "Feature view '{view}' is disabled and cannot serve features. Enable it with `feast feature-views enable {view}` or set enabled=True."
    ))
}

fn served_view<'a>(context: &PlanContext<'a>, projection: &Projection) -> Result<Cow<'a, FeatureView>> {
    let name = &projection.view;
    if let Some(version) = projection.version.filter(|_| !context.with_versions) {
        return Err(Error::invalid(format!(
            "Version-qualified ref '{name}@v{version}' not supported: online versioning is disabled. Set \
             'enable_online_feature_view_versioning: true' under 'registry' in feature_store.yaml."
        )));
    }
    let Some(view) = context.definitions.view_with_rows(name) else {
        return Err(Error::unknown_feature_view(name, context.project));
    };
    let status = context.status_of(name);
    if let Some(version) = projection.version.filter(|version| *version != status.version) {
        return Err(other_version(name, version, status.version, context.project));
    }
    if !view.enabled {
        return Err(disabled(name));
    }
    // Rows stay readable while newer ones are loaded.
    if let state @ (ViewState::Created | ViewState::Generated) = status.state {
        return Err(Error::invalid(format!(
            "Feature view '{name}' is in state '{}' and cannot serve features. Only AVAILABLE_ONLINE feature views can serve.",
            state.name()
        )));
    }
    Ok(view)
}

fn other_version(view: &str, version: i32, current: i32, project: &str) -> Error {
    if version > current {
        let message = format!("Version v{version} of feature view {view} does not exist in project {project}");
        return Error::not_found(FeastException::FeatureViewVersionNotFound, message);
    }
    let message = format!(
        "Version v{version} of feature view '{view}' cannot be read: this server keeps only the current one, v{current}"
    );
    Error::new(ErrorKind::Unsupported, message)
}

/// One projection a view, views in order of first mention, features in request order.
fn group_references(references: &[String]) -> Result<Vec<Projection>> {
    if references.is_empty() {
        return Err(Error::invalid("No features specified for retrieval"));
    }
    let mut projections: Vec<Projection> = Vec::new();
    let mut positions = HashMap::new();
    for string in references {
        let reference = FeatureReference::parse(string).ok_or_else(|| {
            Error::invalid(format!(
                "Invalid feature reference '{string}'. Expected format: '<feature_view>:<feature>' or '<feature_view>@<version>:<feature>'"
            ))
        })?;
        // Only the name counts here: the type is taken from the view.
        let requested = Field::new(reference.feature, ValueType::Bytes);
        let position = *positions.entry((reference.view, reference.version)).or_insert_with(|| {
            projections.push(Projection {
                requested: RequestedFeatures::Resolved,
                version: reference.version,
                ..Projection::all_of(reference.view)
            });
            projections.len() - 1
        });
        projections[position].features.push(requested);
    }
    Ok(projections)
}

pub(super) fn response_name(projection: &Projection, feature: &str, full_feature_names: bool) -> String {
    let view = projection.display_name();
    match projection.version {
        _ if !full_feature_names => feature.to_owned(),
        Some(version) => format!("{view}@v{version}__{feature}"),
        None => format!("{view}__{feature}"),
    }
}

fn check_collisions(projections: &[Projection], full_feature_names: bool) -> Result<()> {
    let (mut seen, mut reported) = (BTreeSet::new(), BTreeSet::new());
    let mut twice = Vec::new();
    for projection in projections {
        for field in &projection.features {
            let name = response_name(projection, &field.name, full_feature_names);
            if !seen.insert(name.clone()) && reported.insert(name.clone()) {
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
    let message = format!("Duplicate features named {names} found.\nTo resolve this collision, {remedy}");
    Err(Error::new(ErrorKind::Invalid, message).with_exception(FeastException::FeatureNameCollision))
}

fn request_keys(definitions: &Definitions, groups: &[KeyGroup]) -> BTreeMap<String, JoinKey> {
    let mut keys = BTreeMap::new();
    let mut add = |given_as: &str, name: &str, value_type: Option<&ValueType>| {
        let key = JoinKey {
            name: name.to_owned(),
            value_type: value_type.cloned(),
        };
        keys.entry(given_as.to_owned()).or_insert(key);
    };
    // The requested views come first: their type of a key is the one that matters.
    for key in groups.iter().flat_map(|group| &group.keys) {
        add(&key.request_key, &key.request_key, Some(&key.value_type));
        add(&key.join_key, &key.join_key, Some(&key.value_type));
    }
    for key in definitions.feature_views.iter().flat_map(|view| &view.entity_columns) {
        add(&key.name, &key.name, None);
    }
    let by_entity: Vec<(String, JoinKey)> = definitions
        .entities
        .iter()
        .filter_map(|entity| Some((entity.name().to_owned(), keys.get(&entity.join_key)?.clone())))
        .collect();
    for (entity, key) in by_entity {
        keys.entry(entity).or_insert(key);
    }
    keys.remove(DUMMY_JOIN_KEY);
    keys
}
