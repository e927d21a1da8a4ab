//! Running other programs so that a failure can be repeated by hand.

use std::ffi::OsStr;
use std::fmt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::workspace::Workspace;

/// A program with its arguments, run in the repository's root; displayed as the line that repeats it in a shell there.
pub struct Run {
    command: Command,
    root: PathBuf,
}

impl Run {
    /// A program found on `PATH` or given by its path.
    pub fn program(workspace: &Workspace, program: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(program);
        command.current_dir(&workspace.root);
        Self { command, root: workspace.root.clone() }
    }

    /// Cargo, with its arguments written as in a shell.
    pub fn cargo(workspace: &Workspace, arguments: &str) -> Self {
        Self::program(workspace, &workspace.cargo).args(arguments.split_whitespace())
    }

    /// Adds arguments.
    pub fn args<I: IntoIterator<Item: AsRef<OsStr>>>(mut self, arguments: I) -> Self {
        self.command.args(arguments);
        self
    }

    /// Sets a variable of the environment.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs it to its end, its output passing through.
    ///
    /// # Errors
    /// When it cannot be started or does not succeed; the message repeats the command.
    pub fn run(mut self) -> Result<()> {
        let shown = self.to_string();
        let status = self.command.status().with_context(|| format!("failed to start `{shown}`"))?;
        if !status.success() {
            bail!("`{shown}` ended with {status}");
        }
        Ok(())
    }

    /// Runs it to its end and gives what it printed; its errors pass through.
    ///
    /// # Errors
    /// As of `run`, and when it printed no UTF-8.
    pub fn printed(mut self) -> Result<String> {
        let shown = self.to_string();
        let output =
            self.command.stderr(Stdio::inherit()).output().with_context(|| format!("failed to start `{shown}`"))?;
        if !output.status.success() {
            bail!("`{shown}` ended with {}", output.status);
        }
        String::from_utf8(output.stdout).with_context(|| format!("`{shown}` printed no UTF-8"))
    }

    /// Whether it can be started and succeeds, its output unseen.
    pub fn succeeds(mut self) -> bool {
        self.command.output().is_ok_and(|output| output.status.success())
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let root = format!("{}/", self.root.display());
        let word = |text: &OsStr| {
            let text = text.to_string_lossy().replace(&root, "");
            let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@+%".contains(c);
            if !text.is_empty() && text.chars().all(plain) {
                text
            } else {
                format!("'{}'", text.replace('\'', r"'\''"))
            }
        };
        for (name, value) in self.command.get_envs() {
            write!(f, "{}={} ", name.to_string_lossy(), word(value.unwrap_or_default()))?;
        }
        let program = self.command.get_program();
        let cargo = std::path::Path::new(program).file_name() == Some(OsStr::new("cargo"));
        write!(f, "{}", if cargo { "cargo".to_owned() } else { word(program) })?;
        for argument in self.command.get_args() {
            write!(f, " {}", word(argument))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_a_shell_takes_it() {
        let workspace = Workspace { root: "/repo".into(), target: "/repo/target".into(), cargo: "/bin/cargo".into() };
        let run = Run::cargo(&workspace, "clippy --workspace").env("PATH", "/repo/target/a b:/bin").args(["", "it's"]);
        assert_eq!(run.to_string(), r"PATH='target/a b:/bin' cargo clippy --workspace '' 'it'\''s'");
    }
}
