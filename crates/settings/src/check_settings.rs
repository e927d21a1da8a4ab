//! Settings of one check, read from a file together with the shared ones.

use std::time::Duration;

use probe::EgressPolicy;
use serde::de::DeserializeOwned;
use toml::de::DeTable;
use toml::{Spanned, Table};

use check::incident::Severity;

use crate::contract::{Contract, Contradiction, SharedValue};
use crate::document::{CHECKS, Document, may_be_secret};
use crate::lenient::{self, TypeMismatch};
use crate::names::renamed;
use crate::objectives::{self, OBJECTIVES};
use crate::problem::{Finding, Findings, Part, Problem};
use crate::section::Section;
use crate::shared::{Common, RawCommon, RawRun, RunSettings};

/// Facts about a check that its settings depend on.
#[derive(Clone, Copy, Debug)]
pub struct CheckLimits {
    /// Severity of its incidents when the settings give none.
    pub severity: Severity,
    /// Longest run that its function allows.
    pub longest: Duration,
    /// Time between two runs.
    pub cadence: Duration,
    /// Part of its runs that has to pass when the settings give none; `None`: it has no objective then.
    pub objective: Option<f64>,
}

/// Settings of one check, valid.
#[derive(Clone, Debug)]
pub struct CheckSettings<T> {
    /// Settings shared by all checks.
    pub common: Common,
    /// Settings of its runs.
    pub run: RunSettings,
    /// Settings of its own.
    pub own: T,
    /// Egress policy of its requests.
    pub egress: EgressPolicy,
    /// Effective settings, with every default filled in: a settings file, except that maintenance windows may name
    /// other checks.
    pub written: Table,
}

