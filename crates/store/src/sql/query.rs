//! Queries: one statement for the rows, one for each relation that comes along and does not stand beside them, one for the
//! total.

use std::sync::Arc;

use purlin_schema::expr::Path;
use purlin_schema::model::RelationBy;
use purlin_schema::query::{Query, Select, SortKey};
use purlin_schema::record::ShapeRelation;
use purlin_schema::{Expr, FieldId, Kind, Model, Models, Relation, Shape};

use super::dialect::{Dialect, id_kind};
use super::expr::Compiler;
use super::include::{self, CountBatch, Included};
use super::keyset::{self, Key};
use super::select::SelectList;
use super::{Bind, Draft, Statement, beside};
use crate::error::CompileError;

/// How one variant of a query is run.
#[derive(Debug)]
pub(crate) struct Compiled {
    /// To be run in order until there are rows enough.
    pub(crate) segments: Vec<Statement>,
    /// Counts all rows.
    pub(crate) total: Option<Statement>,
    /// Columns of the sort keys.
    pub(crate) keys: Vec<(usize, Kind)>,
    /// What the rows hold.
    pub(crate) body: Body,
}

impl Compiled {
    /// The length of its statements.
    pub(crate) fn size_bytes(&self) -> usize {
        let statements = self.segments.iter().chain(&self.total);
        statements.map(|statement| statement.sql.len()).sum::<usize>() + self.body.size_bytes()
    }
}

impl Body {
    fn size_bytes(&self) -> usize {
        let counts = self.counts.iter().map(|count| count.batched.size_bytes());
        let includes = self.includes.iter().map(|include| match include {
            Included::Beside(body) => body.size_bytes(),
            Included::Batch(batch) => batch.batched.size_bytes() + batch.body.size_bytes(),
        });
        counts.chain(includes).sum()
    }

    /// The records that stand beside its rows.
    pub(crate) fn beside(&self) -> impl Iterator<Item = &Body> {
        self.includes.iter().filter_map(|include| match include {
            Included::Beside(body) => Some(body),
            Included::Batch(_) => None,
        })
    }

    /// Whether nothing is to be fetched for its rows.
    pub(crate) fn is_whole(&self) -> bool {
        let whole = |include: &Included| matches!(include, Included::Beside(body) if body.is_whole());
        self.counts.is_empty() && self.includes.iter().all(whole)
    }
}

/// What the rows of a statement hold, and what is to be fetched for them.
#[derive(Debug)]
pub(crate) struct Body {
    /// Columns of the values.
    pub(crate) columns: Vec<Column>,
    /// Columns of the truths of tests.
    pub(crate) tests: Vec<usize>,
    /// Columns that are not values but lead to included rows.
    pub(crate) extras: Vec<(usize, Kind)>,
    pub(crate) includes: Vec<Included>,
    /// Columns of the counts that stand in the row's own statement; of a query, all do or none.
    pub(crate) counted: Vec<usize>,
    pub(crate) counts: Vec<CountBatch>,
}

/// Where a value stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    pub(crate) at: usize,
    pub(crate) kind: Kind,
    pub(crate) readable: Readable,
}

/// Whether a value may be read.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Readable {
    Always,
    /// Of no row: it is not even asked for.
    Never,
    /// Where this column is true.
    Where(usize),
}

/// Which variant of a query is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Variant {
    /// A bit for each optional condition that applies, in the order of [`optionals`].
    pub(crate) given: u64,
    /// After a row, with a bit for each key that is null; else from the first.
    pub(crate) after: Option<u64>,
    /// Whether rows are skipped by number. SQLite makes no join of an `EXISTS` beside an `OFFSET`.
    pub(crate) offset: bool,
}

impl Variant {
    /// Without optional conditions, from the first row.
    pub(crate) const BASE: Variant = Variant { given: 0, after: None, offset: false };
}

