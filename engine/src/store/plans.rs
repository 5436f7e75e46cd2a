//! The plans that were made from one state of the registry, as far as a bound of memory has room for them: those that are asked for
//! again stay, and those of requests that come once pass through.
//!
//! Owns what a kept plan is found by, and how much all of them may take. Knows nothing of what is in a plan but its size.
//!
//! Requests that ask for the same share the lock of a part of the cache, for reading, beside the count of the plan's users, which they
//! share in any case.

use std::hash::Hash;
use std::sync::Arc;

use feast_config::machine_memory;
use feast_model::FeatureSelection;
use feast_model::error::{Error, Result};
use foldhash::quality::RandomState;
use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{Equivalent, OptionsBuilder, Weighter};

use crate::online::{HeapBytes, ReadPlan, allocated};

/// Of the memory that this process may have, the part for plans, and the bounds of that.
const MEMORY_SHARE: u64 = 64;
const MIN_BYTES: u64 = 16 << 20;
const MAX_BYTES: u64 = 64 << 20;

/// Parts with a lock and a share of the memory each. More of them would leave large plans without a place.
const PARTS: usize = 8;
/// Of the memory, the part for plans that have been asked for again. The rest is for those that come for the first time.
const KNOWN_SHARE: f64 = 0.75;
/// About what a plan of ten features takes: says how many plans that went are remembered, to know them when they come back.
const USUAL_PLAN_BYTES: u64 = 4 << 10;
/// What the cache itself takes for an entry.
const ENTRY_BYTES: usize = 64;

/// How much plans may take.
pub(super) fn default_bytes() -> u64 {
    (machine_memory() / MEMORY_SHARE).clamp(MIN_BYTES, MAX_BYTES)
}

/// Plans by what requests select.
pub(super) struct PlanCache {
    plans: Cache<PlanName, KeptPlan, PlanWeight, RandomState>,
}

/// What a plan is for.
#[derive(PartialEq, Eq, Hash)]
struct PlanName {
    selection: FeatureSelection,
    full_feature_names: bool,
}

/// The same of a request that is only looking.
#[derive(Hash)]
struct PlanQuery<'a> {
    selection: &'a FeatureSelection,
    full_feature_names: bool,
}

impl Equivalent<PlanName> for PlanQuery<'_> {
    fn equivalent(&self, name: &PlanName) -> bool {
        self.full_feature_names == name.full_feature_names && *self.selection == name.selection
    }
}

#[derive(Clone)]
struct KeptPlan {
    plan: Arc<ReadPlan>,
    /// Of the plan and its name, as they were when it came: the cache counts on them to stay.
    bytes: u64,
}

#[derive(Clone)]
struct PlanWeight;

impl Weighter<PlanName, KeptPlan> for PlanWeight {
    fn weight(&self, _: &PlanName, kept: &KeptPlan) -> u64 {
        kept.bytes
    }
}

impl PlanCache {
    /// An empty one, for plans of so many bytes together.
    ///
    /// # Errors
    /// `Internal`, never in fact: only for options that are not complete.
    pub(super) fn new(bytes: u64) -> Result<Self> {
        let plans = usize::try_from(bytes / USUAL_PLAN_BYTES).unwrap_or(usize::MAX);
        let options = OptionsBuilder::new()
            .weight_capacity(bytes)
            .estimated_items_capacity(plans)
            .hot_allocation(KNOWN_SHARE)
            .shards(PARTS)
            .build()
            .map_err(|problem| Error::internal(problem.to_string()))?;
        Ok(Self {
            plans: Cache::with_options(options, PlanWeight, RandomState::default(), DefaultLifecycle::default()),
        })
    }

    /// The plan of a selection, if it is kept.
    pub(super) fn get(&self, selection: &FeatureSelection, full_feature_names: bool) -> Option<Arc<ReadPlan>> {
        let query = PlanQuery {
            selection,
            full_feature_names,
        };
        self.plans.get(&query).map(|kept| kept.plan)
    }

    /// Keeps a plan, unless it takes more than the share of a part of the cache.
    pub(super) fn keep(&self, selection: &FeatureSelection, full_feature_names: bool, plan: &Arc<ReadPlan>) {
        let name = PlanName {
            selection: selection.clone(),
            full_feature_names,
        };
        let bytes = ENTRY_BYTES
            + size_of::<(PlanName, KeptPlan)>()
            + name.selection.heap_bytes()
            + allocated(size_of::<ReadPlan>())
            + plan.heap_bytes();
        let kept = KeptPlan {
            plan: Arc::clone(plan),
            bytes: bytes as u64,
        };
        self.plans.insert(name, kept);
    }

    /// What the kept plans take.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> u64 {
        self.plans.weight()
    }

    /// How many are kept.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.plans.len()
    }
}

#[cfg(test)]
mod tests;
