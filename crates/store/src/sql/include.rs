//! What comes along with rows: related rows and counts of them, one statement a relation for all rows together.
//!
//! The ids of the parents are one array where the database takes such: one statement serves any number of them. Elsewhere
//! they are parameters, of a few lengths so that few statements are prepared; what a list has too
//! many is null, which is related to nothing. On SQLite the parents are rows that are joined, each looked up in turn:
//! measured, 20 authors cost 10 µs where a list after `IN`, of which a table is made first, costs 15, and a JSON array
//! with `json_each` 21; 20 counts cost 18 where grouping costs 23. Few rows have
//! refs and counts [beside](super::beside) them instead.
//! Where each parent takes so many rows at most, their rows are numbered by a window; for one parent alone the plain limit is used, which lets an index stop early.

use std::sync::{Arc, OnceLock};

use purlin_schema::model::RelationBy;
use purlin_schema::query::{Count, Include, Limit};
use purlin_schema::{Kind, Model, Relation, Shape};

use super::dialect::{Dialect, id_kind};
use super::expr::Compiler;
use super::frame::{Scope, Walked};
use super::query::{self, Body, Given};
use super::select::SelectList;
use super::{Bind, Binds, Draft, PARENTS, Parents, Statement};
use crate::error::CompileError;

/// For how many parents statements are made; most lists are short, and a page has 20 rows where nothing is said.
const SIZES: [usize; 14] = [1, 2, 3, 4, 6, 8, 12, 16, 20, 32, 64, 128, 256, 512];

/// Parents in one statement at most, where each is a parameter.
const MAX_CHUNK: usize = SIZES[SIZES.len() - 1];

/// A statement for any number of parents.
#[derive(Debug)]
pub(crate) struct Batched {
    draft: Draft,
    /// For one parent, where that is another statement.
    single: Option<Draft>,
    kind: Kind,
    statements: [OnceLock<Statement>; SIZES.len()],
}

impl Batched {
    fn new(draft: Draft, single: Option<Draft>, kind: Kind) -> Batched {
        Batched { draft, single, kind, statements: Default::default() }
    }

    /// The length of its text.
    pub(crate) fn size_bytes(&self) -> usize {
        self.draft.text.len()
    }

    /// How many parents one statement takes.
    pub(crate) fn most(&self) -> usize {
        if self.draft.dialect.takes_arrays() { usize::MAX } else { MAX_CHUNK }
    }

    /// The statement for so many parents, and how many values it takes for them.
    pub(crate) fn statement(&self, parents: usize) -> (&Statement, usize) {
        let single = self.single.as_ref().filter(|_| parents == 1);
        let arrays = self.draft.dialect.takes_arrays();
        let at = match (single, arrays) {
            (Some(_), _) => 0,
            (None, true) => 1,
            (None, false) => SIZES.iter().position(|size| *size >= parents).unwrap_or(SIZES.len() - 1),
        };
        let size = if arrays { parents } else { SIZES[at] };
        let statement = self.statements[at].get_or_init(|| match (single, arrays) {
            (Some(single), _) => single.finish_for(Parents::Listed(1), self.kind),
            (None, true) => self.draft.finish_for(Parents::Array, self.kind),
            (None, false) => self.draft.finish_for(Parents::Listed(size), self.kind),
        });
        (statement, size)
    }
}

/// Where the parent's key of a relation is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum KeyAt {
    /// Among its values.
    Value(usize),
    /// Among what was selected besides.
    Extra(usize),
}

/// How an included relation comes along.
#[derive(Debug)]
pub(crate) enum Included {
    /// In the row's own statement; null ids where there is none.
    Beside(Body),
    /// By a statement of its own.
    Batch(Box<IncludeBatch>),
}

/// An included relation.
#[derive(Debug)]
pub(crate) struct IncludeBatch {
    pub(crate) key: KeyAt,
    pub(crate) many: bool,
    /// Whether one record may stand in the lists of several.
    pub(crate) shared: bool,
    pub(crate) batched: Batched,
    /// How many rows for each parent.
    pub(crate) limit: Option<u32>,
    /// The parent's id stands in the first column, of this kind.
    pub(crate) owner: Kind,
    pub(crate) body: Body,
}

