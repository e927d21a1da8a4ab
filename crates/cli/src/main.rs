#![doc = include_str!("../README.md")]

#[macro_use]
mod terminal;

mod arguments;
mod cleanup;
#[cfg(test)]
mod command_page;
mod cost;
mod demo;
mod deployment;
mod doctor;
mod exit;
mod faults;
mod incidents;
mod junit;
mod maintenance;
mod memory;
mod messages;
mod mutes;
mod ports;
mod run;
mod screen;
mod settings;
mod tables;

use std::process::ExitCode;

use arguments::{Arguments, Command, DoctorCommand, MaintenanceCommand, MemoryCommand, SettingsCommand};
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
            eprintln!("{}", mistake.to_string().trim_end());
            return Exit::NothingRun.into();
        }
        Err(shown) => shown.exit(),
    };
    let done = match arguments.command {
        Command::Demo(options) => demo::demo(&options).await,
        Command::Run(options) => run::run(&options).await,
        Command::Cleanup(options) => cleanup::cleanup(&options).await,
        Command::Mute(options) => mutes::mute(&options).await,
        Command::Unmute(options) => mutes::unmute(&options).await,
        Command::Mutes(options) => mutes::list(&options).await,
        Command::Maintenance(MaintenanceCommand::List(options)) => maintenance::list(&options).await,
        Command::Maintenance(MaintenanceCommand::Sync(options)) => maintenance::sync(&options).await,
        Command::Memory(MemoryCommand::Clear(options)) => memory::clear(&options).await,
        Command::Incidents(options) => incidents::list(&options).await,
        Command::Incident(options) => incidents::show(&options).await,
        Command::Faults { json } => faults::list(json),
        Command::Doctor(DoctorCommand::Templates(options)) => doctor::doctor(&options),
        Command::Cost(options) => cost::cost(&options),
        Command::Settings(SettingsCommand::Check { file }) => settings::check(&file),
        Command::Settings(SettingsCommand::Show { file, format }) => settings::show(&file, format),
        Command::Settings(SettingsCommand::Schema) => settings::schema(),
    };
    match done {
        Ok(exit) => exit.into(),
        Err(error) => {
            eprintln!("error: {error:#}");
            Exit::NothingRun.into()
        }
    }
}
