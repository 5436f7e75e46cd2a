//! Workers with a real Python, of a virtual environment with pandas and pyarrow that `FEAST_PYTHON` names.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)]

mod agreement;
mod calls;
mod functions;
mod hostile;
mod pool;
mod processes;
mod support;
mod times;
mod vectors;
