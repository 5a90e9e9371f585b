//! Functions and arithmetic.
//!
//! Where SQL's own functions mean the same as CEL's they are used. The rest is computed by
//! `purlin_call`, which a database session offers and which asks the schema's evaluator: overflow, casts and the
//! calendar are decided in one place. It gives null for an error; an error or null goes in and comes out as null.

use purlin_schema::expr::{Arithmetic, Comparison, ExprKind, Function};
use purlin_schema::{Expr, Kind, Value};

use super::Bind;
use super::expr::{Code, Compiler, Nulls, case};
use crate::error::CompileError;

/// What `purlin_call` is asked to do, as the number that is its first argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    /// One of the language's functions.
    Function(Function),
    /// An operator between two values.
    Arithmetic(Arithmetic),
    /// A sign.
    Negate,
}

const FUNCTIONS: [Function; 10] = [
    Function::Int,
    Function::Double,
    Function::String,
    Function::Bool,
    Function::Timestamp,
    Function::Duration,
    Function::Year,
    Function::Month,
    Function::Day,
    Function::Size,
];

const OPERATORS: [Arithmetic; 5] =
    [Arithmetic::Add, Arithmetic::Subtract, Arithmetic::Multiply, Arithmetic::Divide, Arithmetic::Remainder];

impl Operation {
    /// The number that stands for it, with the kinds of its arguments.
    pub(crate) fn code(self, args: &[(Kind, &str)]) -> Option<i64> {
        let operation = match self {
            Operation::Function(function) => FUNCTIONS.iter().position(|known| *known == function)?,
            Operation::Arithmetic(operator) => 64 + OPERATORS.iter().position(|known| *known == operator)?,
            Operation::Negate => 128,
        };
        let kinds = args.iter().rev().fold(0, |all, (kind, _)| all * 256 + kind_code(*kind));
        Some(kinds * 256 + i64::try_from(operation).ok()?)
    }

    /// The operation and the kinds of its first two arguments, from its number.
    pub(crate) fn decode(code: i64) -> Option<(Operation, [Kind; 2])> {
        let operation = match usize::try_from(code % 256).ok()? {
            128 => Operation::Negate,
            at @ 64.. => Operation::Arithmetic(*OPERATORS.get(at - 64)?),
            at => Operation::Function(*FUNCTIONS.get(at)?),
        };
        Some((operation, [kind_of(code >> 8 & 255), kind_of(code >> 16 & 255)]))
    }
}

fn kind_code(kind: Kind) -> i64 {
    match kind {
        Kind::Bool => 1,
        Kind::Int => 2,
        Kind::Float => 3,
        Kind::Text => 4,
        Kind::Date => 5,
        Kind::Datetime => 6,
        Kind::Duration => 7,
        Kind::Uuid => 8,
        Kind::Json => 9,
        Kind::Decimal(scale) => 100 + i64::from(scale),
    }
}

fn kind_of(code: i64) -> Kind {
    match code {
        1 => Kind::Bool,
        3 => Kind::Float,
        4 => Kind::Text,
        5 => Kind::Date,
        6 => Kind::Datetime,
        7 => Kind::Duration,
        8 => Kind::Uuid,
        9 => Kind::Json,
        scale @ 100.. => Kind::Decimal(u8::try_from(scale - 100).unwrap_or_default()),
        _ => Kind::Int,
    }
}

