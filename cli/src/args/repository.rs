//! Repositories: made, applied, and what their settings say.

use std::path::PathBuf;

use clap::Args;

use super::ListFormat;

#[derive(Debug, Args)]
pub(crate) struct InitArguments {
    /// Directory to create the repository in; its name becomes the project name.
    #[arg(default_value = "feature_repo", value_name = "PROJECT_DIRECTORY")]
    pub(crate) directory: PathBuf,

    /// Create only the settings file, without example definitions and data.
    #[arg(short, long)]
    pub(crate) minimal: bool,

    /// What to start from; only local is offered.
    #[arg(short, long, default_value = "local", ignore_case = true, value_parser = ["local"])]
    pub(crate) template: String,
}

#[derive(Debug, Args)]
pub(crate) struct ApplyArguments {
    /// Warn about columns that are missing from files instead of failing, and ignore missing files.
    #[arg(long)]
    pub(crate) skip_source_validation: bool,

    /// The same, under Feast's name for checks of feature views.
    #[arg(long)]
    pub(crate) skip_feature_view_validation: bool,

    /// Drop the online rows of deleted views at once. Otherwise they are hidden for serving.drop_after (a day), and come back if
    /// the same view does.
    #[arg(long)]
    pub(crate) now: bool,

    /// Without effect: an apply takes milliseconds.
    #[arg(long)]
    pub(crate) no_progress: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ConfigurationArguments {
    /// Print what is in force, and whether it is from the file, a variable of the environment in it, the default, or computed.
    #[arg(long)]
    pub(crate) effective: bool,

    /// How to print what is in force.
    #[arg(long, value_enum, default_value_t, requires = "effective")]
    pub(crate) output: ListFormat,
}
