//! A Markdown file a record: a front matter in YAML, then the text.
//!
//! A value in the front matter is written as JSON, which YAML takes as it is.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use purlin_schema::{FieldId, Model, Value};

use super::{Cell, Column};

pub(super) fn write(
    folder: &Path,
    model: &Model,
    columns: &[Column],
    cells: &[Cell<'_>],
    body: Option<FieldId>,
) -> io::Result<()> {
    let mut text = b"---\n".to_vec();
    let mut below = "";
    let mut name = None;
    for (column, cell) in columns.iter().zip(cells) {
        match cell {
            // What is empty stands in the front matter, where nothing and an empty text are not alike.
            Cell::One(Value::Text(body_text), _) if Some(column.id) == body && !body_text.is_empty() => {
                below = body_text;
                continue;
            }
            Cell::One(value, _) if model.field(column.id).ty.name() == "slug" && !value.is_null() => {
                name = Some(value.to_text());
            }
            Cell::One(value, _) if column.id == FieldId::ID && name.is_none() => name = Some(value.to_text()),
            Cell::Free(pairs) => {
                pairs
                    .iter()
                    .for_each(|(name, value)| text.extend_from_slice(free_line(name, value).as_bytes()));
                continue;
            }
            _ => {}
        }
        text.extend_from_slice(column.name.as_bytes());
        text.extend_from_slice(b": ");
        let mut json = Vec::new();
        cell.write_json(&mut json);
        text.extend_from_slice(printable(&String::from_utf8_lossy(&json)).as_bytes());
        text.push(b'\n');
    }
    text.extend_from_slice(b"---\n\n");
    text.extend_from_slice(below.as_bytes());
    let name = name.unwrap_or_else(|| "record".to_owned());
    let mut file = free(folder, &name)?;
    file.write_all(&text)
}

/// A free field, whose name may be anything: as JSON has it.
fn free_line(name: &str, value: &serde_json::Value) -> String {
    format!("{}: {}\n", printable(&serde_json::Value::from(name).to_string()), printable(&value.to_string()))
}

/// A new file: records of one slug get a number.
fn free(folder: &Path, name: &str) -> io::Result<File> {
    let mut number = 1;
    loop {
        let numbered = if number == 1 { format!("{name}.md") } else { format!("{name}-{number}.md") };
        match File::create_new(folder.join(numbered)) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < 10_000 => number += 1,
            result => return result,
        }
    }
}

/// Characters that YAML takes only by their numbers; in JSON they can stand in texts alone.
fn printable(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out
}
