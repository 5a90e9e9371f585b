//! Upsert: a record with these values, whether or not there is one with their key.
//!
//! Which of the two it is may change between the look and the write. No lock is held over it: the database refuses
//! what came too late, by the unique key or because the record is gone, and it is looked at again.

use purlin_schema::load::seeds::Natural;
use purlin_schema::{FieldId, Model, ModelId, Value};

use crate::natural::{self, Named, Naturals};
use crate::records::{Fields, Found, Given};
use crate::{Actor, Engine, Failure, FieldMessage};

/// How often others may be faster.
const MOST_TRIES: usize = 8;

/// What an upsert did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upserted {
    /// It made a record.
    Created,
    /// It changed the one that was there.
    Updated,
}

impl Engine {
    /// Creates a record or, where there is one with the same values of these fields, which must be a unique key,
    /// changes it as [`Engine::update`] does. The asker needs the right to do whichever it comes to.
    ///
    /// # Errors
    /// As [`Engine::create`] and [`Engine::update`]; [`Failure::BadRequest`] where the fields are no unique key.
    pub async fn upsert(
        &self,
        actor: &Actor,
        model: ModelId,
        key: &[FieldId],
        fields: Fields<'_>,
    ) -> Result<(Found, Upserted), Failure> {
        let of = self.model_of(model);
        if !natural::is_unique(&of, key) {
            let message = format!("is no unique key of {}", of.name);
            return Err(Failure::BadRequest { code: "bad_key", parameter: Some("key".to_owned()), message });
        }
        let natural = key_of(&of, key, fields)?;
        let mut tries = 0;
        loop {
            tries += 1;
            let named = Naturals::default().find(self, &of, &natural).await?;
            let result = match named {
                Named::One(id) => {
                    let changed = self.update(actor, model, id, None, fields).await;
                    changed.map(|found| (found, Upserted::Updated))
                }
                _ => self.create(actor, model, fields).await.map(|found| (found, Upserted::Created)),
            };
            let too_late = match (&result, named) {
                (Err(Failure::NotFound), Named::One(_)) => true,
                (Err(Failure::Invalid(messages)), Named::Nobody) => {
                    messages.iter().any(|message| message.code == "unique")
                }
                _ => false,
            };
            if !too_late || tries == MOST_TRIES {
                return result;
            }
        }
    }
}

/// The key's values among those that are given.
fn key_of(model: &Model, key: &[FieldId], fields: Fields<'_>) -> Result<Natural, Failure> {
    let part = |id: &FieldId| {
        let field = model.field(*id);
        let refuse =
            |code: &str, message: &str| Failure::Invalid(vec![FieldMessage::new(&field.name, code, message)]);
        let value = match fields {
            Fields::Json(object) => object.get(&field.name).map(|json| field.ty.from_json(field, json)),
            Fields::Form(pairs) => {
                let pair = pairs.iter().find(|(name, _)| *name == field.name);
                pair.map(|(_, text)| field.ty.from_text(field, text))
            }
            Fields::Values(values) => values.iter().find_map(|(known, given)| match given {
                Given::Value(value) if known == id => Some(Ok(value.clone())),
                _ => None,
            }),
        };
        match value.transpose().map_err(|problem| refuse(problem.code, &problem.message))? {
            None | Some(Value::Null) => Err(refuse("required", "is part of the key and must have a value")),
            Some(value) => Ok((*id, value)),
        }
    };
    key.iter().map(part).collect()
}
