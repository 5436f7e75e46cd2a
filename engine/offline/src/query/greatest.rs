//! The plan that finds the greatest rank of each key.
//!
//! Owns how DataFusion spreads an aggregation over the cores. Knows nothing of files, windows and what a rank is made of.
//!
//! The plan is put together from DataFusion's own operators as its planner would: it is always the same one. A session with planner,
//! optimizer, SQL functions and readers of other formats would add 38 MB to the binary.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::error::DataFusionError;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::functions_aggregate::min_max::max_udaf;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::aggregate::AggregateExprBuilder;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode, PhysicalGroupBy};
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties, Partitioning, execute_stream};

/// A stream of batches whose columns are those of `schema`: each key of the readers' rows once, and the greatest rank of its rows. Without
/// keys it is one row, which has no rank if there are no rows.
///
/// The batches of all readers have these columns: the keys, and the rank as the last one. Readers run at the same time.
///
/// # Errors
/// Those of the readers come through the stream, and so does what the context's limits refuse.
pub(super) fn greatest_ranks(
    context: Arc<TaskContext>,
    schema: &SchemaRef,
    readers: Vec<Arc<dyn PartitionStream>>,
) -> Result<SendableRecordBatchStream, DataFusionError> {
    let cores = context.session_config().target_partitions();
    let rank = schema.fields().len() - 1;
    let column = |index: usize| Arc::new(Column::new(schema.field(index).name(), index)) as Arc<dyn PhysicalExpr>;
    let keys = (0..rank).map(|index| (column(index), schema.field(index).name().clone()));
    let keys = PhysicalGroupBy::new_single(keys.collect());
    let greatest = AggregateExprBuilder::new(max_udaf(), vec![column(rank)])
        .schema(Arc::clone(schema))
        .alias(schema.field(rank).name());
    let greatest = vec![Arc::new(greatest.build()?)];
    let aggregate = |mode, keys, input| -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
        let aggregate = AggregateExec::try_new(mode, keys, greatest.clone(), vec![None], input, Arc::clone(schema))?;
        Ok(Arc::new(aggregate))
    };

    let table = StreamingTableExec::try_new(Arc::clone(schema), readers, None, [], false, None)?;
    let mut plan: Arc<dyn ExecutionPlan> = Arc::new(table);
    if plan.output_partitioning().partition_count() < cores {
        // Readers are few where files are small or rows are wide; the aggregation need not be.
        plan = repartitioned(plan, Partitioning::RoundRobinBatch(cores))?;
    }
    // Each core aggregates what comes to it. Then the results of equal keys meet.
    plan = aggregate(AggregateMode::Partial, keys.clone(), plan)?;
    plan = if rank == 0 || cores == 1 {
        aggregate(
            AggregateMode::Final,
            keys.as_final(),
            Arc::new(CoalescePartitionsExec::new(plan)),
        )?
    } else {
        let same_key = Partitioning::Hash((0..rank).map(column).collect(), cores);
        aggregate(
            AggregateMode::FinalPartitioned,
            keys.as_final(),
            repartitioned(plan, same_key)?,
        )?
    };
    execute_stream(plan, context)
}

fn repartitioned(input: Arc<dyn ExecutionPlan>, by: Partitioning) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
    Ok(Arc::new(RepartitionExec::try_new(input, by)?))
}
