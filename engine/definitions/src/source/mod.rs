//! Files before anything of them runs: where modules lie, what they say, and which names are those of packages.
//!
//! Knows nothing of values.

mod function_source;
mod module_path;
mod packages;
mod search;
mod source_file;

pub(crate) use function_source::function_source;
pub(crate) use module_path::ModuleFile;
pub use module_path::ModulePath;
pub(crate) use packages::{is_installed, is_unrelated};
pub(crate) use search::Search;
pub(crate) use source_file::{SourceFile, check_nesting, is_readable, read_source, read_source_lossy};
