//! Files that settings name, below the folder of the settings file.

use std::path::{Component, Path};

use crate::section::Section;

impl Section<'_> {
    /// Reads a file below the folder of the settings file, of at most this many bytes.
    ///
    /// **Side effects:** reads the file.
    #[must_use]
    pub fn file(&self, key: &str, written: &str, max: u64) -> Option<Vec<u8>> {
        let is_below = Path::new(written).components().all(|part| matches!(part, Component::Normal(_)));
        if written.is_empty() || !is_below || written.contains('\\') {
            let rule = "expected a path below the folder of the settings file, without `..`";
            self.problem(key, format!("{rule}, found `{written}`"));
            return None;
        }
        let path = self.folder().join(written);
        let read = match std::fs::metadata(&path) {
            Err(error) => Err(format!("expected a readable file: {error}, found `{written}`")),
            Ok(file) if !file.is_file() => Err(format!("expected a file, found something else at `{written}`")),
            Ok(file) if file.len() > max => {
                Err(format!("expected a file of at most {} kB, found one of {} kB", max / 1_000, file.len() / 1_000))
            }
            Ok(_) => {
                std::fs::read(&path).map_err(|error| format!("expected a readable file: {error}, found `{written}`"))
            }
        };
        self.parsed(key, read)
    }
}
