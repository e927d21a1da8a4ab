//! Errors in templates.

use std::fmt;

/// Error in a template, or an unsupported feature.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct TemplateError {
    /// Path, such as `Resources.SlowAlarm.Properties.Period`. Empty when the text is not YAML.
    pub path: String,
    /// Line, from 1.
    pub line: usize,
    /// Expected and found value.
    pub rule: String,
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: ", self.line)?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.rule)
    }
}
