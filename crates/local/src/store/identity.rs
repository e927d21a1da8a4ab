//! The opened file, as opposed to one of the same name.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// Device and number of a file. While it is open, no other file has both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    device: u64,
    number: u64,
}

impl Identity {
    /// Reads the identity of the file that has this name now.
    pub(super) fn read(file: &Path) -> io::Result<Self> {
        let found = fs::metadata(file)?;
        Ok(Self { device: found.dev(), number: found.ino() })
    }

    /// Confirms that this is still the file of this name. Otherwise says what was found.
    pub(super) fn confirm(self, file: &Path) -> Result<(), String> {
        match Self::read(file) {
            Ok(found) if found == self => Ok(()),
            Ok(_) => Err("another file".to_owned()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err("none".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }
}
