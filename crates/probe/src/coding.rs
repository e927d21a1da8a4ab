//! Content codings (RFC 9110, section 8.4), decoded while a body arrives, within a limit of bytes.

use std::io::{self, Write};

use brotli::DecompressorWriter;
use check::{Phrase, foreign, phrase};
use flate2::write::GzDecoder;
use flate2::{Decompress, FlushDecompress, Status};
use http::{HeaderMap, header::CONTENT_ENCODING};

/// Codings that are decoded, as `Accept-Encoding` lists them.
pub(crate) const ACCEPTED: &str = "gzip, deflate, br";

/// Maximum number of codings, one applied after the other.
const MAX_CODINGS: usize = 3;
/// Size of the pieces in which brotli decodes. **Units:** bytes.
const PIECE: usize = 8 * 1024;

/// Bytes with which each member of gzip begins (RFC 1952, section 2.3.1).
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// One content coding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    Gzip,
    Deflate,
    Brotli,
}

/// Why a body cannot be decoded.
#[derive(Debug)]
pub(crate) enum Undecoded {
    /// It is larger than allowed.
    TooLarge,
    /// It is not in the coding that the header names, or it ends early.
    Broken { is_cut: bool },
}

/// A body that arrives in pieces.
pub(crate) struct Body {
    /// Decoders, the one for the coding that was applied last first.
    decoders: Vec<Decoder>,
    body: Limited,
}

impl Body {
    /// Reads the codings from the headers of a response.
    ///
    /// Letter case does not matter, and `x-gzip` is `gzip`. A name that is no coding changes nothing, as in browsers.
    ///
    /// # Errors
    /// A description of codings that cannot be decoded.
    pub(crate) fn new(headers: &HeaderMap, limit: u64) -> Result<Self, Phrase> {
        let mut codings = Vec::new();
        for line in headers.get_all(CONTENT_ENCODING) {
            let line = String::from_utf8_lossy(line.as_bytes());
            for name in line.split(',').map(str::trim) {
                match name.to_ascii_lowercase().as_str() {
                    "gzip" | "x-gzip" => codings.push(Coding::Gzip),
                    "deflate" => codings.push(Coding::Deflate),
                    "br" => codings.push(Coding::Brotli),
                    // Registered, but not requested.
                    "zstd" | "compress" | "x-compress" | "dcb" | "dcz" | "exi" | "pack200-gzip" => {
                        return Err(phrase!("content-encoding {}", foreign(name)));
                    }
                    // `identity`, nothing, or no coding at all, such as `utf-8` or `aws-chunked`.
                    _ => {}
                }
            }
        }
        if codings.len() > MAX_CODINGS {
            return Err(phrase!("{} content encodings, one in the other", codings.len()));
        }
        // The last one was applied last.
        let decoders = codings.into_iter().rev().map(|coding| Decoder::new(coding, limit)).collect();
        Ok(Self { decoders, body: Limited::new(limit) })
    }

    /// Number of decoded bytes.
    pub(crate) fn len(&self) -> u64 {
        self.body.bytes.len() as u64
    }

    /// Adds the next piece.
    pub(crate) fn add(&mut self, piece: &[u8]) -> Result<(), Undecoded> {
        pass(&mut self.decoders, piece, &mut self.body)
    }

    /// Returns the decoded body once all pieces have arrived.
    pub(crate) fn end(mut self) -> Result<Vec<u8>, Undecoded> {
        for index in 0..self.decoders.len() {
            self.decoders[index].end()?;
            let left = self.decoders[index].take();
            pass(&mut self.decoders[index + 1..], &left, &mut self.body)?;
        }
        Ok(self.body.bytes)
    }
}

/// Passes a piece through decoders and adds the result to the body.
fn pass(decoders: &mut [Decoder], piece: &[u8], body: &mut Limited) -> Result<(), Undecoded> {
    let Some((first, rest)) = decoders.split_first_mut() else {
        return body.write_all(piece).map_err(|_| Undecoded::TooLarge);
    };
    first.add(piece)?;
    let decoded = first.take();
    if decoded.is_empty() { Ok(()) } else { pass(rest, &decoded, body) }
}

/// Takes a limited number of bytes in total, so that no decoder can fill the memory.
struct Limited {
    bytes: Vec<u8>,
    room: u64,
    is_over: bool,
}

impl Limited {
    fn new(limit: u64) -> Self {
        Self { bytes: Vec::new(), room: limit, is_over: false }
    }
}

impl Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(room) = self.room.checked_sub(bytes.len() as u64) else {
            self.is_over = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        };
        self.room = room;
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Decoder of one coding. What follows the end of the compressed data is ignored, as in browsers.
struct Decoder {
    kind: Kind,
    /// First byte of the data. A body of no bytes is empty in every coding.
    first: Option<u8>,
}

enum Kind {
    /// `None` after the last member. There may be several, one after the other (RFC 1952, section 2.2).
    Gzip {
        member: Option<Box<GzDecoder<Limited>>>,
        done: Limited,
    },
    /// With or without the zlib format around it: servers do both, and browsers read both.
    Deflate {
        inflate: Option<Decompress>,
        first: Vec<u8>,
        is_ended: bool,
        decoded: Limited,
    },
    Brotli {
        decoder: Box<DecompressorWriter<Limited>>,
    },
}

