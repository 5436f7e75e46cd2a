//! The commands that look up the objects of a kind, and those that some kinds have in addition.

use clap::{Args, Subcommand, ValueEnum};

/// Commands that every kind of object has.
#[derive(Debug, Subcommand)]
pub(crate) enum LookUp {
    /// List all of them, one a line.
    List(ListArguments),
    /// Print everything about one of them, as YAML.
    Describe {
        /// Its name.
        name: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum OnDemandFeatureViewsCommand {
    /// List all of them, one a line.
    List {
        #[command(flatten)]
        list: ListArguments,
        /// Also print where each is computed, or why it is not.
        #[arg(long)]
        execution: bool,
    },
    /// Print everything about one of them, as YAML.
    Describe {
        /// Its name.
        name: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum FeatureViewsCommand {
    /// List all of them, one a line.
    List(ListArguments),
    /// Print everything about one of them, as YAML.
    Describe {
        /// Its name.
        name: String,
    },
    /// Allow a view to be materialized and served.
    Enable {
        /// Its name.
        name: String,
    },
    /// Keep a view from being materialized and served.
    Disable {
        /// Its name.
        name: String,
    },
    /// Move a view to another state. Feast serves views without a state and those available online.
    SetState {
        /// Its name.
        name: String,
        /// The state: created, generated, materializing or available_online.
        #[arg(value_enum, ignore_case = true)]
        state: State,
    },
    /// List the recorded versions of a view, oldest first.
    ListVersions {
        /// Its name.
        name: String,
        /// How to print them.
        #[arg(long, value_enum, default_value_t)]
        output: ListFormat,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum PermissionsCommand {
    /// List all of them, one a line.
    List(ListArguments),
    /// Print everything about one of them, as YAML.
    Describe {
        /// Its name.
        name: String,
    },
    /// List the objects, and the actions on them, that no permission is about, and permissions that allow less than they seem to.
    Check,
    /// List the roles that permissions name.
    ListRoles {
        /// Also print what each of them may do to which object.
        #[arg(short, long)]
        verbose: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ProjectsCommand {
    /// List all of them, one a line.
    List(ListArguments),
    /// Print everything about one of them, as YAML.
    Describe {
        /// Its name.
        name: String,
    },
    /// Print the project of the repository.
    #[command(name = "current_project", alias = "current-project")]
    CurrentProject,
    /// Remove a project and everything in it.
    Delete {
        /// Its name.
        name: String,
        /// Do not ask for confirmation.
        #[arg(short, long)]
        yes: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ListArguments {
    /// Only objects with this tag, such as team:ads; can be repeated, and several may be joined with commas.
    #[arg(long, value_name = "NAME:VALUE")]
    pub(crate) tags: Vec<String>,

    /// How to print them.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: ListFormat,
}

/// Forms of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum ListFormat {
    /// Aligned columns.
    #[default]
    Table,
    /// A JSON list of whole objects.
    Json,
}

/// States that a view can be moved to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum State {
    /// Defined.
    Created,
    /// Its data is there.
    Generated,
    /// It is being loaded.
    Materializing,
    /// It can be served.
    AvailableOnline,
}
