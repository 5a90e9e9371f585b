//! Conditions on one record, for guards: compiled when the site loads, evaluated inside the transaction.

use purlin_schema::{Expr, ModelId, Models};

use super::dialect::Dialect;
use super::expr::Compiler;
use super::{Bind, Draft, Statement};
use crate::error::CompileError;
use crate::mutation::Condition;

/// The two statements of a condition: each finds a row or none.
#[derive(Debug)]
pub(crate) struct Compiled {
    /// Finds the record where the condition is true of it.
    pub(crate) holds: Statement,
    /// Finds the record where the condition is false of it.
    pub(crate) fails: Statement,
}

/// Compiles a condition on a record whose id is bound first.
pub(crate) fn compile(
    models: &Models,
    dialect: Dialect,
    model: ModelId,
    expr: &Expr,
) -> Result<Condition, CompileError> {
    let holds = statement(models, dialect, model, |compiler| compiler.holds(expr))?;
    let fails = statement(models, dialect, model, |compiler| compiler.fails(expr))?;
    let mut inputs = Vec::new();
    for bind in &holds.binds {
        if let Bind::Input(input, _) | Bind::Absent(input) = bind
            && !inputs.contains(input)
        {
            inputs.push(input.clone());
        }
    }
    Ok(Condition { model, sql: holds.sql.to_string(), inputs, compiled: Compiled { holds, fails } })
}

fn statement(
    models: &Models,
    dialect: Dialect,
    model: ModelId,
    condition: impl FnOnce(&mut Compiler<'_>) -> Result<String, CompileError>,
) -> Result<Statement, CompileError> {
    let mut compiler = Compiler::new(models, dialect);
    let id = compiler.binds.mark(Bind::Id);
    let frame = compiler.open_row(model);
    let condition = condition(&mut compiler)?;
    let table = dialect.table(models.get(model));
    let text = format!(
        "SELECT 1 FROM {table} AS t0{} WHERE t0.\"id\" = {id} AND {condition}",
        compiler.joins(frame)
    );
    Ok(Draft { text, binds: compiler.binds, dialect }.finish())
}
