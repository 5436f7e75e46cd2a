//! What is said about a command that was typed wrong, in the words of Feast's command line: how the command is used, how to get its
//! help, and what is wrong.

use std::error::Error as _;
use std::ffi::OsString;
use std::num::ParseIntError;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command, CommandFactory};
use feast_python_notation::python_repr;

use super::{Arguments, PROGRAM};

/// What to print for an error. `None` where clap's own output was requested, such as the help.
pub(crate) fn usage_error(error: &clap::Error, typed: &[OsString]) -> Option<String> {
    let is_requested = matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    );
    if is_requested {
        return None;
    }
    let mut root = Arguments::command();
    root.build();
    let command = typed_command(&root, typed);
    Some(format!("{}Error: {}\n", usage(command), message(error, command)))
}

/// The usage of a command, to print before an error.
pub(crate) fn usage_of(command: &str) -> String {
    let mut root = Arguments::command();
    root.build();
    usage(root.find_subcommand(command).unwrap_or(&root))
}

fn usage(command: &Command) -> String {
    let name = command.get_bin_name().unwrap_or(PROGRAM);
    let mut line = format!("Usage: {name} [OPTIONS]");
    for argument in command.get_positionals() {
        let shown = placeholder(argument);
        line += &if argument.is_required_set() {
            format!(" {shown}")
        } else {
            format!(" [{shown}]")
        };
    }
    if command.has_subcommands() {
        line += " COMMAND [ARGS]...";
    }
    format!("{line}\nTry '{name} --help' for help.\n\n")
}

fn placeholder(argument: &Arg) -> String {
    match argument.get_value_names() {
        Some([name, ..]) => name.to_string(),
        _ => argument.get_id().as_str().to_uppercase(),
    }
}

/// The command that was typed, as far as it is known.
fn typed_command<'a>(root: &'a Command, typed: &[OsString]) -> &'a Command {
    let mut command = root;
    let mut words = typed.iter().skip(1).map(|word| word.to_string_lossy());
    while let Some(word) = words.next() {
        if let Some(option) = word.strip_prefix('-') {
            let takes_value = command.get_arguments().chain(root.get_arguments()).any(|argument| {
                let is_short = argument.get_short().is_some_and(|short| option == short.to_string());
                let is_long = argument
                    .get_long()
                    .is_some_and(|long| option.strip_prefix('-') == Some(long));
                (is_short || is_long) && argument.get_action().takes_values()
            });
            if takes_value {
                words.next();
            }
            continue;
        }
        match command.find_subcommand(word.as_ref()) {
            Some(found) => command = found,
            None => break,
        }
    }
    command
}

fn message(error: &clap::Error, command: &Command) -> String {
    let string = |kind: ContextKind| match error.get(kind) {
        Some(ContextValue::String(string)) => string.as_str(),
        _ => "",
    };
    let argument = string(ContextKind::InvalidArg);
    match error.kind() {
        ErrorKind::UnknownArgument if argument.starts_with('-') => {
            let suggested = suggestion(error, ContextKind::SuggestedArg);
            format!("No such option {}.{suggested}", python_repr(argument))
        }
        ErrorKind::UnknownArgument => format!("Got unexpected extra argument ({argument})"),
        ErrorKind::InvalidSubcommand => {
            let suggested = suggestion(error, ContextKind::SuggestedSubcommand);
            let typed = python_repr(string(ContextKind::InvalidSubcommand));
            format!("No such command {typed}.{suggested}")
        }
        ErrorKind::MissingSubcommand => "Missing command.".to_owned(),
        ErrorKind::MissingRequiredArgument => match error.get(ContextKind::InvalidArg) {
            Some(ContextValue::Strings(missing)) => missing_argument(missing, command),
            _ => plain(error),
        },
        ErrorKind::InvalidValue if string(ContextKind::InvalidValue).is_empty() => {
            let name = argument.split(' ').next().unwrap_or(argument);
            format!("Option '{name}' requires an argument.")
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            let value = string(ContextKind::InvalidValue);
            format!(
                "Invalid value for {}: {}",
                shown(argument, command),
                wrong_value(error, value)
            )
        }
        _ => plain(error),
    }
}

/// The first of what was left out, as Feast reports it.
fn missing_argument(missing: &[String], command: &Command) -> String {
    let first = missing.first().map_or("", String::as_str);
    let what = if first.starts_with('-') { "option" } else { "argument" };
    format!("Missing {what} {}.", shown(first, command))
}

fn wrong_value(error: &clap::Error, value: &str) -> String {
    let value = python_repr(value);
    if let Some(ContextValue::Strings(valid)) = error.get(ContextKind::ValidValue) {
        let valid: Vec<String> = valid.iter().map(|valid| python_repr(valid)).collect();
        return match valid.as_slice() {
            [only] => format!("{value} is not {only}."),
            _ => format!("{value} is not one of {}.", valid.join(", ")),
        };
    }
    match error.source() {
        Some(source) if source.is::<ParseIntError>() => format!("{value} is not a valid integer."),
        Some(source) => format!("{value}: {source}"),
        None => value,
    }
}

/// `'--port' / '-p'` or `'END_TS'`, of `--port <PORT>` or `<END_TS>`.
fn shown(argument: &str, command: &Command) -> String {
    let Some(long) = argument
        .split([' ', '='])
        .next()
        .and_then(|name| name.strip_prefix("--"))
    else {
        return format!("'{}'", argument.trim_matches(['<', '>', '[', ']', '.']));
    };
    let mut known = command.get_arguments();
    let short = known
        .find(|known| known.get_long() == Some(long))
        .and_then(Arg::get_short);
    let short = short.map(|short| format!(" / '-{short}'")).unwrap_or_default();
    format!("'--{long}'{short}")
}

fn suggestion(error: &clap::Error, kind: ContextKind) -> String {
    let mut names = match error.get(kind) {
        Some(ContextValue::String(name)) => vec![name.as_str()],
        Some(ContextValue::Strings(names)) => names.iter().map(String::as_str).collect(),
        _ => Vec::new(),
    };
    names.sort_unstable();
    let quoted: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
    match quoted.as_slice() {
        [] => String::new(),
        [only] => format!(" Did you mean {only}?"),
        several => format!(" (Did you mean one of: {}?)", several.join(", ")),
    }
}

/// The first line of clap's own message.
fn plain(error: &clap::Error) -> String {
    let message = error.render().to_string();
    let first = message.lines().next().unwrap_or_default();
    first.trim_start_matches("error: ").to_owned()
}
