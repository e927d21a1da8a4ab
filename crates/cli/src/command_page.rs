//! Text of `docs/cli.md`, generated from the arguments.

use clap::{Arg, Command, CommandFactory};

use crate::arguments::{Arguments, EXAMPLES, EXIT_CODES};

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/cli.md");

/// Most values of an argument that are listed; `--help` lists more.
const MAX_VALUES: usize = 6;

const INTRODUCTION: &str = "\
# Commands

Generated from the arguments of the program; do not edit. `UPDATE_CLI=1 cargo test -p synthetics command_page` writes it.

`synthetics help` and `synthetics COMMAND --help` show the same. Commands for a deployment use the same credentials as the
AWS CLI: environment variables, a profile, or SSO. `demo` and `run --demo` need none.

`run --format json` prints a list of reports, and [run.schema.json](run.schema.json) describes it. `--format ndjson` prints one
item of that list per line, as each check ends. [doctor.schema.json](doctor.schema.json) describes the JSON of
`doctor deployment`, [review.schema.json](review.schema.json) that of `review`, [incident.schema.json](incident.schema.json) that of
`incident`, and [status.schema.json](status.schema.json) that of the public status page.
";

#[test]
fn page_matches_the_arguments() {
    let expected = page();
    if std::env::var_os("UPDATE_CLI").is_some() {
        std::fs::write(PATH, &expected).unwrap();
    }
    let actual = std::fs::read_to_string(PATH).unwrap_or_default();
    assert!(actual == expected, "docs/cli.md is outdated: UPDATE_CLI=1 cargo test -p synthetics command_page");
}

fn page() -> String {
    let mut command = Arguments::command();
    command.build();
    let mut text = INTRODUCTION.to_owned();
    text.push_str(&fenced("console", EXAMPLES));
    text.push_str("\n## Exit codes\n\n| code | meaning |\n|---|---|\n");
    EXIT_CODES.iter().for_each(|(code, meaning)| {
        text.push_str(&format!("| {code} | {} |\n", meaning.replace('\n', " ").replace('|', r"\|")))
    });
    text.push_str("\n## Options of every command\n");
    text.push_str(&table(command.get_arguments().filter(|argument| argument.is_global_set())));
    for inner in visible(&command) {
        add(&mut text, "synthetics", inner);
    }
    text
}

/// Adds a command and the commands in it.
fn add(text: &mut String, parent: &str, command: &Command) {
    let name = format!("{parent} {}", command.get_name());
    let about = command.get_long_about().or_else(|| command.get_about()).map(ToString::to_string).unwrap_or_default();
    text.push_str(&format!("\n## `{name}`\n\n{}\n", sentence(&escaped(&about))));
    if command.has_subcommands() {
        visible(command).for_each(|inner| add(text, &name, inner));
        return;
    }
    let usage = command.clone().render_usage().to_string();
    text.push_str(&fenced("text", &usage.replace("Usage: ", "")));
    let is_own = |argument: &&Arg| argument.get_id() != "help" && !argument.is_global_set();
    text.push_str(&table(command.get_arguments().filter(is_own)));
    let examples = after_help(command);
    if !examples.is_empty() {
        text.push_str(&fenced("console", &examples));
    }
}

fn visible(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|inner| !inner.is_hide_set() && inner.get_name() != "help")
}

fn table<'a>(arguments: impl Iterator<Item = &'a Arg>) -> String {
    let rows: String = arguments.map(row).collect();
    if rows.is_empty() { rows } else { format!("\n| argument | meaning |\n|---|---|\n{rows}") }
}

/// Row of an argument, with its default and the values it takes.
fn row(argument: &Arg) -> String {
    let help = argument.get_long_help().or_else(|| argument.get_help()).map(ToString::to_string).unwrap_or_default();
    let mut meaning = sentence(&escaped(&help).replace("\n\n", " ").replace('\n', " "));
    let list = |values: Vec<String>| values.join("`, `");
    let takes_values = argument.get_action().takes_values();
    let values = if argument.is_hide_possible_values_set() { Vec::new() } else { argument.get_possible_values() };
    let values: Vec<String> = values.iter().map(|value| value.get_name().to_owned()).collect();
    if takes_values && (1..=MAX_VALUES).contains(&values.len()) {
        meaning.push_str(&format!(" Values: `{}`.", list(values)));
    }
    let defaults: Vec<String> =
        argument.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect();
    if takes_values && !defaults.is_empty() {
        meaning.push_str(&format!(" Default: `{}`.", list(defaults)));
    }
    format!("| `{}` | {} |\n", argument.to_string().replace('|', "\\|"), meaning.trim())
}

fn after_help(command: &Command) -> String {
    command.get_after_help().map(ToString::to_string).unwrap_or_default()
}

fn fenced(language: &str, text: &str) -> String {
    format!("\n```{language}\n{}\n```\n", text.trim_end())
}

/// Text that ends with a full stop, which clap cuts off.
fn sentence(text: &str) -> String {
    if text.ends_with(['.', ']', '!', '?']) { text.to_owned() } else { format!("{text}.") }
}

/// Text in which `<` and `|` do not mean HTML or a cell.
fn escaped(text: &str) -> String {
    text.replace('<', "\\<").replace('|', "\\|")
}