impl Compiler<'_> {
    pub(crate) fn arithmetic(
        &mut self,
        expr: &Expr,
        operator: Arithmetic,
        left: &Expr,
        right: &Expr,
    ) -> Result<Code, CompileError> {
        let kinds = [self.kind_of(left)?, self.kind_of(right)?];
        let (a, b) = (self.value(left)?, self.value(right)?);
        let code = self.computed_by(expr, Operation::Arithmetic(operator), &kinds, &[&a, &b])?;
        Ok(if kinds == [Kind::Text, Kind::Text] { strict(code.sql, &[&a, &b]) } else { code })
    }

    pub(crate) fn negate(&mut self, inner: &Expr) -> Result<Code, CompileError> {
        let kind = self.kind_of(inner)?;
        let code = self.value(inner)?;
        self.computed_by(inner, Operation::Negate, &[kind], &[&code])
    }

    pub(crate) fn call(
        &mut self,
        expr: &Expr,
        function: Function,
        args: &[Expr],
    ) -> Result<Code, CompileError> {
        if function == Function::Matches {
            return Err(CompileError::new(
                expr,
                "matches() works in checks of single fields, not in a question to the database",
            ));
        }
        if let [of] = args
            && of.is_json()
        {
            match function {
                Function::Size => return self.json_size(of),
                _ if !self.dialect.computes_json() => return self.json_call(expr, function, of),
                _ => {}
            }
        }
        let kinds = args.iter().map(|arg| self.kind_of(arg)).collect::<Result<Vec<_>, _>>()?;
        let codes = args.iter().map(|arg| self.value(arg)).collect::<Result<Vec<_>, _>>()?;
        let all: Vec<&Code> = codes.iter().collect();
        let code = self.computed_by(expr, Operation::Function(function), &kinds, &all)?;
        Ok(match function {
            Function::Contains
            | Function::StartsWith
            | Function::EndsWith
            | Function::Size
            | Function::LowerAscii => strict(code.sql, &all),
            _ => code,
        })
    }

    fn computed_by(
        &mut self,
        expr: &Expr,
        operation: Operation,
        kinds: &[Kind],
        args: &[&Code],
    ) -> Result<Code, CompileError> {
        let args: Vec<(Kind, &str)> =
            kinds.iter().copied().zip(args.iter().map(|arg| arg.sql.as_str())).collect();
        let sql = self
            .dialect
            .compute(operation, &args)
            .ok_or_else(|| CompileError::new(expr, "this function is not known to the database"))?;
        Ok(Code { sql, nulls: Nulls::Error })
    }

    /// `text.startsWith(prefix)` where it holds: a range, for which an index can be used.
    pub(crate) fn starts_with(&mut self, text: &Expr, prefix: &Expr) -> Result<String, CompileError> {
        let bind = match &prefix.kind {
            ExprKind::Const(value @ Value::Text(_)) => Some(Bind::Value(value.clone(), Kind::Text)),
            ExprKind::Input(input) => Some(Bind::Input(input.clone(), Kind::Text)),
            _ => None,
        };
        let Some(bind) = bind else {
            let starts = self.call(text, Function::StartsWith, &[text.clone(), prefix.clone()])?;
            return Ok(starts.sql);
        };
        let (a, b) = (self.value(text)?, self.value(prefix)?);
        let after = self.binds.mark(Bind::After(Box::new(bind)));
        Ok(self.dialect.begins(&a.sql, &b.sql, &after))
    }

    /// Decimals of two scales, by a fragment that tells their order.
    pub(crate) fn compare_decimals(
        &self,
        comparison: Comparison,
        order: &str,
        (a, b): (&Code, &Code),
    ) -> String {
        let same = format!("coalesce({order} = 0, {} IS NULL AND {} IS NULL)", a.sql, b.sql);
        let errors: Vec<String> = [a, b].into_iter().filter_map(Code::error).collect();
        match comparison {
            Comparison::Equal => case(&errors, &same),
            Comparison::NotEqual => case(&errors, &format!("(NOT {same})")),
            Comparison::Less => format!("({order} < 0)"),
            Comparison::LessOrEqual => format!("({order} <= 0)"),
            Comparison::Greater => format!("({order} > 0)"),
            Comparison::GreaterOrEqual => format!("({order} >= 0)"),
        }
    }
}

/// A result that is null exactly where one of its arguments is.
fn strict(sql: String, args: &[&Code]) -> Code {
    let never = args.iter().all(|code| code.nulls == Nulls::Never);
    Code { sql, nulls: if never { Nulls::Never } else { Nulls::Error } }
}
