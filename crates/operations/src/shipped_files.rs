//! Templates, settings and runbooks: those embedded in this program, or those of a folder.

use std::collections::BTreeMap;
use std::fmt;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::Context;

macro_rules! embedded {
    ($folder:literal: $($file:literal),+ $(,)?) => {
        &[$(($file, include_str!(concat!("../../../", $folder, "/", $file)))),+]
    };
}

type Embedded = &'static [(&'static str, &'static str)];

const TEMPLATES: Embedded = embedded!("infra":
    "alarms.yaml",
    "layer/settings/production.example.toml",
    "platform.yaml",
    "samconfig.toml",
    "template.yaml",
);
const RUNBOOKS: Embedded = embedded!("docs/runbooks":
    "alarms.md",
    "application.md",
    "availability.md",
    "backend.md",
    "booking.md",
    "integrations.md",
    "journeys.md",
    "login.md",
    "notifications.md",
    "payment-webhook.md",
    "platform.md",
    "queues.md",
    "reconciliation.md",
);

/// Reads the template of the alarms, of a folder or the embedded one. Returns its path, that of the repository for the embedded one, and
/// its text.
///
/// # Errors
/// When the folder has no such file, or it is unreadable.
pub fn alarms_template(folder: Option<&Path>) -> anyhow::Result<(String, String)> {
    const FILE: &str = "alarms.yaml";
    let files = Files::templates(folder);
    let path = folder.map_or_else(|| format!("infra/{FILE}"), |_| files.path(FILE));
    Ok((path, files.template(FILE)?))
}

/// Text of the embedded runbook of a check, Markdown; `None` without one.
#[must_use]
pub fn runbook(check: &str) -> Option<&'static str> {
    let name = |path: &str| path.strip_suffix(".md").map(str::to_owned);
    RUNBOOKS.iter().find(|(path, _)| name(path).as_deref() == Some(check)).map(|(_, text)| *text)
}

/// Files of one folder, in this program or on this machine.
#[derive(Clone, Copy, Debug)]
pub enum Files<'a> {
    /// Embedded at build time, by path within the folder.
    Embedded(Embedded),
    /// In a folder of the user.
    Folder(&'a Path),
}

impl<'a> Files<'a> {
    /// Selects the templates of a folder, or the embedded ones.
    #[must_use]
    pub const fn templates(folder: Option<&'a Path>) -> Self {
        match folder {
            Some(folder) => Self::Folder(folder),
            None => Self::Embedded(TEMPLATES),
        }
    }

    /// Selects the runbooks of a folder, or the embedded ones.
    #[must_use]
    pub const fn runbooks(folder: Option<&'a Path>) -> Self {
        match folder {
            Some(folder) => Self::Folder(folder),
            None => Self::Embedded(RUNBOOKS),
        }
    }

    /// Path of a file, for errors and reports.
    pub(crate) fn path(&self, file: &str) -> String {
        match self {
            Self::Embedded(_) => format!("the embedded {file}"),
            Self::Folder(folder) => folder.join(file).display().to_string(),
        }
    }

    /// Reads a file. `None`: it does not exist.
    ///
    /// # Errors
    /// When the file is unreadable.
    pub(crate) fn read(&self, file: &str) -> anyhow::Result<Option<String>> {
        match self {
            Self::Embedded(files) => {
                Ok(files.iter().find(|(path, _)| *path == file).map(|(_, text)| (*text).to_owned()))
            }
            Self::Folder(folder) => match std::fs::read_to_string(folder.join(file)) {
                Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
                text => text.map(Some).with_context(|| format!("failed to read {}", self.path(file))),
            },
        }
    }

    /// Reads a template.
    ///
    /// # Errors
    /// When the file is missing or unreadable.
    pub(crate) fn template(&self, file: &str) -> anyhow::Result<String> {
        let hint = "--templates must name a folder with template.yaml and alarms.yaml";
        self.read(file)?.with_context(|| format!("failed to find {}: {hint}", self.path(file)))
    }

    /// Reads the files directly in the folder, by name. Files that are not text are left out.
    ///
    /// # Errors
    /// When the folder is unreadable.
    pub(crate) fn all(&self) -> anyhow::Result<BTreeMap<String, String>> {
        let folder = match self {
            Self::Embedded(files) => {
                return Ok(files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect());
            }
            Self::Folder(folder) => folder,
        };
        let mut texts = BTreeMap::new();
        for entry in folder.read_dir().with_context(|| format!("failed to read {}", folder.display()))? {
            let path = entry?.path();
            if let (Some(name), Ok(text)) = (path.file_name(), std::fs::read_to_string(&path)) {
                texts.insert(name.to_string_lossy().into_owned(), text);
            }
        }
        Ok(texts)
    }
}

impl fmt::Display for Files<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded(_) => write!(f, "embedded in this program, version {}", env!("CARGO_PKG_VERSION")),
            Self::Folder(folder) => write!(f, "in {}", folder.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Files of a folder of the repository with this extension, by name.
    fn files(folder: &str, extension: &str) -> BTreeSet<String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(folder);
        let paths = folder.read_dir().unwrap().map(|entry| entry.unwrap().path());
        let wanted = paths.filter(|path| path.extension().is_some_and(|found| found == extension));
        wanted.map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn every_template_and_runbook_is_embedded() {
        let embedded = |files: Embedded, extension: &str| -> BTreeSet<String> {
            let names = files.iter().map(|(name, _)| (*name).to_owned());
            names.filter(|name| name.ends_with(extension)).collect()
        };
        assert_eq!(embedded(TEMPLATES, ".yaml"), files("infra", "yaml"));
        assert_eq!(embedded(RUNBOOKS, ".md"), files("docs/runbooks", "md"));
        for (name, text) in TEMPLATES {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra").join(name);
            assert_eq!(*text, std::fs::read_to_string(path).unwrap(), "{name}");
        }
    }

    #[test]
    fn missing_template_names_the_option() {
        let files = Files::templates(Some(Path::new("nowhere")));
        let error = files.template("alarms.yaml").unwrap_err().to_string();
        assert_eq!(
            error,
            "failed to find nowhere/alarms.yaml: --templates must name a folder with template.yaml and alarms.yaml"
        );
        assert!(files.read("platform.yaml").unwrap().is_none());
        assert!(files.all().is_err());
    }
}
