//! A materialization that several machines share: the run of one shard, which records nothing, and the end, which records the
//! intervals once the receipts of all shards are there.

use std::sync::Arc;

use feast_codec::shard::Shard;
use feast_model::StoredKeys;
use feast_model::error::{Error, ErrorKind, Result};
use feast_registry::RegistryContents;

use super::FeatureStore;
use crate::clock;
use crate::materialize::{
    self, MaterializeProgress, MaterializeRange, MaterializeRequest, PassView, RunStores, ShardReceipt, ShardedView,
    ViewWindow,
};

impl FeatureStore {
    /// The window that each view of a request would be materialized over by every shard. Where a view was never materialized its
    /// window starts as far before the end as it otherwise starts before now, as each machine has its own now.
    ///
    /// # Errors
    /// As [`FeatureStore::materialization_windows`]; `Invalid` for an online store of one machine, and for an incremental run whose
    /// end has not come yet.
    pub fn shard_windows(&self, request: &MaterializeRequest) -> Result<Vec<ViewWindow>> {
        materialize::check_target(&self.config.online_store)?;
        self.check_registry()?;
        request.range.check()?;
        let end = request.range.end();
        if matches!(request.range, MaterializeRange::Until { .. }) && end > clock::now() {
            let message = format!(
                "the end {} has not come yet, so shards could not agree on where to start",
                end.to_python()
            );
            return Err(Error::invalid(message).with_hint("give an END_TS that is not later than now"));
        }
        let state = self.state();
        let views = self.candidates(&state).views(request.views.as_deref())?;
        let mut registry = self.registry.contents()?;
        materialize::windows(request.range, &views, Arc::make_mut(&mut registry), end)
    }

    /// Materializes the rows whose keys belong to a shard. They are durable when this returns; no interval is recorded.
    ///
    /// # Errors
    /// As [`FeatureStore::materialize`]; `Invalid` for an online store of one machine.
    pub fn materialize_shard(
        &self,
        windows: &[ViewWindow],
        shard: Shard,
        progress: &mut dyn MaterializeProgress,
    ) -> Result<ShardReceipt> {
        materialize::check_target(&self.config.online_store)?;
        clock::check_clock()?;
        let _turn = self.materializer.wait_for_turn();
        self.flush_pushes(true)?;
        let state = self.state();
        let passes = self.passes(&state, windows, progress)?;
        let at_once = self.passes_at_once(&passes);
        let stores = RunStores {
            shard: Some(shard),
            ..self.run_stores(at_once)?
        };
        let reports = materialize::run_all(&passes, at_once, progress, |pass, progress| {
            let reports = materialize::run(pass, &stores, progress)?;
            reports.iter().for_each(|report| progress.view_finished(report));
            Ok(reports)
        })?;
        let views = passes.iter().flatten().zip(&reports);
        let views = views.map(|(PassView { view, window, .. }, report)| ShardedView::new(view, window, report));
        let views = views.collect();
        Ok(ShardReceipt {
            project: self.config.project.clone(),
            project_uuid: self.registry.contents()?.project_uuid(),
            shard,
            views,
        })
    }

    /// Records the intervals of a materialization whose shards are all done, of all views or of none. Gives the views that the
    /// receipts are of.
    ///
    /// # Errors
    /// `Conflict` when a shard is missing, there twice or does not belong to the others, and when the join keys of a view have
    /// changed since; `NotFound` for a view that is gone; those of the registry.
    pub fn finish_materialization(&self, receipts: &[ShardReceipt]) -> Result<Vec<ShardedView>> {
        materialize::check_target(&self.config.online_store)?;
        clock::check_clock()?;
        let now = clock::now();
        let views = receipts.first().map_or(&[][..], |receipt| &receipt.views);
        let anew = self.update_registry(now, |registry| {
            materialize::check_shards(receipts, &self.config.project, &registry.project_uuid())?;
            let mut anew = Vec::new();
            for view in views {
                check_keys(registry, view)?;
                let continues = materialize::record_interval(registry, &view.view, (view.start, view.end), now)?;
                anew.extend((!continues).then_some(&view.view));
            }
            Ok((anew, !views.is_empty()))
        })?;
        let state = self.state();
        for name in anew {
            self.online_store()?
                .mark_materialized(self.candidates(&state).view(name)?)?;
        }
        Ok(views.to_vec())
    }
}

/// Rows stored under keys that the view no longer has are not found.
fn check_keys(registry: &RegistryContents, view: &ShardedView) -> Result<()> {
    let (name, then) = (&view.view, &view.join_keys);
    let now = registry.keys_of_view(name)?.as_ref().map(StoredKeys::to_string);
    let message = match now {
        Some(now) if now == *then => return Ok(()),
        Some(now) => {
            format!("the join keys of feature view {name} were {then} when the shards were run and are {now} now")
        }
        None => format!("feature view {name}, which the shards have filled, is not in the registry"),
    };
    Err(Error::new(ErrorKind::Conflict, message).with_hint("run all shards again"))
}
