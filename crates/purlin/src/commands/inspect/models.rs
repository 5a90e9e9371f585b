//! Tables as models: names, types, keys and relations.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use purlin_store::inspect::{Column, ForeignKey, Inspected, Known, Table};

use super::names::{self, quoted};

/// A model to be written.
pub(super) struct Model {
    pub(super) name: String,
    pub(super) table: String,
    pub(super) key: Key,
    /// The columns of the times that Purlin keeps: of which is made, and of what was changed.
    pub(super) times: [Option<String>; 2],
    pub(super) fields: Vec<Field>,
    /// `[[unique]]` and `[[index]]`: the word and the fields.
    keys: Vec<(&'static str, Vec<String>)>,
}

/// What tells its records apart.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Key {
    /// A column of integers.
    Column(String),
    /// A column of UUIDs.
    Uuid(String),
    /// The number of the row.
    Row,
    /// A number made of these columns.
    Columns(Vec<String>),
    /// The place of the row.
    Place,
}

/// A field to be written.
pub(super) struct Field {
    pub(super) name: String,
    pub(super) is: Is,
    /// Of the label, where the column's own name reads otherwise.
    label: Option<String>,
    column: String,
    required: bool,
    hidden: bool,
    /// What else its column asks for, as TOML has it.
    further: Vec<String>,
}

/// What a field is.
pub(super) enum Is {
    /// A value of a type, as TOML has it after `type = `.
    Value(String),
    /// A ref: the model, the inverse, and the column there where that is not its key.
    Ref { to: String, inverse: String, references: Option<String> },
    /// A list of refs: the model, the inverse, the table of links and its columns.
    Refs { to: String, inverse: String, table: String, source: String, target: String },
}

/// A column whose name says that it is nobody's to see.
const SECRETS: &[&str] = &[
    "password",
    "passwd",
    "pwd",
    "secret",
    "token",
    "salt",
    "hash",
    "api_key",
    "apikey",
    "private_key",
    "iban",
    "ssn",
];

/// The models of a database, and what could not become one as it is.
pub(super) fn plan(found: &Inspected) -> (Vec<Model>, Vec<String>) {
    let mut notes = Vec::new();
    let links: HashSet<&str> = found
        .tables
        .iter()
        .filter(|table| ends(found, table).is_some())
        .map(|table| table.name.as_str())
        .collect();
    let mut taken = HashSet::new();
    let names: HashMap<&str, String> = found
        .tables
        .iter()
        .filter(|table| !links.contains(table.name.as_str()))
        .map(|table| (table.name.as_str(), names::model(&table.name, &mut taken)))
        .collect();
    let mut planner = Planner { found, names: &names, members: HashMap::new(), notes: &mut notes };
    let tables = || found.tables.iter().filter(|table| names.contains_key(table.name.as_str()));
    let mut models: Vec<Model> = tables().map(|table| planner.values(table)).collect();
    for (model, table) in models.iter_mut().zip(tables()) {
        planner.refs(model, table);
    }
    for table in found.tables.iter().filter(|table| links.contains(table.name.as_str())) {
        planner.many_to_many(&mut models, table);
    }
    for (model, table) in models.iter_mut().zip(tables()) {
        keys(model, table);
    }
    (models, notes)
}

/// What tells the rows of a table apart.
fn key_of(table: &Table) -> Key {
    match table.primary.as_slice() {
        [one] if column(table, one).is_some_and(is_integer) => Key::Column(one.clone()),
        [one] if column(table, one).is_some_and(|column| column.known == Some(Known::Uuid)) => {
            Key::Uuid(one.clone())
        }
        _ if table.has_row_numbers => Key::Row,
        [] => Key::Place,
        key => Key::Columns(key.to_vec()),
    }
}

impl Key {
    fn column(&self) -> Option<&str> {
        match self {
            Key::Column(column) | Key::Uuid(column) => Some(column),
            Key::Row | Key::Columns(_) | Key::Place => None,
        }
    }
}

fn column<'table>(table: &'table Table, name: &str) -> Option<&'table Column> {
    table.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name))
}

