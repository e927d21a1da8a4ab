//! Iterator over the tags of a page, without building a tree.
//!
//! A tree is open to attack: a parser reopens formatting elements in each paragraph, so ten kilobytes of a hostile page can
//! become hundreds of megabytes, and a deadline cannot interrupt the parser. Splitting a page into tags as browsers do
//! (<https://html.spec.whatwg.org/multipage/parsing.html#tokenization>) takes one pass and stores nothing.

use std::borrow::Cow;
use std::cell::RefCell;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252, X_USER_DEFINED};
use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::{RawKind, State};
use html5ever::tokenizer::{BufferQueue, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts};

/// Elements whose content is text up to their end tag, in a browser with scripting enabled.
const TEXT: [&str; 9] = ["script", "style", "textarea", "title", "noscript", "iframe", "noembed", "noframes", "xmp"];
/// Elements whose content follows XML rules.
const FOREIGN: [&str; 2] = ["svg", "math"];

/// A tag of the page.
pub(crate) struct Tag<'a> {
    name: &'a str,
    pub(crate) is_end: bool,
    is_self_closing: bool,
    attributes: &'a str,
    /// Content of an element of [`TEXT`], without resolved references.
    text: &'a str,
}

impl<'a> Tag<'a> {
    /// True for the start tag of an element with this name.
    pub(crate) fn opens(&self, name: &str) -> bool {
        !self.is_end && self.name.eq_ignore_ascii_case(name)
    }

    /// True for the end tag of an element with this name.
    pub(crate) fn closes(&self, name: &str) -> bool {
        self.is_end && self.name.eq_ignore_ascii_case(name)
    }

    /// Value of an attribute, empty when it has none. The first of several attributes with the same name counts.
    pub(crate) fn attribute(&self, name: &str) -> Option<Cow<'a, str>> {
        let mut attributes = Attributes(self.attributes);
        attributes.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, raw)| decode(raw))
    }

    /// Text of a `textarea` element. The line break after its tag does not count.
    pub(crate) fn content(&self) -> Cow<'a, str> {
        let text = self.text.strip_prefix('\r').unwrap_or(self.text);
        decode_text(text.strip_prefix('\n').unwrap_or(text))
    }
}

/// Tags of a page, as a browser recognises them.
pub(crate) struct Tags<'a> {
    rest: &'a str,
    /// Number of open elements of [`FOREIGN`].
    foreign: usize,
}

impl<'a> Tags<'a> {
    pub(crate) fn new(page: &'a str) -> Self {
        Self { rest: page, foreign: 0 }
    }

