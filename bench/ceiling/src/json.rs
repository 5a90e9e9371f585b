//! JSON written straight into the answer's bytes: no map and no string of a value is built on the way.

use crate::backend::{Cells, Fault};
use crate::time::write_rfc3339;

/// The columns that [`write_post`] reads, in its order.
pub(crate) const POST_COLUMNS: &str = "p.id, p.title, p.slug, p.body, p.status, p.published_at, p.created_at, \
    p.updated_at, p._version, p.author";

/// Where the version stands among [`POST_COLUMNS`].
const VERSION: usize = 8;

/// The columns that [`write_post_with_author`] reads, in its order.
pub(crate) const POST_AND_AUTHOR_COLUMNS: &str = "p.id, p.title, p.slug, p.body, p.status, p.published_at, \
    p.created_at, p.updated_at, p._version, u.id, u.name, u.role, u.created_at, u.updated_at";

/// The version and the JSON of the post in `row`.
pub(crate) fn record(row: &impl Cells) -> Result<(i64, Vec<u8>), Fault> {
    let mut body = Vec::with_capacity(2048);
    write_post(&mut body, row)?;
    Ok((row.int(VERSION)?, body))
}

/// Appends the post in `row`, its author as an id.
fn write_post(out: &mut Vec<u8>, row: &impl Cells) -> Result<(), Fault> {
    write_own_fields(out, row)?;
    out.extend_from_slice(b",\"author\":");
    write_int(out, row.int(9)?);
    write_times(out, row)?;
    out.push(b'}');
    Ok(())
}

/// Appends the post in `row`, its author as an object.
pub(crate) fn write_post_with_author(out: &mut Vec<u8>, row: &impl Cells) -> Result<(), Fault> {
    write_own_fields(out, row)?;
    out.extend_from_slice(b",\"author\":{\"id\":");
    write_int(out, row.int(9)?);
    out.extend_from_slice(b",\"name\":");
    write_column(out, row, 10)?;
    out.extend_from_slice(b",\"role\":");
    write_column(out, row, 11)?;
    out.extend_from_slice(b",\"created_at\":");
    write_instant(out, row, 12)?;
    out.extend_from_slice(b",\"updated_at\":");
    write_instant(out, row, 13)?;
    out.push(b'}');
    write_times(out, row)?;
    out.push(b'}');
    Ok(())
}

fn write_own_fields(out: &mut Vec<u8>, row: &impl Cells) -> Result<(), Fault> {
    out.extend_from_slice(b"{\"id\":");
    write_int(out, row.int(0)?);
    out.extend_from_slice(b",\"title\":");
    write_column(out, row, 1)?;
    out.extend_from_slice(b",\"slug\":");
    write_column(out, row, 2)?;
    out.extend_from_slice(b",\"body\":");
    write_column(out, row, 3)?;
    out.extend_from_slice(b",\"status\":");
    write_column(out, row, 4)
}

fn write_times(out: &mut Vec<u8>, row: &impl Cells) -> Result<(), Fault> {
    out.extend_from_slice(b",\"published_at\":");
    write_instant(out, row, 5)?;
    out.extend_from_slice(b",\"created_at\":");
    write_instant(out, row, 6)?;
    out.extend_from_slice(b",\"updated_at\":");
    write_instant(out, row, 7)
}

fn write_instant(out: &mut Vec<u8>, row: &impl Cells, column: usize) -> Result<(), Fault> {
    match row.time(column)? {
        Some(at) => write_time(out, at),
        None => out.extend_from_slice(b"null"),
    }
    Ok(())
}

/// Appends a text column.
fn write_column(out: &mut Vec<u8>, row: &impl Cells, column: usize) -> Result<(), Fault> {
    match row.bytes(column)? {
        Some(text) => write_text(out, text),
        None => out.extend_from_slice(b"null"),
    }
    Ok(())
}

/// Appends a whole number.
pub(crate) fn write_int(out: &mut Vec<u8>, number: i64) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// Appends an instant in microseconds as a string.
pub(crate) fn write_time(out: &mut Vec<u8>, micros: i64) {
    out.push(b'"');
    write_rfc3339(out, micros);
    out.push(b'"');
}

/// Appends UTF-8 as a JSON string: what needs no escape is copied in one piece.
pub(crate) fn write_text(out: &mut Vec<u8>, mut text: &[u8]) {
    out.reserve(text.len() + text.len() / 16 + 2);
    out.push(b'"');
    loop {
        let (plain, rest) = text.split_at(next_escape(text));
        out.extend_from_slice(plain);
        let Some((&byte, after)) = rest.split_first() else { break };
        write_escape(out, byte);
        text = after;
    }
    out.push(b'"');
}

/// Where the next byte stands that JSON wants escaped, or the text's end. Posts are long and few of their bytes do,
/// so it looks at eight at a time: byte by byte, this was a fifth of a list's cost.
fn next_escape(text: &[u8]) -> usize {
    let mut at = 0;
    while let Some(word) = text[at..].first_chunk() {
        let found = escapes(u64::from_le_bytes(*word));
        if found != 0 {
            return at + (found.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    let tail = text[at..].iter().position(|&byte| byte < 0x20 || byte == b'"' || byte == b'\\');
    tail.map_or(text.len(), |offset| at + offset)
}

/// Marks the highest bits of the bytes that are control characters, quotes or backslashes. The lowest mark is
/// right; those above it may be wrong. From S. E. Anderson, "Bit Twiddling Hacks".
fn escapes(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let less = |word: u64, limit: u64| word.wrapping_sub(ONES * limit) & !word & HIGHS;
    let equal = |byte: u8| less(word ^ (ONES * u64::from(byte)), 1);
    less(word, 0x20) | equal(b'"') | equal(b'\\')
}

fn write_escape(out: &mut Vec<u8>, byte: u8) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    match byte {
        b'"' => out.extend_from_slice(b"\\\""),
        b'\\' => out.extend_from_slice(b"\\\\"),
        b'\n' => out.extend_from_slice(b"\\n"),
        b'\r' => out.extend_from_slice(b"\\r"),
        b'\t' => out.extend_from_slice(b"\\t"),
        _ => {
            out.extend_from_slice(b"\\u00");
            out.push(HEX[usize::from(byte >> 4)]);
            out.push(HEX[usize::from(byte & 15)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_agree_with_serde_json() {
        let every_byte: String = (0..=0x7f_u8).map(char::from).collect();
        for text in
            ["", "a", "eight by", "nine \"by\\", "häuser und grüße", "line\none\ttab\u{1}", &every_byte]
        {
            let mut out = Vec::new();
            write_text(&mut out, text.as_bytes());
            let back: String = serde_json::from_slice(&out).unwrap();
            assert_eq!(back, text);
        }
    }
}
