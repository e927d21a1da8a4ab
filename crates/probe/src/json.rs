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
    serde_json::from_slice(body).or_else(|error| {
        let repaired = without_lone_surrogates(body).ok_or_else(|| error.to_string())?;
        serde_json::from_slice(&repaired).map_err(|error| error.to_string())
    })
}

/// Replaces the escapes of halves of surrogate pairs, as of a note that was cut within an emoji, by that of `U+FFFD`. Browsers read
/// them; serde_json refuses the whole document. `None` if there are none.
fn without_lone_surrogates(body: &[u8]) -> Option<Vec<u8>> {
    const REPLACEMENT: &[u8] = b"\\ufffd";
    let unit = |at: usize| {
        let digits = body.get(at..at + 6)?.strip_prefix(b"\\u")?;
        u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    let (mut repaired, mut at, mut is_changed) = (Vec::with_capacity(body.len()), 0, false);
    while let Some(byte) = body.get(at) {
        let length = match unit(at) {
            Some(0xd800..=0xdbff) if matches!(unit(at + 6), Some(0xdc00..=0xdfff)) => 12,
            Some(0xd800..=0xdfff) => 0,
            _ if *byte == b'\\' => 2,
            _ => 1,
        };
        if length == 0 {
            repaired.extend(REPLACEMENT);
            (is_changed, at) = (true, at + 6);
        } else {
            repaired.extend(&body[at..body.len().min(at + length)]);
            at += length;
        }
    }
    is_changed.then_some(repaired)
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
    fn lone_surrogates_are_replaced_as_in_browsers() {
        for (text, expected) in [
            (r#""cut \ud83d""#, "cut \u{fffd}"),
            (r#""\udc4d then \ud83d\udc4d""#, "\u{fffd} then \u{1f44d}"),
            (r#""\uD83Dx \\ud83d""#, "\u{fffd}x \\ud83d"),
            (r#""\ud83d\ud83d\udc4d""#, "\u{fffd}\u{1f44d}"),
        ] {
            assert_eq!(read(text.as_bytes()).unwrap(), expected, "{text}");
        }
        for text in [r#""\ud83""#, r#""\u""#, "\"\\", r#"{"a": "\ud83d""#] {
            assert!(read(text.as_bytes()).is_err(), "{text}");
        }
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
