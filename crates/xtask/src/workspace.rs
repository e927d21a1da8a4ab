//! Folders of the workspace.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Checks without a function in the templates, by id: they run on one machine only.
pub const ON_ONE_MACHINE: &[&str] = &["journeys"];

/// Paths of the workspace, all absolute.
pub struct Workspace {
    /// Root of the repository.
    pub root: PathBuf,
    /// Target folder of cargo, which follows `CARGO_TARGET_DIR`.
    pub target: PathBuf,
    /// Cargo program that started this one, so that every step uses the same toolchain.
    pub cargo: PathBuf,
}

impl Workspace {
    /// Finds the paths from the environment variables that cargo sets.
    ///
    /// # Errors
    /// When the program was not started as `cargo xtask`.
    pub fn locate() -> Result<Self> {
        let here = "expected the environment variables of cargo; run this as `cargo xtask`";
        let manifest = env::var("CARGO_MANIFEST_DIR").context(here)?;
        let root = Path::new(&manifest).ancestors().nth(2).context(here)?.to_path_buf();
        let cargo = PathBuf::from(env::var_os("CARGO").context(here)?);
        // The path of this program is target/<profile>/xtask.
        let program = env::current_exe().context("failed to find this program's own path")?;
        let target = program.ancestors().nth(2).context(here)?.to_path_buf();
        Ok(Self { root, target, cargo })
    }

    /// Ids of all checks with a function, sorted. They are the names of the folders in `functions/`.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn function_ids(&self) -> Result<Vec<String>> {
        let folder = self.root.join("functions");
        let mut ids = Vec::new();
        for entry in folder.read_dir().with_context(|| format!("failed to read {}", folder.display()))? {
            let entry = entry?;
            if entry.path().join("Cargo.toml").is_file() {
                ids.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
        ids.retain(|id| !ON_ONE_MACHINE.contains(&id.as_str()));
        ids.sort();
        Ok(ids)
    }
}
