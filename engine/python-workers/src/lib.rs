//! Runs functions of on-demand views that the native evaluator does not know, in processes of the user's own Python.
//!
//! A [`Pool`] holds a bounded number of workers. Each is one process, fed over a Unix socket, one call at a time, with a time limit:
//! a call that takes longer costs its process, which is killed with all that it started and replaced. Nothing that a function does
//! (hang, exit, allocate, print, fork) reaches the server or another call. What a function is given and what becomes of its result is
//! the same as in `feast-functions`; where that crate refuses, this one asks Python.
//!
//! A call costs some 50 us in python mode and 1 ms in pandas mode. Two threads wait for each worker: one runs its calls, one reads
//! what it prints. An async read of the socket would save a wake-up, but callers without a runtime then needed a second way.
//!
//! Knows nothing of the registry, of `feature_store.yaml`, or of HTTP. The modules, lowest first:
//!
//! | module | what it owns |
//! |---|---|
//! | `settings`, `error`, `counters` | what callers give, and learn |
//! | `kinds` | types of values as both sides name them |
//! | `columns` | columns of python mode, as bytes, and all columns of answers |
//! | `frame_input` | columns of pandas mode, as an Arrow stream |
//! | `messages` | requests and answers |
//! | `connection` | frames on the socket, with deadlines |
//! | `printed` | what functions print |
//! | `process` | a worker's process: start, end |
//! | `queue` | calls that wait, and what is known of the slots |
//! | `slot` | the thread of a worker |
//! | `pool` | what callers use |
//! | `worker.py`, `columns.py` | Python's side, one program |

mod columns;
mod connection;
mod counters;
mod error;
mod frame_input;
mod kinds;
mod messages;
mod pool;
mod printed;
mod process;
mod queue;
mod settings;
mod slot;

pub use counters::Snapshot;
pub use error::CallError;
pub use kinds::{is_given, is_taken};
pub use pool::Pool;
pub use settings::{PoolFunction, Settings};
