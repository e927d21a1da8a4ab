//! JSON parser with a memory limit: two megabytes of text can become two hundred as a tree.

use serde_json::Value;

/// Memory limit of a tree. A page of a hundred payments takes a tenth of it. **Units:** bytes, as [`estimate`] counts.
const MAX_BYTES: usize = 10_000_000;
/// Bytes of a value in a list, which reserves twice its length while it grows, including a short text.
const VALUE: usize = 100;
/// Bytes that a name adds to its value.
const NAME: usize = 100;
/// Bytes that an object adds: a tree node with room for eleven members, even when it has fewer.
const OBJECT: usize = 600;

/// Parses JSON. A byte order mark before it is ignored, as in browsers.
///
/// # Errors
/// A description that quotes nothing from the text. serde_json rejects nesting beyond 128 levels.
pub(crate) fn read(body: &[u8]) -> Result<Value, String> {
    if estimate(body) > MAX_BYTES {
        return Err(format!("more values than {} MB of memory hold", MAX_BYTES / 1_000_000));
    }
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    serde_json::from_slice(body).map_err(|error| error.to_string())
}

/// Upper bound for the bytes of the tree: counts the characters outside strings that open a list or an object, end a name
/// or separate values. The strings themselves are shorter than the body.
fn estimate(body: &[u8]) -> usize {
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
    fn values_are_counted_outside_strings() {
        for (text, values, names, objects) in [
            ("1", 1, 0, 0),
            ("[]", 2, 0, 0),
            ("[1,2]", 3, 0, 0),
            (r#"{"a":[{"b":1}]}"#, 4, 2, 2),
            (r#"",,,,[[[{{{:::""#, 1, 0, 0),
            (r#"["\",,","\\",1]"#, 4, 0, 0),
            ("", 1, 0, 0),
        ] {
            assert_eq!(estimate(text.as_bytes()), values * VALUE + names * NAME + objects * OBJECT, "{text}");
        }
    }

    #[test]
    fn byte_order_mark_is_ignored() {
        assert_eq!(read(b"\xef\xbb\xbf{\"a\":1}").unwrap()["a"], 1);
        assert!(read(b"\xef\xbb\xbf\xef\xbb\xbf1").is_err(), "only one");
    }

    #[test]
    fn oversized_trees_are_not_built() {
        let list = |count: usize, member: &str| format!("[{}0]", format!("{member},").repeat(count));
        for (member, max) in [("0", 99_998), (r#"{"a":0}"#, 11_110), ("[0]", 49_999), (r#"{"a":{"b":0}}"#, 5_882)] {
            assert!(read(list(max, member).as_bytes()).is_ok(), "{max} of {member}");
            let refused = read(list(max + 1, member).as_bytes()).unwrap_err();
            assert_eq!(refused, "more values than 10 MB of memory hold", "{member}");
        }
        assert!(read(&b"[".repeat(10_000)).unwrap_err().contains("recursion limit"));
        assert!(read(b"{\"a\": \"\xff\"}").unwrap_err().contains("invalid unicode"));
    }
}
