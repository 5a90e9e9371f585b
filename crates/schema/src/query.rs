//! Queries: what is asked of a model.
//!
//! A page declares queries in its front matter, the API builds them from parameters, accounts and commands
//! write them down; the engine adds access rules and the store compiles them. Whoever builds one has
//! resolved every name already.

use crate::expr::{Expr, ExprKind, Input, Path, Step, Type};
use crate::model::{FieldId, ModelId, RelationId};
use crate::value::Kind;

/// A question about one model's records.
#[derive(Clone, Debug)]
pub struct Query {
    /// Of which model.
    pub model: ModelId,
    /// Which records.
    pub filter: Option<Expr>,
    /// Conditions that apply only when their input is given and not empty (`[data.x.where]`).
    pub optional: Vec<Optional>,
    /// In which order; `id` always ends it (added by the store where absent).
    pub sort: Vec<SortKey>,
    /// Which fields.
    pub select: Select,
    /// Which of the free fields, where the field that holds them is among those; all where absent.
    pub free: Option<Vec<String>>,
    /// With which related records.
    pub include: Vec<Include>,
    /// With which conditions answered, of each record.
    pub tests: Vec<Test>,
    /// With which relations counted.
    pub count: Vec<Count>,
    /// How many.
    pub limit: Limit,
    /// Whether to say how many there are in all.
    pub total: bool,
}

/// A condition that applies only when an input is given.
#[derive(Clone, Debug)]
pub struct Optional {
    /// The input.
    pub given: Input,
    /// The condition.
    pub filter: Expr,
}

/// One key of an order. Nulls come first ascending and last descending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SortKey {
    /// A field of the record, perhaps through refs.
    pub path: Path,
    /// Steps into the document that the field holds. There numbers come after what is neither number nor text, true and
    /// false as 1 and 0 among them, and texts after numbers.
    pub steps: Vec<Step>,
    /// Whether from the greatest.
    pub descending: bool,
}

impl SortKey {
    /// The kinds of the values that a place in a document is sorted by: texts, then numbers.
    pub const OF_JSON: [Kind; 2] = [Kind::Text, Kind::Float];

    /// By a field.
    #[must_use]
    pub fn by(path: Path, descending: bool) -> SortKey {
        SortKey { path, steps: Vec::new(), descending }
    }

    /// By what an expression stands for, where that is a field or a place in a document.
    #[must_use]
    pub fn of(expr: Expr, descending: bool) -> Option<SortKey> {
        match expr.kind {
            ExprKind::Field(path) => Some(SortKey::by(path, descending)),
            ExprKind::Member(of, steps) => match of.kind {
                ExprKind::Field(path) => Some(SortKey { path, steps, descending }),
                _ => None,
            },
            _ => None,
        }
    }

    /// The place in a document that it sorts by.
    #[must_use]
    pub fn place(&self) -> Expr {
        let json = |kind| Expr { kind, ty: Type::Value(Kind::Json), span: 0..0 };
        let field = json(ExprKind::Field(self.path.clone()));
        json(ExprKind::Member(Box::new(field), self.steps.clone()))
    }
}

/// Which fields of a record.
#[derive(Clone, Debug)]
pub enum Select {
    /// Every field that is not hidden.
    All,
    /// These; the id comes along always.
    Fields(Vec<Selected>),
}

/// One chosen field.
#[derive(Clone, Debug)]
pub struct Selected {
    /// The field.
    pub field: FieldId,
    /// Where this does not hold, the value is withheld.
    pub guard: Option<Expr>,
}

/// Related records to bring along: one query a relation, never one a row.
#[derive(Clone, Debug)]
pub struct Include {
    /// Which relation.
    pub relation: RelationId,
    /// Filter, order, fields and further includes of the related records; its limit is for each record.
    pub query: Query,
}

/// A condition whose truth each record brings along.
#[derive(Clone, Debug)]
pub struct Test {
    /// Its name in the result.
    pub name: String,
    /// The condition.
    pub holds: Expr,
}

/// A relation to count.
#[derive(Clone, Debug)]
pub struct Count {
    /// Its name in the result.
    pub name: String,
    /// Which relation.
    pub relation: RelationId,
    /// Which of the related records; scope 0 is the related record, 1 the record.
    pub filter: Option<Expr>,
}

/// How many records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// All that there are; the store stops at its own bound with an error.
    All,
    /// The one that there is, or none.
    One,
    /// At most so many.
    AtMost(u32),
    /// Pages of so many, by number or by cursor.
    Page(u32),
}

impl Query {
    /// Every record of a model with every field that is not hidden.
    #[must_use]
    pub fn of(model: ModelId) -> Query {
        Query {
            model,
            filter: None,
            optional: Vec::new(),
            sort: Vec::new(),
            select: Select::All,
            free: None,
            include: Vec::new(),
            tests: Vec::new(),
            count: Vec::new(),
            limit: Limit::All,
            total: false,
        }
    }
}
