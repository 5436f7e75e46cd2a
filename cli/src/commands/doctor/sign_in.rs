//! Who clients are: whether the settings can be used, and whether those who are asked about tokens answer.

use feast_server::permission_lines;
use feast_sign_in::SignIn;

use super::context::{Context, runtime};
use super::finding::Findings;

pub(super) fn check(context: &Context, findings: &Findings) {
    let config = &context.config;
    let sign_in = match SignIn::from_config(&config.auth, &config.api_keys, &config.service_account_path) {
        // What that means for an address is said with the ports.
        Ok(None) => return,
        Ok(Some(sign_in)) => sign_in,
        Err(error) => return findings.failed(&error),
    };
    if !config.api_keys.is_empty() {
        findings.ok(format!("{} API keys", config.api_keys.len()));
    }
    sign_in.warnings().iter().for_each(|line| findings.remark(line));
    if let Some(store) = &context.registry {
        permission_lines(store).iter().for_each(|line| findings.remark(line));
    }
    findings.begin("asking who says whose tokens are good");
    let Some(runtime) = runtime(findings) else { return };
    for (whom, reached) in runtime.block_on(sign_in.reach()) {
        match reached {
            Ok(()) => findings.ok(format!("{whom} answers")),
            Err(refusal) => findings.error(
                format!("{whom} cannot be asked, so that none of its tokens is accepted: {refusal}"),
                "look at auth in feature_store.yaml, and at the way there: names, proxies, certificates",
            ),
        }
    }
}
