//! Names that contradict each other: with them, a fault of the platform passes as its healthy state.

use settings::{Contradiction, Name};

use super::{Encoding, Platform};
use crate::is_status;

impl Platform {
    /// Contradictions between the names.
    pub(super) fn find_contradictions(&self) -> Vec<Contradiction> {
        let mut found = Vec::new();
        self.compare_statuses(&mut found);
        self.compare_status_names(&mut found);
        self.compare_fields(&mut found);
        found
    }

    fn compare_statuses(&self, found: &mut Vec<Contradiction>) {
        let (login, booking, webhook) = (&self.login, &self.booking, &self.webhook);
        for (one, statuses, other, others) in [
            ("login.refused", &login.refused, "login.status", &login.status),
            ("booking.refused", &booking.refused, "booking.created", &booking.created),
            ("booking.refused", &booking.refused, "booking.updated", &booking.updated),
            ("webhook.refused", &webhook.refused, "webhook.accepted", &webhook.accepted),
        ] {
            let is_common = |status: &&u16| others.as_slice().contains(*status);
            found.extend(statuses.as_slice().iter().find(is_common).map(|status| {
                let rule = |other| format!("expected statuses other than those of `{other}`, found {status} in both");
                Contradiction { places: vec![(one, rule(other)), (other, rule(one))] }
            }));
        }
        let answers_with_data = |key, statuses: &[u16], most: u16| {
            let served = *statuses.iter().find(|status| (200..=most).contains(*status))?;
            let rule = format!("expected no status of an answer with data, found {served}");
            Some(Contradiction { places: vec![(key, rule)] })
        };
        let (invoice, school) = (&self.invoice, &self.school_payments);
        for (key, statuses, most) in [
            ("unauthenticated", self.unauthenticated.as_slice(), 299),
            ("school.hidden", self.school.hidden.as_slice(), 299),
            // A platform may answer 204 where another cancellation would be.
            ("booking.gone", booking.gone.as_slice(), 200),
            ("invoice.unsupported_statuses", &invoice.unsupported_statuses, 299),
            ("school_payments.unsupported_statuses", &school.unsupported_statuses, 299),
        ] {
            found.extend(answers_with_data(key, statuses, most));
        }
    }

    fn compare_status_names(&self, found: &mut Vec<Contradiction>) {
        let (booking, invoice, payment) = (&self.booking, &self.invoice, &self.payment);
        let (notification, job) = (&self.notification, &self.job);
        let only = std::slice::from_ref;
        for (one, names, other, others) in [
            (
                "booking.cancelled_status",
                only(&booking.cancelled_status),
                "booking.confirmed_status",
                only(&booking.confirmed_status),
            ),
            ("invoice.paid_status", only(&invoice.paid_status), "invoice.open_status", only(&invoice.open_status)),
            ("invoice.void_status", only(&invoice.void_status), "invoice.open_status", only(&invoice.open_status)),
            ("invoice.void_status", only(&invoice.void_status), "invoice.paid_status", only(&invoice.paid_status)),
            (
                "payment.refunded_status",
                only(&payment.refunded_status),
                "payment.succeeded_status",
                only(&payment.succeeded_status),
            ),
            (
                "notification.failed_statuses",
                &notification.failed_statuses,
                "notification.delivered_statuses",
                &notification.delivered_statuses,
            ),
            ("job.failed_statuses", &job.failed_statuses, "job.done_statuses", &job.done_statuses),
        ] {
            let is_common = |name: &&Name| others.iter().any(|other| is_status(other.as_str(), name.as_str()));
            found.extend(names.iter().find(is_common).map(|name| same(one, other, name)));
        }
    }

    fn compare_fields(&self, found: &mut Vec<Contradiction>) {
        let (login, session) = (&self.login, &self.session);
        let mut fields = vec![("login.password_field", &login.password_field, "login.email_field", &login.email_field)];
        if login.encoding == Encoding::Form {
            fields.push(("login.form_token_field", &login.form_token_field, "login.email_field", &login.email_field));
            fields.push((
                "login.form_token_field",
                &login.form_token_field,
                "login.password_field",
                &login.password_field,
            ));
        }
        found.extend(
            fields
                .into_iter()
                .filter(|(_, one, _, other)| one == other)
                .map(|(key, name, other, _)| same(key, other, name)),
        );
        if session.cookie == session.csrf_cookie {
            found.push(same_name("session.csrf_cookie", "session.cookie", session.cookie.as_str()));
        }
    }
}