/// Whether a column holds nothing but times.
fn is_time(column: &Column) -> bool {
    let zero = column.known.is_some() && column.holds.unfit > 0;
    !zero && !column.is_computed && type_of(column).as_deref() == Some("\"datetime\"")
}

fn is_integer(column: &Column) -> bool {
    let holds = column.holds;
    if let Some(known) = &column.known {
        return *known == Known::Int;
    }
    column.declared.to_ascii_uppercase().contains("INT") && holds.values == holds.integers && holds.great == 0
}

/// The two ends of a table that is nothing but links, but for when they were made.
fn ends<'found>(found: &'found Inspected, table: &'found Table) -> Option<[&'found ForeignKey; 2]> {
    let [one, two] = table.foreign.as_slice() else { return None };
    let by_key = |key: &ForeignKey| {
        let to = found.tables.iter().find(|other| other.name.eq_ignore_ascii_case(&key.to))?;
        (key.columns.len() == 1 && references(key, to).is_none() && key_of(to).column().is_some())
            .then_some(())
    };
    by_key(one)?;
    by_key(two)?;
    let of_ends = |name: &str| one.columns[0] == name || two.columns[0] == name;
    let both = |columns: &[String]| columns.len() == 2 && columns.iter().all(|name| of_ends(name));
    let is_key = both(&table.primary) || table.uniques.iter().any(|unique| both(unique));
    let others = table.columns.iter().filter(|column| !of_ends(&column.name));
    let plain = others.filter(|column| !table.primary.contains(&column.name)).all(|column| {
        let holds = column.holds;
        match &column.known {
            Some(known) => matches!(known, Known::Date | Known::Datetime),
            None => holds.values == holds.times || holds.values == 0,
        }
    });
    (is_key && plain && one.columns != two.columns).then_some([one, two])
}

/// The column that a foreign key refers to, where that is not the key of the records there.
fn references(key: &ForeignKey, to: &Table) -> Option<String> {
    let named = key.to_columns.first().or(to.primary.first())?;
    match key_of(to).column() {
        Some(key) if key.eq_ignore_ascii_case(named) => None,
        _ => Some(named.clone()),
    }
}

struct Planner<'found> {
    found: &'found Inspected,
    /// Models by their tables.
    names: &'found HashMap<&'found str, String>,
    /// What each model's fields and relations are called.
    members: HashMap<String, HashSet<String>>,
    notes: &'found mut Vec<String>,
}

