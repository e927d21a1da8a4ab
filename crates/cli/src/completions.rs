//! `synthetics completions` and `synthetics man`.

use std::path::Path;

use anyhow::Context;
use clap::CommandFactory;
use clap_complete::Shell;
use clap_mangen::Man;

use crate::arguments::Arguments;
use crate::exit::Exit;
use crate::terminal;

/// Prints the completions for a shell.
pub(crate) fn completions(shell: Shell) -> anyhow::Result<Exit> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "synthetics", &mut text);
    print(&text)
}

/// Prints the manual page of the program, or writes that of each command to a folder.
pub(crate) fn man(folder: Option<&Path>) -> anyhow::Result<Exit> {
    let Some(folder) = folder else {
        let mut page = Vec::new();
        Man::new(Arguments::command()).render(&mut page)?;
        return print(&page);
    };
    let wrong = || format!("failed to write manual pages to {}", folder.display());
    std::fs::create_dir_all(folder).with_context(wrong)?;
    clap_mangen::generate_to(Arguments::command(), folder).with_context(wrong)?;
    println!("manual pages written to {}", folder.display());
    Ok(Exit::Passed)
}

/// Prints a generated text as it is: a shell and `man` read its control characters. It has no text from outside.
fn print(text: &[u8]) -> anyhow::Result<Exit> {
    terminal::raw(text);
    Ok(Exit::Passed)
}
