//! `synthetics status-page`: the public status page as files.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, bail};
use check::budget::Objective;
use console::{StatusSettings, status_files};
use history::History;
use local::Store;
use operations::{checks, thresholds};
use runtime::{Clock as _, SystemClock};
use settings::Common;

use crate::arguments::deployment::Deployment;
use crate::arguments::status_page::StatusPageOptions;
use crate::exit::Exit;
use crate::{deployment, file, store};

/// Writes the files.
pub(crate) async fn status_page(options: &StatusPageOptions) -> anyhow::Result<Exit> {
    let PageSettings { common, status, .. } = settings(&options.settings)?;
    let status = status.with_context(|| {
        let file = options.settings.display();
        format!("{file}: expected a section [status_page], found none\ndocs/operations/status-page.md has an example")
    })?;
    let history = history(options, &common).await?;
    let files = status_files(&*history, &status, SystemClock.now()).await?;
    fs::create_dir_all(&options.out).with_context(|| format!("failed to create {}", options.out.display()))?;
    for (name, content) in &files {
        file::replace(&options.out.join(name), content)?;
    }
    let names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
    println!("{}: {}", options.out.display(), names.join(", "));
    Ok(Exit::Passed)
}

/// What pages need of a settings file.
pub(crate) struct PageSettings {
    pub(crate) common: Common,
    pub(crate) status: Option<StatusSettings>,
    pub(crate) objectives: BTreeMap<String, Objective>,
}

/// Reads the settings of every check, and what belongs to pages. Checks have the intervals of a deployment.
pub(crate) fn settings(file: &Path) -> anyhow::Result<PageSettings> {
    let checks = checks::from_file(file, &[])?;
    let Some(common) = checks.first().map(|check| check.common().clone()) else {
        bail!("{} has no check", file.display());
    };
    let intervals = thresholds::cadences(&thresholds::shipped(&common.environment)?);
    let status = StatusSettings::new(&common, intervals);
    let objectives = checks::objectives(checks.iter().map(|check| &**check));
    Ok(PageSettings { common, status, objectives })
}

/// The deployment that the options name, or a store of the same platform.
async fn history(options: &StatusPageOptions, common: &Common) -> anyhow::Result<Box<dyn History>> {
    if let Some(environment) = &options.environment {
        if *environment != common.environment {
            bail!(
                "--environment: expected {}, as in {}, found {environment}",
                common.environment,
                options.settings.display()
            );
        }
        let named = Deployment {
            environment: Some(environment.clone()),
            store: None,
            table: options.table.clone(),
            region: options.region.clone(),
        };
        return deployment::history(&named).await?.context("no deployment is named; give --environment");
    }
    let file = match &options.store {
        Some(file) => file.clone(),
        None => store::default_file(&common.environment)
            .context("there is no folder for data; give --store, or --environment for a deployment")?,
    };
    let store = Store::open_to_read(&file)?;
    let host = common.base_url.host_str().unwrap_or_default();
    match store.platform()? {
        // Any demo has a store with this host.
        Some((environment, own_host)) if own_host == store::DEMO && environment == common.environment => {
            Ok(Box::new(store))
        }
        Some((environment, own_host)) if environment != common.environment || own_host != host => bail!(
            "{}: expected environment {} of {host}, as in {}, found environment {environment} of {own_host}\n\
             give the store of these settings with --store",
            file.display(),
            common.environment,
            options.settings.display()
        ),
        _ => Ok(Box::new(store)),
    }
}
