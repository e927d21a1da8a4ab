//! Text helpers: length limits, restricted alphabets, and readable times.

use jiff::Timestamp;

use crate::catalogue::{CATALOGUE, Unit};

/// Shortens a text to at most `max` characters, ending in `…` when something was cut off.
#[must_use]
pub fn cut(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(max.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// Formats a time to the second: `2026-11-23 04:50:00 UTC`.
#[must_use]
pub fn utc(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// Formats a value of a metric with its unit and sensible digits: `253 ms`, `4.9 days`, `40.1 %`. A count is followed by
/// the things that are counted, because CloudWatch has no unit for them: `12 jobs`.
#[must_use]
pub fn quantity(metric: &str, value: f64, unit: Unit) -> String {
    let (suffix, decimals) = match unit {
        Unit::Milliseconds if value > 0.0 && value < 1.0 => return "<1 ms".to_owned(),
        Unit::Milliseconds => ("ms", 0),
        Unit::Seconds => ("s", 1),
        Unit::Percent => ("%", 1),
        Unit::Count => (noun(metric, value), 1),
    };
    let decimals = if value.fract() == 0.0 { 0 } else { decimals };
    format!("{value:.decimals$} {suffix}").trim_end().to_owned()
}

/// Formats a measured value as [`quantity`] does, and that of a metric that is 1 or 0 as `yes` or `no`.
#[must_use]
pub fn measured(metric: &str, value: f64, unit: Unit) -> String {
    let is_flag =
        CATALOGUE.iter().any(|known| known.name == metric) && unit == Unit::Count && noun(metric, 2.0).is_empty();
    match value {
        0.0 if is_flag => "no".to_owned(),
        1.0 if is_flag => "yes".to_owned(),
        value => quantity(metric, value, unit),
    }
}

/// Things that a metric counts. A metric that is 1 or 0 counts nothing, and neither does one that is not in the catalogue.
fn noun(metric: &str, value: f64) -> &'static str {
    let (one, many) = match metric {
        "CacheEvictionRate" => ("key a minute", "keys a minute"),
        "CacheRejectedConnections" => ("connection a minute", "connections a minute"),
        "CertificateDaysRemaining" | "PartnerCertificateDays" => ("day", "days"),
        "CpuLoad" => ("process", "processes"),
        "Exceptions" => ("exception", "exceptions"),
        "FailedJobs" | "FailedJobsStored" | "QueueBacklog" => ("job", "jobs"),
        "IntegrationFailures" => ("failed run", "failed runs"),
        "Leftovers" => ("leftover", "leftovers"),
        "Lockouts" => ("log-in", "log-ins"),
        "NotificationFailures" | "NotificationQueue" => ("message", "messages"),
        "PaymentMismatches" => ("payment", "payments"),
        "QueueThroughput" => ("job a minute", "jobs a minute"),
        "Requests" => ("request", "requests"),
        "SlowQueries" => ("query", "queries"),
        "SlowQueryRate" => ("query a minute", "queries a minute"),
        _ => ("", ""),
    };
    if value == 1.0 { one } else { many }
}

/// Converts a text to printable ASCII. Danish letters are transliterated, control characters become spaces, and other
/// characters become `?`.
#[must_use]
pub fn ascii(text: &str) -> String {
    replace(text, |c| c.is_ascii() && !c.is_ascii_control())
}

/// Converts a text to the characters of the GSM 7-bit alphabet (3GPP TS 23.038, section 6.2.1) that take one septet, so
/// that length equals character count. The alphabet includes the Danish letters.
#[must_use]
pub fn gsm7(text: &str) -> String {
    const BEYOND_ASCII: &str = "£¥èéùìòÇØøÅåΔΦΓΛΩΠΨΣΘΞÆæßÉ¤¡ÄÖÑÜ§¿äöñüà";
    replace(text, |c| {
        let basic = c.is_ascii() && !c.is_ascii_control() && !"^{}\\[~]|`".contains(c);
        basic || BEYOND_ASCII.contains(c)
    })
}

fn replace(text: &str, keep: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if keep(c) {
            out.push(c);
            continue;
        }
        out.push_str(match c {
            'æ' | 'ä' => "ae",
            'Æ' | 'Ä' => "AE",
            'ø' | 'ö' => "oe",
            'Ø' | 'Ö' => "OE",
            'å' => "aa",
            'Å' => "AA",
            'é' | 'è' => "e",
            'ü' => "ue",
            '…' => "...",
            '–' | '—' => "-",
            '[' | '{' => "(",
            ']' | '}' => ")",
            '`' | '’' => "'",
            '|' | '\\' => "/",
            c if c.is_whitespace() || c.is_control() => " ",
            _ => "?",
        });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue;

    #[test]
    fn quantity_has_unit_and_sensible_digits() {
        for (metric, value, unit, expected) in [
            ("WebhookProcessingDelay", 252.9, Unit::Milliseconds, "253 ms"),
            ("Duration", 0.2, Unit::Milliseconds, "<1 ms"),
            ("Duration", 0.0, Unit::Milliseconds, "0 ms"),
            ("Duration", 1.0, Unit::Milliseconds, "1 ms"),
            ("JobDelay", 1.997_317_632, Unit::Seconds, "2.0 s"),
            ("OldestJobAge", 300.0, Unit::Seconds, "300 s"),
            ("ErrorRate", 40.14, Unit::Percent, "40.1 %"),
            ("CertificateDaysRemaining", 4.94, Unit::Count, "4.9 days"),
            ("QueueBacklog", 12.0, Unit::Count, "12 jobs"),
            ("FailedJobs", 1.0, Unit::Count, "1 job"),
            ("Maintenance", 0.0, Unit::Count, "0"),
        ] {
            assert_eq!(quantity(metric, value, unit), expected, "{metric}");
        }
    }

    #[test]
    fn flag_is_yes_or_no() {
        for (metric, value, unit, expected) in [
            ("Maintenance", 0.0, Unit::Count, "no"),
            ("Maintenance", 1.0, Unit::Count, "yes"),
            ("FailedJobs", 0.0, Unit::Count, "0 jobs"),
            ("Duration", 0.0, Unit::Milliseconds, "0 ms"),
            ("Unknown", 0.0, Unit::Count, "0"),
        ] {
            assert_eq!(measured(metric, value, unit), expected, "{metric}");
        }
    }

    #[test]
    fn every_count_of_the_catalogue_has_a_noun() {
        let flags = ["Inconclusive", "Maintenance", "Success"];
        let only_in_the_report = [
            catalogue::CACHE_EVICTION_RATE,
            catalogue::CACHE_REJECTED_CONNECTIONS,
            catalogue::FAILED_JOBS_STORED,
            catalogue::PARTNER_CERTIFICATE_DAYS,
            catalogue::QUEUE_THROUGHPUT,
            catalogue::SLOW_QUERY_RATE,
        ];
        let counts = CATALOGUE.iter().chain(&only_in_the_report).filter(|metric| metric.unit == Unit::Count);
        for metric in counts {
            assert_eq!(noun(metric.name, 2.0).is_empty(), flags.contains(&metric.name), "{}", metric.name);
        }
    }

    #[test]
    fn cuts_between_characters() {
        assert_eq!(cut("køreskole", 9), "køreskole");
        assert_eq!(cut("køreskole", 4), "kør…");
        assert_eq!(cut("æøå", 2), "æ…");
    }

    #[test]
    fn danish_letters_are_kept_when_the_alphabet_has_them() {
        assert_eq!(ascii("Kørelærer på\nÅrø – 50 %"), "Koerelaerer paa AAroe - 50 %");
        assert_eq!(gsm7("Kørelærer på {Årø}…"), "Kørelærer på (Årø)...");
        assert_eq!(gsm7("日本"), "??");
    }

    #[test]
    fn other_characters_are_replaced_by_similar_ones() {
        assert_eq!(ascii("æäÆÄøöØÖåÅéèü"), "aeaeAEAEoeoeOEOEaaAAeeue");
        assert_eq!(ascii("… – — ’ ` ~"), "... - - ' ` ~");
        assert_eq!(gsm7("[{]}`|\\^~"), "(())'//??");
        assert_eq!(ascii("a\tb\u{7}c\u{a0}d\u{200b}"), "a b c d?");
    }
}
