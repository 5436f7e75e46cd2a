//! How much one reading may do before it is refused. The caller sets it: reading the definitions of a whole repository for
//! `apply` is worth more work than one function inside a server.

/// Bounds of one reading. Each has its error, which names the place in the file where the bound was met.
///
/// A step is a statement, an expression, or a member of a container that is copied or looked at, so the cost of a step is bounded
/// too, and what a reading costs does not depend on what the file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    /// Steps for the files of a repository, all together. A definition file that needs more does not end, or is not a definition
    /// file. Default: 20,000,000, a few seconds.
    pub steps: u64,
    /// Steps for one script that only perhaps defines something; beyond them it is passed over. Default: 2,000,000.
    pub script_steps: u64,
    /// Steps for all files outside of the repository that are imported. Default: 5,000,000.
    pub outside_steps: u64,
    /// Files outside of the repository that are run or looked into for what they import. Default: 300.
    pub outside_files: usize,
    /// How deep expressions, statements and calls may be nested. Default, and at most: [`Budget::MAX_DEPTH`].
    pub depth: usize,
    /// Plain values and characters that one container may hold to be put into another. Default: 1,000,000.
    pub value_size: usize,
    /// Bytes of one file that is read: a definition file, or settings beside it. Default: 16 MiB.
    pub file_bytes: u64,
}

impl Budget {
    /// The depth that the stack of a reading is made for.
    pub const MAX_DEPTH: usize = 200;
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            steps: 20_000_000,
            script_steps: 2_000_000,
            outside_steps: 5_000_000,
            outside_files: 300,
            depth: Self::MAX_DEPTH,
            value_size: 1_000_000,
            file_bytes: 16 << 20,
        }
    }
}
