//! Runs other programs and prints failed commands in a form that can be repeated.

use std::ffi::OsStr;
use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context, Result, bail};

use crate::workspace::Workspace;

/// A program with arguments, run in the root of the repository. It is displayed as a shell command.
pub struct Run {
    command: Command,
    root: PathBuf,
}

impl Run {
    /// Creates a command for a program on `PATH` or at a path.
    pub fn program(workspace: &Workspace, program: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(program);
        command.current_dir(&workspace.root);
        Self { command, root: workspace.root.clone() }
    }

    /// Creates a cargo command; the arguments are separated by spaces.
    pub fn cargo(workspace: &Workspace, arguments: &str) -> Self {
        Self::program(workspace, &workspace.cargo).args(arguments.split_whitespace())
    }

    /// Adds arguments.
    pub fn args<I: IntoIterator<Item: AsRef<OsStr>>>(mut self, arguments: I) -> Self {
        self.command.args(arguments);
        self
    }

    /// Runs the command in this folder.
    pub fn directory(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// Sets an environment variable.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs the command with its output on the terminal.
    ///
    /// # Errors
    /// When it cannot be started or fails; the message contains the command.
    pub fn run(self) -> Result<()> {
        let shown = self.to_string();
        let status = self.status()?;
        if !status.success() {
            bail!("`{shown}` failed: {status}");
        }
        Ok(())
    }

    /// Runs the command with its output on the terminal, and returns its status, also when it fails.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn status(mut self) -> Result<ExitStatus> {
        let shown = self.to_string();
        self.command.status().with_context(|| format!("failed to start `{shown}`"))
    }

    /// Runs the command and returns everything it prints, also when it fails.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn printed(mut self) -> Result<(String, ExitStatus)> {
        let shown = self.to_string();
        let context = || format!("failed to run `{shown}`");
        let (mut printed, output) = std::io::pipe().with_context(context)?;
        self.command.stdout(output.try_clone().with_context(context)?).stderr(output);
        let mut running = self.command.spawn().with_context(context)?;
        // The command holds the writing end, and the end of the text is only read when it is closed.
        drop(self);
        let mut text = Vec::new();
        printed.read_to_end(&mut text).with_context(context)?;
        let status = running.wait().with_context(context)?;
        Ok((String::from_utf8_lossy(&text).into_owned(), status))
    }

    /// Runs the command and returns its standard output; stderr stays on the terminal.
    ///
    /// # Errors
    /// Like [`Self::run`], and when the output is not UTF-8.
    pub fn output(mut self) -> Result<String> {
        let shown = self.to_string();
        let output =
            self.command.stderr(Stdio::inherit()).output().with_context(|| format!("failed to start `{shown}`"))?;
        if !output.status.success() {
            bail!("`{shown}` failed: {}", output.status);
        }
        String::from_utf8(output.stdout).with_context(|| format!("expected UTF-8 from `{shown}`"))
    }

    /// Runs the command without showing its output, and reports whether it succeeds.
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
        let cargo = Path::new(program).file_name() == Some(OsStr::new("cargo"));
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
    fn everything_printed_is_returned_in_order() {
        let workspace = Workspace { root: "/".into(), target: "/target".into(), cargo: "/bin/cargo".into() };
        let run = Run::program(&workspace, "sh").args(["-c", "echo one; echo two >&2; echo three; exit 3"]);
        let (text, status) = run.printed().unwrap();
        assert_eq!((text.as_str(), status.code()), ("one\ntwo\nthree\n", Some(3)));
    }

    #[test]
    fn command_is_shown_in_shell_syntax() {
        let workspace = Workspace { root: "/repo".into(), target: "/repo/target".into(), cargo: "/bin/cargo".into() };
        let run = Run::cargo(&workspace, "clippy --workspace").env("PATH", "/repo/target/a b:/bin").args(["", "it's"]);
        assert_eq!(run.to_string(), r"PATH='target/a b:/bin' cargo clippy --workspace '' 'it'\''s'");
    }
}
