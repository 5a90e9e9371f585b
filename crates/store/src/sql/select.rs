//! What a `SELECT` gives, and the one around it.
//!
//! A query of few rows may have columns beside them: the record that a ref leads to, the number of related rows. They
//! stand in a `SELECT` around the rows, which were chosen, sorted and cut before: in one statement with the rows
//! themselves they would be computed for every row that is sorted, 7 ms for 10,000. On a server the columns of the rows
//! pass through. SQLite would copy each text on the way, which costs more than to find 20 rows again: there the inner
//! `SELECT` gives ids alone, and what is sorted is small.

use super::dialect::Dialect;
use super::keyset::Key;
use super::query::order_by;

/// The columns of a `SELECT`; equal ones stand in it once.
#[derive(Debug, Default, Clone)]
pub(crate) struct SelectList {
    /// Of the rows.
    rows: Vec<String>,
    around: Option<Around>,
}

/// The `SELECT` around the rows.
#[derive(Debug, Default, Clone)]
struct Around {
    columns: Vec<String>,
    joins: String,
    /// Whether columns are asked of it alone.
    beside: bool,
    /// Whether the rows give their ids alone and are found again.
    again: bool,
}

impl SelectList {
    /// With a `SELECT` around the rows, which finds them `again` by their ids or has their columns from them.
    pub(crate) fn wrapped(again: bool) -> SelectList {
        SelectList { rows: Vec::new(), around: Some(Around { again, ..Around::default() }) }
    }

    /// Whether columns may stand beside the rows.
    pub(crate) fn is_wrapped(&self) -> bool {
        self.around.as_ref().is_some_and(|around| !around.beside)
    }

    /// The place of a column among those that come out.
    pub(crate) fn column(&mut self, sql: &str) -> usize {
        if self.is_wrapped() {
            let name = self.named_row(sql);
            return self.beside(&name);
        }
        match &mut self.around {
            Some(around) => place(&mut around.columns, sql),
            None => place(&mut self.rows, sql),
        }
    }

    /// The place of a column of the `SELECT` around, which there is.
    pub(crate) fn beside(&mut self, sql: &str) -> usize {
        place(&mut self.around.get_or_insert_default().columns, sql)
    }

    /// What the `SELECT` around calls a column of the rows.
    pub(crate) fn named_row(&mut self, sql: &str) -> String {
        if self.around.as_ref().is_some_and(|around| around.again) {
            return sql.to_owned();
        }
        format!("p.c{}", place(&mut self.rows, sql))
    }

    /// Joins a table beside the rows; its columns are those that `choose` asks for.
    pub(crate) fn join<T>(&mut self, choose: impl FnOnce(&mut SelectList) -> T) -> T {
        self.around.get_or_insert_default().beside = true;
        let chosen = choose(self);
        self.around.get_or_insert_default().beside = false;
        chosen
    }

    /// Writes a table that was joined.
    pub(crate) fn joined(&mut self, join: &str) {
        self.around.get_or_insert_default().joins.push_str(join);
    }

    /// The columns.
    pub(crate) fn text(&self) -> String {
        self.rows.join(", ")
    }

    /// The columns with names, and these names.
    pub(crate) fn named(&self) -> (String, String) {
        let named = self.rows.iter().enumerate().map(|(at, sql)| format!("{sql} AS c{at}"));
        let names = (0..self.rows.len()).map(|at| format!("c{at}"));
        (named.collect::<Vec<_>>().join(", "), names.collect::<Vec<_>>().join(", "))
    }

    /// The columns of the rows, and what stands before and after them where there is a `SELECT` around that has their
    /// columns from them.
    pub(crate) fn around(&mut self, dialect: Dialect, keys: &[Key]) -> (String, Option<(String, String)>) {
        let Some(Around { columns, joins, .. }) = self.around.clone() else { return (self.text(), None) };
        // A server need not keep the order.
        let keys: Vec<Key> =
            keys.iter().map(|key| Key { sql: self.named_row(&key.sql), ..key.clone() }).collect();
        let before = format!("SELECT {} FROM (", columns.join(", "));
        let after = format!(") AS p{joins} ORDER BY {}", order_by(dialect, &keys));
        (self.named().0, Some((before, after)))
    }

    /// The same where the rows are found again, by `id` in the table `from`. SQLite takes tables that are cross joined
    /// from left to right, each row as it comes.
    pub(crate) fn again(&self, id: &str, from: &str) -> Option<(String, String)> {
        let Around { columns, joins, .. } = self.around.as_ref()?;
        let before = format!("SELECT {} FROM (", columns.join(", "));
        Some((before, format!(") AS p CROSS JOIN {from}{joins} WHERE {id} = p.c0")))
    }
}

fn place(columns: &mut Vec<String>, sql: &str) -> usize {
    columns.iter().position(|known| known == sql).unwrap_or_else(|| {
        columns.push(sql.to_owned());
        columns.len() - 1
    })
}
