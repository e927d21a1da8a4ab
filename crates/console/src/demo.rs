//! Faults of the demo platform, as the console switches them.

/// Switches of faults.
pub trait Faults: Send + Sync {
    /// Lists all faults.
    fn list(&self) -> Vec<Fault>;
    /// Injects or clears a fault. Returns false if it is unknown.
    fn set(&self, name: &str, active: bool) -> bool;
}

/// A fault of the demo platform.
#[derive(Clone, Debug)]
pub struct Fault {
    /// Name.
    pub name: String,
    /// Check with the duty to see it.
    pub check: String,
    /// What goes wrong.
    pub description: String,
    /// Expected findings.
    pub shows: String,
    /// True while it is injected.
    pub active: bool,
}