/// A counted relation: the statement gives the parent's id and the number.
#[derive(Debug)]
pub(crate) struct CountBatch {
    pub(crate) batched: Batched,
    pub(crate) owner: Kind,
}

/// Where the parent's key of a relation is, selected besides where it is not among the values.
pub(crate) fn key_of(
    compiler: &mut Compiler<'_>,
    model: &Model,
    shape: &Shape,
    relation: &Relation,
    select: &mut SelectList,
    extras: &mut Vec<(usize, Kind)>,
) -> Result<KeyAt, CompileError> {
    let RelationBy::Ref(field) = relation.by else { return Ok(KeyAt::Value(0)) };
    if let Some(at) = shape.position(field) {
        return Ok(KeyAt::Value(at));
    }
    let sql = compiler.path(&query::own(model.id, field))?.sql;
    extras.push((select.column(&sql), model.field(field).kind));
    Ok(KeyAt::Extra(extras.len() - 1))
}

/// Compiles an included relation.
pub(crate) fn compile(
    outer: &Compiler<'_>,
    model: &Model,
    include: &Include,
    shape: &Arc<Shape>,
    key: KeyAt,
    given: &mut Given,
) -> Result<IncludeBatch, CompileError> {
    let dialect = outer.dialect;
    let relation = model.relation(include.relation);
    let mut compiler = Compiler::new(outer.models, dialect);
    let near = open(&mut compiler, model, relation, true);
    let conditions = query::conditions(&mut compiler, &include.query, given)?;
    let keys = query::sort_keys(&mut compiler, &include.query)?;
    let mut select = SelectList::default();
    select.column(&near);
    let body = query::body(&mut compiler, &include.query, shape, &mut select, given)?;
    let from = close(&mut compiler, model, relation);
    let order = query::order_by(dialect, &keys);
    let many = relation.is_many();
    let limit = match include.query.limit {
        _ if !many => None,
        Limit::All => None,
        Limit::One => Some(1),
        Limit::AtMost(number) | Limit::Page(number) => Some(number),
    };
    let all = compiler.binds.mark(Bind::Limit);
    let wheres = |first: String| query::all(std::iter::once(&first).chain(&conditions));
    let (parents, listed) = listed(dialect, &near);
    let listed = wheres(listed);
    let draft = |text: String, binds: &Binds| Draft { text, binds: binds.clone(), dialect };
    let binds = &compiler.binds;
    let columns = select.text();
    let one = wheres(format!("{near} = {PARENTS}"));
    let single =
        many.then(|| draft(format!("SELECT {columns} FROM {from}{one} ORDER BY {order} LIMIT {all}"), binds));
    let text = match limit {
        None if !many => format!("SELECT {columns} FROM {parents}{from}{listed} LIMIT {all}"),
        None => format!("SELECT {columns} FROM {parents}{from}{listed} ORDER BY {order} LIMIT {all}"),
        Some(_) => {
            let (named, names) = select.named();
            let number = format!("row_number() OVER (PARTITION BY {near} ORDER BY {order})");
            format!(
                "SELECT {names} FROM (SELECT {named}, {number} AS n FROM {parents}{from}{listed}) AS q WHERE n <= {all} ORDER BY n"
            )
        }
    };
    let kind = parent_kind(outer, model, relation);
    let batched = Batched::new(draft(text, binds), single, kind);
    let shared = matches!(relation.by, RelationBy::Refs(_) | RelationBy::InverseRefs(_));
    Ok(IncludeBatch { key, many, shared, batched, limit, owner: kind, body })
}

