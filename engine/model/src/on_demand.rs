//! On-demand feature views: what they read, and the Python function that computes them.

use std::collections::BTreeMap;
use std::fmt;

use super::{Aggregation, DataSource, Definitions, FeatureView, Field, Metadata, Projection, SourceKind, ViewKind};

/// A view whose features are computed from other views and from the request when they are asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct OnDemandFeatureView {
    /// Its name and what else it says of itself.
    pub metadata: Metadata,
    /// Names of the entities. `__dummy` alone for a view without entities.
    pub entities: Vec<String>,
    /// The join key columns.
    pub entity_columns: Vec<Field>,
    /// What the function gives.
    pub features: Vec<Field>,
    /// What the function gets, by name.
    pub sources: BTreeMap<String, OnDemandSource>,
    /// The function; none when aggregations alone compute the features.
    pub transformation: Option<Transformation>,
    /// `pandas` or `python`.
    pub mode: String,
    /// Aggregates computed before the function.
    pub aggregations: Vec<Aggregation>,
    /// Whether results are stored when rows are written, not computed when they are read.
    pub write_to_online_store: bool,
    /// Whether the function gets single values instead of columns.
    pub singleton: bool,
    /// Whether Python Feast's server times it.
    pub track_metrics: bool,
    /// Whether it may be used at all.
    pub enabled: bool,
}

impl OnDemandFeatureView {
    /// Its unique name.
    pub fn name(&self) -> &str {
        &self.metadata.name
    }

    /// The view as which its results are stored; `None` when they are computed for each request.
    pub fn stored_view(&self) -> Option<FeatureView> {
        self.write_to_online_store.then(|| FeatureView {
            metadata: self.metadata.clone(),
            kind: ViewKind::Regular,
            entities: self.entities.clone(),
            entity_columns: self.entity_columns.clone(),
            features: self.features.clone(),
            ttl: None,
            batch_source: None,
            stream_source: None,
            source_views: Vec::new(),
            transformation: None,
            mode: String::new(),
            online: true,
            offline: false,
            enabled: self.enabled,
            enable_validation: false,
        })
    }

    /// The views that it reads, in the order of their names.
    pub fn source_views(&self) -> impl Iterator<Item = &Projection> {
        self.sources.values().filter_map(|source| match source {
            OnDemandSource::View(projection) => Some(projection),
            OnDemandSource::Request(_) => None,
        })
    }

    /// What it takes from requests.
    pub fn request_data(&self) -> impl Iterator<Item = &Field> {
        let schemas = self.sources.values().filter_map(|source| match source {
            OnDemandSource::Request(source) => match &source.kind {
                SourceKind::Request { schema } => Some(schema),
                _ => None,
            },
            OnDemandSource::View(_) => None,
        });
        schemas.flatten()
    }
}

/// What an on-demand view reads.
#[derive(Debug, Clone, PartialEq)]
pub enum OnDemandSource {
    /// Features of another view.
    View(Projection),
    /// Values of the request.
    Request(Box<DataSource>),
}

/// A Python function as its source text. This binary stores it and does not run it.
#[derive(Debug, Clone)]
pub struct Transformation {
    /// Function name; `<lambda>` for a lambda.
    pub name: String,
    /// What Feast keeps as its text: of a decorated function its source from the first decorator to the last line of the body,
    /// of any other what `udf_string` says, which may be nothing.
    pub text: String,
    /// The function's own source, where the text is something else; empty where the text is all that is known. What is read
    /// from a registry has it only where there is no text.
    pub source: String,
    /// How it is run: `pandas`, `python`, ...
    pub mode: String,
    /// What the function uses of its module; `None` where that is not known, as in a registry that Python wrote.
    pub module_names: Option<ModuleNames>,
}

/// The names of its module that a function uses: helper functions, constants, imports.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModuleNames {
    /// Python that binds them when it is run before the function is defined. It needs nothing else.
    pub text: String,
    /// Those that the text does not bind, and why.
    pub missing: Vec<MissingName>,
}

