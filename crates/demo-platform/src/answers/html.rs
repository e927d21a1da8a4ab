//! HTML of the platform's pages, Laravel's error views and Symfony's fallback pages.

/// A page of the platform. The title is plain text; the body is HTML.
pub(crate) fn page(title: &str, body: &str) -> String {
    let title = escape(title);
    format!(
        "<!DOCTYPE html>\n<html lang=\"da\">\n    <head>\n        <meta charset=\"utf-8\">\n        \
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n        \
         <title>{title}</title>\n    </head>\n    <body>\n{body}    </body>\n</html>\n"
    )
}

/// Laravel's error view, which exists for these statuses: 401, 403, 404, 419, 429, 500, 503.
pub(crate) fn error(code: &str, title: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n    <head>\n        <meta charset=\"utf-8\">\n        \
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\n        \
         <title>{title}</title>\n    </head>\n    <body class=\"antialiased\">\n        \
         <div class=\"code\">{code}</div>\n        <div class=\"message\">{title}</div>\n    </body>\n</html>\n"
    )
}

/// Symfony's page for errors without a Laravel view.
pub(crate) fn bare_error(status: &str, title: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n    <meta charset=\"UTF-8\" />\n    \
         <meta name=\"robots\" content=\"noindex,nofollow,noarchive\" />\n    \
         <title>An Error Occurred: {title}</title>\n</head>\n<body>\n<div class=\"container\">\n    \
         <h1>Oops! An Error Occurred</h1>\n    <h2>The server returned a \"{status}\".</h2>\n</div>\n</body>\n</html>\n"
    )
}

/// Symfony's body of a redirect.
pub(crate) fn redirect(target: &str) -> String {
    let target = escape(target);
    format!(
        "<!DOCTYPE html>\n<html>\n    <head>\n        <meta charset=\"UTF-8\" />\n        \
         <meta http-equiv=\"refresh\" content=\"0;url='{target}'\" />\n\n        \
         <title>Redirecting to {target}</title>\n    </head>\n    <body>\n        \
         Redirecting to <a href=\"{target}\">{target}</a>.\n    </body>\n</html>"
    )
}

/// Escapes text for HTML like Laravel's `e()`.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#039;"),
            _ => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_become_markup() {
        assert_eq!(escape(r#"<a b="c" d='e'> & ø"#), "&lt;a b=&quot;c&quot; d=&#039;e&#039;&gt; &amp; ø");
        assert!(redirect("http://h/'><script>").contains("url='http://h/&#039;&gt;&lt;script&gt;'"));
    }
}
