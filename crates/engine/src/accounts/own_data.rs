//! One's own data: the account's record and what refers to it, as far as one may read it oneself.

use purlin_schema::query::Query;
use purlin_schema::value::{format_datetime, write_json, write_json_string};
use purlin_schema::{FieldId, Id, Model, Row, Shape, Value};

use crate::{Actor, Engine, Failure};

/// Records of one model at most.
const MOST: usize = 10_000;

impl Engine {
    /// One's own data as a JSON document: `account`, and below `records` those of each model that refer to it.
    ///
    /// # Errors
    /// [`Failure::Unauthenticated`] for a visitor; [`Failure::Forbidden`] for whoever acts as somebody else.
    pub async fn own_data(&self, actor: &Actor) -> Result<Vec<u8>, Failure> {
        let user = actor.user().ok_or(Failure::Unauthenticated)?;
        super::proof::refuse_acting(user)?;
        let models = self.site().models.clone();
        let users = models.users().clone();
        let mut out = br#"{"exported_at":"#.to_vec();
        write_json_string(&format_datetime(self.now()), &mut out);
        out.extend_from_slice(br#","account":"#);
        let query = crate::expressions::whole_record(&users);
        let account = self.prepare(
            &self.access().guard(&Query { include: Vec::new(), ..query }, crate::access::Who::of(actor)),
        )?;
        match self.find(actor, &account, user.id).await? {
            Some(found) => write_record(&mut out, &users, &found.shape, &found.row),
            None => write_json(&Value::from(user.id), false, &mut out),
        }
        out.extend_from_slice(br#","records":{"#);
        let mut first = true;
        for model in models.iter().filter(|model| !model.internal && model.id != users.id) {
            let refs = model.fields.iter().filter(|field| {
                field.reference.as_ref().is_some_and(|reference| reference.to == users.id) && !field.hidden
            });
            let tests: Vec<String> = refs
                .map(|field| match field.is_many() {
                    true => format!("user in this.{}", field.name),
                    false => format!("this.{} == user", field.name),
                })
                .collect();
            let mut records = Vec::new();
            let mut seen: Vec<Id> = Vec::new();
            for test in tests {
                self.own_records(actor, model, &test, &mut seen, &mut records).await?;
            }
            if records.is_empty() {
                continue;
            }
            if !std::mem::take(&mut first) {
                out.push(b',');
            }
            write_json_string(&model.name, &mut out);
            out.extend_from_slice(b":[");
            out.extend_from_slice(&records.join(&b","[..]));
            out.push(b']');
        }
        out.extend_from_slice(b"}}\n");
        self.note_event("data_exported", Some(user.id), serde_json::json!({})).await;
        Ok(out)
    }

    async fn own_records(
        &self,
        actor: &Actor,
        model: &Model,
        test: &str,
        seen: &mut Vec<Id>,
        records: &mut Vec<Vec<u8>>,
    ) -> Result<(), Failure> {
        let mut cursor: Option<String> = None;
        loop {
            let mut parameters = vec![
                ("filter".to_owned(), test.to_owned()),
                ("sort".to_owned(), "id".to_owned()),
                ("per_page".to_owned(), "100".to_owned()),
            ];
            parameters.extend(cursor.take().map(|cursor| ("cursor".to_owned(), cursor)));
            let page = match self.list(actor, model.id, &parameters).await {
                Ok(page) => page,
                // A field that he may not read says nothing to him.
                Err(
                    Failure::BadRequest { .. }
                    | Failure::Forbidden
                    | Failure::Unauthenticated
                    | Failure::NotFound,
                ) => {
                    return Ok(());
                }
                Err(failure) => return Err(failure),
            };
            for row in &page.set.rows {
                let Some(id) = page.set.shape.value(row, FieldId::ID).and_then(Value::as_id) else {
                    continue;
                };
                if records.len() < MOST && !seen.contains(&id) {
                    seen.push(id);
                    let mut record = Vec::new();
                    write_record(&mut record, model, &page.set.shape, row);
                    records.push(record);
                }
            }
            match page.next {
                Some(next) if records.len() < MOST => cursor = Some(next),
                _ => return Ok(()),
            }
        }
    }
}

fn write_record(out: &mut Vec<u8>, model: &Model, shape: &Shape, row: &Row) {
    out.push(b'{');
    let mut first = true;
    for field in shape.fields.iter().filter(|field| **field != FieldId::VERSION) {
        let of = model.field(*field);
        // What he may not read is withheld, and what is hidden is nobody's.
        let Some(value) = shape.value(row, *field).filter(|value| !matches!(value, Value::Withheld)) else {
            continue;
        };
        if of.hidden {
            continue;
        }
        if !std::mem::take(&mut first) {
            out.push(b',');
        }
        write_json_string(&of.name, out);
        out.push(b':');
        write_json(value, of.big, out);
    }
    out.push(b'}');
}
