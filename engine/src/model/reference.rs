/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum FeatureSelection {
    /// The features of a feature service, by its name.
    Service(String),
    /// Single features, each `view:feature`.
    Features(Vec<String>),
}

/// `view:feature`, split at the first colon as Feast does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeatureReference<'a> {
    /// View name, without a version.
    pub view: &'a str,
    /// Feature name.
    pub feature: &'a str,
}

impl<'a> FeatureReference<'a> {
    /// Splits the text; `None` when there is no colon. `view@latest` means `view`.
    pub fn parse(text: &'a str) -> Option<Self> {
        let (view, feature) = text.split_once(':')?;
        Some(Self {
            view: view.strip_suffix("@latest").unwrap_or(view),
            feature,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::FeatureReference;

    #[test]
    fn splits_at_the_first_colon() {
        let parse = |text| FeatureReference::parse(text).map(|reference| (reference.view, reference.feature));
        assert_eq!(parse("a:b"), Some(("a", "b")));
        assert_eq!(parse("a:b:c"), Some(("a", "b:c")));
        assert_eq!(parse("a@latest:b"), Some(("a", "b")));
        assert_eq!(parse("a"), None);
    }
}
