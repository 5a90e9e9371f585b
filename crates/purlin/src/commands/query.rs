//! `purlin query`: a look at a model's records.

use std::collections::BTreeSet;
use std::io::{IsTerminal, Write};

use clap::Args;
use console::{Alignment, Term, measure_text_width, pad_str, truncate_str};
use purlin_engine::{Actor, Engine};
use purlin_schema::model::RelationBy;
use purlin_schema::record::{Related, Row, RowSet, Shape, ShapeRelation};
use purlin_schema::{FieldId, Kind, Model, ModelId, Models, Value};
use purlin_server::answer::json::write_record;

use super::user::told;
use super::{SiteFolder, model_named, small_runtime};
use crate::error::Outcome;
use crate::terminal;

/// Records that are asked for at once.
const ROWS_A_PAGE: u32 = 100;
/// A column of a table takes no more, where others need the room.
const WIDEST: usize = 48;
/// What a column needs to be of use.
const NARROWEST: usize = 8;
/// The width of a table where nobody says how wide the terminal is.
const USUAL_WIDTH: usize = 100;

/// Show a model's records, as a table or as NDJSON
///
/// A terminal gets a table, anything else NDJSON. Filters are CEL, as in pages and the API; you see what the
/// owner sees, passwords and hidden fields excepted.
#[derive(Args)]
#[command(verbatim_doc_comment)]
#[command(after_help = "\
Examples:
  purlin query posts --filter 'status == \"draft\"' --sort -created_at --limit 5
  purlin query posts --fields title,published_at --include author,tags
  purlin query users --json | jq .email")]
pub(super) struct Arguments {
    /// Whose records
    #[arg(value_name = "MODEL")]
    model: String,
    #[command(flatten)]
    site: SiteFolder,
    /// Which records, in CEL
    #[arg(long, value_name = "CEL")]
    filter: Option<String>,
    /// In which order; a minus before a field goes from the greatest
    #[arg(long, value_name = "FIELD,…", allow_hyphen_values = true)]
    sort: Option<String>,
    /// Which fields
    #[arg(long, value_name = "FIELD,…")]
    fields: Option<String>,
    /// With which related records
    #[arg(long, value_name = "RELATION,…")]
    include: Option<String>,
    /// How many at most
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: u32,
    /// NDJSON, also on a terminal
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let engine = arguments.site.engine()?;
    let model = model_named(&engine, &arguments.model)?;
    let as_table = !arguments.json && std::io::stdout().is_terminal();
    let sets = small_runtime()?.block_on(pages(&engine, model, arguments))?;
    if as_table {
        let (_, width) = Term::stdout().size_checked().unwrap_or((0, 0));
        let width = if width == 0 { USUAL_WIDTH } else { usize::from(width) };
        let pen = terminal::out();
        let table = Table::of(&engine.site().models, &sets, arguments.fields.is_some());
        table.lines(width, |text| pen.bold(text)).into_iter().for_each(|line| pen.line(line));
        if let Some(note) = table.note(width) {
            terminal::err().line(terminal::err().dim(note));
        }
        return Ok(());
    }
    let mut out = terminal::stream();
    for set in &sets {
        for row in &set.rows {
            let mut line = Vec::new();
            write_record(&mut line, &engine.site().models, &set.shape, row);
            line.push(b'\n');
            if out.write_all(&line).is_err() {
                return Ok(());
            }
        }
    }
    // Whoever reads may have gone away.
    let _ = out.flush();
    Ok(())
}

async fn pages(engine: &Engine, model: ModelId, arguments: &Arguments) -> Outcome<Vec<RowSet>> {
    let mut left = arguments.limit;
    let mut cursor: Option<String> = None;
    let mut sets = Vec::new();
    while left > 0 {
        let page = left.min(ROWS_A_PAGE).min(engine.site().settings.api.max_per_page);
        let given = [
            ("filter", &arguments.filter),
            ("sort", &arguments.sort),
            ("fields", &arguments.fields),
            ("include", &arguments.include),
            ("cursor", &cursor),
        ];
        let given = given.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text.clone()?)));
        let parameters: Vec<(String, String)> =
            given.chain([("per_page".to_owned(), page.to_string())]).collect();
        let listing =
            engine.list(&Actor::Owner, model, &parameters).await.map_err(|failure| told(&failure))?;
        left -= page;
        cursor = listing.next;
        sets.push(listing.set);
        if cursor.is_none() {
            break;
        }
    }
    Ok(sets)
}