/// A name of its module that a function uses, and that cannot be stored with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingName {
    /// The name.
    pub name: String,
    /// Completes the sentence "the function uses it, ...": `whose value is not plain data`.
    pub reason: String,
}

impl ModuleNames {
    /// Whether there is nothing to be stored.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.text.is_empty() && self.missing.is_empty()
    }
}

impl Definitions {
    /// Takes over what functions use of their modules from `evaluated`, the definitions of the repository, where that is not known
    /// here: where Python wrote the registry. It is taken for views whose functions have the same name and text. Returns for how
    /// many.
    pub fn take_module_names(&mut self, evaluated: &Self) -> usize {
        let mut taken = 0;
        for view in &mut self.on_demand_feature_views {
            let evaluated = evaluated.on_demand_feature_view(view.name());
            let evaluated = evaluated.and_then(|view| view.transformation.as_ref());
            if let (Some(own), Some(evaluated)) = (&mut view.transformation, evaluated)
                && own.module_names.is_none()
                && (&own.name, &own.text) == (&evaluated.name, &evaluated.text)
            {
                own.module_names.clone_from(&evaluated.module_names);
                taken += usize::from(own.module_names.is_some());
            }
        }
        taken
    }
}

impl fmt::Display for MissingName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "uses `{}`, {}", self.name, self.reason)
    }
}

/// Where the names of one of the two are not known, they make no difference: a view that Python wrote has not changed.
impl PartialEq for Transformation {
    fn eq(&self, other: &Self) -> bool {
        let Self {
            name,
            text,
            source,
            mode,
            module_names,
        } = self;
        let names = module_names.as_ref().zip(other.module_names.as_ref());
        (name, text, source, mode) == (&other.name, &other.text, &other.source, &other.mode)
            && names.is_none_or(|(own, other)| own == other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn definitions(text: &str, module_names: Option<ModuleNames>) -> Definitions {
        let transformation = Transformation {
            name: "f".to_owned(),
            text: text.to_owned(),
            source: String::new(),
            mode: "python".to_owned(),
            module_names,
        };
        let view = OnDemandFeatureView {
            metadata: Metadata::for_view("v"),
            entities: Vec::new(),
            entity_columns: Vec::new(),
            features: Vec::new(),
            sources: BTreeMap::new(),
            transformation: Some(transformation),
            mode: "python".to_owned(),
            aggregations: Vec::new(),
            write_to_online_store: false,
            singleton: false,
            track_metrics: false,
            enabled: true,
        };
        Definitions {
            on_demand_feature_views: vec![view],
            ..Definitions::default()
        }
    }

    #[test]
    fn names_of_the_module_are_taken_over_for_the_same_text() {
        let names = |text: &str| {
            Some(ModuleNames {
                text: text.to_owned(),
                missing: Vec::new(),
            })
        };
        let evaluated = definitions("text", names("A = 1\n"));
        let taken = |mut registry: Definitions| {
            let count = registry.take_module_names(&evaluated);
            let transformation = registry.on_demand_feature_views.remove(0).transformation;
            (
                count,
                transformation.and_then(|transformation| transformation.module_names),
            )
        };
        assert_eq!(taken(definitions("text", None)), (1, names("A = 1\n")));
        assert_eq!(taken(definitions("other", None)), (0, None));
        // This binary wrote it.
        assert_eq!(taken(definitions("text", names(""))), (0, names("")));
        assert_eq!(Definitions::default().take_module_names(&evaluated), 0);
    }

    #[test]
    fn names_that_are_not_known_are_no_difference() {
        let names = |text: &str| {
            Some(ModuleNames {
                text: text.to_owned(),
                ..ModuleNames::default()
            })
        };
        assert_eq!(definitions("text", None), definitions("text", names("A = 1\n")));
        assert_ne!(definitions("text", names("")), definitions("text", names("A = 1\n")));
        assert_ne!(definitions("text", None), definitions("other", None));
    }
}
