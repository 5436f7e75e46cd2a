//! Data sources: whether their files can be read, and have the columns of the views. Only footers are read.

use feast_engine::SourceFound;

use super::context::Context;
use super::finding::Findings;

/// Files that are passed over are named up to so many, and so are views.
const SHOWN: usize = 5;

pub(super) fn check(context: &Context, findings: &Findings) {
    let Some(store) = &context.registry else { return };
    for name in store.sources_of_views() {
        findings.begin(format!("data source {name}"));
        for found in store.examine_source(&name) {
            tell(&found, findings);
        }
    }
}

fn tell(found: &SourceFound, findings: &Findings) {
    let SourceFound { name, views, .. } = found;
    if let Some(error) = &found.not_readable {
        let text = format!("{error}: {} cannot be materialized here", list(views));
        let hint = "push their rows, or materialize them with Python Feast where the online store is one of its own";
        return findings.warning(text, hint);
    }
    if found.problems.is_empty() {
        let path = found.path.as_ref().map(|path| path.display().to_string());
        findings.ok(format!(
            "{name}: {} columns in {}, for {}",
            found.columns,
            path.unwrap_or_default(),
            list(views)
        ));
    }
    found.problems.iter().for_each(|problem| findings.failed(problem));
    for line in found.left_out.iter().take(SHOWN) {
        findings.warning(line, "remove it from there, or make it readable as parquet");
    }
    if found.left_out.len() > SHOWN {
        let more = found.left_out.len() - SHOWN;
        findings.warning(
            format!("data source {name}: {more} more are left out"),
            "look at what is in its directory",
        );
    }
}

fn list(views: &[String]) -> String {
    let shown = views.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    match views.len().checked_sub(SHOWN) {
        Some(more) if more > 0 => format!("{shown} and {more} more"),
        _ => shown,
    }
}
