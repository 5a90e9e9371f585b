//! What a person is told where the database's own rules refuse a write.
//!
//! Purlin asks for what its models declare before it writes, so that such rules are seldom met: a text or a row larger
//! than the database keeps, and all that others have declared for tables of theirs. Whoever wrote is told which field is
//! wrong, as far as it can be found out, in words of ours; the database's own may hold values of others' rows.

use purlin_schema::model::Rule as Access;
use purlin_schema::{Field, FieldId, Id, Kind, Model, Value};

use super::guards::NOT_FOUND;
use super::session::Session;
use super::unique::TAKEN;
use super::{Failure, Write};
use crate::error::{Error, Rule, Violation};
use crate::mutation::{Action, Mutation, Refusal};
use crate::names::{POSTGRES_NAME, fitting};
use crate::sql::Args;
use crate::sql::dialect::Dialect;

/// What was to be written.
pub(super) struct Told<'run> {
    pub(super) model: &'run Model,
    /// By field number.
    pub(super) values: &'run [Value],
    pub(super) old: Option<&'run [Value]>,
    pub(super) written: &'run [FieldId],
    pub(super) deletes: bool,
}

impl<S: Session> Write<'_, S> {
    /// A failure that is the database's refusal, as ours; the transaction may be over.
    pub(super) fn told(&self, mutation: &Mutation, failure: Failure) -> Failure {
        let Failure::Failed(Error::Violated(violation)) = failure else { return failure };
        let model = self.model(mutation.model);
        if model.origin.is_none() {
            return match violation.rule {
                Rule::TooLong | Rule::TooLarge | Rule::Unfit => {
                    self.note(model, &violation);
                    let field = by_column(model, &violation).or_else(|| by_key(model, &violation, mutation));
                    refusal(&violation, field).into()
                }
                // Somebody else was faster: tried again, it is found out what is wrong.
                Rule::Unique | Rule::Reference if self.catalog.dialect != Dialect::Sqlite => {
                    Failure::Failed(Error::Conflict(violation.message))
                }
                _ => Failure::Failed(Error::Database(violation.message)),
            };
        }
        self.note(model, &violation);
        refusal(&violation, by_column(model, &violation)).into()
    }

    /// The refusals of a write to a table of others, whose transaction goes on.
    pub(super) async fn explained(
        &self,
        told: &Told<'_>,
        violation: &Violation,
    ) -> Result<Vec<Refusal>, Failure> {
        self.note(told.model, violation);
        if violation.rule == Rule::Reference
            && let Some(refusal) = self.held(told, violation).await?
        {
            return Ok(vec![refusal]);
        }
        let field = match by_column(told.model, violation) {
            Some(field) => Some(field),
            None => self.by_constraint(told.model, violation).await?.or_else(|| likely(told, violation)),
        };
        Ok(vec![refusal(violation, field)])
    }

    /// Whom a record is kept for, or what it had, if that is what the rule is about.
    async fn held(&self, told: &Told<'_>, violation: &Violation) -> Result<Option<Refusal>, Failure> {
        let Some(own) = &told.model.origin else { return Ok(None) };
        let elsewhere = violation.table.as_deref().is_some_and(|table| table != own.table);
        if !told.deletes && !elsewhere {
            return Ok(None);
        }
        let of_table = |table: &str| {
            self.catalog.models.iter().find_map(|model| {
                let origin = model.origin.as_ref().filter(|origin| origin.schema == own.schema)?;
                let list = origin.links.iter().find(|(_, links)| links.table == table).map(|(list, _)| *list);
                let other_end = list.and_then(|list| model.field(list).reference.as_ref());
                match other_end {
                    Some(reference) if model.id == told.model.id => Some(reference.to),
                    Some(_) => Some(model.id),
                    None => (origin.table == table).then_some(model.id),
                }
            })
        };
        let by = match &violation.table {
            Some(table) => of_table(table),
            None => self.referrer(told).await?,
        };
        Ok(Some(by.map_or(Refusal::ReferencedElsewhere, Refusal::Referenced)))
    }

    /// A model of which records refer to the one that is deleted.
    async fn referrer(&self, told: &Told<'_>) -> Result<Option<purlin_schema::ModelId>, Failure> {
        let Some(id) = told.values.first().and_then(Value::as_id) else { return Ok(None) };
        for referrer in &self.catalog.table(told.model.id).referrers {
            let itself = |found: &Id| referrer.model == told.model.id && *found == id;
            let found = self.referring(*referrer, (told.model.id, id)).await?;
            if found.iter().any(|found| !itself(found)) {
                return Ok(Some(referrer.model));
            }
        }
        Ok(None)
    }

    /// The field that a constraint is about, as the database's catalogue says; of several the first that may be written.
    async fn by_constraint(&self, model: &Model, violation: &Violation) -> Result<Option<FieldId>, Failure> {
        let (Some(constraint), Some(origin)) = (&violation.constraint, &model.origin) else {
            return Ok(None);
        };
        let text = match self.catalog.dialect {
            Dialect::Sqlite => return Ok(None),
            // A unique index need not be a constraint.
            Dialect::Postgres => {
                "SELECT a.attname::text FROM pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace CROSS JOIN LATERAL \
                 (SELECT c.conkey AS key FROM pg_constraint c WHERE c.conrelid = t.oid AND c.conname = {2} UNION ALL \
                 SELECT i.indkey::int2[] FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid \
                 WHERE i.indrelid = t.oid AND x.relname = {2}) AS k \
                 JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = ANY (k.key) \
                 WHERE n.nspname = {0} AND t.relname = {1} ORDER BY a.attnum"
            }
            Dialect::Mysql(_) => {
                "SELECT COLUMN_NAME FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = {0} AND TABLE_NAME = {1} \
                 AND INDEX_NAME = {2} ORDER BY SEQ_IN_INDEX"
            }
        };
        let statement = self.catalog.statement(text, &[Kind::Text; 3]);
        let named = [origin.schema.as_str(), &origin.table, constraint].map(Value::from);
        let mut columns = Vec::new();
        self.session
            .each(&statement, &Args::values(&named), |row| {
                columns.extend(row.value(0, Kind::Text).as_text().map(str::to_owned));
                true
            })
            .await?;
        let fields: Vec<&Field> = columns.iter().filter_map(|column| of_column(model, column)).collect();
        // A check of several columns is about the record.
        if violation.rule == Rule::Check && columns.len() > 1 {
            return Ok(None);
        }
        let open = fields.iter().find(|field| !matches!(field.write, Access::Nobody));
        Ok(open.or(fields.first()).map(|field| field.id))
    }

    /// For whoever keeps the site: what the database said, without what may hold values.
    fn note(&self, model: &Model, violation: &Violation) {
        let Violation { rule, column, constraint, table, .. } = violation;
        let (column, constraint) = (column.as_deref().unwrap_or("-"), constraint.as_deref().unwrap_or("-"));
        let table = table.as_deref().unwrap_or("-");
        tracing::info!(model = model.name, ?rule, table, column, constraint, "the database refused a write");
    }
}

