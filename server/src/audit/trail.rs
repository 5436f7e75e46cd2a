//! What is noted of one request on its way, for its lines.
//!
//! It is held by the layer that records requests and by whatever works for the request, so that a request whose client has gone away gets
//! its line too: when the last of them lets it go.

use std::borrow::Cow;
use std::fmt::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use feast_engine::model::{Action, ObjectKind};
use feast_engine::{AccessRequest, AskedObject, Error, ErrorKind, FeatureStore, Principal};
use feast_sign_in::Refusal;
use parking_lot::Mutex;
use warp::http::{Method, StatusCode};

use super::line::{self, Event, FeatureRequest, Resource, Who, bounded, bounded_list};
use super::{AuditLog, Ticket};
use crate::connections::Purpose;
use crate::error::ApiError;
use crate::http::{Client, Head};
use crate::layers::request_id::RequestId;
use crate::timeline::{Stopwatch, Timeline};

/// One request.
pub(crate) struct Trail {
    log: Arc<AuditLog>,
    method: Method,
    /// Without the query, as it was sent.
    path: String,
    id: RequestId,
    client: Client,
    /// It came by the socket beside the store.
    is_command: bool,
    stopwatch: Stopwatch,
    principal: OnceLock<Arc<Principal>>,
    asked: Mutex<Asked>,
    /// It has its lines.
    is_recorded: AtomicBool,
}

/// What it has asked for.
#[derive(Default)]
struct Asked {
    /// Types of objects, each once.
    kinds: Vec<&'static str>,
    names: String,
    /// How many names did not fit into `names`.
    more: usize,
    /// Names of actions, each once.
    actions: Vec<&'static str>,
    denied: Option<AskedObject>,
    features: Option<AskedFeatures>,
}

/// What a read asks for, in the words of Feast's other log.
pub(crate) struct AskedFeatures {
    pub(super) entity_keys: Vec<String>,
    pub(super) entities: usize,
    pub(super) views: Vec<String>,
    pub(super) features: usize,
}

impl AskedFeatures {
    /// Names of entities and views, and how many entities and features there are.
    pub(crate) fn new<'a>(
        entity_keys: impl ExactSizeIterator<Item = &'a str>,
        entities: usize,
        views: impl ExactSizeIterator<Item = &'a str>,
        features: usize,
    ) -> Self {
        let owned = |names: Vec<Cow<'_, str>>| names.into_iter().map(Cow::into_owned).collect();
        Self {
            entity_keys: owned(bounded_list(entity_keys)),
            entities,
            views: owned(bounded_list(views)),
            features,
        }
    }
}

impl Trail {
    pub(crate) fn new(log: Arc<AuditLog>, head: &Head) -> Self {
        Self {
            log,
            method: head.method.clone(),
            path: bounded(head.uri.path()).into_owned(),
            id: head.request_id.clone(),
            client: head.peer.client,
            is_command: head.peer.purpose == Purpose::Commands,
            stopwatch: head.stopwatch.clone(),
            principal: OnceLock::new(),
            asked: Mutex::default(),
            is_recorded: AtomicBool::new(false),
        }
    }

    /// Notes who has signed in.
    pub(crate) fn signed_in(&self, principal: &Arc<Principal>) {
        // Nobody signs in twice.
        let _ = self.principal.set(Arc::clone(principal));
    }

    /// Notes what is asked for, and what became of that.
    pub(crate) fn asked(&self, store: &FeatureStore, request: &AccessRequest<'_>, outcome: &Result<(), Error>) {
        let mut asked = self.asked.lock();
        if let AccessRequest::Push {
            source,
            online,
            offline,
        } = *request
        {
            // As Feast has it: the source, and not its views. The order is that of the log, not of refusals.
            let actions = [(online, Action::WriteOnline), (offline, Action::WriteOffline)];
            let actions = actions
                .into_iter()
                .filter_map(|(is_asked, action)| is_asked.then_some(action));
            asked.add("push_source", source, actions);
        } else {
            store.asked_objects(request, |actions, kind, name| {
                asked.add(type_name(kind), name, actions.iter().copied());
            });
        }
        if let (Err(error), Some(principal)) = (outcome, self.principal.get())
            && error.kind() == ErrorKind::Denied
        {
            asked.denied = store.first_denied(principal, request);
        }
    }

    /// Notes what a command does to the whole project.
    pub(crate) fn asked_for_project(&self, project: &str, actions: &[Action]) {
        self.asked.lock().add("project", project, actions.iter().copied());
    }