/// The inputs that switch optional conditions on, of the query and what it includes, in the order of their bits.
pub(crate) fn optionals(query: &Query) -> Vec<purlin_schema::Input> {
    let mut inputs: Vec<_> = query.optional.iter().map(|optional| optional.given.clone()).collect();
    for include in &query.include {
        inputs.extend(optionals(&include.query));
    }
    inputs
}

/// Compiles a variant of a query.
pub(crate) fn compile(
    models: &Models,
    dialect: Dialect,
    query: &Query,
    shape: &Arc<Shape>,
    variant: Variant,
) -> Result<Compiled, CompileError> {
    let mut given = Given { bits: variant.given, next: 0 };
    let mut compiler = Compiler::new(models, dialect);
    let frame = compiler.open_row(query.model);
    let conditions = conditions(&mut compiler, query, &mut given)?;
    let keys = sort_keys(&mut compiler, query)?;
    let order = order_by(dialect, &keys);
    let beside = beside::fits(models.get(query.model), query);
    let again = beside && dialect.finds_again();
    let mut select = if beside { SelectList::wrapped(again) } else { SelectList::default() };
    let inner = compiler.path(&own(query.model, FieldId::ID))?.sql;
    let shown = if again { compiler.open_row(query.model) } else { frame };
    let shown_keys = if again { sort_keys(&mut compiler, query)? } else { keys.clone() };
    let body = body(&mut compiler, query, shape, &mut select, &mut given)?;
    let key_columns = shown_keys.iter().map(|key| (select.column(&key.sql), key.kind)).collect();
    let table = dialect.table(models.get(query.model));
    let (columns, around) = if again {
        let id = compiler.path(&own(query.model, FieldId::ID))?.sql;
        let alias = &compiler.scopes[compiler.scopes.len() - 1].alias;
        let from = format!("{table} AS {alias}{}", compiler.joins(shown));
        (format!("{inner} AS c0"), select.again(&id, &from))
    } else {
        select.around(dialect, &keys)
    };
    let limit = compiler.binds.mark(Bind::Limit);
    let offset = compiler.binds.mark(Bind::Offset);
    let segments = match variant.after {
        None => vec![None],
        Some(nulls) => {
            keyset::segments(&keys, nulls, &mut compiler.binds, dialect).into_iter().map(Some).collect()
        }
    };
    let from = format!("{table} AS t0{}", compiler.joins(frame));
    let segments = segments.into_iter().map(|segment| {
        let wheres = all(conditions.iter().chain(&segment));
        let tail = if variant.offset { format!(" OFFSET {offset}") } else { String::new() };
        let rows = format!("SELECT {columns} FROM {from}{wheres} ORDER BY {order} LIMIT {limit}{tail}");
        let text = match &around {
            Some((before, after)) => format!("{before}{rows}{after}"),
            None => rows,
        };
        Draft { text, binds: compiler.binds.clone(), dialect }.finish()
    });
    let segments = segments.collect();
    let total = query.total.then(|| total(models, dialect, query, variant.given)).transpose()?;
    Ok(Compiled { segments, total, keys: key_columns, body })
}

fn total(models: &Models, dialect: Dialect, query: &Query, given: u64) -> Result<Statement, CompileError> {
    let mut compiler = Compiler::new(models, dialect);
    let frame = compiler.open_row(query.model);
    let conditions = conditions(&mut compiler, query, &mut Given { bits: given, next: 0 })?;
    let table = dialect.table(models.get(query.model));
    let text = format!("SELECT count(*) FROM {table} AS t0{}{}", compiler.joins(frame), all(&conditions));
    Ok(Draft { text, binds: compiler.binds, dialect }.finish())
}

/// Which optional conditions apply, taken one after the other.
#[derive(Clone, Copy)]
pub(crate) struct Given {
    bits: u64,
    next: u32,
}

impl Given {
    fn take(&mut self) -> bool {
        let given = self.next < 64 && self.bits >> self.next & 1 == 1;
        self.next += 1;
        given
    }
}

