//! What is seen from a record that is no row of the query: `user.team.name`, `user.posts.exists(…)`.
//!
//! Only the record's id is bound. It is enough for a relation that stands in other tables; where the record's own
//! columns are asked for, its row is looked up in a subquery that depends on no other row.

use purlin_schema::Expr;
use purlin_schema::expr::Type;

use super::expr::{Code, Compiler, Nulls};
use super::frame::Scope;
use crate::error::CompileError;

/// A record of its own that part of an expression is seen from: `user` in `user.posts.exists(…)`.
struct Origin {
    /// Its id.
    id: Code,
    frame: usize,
    scope: Scope,
}

impl Origin {
    /// What to select from, where the id alone is not enough.
    fn rows(&self, compiler: &Compiler<'_>) -> Option<String> {
        let Scope { alias, model, used, .. } = &self.scope;
        used.then(|| {
            let table = compiler.dialect.table(compiler.models.get(*model));
            let joins = compiler.joins(self.frame);
            let id = compiler.dialect.column(alias, "id");
            format!("FROM {table} AS {alias}{joins} WHERE {id} = {}", self.id.sql)
        })
    }

    /// The condition under which there is no such record.
    fn missing(&self) -> Option<String> {
        (self.id.nulls != Nulls::Never).then(|| format!("{} IS NULL", self.id.sql))
    }
}

impl Compiler<'_> {
    /// Compiles what is seen from a record, whose row is scope 0 meanwhile.
    fn compile_from<T>(
        &mut self,
        record: &Expr,
        body: &Expr,
        way: fn(&mut Self, &Expr) -> Result<T, CompileError>,
    ) -> Result<(Origin, T), CompileError> {
        let Type::Record(model) = record.ty else {
            return Err(CompileError::new(record, "this is no record"));
        };
        let id = self.value(record)?;
        let (frame, alias) = (self.open_frame(), self.alias());
        self.scopes.push(Scope { frame, alias, model, linked: Some(id.sql.clone()), used: false });
        let body = way(self, body);
        let scope = self.scopes.pop().expect("the scope that was just opened");
        Ok((Origin { id, frame, scope }, body?))
    }

    /// True exactly where there is the record and the condition holds, or fails, of it.
    pub(super) fn is_seen_from(
        &mut self,
        record: &Expr,
        body: &Expr,
        way: fn(&mut Self, &Expr) -> Result<String, CompileError>,
    ) -> Result<String, CompileError> {
        let (origin, body) = self.compile_from(record, body, way)?;
        Ok(match (origin.rows(self), origin.missing()) {
            (Some(rows), _) => format!("EXISTS (SELECT 1 {rows} AND {body})"),
            (None, Some(missing)) => format!("(NOT ({missing}) AND {body})"),
            (None, None) => body,
        })
    }

    /// A value that is seen from a record.
    pub(super) fn seen_from(&mut self, record: &Expr, body: &Expr) -> Result<Code, CompileError> {
        let (origin, Code { sql, nulls }) = self.compile_from(record, body, Self::value)?;
        let missing = origin.missing();
        let Some(rows) = origin.rows(self) else {
            let Some(missing) = missing else { return Ok(Code { sql, nulls }) };
            let nulls = match nulls {
                Nulls::Never | Nulls::Error => Nulls::Error,
                Nulls::Null => Nulls::Either(missing.clone()),
                Nulls::Either(error) => Nulls::Either(format!("({missing} OR {error})")),
            };
            return Ok(Code::new(format!("CASE WHEN NOT ({missing}) THEN {sql} END"), nulls));
        };
        let nulls = match nulls {
            Nulls::Never | Nulls::Error => Nulls::Error,
            Nulls::Null => missing.map_or(Nulls::Null, Nulls::Either),
            Nulls::Either(error) => Nulls::Either(format!("((SELECT {error} {rows}) IS NOT FALSE)")),
        };
        Ok(Code::new(format!("(SELECT {sql} {rows})"), nulls))
    }
}
