#![doc = include_str!("../README.md")]

mod accounts;
pub mod canaries;
mod clock_skew;
pub mod counting;
mod ids;
mod item;
mod laravel;
mod maintenance;
mod names;
mod next_page;
pub mod pages;
mod site;
mod statuses;
mod templates;
#[cfg(test)]
mod tests;
mod totp;
mod user_session;
mod values;

pub use accounts::{Counting, Credentials, RawCounting, RawCredentials};
pub use clock_skew::skew;
pub use ids::short_id;
pub use item::Item;
pub use laravel::{Csrf, Session, server_message};
pub use maintenance::{Sender, maintenance_behind, maintenance_shown};
pub use names::{
    Booking, Encoding, Health, Horizon, Invoice, Job, Mode, Notification, Payment, Platform, SchoolPayments, Times,
    Webhook, Written,
};
pub use site::{Site, status};
pub use statuses::{is_status, reported_status, status_text};
pub use templates::PaymentsPath;
pub use totp::{Totp, TotpError};
pub use user_session::{BackgroundSession, UserSession};
pub use values::{count_at, flag_at, found_in_some, id_at, items, number_at, reference_at, text_at, time, time_at};

/// Need of a check that logs in before anything else: while `login` fails, its failed log-ins are no news.
pub const NEEDS_LOGIN: check::incident::Need = check::incident::Need { check: "login", steps: &["log-in"] };

/// The platform's additions to a settings file.
pub const CONTRACT: settings::Contract =
    settings::Contract { sections: &[settings::SharedSection::new::<Platform>()], maintenance: laravel::maintenance };
