//! Dates of cookies as browsers read them (RFC 6265, section 5.1.1): any order of the parts, any zone is taken for GMT.

use jiff::civil::DateTime;

/// Parses the value of `Expires`; `None` for one that browsers ignore.
pub(crate) fn parse(text: &str) -> Option<DateTime> {
    let (mut time, mut day, mut month, mut year) = (None, None, None, None);
    for token in text.split(is_delimiter).filter(|token| !token.is_empty()) {
        if let (None, Some(found)) = (time, clock(token)) {
            time = Some(found);
        } else if let (None, Some(found)) = (day, number(token, 1, 2)) {
            day = Some(found);
        } else if let (None, Some(found)) = (month, month_of(token)) {
            month = Some(found);
        } else if let (None, Some(found)) = (year, number(token, 2, 4)) {
            year = Some(found);
        }
    }
    let year = match year? {
        short @ 0..=69 => short + 2000,
        short @ 70..=99 => short + 1900,
        year => year,
    };
    let ([hour, minute, second], day, month) = (time?, day?, month?);
    let small = |number: i16| i8::try_from(number).ok();
    if year < 1601 {
        return None;
    }
    DateTime::new(year, month, small(day)?, small(hour)?, small(minute)?, small(second)?, 0).ok()
}

const fn is_delimiter(c: char) -> bool {
    matches!(c, '\t' | ' '..='/' | ';'..='@' | '['..='`' | '{'..='~')
}

/// Digits at the start of a token, which others may follow, but no further digit.
fn number(token: &str, least: usize, most: usize) -> Option<i16> {
    let digits = token.find(|c: char| !c.is_ascii_digit()).unwrap_or(token.len());
    (least..=most).contains(&digits).then(|| token.get(..digits)?.parse().ok()).flatten()
}

/// Hour, minute and second.
fn clock(token: &str) -> Option<[i16; 3]> {
    let mut parts = token.splitn(3, ':');
    let mut whole = || {
        let part = parts.next()?;
        number(part, 1, 2).filter(|_| part.len() <= 2 && part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let (hour, minute) = (whole()?, whole()?);
    Some([hour, minute, number(parts.next()?, 1, 2)?])
}

fn month_of(token: &str) -> Option<i8> {
    const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let start = token.get(..3)?.to_ascii_lowercase();
    (1..).zip(MONTHS).find(|(_, month)| *month == start).map(|(number, _)| number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_browsers_read_them() {
        for (text, expected) in [
            ("Thu, 01 Jan 1970 00:00:01 GMT", Some("1970-01-01T00:00:01")),
            ("Thu, 01-Jan-1970 00:00:01 GMT", Some("1970-01-01T00:00:01")),
            ("Thursday, 01-Jan-70 00:00:01 GMT", Some("1970-01-01T00:00:01")),
            ("Thu Jan  1 00:00:01 1970", Some("1970-01-01T00:00:01")),
            ("Thu, 01 Jan 1970 00:00:01", Some("1970-01-01T00:00:01")),
            ("Thu, 01 Jan 1970 00:00:01 +0000", Some("1970-01-01T00:00:01")),
            ("Thu, 01 Jan 1970 00:00:01 UTC", Some("1970-01-01T00:00:01")),
            ("Thu, 1 Jan 1970 0:0:1 GMT", Some("1970-01-01T00:00:01")),
            ("Thu Jan 01 1970 00:00:01 GMT+0000 (Coordinated Universal Time)", Some("1970-01-01T00:00:01")),
            ("1 january 70 00:00:01", Some("1970-01-01T00:00:01")),
            ("1st Jan 1970 00:00:01Z", Some("1970-01-01T00:00:01")),
            ("01 Jan 69 00:00:00", Some("2069-01-01T00:00:00")),
            ("Wed, 31 Dec 1969 23:59:59 GMT", Some("1969-12-31T23:59:59")),
            ("Fri, 31 Dec 9999 23:59:59 GMT", Some("9999-12-31T23:59:59")),
            ("Mon, 30 Feb 2026 00:00:00 GMT", None),
            ("Mon, 01 Jan 1600 00:00:00 GMT", None),
            ("Mon, 01 Jan 2026 24:00:00 GMT", None),
            ("Mon, 01 Jan 2026 00:00:60 GMT", None),
            ("Mon, 001 Jan 2026 00:00:00 GMT", None),
            ("01 Jan 1970", None),
            ("1970-01-01T00:00:01Z", None),
            ("0", None),
            ("æææ", None),
            ("", None),
        ] {
            assert_eq!(parse(text).map(|date| date.to_string()).as_deref(), expected, "{text}");
        }
    }
}
