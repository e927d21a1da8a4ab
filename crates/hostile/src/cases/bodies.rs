//! Bodies: faults 28 to 34, and an extra page.

use std::io::Write as _;

use hostile::{Action, answer, send};

use super::case::{Case, Content, EXTRA, Expect::*};
use super::stage::Stage;

const MIB: usize = 1024 * 1024;

pub(super) async fn cases(stage: &mut Stage) -> Vec<Case> {
    let mut cases = sizes(stage).await;
    cases.extend(contents(stage).await);
    cases
}

async fn sizes(stage: &mut Stage) -> Vec<Case> {
    let too_large = Failed("body", "more, after");
    let words: &[&str] = &["a body of at most", "too large", "maximum file size", "exceeded"];
    let compressed = |encoding: &'static str, body: Vec<u8>| {
        move |_: &str| answer(&format!("200 OK\r\nContent-Type: text/html\r\nContent-Encoding: {encoding}"), &body)
    };
    let chunk = [format!("{:x}\r\n", 8192).into_bytes(), vec![b'a'; 8192], b"\r\n".to_vec()].concat();
    let endless = move |_: &str| {
        vec![send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), Action::Repeat(chunk.clone())]
    };
    let large = |_: &str| answer("200 OK", vec![b'a'; 3 * MIB]);
    let not_asked = Failed("body", "content-encoding zstd");
    let corrupt = |_: &str| answer("200 OK\r\nContent-Encoding: gzip", "not gzip at all");
    vec![
        stage.plain(28, "body over the cap", "3 MiB, where the limit is 2 MiB", large, too_large).await.named_by(words),
        stage
            .plain(29, "endless chunks", "sends chunks until the client disconnects", endless, too_large)
            .await
            .named_by(words),
        stage
            .plain(30, "gzip bomb", "256 MiB of zeros in 260 kB", compressed("gzip", gzip_bomb(256)), too_large)
            .await
            .named_by(words),
        stage
            .plain(
                30,
                "deflate bomb",
                "256 MiB of zeros in zlib format",
                compressed("deflate", zlib_bomb(256)),
                too_large,
            )
            .await
            .named_by(words),
        stage
            .plain(30, "brotli bomb", "64 MiB of zeros in a few bytes", compressed("br", brotli_bomb(64)), too_large)
            .await
            .named_by(words),
        stage
            .plain(
                30,
                "zstd bomb",
                "1 GiB of zeros in 32 kB, in an encoding not requested",
                compressed("zstd", zstd_bomb(1024)),
                not_asked,
            )
            .await
            .named_by(&["encoding"]),
        stage
            .plain(
                31,
                "corrupt gzip",
                "declares gzip, but sends plain text",
                corrupt,
                Failed("body", "does not decode"),
            )
            .await
            .named_by(&["does not decode", "gzip", "decod", "unencoding"]),
    ]
}

