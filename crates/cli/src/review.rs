//! `synthetics review`: alarms, thresholds and trends of the last weeks.

mod markdown;
mod section;
mod sections;
mod text;
mod trend_sections;

use std::path::Path;

use anyhow::{Context as _, bail};
use console::review_report;
use history::{History, Period, Window};
use jiff::SignedDuration;
use local::Store;
use operations::shipped_files::alarms_template;
use operations::{checks, monthly_cost};
use review::{Input, Progress, Review, review as reviewed};
use runtime::{Clock as _, SystemClock};
use settings::Common;

use self::sections::{Detail, sections};
use crate::arguments::deployment::Deployment;
use crate::arguments::review::{ReviewFormat, ReviewOptions};
use crate::exit::Exit;
use crate::stream::Stream;
use crate::{deployment, file, live, store, terminal};

/// Searches of the log lines of a check: the durations of steps, and the judged and failed runs of subjects.
const SEARCHES: f64 = 3.0;

/// The place that is reviewed.
struct Reviewed {
    history: Box<dyn History>,
    environment: String,
    is_deployment: bool,
}

/// Reviews the last days and prints the result.
pub(crate) async fn review(options: &ReviewOptions) -> anyhow::Result<Exit> {
    let reviewed = source(options).await?;
    let (path, template) = alarms_template(options.templates.as_deref())?;
    let objectives = checks::configured_objectives(options.settings.as_deref())?;
    let now = SystemClock.now();
    let until = Period::MINUTE.floor(options.until.unwrap_or(now).min(now));
    let window = Window::new(until - SignedDuration::from_hours(24 * i64::from(options.days)), until);
    if options.logs && reviewed.is_deployment {
        show_price(&*reviewed.history, window).await?;
    }
    let cost = reviewed.is_deployment.then(|| monthly_cost(options.settings.as_deref())).transpose()?;
    let input = Input {
        environment: &reviewed.environment,
        template: &template,
        template_path: &path,
        window,
        objectives: &objectives,
        cost: cost.as_ref(),
        what_if: &options.what_if,
        logs: options.logs,
        progress: &show_progress,
    };
    let is_live = Stream::Error.is_live();
    if is_live {
        live::show(Stream::Error);
    }
    let result = reviewed_in(&input, &*reviewed.history).await;
    if is_live {
        live::hide();
    }
    let result = result?;
    for warning in &result.warnings {
        eprintln!("warning: {warning}");
    }
    match &options.out {
        Some(file) => write(file, &result, options.format)?,
        None => print(&result, options.format)?,
    }
    Ok(Exit::Passed)
}

async fn reviewed_in(input: &Input<'_>, history: &dyn History) -> anyhow::Result<Review> {
    Ok(reviewed(input, history).await?)
}

fn print(review: &Review, format: ReviewFormat) -> anyhow::Result<()> {
    match format {
        ReviewFormat::Table => terminal::print(&text::text(&sections(review, Detail::Short))),
        ReviewFormat::Json => terminal::json(review)?,
        ReviewFormat::Markdown | ReviewFormat::Html => terminal::document(&document(review, format)?),
    }
    Ok(())
}

/// Writes the result into a file, which is replaced at once.
fn write(file: &Path, review: &Review, format: ReviewFormat) -> anyhow::Result<()> {
    file::replace(file, &format!("{}\n", document(review, format)?))?;
    println!("{}", file.display());
    Ok(())
}

/// The result as the text of a file.
fn document(review: &Review, format: ReviewFormat) -> anyhow::Result<String> {
    Ok(match format {
        ReviewFormat::Table => text::text(&sections(review, Detail::Short)).to_string(),
        ReviewFormat::Json => terminal::escaped(&serde_json::to_string_pretty(review)?),
        ReviewFormat::Markdown => markdown::markdown(&sections(review, Detail::Full)),
        ReviewFormat::Html => review_report(review, env!("CARGO_PKG_VERSION")),
    })
}

fn show_progress(progress: &Progress) {
    let Progress { done, all, what } = progress;
    live::update(format!("{done}/{all} {what}"));
}

/// Shows the price of the searches for steps and subjects before they are made.
async fn show_price(history: &dyn History, window: Window) -> anyhow::Result<()> {
    let mut usd = 0.0;
    for check in checks::ids(&[])? {
        match history.search_steps_cost(check, window).await {
            Ok(cost) => usd += cost.usd * SEARCHES,
            // A check that does not run has no log group.
            Err(error) => eprintln!("warning: {error}"),
        }
    }
    terminal::show_search_price(usd);
    Ok(())
}

/// Opens the deployment, or the store.
async fn source(options: &ReviewOptions) -> anyhow::Result<Reviewed> {
    let common = options.settings.as_deref().map(common).transpose()?;
    if let Some(environment) = &options.environment {
        if let (Some(common), Some(file)) = (&common, &options.settings)
            && common.environment != *environment
        {
            let (expected, file) = (&common.environment, file.display());
            bail!("--environment: expected {expected}, as in {file}, found {environment}");
        }
        let named = Deployment {
            environment: Some(environment.clone()),
            store: None,
            table: options.table.clone(),
            region: options.region.clone(),
        };
        let history = deployment::history(&named).await?.context("no deployment is named; give --environment")?;
        return Ok(Reviewed { history, environment: environment.clone(), is_deployment: true });
    }
    let file = match (&options.store, &common) {
        (Some(file), _) => file.clone(),
        (None, Some(common)) => store::default_file(&common.environment)
            .context("there is no folder for data; give --store, or --environment for a deployment")?,
        (None, None) => bail!("nothing is named to review; give --environment, --store or --settings"),
    };
    let store = Store::open_to_read(&file)?;
    let Some((environment, _)) = store.platform()? else {
        bail!("{} has no runs yet; `synthetics run` and `synthetics up` name the store they use", file.display());
    };
    if let Some(common) = common.filter(|common| common.environment != environment) {
        let expected = common.environment;
        bail!("{}: expected environment {expected}, as in the settings, found {environment}", file.display());
    }
    Ok(Reviewed { history: Box::new(store), environment, is_deployment: false })
}

fn common(file: &Path) -> anyhow::Result<Common> {
    let checks = checks::from_file(file, &[])?;
    checks.first().map(|check| check.common().clone()).with_context(|| format!("{} has no check", file.display()))
}
