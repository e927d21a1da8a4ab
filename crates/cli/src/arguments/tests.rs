//! Tests of the arguments.

use clap::CommandFactory;

use super::*;

#[test]
fn command_line_is_consistent() {
    Arguments::command().debug_assert();
}

#[test]
fn every_command_has_an_example() {
    fn missing(command: &clap::Command, found: &mut Vec<String>) {
        let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        if !after.contains("Example") {
            found.push(command.get_name().to_owned());
        }
        command.get_subcommands().for_each(|inner| missing(inner, found));
    }
    let mut found = Vec::new();
    missing(&Arguments::command(), &mut found);
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn help_fits_80_columns() {
    fn pages(command: &mut clap::Command, found: &mut Vec<String>) {
        found.push(command.clone().term_width(80).render_long_help().to_string());
        // Examples and exit codes are arranged by hand, so a line must not be broken.
        found.extend(command.get_after_help().map(ToString::to_string));
        command.build();
        for inner in command.get_subcommands_mut() {
            pages(inner, found);
        }
    }
    let mut found = Vec::new();
    pages(&mut Arguments::command(), &mut found);
    assert!(found.len() > 15, "{}", found.len());
    for page in found {
        for line in page.lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }
}

#[test]
fn commands_in_sample_notifications_are_valid() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../events/messages");
    let mut verbs = std::collections::BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let mail = path.to_str().unwrap().ends_with(".email.txt");
        for line in text.lines().filter(|_| mail) {
            let Some(at) = line.find("synthetics ") else { continue };
            let parsed = Arguments::try_parse_from(line[at..].split_whitespace());
            let parsed = parsed.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            match parsed.command {
                Command::Mute(options) => {
                    operations::names::parse_scope(&options.scope).unwrap();
                    verbs.insert("mute");
                }
                Command::Ack(options) => {
                    operations::names::parse_scope(&options.scope).unwrap();
                    verbs.insert("ack");
                }
                Command::Cleanup(options) => {
                    let checks = operations::checks::ids(&options.checks).unwrap();
                    assert!(checks.iter().all(|id| operations::checks::has_cleanup(id)), "{}", path.display());
                    verbs.insert("cleanup");
                }
                Command::Incident(options) => {
                    let is_id = |id: &String| check::incident::parts_of_id(id).is_some();
                    assert!(options.id.as_ref().is_none_or(is_id), "{:?}", options.id);
                    verbs.insert("incident");
                }
                other => panic!("{}: unexpected {other:?}", path.display()),
            }
        }
    }
    assert_eq!(verbs.len(), 4, "{verbs:?}");
}
