//! What tables a picture means on a server, and what tables there really are: the same shape for both, so that one
//! can be compared with the other.

use std::collections::{BTreeMap, BTreeSet};

use purlin_schema::Kind;

use super::words::Words;
use crate::migrate::snapshot::{IdKind, Snapshot, Table, leads, link_name, steps_of};

/// Tables by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Schema {
    pub(crate) tables: BTreeMap<String, TableShape>,
}

/// One table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TableShape {
    /// By name.
    pub(crate) columns: BTreeMap<String, ColumnShape>,
    /// The columns of the primary key.
    pub(crate) key: Vec<String>,
    /// By name.
    pub(crate) indexes: BTreeMap<String, IndexShape>,
    /// By name.
    pub(crate) references: BTreeMap<String, Reference>,
}

/// One column. Of an expression no more is compared than whether there is one: a server says it in words of its own.
#[derive(Clone, Debug)]
pub(crate) struct ColumnShape {
    /// The type, as it is written and as it is read back.
    pub(crate) ty: String,
    /// Whether it refuses null.
    pub(crate) required: bool,
    /// What the server computes it by.
    pub(crate) computed: Option<String>,
}

impl ColumnShape {
    /// A column that is written.
    pub(crate) fn plain(ty: String, required: bool) -> ColumnShape {
        ColumnShape { ty, required, computed: None }
    }
}

impl PartialEq for ColumnShape {
    fn eq(&self, other: &ColumnShape) -> bool {
        self.ty == other.ty
            && self.required == other.required
            && self.computed.is_some() == other.computed.is_some()
    }
}

impl Eq for ColumnShape {}

/// One index. Of expressions no more is compared than how many there are: a server says them in words of its own.
#[derive(Clone, Debug)]
pub(crate) struct IndexShape {
    pub(crate) unique: bool,
    /// Columns as they are written: `"author"`, `"published_at" DESC`.
    pub(crate) parts: Vec<String>,
    /// The columns alone; [`EXPRESSION`] for what is none.
    pub(crate) columns: Vec<String>,
}

/// What stands in [`IndexShape::columns`] for an expression.
pub(crate) const EXPRESSION: &str = "?";

impl IndexShape {
    pub(crate) fn is_of_expressions(&self) -> bool {
        self.columns.iter().any(|column| column == EXPRESSION)
    }
}

impl PartialEq for IndexShape {
    fn eq(&self, other: &IndexShape) -> bool {
        let same_parts = self.is_of_expressions() || self.parts == other.parts;
        self.unique == other.unique && self.columns == other.columns && same_parts
    }
}

impl Eq for IndexShape {}

/// A foreign key to the ids of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reference {
    pub(crate) column: String,
    pub(crate) to: String,
}

impl Schema {
    /// What a picture means. A reference to a table that is not there yet waits for it.
    pub(crate) fn of(snapshot: &Snapshot, words: &dyn Words) -> Schema {
        let mut schema = Schema::default();
        for (name, table) in &snapshot.tables {
            schema.tables.insert(name.clone(), shape(name, table, snapshot, words));
            for (field, to) in &table.links {
                if snapshot.tables.contains_key(to) {
                    let link = link_name(name, field);
                    let shape = link_shape(&link, (name, table.id), to, snapshot, words);
                    schema.tables.insert(link, shape);
                }
            }
        }
        schema
    }

    /// How the real tables differ from these, a sentence each. Indexes made by hand beside ours are named apart by
    /// [`strangers`](Schema::strangers).
    pub(crate) fn differences(&self, real: &Schema) -> Vec<String> {
        let mut list = Vec::new();
        for (name, table) in &self.tables {
            match real.tables.get(name) {
                None => list.push(format!("table `{name}` is missing")),
                Some(found) => table.differences(name, found, &mut list),
            }
        }
        let extra = real.tables.keys().filter(|name| !self.tables.contains_key(*name));
        list.extend(extra.map(|name| format!("table `{name}` is not of the models")));
        list
    }

    /// Indexes on our tables that somebody made by hand; they are left alone.
    pub(crate) fn strangers(&self, real: &Schema) -> BTreeSet<String> {
        let of = |(name, table): (&String, &TableShape)| {
            let ours = self.tables.get(name).map(|table| &table.indexes);
            let strange =
                table.indexes.keys().filter(|index| ours.is_some_and(|ours| !ours.contains_key(*index)));
            strange.map(|index| format!("index `{index}` on `{name}` was made by hand")).collect::<Vec<_>>()
        };
        real.tables.iter().flat_map(of).collect()
    }
}

impl TableShape {
    fn differences(&self, name: &str, found: &TableShape, list: &mut Vec<String>) {
        for (field, column) in &self.columns {
            match found.columns.get(field) {
                None => list.push(format!("column `{name}.{field}` is missing")),
                Some(real) => {
                    if real.ty != column.ty {
                        list.push(format!("column `{name}.{field}` is {}, not {}", real.ty, column.ty));
                    }
                    if real.computed.is_some() != column.computed.is_some() {
                        let is = if real.computed.is_some() { "is" } else { "is not" };
                        list.push(format!("column `{name}.{field}` {is} computed by the database"));
                    }
                    if real.required != column.required {
                        let is = if real.required { "refuses" } else { "admits" };
                        list.push(format!("column `{name}.{field}` {is} null"));
                    }
                }
            }
        }
        let extra = found.columns.keys().filter(|field| !self.columns.contains_key(*field));
        list.extend(extra.map(|field| format!("column `{name}.{field}` is not of the models")));
        if self.key != found.key {
            list.push(format!("the primary key of `{name}` is ({})", found.key.join(", ")));
        }
        for (index, shape) in &self.indexes {
            let kind = if shape.unique { "unique index" } else { "index" };
            match found.indexes.get(index) {
                None => list.push(format!("{kind} `{index}` on `{name}` is missing")),
                Some(real) if real != shape => {
                    list.push(format!(
                        "{kind} `{index}` on `{name}` is another: ({})",
                        real.parts.join(", ")
                    ));
                }
                Some(_) => {}
            }
        }
        let ours: Vec<&Reference> = self.references.values().collect();
        let real: Vec<&Reference> = found.references.values().collect();
        for reference in ours.iter().filter(|reference| !real.contains(*reference)) {
            list.push(format!(
                "the reference of `{name}.{}` to `{}` is missing",
                reference.column, reference.to
            ));
        }
        for reference in real.iter().filter(|reference| !ours.contains(*reference)) {
            list.push(format!(
                "the reference of `{name}.{}` to `{}` is not of the models",
                reference.column, reference.to
            ));
        }
    }
}

