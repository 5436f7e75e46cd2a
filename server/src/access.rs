//! Asks the store whether a caller may do what a request is for. Endpoints ask once they know what that is, and before they do it; the
//! decisions are the store's. What is asked is noted for the audit log.

use std::sync::Arc;

use feast_engine::model::FeatureSelection;
use feast_engine::{AccessRequest, Error, ErrorKind, FeastException, FeatureStore, ReadPlan};

use crate::http::{Caller, Who};

impl Caller {
    /// # Errors
    /// `Denied`; `NotFound` when nothing is denied, but an object is not there.
    pub(crate) fn authorize(&self, store: &FeatureStore, request: &AccessRequest<'_>) -> Result<(), Error> {
        let outcome = match &self.who {
            Who::Anybody | Who::StoreOwner => Ok(()),
            Who::SignedIn(principal) => store.authorize(principal, request),
            Who::Unknown => Err(Error::internal("a request was not asked who sends it")),
        };
        if let Some(trail) = &self.trail {
            trail.asked(store, request, &outcome);
        }
        outcome
    }

    /// What was found for a request, if the caller may have it. A refusal comes before whatever else is wrong, but after what is not
    /// there: so what Feast looks up first is looked up first.
    ///
    /// # Errors
    /// `Denied`, and those of `found`.
    pub(crate) fn permitted<T>(
        &self,
        store: &FeatureStore,
        request: &AccessRequest<'_>,
        found: Result<T, Error>,
    ) -> Result<T, Error> {
        match (found, self.authorize(store, request)) {
            (Ok(found), Ok(())) => Ok(found),
            (Ok(_), Err(refusal)) => Err(refusal),
            (Err(error), Err(refusal)) if refusal.kind() == ErrorKind::Denied && !is_unknown(&error) => Err(refusal),
            (Err(error), _) => Err(error),
        }
    }

    /// A plan, if the caller may read what it is for.
    ///
    /// # Errors
    /// As [`Caller::permitted`].
    pub(crate) fn permitted_plan(
        &self,
        store: &FeatureStore,
        selection: &FeatureSelection,
        plan: Result<Arc<ReadPlan>, Error>,
    ) -> Result<Arc<ReadPlan>, Error> {
        match plan {
            Ok(plan) => {
                self.authorize(store, &AccessRequest::Planned(&plan))?;
                Ok(plan)
            }
            Err(error) => self.permitted(store, &AccessRequest::Read(selection), Err(error)),
        }
    }
}

/// Whether an object that was looked up is not there.
fn is_unknown(error: &Error) -> bool {
    use FeastException::{FeastObjectNotFound, FeatureServiceNotFound, FeatureViewNotFound, PushSourceNotFound};
    let exception = error.exception();
    exception.is_some_and(|exception| {
        matches!(
            exception,
            FeatureViewNotFound | FeatureServiceNotFound | FeastObjectNotFound | PushSourceNotFound
        )
    })
}
