//! From the schema's questions to SQL.
//!
//! Everything here turns a typed tree ([`Query`](purlin_schema::query::Query), [`Expr`](purlin_schema::Expr))
//! into the text of a statement and the list of what is bound to it. Identifiers come from the models and
//! nowhere else; a value is always a parameter. While a statement is put together a parameter is a mark
//! in the text; [`Draft::finish`] numbers those that are left, so that a fragment may be built, moved,
//! repeated or thrown away without a thought about the order of parameters.

pub(crate) mod beside;
pub(crate) mod call;
pub(crate) mod condition;
pub(crate) mod dialect;
pub(crate) mod expr;
pub(crate) mod frame;
pub(crate) mod include;
pub(crate) mod json;
pub(crate) mod keyset;
mod loose;
mod origin;
pub(crate) mod origin_rows;
pub(crate) mod origin_write;
pub(crate) mod query;
pub(crate) mod select;

use std::sync::Arc;

use purlin_schema::{Id, Input, Inputs, Kind, Value};

use dialect::Dialect;

const OPEN: char = '\u{1}';
const CLOSE: char = '\u{2}';
/// Stands for the list of parents in the draft of a batched statement.
pub(crate) const PARENTS: char = '\u{3}';

/// A statement, ready for a database.
#[derive(Debug, Clone)]
pub(crate) struct Statement {
    pub(crate) sql: Arc<str>,
    /// What is bound, in order.
    pub(crate) binds: Vec<Bind>,
}

/// What is bound to a parameter.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Bind {
    /// A literal of the expression.
    Value(Value, Kind),
    /// An input; null where it is absent.
    Input(Input, Kind),
    /// Whether an input is absent, as a truth.
    Absent(Input),
    /// The least text that is greater than every text which begins with this one; what is greater than any text
    /// where there is none such, or null where the database knows no such thing.
    After(Box<Bind>),
    /// A text that compares as the column beside it does.
    Loose(Box<Bind>),
    /// The id of the record that a condition is about.
    Id(Kind),
    /// One of the values that come with the run: keys of a cursor, parents of a batch, a row to write.
    Nth(usize, Kind),
    /// All values that come with the run, as an array of a kind.
    Array(Kind),
    /// How many rows at most.
    Limit,
    /// How many rows to skip.
    Offset,
}

impl Bind {
    /// What kind of value is bound.
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Bind::Value(_, kind)
            | Bind::Input(_, kind)
            | Bind::Id(kind)
            | Bind::Nth(_, kind)
            | Bind::Array(kind) => *kind,
            Bind::Absent(_) => Kind::Bool,
            Bind::After(_) | Bind::Loose(_) => Kind::Text,
            Bind::Limit | Bind::Offset => Kind::Int,
        }
    }
}

/// The values for the parameters of one run.
#[derive(Clone, Copy)]
pub(crate) struct Args<'run> {
    pub(crate) inputs: &'run (dyn Inputs + Sync),
    pub(crate) id: Option<Id>,
    pub(crate) values: &'run [Value],
    pub(crate) limit: i64,
    pub(crate) offset: i64,
}

impl<'run> Args<'run> {
    /// Inputs alone.
    pub(crate) fn inputs(inputs: &'run (dyn Inputs + Sync)) -> Args<'run> {
        Args { inputs, id: None, values: &[], limit: -1, offset: 0 }
    }

    /// Values alone.
    pub(crate) fn values(values: &'run [Value]) -> Args<'run> {
        Args { inputs: &NoInputs, id: None, values, limit: -1, offset: 0 }
    }
}

/// No inputs at all.
pub(crate) struct NoInputs;

impl Inputs for NoInputs {
    fn input(&self, _: &Input) -> Option<Value> {
        None
    }
}

/// The parameters of a statement that is being put together.
#[derive(Debug, Clone, Default)]
pub(crate) struct Binds(Vec<Bind>);

impl Binds {
    /// The mark of a parameter; equal ones share it.
    pub(crate) fn mark(&mut self, bind: Bind) -> String {
        let at = self.0.iter().position(|known| *known == bind).unwrap_or_else(|| {
            self.0.push(bind);
            self.0.len() - 1
        });
        format!("{OPEN}{at}{CLOSE}")
    }
}

/// How the parents of a batched statement are bound.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Parents {
    /// So many parameters, which are the first of the run's values.
    Listed(usize),
    /// One parameter for all of them.
    Array,
}

/// The text of a statement with marks in it.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) text: String,
    pub(crate) binds: Binds,
    pub(crate) dialect: Dialect,
}

impl Draft {
    /// Numbers the parameters.
    pub(crate) fn finish(&self) -> Statement {
        self.finish_for(Parents::Listed(0), Kind::Int)
    }

    /// Numbers the parameters and writes the parents, whose ids are of a kind.
    pub(crate) fn finish_for(&self, parents: Parents, kind: Kind) -> Statement {
        let mut sql = String::with_capacity(self.text.len());
        let mut binds: Vec<Bind> = Vec::new();
        let mut put = |sql: &mut String, bind: Bind| {
            let known =
                self.dialect.shares_parameters().then(|| binds.iter().position(|b| *b == bind)).flatten();
            let at = known.unwrap_or(binds.len());
            self.dialect.parameter(sql, at + 1, &bind);
            if known.is_none() {
                binds.push(bind);
            }
        };
        let rows = self.dialect.joins_parents();
        let mut rest = self.text.as_str();
        while let Some(at) = rest.find([OPEN, PARENTS]) {
            sql.push_str(&rest[..at]);
            rest = &rest[at..];
            if let Some(after) = rest.strip_prefix(PARENTS) {
                let listed = match parents {
                    Parents::Listed(listed) => listed,
                    Parents::Array => {
                        put(&mut sql, Bind::Array(kind));
                        0
                    }
                };
                for number in 0..listed {
                    if number > 0 {
                        sql.push(',');
                    }
                    if rows {
                        sql.push('(');
                    }
                    put(&mut sql, Bind::Nth(number, kind));
                    if rows {
                        sql.push(')');
                    }
                }
                rest = after;
            } else {
                let end = rest.find(CLOSE).unwrap_or(rest.len() - 1);
                let number: usize = rest[1..end].parse().unwrap_or_default();
                put(&mut sql, self.binds.0[number].clone());
                rest = &rest[end + 1..];
            }
        }
        sql.push_str(rest);
        Statement { sql: sql.into(), binds }
    }
}
