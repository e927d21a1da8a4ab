//! Commands in the documentation, read as the program reads them.

use std::path::{Path, PathBuf};

use clap::Parser;

use super::Arguments;

#[test]
fn documented_commands_are_understood() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut pages = vec![root.join("README.md"), root.join("SECURITY.md"), root.join("events/README.md")];
    collect(&root.join("docs"), &mut pages);
    let mut wrong = Vec::new();
    let mut found = 0;
    for page in pages {
        let text = std::fs::read_to_string(&page).unwrap().replace("\\\n", " ");
        for command in commands(&text) {
            found += 1;
            if let Err(mistake) = Arguments::try_parse_from(words(&command))
                && mistake.use_stderr()
            {
                let mistake = mistake.to_string();
                wrong.push(format!("{}: {command}\n  {}", page.display(), mistake.lines().next().unwrap_or_default()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(found > 40, "{found} commands");
}

fn collect(folder: &Path, pages: &mut Vec<PathBuf>) {
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, pages);
        } else if path.extension().is_some_and(|kind| kind == "md") {
            pages.push(path);
        }
    }
}

/// Commands in blocks, and those in a line of text that have options.
fn commands(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (number, part) in text.split("```").enumerate() {
        if number % 2 == 1 {
            let lines = part.lines().filter_map(|line| line.trim().strip_prefix("$ "));
            // Variables may come first.
            let without_variables = |line: &str| {
                let words = line.split_whitespace().skip_while(|word| word.contains('='));
                words.collect::<Vec<_>>().join(" ")
            };
            found.extend(lines.map(without_variables).filter(|line| line.starts_with("synthetics ")));
        } else {
            let spans = part.split('`').skip(1).step_by(2).filter(|span| span.starts_with("synthetics "));
            found.extend(
                spans
                    .filter(|span| span.contains(" --") && !span.contains("COMMAND"))
                    .map(|span| span.replace('\n', " ")),
            );
        }
    }
    found
}

/// Words of a command as a shell splits it, without comments and pipes.
fn words(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut quoted: Option<String> = None;
    for word in command.split_whitespace().take_while(|word| !["#", "|", ">", "&&"].contains(word)) {
        match &mut quoted {
            Some(text) => {
                text.push(' ');
                text.push_str(word);
            }
            None => quoted = Some(word.to_owned()),
        }
        if quoted.as_ref().is_some_and(|text| text.matches('"').count() % 2 == 0) {
            // Placeholders stand for a value of the right kind.
            let word = quoted.take().unwrap_or_default().replace('"', "");
            words.push(word.replace("<id>", "login").replace('…', "deploy"));
        }
    }
    words
}