/// The conditions of a query that apply.
pub(crate) fn conditions(
    compiler: &mut Compiler<'_>,
    query: &Query,
    given: &mut Given,
) -> Result<Vec<String>, CompileError> {
    let mut conditions = Vec::new();
    let optional = query.optional.iter().filter(|_| given.take()).map(|optional| &optional.filter);
    for filter in query.filter.iter().chain(optional) {
        let sql = compiler.holds(filter)?;
        if sql != compiler.truth(true) {
            conditions.push(sql);
        }
    }
    Ok(conditions)
}

/// A `WHERE` clause.
pub(crate) fn all<'part>(conditions: impl IntoIterator<Item = &'part String>) -> String {
    let mut text = String::new();
    for condition in conditions {
        text.push_str(if text.is_empty() { " WHERE " } else { " AND " });
        text.push_str(condition);
    }
    text
}

/// The sort keys, with the id at their end, in the direction in which an index has it.
pub(crate) fn sort_keys(compiler: &mut Compiler<'_>, query: &Query) -> Result<Vec<Key>, CompileError> {
    let mut keys = Vec::with_capacity(query.sort.len() + 1);
    for key in &query.sort {
        let SortKey { path, steps, descending } = key;
        if !steps.is_empty() {
            keys.extend(compiler.json_order(&key.place(), *descending)?);
            continue;
        }
        let field = compiler.models.get(path.end).field(path.field);
        let (kind, required) = (field.kind, field.required && path.hops.is_empty());
        let code = compiler.path(path)?;
        let nullable = code.nulls != super::expr::Nulls::Never;
        let admits_null = nullable && !required;
        keys.push(Key { sql: code.sql, kind, descending: *descending, nullable, admits_null });
        if path.hops.is_empty() && path.field == FieldId::ID {
            return Ok(keys);
        }
    }
    let descending = id_descends(compiler.models.get(query.model), &query.sort);
    let code = compiler.path(&own(query.model, FieldId::ID))?;
    let kind = compiler.id_kind(query.model);
    keys.push(Key { sql: code.sql, kind, descending, nullable: false, admits_null: false });
    Ok(keys)
}

/// The direction of the id at the end of an order. An index has the ids of equal keys ascending: read forwards
/// they ascend, read backwards they descend, and in no other direction does it save the sorting.
fn id_descends(model: &Model, sort: &[SortKey]) -> bool {
    let plain = sort.iter().all(|key| key.path.hops.is_empty() && key.steps.is_empty());
    let wanted: Vec<(FieldId, bool)> = sort.iter().map(|key| (key.path.field, key.descending)).collect();
    if plain && !wanted.is_empty() {
        for index in &model.indexes {
            let Some(before) = index.fields.len().checked_sub(wanted.len()) else { continue };
            let last = &index.fields[before..];
            if last == wanted {
                return false;
            }
            if last.iter().zip(&wanted).all(|(has, wants)| has.0 == wants.0 && has.1 != wants.1) {
                return true;
            }
        }
    }
    wanted.last().is_some_and(|(_, descending)| *descending)
}

pub(crate) fn order_by(dialect: Dialect, keys: &[Key]) -> String {
    let keys: Vec<String> =
        keys.iter().map(|key| dialect.order(&key.sql, key.descending, key.admits_null)).collect();
    keys.join(", ")
}

/// The path to a field of the row itself.
pub(crate) fn own(model: purlin_schema::ModelId, field: FieldId) -> Path {
    Path { scope: 0, model, hops: Vec::new(), end: model, field }
}

