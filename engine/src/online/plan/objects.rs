//! Which objects a read is about, for permissions.

use feast_model::{Definitions, FeatureReference, FeatureSelection, ObjectKind};

/// An object that whoever asks must be allowed to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReadObject {
    pub(crate) kind: ObjectKind,
    pub(crate) name: String,
}

/// The objects of a selection, each once, in the order in which Feast asks about them: a service and none of its views, or views with
/// stored rows, those that functions read included, and then on-demand views. What is not there is left out.
pub(crate) fn read_objects(definitions: &Definitions, selection: &FeatureSelection) -> Vec<ReadObject> {
    let references = match selection {
        FeatureSelection::Service(name) => {
            let service = definitions.service(name).map(|service| ReadObject {
                kind: ObjectKind::FeatureService,
                name: service.name().to_owned(),
            });
            return service.into_iter().collect();
        }
        FeatureSelection::Features(references) => references,
    };
    let (mut stored, mut computed) = (Vec::new(), Vec::new());
    for reference in references
        .iter()
        .filter_map(|reference| FeatureReference::parse(reference))
    {
        add_view(definitions, reference.view, &mut stored, &mut computed);
    }
    stored.append(&mut computed);
    stored
}

fn add_view(definitions: &Definitions, name: &str, stored: &mut Vec<ReadObject>, computed: &mut Vec<ReadObject>) {
    let Some(kind) = definitions.view_kind(name) else {
        return;
    };
    let on_demand = definitions.on_demand_feature_view(name);
    let on_demand = on_demand.filter(|_| kind == ObjectKind::OnDemandFeatureView);
    let objects = if on_demand.is_some() {
        &mut *computed
    } else {
        &mut *stored
    };
    if objects.iter().any(|object| object.name == name) {
        return;
    }
    objects.push(ReadObject {
        kind,
        name: name.to_owned(),
    });
    for source in on_demand.iter().flat_map(|view| view.source_views()) {
        add_view(definitions, &source.view, stored, computed);
    }
}
