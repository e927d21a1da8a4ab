#![doc = include_str!("../README.md")]

#[macro_use]
mod terminal;

mod arguments;
mod cleanup;
#[cfg(test)]
mod command_page;
mod completions;
mod console;
mod cost;
mod demo;
#[cfg(feature = "aws")]
mod deployment;
#[cfg(not(feature = "aws"))]
#[path = "without_aws.rs"]
mod deployment;
mod doctor;
mod exit;
mod faults;
mod file;
mod import;
mod interrupt;
mod live;
mod messages;
mod offered;
mod output;
mod overview;
mod ports;
mod review;
mod run;
mod screen;
mod serving;
mod settings;
mod show;
mod status_page;
mod store;
mod stream;
mod styled;
mod tables;
mod up;

use std::process::ExitCode;

use arguments::examination::NotifyCommand;
use arguments::{
    Arguments, Command, DoctorCommand, MaintenanceCommand, MemoryCommand, SecretsCommand, SettingsCommand,
};
use clap::Parser;
use exit::Exit;

fn main() -> ExitCode {
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: failed to start the async runtime: {error}");
            return Exit::NothingRun.into();
        }
    };
    let exit = runtime.block_on(done());
    // The system's resolver cannot be interrupted, so look-ups that timed out are not waited for.
    runtime.shutdown_background();
    exit
}

async fn done() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        // Help and version are the program's own words; a mistake quotes an argument.
        Err(mistake) if mistake.use_stderr() => {
            let started = std::env::args_os().map(|argument| argument.to_string_lossy().into_owned());
            eprintln!("{}", arguments::with_nearest(mistake, started).to_string().trim_end());
            return Exit::NothingRun.into();
        }
        Err(shown) => {
            terminal::written(shown.print().and_then(|()| std::io::Write::flush(&mut std::io::stdout())));
            return printed(Exit::Passed).into();
        }
    };
    terminal::set_view(&arguments.view);
    tokio::spawn(terminal::watch_reader());
    let done = match arguments.command {
        Command::Demo(options) => demo::demo(&options).await,
        Command::Up(options) => up::up(&options).await,
        Command::Console(options) => console::console(&options).await,
        Command::StatusPage(options) => status_page::status_page(&options).await,
        Command::Review(options) => review::review(&options).await,
        Command::Run(options) => run::run(&options).await,
        Command::Cleanup(options) => cleanup::cleanup(&options).await,
        Command::Mute(options) => deployment::mute(&options).await,
        Command::Unmute(options) => deployment::unmute(&options).await,
        Command::Mutes(options) => deployment::mutes(&options).await,
        Command::Ack(options) => deployment::acknowledge(&options).await,
        Command::Mark(options) => deployment::mark(&options).await,
        Command::Maintenance(MaintenanceCommand::List(options)) => deployment::list_maintenance(&options).await,
        Command::Maintenance(MaintenanceCommand::Sync(options)) => deployment::sync_maintenance(&options).await,
        Command::Memory(MemoryCommand::Clear(options)) => deployment::clear_memory(&options).await,
        Command::Secrets(SecretsCommand::Set(options)) => deployment::set_secret(&options).await,
        Command::Secrets(SecretsCommand::Check(options)) => deployment::check_secrets(&options).await,
        Command::Incidents(options) => deployment::incidents(&options).await,
        Command::Incident(options) => deployment::incident(&options).await,
        Command::Faults { json } => faults::list(json),
        Command::Doctor(DoctorCommand::Templates(options)) => doctor::doctor(&options),
        Command::Doctor(DoctorCommand::Deployment(options)) => deployment::examine(&options).await,
        Command::Notify(NotifyCommand::Test(options)) => deployment::notify_test(&options).await,
        Command::Cost(options) => cost::cost(&options),
        Command::Settings(SettingsCommand::Check { files }) => settings::check(&files),
        Command::Settings(SettingsCommand::Show { file, format }) => settings::show(&file, format),
        Command::Settings(SettingsCommand::Schema) => settings::schema(),
        Command::Import(options) => import::import(&options),
        Command::Completions { shell } => completions::completions(shell),
        Command::Man { folder } => completions::man(folder.as_deref()),
    };
    match done {
        Ok(exit) => printed(exit).into(),
        Err(_) if terminal::is_closed() => printed(Exit::NothingRun).into(),
        Err(error) => {
            match deployment::details(&error) {
                None => eprintln!("error: {error:#}"),
                Some(_) if !terminal::is_verbose() => eprintln!("error: {error:#} (-v says more)"),
                Some(details) => eprintln!("error: {error:#}\n{details}"),
            }
            Exit::NothingRun.into()
        }
    }
}

/// The exit code, unless the output was not printed. A failure stays one.
fn printed(exit: Exit) -> Exit {
    match exit {
        Exit::Passed | Exit::ReaderLeft if terminal::has_failed() => Exit::NothingRun,
        exit if terminal::has_failed() => exit,
        _ if terminal::is_closed() => Exit::ReaderLeft,
        exit => exit,
    }
}
