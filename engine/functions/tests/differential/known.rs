//! Differences that are known, each with its reason: they are looked for no more.

/// Fragments that are all in the text of a case, fragments that are all in what is said of its difference, and why it is so.
type Known = (&'static [&'static str], &'static [&'static str], &'static str);

const KNOWN: &[Known] = &[
    (
        &["np.where("],
        &["string multiply ufunc"],
        "texts that numpy has made are multiplied here",
    ),
    (
        &["np.select("],
        &["string multiply ufunc"],
        "texts that numpy has made are multiplied here",
    ),
];

/// Why a case differs, if that is known.
pub(crate) fn reason(text: &str, difference: &str) -> Option<&'static str> {
    let has = |text: &str, fragments: &[&str]| fragments.iter().all(|fragment| text.contains(fragment));
    let mut known = KNOWN.iter();
    let known = known.find(|(of_text, of_difference, _)| has(text, of_text) && has(difference, of_difference));
    known.map(|(_, _, reason)| *reason)
}
