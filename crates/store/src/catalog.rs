//! What the writer knows of each model: its statements, and who refers to it.

use std::sync::Arc;

use purlin_schema::model::{OnDelete, Unique};
use purlin_schema::{Field, FieldId, Id, Kind, Model, ModelId, Models};

use crate::audit::Audit;
use crate::sql::dialect::{Dialect, id_kind, kind_of};
use crate::sql::origin_rows::{is_loose, loose_name};
use crate::sql::{Bind, Binds, Draft, Statement, origin_write};

/// Models with the statements by which they are written.
pub(crate) struct Catalog {
    pub(crate) models: Arc<Models>,
    pub(crate) dialect: Dialect,
    tables: Vec<Table>,
    /// The log of what is written.
    pub(crate) audit: Option<Audit>,
}

/// One model's table.
pub(crate) struct Table {
    /// Fields with a column, in the order in which the statements name them; the id is the first.
    pub(crate) columns: Vec<(FieldId, Kind)>,
    /// Gives all columns of the record with an id.
    pub(crate) load: Statement,
    /// Writes all columns.
    pub(crate) insert: Insert,
    /// Deletes the record with an id.
    pub(crate) delete: Statement,
    /// Finds the record with an id.
    pub(crate) exists: Statement,
    /// Refs of any model that lead here.
    pub(crate) referrers: Vec<Referrer>,
    /// Lists of refs that this model has.
    pub(crate) lists: Vec<List>,
    /// For each unique key of the model, how to ask whether another record has it.
    pub(crate) uniques: Vec<UniqueKey>,
}

/// How a row is written, of values by field number.
pub(crate) struct Insert {
    given: Writing,
    /// The same without the id, where the database takes no null for one.
    made: Option<Writing>,
    /// Makes the database give greater ids than one that was given by hand, the first of the values, where it does not
    /// by itself.
    pub(crate) advance: Option<Statement>,
}

struct Writing {
    /// Writes the row.
    always: Statement,
    /// The same where no other record has one of its keys; else it writes nothing.
    where_free: Statement,
}

/// A list of refs: the statements of its link table, whose values are source and target.
pub(crate) struct List {
    pub(crate) field: FieldId,
    pub(crate) add: Statement,
    pub(crate) remove: Statement,
    /// Gives the targets of a source.
    pub(crate) targets: Statement,
    /// Gives the sources of a target.
    pub(crate) sources: Statement,
    pub(crate) source_kind: Kind,
    pub(crate) target_kind: Kind,
}

/// How to find the record with a unique key. The values are those of the key, then the id of the record that
/// is not meant.
pub(crate) struct UniqueKey {
    pub(crate) any: Statement,
    pub(crate) other: Statement,
}

/// A ref or a list of refs that leads to a model.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Referrer {
    pub(crate) model: ModelId,
    pub(crate) field: FieldId,
    pub(crate) many: bool,
    pub(crate) on_delete: OnDelete,
}

impl Catalog {
    pub(crate) fn new(models: Arc<Models>, dialect: Dialect) -> Catalog {
        let tables = models.iter().map(|model| Table::new(&models, model, dialect)).collect();
        let audit = Audit::of(&models);
        Catalog { models, dialect, tables, audit }
    }

    pub(crate) fn model(&self, id: ModelId) -> &Arc<Model> {
        self.models.get(id)
    }

    pub(crate) fn table(&self, id: ModelId) -> &Table {
        &self.tables[usize::from(id.0)]
    }

    /// A list of refs of a model.
    pub(crate) fn list(&self, model: ModelId, field: FieldId) -> Option<&List> {
        self.table(model).lists.iter().find(|list| list.field == field)
    }

    /// A statement from its text, in which `{n}` is the n-th of the run's values, and `{~n}` the same as a text that
    /// compares as the column beside it.
    pub(crate) fn statement(&self, text: &str, kinds: &[Kind]) -> Statement {
        statement(self.dialect, text, kinds)
    }
}

impl Table {
    fn new(models: &Models, model: &Model, dialect: Dialect) -> Table {
        let columns: Vec<(FieldId, Kind)> = model
            .fields
            .iter()
            .filter(|field| field.has_column())
            .map(|field| (field.id, kind_of(model, field.id)))
            .collect();
        let (name, key) = (format!("{} AS t", dialect.table(model)), dialect.quote("id"));
        let quoted: Vec<String> =
            columns.iter().map(|(id, _)| dialect.quote(&model.field(*id).name)).collect();
        let names = quoted.join(", ");
        let id = [id_kind(model)];
        let of = |text: String| statement(dialect, &text, &id);
        let referrers = models.iter().flat_map(|from| from.fields.iter().map(move |field| (from.id, field)));
        let referrers = referrers.filter_map(|(from, field)| {
            let reference = field.reference.as_ref().filter(|reference| reference.to == model.id)?;
            let (many, on_delete) = (reference.many, reference.on_delete);
            field.computed.is_none().then_some(Referrer { model: from, field: field.id, many, on_delete })
        });
        let lists = model.fields.iter().filter(|field| field.is_many());
        let lists = lists.filter_map(|field| List::new(models, model, field, dialect));
        let unique = |unique: &Unique| {
            let kinds = unique.fields.iter().map(|field| kind_of(model, *field));
            let kinds: Vec<Kind> = kinds.chain(id).collect();
            let column = |field: &FieldId| dialect.quote(&model.field(*field).name);
            let equal = unique.fields.iter().enumerate();
            let equal: Vec<String> = equal
                .map(|(at, field)| match model.field(*field) {
                    of if is_loose(model, of) => {
                        let loose = dialect.quote(&loose_name(of));
                        format!("{loose} = {{~{at}}} AND {} = {{{at}}}", column(field))
                    }
                    _ => format!("{} = {{{at}}}", column(field)),
                })
                .collect();
            let any = format!("SELECT 1 FROM {name} WHERE {}", equal.join(" AND "));
            let other = format!("{any} AND {key} <> {{{}}}", equal.len());
            UniqueKey { any: statement(dialect, &any, &kinds), other: statement(dialect, &other, &kinds) }
        };
        Table {
            load: of(format!("SELECT {names} FROM {name} WHERE {key} = {{0}}")),
            insert: Insert::new(model, &columns, dialect),
            delete: of(format!("DELETE FROM {} WHERE {key} = {{0}}", dialect.table(model))),
            exists: of(format!("SELECT 1 FROM {name} WHERE {key} = {{0}}")),
            referrers: referrers.collect(),
            lists: lists.collect(),
            uniques: model.uniques.iter().map(unique).collect(),
            columns,
        }
    }
}