    /// Text up to the next tag or comment, without resolved references.
    pub(crate) fn text_ahead(&self) -> &'a str {
        self.rest.split('<').next().unwrap_or_default()
    }

    /// Continues after the next `end`, or at the end of the page.
    fn skip_past(&mut self, end: &str) {
        self.rest = self.rest.split_once(end).map_or("", |(_, rest)| rest);
    }

    /// Skips markup that begins with `<!`, `<?` or `</` and is not a tag.
    fn skip_comment(&mut self) {
        let Some(comment) = self.rest.strip_prefix("!--") else {
            let is_data = self.foreign > 0 && self.rest.starts_with("![CDATA[");
            return self.skip_past(if is_data { "]]>" } else { ">" });
        };
        if let Some(rest) = comment.strip_prefix('>').or_else(|| comment.strip_prefix("->")) {
            self.rest = rest;
            return;
        }
        let bytes = comment.as_bytes();
        let ends = |at: usize| bytes[at] == b'>' && (bytes[..at].ends_with(b"--") || bytes[..at].ends_with(b"--!"));
        self.rest = (0..bytes.len()).find(|at| ends(*at)).map_or("", |at| &comment[at + 1..]);
    }

    /// Reads a tag after `<` or `</`. `None` when the page ends within it; browsers drop such a tag.
    fn tag(&mut self, is_end: bool) -> Option<Tag<'a>> {
        let (name, rest) = split_at(self.rest, |c| ends_name(c) || c == '>');
        let mut attributes = Attributes(rest);
        while attributes.next().is_some() {}
        let (attributes, rest) = rest.split_at(rest.len() - attributes.0.len());
        self.rest = rest.strip_prefix('>')?;
        let is_self_closing = attributes.ends_with('/') && !is_value(attributes);
        Some(Tag { name, is_end, is_self_closing, attributes, text: "" })
    }

    /// Skips the content of a text element.
    fn skip_text(&mut self, name: &str) {
        let is_script = name.eq_ignore_ascii_case("script");
        // After `<!--`, a nested script element does not end the outer one.
        let (mut is_commented, mut is_nested) = (false, false);
        while let Some(at) = self.rest.bytes().position(|byte| matches!(byte, b'<' | b'-')) {
            let here = &self.rest[at..];
            self.rest = &here[1..];
            let is_tag = |begin: &str| {
                let named = here.strip_prefix(begin).and_then(|rest| rest.split_at_checked(name.len()));
                named.is_some_and(|(found, rest)| {
                    found.eq_ignore_ascii_case(name) && rest.starts_with(|c| ends_name(c) || c == '>')
                })
            };
            if is_script && here.starts_with("<!--") {
                is_commented = true;
            } else if here.starts_with("-->") {
                (is_commented, is_nested) = (false, false);
            } else if is_commented && !is_nested && is_tag("<") {
                is_nested = true;
            } else if is_tag("</") {
                if !is_nested {
                    self.rest = here;
                    return;
                }
                is_nested = false;
            }
        }
        self.rest = "";
    }
}

impl<'a> Iterator for Tags<'a> {
    type Item = Tag<'a>;

    fn next(&mut self) -> Option<Tag<'a>> {
        loop {
            self.rest = self.rest.split_once('<').map_or("", |(_, rest)| rest);
            let (is_end, name) = match self.rest.strip_prefix('/') {
                Some(rest) => (true, rest),
                None => (false, self.rest),
            };
            match name.as_bytes().first()? {
                b'a'..=b'z' | b'A'..=b'Z' => self.rest = name,
                b'!' | b'?' if !is_end => {
                    self.skip_comment();
                    continue;
                }
                _ if is_end => {
                    self.skip_past(">");
                    continue;
                }
                _ => continue,
            }
            let mut tag = self.tag(is_end)?;
            let is_one_of = |names: &[&str]| names.iter().any(|name| tag.name.eq_ignore_ascii_case(name));
            if is_one_of(&FOREIGN) {
                match (tag.is_end, tag.is_self_closing) {
                    (true, _) => self.foreign = self.foreign.saturating_sub(1),
                    (false, true) => {}
                    (false, false) => self.foreign += 1,
                }
            } else if tag.is_end || (self.foreign > 0 && tag.is_self_closing) {
                // End tags and empty foreign elements have no content.
            } else if tag.opens("plaintext") {
                self.rest = "";
            } else if is_one_of(&TEXT) {
                let content = self.rest;
                self.skip_text(tag.name);
                tag.text = &content[..content.len() - self.rest.len()];
            }
            return Some(tag);
        }
    }
}

/// Title of a page: the text of its first `title` element, with simple spaces (HTML standard, `document.title`). Titles of pictures
/// are none.
pub(crate) fn title(page: &str) -> Option<String> {
    let mut tags = Tags::new(page);
    while let Some(tag) = tags.next() {
        if tag.opens("title") && tags.foreign == 0 {
            return Some(tag.text.split_ascii_whitespace().collect::<Vec<_>>().join(" "));
        }
    }
    None
}

/// Encoding that a page declares in a `meta` element: `charset`, or the content of `http-equiv="Content-Type"`. Unknown ones are
/// skipped. A page whose `meta` could be read is not in UTF-16, whatever it says (HTML standard, "changing the encoding while
/// parsing").
pub(crate) fn encoding(page: &str) -> Option<&'static Encoding> {
    let declared = Tags::new(page).filter(|tag| tag.opens("meta")).find_map(|meta| declared(&meta));
    declared.map(|encoding| match encoding {
        _ if encoding == UTF_16LE || encoding == UTF_16BE => UTF_8,
        _ if encoding == X_USER_DEFINED => WINDOWS_1252,
        _ => encoding,
    })
}

