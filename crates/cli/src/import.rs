//! `synthetics import`.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context as _, bail};
use import::{Format, MAX_SIZE};
use url::Url;

use crate::arguments::import::{ImportFormat, ImportOptions};
use crate::exit::Exit;
use crate::{file, terminal};

/// Prints or writes the targets of the requests in a file.
pub(crate) fn import(options: &ImportOptions) -> anyhow::Result<Exit> {
    let base_url = options.base_url.as_deref().map(Url::parse).transpose();
    let base_url = base_url.context("--base-url: expected a URL such as https://app.example")?;
    let name = if is_input(&options.file) { "standard input".to_owned() } else { options.file.display().to_string() };
    let text = read(&options.file).with_context(|| format!("failed to read {name}"))?;
    let format = options.format.map(Format::from);
    let imported = ::import::import(&text, format, base_url.as_ref()).with_context(|| name)?;
    match &options.out {
        Some(out) => file::replace(out, &imported.toml)?,
        None => terminal::document(imported.toml.trim_end()),
    }
    let targets = counted(imported.targets, "target", "targets");
    if imported.left_out == 0 {
        terminal::note(format_args!("{targets}; everything was carried over"));
        return Ok(Exit::Passed);
    }
    let comments = counted(imported.left_out, "comment names", "comments name");
    terminal::note(format_args!("{targets}; {comments} what was not carried over"));
    Ok(Exit::Failed)
}

impl From<ImportFormat> for Format {
    fn from(format: ImportFormat) -> Self {
        match format {
            ImportFormat::Curl => Self::Curl,
            ImportFormat::Har => Self::Har,
            ImportFormat::Openapi => Self::OpenApi,
        }
    }
}

fn is_input(file: &Path) -> bool {
    file == Path::new("-")
}

/// Reads a file, or standard input. One that is too long is read as far as it takes to notice.
fn read(file: &Path) -> anyhow::Result<String> {
    let source: Box<dyn Read> = if is_input(file) { Box::new(std::io::stdin()) } else { Box::new(File::open(file)?) };
    let mut bytes = Vec::new();
    source.take(u64::try_from(MAX_SIZE + 1)?).read_to_end(&mut bytes)?;
    if bytes.len() > MAX_SIZE {
        bail!("expected at most {} MB, found more", MAX_SIZE / 1_000_000);
    }
    String::from_utf8(bytes).context("expected a text in UTF-8")
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
