//! Where things are.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The folders the commands work in, all absolute.
pub struct Workspace {
    /// The repository.
    pub root: PathBuf,
    /// Cargo's target folder, wherever `CARGO_TARGET_DIR` puts it.
    pub target: PathBuf,
    /// The cargo that runs this program, so that every step uses the same toolchain.
    pub cargo: PathBuf,
}

impl Workspace {
    /// Finds the folders from what cargo tells a program it runs.
    ///
    /// # Errors
    /// When the program was not started as `cargo xtask`.
    pub fn locate() -> Result<Self> {
        let here = "run this as `cargo xtask`, which says where the workspace is";
        let manifest = env::var("CARGO_MANIFEST_DIR").context(here)?;
        let root = Path::new(&manifest).ancestors().nth(2).context(here)?.to_path_buf();
        let cargo = PathBuf::from(env::var_os("CARGO").context(here)?);
        // This program is target/<profile>/xtask.
        let program = env::current_exe().context("failed to find this program's own path")?;
        let target = program.ancestors().nth(2).context(here)?.to_path_buf();
        Ok(Self { root, target, cargo })
    }

    /// The ids of all checks that have a function, sorted: the names of the folders in `functions/`.
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
        ids.sort();
        Ok(ids)
    }
}