fn declared(meta: &Tag<'_>) -> Option<&'static Encoding> {
    if let Some(charset) = meta.attribute("charset") {
        return Encoding::for_label(charset.as_bytes());
    }
    let is_type = meta.attribute("http-equiv").is_some_and(|name| name.eq_ignore_ascii_case("content-type"));
    let content = meta.attribute("content").filter(|_| is_type)?.to_ascii_lowercase();
    let (_, charset) = content.split_once("charset=")?;
    let charset = charset.trim_start().trim_start_matches(['"', '\'']);
    Encoding::for_label(charset.split([';', '"', '\'', ' ']).next()?.as_bytes())
}

/// Iterator over attributes: each name with its raw value, including quotes. The rest begins with the `>` of the tag, or
/// is empty.
struct Attributes<'a>(&'a str);

impl<'a> Iterator for Attributes<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<(&'a str, &'a str)> {
        let begin = self.0.trim_start_matches(ends_name);
        self.0 = begin;
        let first = begin.chars().next().filter(|first| *first != '>')?;
        // A leading `=` is part of the name (HTML standard).
        let (_, after_first) = begin.split_at(first.len_utf8());
        let (_, rest) = split_at(after_first, |c| ends_name(c) || matches!(c, '=' | '>'));
        let name = &begin[..begin.len() - rest.len()];
        let Some(value) = rest.trim_start_matches(is_space).strip_prefix('=') else {
            self.0 = rest;
            return Some((name, ""));
        };
        let value = value.trim_start_matches(is_space);
        let length = match value.chars().next() {
            Some(quote @ ('"' | '\'')) => value[1..].find(quote).map_or(value.len(), |at| at + 2),
            _ => value.find(|c| is_space(c) || c == '>').unwrap_or(value.len()),
        };
        let (value, rest) = value.split_at(length);
        self.0 = rest;
        Some((name, value))
    }
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{c}')
}

fn ends_name(c: char) -> bool {
    is_space(c) || c == '/'
}

/// Splits a text before the first matching character.
fn split_at(text: &str, ends: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(ends).unwrap_or(text.len()))
}

/// True when the attributes end in an unquoted value, so that a trailing `/` belongs to the value.
fn is_value(attributes: &str) -> bool {
    Attributes(attributes).last().is_some_and(|(_, value)| value.ends_with('/'))
}

/// Decodes a raw value: removes quotes and resolves character references.
fn decode(raw: &str) -> Cow<'_, str> {
    if !raw.contains(['&', '\r', '\0']) {
        let within = |quote: char| raw.strip_prefix(quote)?.strip_suffix(quote);
        return Cow::Borrowed(within('"').or_else(|| within('\'')).unwrap_or(raw));
    }
    tokenize(format!("<a a={raw}>"), TokenizerOpts::default())
}

/// Resolves the character references of a text between tags.
pub(crate) fn decode_text(raw: &str) -> Cow<'_, str> {
    if !raw.contains(['&', '\r', '\0']) {
        return Cow::Borrowed(raw);
    }
    let initial_state = Some(State::RawData(RawKind::Rcdata));
    tokenize(raw.to_owned(), TokenizerOpts { initial_state, ..TokenizerOpts::default() })
}

/// Value of the only attribute of a tag, or text.
fn tokenize(markup: String, options: TokenizerOpts) -> Cow<'static, str> {
    let queue = BufferQueue::default();
    queue.push_back(StrTendril::from(markup));
    let tokenizer = Tokenizer::new(Value::default(), options);
    // The sink never stops the tokenizer.
    let _ = tokenizer.feed(&queue);
    tokenizer.end();
    Cow::Owned(tokenizer.sink.0.take())
}

/// Collects the value of a tag's only attribute, or a text.
#[derive(Default)]
struct Value(RefCell<String>);

impl TokenSink for Value {
    type Handle = ();

