//! Functions of on-demand views: which of them are computed here, and whether the Python of `serving.python` starts and loads the others.

use feast_engine::{FeatureStore, OnDemandRemarkKind};

use super::context::{Context, runtime};
use super::finding::Findings;
use crate::commands::apply;

pub(super) fn check(context: &Context, findings: &Findings) {
    let Some(store) = &context.registry else { return };
    let views = store.definitions().on_demand_feature_views.len();
    if views > 0 {
        check_views(store, views, context.config.python.is_some(), findings);
    }
    if let Some(python) = &context.config.python {
        let command = python.command.display().to_string();
        findings.begin(format!("starting {command}"));
        start(store, &command, findings);
    }
}

fn check_views(store: &FeatureStore, views: usize, has_python: bool, findings: &Findings) {
    findings.begin("reading the definitions of the repository");
    // A registry that Python wrote lacks the names that functions use of their modules.
    if let Err(error) = store.supply_module_names(|| apply::definitions(store.config())) {
        findings.warning(
            format!("the definitions cannot be read, of which functions need something: {error}"),
            "correct them, or run: feast apply",
        );
    }
    let remarks = store.on_demand_remarks();
    let count = |kind| remarks.iter().filter(|remark| remark.kind == kind).count();
    let [python, refused] = [OnDemandRemarkKind::Python, OnDemandRemarkKind::Refused].map(count);
    let natively = views - python - refused;
    findings.ok(format!(
        "of {views} on-demand feature views {natively} are computed natively, {python} in Python"
    ));
    for remark in remarks {
        match remark.kind {
            OnDemandRemarkKind::Python => {}
            OnDemandRemarkKind::Stored => findings.remark(remark.to_string()),
            OnDemandRemarkKind::Refused if has_python => findings.error(
                remark.to_string(),
                "feast on-demand-feature-views list --execution says what is known of each",
            ),
            OnDemandRemarkKind::Refused => findings.error(
                remark.to_string(),
                "set serving.python.command to a Python that has what the function imports",
            ),
        }
    }
}

fn start(store: &FeatureStore, command: &str, findings: &Findings) {
    let Some(runtime) = runtime(findings) else { return };
    match runtime.block_on(store.start_python()) {
        Ok(refused) if refused.is_empty() => findings.ok(format!("{command} starts, and loads what it is to run")),
        Ok(refused) => {
            for (view, reason) in refused {
                findings.error(
                    format!("on-demand feature view {view}: its function cannot be loaded in Python: {reason}"),
                    "install what it imports for serving.python.command",
                );
            }
        }
        Err(error) => findings.error(
            format!("serving.python: {error}"),
            "name an interpreter that starts as serving.python.command, and one that serving.python.user may read",
        ),
    }
}