impl Decoder {
    fn new(coding: Coding, limit: u64) -> Self {
        let decoded = Limited::new(limit);
        let kind = match coding {
            Coding::Gzip => Kind::Gzip { member: Some(Box::new(GzDecoder::new(decoded))), done: Limited::new(0) },
            Coding::Deflate => Kind::Deflate { inflate: None, first: Vec::new(), is_ended: false, decoded },
            Coding::Brotli => Kind::Brotli { decoder: Box::new(DecompressorWriter::new(decoded, PIECE)) },
        };
        Self { kind, first: None }
    }

    fn add(&mut self, piece: &[u8]) -> Result<(), Undecoded> {
        self.first = self.first.or(piece.first().copied());
        let decoded = match &mut self.kind {
            Kind::Gzip { member, done } => add_gzip(member, done, piece),
            Kind::Deflate { inflate, first, is_ended, decoded } => {
                if *is_ended {
                    return Ok(());
                }
                let joined = [&std::mem::take(first)[..], piece].concat();
                let [one, two, ..] = joined[..] else {
                    *first = joined;
                    return Ok(());
                };
                let inflate = inflate.get_or_insert_with(|| Decompress::new(is_zlib(one, two)));
                inflate_into(inflate, &joined, decoded).map(|ended| *is_ended = ended)
            }
            Kind::Brotli { decoder } => decoder.write_all(piece),
        };
        decoded.map_err(|error| self.undecoded(&error))
    }

    /// Checks that the compressed data is complete.
    fn end(&mut self) -> Result<(), Undecoded> {
        let Some(first) = self.first else { return Ok(()) };
        let is_cut = match &mut self.kind {
            Kind::Gzip { member: None, .. } => return Ok(()),
            Kind::Gzip { member: Some(member), .. } => {
                // A complete member takes nothing more.
                let is_complete = matches!(member.write(&[0]), Ok(0));
                if is_complete && member.try_finish().is_ok() {
                    return Ok(());
                }
                // The decoder waits for a whole header before it looks at its first byte.
                !is_complete && first == GZIP[0]
            }
            Kind::Deflate { is_ended, .. } if *is_ended => return Ok(()),
            Kind::Deflate { .. } => true,
            Kind::Brotli { decoder } => match decoder.close() {
                Ok(()) => return Ok(()),
                Err(_) => true,
            },
        };
        Err(Undecoded::Broken { is_cut })
    }

    /// Takes what has been decoded so far.
    fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.decoded().bytes)
    }

    fn decoded(&mut self) -> &mut Limited {
        match &mut self.kind {
            Kind::Gzip { member: Some(member), .. } => member.get_mut(),
            Kind::Gzip { member: None, done } => done,
            Kind::Deflate { decoded, .. } => decoded,
            Kind::Brotli { decoder } => decoder.get_mut(),
        }
    }

    fn undecoded(&mut self, error: &io::Error) -> Undecoded {
        if self.decoded().is_over {
            Undecoded::TooLarge
        } else {
            Undecoded::Broken { is_cut: error.kind() == io::ErrorKind::UnexpectedEof }
        }
    }
}

fn add_gzip(member: &mut Option<Box<GzDecoder<Limited>>>, done: &mut Limited, mut piece: &[u8]) -> io::Result<()> {
    while let Some(current) = member
        && !piece.is_empty()
    {
        match current.write(piece)? {
            // The member is complete.
            0 => {
                current.try_finish()?;
                let decoded = std::mem::replace(current.get_mut(), Limited::new(0));
                let follows = piece.starts_with(&GZIP) || piece == &GZIP[..1];
                if follows {
                    *member = Some(Box::new(GzDecoder::new(decoded)));
                } else {
                    *member = None;
                    *done = decoded;
                }
            }
            taken => piece = &piece[taken..],
        }
    }
    Ok(())
}

/// True for the two bytes at the start of the zlib format (RFC 1950, section 2.2).
fn is_zlib(one: u8, two: u8) -> bool {
    one & 0x0f == 8 && one >> 4 <= 7 && (u16::from(one) << 8 | u16::from(two)) % 31 == 0
}

