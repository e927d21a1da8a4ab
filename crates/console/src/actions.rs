//! Actions of a person in the console.

use std::sync::Arc;

use async_trait::async_trait;
use check::incident::Silence;
use jiff::{SignedDuration, Timestamp};
use operations::amendment::{self, Author, MuteLength};
use operations::names;
use runtime::OperatorStore;

/// Lengths of a mute that a page offers.
pub(crate) const LENGTHS: [(&str, SignedDuration); 5] = [
    ("30 minutes", SignedDuration::from_mins(30)),
    ("1 hour", SignedDuration::from_hours(1)),
    ("4 hours", SignedDuration::from_hours(4)),
    ("1 day", SignedDuration::from_hours(24)),
    ("7 days", SignedDuration::from_hours(7 * 24)),
];

/// Actions of a person.
#[derive(Clone)]
pub struct Actions {
    /// State of the checks.
    pub store: Arc<dyn OperatorStore>,
    /// Alarms of a deployment, which a mute of a check silences too.
    pub alarm_mutes: Option<Arc<dyn AlarmMutes>>,
    /// Checks that run in this program.
    pub runs: Option<scheduler::RunNow>,
    /// Proposed name of the person.
    pub by: String,
}

/// Mutes of the alarms of a deployment.
#[async_trait]
pub trait AlarmMutes: Send + Sync {
    /// Mutes the alarms of a check for as long as a silence. Returns a sentence for the person.
    async fn mute(&self, check: &str, silence: &Silence) -> anyhow::Result<String>;
    /// Ends the mute. Returns a sentence for the person.
    async fn unmute(&self, check: &str) -> anyhow::Result<String>;
}

/// What the forms of a page offer.
pub(crate) struct Offer {
    pub(crate) by: String,
    pub(crate) lengths: &'static [(&'static str, SignedDuration)],
    pub(crate) can_run: bool,
}

/// Something to do, as a form asks for it.
#[derive(Debug, serde::Deserialize)]
pub(crate) struct Request {
    /// `CHECK` or `CHECK/SUBJECT`; the text of a mark.
    pub(crate) scope: String,
    #[serde(default)]
    pub(crate) length: String,
    #[serde(default)]
    pub(crate) by: String,
    #[serde(default)]
    pub(crate) reason: String,
}

impl Actions {
    pub(crate) fn offer(&self) -> Offer {
        Offer { by: self.by.clone(), lengths: &LENGTHS, can_run: self.runs.is_some() }
    }

    /// Carries out a form. Returns sentences for the person.
    ///
    /// # Errors
    /// When the request is malformed or refused, or the store cannot be written.
    pub(crate) async fn act(&self, action: &str, request: &Request, now: Timestamp) -> anyhow::Result<Vec<String>> {
        let by =
            [request.by.trim(), self.by.as_str(), "unknown"].into_iter().find(|by| !by.is_empty()).unwrap_or_default();
        if action == "mark" {
            let mark = amendment::new_mark(&request.scope, by, now)?;
            self.store.add_mark(&mark).await?;
            return Ok(vec![format!("Marked: {}", mark.text)]);
        }
        let (check, subject) = names::parse_scope(&request.scope)?;
        let scope = names::format_scope(check, subject.as_ref());
        match action {
            "mute" => {
                let length = LENGTHS.iter().find(|(name, _)| *name == request.length);
                let (_, length) = length.ok_or_else(|| anyhow::anyhow!("expected the length of the mute"))?;
                let (length, author) = (MuteLength::new(*length)?, Author::new(by, &request.reason)?);
                let muted = amendment::mute(&*self.store, (check, subject), length, author, now).await?;
                let mut said = vec![format!("{scope} is muted. The check keeps running and publishing.")];
                if let Some(alarms) = self.alarm_mutes.as_ref().filter(|_| muted.silence.subject.is_none()) {
                    said.push(alarms.mute(check, &muted.silence).await?);
                }
                Ok(said)
            }
            "unmute" => {
                // Alarms first: if that fails, the action can be repeated.
                let mut said = Vec::new();
                if let Some(alarms) = self.alarm_mutes.as_ref().filter(|_| subject.is_none()) {
                    said.push(alarms.unmute(check).await?);
                }
                match amendment::unmute(&*self.store, check, subject.as_ref(), now).await? {
                    Ok(()) => said.push(format!("{scope} is no longer muted.")),
                    Err(_) => said.push(format!("{scope} was not muted.")),
                }
                Ok(said)
            }
            "acknowledge" => {
                let author = Author::new(by, &request.reason)?;
                let ids = amendment::acknowledge(&*self.store, (check, subject.as_ref()), author, now).await?;
                let mut said: Vec<String> = ids.into_iter().map(|id| format!("{id} is acknowledged.")).collect();
                said.push("No reminders are sent until recovery; a rise in severity still notifies.".to_owned());
                Ok(said)
            }
            "run" => match &self.runs {
                Some(runs) if runs.ask(check) => Ok(vec![format!("{check} runs now.")]),
                Some(_) => anyhow::bail!("{check} is not one of the checks that run here"),
                None => anyhow::bail!("checks do not run in this program, so it cannot start one"),
            },
            _ => anyhow::bail!("unknown action"),
        }
    }
}
