//! JSON: an array of objects, of which one at a time is in memory.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

use serde::Deserializer;
use serde::de::{Error, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::{Place, RawRow, Sink, Stopped, cells_of, line, told};

/// Reads objects until the array ends, or something is wrong with it.
pub(super) fn read(from: impl Read, sink: &mut Sink) -> Result<(), Stopped> {
    let at = Rc::new(At::default());
    let mut parser = serde_json::Deserializer::from_reader(Watched { from, at: at.clone() });
    let mut rows = Rows { sink, at: &at, stopped: false };
    let read = parser.deserialize_seq(&mut rows).and_then(|()| parser.end());
    let stopped = rows.stopped;
    match read {
        _ if stopped => Err(Stopped),
        Ok(()) => Ok(()),
        Err(error) if error.is_data() => sink.broken(line(error.line()), "is not a JSON array of objects"),
        Err(error) => sink.broken(line(error.line()), told(&error)),
    }
}

/// How far the parser has read.
#[derive(Default)]
struct At {
    /// Lines that ended.
    lines: Cell<usize>,
    bytes: Cell<usize>,
    /// Where the object that is read now began: at which line and byte.
    began: Cell<Option<(usize, usize)>>,
}

/// Notes what goes by; the parser takes one byte at a time.
struct Watched<R> {
    from: R,
    at: Rc<At>,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(into)?;
        for byte in &into[..read] {
            self.at.bytes.set(self.at.bytes.get() + 1);
            match byte {
                b'\n' => self.at.lines.set(self.at.lines.get() + 1),
                b'{' if self.at.began.get().is_none() => {
                    self.at.began.set(Some((self.at.lines.get(), self.at.bytes.get())));
                }
                _ => {}
            }
        }
        Ok(read)
    }
}

struct Rows<'sink> {
    sink: &'sink mut Sink,
    at: &'sink At,
    stopped: bool,
}

impl Rows<'_> {
    fn place(&self) -> (Place, usize) {
        let (lines, byte) = self.at.began.get().unwrap_or((self.at.lines.get(), self.at.bytes.get()));
        (line(lines + 1), self.at.bytes.get() - byte)
    }
}

impl<'de> Visitor<'de> for &mut Rows<'_> {
    type Value = ();

    fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("an array of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<(), A::Error> {
        loop {
            self.at.began.set(None);
            let Some(map) = array.next_element::<Map<String, Value>>()? else { return Ok(()) };
            let (place, size_bytes) = self.place();
            if self.sink.row(RawRow { place, cells: cells_of(map), size_bytes }).is_err() {
                self.stopped = true;
                return Err(A::Error::custom("nobody takes rows any more"));
            }
        }
    }
}
