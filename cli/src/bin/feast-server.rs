//! The command of the wheel, where `feast` is Python Feast's.

use std::process::ExitCode;

fn main() -> ExitCode {
    feast_cli::main()
}
