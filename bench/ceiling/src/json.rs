//! JSON written straight into the answer's bytes: no map and no string of a value is built on the way.

use rusqlite::Row;

use crate::time::write_rfc3339;

/// The columns that [`write_post`] reads, in its order.
pub(crate) const POST_COLUMNS: &str = "p.id, p.title, p.slug, p.body, p.status, p.published_at, p.created_at, \
    p.updated_at, p._version, p.author";

/// Where the version stands among [`POST_COLUMNS`].
pub(crate) const VERSION: usize = 8;

/// The columns that [`write_post_with_author`] reads, in its order.
pub(crate) const POST_AND_AUTHOR_COLUMNS: &str = "p.id, p.title, p.slug, p.body, p.status, p.published_at, \
    p.created_at, p.updated_at, p._version, u.id, u.name, u.role, u.created_at, u.updated_at";

/// Appends the post in `row`, its author as an id.
pub(crate) fn write_post(out: &mut Vec<u8>, row: &Row<'_>) -> rusqlite::Result<()> {
    write_own_fields(out, row)?;
    out.extend_from_slice(b",\"author\":");
    write_int(out, row.get(9)?);
    write_times(out, row)?;
    out.push(b'}');
    Ok(())
}

/// Appends the post in `row`, its author as an object.
pub(crate) fn write_post_with_author(out: &mut Vec<u8>, row: &Row<'_>) -> rusqlite::Result<()> {
    write_own_fields(out, row)?;
    out.extend_from_slice(b",\"author\":{\"id\":");
    write_int(out, row.get(9)?);
    out.extend_from_slice(b",\"name\":");
    write_column(out, row, 10)?;
    out.extend_from_slice(b",\"role\":");
    write_column(out, row, 11)?;
    out.extend_from_slice(b",\"created_at\":");
    write_time(out, row.get(12)?);
    out.extend_from_slice(b",\"updated_at\":");
    write_time(out, row.get(13)?);
    out.push(b'}');
    write_times(out, row)?;
    out.push(b'}');
    Ok(())
}

fn write_own_fields(out: &mut Vec<u8>, row: &Row<'_>) -> rusqlite::Result<()> {
    out.extend_from_slice(b"{\"id\":");
    write_int(out, row.get(0)?);
    out.extend_from_slice(b",\"title\":");
    write_column(out, row, 1)?;
    out.extend_from_slice(b",\"slug\":");
    write_column(out, row, 2)?;
    out.extend_from_slice(b",\"body\":");
    write_column(out, row, 3)?;
    out.extend_from_slice(b",\"status\":");
    write_column(out, row, 4)
}

fn write_times(out: &mut Vec<u8>, row: &Row<'_>) -> rusqlite::Result<()> {
    out.extend_from_slice(b",\"published_at\":");
    match row.get(5)? {
        Some(at) => write_time(out, at),
        None => out.extend_from_slice(b"null"),
    }
    out.extend_from_slice(b",\"created_at\":");
    write_time(out, row.get(6)?);
    out.extend_from_slice(b",\"updated_at\":");
    write_time(out, row.get(7)?);
    Ok(())
}

/// Appends a text column, read where SQLite holds it.
fn write_column(out: &mut Vec<u8>, row: &Row<'_>, column: usize) -> rusqlite::Result<()> {
    match row.get_ref(column)?.as_bytes_or_null()? {
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

/// Appends UTF-8 as a JSON string.
///
/// Text is looked through eight bytes at a time: posts are long and few of their bytes want escaping.
pub(crate) fn write_text(out: &mut Vec<u8>, text: &[u8]) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    let mut copied = 0;
    let mut at = 0;
    while at < text.len() {
        if let Some(word) = text.get(at..at + 8).and_then(|eight| eight.try_into().ok())
            && is_plain(u64::from_le_bytes(word))
        {
            at += 8;
            continue;
        }
        let end = text.len().min(at + 8);
        while at < end {
            let byte = text[at];
            if byte < 0x20 || byte == b'"' || byte == b'\\' {
                out.extend_from_slice(&text[copied..at]);
                write_escape(out, byte);
                copied = at + 1;
            }
            at += 1;
        }
    }
    out.extend_from_slice(&text[copied..]);
    out.push(b'"');
}

/// Whether none of the word's bytes is a control character, a quote or a backslash. A false alarm is possible
/// and harmless. From "Bit Twiddling Hacks", S. E. Anderson.
fn is_plain(word: u64) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let has_less = |word: u64, limit: u64| word.wrapping_sub(ONES * limit) & !word & HIGHS;
    let has = |byte: u8| has_less(word ^ (ONES * u64::from(byte)), 1);
    has_less(word, 0x20) | has(b'"') | has(b'\\') == 0
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