/// What is told of a field, or of the record.
fn refusal(violation: &Violation, field: Option<FieldId>) -> Refusal {
    let (code, of_field, of_record) = match violation.rule {
        Rule::Unique => ("unique", TAKEN, "another record has the same key"),
        Rule::Reference => ("not_found", NOT_FOUND, "refers to a record that does not exist"),
        Rule::Required => ("required", "is required", "the database asks for a value that is not given here"),
        Rule::Check => ("check", "is not allowed by the database", "the database does not allow this"),
        Rule::TooLong => {
            ("too_long", "is longer than the database keeps", "a text is longer than the database keeps")
        }
        Rule::TooLarge => {
            ("too_long", "is larger than the database keeps", "this is larger than the database keeps")
        }
        Rule::Unfit => (
            "out_of_range",
            "does not fit what the database keeps",
            "a value does not fit what the database keeps",
        ),
        Rule::Trigger => ("check", "is refused by the database", "the database refuses this"),
        Rule::Computed => ("read_only", "may not be set", "a value is the database's own to give"),
    };
    let message = if field.is_some() { of_field } else { of_record };
    Refusal::Field { field, code, message: message.to_owned() }
}

fn of_column<'model>(model: &'model Model, column: &str) -> Option<&'model Field> {
    let fields = || model.fields.iter().filter(|field| field.has_column());
    match &model.origin {
        None => fields().find(|field| field.name == column),
        Some(origin) => fields().find(|field| {
            origin.columns.get(&field.id).is_some_and(|known| known.name.eq_ignore_ascii_case(column))
        }),
    }
}

fn by_column(model: &Model, violation: &Violation) -> Option<FieldId> {
    // Of another table's column the name says nothing here.
    let own = model.origin.as_ref().map_or(model.name.as_str(), |origin| &origin.table);
    if violation.table.as_deref().is_some_and(|table| !table.eq_ignore_ascii_case(own)) {
        return None;
    }
    of_column(model, violation.column.as_deref()?).map(|field| field.id)
}