impl<'t> Document<'t> {
    /// Reads the settings of one check together with the shared ones. `read` validates the check's own keys. It receives
    /// the settings of the check's runs if these are valid.
    ///
    /// # Errors
    /// Returns all problems at once.
    pub fn check<Raw: DeserializeOwned + Default, T>(
        &self,
        id: &str,
        limits: CheckLimits,
        contract: &Contract,
        read: impl FnOnce(Raw, &Section<'_>, &Common, Option<&RunSettings>) -> Option<T>,
    ) -> Result<CheckSettings<T>, Vec<Problem>> {
        let findings = Findings::default();
        for finding in self.refused_texts(id) {
            findings.add_unreadable(finding.path.clone());
            findings.add(finding.clone());
        }
        let shared_keys: Vec<&str> = contract.sections.iter().map(|section| section.key).collect();
        let mut root = self.root();
        root.get_mut().remove(CHECKS);
        let mut shared = self.shared(contract, &mut root, &findings);
        let mut raw: RawCommon = self.read(root, &[], &[&shared_keys[..], &[CHECKS]].concat(), &findings);
        let objectives = std::mem::take(&mut raw.objectives);
        let section = Section::new(self, &findings, &[], vec![Part::Key(OBJECTIVES.to_owned())]);
        let objective = objectives::validate(objectives, &section, id, limits.cadence, limits.objective);
        let common = raw.validate(&Section::new(self, &findings, &[], Vec::new()), (contract.maintenance)());
        if let Some(common) = &common {
            shared.iter_mut().for_each(|section| section.complete(&common.time_zone));
        }

        let path = vec![Part::Key(CHECKS.to_owned()), Part::Key(id.to_owned())];
        let section = Section::new(self, &findings, &shared, path.clone());
        let Some(table) = self.table(&path) else {
            findings.add(self.no_table(&path));
            return Err(self.problems(findings));
        };
        let (run_keys, own_keys) =
            table.get_ref().clone().into_iter().partition(|(key, _)| RawRun::KEYS.contains(&&**key.get_ref()));
        let raw_run: RawRun = self.read(Spanned::new(table.span(), run_keys), &path, &[], &findings);
        let raw_own: Raw = self.read(Spanned::new(table.span(), own_keys), &path, RawRun::KEYS, &findings);
        let settings = common.and_then(|common| {
            let run = raw_run.validate(&section, id, limits.severity, &common, limits.longest, objective);
            let own = read(raw_own, &section, &common, run.as_ref());
            let (run, own) = (run?, own?);
            let egress = self.egress(&common.network.egress, &findings);
            let written = section.parsed("", self.effective(id, &shared, &findings))?;
            Some(CheckSettings { common, run, own, egress, written })
        });
        let problems = self.problems(findings);
        match settings {
            Some(settings) if problems.is_empty() => Ok(settings),
            _ => Err(problems),
        }
    }

    /// Takes the shared sections out of the file's table and reads them.
    fn shared(
        &self,
        contract: &Contract,
        root: &mut Spanned<DeTable<'t>>,
        findings: &Findings,
    ) -> Vec<Box<dyn SharedValue>> {
        let mut read = |section: &crate::contract::SharedSection| {
            let only = root.get_mut().remove_entry(section.key).into_iter().collect();
            let (value, mismatches) = (section.read)(Spanned::new(root.span(), only));
            // The defaults of unreadable keys contradict nothing.
            let contradictions = if mismatches.is_empty() { value.contradictions() } else { Vec::new() };
            self.report(mismatches, &[], findings);
            for Contradiction { places } in contradictions {
                let part = |key: &str| Part::Key(key.to_owned());
                let path = |key: &str| [section.key].into_iter().chain(key.split('.')).map(part).collect();
                let places: Vec<(Vec<Part>, String)> =
                    places.into_iter().map(|(key, rule)| (path(key), rule)).collect();
                let written = places.iter().find(|(path, _)| self.value(path).is_some());
                if let Some((path, rule)) = written.or(places.first()) {
                    findings.add(self.finding(path, rule.clone()));
                }
            }
            value
        };
        contract.sections.iter().map(&mut read).collect()
    }

    /// Allows requests to the hosts in the settings, and reports forbidden addresses among them.
    fn egress(&self, allowed: &EgressPolicy, findings: &Findings) -> EgressPolicy {
        let mut egress = allowed.clone();
        for (path, url) in findings.hosts() {
            if let Err(refused) = allowed.permits_literal(&url) {
                let rule = format!(
                    "expected a host on the public internet, or one that `network.allow_addresses` allows, found {refused}"
                );
                findings.add(self.finding(&path, rule));
            }
            egress = egress.allow_host(&url);
        }
        egress
    }

    /// Deserializes a table and reports mismatches.
    fn read<T: DeserializeOwned + Default>(
        &self,
        table: Spanned<DeTable<'t>>,
        path: &[Part],
        siblings: &[&str],
        findings: &Findings,
    ) -> T {
        let (value, mismatches) = lenient::read(table, path, siblings);
        self.report(mismatches, path, findings);
        value
    }

    /// Records mismatches within the table at `path`.
    fn report(&self, mismatches: Vec<TypeMismatch>, path: &[Part], findings: &Findings) {
        let placed = mismatches.into_iter().map(|mismatch| {
            let path: Vec<Part> = path.iter().cloned().chain(mismatch.path.iter().cloned()).collect();
            (path, mismatch)
        });
        // Nothing more is said about a text that is refused already.
        let placed: Vec<_> = placed.filter(|(path, _)| !findings.is_unreadable(path)).collect();
        for (path, mismatch) in placed {
            let hide = mismatch.is_unknown || may_be_secret(&path);
            let rule = match mismatch.rule.rsplit_once(", found ") {
                Some((expected, _)) if hide && !mismatch.is_unknown => {
                    format!("{expected}, found something else (not shown)")
                }
                _ => mismatch.rule,
            };
            findings.add(Finding { offset: mismatch.offset, path: path.clone(), rule, hide });
            match (mismatch.is_unknown, renamed(path.iter())) {
                (false, _) => findings.add_unreadable(path),
                // The value is there under its old name, so the new key is not missing.
                (true, Some(new)) => {
                    let parent = path[..path.len() - 1].to_vec();
                    findings.add_unreadable([parent, vec![Part::Key(new.to_owned())]].concat());
                }
                (true, None) => {}
            }
        }
    }

    /// Effective settings of a check: the file without the other checks, and the defaults of missing keys. Values read from
    /// TOML can always be written.
    fn effective(
        &self,
        id: &str,
        shared: &[Box<dyn SharedValue>],
        findings: &Findings,
    ) -> Result<Table, toml::ser::Error> {
        let mut file = self.to_table();
        if let Some(toml::Value::Table(checks)) = file.get_mut(CHECKS) {
            checks.retain(|check, _| check == id);
        }
        if let Some(toml::Value::Table(objectives)) = file.get_mut(OBJECTIVES) {
            objectives.retain(|check, _| check == id);
        }
        for section in shared {
            file.insert(section.key().to_owned(), section.to_toml()?);
        }
        for (path, value) in findings.defaults() {
            insert(&mut file, &path, value);
        }
        Ok(file)
    }
}

/// Inserts a value at a path that leads through tables and lists. Missing tables on the way are created.
fn insert(table: &mut Table, path: &[Part], value: toml::Value) {
    match path {
        [Part::Key(key)] => drop(table.insert(key.clone(), value)),
        [Part::Key(list), Part::Index(index), rest @ ..] => {
            let item = table.get_mut(list).and_then(|list| list.get_mut(*index));
            if let Some(toml::Value::Table(item)) = item {
                insert(item, rest, value);
            }
        }
        [Part::Key(key), rest @ ..] => {
            let inner = table.entry(key.clone()).or_insert_with(|| toml::Value::Table(Table::new()));
            if let toml::Value::Table(inner) = inner {
                insert(inner, rest, value);
            }
        }
        _ => {}
    }
}
