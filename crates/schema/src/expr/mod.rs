//! Expressions: CEL, checked against the models, as a typed tree of our own.
//!
//! Access rules, filters, checks, defaults, computed fields and `?filter=` are all the same language.
//! [`check`](fn@check) parses a text and resolves every name in a [`Scope`]; what comes out is an [`Expr`] in
//! which a field is a number, a root (`user`, `params`, `data` …) is an [`Input`] to be bound at run time,
//! and every node has a type. The store compiles it to SQL; [`eval`](fn@eval) computes it in memory where it
//! needs nothing but one record and its inputs.
//!
//! What an expression means where something is missing is CEL's: two nulls are equal, null is unequal to
//! any value, and an *error* (a path through null, an ordering with null, an overflow, division by zero,
//! anything of `user` for a visitor except `user == null`) is the third truth value: `&&` and `||` absorb
//! it, `!` keeps it, and a rule that ends in it denies. SQL's unknown stands for it.
//!
//! ```text
//! text ──lex──▶ tokens, bounds, habits ──parse (cel)──▶ syntax ──check──▶ Expr ──┬─ fold: who asks, what is implied
//!                                                                                ├─ restrict: what an asker sends
//!                                                                                ├─ eval: in memory
//!                                                                                └─ print: back to CEL
//! ```

#[cfg(any(test, feature = "arbitrary"))]
pub mod arbitrary;
mod check;
pub mod eval;
mod fold;
pub mod functions;
#[cfg(any(test, feature = "arbitrary"))]
mod fuzz;
mod lex;
mod parse;
mod print;
mod restrict;
#[cfg(any(test, feature = "arbitrary"))]
pub mod sample;
#[cfg(test)]
mod tests;
mod tree;

use std::ops::Range;

pub use check::{Expect, Mistake, Scope, check, check_defines, kind_name};
pub use eval::{Env, Evaluated, eval};
pub use fold::{Asker, fold, implies, remaining, simplify_condition, specialise};
#[cfg(any(test, feature = "arbitrary"))]
pub use fuzz::fuzz;
pub use lex::{MAX_BYTES, MAX_DEPTH, MAX_NODES, RESERVED};
pub use print::print;
pub use restrict::{Reading, of_outer_row, restrict, restrict_sort};
pub use tree::Needs;

use crate::model::{FieldId, ModelId, RelationId};
use crate::value::{Kind, Value};

/// A checked expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// What it gives.
    pub ty: Type,
    /// Where it stands in its text, in bytes.
    pub span: Range<usize>,
}

/// What an expression gives.
#[derive(Clone, Debug, PartialEq)]
pub enum Type {
    /// The literal `null`.
    Null,
    /// A value of a field.
    Value(Kind),
    /// A record, by its id: a ref, `user`, `this`, `data.post`, the variable of an `exists`.
    Record(ModelId),
    /// A list of literals or of relations' records.
    List(Box<Type>),
    /// Of a root whose type nothing fixed yet (`params.slug` before it is compared); never in a checked tree.
    Open,
}

/// What an expression is.
#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// A literal.
    Const(Value),
    /// What CEL calls an error, known before run time: a visitor's `user.name`.
    Error,
    /// Bound at run time.
    Input(Input),
    /// A stored or computed field of a row, perhaps through refs; of type `Record` where it is a ref or an id
    /// standing for its record.
    Field(Path),
    /// `-x`.
    Negate(Box<Expr>),
    /// `!x`.
    Not(Box<Expr>),
    /// `a && b && …`.
    And(Vec<Expr>),
    /// `a || b || …`.
    Or(Vec<Expr>),
    /// `a == b` and the other comparisons.
    Compare(Comparison, Box<Expr>, Box<Expr>),
    /// `a + b` and the other arithmetic; `+` also joins texts, and times with durations.
    Arithmetic(Arithmetic, Box<Expr>, Box<Expr>),
    /// `x in [a, b]`: the list is written out.
    InList(Box<Expr>, Vec<Expr>),
    /// `c ? a : b`.
    Conditional(Box<Expr>, Box<Expr>, Box<Expr>),
    /// A function of its arguments.
    Call(Function, Vec<Expr>),
    /// `has(this.x)`: whether a field is not null; a path through null is an error even here.
    Has(Path),
    /// `tags.exists(t, …)`, and `user in editors` as `exists(e, e == user)`. The body's scope 0 is the
    /// related row, 1 the row outside of it, and so on.
    Exists(Walk, Box<Expr>),
    /// `tags.all(t, …)`.
    All(Walk, Box<Expr>),
    /// `size(tags)`, and `size(tags.filter(t, …))` with the condition.
    Count(Walk, Option<Box<Expr>>),
    /// The second, seen from the record that the first gives: `user.team.name` is `name` seen from `user.team`, and
    /// `user.posts.exists(…)` an `exists` seen from `user`. That record is scope 0 of the second; where the first is
    /// null or an error there is none, which is an error.
    Of(Box<Expr>, Box<Expr>),
    /// `meta.size.width`, `meta.tags[0]`, `meta["odd key"]`: what stands there in a JSON document; an error where
    /// nothing does.
    Member(Box<Expr>, Vec<Step>),
    /// `has(meta.colour)`: whether the object before the last step has that key, be it null; an error where there is
    /// no such object.
    HasMember(Box<Expr>, Vec<Step>),
    /// JSON where a value of a kind is wanted, and an error where it holds another: not in the language, but put
    /// around JSON by the checker. An integer is a number without a fraction, a float any number.
    As(Box<Expr>, Kind),
    /// The variable of a [`Each`](ExprKind::Each): an element of an array, or a key of an object.
    Element(usize),
    /// `"x" in meta.tags`: an element of an array, or a key of an object.
    InJson(Box<Expr>, Box<Expr>),
    /// `meta.tags.exists(t, …)` and its kin. The body's scope 0 is the element.
    Each(Quantifier, Box<Expr>, Box<Expr>),
}

