//! Projections: what feature services and on-demand views take of other views.

use feast_model::error::{Error, Result};
use feast_model::{
    DUMMY_JOIN_KEY, Definitions, Field, ObjectKind, OnDemandSource, Projection, RequestedFeatures, Version,
};

use super::{Diagnostics, ResolveContext};

/// What can be projected: the name, features and pinned version of every view.
struct Projectable {
    name: String,
    features: Vec<Field>,
    version: String,
    is_label_view: bool,
}

pub(super) fn complete(definitions: &mut Definitions, context: &ResolveContext<'_>, diagnostics: &mut Diagnostics) {
    let views = projectable(definitions);
    // What is wrong with a view is reported there, not again by all that take features of it.
    let failed = diagnostics.failed_views();
    for view in &mut definitions.on_demand_feature_views {
        for source in view.sources.values_mut() {
            let OnDemandSource::View(projection) = source else {
                continue;
            };
            if let Err(error) = resolve(projection, &views, context, false)
                && !failed.contains(&projection.view)
            {
                diagnostics.error(ObjectKind::OnDemandFeatureView, &view.metadata.name, &error);
            }
        }
    }
    for service in &mut definitions.services {
        for projection in &mut service.projections {
            if let Err(error) = resolve(projection, &views, context, true)
                && !failed.contains(&projection.view)
            {
                diagnostics.error(ObjectKind::FeatureService, &service.metadata.name, &error);
            }
        }
    }
}

fn projectable(definitions: &Definitions) -> Vec<Projectable> {
    let views = definitions.feature_views.iter().map(|view| Projectable {
        name: view.name().to_owned(),
        features: view.features.clone(),
        version: view.metadata.version.clone(),
        is_label_view: view.is_label_view(),
    });
    let on_demand = definitions.on_demand_feature_views.iter().map(|view| Projectable {
        name: view.name().to_owned(),
        // Join keys named in the schema of an on-demand view can be taken too, as in Feast.
        features: view
            .features
            .iter()
            .chain(&view.entity_columns)
            .filter(|field| field.name != DUMMY_JOIN_KEY)
            .cloned()
            .collect(),
        version: view.metadata.version.clone(),
        is_label_view: false,
    });
    views.chain(on_demand).collect()
}

fn resolve(
    projection: &mut Projection,
    views: &[Projectable],
    context: &ResolveContext<'_>,
    of_service: bool,
) -> Result<()> {
    let (names, version) = match std::mem::replace(&mut projection.requested, RequestedFeatures::Resolved) {
        RequestedFeatures::Resolved => return Ok(()),
        RequestedFeatures::Reference(reference) => {
            let (view, version, feature) = parse_reference(&reference)?;
            view.clone_into(&mut projection.view);
            (feature.map(|feature| vec![feature.to_owned()]), version)
        }
        RequestedFeatures::Named(names) => (Some(names), None),
        RequestedFeatures::InViewOrder(names) => {
            let order = views.iter().find(|view| view.name == projection.view);
            let mut names = names;
            if let Some(view) = order {
                names.sort_by_key(|name| view.features.iter().position(|field| field.name == *name));
            }
            (Some(names), None)
        }
        RequestedFeatures::All => (None, None),
    };
    let unknown = || Error::unknown_feature_view(&projection.view, context.project);
    let view = views.iter().find(|view| view.name == projection.view);
    let features = match version {
        Some(number) => (context.version_features)(&projection.view, number).ok_or_else(|| {
            Error::invalid(format!(
                "Version v{number} of feature view '{}' does not exist in project {}.",
                projection.view, context.project
            ))
        })?,
        None => view.ok_or_else(unknown)?.features.clone(),
    };
    projection.is_label_view = view.is_some_and(|view| view.is_label_view);
    projection.version = version;
    // A service that takes a pinned view reads that version.
    if let Some(view) = view.filter(|_| of_service && version.is_none())
        && let Some(Version::Pinned(number)) = Version::parse(&view.version)
    {
        projection.version = Some(number);
    }
    projection.features = match names {
        None => features,
        Some(names) => names
            .iter()
            .map(|name| {
                let found = features.iter().find(|field| field.name == *name).cloned();
                found.ok_or_else(|| {
                    Error::invalid(format!(
                        "feature '{name}' not found on feature view '{}'.",
                        projection.view
                    ))
                })
            })
            .collect::<Result<_>>()?,
    };
    Ok(())
}

/// `view`, `view:feature`, `view@v2`, `view@v2:feature`.
fn parse_reference(reference: &str) -> Result<(&str, Option<i32>, Option<&str>)> {
    let (view, feature) = match reference.split_once(':') {
        Some((view, feature)) => (view, Some(feature)),
        None => (reference, None),
    };
    let (view, version) = view.split_once('@').unwrap_or((view, ""));
    let malformed = view.is_empty() || feature.is_some_and(str::is_empty);
    match Version::parse(version).filter(|_| !malformed) {
        Some(Version::Latest) => Ok((view, None, feature)),
        Some(Version::Pinned(number)) => Ok((view, Some(number), feature)),
        None => Err(Error::invalid(format!(
            "Invalid feature reference '{reference}'. Expected '<feature_view>', '<feature_view>:<feature>' or \
             '<feature_view>@<version>:<feature>'"
        ))),
    }
}