impl Insert {
    fn new(model: &Model, columns: &[(FieldId, Kind)], dialect: Dialect) -> Insert {
        let (table, id) = (dialect.table(model), dialect.quote("id"));
        let kinds: Vec<Kind> = model.fields.iter().map(|field| kind_of(model, field.id)).collect();
        let text = |columns: &[(FieldId, Kind)], tail: &str| {
            let names = columns.iter().map(|(field, _)| dialect.quote(&model.field(*field).name));
            let marks = columns.iter().map(|(field, _)| format!("{{{}}}", field.0));
            let (names, marks) = (names.collect::<Vec<_>>().join(", "), marks.collect::<Vec<_>>().join(", "));
            statement(dialect, &format!("INSERT INTO {table} ({names}) VALUES ({marks}){tail}"), &kinds)
        };
        let (always, where_free) = match dialect {
            Dialect::Sqlite => (String::new(), " ON CONFLICT DO NOTHING".to_owned()),
            Dialect::Postgres => {
                (format!(" RETURNING {id}"), format!(" ON CONFLICT DO NOTHING RETURNING {id}"))
            }
            // A taken key is an error that leaves the transaction as it was.
            Dialect::Mysql(_) => (String::new(), String::new()),
        };
        let writing = |columns: &[(FieldId, Kind)]| Writing {
            always: text(columns, &always),
            where_free: text(columns, &where_free),
        };
        let counts = dialect == Dialect::Postgres && !model.uuid_ids;
        let advance = || {
            let sequence = format!("SELECT pg_get_serial_sequence('{table}', 'id')::regclass AS s");
            let known = "COALESCE(pg_sequence_last_value(s), 0)";
            let text = format!("SELECT setval(s, {{0}}) FROM ({sequence}) AS q WHERE {known} < {{0}}");
            statement(dialect, &text, &[Kind::Int])
        };
        // The id is the first column.
        Insert {
            given: writing(columns),
            made: counts.then(|| writing(&columns[1..])),
            advance: counts.then(advance),
        }
    }

    /// The statement for a row, whose id is given or not, that steps back where a key is taken or not.
    pub(crate) fn statement(&self, id: Option<Id>, step_back: bool) -> &Statement {
        let writing = if id.is_some() { &self.given } else { self.made.as_ref().unwrap_or(&self.given) };
        if step_back { &writing.where_free } else { &writing.always }
    }
}

impl List {
    fn new(models: &Models, model: &Model, field: &Field, dialect: Dialect) -> Option<List> {
        let to = models.get(field.reference.as_ref()?.to);
        let (source_kind, target_kind) = (id_kind(model), id_kind(to));
        let kinds = [source_kind, target_kind];
        let table = dialect.link_table(model, field);
        let (from, to_column) = (dialect.quote("source"), dialect.quote("target"));
        // What is written has its own names.
        let [into, into_from, into_to] = origin_write::links(dialect, model, field)
            .unwrap_or_else(|| [table.clone(), from.clone(), to_column.clone()]);
        let both = format!("{into_from} = {{0}} AND {into_to} = {{1}}");
        let ends = |far: &str, near: &str, kind: Kind| {
            let text = format!("SELECT {far} FROM {table} AS t WHERE {near} = {{0}} ORDER BY {far}");
            statement(dialect, &text, &[kind])
        };
        let add = format!("INSERT INTO {into} ({into_from}, {into_to}) VALUES ({{0}}, {{1}})");
        Some(List {
            field: field.id,
            add: statement(dialect, &add, &kinds),
            remove: statement(dialect, &format!("DELETE FROM {into} WHERE {both}"), &kinds),
            targets: ends(&to_column, &from, source_kind),
            sources: ends(&from, &to_column, target_kind),
            source_kind,
            target_kind,
        })
    }
}

fn statement(dialect: Dialect, text: &str, kinds: &[Kind]) -> Statement {
    let mut binds = Binds::default();
    let mut marked = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        marked.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let inner = rest.split_once('}').map_or("", |(inner, _)| inner);
        let is_loose = inner.starts_with('~');
        // The tables of others have braces in their names.
        let Ok(number) = inner.trim_start_matches('~').parse::<usize>() else {
            marked.push('{');
            continue;
        };
        let bind = Bind::Nth(number, kinds.get(number).copied().unwrap_or(Kind::Int));
        marked.push_str(&binds.mark(if is_loose { Bind::Loose(Box::new(bind)) } else { bind }));
        rest = &rest[inner.len() + 1..];
    }
    marked.push_str(rest);
    Draft { text: marked, binds, dialect }.finish()
}