    /// Notes what a read is about, if there is to be a line of Feast's other log.
    pub(crate) fn asked_features(&self, features: impl FnOnce() -> AskedFeatures) {
        if self.log.logs_features() {
            self.asked.lock().features = Some(features());
        }
    }

    /// Leaves the lines of a request that is about to be answered. Gives the last of them that was taken, which may be waited for if
    /// `is_awaited`.
    pub(crate) fn answered(&self, status: StatusCode, error: Option<&ApiError>, is_awaited: bool) -> Option<Ticket> {
        let outcome = match status {
            StatusCode::FORBIDDEN => "denied",
            _ if status.is_server_error() => "error",
            _ if status.is_client_error() => "failure",
            _ => "success",
        };
        self.record(outcome, status.as_str(), error, is_awaited)
    }

    /// The lines of refusals, that of the request, and that of its features.
    fn record(
        &self,
        outcome: &'static str,
        status: &str,
        error: Option<&ApiError>,
        is_awaited: bool,
    ) -> Option<Ticket> {
        self.is_recorded.store(true, Ordering::Relaxed);
        let (asked, ip) = (self.asked.lock(), self.ip());
        let duration = self.stopwatch.timeline().map(Timeline::elapsed).unwrap_or_default();
        let trace = self.stopwatch.trace().map(|trace| trace.trace_id().to_string());
        let event = || self.event(&ip, trace.as_deref());
        let mut lines = Vec::with_capacity(512);
        match error {
            Some(ApiError::NotSignedIn(refusal)) => write_sign_in(&mut lines, event(), refusal),
            Some(ApiError::Engine(error)) if error.kind() == ErrorKind::Denied => {
                write_denial(&mut lines, event(), asked.denied.as_ref(), error);
            }
            _ => {}
        }
        let is_read = !asked.actions.is_empty() && asked.actions.iter().all(|action| action.starts_with("READ_"));
        if self.log.logs_successful_reads() || outcome != "success" || !is_read {
            let mut detail = format!("{} {} -> {status}", bounded(self.method.as_str()), self.path);
            if let Client::Process { .. } = self.client {
                let _ = write!(detail, " ({})", self.client);
            }
            let line = Event {
                kind: "http.request",
                resource: asked.resource(&self.path),
                outcome,
                duration: Some(duration),
                detail: &detail,
                ..event()
            };
            line.write(&mut lines);
        }
        if let Some(features) = &asked.features {
            let requestor = self.principal.get().map_or("", |principal| principal.name.as_str());
            let line = FeatureRequest {
                requestor: if requestor.is_empty() { "anonymous" } else { requestor },
                features,
                is_answered: outcome == "success",
                duration,
                trace_id: trace.as_deref(),
            };
            line.write(&mut lines);
        }
        self.log.push(&lines, is_awaited)
    }

    /// What all lines of the request have.
    fn event<'a>(&'a self, ip: &'a str, trace_id: Option<&'a str>) -> Event<'a> {
        Event {
            request_id: self.id.as_str(),
            who: match (self.principal.get(), self.client) {
                (Some(principal), _) => Who::signed_in(principal),
                (None, Client::Process { user, .. }) if self.is_command => Who::owner_of_store(user),
                _ => Who::default(),
            },
            ip,
            transport: match self.client {
                Client::Address(_) | Client::Elsewhere(_) => "http",
                Client::Process { .. } => "unix",
            },
            path: &self.path,
            trace_id,
            ..Event::default()
        }
    }

    /// Empty for a process of this machine, and where it is not known.
    fn ip(&self) -> String {
        self.client
            .address()
            .map_or_else(String::new, |address| address.to_canonical().to_string())
    }
}

impl Drop for Trail {
    fn drop(&mut self) {
        if !self.is_recorded.load(Ordering::Relaxed) {
            // The client went away, or the server was stopped: what was begun may be done all the same.
            self.record("error", "no answer", None, false);
        }
    }
}

impl Asked {
    fn add(&mut self, kind: &'static str, name: &str, actions: impl IntoIterator<Item = Action>) {
        if !self.kinds.contains(&kind) {
            self.kinds.push(kind);
        }
        let separator = if self.names.is_empty() { "" } else { "," };
        let is_first = self.names.is_empty() && self.more == 0;
        if !is_first && self.names.len() + name.len() > line::MAX_TEXT_BYTES {
            self.more += 1;
        } else {
            self.names.extend([separator, &bounded(name)]);
        }
        for action in actions.into_iter().map(Action::feast_name) {
            if !self.actions.contains(&action) {
                self.actions.push(action);
            }
        }
    }

