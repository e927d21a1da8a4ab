//! Opens the console of the program in a browser.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

use crate::command::Run;
use crate::functions;
use crate::tools::{self, Debian};
use crate::workspace::Workspace;

/// The browser, what drives it, and what reads and writes a store.
const NEEDS: [Debian; 3] = [
    Debian { program: "chromium", package: "chromium" },
    Debian { program: "node", package: "nodejs" },
    Debian { program: "python3", package: "python3" },
];
/// Folder of the tests.
const TESTS: &str = "tests/browser";
/// End of the name of a file with tests; other files help them.
const TEST: &str = ".test.mjs";

/// Opens every page in Chromium, in both themes, on a small screen, without JavaScript and with hostile texts, and uses every form.
///
/// # Errors
/// When a test fails, the program does not build, or a tool is missing.
pub fn prove(workspace: &Workspace) -> Result<()> {
    let tests = tests(workspace)?;
    node(workspace)?.args(["--test", "--test-concurrency=2", "--test-reporter=spec"]).args(tests).run()
}

/// Writes the pictures of the console in `docs/images`.
///
/// # Errors
/// Like [`prove`].
pub fn pictures(workspace: &Workspace) -> Result<()> {
    node(workspace)?.args([workspace.root.join(TESTS).join("pictures.mjs")]).run()
}

/// Node.js with what the tests need.
fn node(workspace: &Workspace) -> Result<Run> {
    let modules = tools(workspace)?;
    let program = functions::program(workspace)?;
    Ok(Run::program(workspace, "node").env("SYNTHETICS_PROGRAM", program).env("SYNTHETICS_NODE_MODULES", modules))
}

/// Installs the browser and what drives it. Returns the folder of the packages.
///
/// # Errors
/// When one is missing and cannot be installed.
pub fn tools(workspace: &Workspace) -> Result<PathBuf> {
    tools::debian(workspace, &NEEDS)?;
    let programs = tools::npm(workspace, "browser")?;
    Ok(programs.parent().context("expected the programs in node_modules")?.to_path_buf())
}

/// Files with tests. Versions of Node.js differ in the files that they find in a folder.
fn tests(workspace: &Workspace) -> Result<Vec<PathBuf>> {
    let folder = workspace.root.join(TESTS);
    let mut tests = Vec::new();
    for entry in folder.read_dir().with_context(|| format!("failed to read {}", folder.display()))? {
        let path = entry?.path();
        if path.to_string_lossy().ends_with(TEST) {
            tests.push(path);
        }
    }
    ensure!(!tests.is_empty(), "expected files *{TEST} in {TESTS}, found none");
    tests.sort();
    Ok(tests)
}
