//! Who may do what: requests as questions about objects of the registry. The decisions are those of `feast-permissions`.

use std::sync::Arc;

use feast_model::error::{Error, ErrorKind, FeastException, Result};
use feast_model::{Action, Definitions, FeatureSelection, ObjectKind};
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
        let access = Access {
            principal,
            rules: state.rules(),
            definitions: &state.definitions,
            project: &self.config.project,
        };
        match *request {
            AccessRequest::Planned(plan) => {
                let mut objects = plan.objects.iter();
                objects.try_for_each(|object| access.ask(&[Action::ReadOnline], object.kind, &object.name))
            }
            AccessRequest::Read(selection) => {
                let mut objects = read_objects(access.definitions, selection).into_iter();
                objects.try_for_each(|object| access.ask(&[Action::ReadOnline], object.kind, &object.name))
            }
            AccessRequest::Push {
                source,
                online,
                offline,
            } => access.push(source, online, offline),
            AccessRequest::Views(action, names) => access.views(action, names),
        }
    }

    /// The permissions of the registry.
    pub fn rules(&self) -> Arc<Rules> {
        Arc::clone(self.state().rules())
    }
}

/// One question.
struct Access<'a> {
    principal: &'a Principal,
    rules: &'a Rules,
    definitions: &'a Definitions,
    project: &'a str,
}

impl Access<'_> {
    fn ask(&self, actions: &[Action], kind: ObjectKind, name: &str) -> Result<()> {
        self.rules.decide(self.principal, actions, kind, name).map_err(denied)
    }

    /// Feast leaves out label views, so that anybody writes labels.
    fn push(&self, source: &str, online: bool, offline: bool) -> Result<()> {
        // Feast's order, which its texts have.
        let actions: &[Action] = match (online, offline) {
            (true, true) => &[Action::WriteOffline, Action::WriteOnline],
            (_, true) => &[Action::WriteOffline],
            _ => &[Action::WriteOnline],
        };
        let mut views = self.definitions.views_of_push_source(source).peekable();
        if views.peek().is_none() {
            let message = format!("Unable to find push source '{source}'.");
            return Err(Error::not_found(FeastException::PushSourceNotFound, message));
        }
        views.try_for_each(|view| self.ask(actions, view.object_kind(), view.name()))
    }

    fn views(&self, action: Action, names: &[String]) -> Result<()> {
        let mut unknown = None;
        for name in names {
            match self.definitions.view_kind(name) {
                Some(kind) => self.ask(&[action], kind, name)?,
                None => unknown = unknown.or(Some(name)),
            }
        }
        unknown.map_or(Ok(()), |name| Err(Error::unknown_feature_view(name, self.project)))
    }
}

fn denied(denied: Denied) -> Error {
    let text = format!("Permission error:\n{denied}");
    Error::new(ErrorKind::Denied, text).with_exception(FeastException::Permission)
}
