//! The `feast` command, whatever the binary is called.
//!
//! It allocates with mimalloc: against glibc's allocator a fifth more small reads a second, for 25 MB more after load.

mod args;
mod commands;
mod external_services;
mod interrupt;
mod log;
mod log_format;
mod open_files;
mod output;
mod running_server;
mod settings;
mod table;
mod templates;
mod yaml;

use std::process::ExitCode;

use clap::Parser;
use feast_engine::model::ObjectKind;

use args::{
    Arguments, Command, FeatureViewsCommand, LookUp, OnDemandFeatureViewsCommand, OnlineStoreCommand,
    PermissionsCommand, ProjectsCommand, usage_error,
};
use commands::{
    api_key, apply, backup, configuration, copy, doctor, health, init, lambda, list, materialize, online_features,
    online_store, permissions, registry, serve,
};
use log::LogLevel;
use log_format::LogFormat;
use output::{Failure, Output, StderrQueue};
use settings::{FinishSettings, MaterializeSettings, Repository, ServeSettings};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The version of Feast whose formats this binary reads and writes.
const FEAST_VERSION: &str = "0.67.0";

/// Runs the command that the process was started with, to its end.
pub fn main() -> ExitCode {
    let typed: Vec<_> = std::env::args_os().collect();
    let arguments = match Arguments::try_parse_from(&typed) {
        Ok(arguments) => arguments,
        Err(error) => match usage_error(&error, &typed) {
            Some(message) => {
                Output::new(None).usage(&message);
                return ExitCode::from(2);
            }
            None => error.exit(),
        },
    };
    // Only a server must go on when its stderr is not read. If the thread for that cannot be started, it prints like any command.
    let serves = matches!(&arguments.command, Command::Serve(serve) if !serve.check);
    let queue = serves.then(StderrQueue::start).and_then(Result::ok);
    let format = arguments.log_format;
    let log_level = log::start(log_level(&arguments), format, queue.as_ref());
    // A function writes its log itself, as it may be frozen or ended after each answer.
    let writes_log = serves || matches!(arguments.command, Command::Lambda(_));
    let output = Output::new(queue).with_format(if writes_log { format } else { LogFormat::default() });
    let code = match run(arguments, log_level, &output).and_then(|()| output.finish()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output.failure(&failure);
            ExitCode::from(failure.exit_code())
        }
    };
    output.end();
    code
}

/// What was typed. What a check finds is its answer, and not told a second time in the log.
fn log_level(arguments: &Arguments) -> Option<String> {
    let checks = match &arguments.command {
        Command::Doctor(_) => true,
        Command::Serve(serve) => serve.check,
        _ => false,
    };
    let usual = checks.then(|| "off".to_owned());
    arguments.log_level.clone().or(usual)
}

