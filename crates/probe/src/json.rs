//! JSON within bounds of memory: two megabytes of it can become two hundred in a tree.

use serde_json::Value;

/// The most memory of a tree. A page of a hundred payments takes a tenth of it. **Units:** bytes, as [`at_most`] counts.
const MOST_BYTES: usize = 10_000_000;
/// A value in its list, which has room for twice as many while it grows, with the memory of a short text.
const VALUE: usize = 100;
/// What a name adds to its value.
const NAME: usize = 100;
/// What an object adds: a node of a tree with room for eleven members, however few it has.
const OBJECT: usize = 600;

/// Reads JSON.
///
/// # Errors
/// What is wrong with it, in words without any of it. Nesting beyond 128 levels is refused, by serde_json.
pub(crate) fn read(body: &[u8]) -> Result<Value, String> {
    if at_most(body) > MOST_BYTES {
        return Err(format!("more values than {} MB of memory hold", MOST_BYTES / 1_000_000));
    }
    serde_json::from_slice(body).map_err(|error| error.to_string())
}

/// The bytes that a tree takes, or more: by what opens a list or an object, ends a name or separates values, outside
/// texts. The texts themselves are shorter than the body.
fn at_most(body: &[u8]) -> usize {
    let (mut bytes, mut in_text, mut is_escaped) = (VALUE, false, false);
    for byte in body {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_text => is_escaped = true,
            b'"' => in_text = !in_text,
            _ if in_text => {}
            b'[' | b',' => bytes += VALUE,
            b'{' => bytes += VALUE + OBJECT,
            b':' => bytes += NAME,
            _ => {}
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_counted_outside_of_texts() {
        for (text, values, names, objects) in [
            ("1", 1, 0, 0),
            ("[]", 2, 0, 0),
            ("[1,2]", 3, 0, 0),
            (r#"{"a":[{"b":1}]}"#, 4, 2, 2),
            (r#"",,,,[[[{{{:::""#, 1, 0, 0),
            (r#"["\",,","\\",1]"#, 4, 0, 0),
            ("", 1, 0, 0),
        ] {
            assert_eq!(at_most(text.as_bytes()), values * VALUE + names * NAME + objects * OBJECT, "{text}");
        }
    }

    #[test]
    fn what_would_not_fit_is_not_built() {
        let list = |count: usize, member: &str| format!("[{}0]", format!("{member},").repeat(count));
        for (member, most) in [("0", 99_998), (r#"{"a":0}"#, 11_110), ("[0]", 49_999), (r#"{"a":{"b":0}}"#, 5_882)] {
            assert!(read(list(most, member).as_bytes()).is_ok(), "{most} of {member}");
            let refused = read(list(most + 1, member).as_bytes()).unwrap_err();
            assert_eq!(refused, "more values than 10 MB of memory hold", "{member}");
        }
        assert!(read(&b"[".repeat(10_000)).unwrap_err().contains("recursion limit"));
        assert!(read(b"{\"a\": \"\xff\"}").unwrap_err().contains("invalid unicode"));
    }
}