/// Records as lines of text.
struct Table {
    head: Vec<String>,
    right: Vec<bool>,
    rows: Vec<Vec<String>>,
    /// Whether columns may be left out: nobody chose them.
    free: bool,
}

/// A column for each free field that a record has, or that was asked for.
struct FreeColumns {
    names: Vec<String>,
    /// Where the document is that holds them.
    at: Option<usize>,
}

impl FreeColumns {
    fn of(model: &Model, shape: &Shape, sets: &[RowSet]) -> FreeColumns {
        let at = model.free.and_then(|free| shape.position(free));
        let held = |row: &Row| row.values.get(at?).cloned();
        let names = match &shape.free {
            _ if at.is_none() => Vec::new(),
            Some(chosen) => chosen.clone(),
            None => {
                let documents = sets.iter().flat_map(|set| &set.rows).filter_map(|row| held(row));
                let names = documents.flat_map(|document| {
                    model.free_fields(&document).map(|(name, _)| name.to_owned()).collect::<Vec<_>>()
                });
                names.collect::<BTreeSet<String>>().into_iter().collect()
            }
        };
        FreeColumns { names, at }
    }

    fn cells(&self, row: &Row) -> impl Iterator<Item = String> {
        let document = self.at.and_then(|at| row.values.get(at));
        let json = document.and_then(|document| match document {
            Value::Json(json) => json.as_object(),
            _ => None,
        });
        self.names.iter().map(move |name| match json.and_then(|json| json.get(name)) {
            None => String::new(),
            Some(serde_json::Value::String(text)) => one_line(&Value::from(text.as_str())),
            Some(other) => one_line(&Value::json(other.clone())),
        })
    }
}

impl Table {
    fn of(models: &Models, sets: &[RowSet], chosen: bool) -> Table {
        let Some(shape) = sets.first().map(|set| set.shape.clone()) else {
            return Table { head: Vec::new(), right: Vec::new(), rows: Vec::new(), free: true };
        };
        let model = models.get(shape.model);
        let fields = shape.fields.iter().enumerate().filter(|(_, id)| {
            let field = model.field(**id);
            let included = shape.relations.iter().any(|one| stands_for(model, one) == Some(field.id));
            let secret = field.hidden || field.ty.name() == "password";
            field.id != FieldId::VERSION && !secret && !included && model.free != Some(field.id)
        });
        let mut fields: Vec<(usize, FieldId)> = fields.map(|(at, id)| (at, *id)).collect();
        if !chosen {
            // What names a record comes first, and what every record has, last.
            let rank = |id: FieldId| match id {
                FieldId::ID => 0,
                id if id == model.label => 1,
                FieldId::CREATED_AT | FieldId::UPDATED_AT => 3,
                _ => 2,
            };
            fields.sort_by_key(|(_, id)| rank(*id));
        }
        let mut head: Vec<String> = fields.iter().map(|(_, id)| model.field(*id).name.clone()).collect();
        let number = |id: FieldId| matches!(model.field(id).kind, Kind::Int | Kind::Float | Kind::Decimal(_));
        let mut right: Vec<bool> = fields.iter().map(|(_, id)| number(*id)).collect();
        let free = FreeColumns::of(model, &shape, sets);
        right.extend(free.names.iter().map(|_| false));
        head.extend(free.names.iter().cloned());
        for included in &shape.relations {
            head.push(model.relation(included.relation).name.clone());
            right.push(false);
        }
        let cells = |row: &Row| {
            let plain = fields.iter().map(|(at, _)| row.values.get(*at).map(one_line).unwrap_or_default());
            let related = row
                .related
                .iter()
                .zip(&shape.relations)
                .map(|(related, one)| labels(models, related, &one.shape));
            plain.chain(free.cells(row)).chain(related).collect()
        };
        let rows = sets.iter().flat_map(|set| &set.rows).map(|row| cells(row)).collect();
        Table { head, right, rows, free: !chosen }
    }

