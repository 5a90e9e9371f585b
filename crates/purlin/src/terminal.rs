//! What the commands say, and ask: the one file that writes to the terminal.
//!
//! Results go to standard output and everything else to standard error, so that `purlin routes | sort` and
//! `purlin check --json > report.json` hold what they should. Colours are used on a terminal alone, and not
//! where `NO_COLOR` is set (<https://no-color.org>).

use std::fmt::Display;
use std::io::{BufRead, IsTerminal, Write};

/// One of the two streams, with the colours that it takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pen {
    stream: Stream,
    colour: bool,
}

#[derive(Clone, Copy, Debug)]
enum Stream {
    Out,
    Err,
}

/// Standard output: what was asked for.
pub(crate) fn out() -> Pen {
    Pen { stream: Stream::Out, colour: takes_colour(std::io::stdout().is_terminal()) }
}

/// Standard error: what happens meanwhile, and what goes wrong.
pub(crate) fn err() -> Pen {
    Pen { stream: Stream::Err, colour: takes_colour(std::io::stderr().is_terminal()) }
}

/// Standard output for what is large: lines without end.
pub(crate) fn stream() -> impl Write {
    std::io::BufWriter::with_capacity(1 << 16, std::io::stdout().lock())
}

/// Whether a person sits there who can answer.
pub(crate) fn can_ask() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Asks a question that is answered by yes or no; everything but a yes is a no.
pub(crate) fn confirm(question: &str) -> bool {
    let pen = err();
    pen.write(&format!("{} {} ", pen.bold(question), pen.dim("[y/N]")));
    let mut answer = String::new();
    if std::io::stdin().lock().read_line(&mut answer).is_err() {
        return false;
    }
    matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}

/// Columns of text with two spaces between, the last one ragged; empty cells stay empty.
pub(crate) fn table(rows: &[Vec<String>]) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or_default()
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', width - cell.chars().count() + 2));
        }
        line.trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

impl Pen {
    /// Without colours.
    #[cfg(test)]
    pub(crate) fn plain() -> Pen {
        Pen { stream: Stream::Err, colour: false }
    }

    /// Whether this stream is coloured.
    pub(crate) fn colour(self) -> bool {
        self.colour
    }

    /// Writes a line.
    pub(crate) fn line(self, text: impl Display) {
        self.write(&format!("{text}\n"));
    }

    /// Ends a line that somebody else began, on a terminal.
    pub(crate) fn end_of_line(self) {
        if std::io::stderr().is_terminal() {
            self.line("");
        }
    }

    /// Writes text as it is. A reader who has gone away (`purlin routes | head`) is no error.
    pub(crate) fn write(self, text: &str) {
        let result = match self.stream {
            Stream::Out => write_all(std::io::stdout().lock(), text),
            Stream::Err => write_all(std::io::stderr().lock(), text),
        };
        drop(result);
    }

    pub(crate) fn bold(self, text: impl Display) -> String {
        self.paint("1", text)
    }

    pub(crate) fn dim(self, text: impl Display) -> String {
        self.paint("2", text)
    }

    pub(crate) fn good(self, text: impl Display) -> String {
        self.paint("1;32", text)
    }

    pub(crate) fn bad(self, text: impl Display) -> String {
        self.paint("1;31", text)
    }

    pub(crate) fn warn(self, text: impl Display) -> String {
        self.paint("1;33", text)
    }

    pub(crate) fn link(self, text: impl Display) -> String {
        self.paint("4;36", text)
    }

    fn paint(self, code: &str, text: impl Display) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_string() }
    }
}

fn write_all(mut stream: impl Write, text: &str) -> std::io::Result<()> {
    stream.write_all(text.as_bytes())?;
    stream.flush()
}

fn takes_colour(is_terminal: bool) -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    is_terminal && !set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

#[cfg(test)]
mod tests {
    use super::table;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = vec![
            vec!["GET".to_owned(), "/über".to_owned(), "a page".to_owned()],
            vec!["DELETE".to_owned(), "/".to_owned(), String::new()],
        ];
        assert_eq!(table(&rows), ["GET     /über  a page", "DELETE  /"]);
    }
}