fn run(arguments: Arguments, log_level: LogLevel, output: &Output) -> Result<(), Failure> {
    let repository = &Repository::from(&arguments);
    match arguments.command {
        Command::Init(init) => init::run(&repository.directory, &init, output),
        Command::Apply(options) => apply::run(repository, &options, output),
        Command::Plan(options) => apply::plan(repository, &options, output),
        Command::Materialize(materialize) if !materialize.finish.is_empty() => {
            materialize::finish(repository, &FinishSettings::new(&materialize)?, output)
        }
        Command::Materialize(materialize) => {
            materialize::run(repository, &MaterializeSettings::between(&materialize)?, output)
        }
        Command::MaterializeIncremental(incremental) => {
            materialize::run(repository, &MaterializeSettings::until(&incremental)?, output)
        }
        Command::Doctor(options) => doctor::run(repository, &options, output),
        Command::Serve(serve) if serve.check => doctor::check_serve(repository, &serve, output),
        Command::Serve(serve) => serve::run(repository, &ServeSettings::new(&serve)?, log_level, output),
        Command::Health(options) => health::run(&options),
        Command::Lambda(options) => lambda::run(repository, &options, &log_level, output),
        Command::GetOnlineFeatures(options) => online_features::run(repository, &options, output),
        Command::OnlineStore(OnlineStoreCommand::Copy(options)) => copy::run(&options, output),
        Command::Backup(options) => backup::run(repository, &options, output),
        Command::Restore(options) => backup::restore(repository, &options, output),
        Command::OnlineStore(OnlineStoreCommand::Get(options)) => online_store::get(repository, &options, output),
        Command::OnlineStore(OnlineStoreCommand::Scan(options)) => online_store::scan(repository, &options, output),
        Command::OnlineStore(OnlineStoreCommand::Stats(options)) => online_store::stats(repository, &options, output),
        Command::OnlineStore(OnlineStoreCommand::Delete(options)) => online_store::delete(repository, &options, output),
        Command::RegistryDump => registry::dump(repository, output),
        Command::Teardown { yes } => registry::teardown(repository, yes, output),
        Command::Delete { name } => registry::delete(repository, &name, output),
        Command::Entities(command) => look_up(repository, ObjectKind::Entity, command, output),
        Command::FeatureViews(command) => feature_views(repository, command, output),
        Command::FeatureServices(command) => look_up(repository, ObjectKind::FeatureService, command, output),
        Command::DataSources(command) => look_up(repository, ObjectKind::DataSource, command, output),
        Command::OnDemandFeatureViews(command) => on_demand_feature_views(repository, command, output),
        Command::StreamFeatureViews(command) => look_up(repository, ObjectKind::StreamFeatureView, command, output),
        Command::LabelViews(command) => look_up(repository, ObjectKind::LabelView, command, output),
        Command::SavedDatasets(command) => look_up(repository, ObjectKind::SavedDataset, command, output),
        Command::ValidationReferences(command) => look_up(repository, ObjectKind::ValidationReference, command, output),
        Command::Permissions(command) => permissions(repository, command, output),
        Command::ApiKey(options) => api_key::run(&options, output),
        Command::Features(LookUp::List(options)) => list::features(repository, &options, output),
        Command::Features(LookUp::Describe { name }) => list::describe_feature(repository, &name, output),
        Command::Projects(command) => projects(repository, command, output),
        Command::Configuration(options) => configuration::run(repository, &options, output),
        Command::Endpoint => Ok(()),
        Command::Validate { .. } => Err(Failure::new(
            "validate is not offered: it needs Great Expectations, a Python library",
        )
        .with_hint("run it with Python Feast, which reads the same registry")),
        Command::Completions { shell } => {
            output.text(&args::completions(shell));
            Ok(())
        }
        Command::Version => {
            output.line(&format!("Feast SDK Version: \"{FEAST_VERSION}\""));
            output.note(&format!(
                "feast {} in Rust, with the formats of Feast {FEAST_VERSION}",
                env!("CARGO_PKG_VERSION")
            ));
            Ok(())
        }
    }
}

fn look_up(repository: &Repository, kind: ObjectKind, command: LookUp, output: &Output) -> Result<(), Failure> {
    match command {
        LookUp::List(options) => list::run(repository, kind, &options, output),
        LookUp::Describe { name } => list::describe(repository, kind, &name, output),
    }
}

fn on_demand_feature_views(
    repository: &Repository,
    command: OnDemandFeatureViewsCommand,
    output: &Output,
) -> Result<(), Failure> {
    let kind = ObjectKind::OnDemandFeatureView;
    match command {
        OnDemandFeatureViewsCommand::List { list, execution: true } => list::execution(repository, &list, output),
        OnDemandFeatureViewsCommand::List { list, execution: false } => list::run(repository, kind, &list, output),
        OnDemandFeatureViewsCommand::Describe { name } => list::describe(repository, kind, &name, output),
    }
}

fn feature_views(repository: &Repository, command: FeatureViewsCommand, output: &Output) -> Result<(), Failure> {
    match command {
        FeatureViewsCommand::List(options) => list::run(repository, ObjectKind::FeatureView, &options, output),
        FeatureViewsCommand::Describe { name } => list::describe(repository, ObjectKind::FeatureView, &name, output),
        FeatureViewsCommand::Enable { name } => registry::set_enabled(repository, &name, true, output),
        FeatureViewsCommand::Disable { name } => registry::set_enabled(repository, &name, false, output),
        FeatureViewsCommand::SetState { name, state } => registry::set_state(repository, &name, state.into(), output),
        FeatureViewsCommand::ListVersions { name, output: format } => {
            registry::list_versions(repository, &name, format, output)
        }
    }
}

fn permissions(repository: &Repository, command: PermissionsCommand, output: &Output) -> Result<(), Failure> {
    match command {
        PermissionsCommand::List(options) => list::run(repository, ObjectKind::Permission, &options, output),
        PermissionsCommand::Describe { name } => list::describe(repository, ObjectKind::Permission, &name, output),
        PermissionsCommand::Check => permissions::check(repository, output),
        PermissionsCommand::ListRoles { verbose } => permissions::list_roles(repository, verbose, output),
    }
}

fn projects(repository: &Repository, command: ProjectsCommand, output: &Output) -> Result<(), Failure> {
    match command {
        ProjectsCommand::List(options) => list::run(repository, ObjectKind::Project, &options, output),
        ProjectsCommand::Describe { name } => list::describe(repository, ObjectKind::Project, &name, output),
        ProjectsCommand::CurrentProject => registry::current_project(repository, output),
        ProjectsCommand::Delete { name, yes } => registry::delete_project(repository, &name, yes, output),
    }
}
