//! What requests are answered with beside the stores: whoever says who clients are, the audit log, the collector of traces.

use std::sync::Arc;

use feast_engine::RepositoryConfig;
use feast_server::AuditLog;
use feast_sign_in::SignIn;
use feast_traces::Traces;

use crate::output::{Failure, Output};

/// What the server works with outside of its stores: whoever says who clients are, and where it tells what they do.
pub(crate) struct ExternalServices {
    /// None when nobody has to sign in.
    pub(crate) sign_in: Option<Arc<SignIn>>,
    /// None when nothing is recorded.
    pub(crate) audit: Option<Arc<AuditLog>>,
    /// None when nothing is traced.
    pub(crate) traces: Option<Arc<Traces>>,
}

impl ExternalServices {
    /// Opens the audit log, and starts what sends spans.
    ///
    /// # Errors
    /// What is wrong with their settings, and what keeps them from working.
    pub(crate) fn start(config: &RepositoryConfig, output: &Output) -> Result<Self, Failure> {
        let sign_in = SignIn::from_config(&config.auth, &config.api_keys, &config.service_account_path)?.map(Arc::new);
        for line in sign_in.iter().flat_map(|sign_in| sign_in.warnings()) {
            output.warning(line);
        }
        let audit = config.audit.as_ref();
        let audit = audit.map(|audit| AuditLog::start(audit, || output.stdout_file()));
        let traces = config.traces.as_ref().map(Traces::start).transpose()?;
        Ok(Self {
            sign_in,
            audit: audit.transpose()?,
            traces: traces.map(Arc::new),
        })
    }
}
