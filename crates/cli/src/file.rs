//! Files that are written at once.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// Replaces a file at once: readers see the old or the new one, never a part.
///
/// # Errors
/// When the file cannot be written.
pub(crate) fn replace(file: &Path, content: &str) -> anyhow::Result<()> {
    let temporary = temporary(file);
    let written = fs::File::create(&temporary)
        .and_then(|mut open| {
            open.write_all(content.as_bytes())?;
            open.sync_all()
        })
        .and_then(|()| fs::rename(&temporary, file));
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written.with_context(|| format!("failed to write {}", file.display()))
}

/// File in the same folder, whose name begins with a dot.
fn temporary(file: &Path) -> PathBuf {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    file.with_file_name(format!(".{name}.{}", std::process::id()))
}