fn same(one: &'static str, other: &'static str, name: &Name) -> Contradiction {
    same_name(one, other, name.as_str())
}

fn same_name(one: &'static str, other: &'static str, name: &str) -> Contradiction {
    let rule = |other| format!("expected a name other than that of `{other}`, found `{name}` for both");
    Contradiction { places: vec![(one, rule(other)), (other, rule(one))] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_hide_a_fault_are_found() {
        for (text, expected) in [
            ("", None),
            (
                "login.status = [200, 422]",
                Some("login.refused: expected statuses other than those of `login.status`, found 422 in both"),
            ),
            (
                "login.refused = [204]",
                Some("login.refused: expected statuses other than those of `login.status`, found 204 in both"),
            ),
            ("login.status = [302]\nlogin.refused = [200]", None),
            (
                "booking.refused = [201]",
                Some("booking.refused: expected statuses other than those of `booking.created`, found 201 in both"),
            ),
            (
                "booking.updated = [409]",
                Some("booking.refused: expected statuses other than those of `booking.updated`, found 409 in both"),
            ),
            (
                "webhook.accepted = [401]",
                Some("webhook.refused: expected statuses other than those of `webhook.accepted`, found 401 in both"),
            ),
            ("unauthenticated = [401, 302]", None),
            (
                "unauthenticated = [401, 200]",
                Some("unauthenticated: expected no status of an answer with data, found 200"),
            ),
            ("school.hidden = [204]", Some("school.hidden: expected no status of an answer with data, found 204")),
            ("booking.gone = [200]", Some("booking.gone: expected no status of an answer with data, found 200")),
            ("booking.gone = [204]", None),
            (
                "invoice.unsupported_statuses = [200]",
                Some("invoice.unsupported_statuses: expected no status of an answer with data, found 200"),
            ),
            (
                "invoice.open_status = 'Paid'",
                Some(
                    "invoice.paid_status: expected a name other than that of `invoice.open_status`, found `paid` for both",
                ),
            ),
            (
                "invoice.void_status = 'paid'",
                Some(
                    "invoice.void_status: expected a name other than that of `invoice.paid_status`, found `paid` for both",
                ),
            ),
            (
                "payment.refunded_status = 'succeeded'",
                Some(
                    "payment.refunded_status: expected a name other than that of `payment.succeeded_status`, found `succeeded` for both",
                ),
            ),
            (
                "booking.cancelled_status = 'CONFIRMED'",
                Some(
                    "booking.cancelled_status: expected a name other than that of `booking.confirmed_status`, found `CONFIRMED` for both",
                ),
            ),
            (
                "notification.delivered_statuses = ['bounced']",
                Some(
                    "notification.failed_statuses: expected a name other than that of `notification.delivered_statuses`, found `bounced` for both",
                ),
            ),
            (
                "job.done_statuses = ['done', 'failed']",
                Some(
                    "job.failed_statuses: expected a name other than that of `job.done_statuses`, found `failed` for both",
                ),
            ),
            (
                "login.email_field = 'password'",
                Some(
                    "login.password_field: expected a name other than that of `login.email_field`, found `password` for both",
                ),
            ),
            ("login.form_token_field = 'email'", None),
            (
                "login.encoding = 'form'\nlogin.form_token_field = 'email'",
                Some(
                    "login.form_token_field: expected a name other than that of `login.email_field`, found `email` for both",
                ),
            ),
            (
                "session.cookie = 'XSRF-TOKEN'",
                Some(
                    "session.csrf_cookie: expected a name other than that of `session.cookie`, found `XSRF-TOKEN` for both",
                ),
            ),
        ] {
            let names: Platform = toml::from_str(text).unwrap();
            let found: Vec<String> = names
                .find_contradictions()
                .iter()
                .map(|found| format!("{}: {}", found.places[0].0, found.places[0].1))
                .collect();
            assert_eq!(found, expected.into_iter().collect::<Vec<_>>(), "{text}");
        }
    }
}
