//! Texts of tables that others made, compared so that their indexes serve.
//!
//! Texts are equal where their letters are, whatever the column's collation; but an index has that collation and serves
//! no other. Texts with the same letters are equal by any collation, so that this is asked first, by the index, and the
//! letters of what it finds after it.

use purlin_schema::expr::ExprKind;
use purlin_schema::{Expr, Kind};

use super::Bind;
use super::expr::{Code, Compiler};
use super::origin_rows::{is_loose, loose_name};

impl Compiler<'_> {
    /// An equality that holds, with what an index can tell of it.
    pub(super) fn equal_by_index(
        &mut self,
        (left, a): (&Expr, &Code),
        (right, b): (&Expr, &Code),
        exact: String,
    ) -> String {
        let known = self.loose_column(left, a).zip(self.loose_bind(right));
        let Some((column, value)) = known.or_else(|| self.loose_column(right, b).zip(self.loose_bind(left)))
        else {
            return exact;
        };
        if a.is_value() || b.is_value() {
            return format!("({column} = {value} AND {exact})");
        }
        // Two nulls are equal, too.
        format!("(({column} = {value} OR {column} IS NULL) AND {exact})")
    }

    /// The same of one among values.
    pub(super) fn among_by_index(
        &mut self,
        (item, code): (&Expr, &Code),
        list: &[Expr],
        exact: String,
    ) -> String {
        let Some(column) = self.loose_column(item, code) else { return exact };
        let values: Option<Vec<String>> = list.iter().map(|value| self.loose_bind(value)).collect();
        values.map_or(exact.clone(), |values| format!("({column} IN ({}) AND {exact})", values.join(", ")))
    }

    /// The column as it compares by itself, of a field that stands for one.
    fn loose_column(&self, expr: &Expr, code: &Code) -> Option<String> {
        let ExprKind::Field(path) = &expr.kind else { return None };
        let model = self.models.get(path.end);
        let field = model.fields.get(usize::from(path.field.0)).filter(|field| is_loose(model, field))?;
        let row = code.sql.strip_suffix(&self.dialect.quote(&field.name))?;
        Some(format!("{row}{}", self.dialect.quote(&loose_name(field))))
    }

    /// A value that is bound, to be compared with such a column.
    fn loose_bind(&mut self, expr: &Expr) -> Option<String> {
        let bind = match &expr.kind {
            ExprKind::Const(value) if value.as_text().is_some() => Bind::Value(value.clone(), Kind::Text),
            ExprKind::Input(input) if self.kind_of(expr) == Ok(Kind::Text) => {
                Bind::Input(input.clone(), Kind::Text)
            }
            _ => return None,
        };
        Some(self.binds.mark(Bind::Loose(Box::new(bind))))
    }
}
