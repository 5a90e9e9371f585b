//! Conditions on one record, for guards: compiled when the site loads, evaluated inside the transaction.

use purlin_schema::{Expr, FieldId, Model, ModelId, Models};

use super::dialect::{Dialect, id_kind};
use super::expr::Compiler;
use super::origin_rows::{is_loose, loose_name};
use super::{Bind, Binds, Draft, Statement};
use crate::error::CompileError;
use crate::mutation::Condition;

/// The statements of a condition: each finds a row or none.
#[derive(Debug)]
pub(crate) struct Compiled {
    /// Finds the record where the condition is true of it.
    pub(crate) holds: Statement,
    /// Finds the record where the condition is false of it.
    pub(crate) fails: Statement,
    /// Finds a row where the condition is true of a record that stands nowhere: its columns are the run's values, in
    /// their order.
    pub(crate) unwritten: Statement,
}

/// Compiles a condition on a record whose id is bound first.
pub(crate) fn compile(
    models: &Models,
    dialect: Dialect,
    model: ModelId,
    expr: &Expr,
) -> Result<Condition, CompileError> {
    let of = models.get(model);
    let stored = dialect.table(of);
    let id = |binds: &mut Binds| {
        format!("{} = {} AND ", dialect.column("t0", "id"), binds.mark(Bind::Id(id_kind(of))))
    };
    let statement = |from: &dyn Fn(&mut Binds) -> String, holds: bool, by_id: bool| {
        let mut compiler = Compiler::new(models, dialect);
        let id = if by_id { id(&mut compiler.binds) } else { String::new() };
        let from = from(&mut compiler.binds);
        let frame = compiler.open_row(model);
        let condition = if holds { compiler.holds(expr)? } else { compiler.fails(expr)? };
        let text = format!("SELECT 1 FROM {from} AS t0{} WHERE {id}{condition}", compiler.joins(frame));
        Ok(Draft { text, binds: compiler.binds, dialect }.finish())
    };
    let holds = statement(&|_| stored.clone(), true, true)?;
    let fails = statement(&|_| stored.clone(), false, true)?;
    let unwritten = statement(&|binds| unwritten(of, dialect, binds), true, false)?;
    let inputs = expr.inputs().into_iter().map(|(input, _)| input).collect();
    Ok(Condition {
        model,
        sql: holds.sql.to_string(),
        inputs,
        rule: expr.clone(),
        compiled: Compiled { holds, fails, unwritten },
    })
}

/// A table of one record, which is bound.
fn unwritten(model: &Model, dialect: Dialect, binds: &mut Binds) -> String {
    let mut columns = Vec::new();
    for (at, field) in model.fields.iter().filter(|field| field.has_column()).enumerate() {
        let kind = if field.id == FieldId::ID { id_kind(model) } else { field.kind };
        let mut column = |name: &str| {
            columns.push(format!("{} AS {}", binds.mark(Bind::Nth(at, kind)), dialect.quote(name)));
        };
        column(&field.name);
        if is_loose(model, field) {
            column(&loose_name(field));
        }
    }
    format!("(SELECT {})", columns.join(", "))
}
