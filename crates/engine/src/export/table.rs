//! CSV (RFC 4180). Nothing is an empty cell and an empty text is `""`, so that an import knows one from the other.

use std::io::{self, Write};

use purlin_schema::Value;

use super::{Cell, Column};

pub(super) fn header(out: &mut dyn Write, columns: &[Column]) -> io::Result<()> {
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    writeln!(out, "{}", names.join(","))
}

pub(super) fn record(out: &mut dyn Write, cells: &[Cell<'_>]) -> io::Result<()> {
    let mut line = String::new();
    for (at, cell) in cells.iter().enumerate() {
        if at > 0 {
            line.push(',');
        }
        match cell {
            Cell::One(Value::Null | Value::Withheld, _) => {}
            Cell::One(value, _) => quote(&value.to_text(), &mut line),
            Cell::List(values, _) if values.is_empty() => {}
            Cell::List(values, _) => quote(&list(cell, values), &mut line),
            Cell::Free(pairs) if pairs.is_empty() => {}
            Cell::Free(_) => {
                let mut json = Vec::new();
                cell.write_json(&mut json);
                quote(&String::from_utf8_lossy(&json), &mut line);
            }
        }
    }
    line.push('\n');
    out.write_all(line.as_bytes())
}

/// `|` between the items; JSON where that would not be told from an item's own text.
fn list(cell: &Cell<'_>, values: &[&Value]) -> String {
    let texts: Vec<String> = values.iter().map(|value| value.to_text()).collect();
    let plain = |text: &String| {
        !text.is_empty() && !text.contains('|') && !text.starts_with('[') && text.trim() == text
    };
    if texts.iter().all(plain) {
        return texts.join("|");
    }
    let mut json = Vec::new();
    cell.write_json(&mut json);
    String::from_utf8_lossy(&json).into_owned()
}

fn quote(text: &str, line: &mut String) {
    if !text.is_empty() && !text.contains(['"', ',', '\n', '\r']) && !text.starts_with('\u{feff}') {
        line.push_str(text);
        return;
    }
    line.push('"');
    line.push_str(&text.replace('"', "\"\""));
    line.push('"');
}