/// Decodes a piece. Returns true at the end of the compressed data.
fn inflate_into(inflate: &mut Decompress, mut piece: &[u8], decoded: &mut Limited) -> io::Result<bool> {
    let mut buffer = [0; PIECE];
    loop {
        let (read, written) = (inflate.total_in(), inflate.total_out());
        let status = inflate.decompress(piece, &mut buffer, FlushDecompress::None)?;
        let taken = usize::try_from(inflate.total_in() - read).unwrap_or(piece.len());
        let made = usize::try_from(inflate.total_out() - written).unwrap_or(PIECE);
        decoded.write_all(&buffer[..made])?;
        piece = &piece[taken..];
        match status {
            Status::StreamEnd => return Ok(true),
            Status::Ok | Status::BufError if taken == 0 && made == 0 => return Ok(false),
            Status::Ok | Status::BufError => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use http::HeaderValue;

    use super::*;

    const PAGE: &[u8] = "<h1>Køreskole</h1>".as_bytes();

    fn gzip(data: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    fn zlib(data: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    fn raw(data: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    fn brotli(data: &[u8]) -> Vec<u8> {
        let mut encoded = Vec::new();
        brotli::BrotliCompress(&mut &*data, &mut encoded, &brotli::enc::BrotliEncoderParams::default()).unwrap();
        encoded
    }

    /// Decodes a body that arrives in pieces of this size.
    fn decode(said: &[&'static str], data: &[u8], limit: u64, piece: usize) -> Result<Vec<u8>, Undecoded> {
        let headers = said.iter().map(|line| (CONTENT_ENCODING, HeaderValue::from_static(line))).collect();
        let mut body = Body::new(&headers, limit).unwrap();
        data.chunks(piece).try_for_each(|piece| body.add(piece))?;
        body.end()
    }

    #[test]
    fn codings_are_read_as_browsers_do() {
        let two = [gzip(&PAGE[..5]), gzip(&PAGE[5..])].concat();
        let padded = [&gzip(PAGE)[..], &[0; 512]].concat();
        for (said, data) in [
            (&[][..], PAGE.to_vec()),
            (&[""], PAGE.to_vec()),
            (&["Identity"], PAGE.to_vec()),
            (&["none"], PAGE.to_vec()),
            (&["UTF-8, aws-chunked"], PAGE.to_vec()),
            (&["GZIP"], gzip(PAGE)),
            (&["x-gzip"], gzip(PAGE)),
            (&["identity, gzip,"], gzip(PAGE)),
            (&["gzip"], two),
            (&["gzip"], padded),
            (&["deflate"], zlib(PAGE)),
            (&["deflate"], raw(PAGE)),
            (&["br"], brotli(PAGE)),
            (&["gzip, br"], brotli(&gzip(PAGE))),
            (&["deflate", "gzip"], gzip(&raw(PAGE))),
        ] {
            for piece in [1, 2, 3, 1_000] {
                let decoded = decode(said, &data, 100, piece);
                assert_eq!(decoded.as_deref().ok(), Some(PAGE), "{said:?} in pieces of {piece}: {decoded:?}");
            }
        }
        for said in ["gzip", "deflate", "br"] {
            assert_eq!(decode(&[said], &[], 100, 1).unwrap(), b"", "{said}");
        }
    }

    #[test]
    fn other_codings_are_named() {
        for (said, named) in [("zstd", "content-encoding zstd"), ("gzip, gzip, gzip, gzip", "4 content encodings")] {
            let headers = HeaderMap::from_iter([(CONTENT_ENCODING, HeaderValue::from_static(said))]);
            let refused = Body::new(&headers, 100).err().unwrap().admit(&check::NoSecrets, 100);
            assert!(refused.starts_with(named), "{refused}");
        }
    }

    #[test]
    fn broken_and_cut_data_are_distinguished() {
        for (said, data) in
            [("gzip", gzip(PAGE)), ("deflate", zlib(PAGE)), ("deflate", raw(PAGE)), ("br", brotli(PAGE))]
        {
            for piece in [1, 1_000] {
                let cut = decode(&[said], &data[..data.len() - 1], 100, piece);
                assert!(matches!(cut, Err(Undecoded::Broken { is_cut: true })), "{said}: {cut:?}");
            }
        }
        for (said, data) in [
            ("gzip", &b"\xff\xffplain text that nobody compressed"[..]),
            ("deflate", b"\xff\xffplain text that nobody compressed"),
            ("br", b"\xff\xffplain text that nobody compressed"),
            ("gzip", b"short"),
        ] {
            let plain = decode(&[said], data, 100, 1_000);
            assert!(matches!(plain, Err(Undecoded::Broken { is_cut: false })), "{said}: {plain:?}");
        }
        let mut flipped = gzip(PAGE);
        let checksum = flipped.len() - 8;
        flipped[checksum] ^= 1;
        let flipped = decode(&["gzip"], &flipped, 100, 1_000);
        assert!(matches!(flipped, Err(Undecoded::Broken { is_cut: false })), "{flipped:?}");
    }

    #[test]
    fn limit_holds_for_every_stage() {
        let zeros = vec![0; 1_000_000];
        for (said, data) in [
            ("gzip", gzip(&zeros)),
            ("deflate", zlib(&zeros)),
            ("br", brotli(&zeros)),
            // The outer coding alone exceeds the limit, whatever is inside.
            ("gzip, gzip", gzip(&zeros)),
            ("br, gzip", gzip(&brotli(&zeros))),
            ("identity", zeros.clone()),
        ] {
            let decoded = decode(&[said], &data, 99_999, 1_000);
            assert!(matches!(decoded, Err(Undecoded::TooLarge)), "{said}: {:?}", decoded.map(|body| body.len()));
        }
        assert_eq!(decode(&["gzip"], &gzip(&zeros), 1_000_000, 1_000).unwrap(), zeros);
    }
}
