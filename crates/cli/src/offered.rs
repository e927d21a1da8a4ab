//! Names that help pages and completions offer. A command rejects unknown ones itself, with the nearest known names.

use std::ffi::OsStr;

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::{Arg, Command, Error};
use demo_platform::Fault;
use operations::checks;

/// Ids of all checks.
pub(crate) const CHECKS: Offered = Offered(|| checks::ids(&[]).unwrap_or_default());
/// Names of all faults.
pub(crate) const FAULTS: Offered = Offered(|| Fault::ALL.iter().map(|fault| fault.name()).collect());
/// Formats with a file.
pub(crate) const FILES: Offered = Offered(|| vec!["junit=results.xml", "html=report.html", "json=reports.json"]);

/// Parser that accepts any text.
#[derive(Clone, Copy)]
pub(crate) struct Offered(fn() -> Vec<&'static str>);

impl TypedValueParser for Offered {
    type Value = String;

    fn parse_ref(&self, command: &Command, argument: Option<&Arg>, value: &OsStr) -> Result<String, Error> {
        StringValueParser::new().parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new((self.0)().into_iter().map(PossibleValue::new)))
    }
}
