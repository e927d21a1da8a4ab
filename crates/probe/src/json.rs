//! JSON within bounds of memory: two megabytes of it can become two hundred in a tree.

use serde_json::Value;

/// The most values of a body. A tree of as many takes some 30 MB at the worst; a page of a hundred bookings has thousands.
const MOST_VALUES: usize = 100_000;

/// Reads JSON.
///
/// # Errors
/// What is wrong with it, in words without any of it. Nesting beyond 128 levels is refused, by serde_json.
pub(crate) fn read(body: &[u8]) -> Result<Value, String> {
    if at_most_values(body) > MOST_VALUES {
        return Err(format!("more than {MOST_VALUES} values"));
    }
    serde_json::from_slice(body).map_err(|error| error.to_string())
}

/// No fewer than there are: what opens a list or an object, and what separates members, outside texts.
fn at_most_values(body: &[u8]) -> usize {
    let (mut values, mut in_text, mut is_escaped) = (1, false, false);
    for byte in body {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_text => is_escaped = true,
            b'"' => in_text = !in_text,
            b'[' | b'{' | b',' if !in_text => values += 1,
            _ => {}
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_counted_outside_of_texts() {
        for (text, values) in [
            ("1", 1),
            ("[]", 2),
            ("[1,2]", 3),
            (r#"{"a":[{"b":1}]}"#, 4),
            (r#"",,,,[[[""#, 1),
            (r#"["\",,","\\",1]"#, 4),
            ("", 1),
        ] {
            assert_eq!(at_most_values(text.as_bytes()), values, "{text}");
        }
    }

    #[test]
    fn what_would_not_fit_is_not_built() {
        let members = |count: usize| format!("[{}0]", "0,".repeat(count));
        assert!(read(members(90_000).as_bytes()).is_ok());
        assert_eq!(read(members(100_000).as_bytes()).unwrap_err(), "more than 100000 values");
        assert!(read(&b"[".repeat(10_000)).unwrap_err().contains("recursion limit"));
        assert!(read(b"{\"a\": \"\xff\"}").unwrap_err().contains("invalid unicode"));
    }
}