/// One step into a JSON document.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// To the value of an object's key.
    Key(Box<str>),
    /// To an element of an array, from 0.
    Index(u32),
}

/// What is asked of the elements of a JSON array.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Quantifier {
    /// `exists`: whether the body is true of one.
    Exists,
    /// `all`: whether it is true of all.
    All,
    /// `size(….filter(…))`: of how many it is true.
    Count,
}

/// A field of a row in scope, perhaps through refs: `author.team.name` is two hops and a field.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Path {
    /// Which row: 0 is the innermost, each `exists` around adds one.
    pub scope: usize,
    /// The model of that row.
    pub model: ModelId,
    /// Refs followed, each a field of the model reached so far.
    pub hops: Vec<FieldId>,
    /// The model at the end of the hops.
    pub end: ModelId,
    /// The field of that model.
    pub field: FieldId,
}

/// A relation of a row in scope, perhaps through refs: `author.posts`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Walk {
    /// Which row, as in [`Path`].
    pub scope: usize,
    /// The model of that row.
    pub model: ModelId,
    /// Refs followed before the relation.
    pub hops: Vec<FieldId>,
    /// The model at the end of the hops.
    pub end: ModelId,
    /// Which of its relations.
    pub relation: RelationId,
    /// The model of the related rows.
    pub to: ModelId,
}

/// Something bound at run time.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Input {
    /// `now`: microseconds UTC, the same for a whole request.
    Now,
    /// `today`: the day of `now` in the site's time zone.
    Today,
    /// A field of who asks: `user.role`; the id stands for `user` itself. An error for a visitor.
    User(FieldId),
    /// `user.is("editor")`: whether who asks has a role. An error for a visitor.
    HasRole(String),
    /// `user.can("posts.publish")`: whether he has a permission. An error for a visitor.
    HasPermission(String),
    /// `params.slug`.
    Param(String),
    /// `query.tag`.
    Query(String),
    /// A field of the posted form.
    Form(String),
    /// A field of a record that an earlier query of the page found: `data.post.author`; the id stands for the record.
    Data(String, FieldId),
    /// A field of the record as stored, in a rule about an update.
    Old(FieldId),
}

impl Input {
    /// Whether it is of who asks.
    #[must_use]
    pub fn is_of_user(&self) -> bool {
        matches!(self, Input::User(_) | Input::HasRole(_) | Input::HasPermission(_))
    }
}

/// Comparisons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "named as CEL's operators are")]
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// Arithmetic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "named as CEL's operators are")]
pub enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

/// Functions; what each takes and gives is in the checker's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Function {
    /// `text.contains(part)`, by code point.
    Contains,
    /// `text.startsWith(prefix)`.
    StartsWith,
    /// `text.endsWith(suffix)`.
    EndsWith,
    /// `size(text)`: in code points.
    Size,
    /// `text.lowerAscii()`.
    LowerAscii,
    /// `text.matches(pattern)`, in memory only.
    Matches,
    /// `int(x)`.
    Int,
    /// `double(x)`.
    Double,
    /// `string(x)`.
    String,
    /// `bool(x)`.
    Bool,
    /// `timestamp("2026-01-01T00:00:00Z")`; of a date, its midnight in UTC.
    Timestamp,
    /// `duration("36h")`.
    Duration,
    /// `t.getFullYear()`, in UTC or of a date.
    Year,
    /// `t.getMonth()`, from 0 as CEL says.
    Month,
    /// `t.getDate()`, the day of the month from 1.
    Day,
    /// True where its condition is true, and false where that is false *or an error*. Not in the language:
    /// it is put around another model's read rule in what an asker sends, so that a row whose rule ends in
    /// an error is a row that is not there. SQL's `IS TRUE`.
    Holds,
}

/// The datetimes that arithmetic may give, in microseconds: years 1 to 9999, up to the last instant that can
/// be shown in every time zone. Beyond them is an error.
pub const DATETIMES: std::ops::RangeInclusive<i64> = -62_135_596_800_000_000..=253_402_207_200_999_999;

/// The dates that arithmetic may give, in days: years 1 to 9999. Beyond them is an error.
pub const DATES: std::ops::RangeInclusive<i32> = -719_162..=2_932_896;

/// Where inputs get their values at run time. `None` is what CEL calls an error (a visitor's `user.name`).
pub trait Inputs {
    /// The value of an input.
    fn input(&self, input: &Input) -> Option<Value>;
}
