//! NDJSON: a JSON object a line.

use std::io::{BufRead, Read};

use serde_json::{Map, Value};

use super::{LONGEST_ROW, RawRow, Sink, Stopped, cells_of, line, told};

/// Reads line by line; a line that is no object is refused, and the next one looked at.
pub(super) fn read(from: &mut impl BufRead, sink: &mut Sink) -> Result<(), Stopped> {
    let mut number = 0;
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        number += 1;
        match from.by_ref().take(LONGEST_ROW as u64).read_until(b'\n', &mut bytes) {
            Ok(0) => return Ok(()),
            Ok(LONGEST_ROW..) => return sink.broken(line(number), "is too long for a row"),
            Ok(_) => {}
            Err(error) => return sink.broken(line(number), format!("cannot be read: {error}")),
        }
        if number == 1 && bytes.starts_with(b"\xef\xbb\xbf") {
            bytes.drain(..3);
        }
        let text = bytes.trim_ascii();
        if text.is_empty() {
            continue;
        }
        match serde_json::from_slice::<Map<String, Value>>(text) {
            Ok(map) => {
                sink.row(RawRow { place: line(number), cells: cells_of(map), size_bytes: text.len() })?;
            }
            Err(error) if error.is_data() => sink.refuse(line(number), "is not a JSON object")?,
            Err(error) => sink.refuse(line(number), told(&error))?,
        }
    }
}
