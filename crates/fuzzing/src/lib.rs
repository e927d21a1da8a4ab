#![doc = include_str!("../README.md")]
#![expect(clippy::expect_used, clippy::panic, reason = "a violated property ends the run")]

mod answers;
mod cleaning;
mod datastores;
mod encodings;
mod events;
mod input;
mod notification_rendering;
mod oracle;
mod path_templates;
mod redaction;
mod session;
mod settings;
mod template_reader;

/// Property of arbitrary bytes. It panics when it is violated.
pub type Property = fn(&[u8]);

/// A property, and the inputs that fuzzing starts from.
pub struct Target {
    /// Name, by which it is chosen on the command line.
    pub name: &'static str,
    /// Property.
    pub property: Property,
    /// Number of inputs that the short test tries.
    pub cases: u32,
    /// Folders of the repository with an extension, whose files are seeds.
    pub files: &'static [(&'static str, &'static str)],
    /// Further seeds.
    pub seeds: &'static [&'static [u8]],
}

/// All properties.
pub static TARGETS: [Target; 13] = [
    Target {
        name: "settings",
        property: settings::settings,
        cases: 500,
        files: &[("infra/layer/settings", "toml"), ("functions/availability/tests/settings/wrong", "toml")],
        seeds: &[],
    },
    Target {
        name: "events",
        property: events::events,
        cases: 3_000,
        files: &[("events", "json"), ("events/messages", "json")],
        seeds: &[],
    },
    Target { name: "form_token", property: answers::form_token, cases: 3_000, files: &[], seeds: answers::PAGES },
    Target {
        name: "json_pointers",
        property: answers::json_pointers,
        cases: 3_000,
        files: &[],
        seeds: answers::POINTERS,
    },
    Target { name: "assertions", property: answers::assertions, cases: 3_000, files: &[], seeds: answers::BODIES },
    Target { name: "redaction", property: redaction::redaction, cases: 300, files: &[], seeds: redaction::SEEDS },
    Target { name: "cleaning", property: cleaning::cleaning, cases: 2_000, files: &[], seeds: cleaning::SEEDS },
    Target { name: "session", property: session::session, cases: 100, files: &[], seeds: session::SEEDS },
    Target {
        name: "redis_replies",
        property: datastores::redis_replies,
        cases: 100,
        files: &[],
        seeds: datastores::REDIS_SEEDS,
    },
    Target {
        name: "mysql_replies",
        property: datastores::mysql_replies,
        cases: 100,
        files: &[],
        seeds: datastores::MYSQL_SEEDS,
    },
    Target {
        name: "template_reader",
        property: template_reader::template_reader,
        cases: 200,
        files: &[("infra", "yaml")],
        seeds: template_reader::SEEDS,
    },
    Target {
        name: "path_templates",
        property: path_templates::path_templates,
        cases: 3_000,
        files: &[],
        seeds: path_templates::SEEDS,
    },
    Target {
        name: "notification_rendering",
        property: notification_rendering::notification_rendering,
        cases: 500,
        files: &[],
        seeds: notification_rendering::SEEDS,
    },
];

impl Target {
    /// Finds a property by its name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        TARGETS.iter().find(|target| target.name == name)
    }

    /// Reads all seeds.
    ///
    /// # Panics
    /// When a folder cannot be read.
    #[must_use]
    pub fn all_seeds(&self) -> Vec<Vec<u8>> {
        let files = self.files.iter().flat_map(|(folder, extension)| input::files(folder, extension));
        files.chain(self.seeds.iter().map(|seed| seed.to_vec())).collect()
    }
}