impl Planner<'_> {
    /// A model with every column that is no ref.
    fn values(&mut self, table: &Table) -> Model {
        let name = self.names[table.name.as_str()].clone();
        let key = key_of(table);
        match (&key, table.is_view) {
            (Key::Row, _) if table.primary.len() > 1 => self.notes.push(format!(
                "`{}` has a key of several columns; its records are told apart by the number of their row",
                table.name
            )),
            (Key::Place, true) => self.notes.push(format!(
                "`{}` is a view: the ids of its records are their places in it, and it is only read",
                table.name
            )),
            (Key::Columns(key), _) => self.notes.push(format!(
                "`{}` has the key ({}): the ids of its records are numbers that are made of it",
                table.name,
                key.join(", ")
            )),
            (Key::Place, false) => self.notes.push(format!(
                "`{}` has neither a key nor row numbers: the ids of its records are their places in it, and it is only \
                 read",
                table.name
            )),
            _ => {}
        }
        let mut taken = HashSet::new();
        let mut fields = Vec::new();
        let times = ["created_at", "updated_at"].map(|name| {
            let kept =
                column(table, name).filter(|column| is_time(column) && !self.is_ref(table, &column.name));
            kept.map(|column| column.name.clone())
        });
        for column in &table.columns {
            // A key that the database does not make is given with the other values.
            let is_key = key.column().is_some_and(|key| key == column.name);
            let is_made = is_key && (column.has_default || column.is_computed || matches!(key, Key::Uuid(_)));
            if is_made || times.contains(&Some(column.name.clone())) || self.is_ref(table, &column.name) {
                continue;
            }
            let Some(ty) = type_of(column) else {
                self.notes.push(format!("`{}.{}` holds bytes and is left out", table.name, column.name));
                continue;
            };
            fields.push(field(names::field(&column.name, &mut taken), Is::Value(ty), column));
        }
        self.members.insert(name.clone(), taken);
        Model { name, table: table.name.clone(), key, times, fields, keys: Vec::new() }
    }

    /// The table that a foreign key leads to, where it can be a ref.
    fn target(&self, key: &ForeignKey) -> Option<&Table> {
        let to = self.found.tables.iter().find(|table| table.name.eq_ignore_ascii_case(&key.to))?;
        let is_one = key.columns.len() == 1 && key.to_columns.len() <= 1;
        // A row of such a table cannot be found by another column: its place among those found would be the first.
        let found = references(key, to).is_none() || key_of(to) != Key::Place;
        (is_one && found && self.names.contains_key(to.name.as_str())).then_some(to)
    }

    fn is_ref(&self, table: &Table, column: &str) -> bool {
        table.foreign.iter().any(|key| key.columns == [column] && self.target(key).is_some())
    }

    fn refs(&mut self, model: &mut Model, table: &Table) {
        let mut seen: HashSet<&str> = HashSet::new();
        for key in &table.foreign {
            let Some(to) = self.target(key) else {
                self.notes.push(format!(
                    "the foreign key `{}.({})` to `{}` became no ref: its columns are fields as they are",
                    table.name,
                    key.columns.join(", "),
                    key.to
                ));
                continue;
            };
            let Some(column) = column(table, &key.columns[0]).filter(|column| seen.insert(&column.name))
            else {
                continue;
            };
            let (references, to) = (references(key, to), self.names[to.name.as_str()].clone());
            let plain = names::snake(&column.name);
            let plain = plain.strip_suffix("_id").or(plain.strip_suffix("_code")).unwrap_or(&plain);
            let name = names::field(plain, self.members.entry(model.name.clone()).or_default());
            let inverse = self.inverse(&to, &model.name, &name);
            model.fields.push(field(name, Is::Ref { to, inverse, references }, column));
        }
    }

    /// The name of the way back, which nothing else there has.
    fn inverse(&mut self, to: &str, model: &str, field: &str) -> String {
        let taken = self.members.entry(to.to_owned()).or_default();
        let wanted = if taken.contains(model) { format!("{model}_by_{field}") } else { model.to_owned() };
        names::field(&wanted, taken)
    }

    fn many_to_many(&mut self, models: &mut [Model], table: &Table) {
        let Some([one, two]) = ends(self.found, table) else { return };
        let name_of = |key: &ForeignKey| {
            let to = self.found.tables.iter().find(|other| other.name.eq_ignore_ascii_case(&key.to));
            to.and_then(|to| self.names.get(to.name.as_str())).cloned()
        };
        let (Some(from), Some(to)) = (name_of(one), name_of(two)) else { return };
        let name = names::field(&to, self.members.entry(from.clone()).or_default());
        let inverse = self.inverse(&to, &from, &name);
        let links = (table.name.clone(), one.columns[0].clone(), two.columns[0].clone());
        let is = Is::Refs { to, inverse, table: links.0, source: links.1, target: links.2 };
        let column = Column::default();
        let list = Field { label: None, ..field(name, is, &column) };
        if let Some(model) = models.iter_mut().find(|model| model.name == from) {
            model.fields.push(list);
        }
    }
}

fn field(name: String, is: Is, column: &Column) -> Field {
    let snake = names::snake(&column.name);
    let hidden = matches!(is, Is::Value(_)) && SECRETS.iter().any(|secret| snake.contains(secret));
    let label =
        (names::human(&name) != column.name && matches!(is, Is::Value(_))).then(|| column.name.clone());
    let of_text = matches!(&is, Is::Value(ty) if ty.starts_with("\"text\""));
    // Texts that must be there and are empty all the same, and dates that are zero, are nothing for a site.
    let blank = of_text && column.required && (column.holds.empty > 0 || column.default_is_empty);
    let zero = column.known.is_some() && column.holds.unfit > 0;
    let mut further = Vec::new();
    if blank {
        further.push("blank = true".to_owned());
    }
    if zero {
        further.push("mixed = true".to_owned());
    }
    if let Some(cast) = &column.cast {
        further.push(format!("cast = {}", quoted(cast)));
    }
    if column.is_computed {
        further.push("write = false".to_owned());
    }
    let required = column.required && !column.has_default && !column.is_computed && !blank && !zero;
    Field { name, is, label, column: column.name.clone(), required, hidden, further }
}

