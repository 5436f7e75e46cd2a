//! Spans of time in definitions: only what the registry, and Python Feast that reads it, can hold.

use feast_model::{
    Aggregation, DataSource, Definitions, FeatureView, ObjectKind, SourceKind, ViewKind, is_storable_duration,
};

use super::Diagnostics;

pub(super) fn check(definitions: &Definitions, diagnostics: &mut Diagnostics) {
    let mut problems = Vec::new();
    for view in &definitions.feature_views {
        let parameters = view_parameters(view).chain(view.source_views.iter().flat_map(view_parameters));
        problems.extend(parameters.map(|parameter| (view.object_kind(), view.name().to_owned(), parameter)));
    }
    for view in &definitions.on_demand_feature_views {
        let parameters = aggregation_parameters(&view.aggregations);
        let kind = ObjectKind::OnDemandFeatureView;
        problems.extend(parameters.map(|parameter| (kind, view.name().to_owned(), parameter)));
    }
    for source in &definitions.sources {
        let kind = ObjectKind::DataSource;
        problems.extend(source_parameters(source).map(|parameter| (kind, source.name().to_owned(), parameter)));
    }
    for (kind, name, parameter) in problems {
        diagnostics.problem(kind, &name, format!("its {parameter} is longer than 10,000 years"));
    }
}

/// The names of a view's parameters that the registry cannot hold.
fn view_parameters(view: &FeatureView) -> impl Iterator<Item = &'static str> {
    let (hop_size, aggregations) = match &view.kind {
        ViewKind::Stream(settings) => (settings.tiling_hop_size, settings.aggregations.as_slice()),
        ViewKind::Regular | ViewKind::Label(_) => (None, [].as_slice()),
    };
    let own = [("ttl", view.ttl), ("tiling_hop_size", hop_size)];
    let of_sources = [&view.batch_source, &view.stream_source].into_iter().flatten();
    too_long(own)
        .chain(aggregation_parameters(aggregations))
        .chain(of_sources.flat_map(source_parameters))
}

fn aggregation_parameters(aggregations: &[Aggregation]) -> impl Iterator<Item = &'static str> {
    aggregations.iter().flat_map(|aggregation| {
        too_long([
            ("aggregations' time_window", aggregation.time_window),
            ("aggregations' slide_interval", aggregation.slide_interval),
        ])
    })
}

fn source_parameters(source: &DataSource) -> impl Iterator<Item = &'static str> + use<> {
    let delay = match &source.kind {
        SourceKind::Kafka { watermark_delay, .. } => *watermark_delay,
        _ => None,
    };
    too_long([("watermark_delay_threshold", delay)])
}

fn too_long<const COUNT: usize>(
    parameters: [(&'static str, Option<i64>); COUNT],
) -> impl Iterator<Item = &'static str> {
    let is_too_long = |(name, micros): (&'static str, Option<i64>)| {
        micros
            .is_some_and(|micros| !is_storable_duration(micros))
            .then_some(name)
    };
    parameters.into_iter().filter_map(is_too_long)
}
