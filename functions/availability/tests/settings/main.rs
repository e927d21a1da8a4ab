//! Settings files as people write them: the exact errors of each file in `wrong/`, and the validity of the files shipped
//! with the program.

use std::path::{Path, PathBuf};

use availability::Availability;
use runtime::Prepared;
use settings::{Document, Problem};

#[cfg(test)]
mod shipped;
#[cfg(test)]
mod wrong;

fn read(file: &str, text: &str) -> Result<Prepared<Availability>, Vec<Problem>> {
    Document::parse(file, text).and_then(|document| Prepared::read(&document))
}

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Names of the files in a folder that have this extension, without the extension.
fn names(folder: &Path, extension: &str) -> Vec<String> {
    let Ok(files) = folder.read_dir() else { return Vec::new() };
    let paths = files.flatten().map(|file| file.path());
    let mut names: Vec<String> = paths
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect();
    names.sort();
    names
}