async fn contents(stage: &mut Stage) -> Vec<Case> {
    let page = |kind: &'static str, body: &[u8]| {
        let body = body.to_vec();
        move |_: &str| answer(&format!("200 OK\r\nContent-Type: {kind}"), &body)
    };
    let json = |body: Vec<u8>| move |_: &str| answer("200 OK\r\nContent-Type: application/json", &body);
    let status = Content::Json("/status", "\"status\"");
    let too_many = Failed("body", "more values than 10 MB of memory hold");
    let held = |member: &str, count: usize| {
        json([&b"{\"status\": ["[..], &format!("{member},").repeat(count).into_bytes(), b"0]}"].concat())
    };
    let latin = b"<h1>K\xf8reskole</h1>";
    // Each paragraph reopens all elements that the previous one left open, unless they are equal.
    let open: String = (0..3_000).map(|place| format!("<b {place}>")).collect();
    let reopened = format!("<form method=post><input name=password><p>{open}{}", "<p>x".repeat(6_000)).into_bytes();
    // Cookies are judged before the form.
    let with_cookies = "text/html\r\nSet-Cookie: just_driving_session=0123456789abcdef; path=/\r\nSet-Cookie: \
                        XSRF-TOKEN=0123456789abcdef; path=/";
    let school = Content::Text("Køreskole");
    let not_json: &[&str] = &["json", "recursion", "values", "did not match", "did match"];
    vec![
        stage
            .plain(32, "page in ISO-8859-1", "charset=iso-8859-1", page("text/html; charset=iso-8859-1", latin), Passed)
            .await
            .with_content(school),
        stage
            .plain(
                32,
                "page in ISO-8859-1 declared as UTF-8",
                "charset=utf-8, but other bytes",
                page("text/html; charset=utf-8", latin),
                Failed("assertion", "not UTF-8 from byte 5 on"),
            )
            .await
            .with_content(school)
            .named_by(&["not utf-8", "utf-8"]),
        stage
            .plain(
                32,
                "JSON that is not UTF-8",
                "`\\xff` in a string",
                page("application/json", b"{\"status\": \"\xff\"}"),
                Failed("body", "invalid unicode"),
            )
            .await
            .with_content(status)
            .named_by(&["unicode", "utf-8"]),
        stage
            .plain(
                33,
                "200 with an error page instead of JSON",
                "an HTML page",
                page("text/html", b"<html><title>Whoops</title></html>"),
                Failed("body", "text/html"),
            )
            .await
            .with_content(status)
            .named_by(not_json),
        stage
            .plain(
                34,
                "JSON nested 10,000 deep",
                "10,000 nested arrays",
                json([b"[".repeat(10_000), b"]".repeat(10_000)].concat()),
                Failed("body", "recursion limit"),
            )
            .await
            .with_content(status)
            .named_by(not_json),
        stage
            .plain(
                34,
                "JSON of a million values",
                "2 MB of `0,`",
                json([&b"["[..], &b"0,".repeat(1_000_000), b"0]"].concat()),
                too_many,
            )
            .await
            .with_content(status)
            .named_by(not_json),
        stage
            .plain(
                34,
                "JSON of 200,000 objects",
                "2 MB of `{\"a\":0},`",
                json([&b"["[..], &b"{\"a\":0},".repeat(200_000), b"0]"].concat()),
                too_many,
            )
            .await
            .with_content(status)
            .named_by(not_json),
        stage
            .plain(
                34,
                "JSON of 50,000 objects",
                "500 kB of `{\"a\":0},`",
                json([&b"["[..], &b"{\"a\":0},".repeat(50_000), b"0]"].concat()),
                too_many,
            )
            .await
            .with_content(status)
            .named_by(not_json),
        stage
            .plain(
                34,
                "JSON objects just below the limit",
                "11,000 of `{\"a\":\"b\"},`",
                held("{\"a\":\"b\"}", 11_000),
                Passed,
            )
            .await
            .with_content(status),
        stage
            .plain(34, "JSON arrays just below the limit", "49,900 of `[0],`", held("[0]", 49_900), Passed)
            .await
            .with_content(status),
        stage
            .plain(34, "JSON strings just below the limit", "99,900 of `\"a\",`", held("\"a\"", 99_900), Passed)
            .await
            .with_content(status),
        stage
            .plain(
                EXTRA,
                "log-in page that fills memory when parsed",
                "51 kB of elements that each paragraph reopens",
                page(with_cookies, &reopened),
                Failed("assertion", "a form with password"),
            )
            .await
            .with_content(Content::Form)
            .named_by(&["form", "did not match"]),
    ]
}

/// Zeros in raw deflate: one self-contained block, repeated.
fn deflated(mebibytes: usize) -> Vec<u8> {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    // Writing to memory cannot fail.
    let _ = encoder.write_all(&vec![0; MIB]);
    let _ = encoder.flush();
    // The block refers to no earlier data and ends at a byte boundary.
    encoder.get_ref().repeat(mebibytes)
}

fn gzip_bomb(mebibytes: usize) -> Vec<u8> {
    let mut sum = flate2::Crc::new();
    let zeros = vec![0; MIB];
    (0..mebibytes).for_each(|_| sum.update(&zeros));
    let header = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
    [&header, deflated(mebibytes).as_slice(), &[3, 0], &sum.sum().to_le_bytes(), &sum.amount().to_le_bytes()].concat()
}

fn zlib_bomb(mebibytes: usize) -> Vec<u8> {
    // Adler-32 of zeros (RFC 1950, section 8.2): the first sum stays 1, the second counts them.
    let [high, low] = u16::try_from(mebibytes * MIB % 65_521).unwrap_or_default().to_be_bytes();
    [&[0x78, 0xda], deflated(mebibytes).as_slice(), &[3, 0], &[high, low, 0, 1]].concat()
}

fn brotli_bomb(mebibytes: usize) -> Vec<u8> {
    let mut bomb = Vec::new();
    let mut encoder = brotli::CompressorWriter::new(&mut bomb, 4096, 1, 22);
    for _ in 0..mebibytes {
        let _ = encoder.write_all(&vec![0; MIB]);
    }
    drop(encoder);
    bomb
}

/// Blocks of 128 KiB of one repeated byte (RFC 8878, section 3.1.1.2).
fn zstd_bomb(mebibytes: usize) -> Vec<u8> {
    let header = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58];
    let size: u32 = 128 * 1024;
    let block = |is_last: u32| [&((size << 3) | (1 << 1) | is_last).to_le_bytes()[..3], &[0]].concat();
    [&header[..], &block(0).repeat(mebibytes * 8 - 1), &block(1)].concat()
}