/// The longest text of what is written into the key that could not take it. PostgreSQL names the key's index, but for what is
/// longer than a page: then it is one of all keys.
fn by_key(model: &Model, violation: &Violation, mutation: &Mutation) -> Option<FieldId> {
    if violation.rule != Rule::TooLarge || !violation.message.starts_with("index row") {
        return None;
    }
    let keys = keys(model);
    let named = violation.constraint.as_deref();
    let is_it = |name: &String| named.is_none_or(|named| fitting(name, POSTGRES_NAME) == named);
    let fields: Vec<FieldId> =
        keys.into_iter().filter(|(name, _)| is_it(name)).flat_map(|(_, fields)| fields).collect();
    let values = match &mutation.action {
        Action::Create { values, .. } | Action::Update { values, .. } | Action::Copy { values, .. } => values,
        Action::Delete { .. } => return None,
    };
    let texts = values.iter().filter(|(field, _)| fields.contains(field));
    let texts = texts.filter_map(|(field, value)| Some((value.as_text()?.len(), *field)));
    texts.max_by_key(|(length, _)| *length).map(|(_, field)| field)
}

/// The keys of a model's table, by what migrations call them.
fn keys(model: &Model) -> Vec<(String, Vec<FieldId>)> {
    let name = |field: FieldId| model.field(field).name.as_str();
    let unique = |fields: &Vec<FieldId>| {
        let names: Vec<&str> = fields.iter().map(|field| name(*field)).collect();
        (format!("{}({}) unique", model.name, names.join(",")), fields.clone())
    };
    let index = |parts: &[(FieldId, bool)]| {
        let part = |(field, descending): &(FieldId, bool)| {
            format!("{}{}", name(*field), if *descending { " desc" } else { "" })
        };
        let names: Vec<String> = parts.iter().map(part).collect();
        (format!("{}({})", model.name, names.join(",")), parts.iter().map(|(field, _)| *field).collect())
    };
    let uniques = model.uniques.iter().map(|key| unique(&key.fields));
    uniques.chain(model.indexes.iter().map(|key| index(&key.fields))).collect()
}

/// The only field that it can be, where the database names none.
fn likely(told: &Told<'_>, violation: &Violation) -> Option<FieldId> {
    let message = violation.message.as_str();
    let value = |field: &FieldId| &told.values[usize::from(field.0)];
    let is_new = |field: &FieldId| told.old.is_none_or(|old| old[usize::from(field.0)] != *value(field));
    let origin = told.model.origin.as_ref()?;
    let fits: Box<dyn Fn(&FieldId) -> bool> = match violation.rule {
        // `value too long for type character varying(20)`
        Rule::TooLong => {
            let most = message
                .rsplit_once('(')
                .filter(|(rest, _)| rest.contains('('))
                .map_or(message, |(rest, _)| rest);
            let most: usize = most.rsplit_once('(')?.1.split(')').next()?.parse().ok()?;
            Box::new(move |field| value(field).as_text().is_some_and(|text| text.chars().count() > most))
        }
        // `smallint out of range`
        Rule::Unfit if message.starts_with("smallint") => {
            Box::new(|field| beyond(value(field), i16::MAX.into()))
        }
        Rule::Unfit if message.starts_with("integer") => {
            Box::new(|field| beyond(value(field), i32::MAX.into()))
        }
        Rule::Unfit if message.starts_with("numeric") => {
            Box::new(|field| matches!(told.model.field(*field).kind, Kind::Decimal(_)))
        }
        Rule::Unfit => {
            Box::new(|field| origin.columns.get(field).is_some_and(|column| column.cast.is_some()))
        }
        // SQLite shows the condition: a column's name in it, and no other's, is what it is about.
        Rule::Check => {
            let words: Vec<&str> =
                message.split(|letter: char| !(letter.is_alphanumeric() || letter == '_')).collect();
            let named = |name: &str| words.iter().any(|word| word.eq_ignore_ascii_case(name));
            let mut fields =
                origin.columns.iter().filter(|(_, column)| named(&column.name)).map(|(field, _)| *field);
            return fields.next().filter(|_| fields.next().is_none());
        }
        _ => return None,
    };
    let mut fields =
        told.written.iter().filter(|field| is_new(field) && !value(field).is_null() && fits(field));
    fields.next().copied().filter(|_| fields.next().is_none())
}

fn beyond(value: &Value, most: i64) -> bool {
    value.as_int().is_some_and(|number| number > most || number < -most - 1)
}