/// The type of a column of which the database knows what it is; none for bytes.
fn known(known: &Known, great: u64) -> Option<String> {
    Some(match known {
        Known::Bool => "\"bool\"".to_owned(),
        Known::Int if great > 0 => "\"int\", big = true".to_owned(),
        Known::Int | Known::Decimal(0) => "\"int\"".to_owned(),
        Known::Float => "\"float\"".to_owned(),
        Known::Decimal(scale) => format!("\"decimal\", scale = {scale}"),
        Known::Text(None) => "\"text\"".to_owned(),
        Known::Text(Some(most)) => format!("\"text\", max = {most}"),
        Known::Choice(words) => {
            let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
            format!("\"choice\", of = [{}]", words.join(", "))
        }
        Known::Date => "\"date\"".to_owned(),
        Known::Datetime => "\"datetime\"".to_owned(),
        Known::Duration => "\"duration\"".to_owned(),
        Known::Uuid => "\"uuid\"".to_owned(),
        Known::Json => "\"json\"".to_owned(),
        Known::Bytes => return None,
    })
}

/// The type for what a column is declared to be and really holds; none for bytes.
fn type_of(column: &Column) -> Option<String> {
    if let Some(of) = &column.known {
        return known(of, column.holds.great);
    }
    let (declared, holds) = (column.declared.to_ascii_uppercase(), column.holds);
    let says = |words: &[&str]| words.iter().any(|word| declared.contains(word));
    let all = |count: u64| count == holds.values;
    let numbers = holds.integers + holds.reals;
    if holds.blobs > 0 || (holds.values == 0 && says(&["BLOB", "BINARY", "BYTEA"])) {
        return None;
    }
    let name = names::snake(&column.name);
    let of_time = says(&["DATE", "TIME"])
        || ["date", "time", "_at", "_on", "day"].iter().any(|word| name.ends_with(word));
    let plain = match () {
        () if says(&["BOOL"]) && all(holds.truths) => "\"bool\"",
        () if of_time
            && all(holds.dates)
            && !says(&["DATETIME", "TIMESTAMP"])
            && (holds.values > 0 || says(&["DATE"])) =>
        {
            "\"date\""
        }
        () if of_time && all(holds.times) && (holds.values > 0 || says(&["DATE", "TIME"])) => "\"datetime\"",
        () if says(&["DEC", "NUM", "MONEY"])
            && all(numbers)
            && holds.unfit == 0
            && (holds.reals > 0 || scale(&declared) != Some(0)) =>
        {
            let scale = scale(&declared).filter(|scale| *scale > 0 && (*scale >= 4 || holds.fine == 0));
            let scale = scale.unwrap_or(if holds.fine == 0 { 2 } else { 4 });
            return Some(format!("\"decimal\", scale = {scale}"));
        }
        () if all(holds.integers) && (holds.values > 0 || says(&["INT"])) => match holds.great {
            0 => "\"int\"",
            _ => "\"int\", big = true",
        },
        () if all(numbers) && (holds.values > 0 || says(&["REAL", "FLOA", "DOUB"])) => "\"float\"",
        // Numbers beside texts read as texts.
        () if !all(holds.texts) => "\"text\", mixed = true",
        () => "\"text\"",
    };
    Some(plain.to_owned())
}

/// The scale that a declaration names: 2 of `NUMERIC(10,2)`, 0 of `NUMERIC(10)`.
fn scale(declared: &str) -> Option<u8> {
    let inner = declared.split_once('(')?.1.split_once(')')?.0;
    match inner.split_once(',') {
        Some((_, scale)) => scale.trim().parse().ok().filter(|scale| *scale <= 9),
        None => Some(0),
    }
}