    fn process_token(&self, token: Token, _: u64) -> TokenSinkResult<()> {
        match token {
            Token::TagToken(tag) => {
                let value = tag.attrs.first().map(|attribute| attribute.value.to_string());
                *self.0.borrow_mut() = value.unwrap_or_default();
            }
            Token::CharacterTokens(text) => self.0.borrow_mut().push_str(&text),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use html5ever::tokenizer::TagKind;
    use html5ever::tokenizer::states::RawKind;

    use super::*;

    #[test]
    fn encoding_is_found_in_either_form() {
        for (page, expected) in [
            ("<meta charset=iso-8859-15>", Some("ISO-8859-15")),
            ("<META name=a><meta CHARSET=' utf-8 '>", Some("UTF-8")),
            ("<meta http-equiv=Content-Type content='text/html; charset=ISO-8859-15'>", Some("ISO-8859-15")),
            ("<meta http-equiv=refresh content='0; charset=utf-8'>", None),
            ("<meta content='text/html; charset=utf-8'>", None),
            ("<!-- <meta charset=utf-8> --><script>'<meta charset=utf-8>'</script>", None),
            ("<meta charset=x><meta charset=iso-8859-15><meta charset=utf-8>", Some("ISO-8859-15")),
            ("<meta charset=utf-16>", Some("UTF-8")),
            ("<meta charset=utf-16be>", Some("UTF-8")),
            ("<meta charset=x-user-defined>", Some("windows-1252")),
            ("<title>a</title>", None),
        ] {
            assert_eq!(encoding(page).map(Encoding::name), expected, "{page}");
        }
    }

    #[test]
    fn title_is_the_first_outside_of_pictures() {
        for (page, expected) in [
            ("<head><title>a</title><title>b</title>", Some("a")),
            ("<TITLE>\n a\t b </TITLE>", Some("a b")),
            ("<svg><title>x</title></svg><title>a</title>", Some("a")),
            ("<!-- <title>x</title> -->", None),
            ("<title>", Some("")),
        ] {
            assert_eq!(title(page).as_deref(), expected, "{page}");
        }
    }

    /// Tags of a page in short form: names in lower case, each attribute once.
    fn tags(page: &str) -> String {
        let text = Tags::new(page).map(|tag| {
            let mut names: Vec<String> = Vec::new();
            let mut attributes = String::new();
            for (name, value) in Attributes(tag.attributes) {
                let name = name.to_ascii_lowercase();
                if !names.contains(&name) {
                    attributes.push_str(&format!(" {name}={}", decode(value)));
                    names.push(name);
                }
            }
            let (begin, end) = (if tag.is_end { "/" } else { "" }, if tag.is_self_closing { "/" } else { "" });
            format!("<{begin}{}{attributes}{end}>", tag.name.to_ascii_lowercase())
        });
        text.collect()
    }

    #[test]
    fn tags_are_recognised_as_in_browsers() {
        for (case, page, expected) in [
            ("attributes in each notation", "<a b=c d='e\"' f=\"g'\" h>", "<a b=c d=e\" f=g' h=>"),
            ("odd white space", "<a\n b\t=\r\n c\u{c}/d = 'e'>", "<a b=c d=e>"),
            ("references", "<a b=&amp;&#x41;&copy c='&lt;\r\n' d=&ampx>", "<a b=&A© c=<\n d=&ampx>"),
            ("an end in a value", "<a b='>' c=\">\"><d>", "<a b=> c=>><d>"),
            ("a slash", "<a/><b /><c d=e/><f g='h'/></i/>", "<a/><b/><c d=e/><f g=h/></i/>"),
            ("a name that begins with =", "<a =b=c>", "<a =b=c>"),
            ("no value before the end", "<a b=><c>", "<a b=><c>"),
            ("markup that is not a tag", "1 < 2 <3> <> <é> </> </3> <!a> <?b> <c>", "<c>"),
            ("comments", "<!--<a>--><!--><b><!---><c><!-- --!><d><!----><e><!-- <f>", "<b><c><d><e>"),
            ("a comment of hyphens", "<!-- -- - ---><a>", "<a>"),
            ("a truncated tag", "<a><b c", "<a>"),
            ("an unclosed quote", "<a><b c='><d>", "<a>"),
            ("text", "<textarea><a></textare></TEXTAREA ><b>", "<textarea></textarea><b>"),
            ("a script", "<script><a>'</scripts>'</script><b>", "<script></script><b>"),
            ("a script in a script", "<script><!--<script></script><a>--></script><b>", "<script></script><b>"),
            ("a comment in a script", "<script><!--</script><a>", "<script></script><a>"),
            ("text without an end", "<style><a>", "<style>"),
            ("plain text to the end", "<plaintext></plaintext><a>", "<plaintext>"),
            ("inside an SVG image", "<svg><title/><![CDATA[<a>]]><b></svg><![CDATA[<c>]]>", "<svg><title/><b></svg>"),
        ] {
            assert_eq!(tags(page), expected, "{case}");
        }
    }

    /// Tags of a page according to html5ever, in the same short form.
    #[derive(Default)]
    struct Reference {
        text: RefCell<String>,
        foreign: Cell<usize>,
    }

    impl TokenSink for Reference {
        type Handle = ();

        fn process_token(&self, token: Token, _: u64) -> TokenSinkResult<()> {
            let Token::TagToken(tag) = token else { return TokenSinkResult::Continue };
            let is_end = tag.kind == TagKind::EndTag;
            let attributes = tag.attrs.iter().map(|attribute| format!(" {}={}", attribute.name.local, attribute.value));
            let (begin, end) = (if is_end { "/" } else { "" }, if tag.self_closing { "/" } else { "" });
            let text = format!("<{begin}{}{}{end}>", tag.name, attributes.collect::<String>());
            self.text.borrow_mut().push_str(&text);
            match &*tag.name {
                "svg" | "math" if is_end => self.foreign.set(self.foreign.get().saturating_sub(1)),
                "svg" | "math" if !tag.self_closing => self.foreign.set(self.foreign.get() + 1),
                _ if is_end || (self.foreign.get() > 0 && tag.self_closing) => {}
                "plaintext" => return TokenSinkResult::Plaintext,
                "script" => return TokenSinkResult::RawData(RawKind::ScriptData),
                "textarea" | "title" => return TokenSinkResult::RawData(RawKind::Rcdata),
                name if TEXT.contains(&name) => return TokenSinkResult::RawData(RawKind::Rawtext),
                _ => {}
            }
            TokenSinkResult::Continue
        }

        fn adjusted_current_node_present_but_not_in_html_namespace(&self) -> bool {
            self.foreign.get() > 0
        }
    }

    #[test]
    fn tags_match_those_of_html5ever() {
        let parts = [
            "<a", "<Script", "<title", "<svg", "</a", "</script", "</title", ">", "/>", " b", " B=c", "=", "=\"", "\"",
            "'", "<!--", "-->", "--!>", "-", "<!", "![CDATA[", "]]>", "&amp;", "/", "x",
        ];
        let texts = |depth: u32| (0..parts.len().pow(depth)).map(move |number| (number, depth));
        for (mut number, depth) in (1..=3).flat_map(texts) {
            let mut page = String::new();
            for _ in 0..depth {
                page.push_str(parts[number % parts.len()]);
                number /= parts.len();
            }
            // Close the markup that the parts opened, or leave it open.
            for end in ["", "><i>", "\"><i>", "--></script><i>"] {
                let page = format!("<p>{page}{end}");
                let queue = BufferQueue::default();
                queue.push_back(StrTendril::from(page.as_str()));
                let reference = Tokenizer::new(Reference::default(), TokenizerOpts::default());
                let _ = reference.feed(&queue);
                assert_eq!(tags(&page), reference.sink.text.take(), "{page}");
            }
        }
    }

    #[test]
    fn first_of_duplicate_attributes_counts() {
        let tag = Tags::new("<a b=1 B=2>").next().unwrap();
        assert_eq!(tag.attribute("B").as_deref(), Some("1"));
        assert_eq!(tag.attribute("c"), None);
    }
}
