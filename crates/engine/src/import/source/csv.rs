//! CSV (RFC 4180), by the core of the `csv` crate.
//!
//! The core alone tells where a field begins, and so whether it was quoted: as in PostgreSQL's `COPY`, `""` is an
//! empty text and an empty cell is nothing.

use std::io::BufRead;
use std::sync::Arc;

use csv_core::{ReadFieldResult, Reader};

use super::{LONGEST_ROW, Raw, RawRow, Sink, Stopped, line};

/// Reads record by record; the first names the columns.
pub(super) fn read(from: &mut impl BufRead, sink: &mut Sink) -> Result<(), Stopped> {
    let mut records = Records::new(from);
    let header = match records.next() {
        Ok(Some(header)) => header,
        Ok(None) => return sink.broken(line(1), "is empty; the first line names the columns"),
        Err(message) => return sink.broken(line(records.began), message),
    };
    let names: Vec<Arc<str>> = header.into_iter().map(|(name, _)| name.trim().into()).collect();
    records.columns = names.len();
    loop {
        let cells = match records.next() {
            Ok(Some(cells)) => cells,
            Ok(None) => return Ok(()),
            Err(message) => return sink.broken(line(records.began), message),
        };
        let place = line(records.began);
        if cells.len() != names.len() {
            let message = format!("has {} cells, and the first line {}", cells.len(), names.len());
            sink.refuse(place, message)?;
            continue;
        }
        let size_bytes = cells.iter().map(|(text, _)| text.len() + 8).sum();
        let cells = names.iter().cloned().zip(cells);
        let cells = cells.map(|(name, (text, quoted))| (name, Raw::Cell { text, quoted })).collect();
        sink.row(RawRow { place, cells, size_bytes })?;
    }
}

struct Records<'from, R> {
    from: &'from mut R,
    core: Reader,
    /// The line where the last record began.
    began: usize,
    line: usize,
    first: bool,
    /// How many columns the first line names; none yet.
    columns: usize,
    /// Whether what was read last is a carriage return, of which a line feed would be a part.
    returned: bool,
}

impl<'from, R: BufRead> Records<'from, R> {
    fn new(from: &'from mut R) -> Records<'from, R> {
        Records { from, core: Reader::new(), began: 1, line: 1, first: true, columns: 0, returned: false }
    }

    /// The next record: each cell, and whether it was quoted. An empty line is none, unless there is one column: then it
    /// is an empty cell, as in `COPY`.
    fn next(&mut self) -> Result<Option<Vec<(String, bool)>>, String> {
        self.skip_mark()?;
        if self.returned && self.peek()? == Some(b'\n') {
            self.skip_end_of_line(b'\n');
        }
        self.began = self.line;
        while let Some(byte @ (b'\n' | b'\r')) = self.peek()? {
            self.skip_end_of_line(byte);
            if self.columns == 1 {
                return Ok(Some(vec![(String::new(), false)]));
            }
            self.began = self.line;
        }
        let mut cells = Vec::new();
        let mut size = 0;
        loop {
            let (cell, quoted, ended) = self.cell()?;
            let Some(ended) = ended else {
                return Ok(None);
            };
            size += cell.len();
            if size > LONGEST_ROW {
                return Err("is too long for a row; is a quote not closed?".to_owned());
            }
            let text = String::from_utf8(cell).map_err(|_| "is not UTF-8".to_owned())?;
            cells.push((text, quoted));
            if ended {
                return Ok(Some(cells));
            }
        }
    }

    /// A cell, whether it was quoted, and whether it ends its record; nothing where the file has ended.
    fn cell(&mut self) -> Result<(Vec<u8>, bool, Option<bool>), String> {
        let mut cell = Vec::new();
        let mut part = [0; 4096];
        let quoted = self.peek()? == Some(b'"');
        loop {
            let input = self.from.fill_buf().map_err(|error| format!("cannot be read: {error}"))?;
            let (result, taken, written) = self.core.read_field(input, &mut part);
            self.line += input[..taken].iter().filter(|byte| **byte == b'\n').count();
            self.returned = input[..taken].last().map_or(self.returned, |byte| *byte == b'\r');
            self.from.consume(taken);
            cell.extend_from_slice(&part[..written]);
            if cell.len() > LONGEST_ROW {
                return Err("is too long for a row; is a quote not closed?".to_owned());
            }
            match result {
                ReadFieldResult::InputEmpty | ReadFieldResult::OutputFull => {}
                ReadFieldResult::Field { record_end } => return Ok((cell, quoted, Some(record_end))),
                ReadFieldResult::End => return Ok((cell, quoted, None)),
            }
        }
    }

    /// Skips the byte order mark at the beginning of a file.
    fn skip_mark(&mut self) -> Result<(), String> {
        if std::mem::take(&mut self.first) {
            let input = self.from.fill_buf().map_err(|error| format!("cannot be read: {error}"))?;
            if input.starts_with(b"\xef\xbb\xbf") {
                self.from.consume(3);
            }
        }
        Ok(())
    }

    fn skip_end_of_line(&mut self, byte: u8) {
        self.line += usize::from(byte == b'\n');
        self.returned = byte == b'\r';
        self.from.consume(1);
    }

    fn peek(&mut self) -> Result<Option<u8>, String> {
        let input = self.from.fill_buf().map_err(|error| format!("cannot be read: {error}"))?;
        Ok(input.first().copied())
    }
}