fn shape(name: &str, table: &Table, snapshot: &Snapshot, words: &dyn Words) -> TableShape {
    let mut made = TableShape { key: vec!["id".to_owned()], ..TableShape::default() };
    let column = ColumnShape::plain;
    made.columns.insert("id".to_owned(), column(words.id_type(table.id), true));
    for (name, ty) in words.system_columns() {
        made.columns.insert((*name).to_owned(), column((*ty).to_owned(), true));
    }
    let keyed = keyed_columns(table, words);
    for (field, shape) in &table.fields {
        made.columns.insert(
            field.clone(),
            column(words.column_type(shape.ty, keyed.get(field).copied()), shape.required),
        );
    }
    for unique in &table.uniques {
        let index = format!("{name}({}) unique", unique.join(","));
        let parts: Vec<_> = unique.iter().map(|field| (field.as_str(), false)).collect();
        made.indexes.insert(words.name(&index), words.index(true, &parts));
    }
    for index in &table.indexes {
        let named: Vec<_> = index.iter().map(ToString::to_string).collect();
        let parts: Vec<_> = index.iter().map(|part| (part.field.as_str(), part.descending)).collect();
        made.indexes.insert(words.name(&format!("{name}({})", named.join(","))), words.index(false, &parts));
    }
    for path in &table.paths {
        made.columns.extend(words.path_columns(leads(path), &steps_of(path)));
        let index = words.path_index(leads(path), &steps_of(path));
        made.indexes.insert(path_index_name(words, name, path), index);
    }
    for (field, column) in &table.fields {
        let Some(to) = column.to.as_ref().filter(|to| snapshot.tables.contains_key(*to)) else { continue };
        made.add_reference(name, field, to, words);
    }
    made
}

impl TableShape {
    fn add_reference(&mut self, table: &str, column: &str, to: &str, words: &dyn Words) {
        let name = words.name(&format!("{table}({column}) ref"));
        let is_led = self.key.first().is_some_and(|first| first == column)
            || self.indexes.values().any(|index| {
                index.columns.first().is_some_and(|first| first == column)
                    && index.parts.first().is_some_and(|part| words.serves_reference(part))
            });
        if words.references_need_index() && !is_led {
            let parts = [(column, false)];
            self.indexes.insert(name.clone(), words.index(false, &parts));
        }
        self.references.insert(name, Reference { column: column.to_owned(), to: to.to_owned() });
    }
}

fn link_shape(
    name: &str,
    (owner, owner_id): (&str, IdKind),
    target: &str,
    snapshot: &Snapshot,
    words: &dyn Words,
) -> TableShape {
    let end = |id: IdKind| ColumnShape::plain(words.column_type(id.column_type(), None), true);
    let target_id = snapshot.tables[target].id;
    let mut made = TableShape {
        columns: BTreeMap::from([
            ("source".to_owned(), end(owner_id)),
            ("target".to_owned(), end(target_id)),
        ]),
        key: vec!["source".to_owned(), "target".to_owned()],
        ..TableShape::default()
    };
    let columns = ["target", "source"].map(str::to_owned).to_vec();
    let parts = columns.iter().map(|column| words.quote(column)).collect();
    made.indexes
        .insert(words.name(&format!("{name}(target,source)")), IndexShape { unique: false, parts, columns });
    made.add_reference(name, "source", owner, words);
    made.add_reference(name, "target", target, words);
    made
}

/// What the index on a path is called.
pub(crate) fn path_index_name(words: &dyn Words, table: &str, path: &str) -> String {
    words.name(&format!("{table}({path})"))
}

/// Texts that take part in a key of limited length, with how many characters each may have: those of one key share
/// its bytes, at four for each character.
pub(crate) fn keyed_columns(table: &Table, words: &dyn Words) -> BTreeMap<String, usize> {
    let mut lengths = BTreeMap::new();
    let Some(bytes) = words.key_bytes() else { return lengths };
    let indexes = table.indexes.iter().map(|index| index.iter().map(|part| part.field.as_str()).collect());
    let uniques = table.uniques.iter().map(|unique| unique.iter().map(String::as_str).collect());
    for key in indexes.chain(uniques).collect::<Vec<Vec<&str>>>() {
        let is_text = |field: &&str| table.fields.get(*field).is_some_and(|column| column.ty.0 == Kind::Text);
        let texts: Vec<&str> = key.iter().copied().filter(is_text).collect();
        if texts.is_empty() {
            continue;
        }
        let others = (key.len() - texts.len()) * OTHER_BYTES;
        let most = bytes.saturating_sub(others) / texts.len() / 4;
        for field in texts {
            lengths
                .entry(field.to_owned())
                .and_modify(|length: &mut usize| *length = most.min(*length))
                .or_insert(most);
        }
    }
    lengths
}

/// What anything but a text takes of a key, at most.
const OTHER_BYTES: usize = 20;
