//! The files of TLS, and how long the certificate is valid.

use std::os::unix::fs::PermissionsExt;

use feast_engine::now;
use feast_server::Tls;

use super::context::Context;
use super::finding::Findings;

pub(super) fn check(context: &Context, findings: &Findings) {
    let Some(files) = &context.serve.tls else { return };
    let tls = match Tls::load(files.clone()) {
        Ok(tls) => tls,
        Err(error) => return findings.failed(&error),
    };
    let certificate = files.certificate.display();
    match tls.certificate(now()) {
        None => findings.ok(format!(
            "{certificate} belongs to its key, and does not say readably until when it is valid"
        )),
        Some(state) => match state.remark {
            None => findings.ok(format!(
                "{certificate} belongs to its key, and is valid until {}",
                state.until
            )),
            Some(remark) if state.is_refused => findings.error(
                format!("{certificate}: {remark}"),
                "put one that is valid into its place, and look at the clock of this machine",
            ),
            Some(remark) => findings.warning(
                format!("{certificate}: {remark}"),
                "renew it: a server takes new files over without a restart",
            ),
        },
    }
    let mode = std::fs::metadata(&files.key).map_or(0, |key| key.permissions().mode());
    if mode & 0o007 != 0 {
        let text = format!(
            "everybody on this machine may use the private key {}",
            files.key.display()
        );
        findings.warning(text, "take the rights of others away: chmod o= FILE");
    }
}
