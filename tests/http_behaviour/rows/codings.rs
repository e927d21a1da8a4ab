//! Content codings.

use std::io::Write;

use flate2::{Compression, write::DeflateEncoder, write::ZlibEncoder};
use hostile::compressed;
use rustls::ServerConfig;

use super::{encrypted, page, plain};
use crate::row::{Ask, FINE, Row};

/// [`FINE`] in brotli: an uncompressed metablock.
const BROTLI: [u8; 8] = [0x8b, 0x01, 0x80, b'f', b'i', b'n', b'e', 0x03];
/// [`FINE`] in zstd: a frame with one raw block.
const ZSTD: [u8; 13] = [0x28, 0xb5, 0x2f, 0xfd, 0x20, 0x04, 0x21, 0x00, 0x00, b'f', b'i', b'n', b'e'];

pub fn rows(config: &ServerConfig) -> Vec<Row> {
    let coded = |answer: &'static str, codings: &str, body: Vec<u8>| {
        Row::new(answer, Ask::Body, page(&plain(&format!("Content-Encoding: {codings}")), body))
    };
    let gzip = || compressed(FINE.as_bytes());
    let (start, end) = FINE.split_at(2);
    let members = [compressed(start.as_bytes()), compressed(end.as_bytes())].concat();
    let cut = gzip()[..gzip().len() - 9].to_vec();
    let mut checksum = gzip();
    let place = checksum.len() - 8;
    checksum[place] ^= 1;
    vec![
        coded("`gzip`", "gzip", gzip()),
        coded("`GZip`", "GZip", gzip()),
        coded("`x-gzip`", "x-gzip", gzip()),
        coded("`identity`", "identity", FINE.into()),
        coded("`none`, and no coding", "none", FINE.into()),
        coded("`utf-8`, and no coding", "utf-8", FINE.into()),
        coded("nothing, and no coding", "", FINE.into()),
        coded("`gzip, identity`", "gzip, identity", gzip())
            .because("the data is complete and correct; Chromium decodes nothing when the list names `identity`"),
        coded("`gzip, gzip`, compressed twice", "gzip, gzip", compressed(&gzip())),
        coded("`gzip` in two headers, compressed twice", "gzip\r\nContent-Encoding: gzip", compressed(&gzip())),
        coded("`deflate` with the zlib format", "deflate", deflated(ZlibEncoder::new(Vec::new(), Compression::best()))),
        coded("`deflate` without the zlib format", "deflate", raw_deflated()),
        encrypted(config, coded("`br`", "br", BROTLI.to_vec())),
        encrypted(config, coded("`zstd`", "zstd", ZSTD.to_vec()))
            .because("the probe does not ask for zstd, so a server that sends it breaks other clients too"),
        coded("`gzip` of two members", "gzip", members)
            .because("several members are one file (RFC 1952, section 2.2); Chromium shows only the first"),
        coded("`gzip`, followed by other bytes", "gzip", [gzip(), b"other".to_vec()].concat()),
        coded("`gzip`, cut in the last bytes of the data", "gzip", cut)
            .because("Chromium shows what it has; a page that is cut may lack what users need"),
        coded("`gzip` with a wrong checksum", "gzip", checksum)
            .because("the data has changed on its way; Chromium does not compare the checksum"),
        coded("`gzip`, but plain text", "gzip", FINE.into()),
        Row::new("`gzip` without a body", Ask::Text(""), page(&plain("Content-Encoding: gzip"), "")),
    ]
}

fn deflated(mut encoder: ZlibEncoder<Vec<u8>>) -> Vec<u8> {
    encoder.write_all(FINE.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn raw_deflated() -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(FINE.as_bytes()).unwrap();
    encoder.finish().unwrap()
}
