//! Sections that several checks share and another crate defines, such as the platform's own names.

use std::any::Any;

use probe::Maintenance;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use toml::Spanned;
use toml::de::DeTable;

use crate::checked_values::TimeZone;
use crate::lenient::{self, TypeMismatch};
use crate::type_schema::type_schema;

/// A section at the top of the file that several checks share. Its type holds valid values only, with every default
/// filled in.
pub trait Shared: Clone + Default + DeserializeOwned + JsonSchema + Serialize + 'static {
    /// Key of the section.
    const KEY: &'static str;

    /// Fills in the defaults that depend on the time zone at the top of the file.
    fn complete(&mut self, time_zone: &TimeZone);

    /// Values that are valid each, and contradict each other. Default none.
    fn contradictions(&self) -> Vec<Contradiction> {
        Vec::new()
    }
}

/// Values of a section that contradict each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contradiction {
    /// Keys within the section, each with the expected and the found value. The first that the file has is reported.
    pub places: Vec<(&'static str, String)>,
}

/// Additions of the monitored platform to a settings file: its sections, and the defaults that only it knows.
#[derive(Clone, Copy, Debug)]
pub struct Contract {
    /// Sections that its checks share.
    pub sections: &'static [SharedSection],
    /// Default signs of its maintenance mode.
    pub maintenance: fn() -> Maintenance,
}

/// Reads a section from the table around it, which holds no other key.
type Read = fn(Spanned<DeTable<'_>>) -> (Box<dyn SharedValue>, Vec<TypeMismatch>);

/// Entry of a [`Shared`] section in a [`Contract`].
#[derive(Clone, Copy, Debug)]
pub struct SharedSection {
    pub(crate) key: &'static str,
    pub(crate) read: Read,
    pub(crate) schema: fn() -> Value,
}

impl SharedSection {
    /// Creates the entry of a section.
    #[must_use]
    pub const fn new<S: Shared>() -> Self {
        Self { key: S::KEY, read: read::<S>, schema: type_schema::<S> }
    }
}

/// A shared section that was read, of any type.
pub(crate) trait SharedValue {
    fn key(&self) -> &'static str;
    fn complete(&mut self, time_zone: &TimeZone);
    fn contradictions(&self) -> Vec<Contradiction>;
    fn to_toml(&self) -> Result<toml::Value, toml::ser::Error>;
    fn as_any(&self) -> &dyn Any;
}

impl<S: Shared> SharedValue for S {
    fn key(&self) -> &'static str {
        S::KEY
    }

    fn complete(&mut self, time_zone: &TimeZone) {
        Shared::complete(self, time_zone);
    }

    fn contradictions(&self) -> Vec<Contradiction> {
        Shared::contradictions(self)
    }

    fn to_toml(&self) -> Result<toml::Value, toml::ser::Error> {
        toml::Value::try_from(self)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

fn read<S: Shared>(table: Spanned<DeTable<'_>>) -> (Box<dyn SharedValue>, Vec<TypeMismatch>) {
    let (mut tables, mismatches) = lenient::read::<std::collections::BTreeMap<String, S>>(table, &[], &[]);
    (Box::new(tables.remove(S::KEY).unwrap_or_default()), mismatches)
}
