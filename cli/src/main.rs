//! The `feast` command.

mod args;
mod commands;
mod definitions;
mod output;
mod settings;
mod templates;

use std::process::ExitCode;

use clap::Parser;

use args::{Arguments, Command};
use output::Output;
use settings::{MaterializeSettings, Repository, ServeSettings};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let output = Output::new();
    start_log(&arguments.log_level);
    match run(arguments, &output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output.failure(&failure);
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments, output: &Output) -> Result<(), output::Failure> {
    let repository = Repository::from(&arguments);
    match arguments.command {
        Command::Init(init) => commands::init::run(&repository.directory, &init, output),
        Command::Apply => commands::apply::run(&repository, output),
        Command::Materialize(materialize) => {
            commands::materialize::run(&repository, &MaterializeSettings::between(&materialize)?, output)
        }
        Command::MaterializeIncremental(incremental) => {
            commands::materialize::run(&repository, &MaterializeSettings::until(&incremental)?, output)
        }
        Command::Serve(serve) => commands::serve::run(&repository, &ServeSettings::new(&serve)?, output),
        Command::Version => {
            output.line(&format!("feast {}", env!("CARGO_PKG_VERSION")));
            Ok(())
        }
    }
}

/// Log lines go to stderr. `RUST_LOG` overrides the option.
fn start_log(level: &str) {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .or_else(|_| tracing_subscriber::EnvFilter::try_new(level))
        .unwrap_or_default();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .with_writer(std::io::stderr)
        .init();
}
