//! `synthetics console`: the console on a store or a deployment.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use check::budget::Objective;
use console::{Actions, Monitored, OncePerMinute, Shown, Source};
use local::Store;
use operations::{checks, thresholds};
use runtime::{Clock as _, SystemClock};

use crate::arguments::ConsoleOptions;
use crate::exit::Exit;
use crate::interrupt::Interrupt;
use crate::status_page::{self, PageSettings};
use crate::{deployment, serving};

/// Serves the console until Ctrl-C or SIGTERM.
pub(crate) async fn console(options: &ConsoleOptions) -> anyhow::Result<Exit> {
    let interrupt = Interrupt::listen()?;
    let Some((address, guard)) = serving::listening(&options.listen)? else {
        anyhow::bail!("--listen none: a console without a port shows nothing; give an address");
    };
    let settings = options.settings.as_deref().map(status_page::settings).transpose()?;
    let source = match &options.deployment.store {
        Some(file) => store_source(options, file, settings)?,
        None => deployment_source(options, settings).await?,
    };
    let place = source.place.clone();
    let listener = serving::bind(address).await?;
    let address = serving::serve(listener, source, guard, interrupt.token.clone())?;
    println!("http://{address}/ shows {place}; Ctrl-C ends");
    interrupt.token.cancelled().await;
    Ok(interrupt.exit_or(Exit::Passed))
}

/// Adds what only settings say.
fn shown(without: Shown, settings: Option<PageSettings>) -> Shown {
    match settings {
        Some(PageSettings { common, status, objectives }) => {
            Shown { windows: common.windows, status, objectives, ..without }
        }
        None => without,
    }
}

/// Objectives of the settings, and the defaults of other checks.
fn objectives(settings: Option<&PageSettings>) -> BTreeMap<String, Objective> {
    let mut all = checks::default_objectives();
    all.extend(settings.into_iter().flat_map(|settings| settings.objectives.clone()));
    all
}

/// What a store has recorded: checks with runs, and the shipped alarms on them.
fn store_source(options: &ConsoleOptions, path: &Path, settings: Option<PageSettings>) -> anyhow::Result<Source> {
    let file = path.display();
    let (store, actions) = if options.allow_actions {
        let store = Arc::new(Store::open_existing(path)?);
        let actions = Actions { store: store.clone(), alarm_mutes: None, runs: None, by: serving::person() };
        (store, Some(actions))
    } else {
        (Arc::new(Store::open_to_read(path)?), None)
    };
    let Some((environment, host)) = store.platform()? else {
        anyhow::bail!("{file} has no runs yet; `synthetics run` and `synthetics up` name the store they use");
    };
    let found = store.checks()?;
    let ids: Vec<&'static str> = checks::ids(&[])?.into_iter().filter(|id| found.iter().any(|own| own == id)).collect();
    let alarms = thresholds::on_checks(thresholds::shipped(&environment)?, &ids, None, &objectives(settings.as_ref()));
    Ok(Source {
        release: env!("CARGO_PKG_VERSION").to_owned(),
        environment,
        host,
        place: format!("store {file}"),
        options: serving::store_option(Some(path)),
        kept: format!("runs and values as long as the settings of the runs say; {}", serving::LONG),
        changes: serving::changes(store.clone()),
        history: store,
        once_per_minute: None,
        live: None,
        actions,
        faults: None,
        monitored: Monitored::new(shown(serving::shown(ids, alarms), settings)),
        clock: Arc::new(SystemClock),
    })
}

/// What a deployment has recorded: every check, and the shipped alarms.
async fn deployment_source(options: &ConsoleOptions, settings: Option<PageSettings>) -> anyhow::Result<Source> {
    let environment = options.deployment.environment.clone();
    let environment =
        environment.context("metrics are named after the environment; give --environment, not only --table")?;
    let Some(history) = deployment::history(&options.deployment).await? else {
        anyhow::bail!("no deployment is named; give --environment");
    };
    let ids = checks::ids(&[])?;
    let alarms = thresholds::on_checks(thresholds::shipped(&environment)?, &ids, None, &objectives(settings.as_ref()));
    let actions = match options.allow_actions {
        true => Some(deployment::actions(&options.deployment, &environment).await?),
        false => None,
    };
    let memo = Arc::new(OncePerMinute::new(history.into(), Arc::new(SystemClock)));
    Ok(Source {
        release: env!("CARGO_PKG_VERSION").to_owned(),
        host: String::new(),
        place: format!("deployment {environment}"),
        options: format!("--environment {environment}"),
        kept: "values of a minute for 15 days, of 5 minutes for 63 days, of an hour for 455 days; incidents for 400 days; reports as long \
               as the log groups keep them"
            .to_owned(),
        once_per_minute: Some(memo.clone()),
        history: memo,
        // Metrics have a minute, and each question has a price.
        changes: Arc::new(|| Some((SystemClock.now().as_second() / 60).to_string())),
        live: None,
        actions,
        faults: None,
        monitored: Monitored::new(shown(serving::shown(ids, alarms), settings)),
        clock: Arc::new(SystemClock),
        environment,
    })
}