    /// As in Feast by the path alone, if the request has not come so far that it is known.
    fn resource(&self, path: &str) -> Resource<'_> {
        if self.kinds.is_empty() {
            let (kind, actions) = by_path(path);
            return Resource {
                kind: kind.into(),
                name: "".into(),
                actions,
            };
        }
        Resource {
            kind: self.kinds.join(",").into(),
            name: match self.more {
                0 => self.names.as_str().into(),
                more => format!("{},... and {more} more", self.names).into(),
            },
            actions: &self.actions,
        }
    }
}

/// Why somebody is not let in. The cause says nothing of the token but what it claims.
fn write_sign_in(lines: &mut Vec<u8>, event: Event<'_>, refusal: &Refusal) {
    let line = Event {
        kind: "authn.failure",
        outcome: match refusal {
            Refusal::Unavailable(_) => "error",
            Refusal::NoToken | Refusal::BadToken(_) => "failure",
        },
        detail: &refusal.to_string(),
        ..event
    };
    line.write(lines);
}

/// What somebody may not do, and which permissions say so.
fn write_denial(lines: &mut Vec<u8>, event: Event<'_>, object: Option<&AskedObject>, error: &Error) {
    let text = error.to_string();
    let actions = object.iter().flat_map(|object| &object.actions);
    let actions: Vec<&'static str> = actions.map(|action| action.feast_name()).collect();
    let line = Event {
        kind: "authz.decision",
        resource: Resource {
            kind: object.map_or("", |object| type_name(object.kind)).into(),
            name: bounded(object.map_or("", |object| &object.name)),
            actions: &actions,
        },
        outcome: "denied",
        detail: &bounded(text.strip_prefix("Permission error:\n").unwrap_or(&text)),
        ..event
    };
    line.write(lines);
}

/// Feast's table, and what commands do.
fn by_path(path: &str) -> (&'static str, &'static [&'static str]) {
    match path {
        "/get-online-features" | "/retrieve-online-documents" => ("feature_service", &["READ_ONLINE"]),
        "/push" => ("push_source", &["WRITE_ONLINE", "WRITE_OFFLINE"]),
        "/write-to-online-store" | "/materialize" | "/materialize-incremental" => ("feature_view", &["WRITE_ONLINE"]),
        "/backup" => ("project", &["DESCRIBE", "READ_ONLINE"]),
        "/forget-rows" => ("feature_view", &["WRITE_ONLINE"]),
        _ => ("", &[]),
    }
}

fn type_name(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::Project => "project",
        ObjectKind::DataSource => "data_source",
        ObjectKind::Entity => "entity",
        ObjectKind::FeatureView => "feature_view",
        ObjectKind::OnDemandFeatureView => "on_demand_feature_view",
        ObjectKind::StreamFeatureView => "stream_feature_view",
        ObjectKind::LabelView => "label_view",
        ObjectKind::FeatureService => "feature_service",
        ObjectKind::Permission => "permission",
        ObjectKind::SavedDataset => "saved_dataset",
        ObjectKind::ValidationReference => "validation_reference",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(names: &[(&'static str, &str)]) -> (String, String) {
        let mut asked = Asked::default();
        for (kind, name) in names {
            asked.add(kind, name, [Action::ReadOnline]);
        }
        let resource = asked.resource("/x");
        assert_eq!(resource.actions.len(), usize::from(!names.is_empty()));
        (resource.kind.into_owned(), resource.name.into_owned())
    }

    #[test]
    fn objects_stand_side_by_side_and_are_bounded() {
        let check = |names: &[(&'static str, &str)], kind: &str, name: &str| {
            assert_eq!(shown(names), (kind.to_owned(), name.to_owned()));
        };
        check(&[], "", "");
        check(&[("feature_view", "a")], "feature_view", "a");
        check(
            &[("feature_view", "a"), ("label_view", "b"), ("feature_view", "c")],
            "feature_view,label_view",
            "a,b,c",
        );
        let long = "x".repeat(1000);
        let many = vec![("feature_view", long.as_str()); 5];
        check(&many, "feature_view", &format!("{long},... and 4 more"));
        let (_, name) = shown(&[("feature_view", &"y".repeat(5000))]);
        assert!(name.len() < 1100 && name.ends_with("... (cut)"));
    }
}