/// Compiles a counted relation.
pub(crate) fn count(outer: &Compiler<'_>, model: &Model, count: &Count) -> Result<CountBatch, CompileError> {
    let relation = model.relation(count.relation);
    let mut compiler = Compiler::new(outer.models, outer.dialect);
    let near = open(&mut compiler, model, relation, false);
    let filter = count.filter.as_ref().map(|filter| compiler.holds(filter)).transpose()?;
    let from = close(&mut compiler, model, relation);
    let dialect = outer.dialect;
    let (_, listed) = listed(dialect, &near);
    let wheres = query::all(std::iter::once(&listed).chain(&filter));
    let text = if dialect.joins_parents() {
        format!("SELECT {PARENT}, (SELECT count(*) FROM {from}{wheres}) FROM {ROWS}")
    } else {
        format!("SELECT {near}, count(*) FROM {from}{wheres} GROUP BY {near}")
    };
    let kind = parent_kind(outer, model, relation);
    let draft = Draft { text, binds: compiler.binds, dialect };
    Ok(CountBatch { batched: Batched::new(draft, None, kind), owner: kind })
}

/// The parents as rows, and what comes before the tables that they are joined with.
const ROWS: &str = "(VALUES \u{3}) AS p";
/// A parent's id in [`ROWS`].
const PARENT: &str = "p.column1";

/// How a batch names its parents: what stands before its tables, and the condition on the related row's key.
fn listed(dialect: Dialect, near: &str) -> (String, String) {
    if dialect.joins_parents() {
        (format!("{ROWS} CROSS JOIN "), format!("{near} = {PARENT}"))
    } else if dialect.takes_arrays() {
        (String::new(), format!("{near} = ANY({PARENTS})"))
    } else {
        (String::new(), format!("{near} IN ({PARENTS})"))
    }
}

fn parent_kind(compiler: &Compiler<'_>, model: &Model, relation: &Relation) -> Kind {
    match relation.by {
        RelationBy::Ref(_) => compiler.id_kind(relation.to),
        _ => id_kind(model),
    }
}

/// Puts the parent (scope 1, known by its id alone unless more of it is named) and the related row (scope 0)
/// in scope; gives the column with the parent's key.
pub(super) fn open(compiler: &mut Compiler<'_>, model: &Model, relation: &Relation, used: bool) -> String {
    let frame = compiler.open_frame();
    let (parent, alias) = (compiler.alias(), compiler.alias());
    let linked = compiler.linked_scope(relation, &alias);
    let used = used || linked.is_none();
    let row = Scope { frame, alias, model: relation.to, linked, used };
    let Walked { near, .. } = compiler.relation_rows(model, relation.by, &row);
    let id = (!matches!(relation.by, RelationBy::Ref(_))).then(|| near.clone());
    compiler.scopes.push(Scope { frame, alias: parent, model: model.id, linked: id, used: false });
    compiler.scopes.push(row);
    near
}

/// The tables of the scopes that [`open`] opened.
pub(super) fn close(compiler: &mut Compiler<'_>, model: &Model, relation: &Relation) -> String {
    let row = compiler.scopes.pop().expect("the related row is in scope");
    let parent = compiler.scopes.pop().expect("the parent is in scope");
    let Walked { from, near } = compiler.relation_rows(model, relation.by, &row);
    if !parent.used {
        return from;
    }
    let table = compiler.dialect.table(model);
    let alias = &parent.alias;
    let tied = match relation.by {
        RelationBy::Ref(field) => compiler.dialect.column(alias, &model.field(field).name),
        _ => compiler.dialect.column(alias, "id"),
    };
    // The joins of the row's frame may start from the parent: its table comes first.
    let (first, joins) = from
        .split_once(" LEFT JOIN ")
        .map_or((from.as_str(), String::new()), |(first, rest)| (first, format!(" LEFT JOIN {rest}")));
    format!("{first} JOIN {table} AS {alias} ON {tied} = {near}{joins}")
}

/// The same where it is one table: nothing that was said about the row goes on from it or from the parent.
pub(super) fn close_alone(compiler: &mut Compiler<'_>, model: &Model, relation: &Relation) -> Option<String> {
    let parent = &compiler.scopes[compiler.scopes.len() - 2];
    let alone = !parent.used && compiler.joins(parent.frame).is_empty();
    let from = close(compiler, model, relation);
    alone.then_some(from)
}