/// The columns of a row and the statements for what comes along with it.
pub(crate) fn body(
    compiler: &mut Compiler<'_>,
    query: &Query,
    shape: &Arc<Shape>,
    select: &mut SelectList,
    given: &mut Given,
) -> Result<Body, CompileError> {
    let model = compiler.models.get(query.model).clone();
    let mut columns = Vec::with_capacity(shape.fields.len());
    for field in &shape.fields {
        columns.push(column(compiler, &model, *field, guard(query, *field), select)?);
    }
    let mut tests = Vec::with_capacity(query.tests.len());
    for test in &query.tests {
        let holds = compiler.holds(&test.holds)?;
        tests.push(select.column(&format!("({holds}) IS TRUE")));
    }
    let mut extras = Vec::new();
    let mut includes = Vec::with_capacity(query.include.len());
    for (include, shape_relation) in query.include.iter().zip(&shape.relations) {
        let relation = model.relation(include.relation);
        let inner = &shape_relation.shape;
        if is_told(shape, &columns, relation)
            && let Some(body) = beside::include(compiler, &model, include, inner, select, given)?
        {
            includes.push(Included::Beside(body));
            continue;
        }
        let key = include::key_of(compiler, &model, shape, relation, select, &mut extras)?;
        let batch = include::compile(compiler, &model, include, inner, key, given)?;
        includes.push(Included::Batch(Box::new(batch)));
    }
    let (mut counted, mut counts) = (Vec::new(), Vec::new());
    for count in &query.count {
        match beside::count(compiler, &model, count, select)? {
            Some(at) => counted.push(at),
            None => counts.push(include::count(compiler, &model, count)?),
        }
    }
    Ok(Body { columns, tests, extras, includes, counted, counts })
}

/// Whether everybody may know where a relation leads: from a ref that is withheld nothing is included.
fn is_told(shape: &Shape, columns: &[Column], relation: &Relation) -> bool {
    let RelationBy::Ref(field) = relation.by else { return false };
    shape.position(field).is_none_or(|at| matches!(columns[at].readable, Readable::Always))
}

fn column(
    compiler: &mut Compiler<'_>,
    model: &Model,
    field: FieldId,
    guard: Option<&Expr>,
    select: &mut SelectList,
) -> Result<Column, CompileError> {
    let kind = if field == FieldId::ID { id_kind(model) } else { model.field(field).kind };
    let sql = compiler.path(&own(model.id, field))?.sql;
    let guard = guard.map(|guard| compiler.holds(guard)).transpose()?;
    let Some(guard) = guard.filter(|guard| guard != compiler.truth(true)) else {
        return Ok(Column { at: select.column(&sql), kind, readable: Readable::Always });
    };
    if guard == compiler.truth(false) {
        return Ok(Column { at: 0, kind, readable: Readable::Never });
    }
    let readable = select.column(&format!("({guard}) IS TRUE"));
    let at = select.column(&format!("CASE WHEN {guard} THEN {sql} END"));
    Ok(Column { at, kind, readable: Readable::Where(readable) })
}

fn guard(query: &Query, field: FieldId) -> Option<&Expr> {
    let Select::Fields(fields) = &query.select else { return None };
    fields.iter().find(|selected| selected.field == field)?.guard.as_ref()
}

/// What the rows of a query have.
pub(crate) fn shape(models: &Models, query: &Query) -> Arc<Shape> {
    let model = models.get(query.model);
    let mut fields = vec![FieldId::ID];
    let chosen: Vec<FieldId> = match &query.select {
        Select::All => {
            let shown = model.fields.iter().filter(|field| !field.hidden && field.id != FieldId::VERSION);
            shown.map(|field| field.id).collect()
        }
        Select::Fields(selected) => selected.iter().map(|selected| selected.field).collect(),
    };
    for field in chosen {
        if !fields.contains(&field) && !model.field(field).is_many() {
            fields.push(field);
        }
    }
    let mut position = vec![None; model.fields.len()];
    for (at, field) in fields.iter().enumerate() {
        position[usize::from(field.0)] = u16::try_from(at).ok();
    }
    let relations = query.include.iter().map(|include| ShapeRelation {
        relation: include.relation,
        many: model.relation(include.relation).is_many(),
        shape: shape(models, &include.query),
    });
    Arc::new(Shape {
        model: query.model,
        position,
        free: query.free.clone(),
        tests: query.tests.iter().map(|test| test.name.clone()).collect(),
        counts: query.count.iter().map(|count| count.name.clone()).collect(),
        relations: relations.collect(),
        fields,
    })
}
