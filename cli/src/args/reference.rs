//! `docs/command-line.md`: what is below its mark is made from the commands as they can be typed, so that no option is missing there.

use clap::{Arg, Command, CommandFactory};

use super::Arguments;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/command-line.md");
const MARK: &str = "<!-- What follows is made from `feast --help`: UPDATE_GOLDEN=1 ./run test -->\n";

#[test]
fn every_command_is_documented() {
    let page = std::fs::read_to_string(PAGE).unwrap();
    let (introduction, _) = page.split_once(MARK).expect("the page has the mark");
    let wanted = format!("{introduction}{MARK}\n{}", commands());
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(PAGE, wanted).unwrap();
        return;
    }
    assert_eq!(page, wanted, "if this is intended: UPDATE_GOLDEN=1 ./run test");
}

fn commands() -> String {
    let mut root = Arguments::command();
    root.build();
    let everywhere: Vec<&Arg> = root.get_arguments().filter(|argument| is_shown(argument)).collect();
    let mut page = format!("## Options of all commands\n\n{}", table(&everywhere));
    let mut families: Vec<(String, String)> = Vec::new();
    for command in shown(&root) {
        page += &section(command, "##");
        let name = bin_name(command);
        let below: String = shown(command).map(|command| section(command, "###")).collect();
        let family = below.replace(&name, "");
        match families.iter().find(|(_, other)| !below.is_empty() && *other == family) {
            Some((other, _)) => {
                page += &format!(
                    "\nIts commands are those of [`{other}`](#{}).\n",
                    other.replace(' ', "-")
                );
            }
            None => {
                page += &below;
                families.push((name, family));
            }
        }
    }
    page
}

fn section(command: &Command, heading: &str) -> String {
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ").trim();
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let mut text = format!(
        "\n{heading} {}\n\n{}\n\n```text\n{usage}\n```\n",
        bin_name(command),
        sentence(&about)
    );
    let own: Vec<&Arg> = command
        .get_arguments()
        .filter(|argument| is_shown(argument) && !argument.is_global_set())
        .collect();
    if !own.is_empty() {
        text += &format!("\n{}", table(&own));
    }
    if let Some(help) = command.get_after_help().map(ToString::to_string) {
        let (notes, example) = help.split_once("Example: ").unwrap_or((&help, ""));
        if !notes.is_empty() {
            text += &format!("\n{}\n", notes.trim_end());
        }
        if !example.is_empty() {
            text += &format!("\nFor example:\n\n```sh\n{example}\n```\n");
        }
    }
    text
}

fn table(arguments: &[&Arg]) -> String {
    let rows = arguments
        .iter()
        .map(|argument| format!("| {} | {} |\n", name(argument), explanation(argument)));
    format!("| | |\n|---|---|\n{}", rows.collect::<String>())
}

/// `` `-v`, `--views <VIEW>` `` or `` `END_TS` ``.
fn name(argument: &Arg) -> String {
    let names = argument.get_value_names().unwrap_or_default();
    if argument.is_positional() {
        return format!(
            "`{}`",
            names
                .first()
                .map_or_else(|| argument.get_id().as_str().to_uppercase(), ToString::to_string)
        );
    }
    let mut value = String::new();
    if argument.get_action().takes_values() {
        value = names.iter().map(|name| format!(" <{name}>")).collect();
    }
    let short = argument.get_short().map(|short| format!("`-{short}`"));
    let long = argument.get_long().map(|long| format!("`--{long}{value}`"));
    short.into_iter().chain(long).collect::<Vec<_>>().join(", ")
}

fn explanation(argument: &Arg) -> String {
    let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
    let mut text = sentence(&help);
    let list = |values: Vec<String>| {
        values
            .iter()
            .map(|value| format!("`{value}`"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    if argument.get_action().takes_values() {
        let values = argument.get_possible_values();
        let values = values.iter().filter(|value| !value.is_hide_set());
        let values: Vec<_> = values.map(|value| value.get_name().to_owned()).collect();
        if !values.is_empty() {
            text += &format!(" One of {}.", list(values));
        }
        let defaults = argument.get_default_values().iter();
        let defaults: Vec<_> = defaults.map(|value| value.to_string_lossy().into_owned()).collect();
        if !defaults.is_empty() {
            text += &format!(" Default: {}.", list(defaults));
        }
    }
    if let Some(variable) = argument.get_env() {
        text += &format!(" Or `{}` in the environment.", variable.to_string_lossy());
    }
    text.replace('|', "\\|")
}

/// clap takes the point from the end of a help.
fn sentence(help: &str) -> String {
    let end = if help.ends_with('.') { "" } else { "." };
    format!("{help}{end}")
}

fn is_shown(argument: &Arg) -> bool {
    !argument.is_hide_set() && !["help", "version"].contains(&argument.get_id().as_str())
}

fn shown(command: &Command) -> impl Iterator<Item = &Command> {
    let commands = command.get_subcommands();
    commands.filter(|command| !command.is_hide_set() && command.get_name() != "help")
}

fn bin_name(command: &Command) -> String {
    command
        .get_bin_name()
        .map_or_else(|| command.get_name().to_owned(), ToOwned::to_owned)
}