    /// The widths of the columns that fit.
    fn widths(&self, most: usize) -> Vec<usize> {
        let natural = |at: usize| {
            let cells = self.rows.iter().map(|row| measure_text_width(&row[at]));
            cells.chain([measure_text_width(&self.head[at])]).max().unwrap_or_default()
        };
        let mut widths: Vec<usize> = (0..self.head.len()).map(|at| natural(at).min(WIDEST)).collect();
        let total = |widths: &[usize]| widths.iter().sum::<usize>() + 2 * widths.len().saturating_sub(1);
        while total(&widths) > most {
            let widest = widths.iter().copied().max().unwrap_or_default();
            let floor = if self.free { 2 * NARROWEST } else { NARROWEST };
            let at = widths.iter().rposition(|width| *width == widest).unwrap_or_default();
            if widest > floor {
                widths[at] -= 1;
            } else if widths.len() > 1 {
                widths.pop();
            } else {
                break;
            }
        }
        widths
    }

    fn lines(&self, most: usize, bold: impl Fn(&str) -> String) -> Vec<String> {
        if self.rows.is_empty() {
            return vec!["no records".to_owned()];
        }
        let widths = self.widths(most);
        let line = |cells: &[String]| {
            let cells = widths.iter().zip(cells).zip(&self.right).map(|((width, cell), right)| {
                let side = if *right { Alignment::Right } else { Alignment::Left };
                pad_str(&truncate_str(cell, *width, "…"), *width, side, None).into_owned()
            });
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        let mut lines = vec![bold(&line(&self.head))];
        lines.extend(self.rows.iter().map(|row| line(row)));
        lines
    }

    /// What is said of columns that did not fit.
    fn note(&self, most: usize) -> Option<String> {
        let left_out = &self.head[self.widths(most).len()..];
        (!left_out.is_empty() && !self.rows.is_empty())
            .then(|| format!("not shown for want of room: {}; --fields chooses", left_out.join(", ")))
    }
}

/// The ref's field whose id an included record stands for.
fn stands_for(model: &Model, included: &ShapeRelation) -> Option<FieldId> {
    match model.relation(included.relation).by {
        RelationBy::Ref(field) | RelationBy::Refs(field) => Some(field),
        RelationBy::Inverse(_) | RelationBy::InverseRefs(_) => None,
    }
}

/// What names the related records.
fn labels(models: &Models, related: &Related, shape: &Shape) -> String {
    let label = models.get(shape.model).label;
    let name = |row: &Row| {
        let value = shape.value(row, label).or_else(|| shape.value(row, FieldId::ID));
        value.map(one_line).unwrap_or_default()
    };
    match related {
        Related::One(row) => row.as_deref().map(name).unwrap_or_default(),
        Related::Many(rows) => rows.iter().map(|row| name(row)).collect::<Vec<_>>().join(", "),
    }
}

/// A value on one line, without what a terminal would obey.
fn one_line(value: &Value) -> String {
    let text = match value {
        Value::Datetime(_) => value.to_text().replace(".000000Z", "Z"),
        value => value.to_text(),
    };
    let short: String = text.chars().take(4 * WIDEST).collect();
    let words: Vec<&str> =
        short.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(free: bool) -> Table {
        let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        Table {
            head: row(["id", "title", "note"]),
            right: vec![true, false, false],
            rows: vec![row(["7", "短い題名", "a"]), row(["1234", "A title of some length, to be cut", "b"])],
            free,
        }
    }

    #[test]
    fn columns_are_measured_as_they_are_shown() {
        let lines = table(true).lines(80, str::to_owned);
        assert_eq!(lines[0], "  id  title                              note");
        assert_eq!(lines[1], "   7  短い題名                           a");
        assert!(table(true).note(80).is_none());
    }

    #[test]
    fn what_does_not_fit_is_cut_then_left_out() {
        let lines = table(true).lines(30, str::to_owned);
        assert_eq!(lines[2], "1234  A title of some l…  b");
        let lines = table(true).lines(24, str::to_owned);
        assert_eq!(lines[2], "1234  A title of some…", "a column that nobody chose goes first");
        assert_eq!(
            table(true).note(24).as_deref(),
            Some("not shown for want of room: note; --fields chooses")
        );
        assert_eq!(table(false).lines(24, str::to_owned)[2], "1234  A title of …  b");
    }

    #[test]
    fn a_value_is_one_line_without_control_characters() {
        assert_eq!(one_line(&Value::from("a\n\u{1b}[31mb\tc")), "a [31mb c");
        assert_eq!(one_line(&Value::Datetime(0)), "1970-01-01T00:00:00Z");
    }
}
