//! Differences that are known, each with its reason: they are looked for no more.

struct Known {
    /// Fragments that are all in the text of the case.
    text: &'static [&'static str],
    /// Fragments that are all in what is said of its difference.
    difference: &'static [&'static str],
    #[expect(dead_code, reason = "for those who read this")]
    reason: &'static str,
}

const fn known(text: &'static [&'static str], difference: &'static [&'static str], reason: &'static str) -> Known {
    Known {
        text,
        difference,
        reason,
    }
}

#[rustfmt::skip]
const KNOWN: &[Known] = &[
    known(&["np.where("], &["string multiply ufunc"], "texts that numpy has made are multiplied here"),
    known(&["np.select("], &["string multiply ufunc"], "texts that numpy has made are multiplied here"),
    known(&["np."], &["numpy.str_"], "a text of an array of numpy is numpy's own, which shows in messages"),
    known(&["np."], &["np.str_("], "a text of an array of numpy is numpy's own, which shows in messages"),
    known(&["pd.cut("], &["np.str_("], "a text that pandas makes of a category is numpy's own, which shows in messages"),
    known(&["pd.cut("], &["numpy.str_"], "a text that pandas makes of a category is numpy's own, which shows in messages"),
    known(&[], &["Conversion failed for column"], "a column of several kinds that nobody wants is an error of Arrow's in Feast"),
];

/// Whether a case is known to differ so.
pub(crate) fn is_known(text: &str, difference: &str) -> bool {
    let has = |text: &str, fragments: &[&str]| fragments.iter().all(|fragment| text.contains(fragment));
    KNOWN
        .iter()
        .any(|known| has(text, known.text) && has(difference, known.difference))
}
