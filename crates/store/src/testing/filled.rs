//! Statements with their values written into them, for tests that ask a database what it makes of our SQL.

use std::sync::Arc;

use purlin_schema::expr::Step;
use purlin_schema::query::Query;
use purlin_schema::value::{format_date, format_datetime, format_decimal};
use purlin_schema::{FieldId, Input, Inputs, Kind, Model, Models, Value};

use crate::sql::dialect::json::PathColumn;
use crate::sql::dialect::{Dialect, Flavour};
use crate::sql::include::Included;
use crate::sql::query::{Body, Variant};
use crate::sql::{Bind, Statement};
use crate::{CompileError, Prepared};

/// Databases whose SQL we write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "they are called so")]
pub enum Known {
    Sqlite,
    Postgres,
    MariaDb,
    Mysql,
}

impl Known {
    fn dialect(self) -> Dialect {
        match self {
            Known::Sqlite => Dialect::Sqlite,
            Known::Postgres => Dialect::Postgres,
            Known::MariaDb => Dialect::Mysql(Flavour::MariaDb),
            Known::Mysql => Dialect::Mysql(Flavour::Mysql),
        }
    }

    /// What `CREATE TABLE` says of a model's indexes on paths, where these take columns: the columns and the keys.
    #[must_use]
    pub fn path_columns(self, model: &Model) -> Vec<String> {
        let says = self.dialect().sql().json();
        let name = |name: &str| self.dialect().quote(name);
        let of = |(field, steps): &(FieldId, Vec<Step>)| {
            let columns = says.path_columns(&model.field(*field).name, steps)?;
            let key = format!("KEY ({}, {})", name(&columns[0].name), name(&columns[1].name));
            let column = |column: &PathColumn| {
                format!(
                    "{} {} GENERATED ALWAYS AS ({}) VIRTUAL",
                    name(&column.name),
                    column.ty,
                    column.expression
                )
            };
            Some(columns.iter().map(column).chain([key]).collect::<Vec<_>>())
        };
        model.path_indexes.iter().filter_map(of).flatten().collect()
    }

    /// The statements by which it finds the rows of a query, the total, what is included and what is counted.
    ///
    /// # Errors
    /// Where its SQL cannot say that.
    pub fn statements(self, models: &Arc<Models>, query: &Query) -> Result<Vec<String>, CompileError> {
        let prepared = Prepared::compile(models, self.dialect(), query)?;
        let compiled = prepared.variant(Variant::BASE)?;
        let rows = compiled.segments.iter().chain(&compiled.total);
        let along = along(&compiled.body);
        Ok(rows.chain(along).map(|statement| statement.sql.to_string()).collect())
    }

    /// The same, as it runs with inputs, and with `values` for keys and parents; after a row with such keys where
    /// `after` says which of them are null.
    ///
    /// # Errors
    /// Where its SQL cannot say that.
    pub fn filled(
        self,
        models: &Arc<Models>,
        query: &Query,
        inputs: &dyn Inputs,
        values: &[Value],
        after: Option<u64>,
    ) -> Result<Vec<String>, CompileError> {
        let prepared = Prepared::compile(models, self.dialect(), query)?;
        let given = prepared.given(inputs);
        let compiled = prepared.variant(Variant { given, after, ..Variant::BASE })?;
        let rows = compiled.segments.iter().chain(&compiled.total);
        let along = along(&compiled.body);
        let all = rows.chain(along);
        Ok(all.map(|statement| self.fill(statement, inputs, values)).collect())
    }

