//! What definition files see of the process that reads them. The caller passes it: nothing in this crate reads the state of the process.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// The environment variables and the working directory that Python would have.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    /// The variables, in their order.
    pub variables: Vec<(OsString, OsString)>,
    /// The directory that relative paths in variables are counted from.
    pub directory: PathBuf,
}

impl Environment {
    /// The value of a variable.
    pub(crate) fn variable(&self, name: &str) -> Option<&OsStr> {
        let mut variables = self.variables.iter();
        let found = variables.find(|(known, _)| known.as_os_str() == name);
        found.map(|(_, value)| value.as_os_str())
    }
}

/// The name of a column of a table, and that of its dtype in pandas where it is known.
pub type TableColumn = (String, Option<String>);

/// Reads the columns of a parquet file as pandas has them; the error says what is wrong with the file.
pub type ReadColumns = fn(&Path) -> Result<Vec<TableColumn>, String>;
