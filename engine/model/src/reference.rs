//! What a request names: features one by one, or a feature service.

/// The features that a request names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum FeatureSelection {
    /// The features of a feature service, by its name.
    Service(String),
    /// Single features, each `view:feature`.
    Features(Vec<String>),
}

/// `view:feature` or `view@version:feature`, split at the first colon as Feast does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeatureReference<'a> {
    /// View name, without a version.
    pub view: &'a str,
    /// The version that is named; without one the current version is meant.
    pub version: Option<i32>,
    /// Feature name.
    pub feature: &'a str,
}

impl<'a> FeatureReference<'a> {
    /// Splits the string; `None` when there is no colon.
    pub fn parse(string: &'a str) -> Option<Self> {
        let (qualified, feature) = string.split_once(':')?;
        let (view, version) = split_version(qualified);
        Some(Self { view, version, feature })
    }
}

/// `view@v2` is a view and its version, `view@latest` is the view. Anything else after an at sign belongs to the name.
fn split_version(qualified: &str) -> (&str, Option<i32>) {
    let Some((view, version)) = qualified.split_once('@') else {
        return (qualified, None);
    };
    if version.is_empty() || version.eq_ignore_ascii_case("latest") {
        return (view, None);
    }
    let digits = version.strip_prefix(['v', 'V']).unwrap_or_default();
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    match digits.parse().ok().filter(|_| is_number) {
        Some(number) => (view, Some(number)),
        None => (qualified, None),
    }
}

#[cfg(test)]
mod tests {
    use super::FeatureReference;

    #[test]
    fn splits_as_feast_does() {
        let parse = |string| {
            FeatureReference::parse(string).map(|reference| (reference.view, reference.version, reference.feature))
        };
        assert_eq!(parse("a:b"), Some(("a", None, "b")));
        assert_eq!(parse("a:b:c"), Some(("a", None, "b:c")));
        assert_eq!(parse("a@latest:b"), Some(("a", None, "b")));
        assert_eq!(parse("a@Latest:b"), Some(("a", None, "b")));
        assert_eq!(parse("a@:b"), Some(("a", None, "b")));
        assert_eq!(parse("a@v12:b"), Some(("a", Some(12), "b")));
        assert_eq!(parse("a@V0:b"), Some(("a", Some(0), "b")));
        assert_eq!(parse("a@newest:b"), Some(("a@newest", None, "b")));
        assert_eq!(parse("a@v+1:b"), Some(("a@v+1", None, "b")));
        assert_eq!(parse("a"), None);
    }
}
