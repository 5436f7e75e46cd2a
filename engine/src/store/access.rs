//! Who may do what: requests as questions about objects of the registry. The decisions are those of `feast-permissions`.

use std::collections::BTreeSet;
use std::sync::Arc;

use feast_model::error::{Error, ErrorKind, FeastException, Result};
use feast_model::{Action, Definitions, FeatureReference, FeatureSelection, ObjectKind};
use feast_permissions::{Denied, Principal, Rules};

use super::FeatureStore;
use crate::online::{ReadPlan, read_objects};

/// What somebody wants to do.
#[derive(Debug, Clone, Copy)]
pub enum AccessRequest<'a> {
    /// Read the features of a plan.
    Planned(&'a ReadPlan),
    /// Read features for which no plan could be made.
    Read(&'a FeatureSelection),
    /// Push rows to a source.
    Push {
        /// Its name.
        source: &'a str,
        /// To the online store.
        online: bool,
        /// To the parquet source.
        offline: bool,
    },
    /// Do one thing to all views of these names.
    Views(Action, &'a [String]),
}

impl FeatureStore {
    /// Whether somebody may do that, by the registry in use now. Every object of the request is asked about, in Feast's order.
    ///
    /// # Errors
    /// `Denied` with Feast's words. `NotFound` when nothing is denied, but an object is not there.
    pub fn authorize(&self, principal: &Principal, request: &AccessRequest<'_>) -> Result<()> {
        let state = self.registry.current();
        let rules = state.rules();
        request.each_object(&state.definitions, &self.config.project, |actions, kind, name| {
            rules.decide(principal, actions, kind, name).map_err(denied)
        })
    }

    /// The first object for which [`FeatureStore::authorize`] refuses a request, with what may not be done to it.
    pub fn first_denied(&self, principal: &Principal, request: &AccessRequest<'_>) -> Option<AskedObject> {
        let state = self.registry.current();
        let rules = state.rules();
        let mut found = None;
        // It ends where it fails.
        let _ = request.each_object(&state.definitions, &self.config.project, |actions, kind, name| {
            rules.decide(principal, actions, kind, name).map_err(|refusal| {
                found = Some(AskedObject::new(actions, kind, name));
                denied(refusal)
            })
        });
        found
    }

    /// What a request is about, for a record of it: each object, and what is to be done to it. One that is not there is given as what it
    /// was taken for.
    pub fn asked_objects(&self, request: &AccessRequest<'_>, mut visit: impl FnMut(&[Action], ObjectKind, &str)) {
        let state = self.registry.current();
        // Only what is not there is an error, and comes below.
        let _ = request.each_object(&state.definitions, &self.config.project, |actions, kind, name| {
            visit(actions, kind, name);
            Ok(())
        });
        if let Some((action, kind, names)) = request.unknown_objects(&state.definitions) {
            names.into_iter().for_each(|name| visit(&[action], kind, name));
        }
    }

    /// The permissions of the registry.
    pub fn rules(&self) -> Arc<Rules> {
        Arc::clone(self.state().rules())
    }
}

/// An object of the registry, and what somebody wants to do to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedObject {
    /// What it is.
    pub kind: ObjectKind,
    /// Its name.
    pub name: String,
    /// All of them together.
    pub actions: Vec<Action>,
}

impl AskedObject {
    fn new(actions: &[Action], kind: ObjectKind, name: &str) -> Self {
        Self {
            kind,
            name: name.to_owned(),
            actions: actions.to_vec(),
        }
    }
}

impl AccessRequest<'_> {
    /// Asks about each object in Feast's order, until one fails.
    ///
    /// # Errors
    /// Those of `ask`. `NotFound` for a view or source that is not there, after all that are.
    fn each_object(
        &self,
        definitions: &Definitions,
        project: &str,
        mut ask: impl FnMut(&[Action], ObjectKind, &str) -> Result<()>,
    ) -> Result<()> {
        match *self {
            Self::Planned(plan) => {
                let mut objects = plan.objects.iter();
                objects.try_for_each(|object| ask(&[Action::ReadOnline], object.kind, &object.name))
            }
            Self::Read(selection) => {
                let mut objects = read_objects(definitions, selection).into_iter();
                objects.try_for_each(|object| ask(&[Action::ReadOnline], object.kind, &object.name))
            }
            // Feast leaves out label views, so that anybody writes labels.
            Self::Push {
                source,
                online,
                offline,
            } => {
                let mut views = definitions.views_of_push_source(source).peekable();
                if views.peek().is_none() {
                    let message = format!("Unable to find push source '{source}'.");
                    return Err(Error::not_found(FeastException::PushSourceNotFound, message));
                }
                let actions = push_actions(online, offline);
                views.try_for_each(|view| ask(actions, view.object_kind(), view.name()))
            }
            Self::Views(action, names) => {
                let mut unknown = None;
                for name in names {
                    match definitions.view_kind(name) {
                        Some(kind) => ask(&[action], kind, name)?,
                        None => unknown = unknown.or(Some(name)),
                    }
                }
                unknown.map_or(Ok(()), |name| Err(Error::unknown_feature_view(name, project)))
            }
        }
    }

    /// The names of objects that do not exist, each once, and what they were taken for. `None` where nothing is asked for by its name, as by a
    /// push, which names its source.
    fn unknown_objects<'a>(&'a self, definitions: &Definitions) -> Option<(Action, ObjectKind, BTreeSet<&'a str>)> {
        let is_unknown = |name: &&str| definitions.view_kind(name).is_none();
        match *self {
            Self::Planned(_) | Self::Push { .. } => None,
            Self::Read(FeatureSelection::Service(name)) => {
                let unknown = Some(name.as_str()).filter(|name| definitions.service(name).is_none());
                Some((
                    Action::ReadOnline,
                    ObjectKind::FeatureService,
                    unknown.into_iter().collect(),
                ))
            }
            Self::Read(FeatureSelection::Features(references)) => {
                let parsed = references.iter().filter_map(|text| FeatureReference::parse(text));
                let unknown = parsed.map(|reference| reference.view).filter(is_unknown);
                Some((Action::ReadOnline, ObjectKind::FeatureView, unknown.collect()))
            }
            Self::Views(action, names) => {
                let unknown = names.iter().map(String::as_str).filter(is_unknown);
                Some((action, ObjectKind::FeatureView, unknown.collect()))
            }
        }
    }
}

/// What a push does to a view: in Feast's order, which its texts have.
fn push_actions(online: bool, offline: bool) -> &'static [Action] {
    match (online, offline) {
        (true, true) => &[Action::WriteOffline, Action::WriteOnline],
        (_, true) => &[Action::WriteOffline],
        _ => &[Action::WriteOnline],
    }
}

fn denied(denied: Denied) -> Error {
    let text = format!("Permission error:\n{denied}");
    Error::new(ErrorKind::Denied, text).with_exception(FeastException::Permission)
}