/// Keys whose columns all are fields.
fn keys(model: &mut Model, table: &Table) {
    let name = |column: &String| {
        model
            .fields
            .iter()
            .find(|field| field.column == *column && !field.hidden)
            .map(|field| field.name.clone())
    };
    let of = |word, keys: &[Vec<String>]| {
        let named = keys.iter().filter_map(|key| key.iter().map(name).collect::<Option<Vec<String>>>());
        named.map(|fields| (word, fields)).collect::<Vec<_>>()
    };
    let is_told = model.key.column().is_none() && !table.primary.is_empty();
    let primary = if is_told { vec![table.primary.clone()] } else { Vec::new() };
    let mut keys = of("unique", &primary);
    keys.extend(of("unique", &table.uniques));
    keys.extend(of("index", &table.indexes));
    keys.dedup();
    model.keys = keys;
}

/// A model's file.
pub(super) fn toml(model: &Model) -> String {
    let mut text = String::from("[model]\nmanaged = false\n");
    let _ = writeln!(text, "table   = {}", quoted(&model.table));
    match &model.key {
        Key::Column(column) => drop(writeln!(text, "key     = {}", quoted(column))),
        Key::Uuid(column) => drop(writeln!(text, "key     = {}\nid      = \"uuid\"", quoted(column))),
        Key::Row => {}
        Key::Place => text.push_str("view    = true\n"),
        Key::Columns(key) => {
            let key: Vec<String> = key.iter().map(|column| quoted(column)).collect();
            let _ = writeln!(text, "key     = [{}]", key.join(", "));
        }
    }
    for (name, column) in ["created_at", "updated_at"].into_iter().zip(&model.times) {
        if let Some(column) = column {
            let _ = writeln!(text, "{name} = {}", quoted(column));
        }
    }
    text.push_str("\n[fields]\n");
    let width = model.fields.iter().map(|field| field.name.len()).max().unwrap_or_default();
    for field in &model.fields {
        let mut keys = match &field.is {
            Is::Value(ty) => vec![format!("type = {ty}")],
            Is::Ref { to, inverse, .. } => {
                vec![format!("type = \"ref\", to = \"{to}\", inverse = \"{inverse}\"")]
            }
            Is::Refs { to, inverse, .. } => {
                vec![format!("type = \"refs\", to = \"{to}\", inverse = \"{inverse}\"")]
            }
        };
        if field.required {
            keys.push("required = true".to_owned());
        }
        if let Some(label) = &field.label {
            keys.push(format!("label = {}", quoted(label)));
        }
        if let Is::Refs { table, source, target, .. } = &field.is {
            let (table, source, target) = (quoted(table), quoted(source), quoted(target));
            keys.push(format!("links = {{ table = {table}, source = {source}, target = {target} }}"));
        } else if field.column != field.name {
            keys.push(format!("column = {}", quoted(&field.column)));
        }
        if let Is::Ref { references: Some(column), .. } = &field.is {
            keys.push(format!("references = {}", quoted(column)));
        }
        if field.hidden {
            keys.push("hidden = true".to_owned());
        }
        keys.extend(field.further.iter().cloned());
        let _ = writeln!(text, "{:width$} = {{ {} }}", field.name, keys.join(", "));
    }
    text.push_str("\n[access]\nread = 'user.role == \"admin\"'\n");
    if model.key != Key::Place {
        text.push_str("# create, update and delete: nobody, until a rule for each says who\n");
    }
    for (word, fields) in &model.keys {
        let fields: Vec<String> = fields.iter().map(|field| quoted(field)).collect();
        let _ = write!(text, "\n[[{word}]]\nfields = [{}]\n", fields.join(", "));
    }
    text
}

impl Model {
    /// The field by which its records are in an order, where their ids say nothing.
    pub(super) fn order(&self) -> Option<&str> {
        let Key::Columns(key) = &self.key else { return None };
        let first = self.fields.iter().find(|field| key.first() == Some(&field.column) && !field.hidden)?;
        matches!(first.is, Is::Value(_)).then_some(first.name.as_str())
    }
}

impl Field {
    /// What a person calls it.
    pub(super) fn called(&self) -> String {
        self.label.clone().unwrap_or_else(|| names::human(&self.name))
    }

    pub(super) fn is_shown(&self) -> bool {
        !self.hidden
    }
}