    fn fill(self, statement: &Statement, inputs: &dyn Inputs, values: &[Value]) -> String {
        let inner =
            |bind: &'_ Bind| if let Bind::Loose(inner) = bind { (**inner).clone() } else { bind.clone() };
        let write = |bind: &Bind| match &inner(bind) {
            Bind::Value(value, kind) => self.literal(value, *kind),
            Bind::Input(input, kind) => self.literal(&given(inputs, input), *kind),
            Bind::Absent(input) => {
                let absent = matches!(inputs.input(input), None | Some(Value::Withheld));
                self.literal(&Value::Bool(absent), Kind::Bool)
            }
            Bind::After(prefix) => {
                let prefix = match &**prefix {
                    Bind::Value(value, _) => value.clone(),
                    Bind::Input(input, _) => given(inputs, input),
                    _ => Value::Null,
                };
                let after = prefix.as_text().and_then(crate::values::text_after);
                self.literal(&after.map_or(Value::Null, Value::from), Kind::Text)
            }
            Bind::Nth(at, kind) => self.literal(values.get(*at).unwrap_or(&Value::Null), *kind),
            Bind::Id(kind) => self.literal(values.first().unwrap_or(&Value::Null), *kind),
            Bind::Array(kind) => {
                let values = values.iter().map(|value| self.literal(value, *kind));
                format!("ARRAY[{}]", values.collect::<Vec<_>>().join(", "))
            }
            Bind::Loose(_) => String::new(),
            Bind::Limit => "1000".to_owned(),
            Bind::Offset => "0".to_owned(),
        };
        let mut filled = String::new();
        let mut binds = statement.binds.iter();
        let mut quoted = None;
        let mut rest = statement.sql.chars().peekable();
        while let Some(character) = rest.next() {
            match (quoted, character) {
                (None, '?') if self != Known::Postgres => {
                    filled.push_str(&binds.next().map(write).unwrap_or_default());
                }
                (None, '$') => {
                    let mut number = String::new();
                    while let Some(digit) = rest.next_if(char::is_ascii_digit) {
                        number.push(digit);
                    }
                    let at: usize = number.parse().unwrap_or_default();
                    filled.push_str(&write(&statement.binds[at - 1]));
                }
                (None, '\'' | '"' | '`') => {
                    quoted = Some(character);
                    filled.push(character);
                }
                (Some(quote), _) if quote == character => {
                    quoted = None;
                    filled.push(character);
                }
                _ => filled.push(character),
            }
        }
        filled
    }

    /// A value as it stands in SQL.
    #[must_use]
    pub fn literal(self, value: &Value, kind: Kind) -> String {
        let mysql = matches!(self, Known::MariaDb | Known::Mysql);
        let quoted = |text: &str| match mysql {
            true => format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''")),
            false => format!("'{}'", text.replace('\'', "''")),
        };
        match (value, kind) {
            (Value::Bool(truth), Kind::Bool) => self.dialect().truth(*truth).to_owned(),
            (Value::Int(number), Kind::Int) | (Value::Duration(number), Kind::Duration) => match mysql {
                true => number.to_string(),
                false => quoted(&number.to_string()),
            },
            (Value::Int(number), Kind::Float) if mysql => format!("{number}e0"),
            (Value::Int(number), Kind::Float) => quoted(&number.to_string()),
            (Value::Float(number), Kind::Float) if mysql => format!("{number:e}"),
            (Value::Float(number), Kind::Float) => quoted(&format!("{number:e}")),
            (Value::Decimal(decimal), Kind::Decimal(_)) => quoted(&format_decimal(*decimal)),
            (Value::Text(text), Kind::Text) => quoted(text),
            (Value::Date(days), Kind::Date) => quoted(&format_date(*days)),
            (Value::Datetime(micros), Kind::Datetime) => {
                let text = format_datetime(*micros);
                quoted(&if mysql { text.replace('T', " ").replace('Z', "") } else { text })
            }
            (Value::Uuid(uuid), Kind::Uuid) if mysql => format!("x'{}'", uuid.simple()),
            (Value::Uuid(uuid), Kind::Uuid) => quoted(&uuid.to_string()),
            (Value::Json(json), Kind::Json) => quoted(&json.to_string()),
            // It gives no collation to what is of no charset.
            (_, Kind::Text) if self == Known::Mysql => "CONVERT(NULL USING utf8mb4)".to_owned(),
            _ => "NULL".to_owned(),
        }
    }
}

fn given(inputs: &dyn Inputs, input: &Input) -> Value {
    inputs.input(input).unwrap_or(Value::Null)
}

/// The statements of a body, for two parents.
fn along(body: &Body) -> Vec<&Statement> {
    let batches = body.includes.iter().filter_map(|include| match include {
        Included::Batch(batch) => Some(batch.batched.statement(2).0),
        Included::Beside(_) => None,
    });
    let counts = body.counts.iter().map(|count| count.batched.statement(2).0);
    batches.chain(counts).collect()
}
