//! Values as JSON, written straight into the answer's buffer.

use super::text::{datetime_digits, write_date, write_datetime};
use super::{Value, format_decimal, format_duration};

/// Writes a value as JSON: times as RFC 3339, decimals, UUIDs and durations as strings, and integers as
/// numbers unless the field is `big` (64 bits do not survive JavaScript). Null and what is withheld are `null`;
/// whoever writes a record leaves out what is withheld before it comes here.
pub fn write_json(value: &Value, big: bool, out: &mut Vec<u8>) {
    match value {
        Value::Null | Value::Withheld => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Int(number) => {
            let mut buffer = itoa::Buffer::new();
            let digits = buffer.format(*number).as_bytes();
            if big {
                quoted(digits, out);
            } else {
                out.extend_from_slice(digits);
            }
        }
        // Serde writes what is not finite as null; to a vector it cannot fail.
        Value::Float(number) => drop(serde_json::to_writer(out, number)),
        Value::Decimal(decimal) => quoted(format_decimal(*decimal).as_bytes(), out),
        Value::Text(text) => write_json_string(text, out),
        Value::Date(days) => {
            let mut text = String::with_capacity(10);
            write_date(i64::from(*days), &mut text);
            quoted(text.as_bytes(), out);
        }
        Value::Datetime(micros) => match datetime_digits(*micros) {
            Some(digits) => quoted(&digits, out),
            None => {
                let mut text = String::new();
                write_datetime(*micros, &mut text);
                quoted(text.as_bytes(), out);
            }
        },
        Value::Duration(micros) => quoted(format_duration(*micros).as_bytes(), out),
        Value::Uuid(uuid) => {
            quoted(uuid.hyphenated().encode_lower(&mut uuid::Uuid::encode_buffer()).as_bytes(), out);
        }
        Value::Json(json) => drop(serde_json::to_writer(out, json)),
    }
}

/// Writes a text as a JSON string, quotes included.
pub fn write_json_string(text: &str, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    out.reserve(bytes.len() + 2);
    out.push(b'"');
    let mut from = 0;
    while let Some(plain) = plain_run(&bytes[from..]) {
        out.extend_from_slice(&bytes[from..from + plain]);
        write_escape(bytes[from + plain], out);
        from += plain + 1;
    }
    out.extend_from_slice(&bytes[from..]);
    out.push(b'"');
}

/// How many bytes come before the first that must be escaped; `None` where there is none.
fn plain_run(bytes: &[u8]) -> Option<usize> {
    const BLOCK: usize = 32;
    const WORD: usize = 8;
    // Most blocks are plain. Without a branch inside, the compiler compares all of a block's bytes at once.
    let plain = |block: &&[u8; BLOCK]| !block.iter().fold(false, |any, byte| any | is_special(*byte));
    let from = bytes.as_chunks::<BLOCK>().0.iter().take_while(plain).count() * BLOCK;
    let (words, rest) = bytes[from..].as_chunks::<WORD>();
    for (at, word) in words.iter().enumerate() {
        let marked = marked(u64::from_le_bytes(*word));
        if marked != 0 {
            return Some(from + at * WORD + marked.trailing_zeros() as usize / 8);
        }
    }
    let tail = bytes.len() - rest.len();
    rest.iter().position(|byte| is_special(*byte)).map(|at| tail + at)
}

fn is_special(byte: u8) -> bool {
    (byte == b'"') | (byte == b'\\') | (byte < b' ')
}

/// Eight bytes at once: the highest bit of each that is a quote, a backslash or below a space. The first mark is
/// right; those above it may be borrowed from it.
fn marked(word: u64) -> u64 {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH: u64 = ONES << 7;
    let zero_in = |word: u64| word.wrapping_sub(ONES) & !word;
    let below_space = word.wrapping_sub(ONES * 0x20) & !word;
    (zero_in(word ^ (ONES * 0x22)) | zero_in(word ^ (ONES * 0x5c)) | below_space) & HIGH
}

fn write_escape(byte: u8, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    match byte {
        b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
        b'\n' => out.extend_from_slice(b"\\n"),
        b'\r' => out.extend_from_slice(b"\\r"),
        b'\t' => out.extend_from_slice(b"\\t"),
        0x08 => out.extend_from_slice(b"\\b"),
        0x0c => out.extend_from_slice(b"\\f"),
        _ => {
            out.extend_from_slice(b"\\u00");
            out.extend_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        }
    }
}

fn quoted(plain: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    out.extend_from_slice(plain);
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(value: &Value, big: bool) -> String {
        let mut out = Vec::new();
        write_json(value, big, &mut out);
        String::from_utf8(out).expect("JSON is UTF-8")
    }

    #[test]
    fn known_values() {
        assert_eq!(written(&Value::Int(i64::MIN), true), "\"-9223372036854775808\"");
        assert_eq!(written(&Value::Int(7), false), "7");
        assert_eq!(written(&Value::Float(f64::NAN), false), "null");
        assert_eq!(written(&Value::Float(1.0), false), "1.0");
        assert_eq!(written(&Value::Datetime(0), false), "\"1970-01-01T00:00:00.000000Z\"");
        assert_eq!(written(&Value::Null, false), "null");
    }

    proptest! {
        #[test]
        fn every_text_is_read_back(text in any::<String>()) {
            let mut out = Vec::new();
            write_json_string(&text, &mut out);
            prop_assert_eq!(serde_json::from_slice::<String>(&out).ok(), Some(text));
        }

        #[test]
        fn every_text_is_written_as_the_standard_crate_writes_it(text in r#"([a-z \u{e9}\u{1f600}]{0,12}["\\\u{0}-\u{1f}\u{7f}]{0,2}){0,6}"#) {
            let mut out = Vec::new();
            write_json_string(&text, &mut out);
            let standard = serde_json::to_string(&text).expect("a text");
            prop_assert_eq!(String::from_utf8(out).expect("UTF-8"), standard);
        }
    }
}
