//! The `feast` command. What it does is in the library, which the command of the wheel has, too.

use std::process::ExitCode;

fn main() -> ExitCode {
    feast_cli::main()
}
