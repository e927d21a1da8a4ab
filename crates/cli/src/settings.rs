//! `synthetics settings check`.

use std::path::Path;

use crate::checks;
use crate::exit::Exit;

/// Reads a settings file as the functions do and says everything that is wrong with it.
pub(crate) fn check(file: &Path) -> anyhow::Result<Exit> {
    let checks = checks::of_file(file, &[])?;
    let ids: Vec<&str> = checks.iter().map(|check| check.id()).collect();
    println!("{}: no problems; settings of {}", file.display(), ids.join(", "));
    Ok(Exit::Passed)
}
