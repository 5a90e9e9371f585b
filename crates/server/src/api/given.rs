//! What a request about an account gives by name: all that is wrong with it is told at once.

use purlin_engine::{Failure, FieldMessage};
use serde_json::{Map, Value};

use crate::answer::Problem;

/// The members of a request's object, as they are asked for.
pub(super) struct Given<'fields> {
    fields: &'fields Map<String, Value>,
    known: Vec<&'static str>,
    errors: Vec<FieldMessage>,
}

impl<'fields> Given<'fields> {
    pub(super) fn of(fields: &'fields Map<String, Value>) -> Given<'fields> {
        Given { fields, known: Vec::new(), errors: Vec::new() }
    }

    /// A text that must be there.
    pub(super) fn text(&mut self, name: &'static str) -> &'fields str {
        self.known.push(name);
        match self.fields.get(name) {
            Some(Value::String(text)) => return text,
            Some(_) => self.wrong(name, "wrong_type", "must be text"),
            None => self.wrong(name, "required", "is required"),
        }
        ""
    }

    /// A text that may be absent, which is as good as empty.
    pub(super) fn maybe_text(&mut self, name: &'static str) -> &'fields str {
        self.known.push(name);
        match self.fields.get(name) {
            None | Some(Value::Null) => "",
            Some(Value::String(text)) => text,
            Some(_) => {
                self.wrong(name, "wrong_type", "must be text");
                ""
            }
        }
    }

    /// A whole number that may be absent.
    pub(super) fn whole(&mut self, name: &'static str) -> Option<i64> {
        self.known.push(name);
        let number = self.fields.get(name).filter(|number| !number.is_null())?;
        let whole = number.as_i64();
        if whole.is_none() {
            self.wrong(name, "wrong_type", "must be a whole number");
        }
        whole
    }

    /// Refuses what was wrong, and what nobody asked for.
    ///
    /// # Errors
    /// 422 with all of it.
    pub(super) fn end(mut self) -> Result<(), Problem> {
        for name in self.fields.keys().filter(|name| !self.known.contains(&name.as_str())) {
            let (code, message) = ("unknown_field".to_owned(), "there is no such field".to_owned());
            self.errors.push(FieldMessage { field: name.clone(), code, message });
        }
        if self.errors.is_empty() { Ok(()) } else { Err(Failure::Invalid(self.errors).into()) }
    }

    fn wrong(&mut self, field: &str, code: &str, message: &str) {
        let (field, code, message) = (field.to_owned(), code.to_owned(), message.to_owned());
        self.errors.push(FieldMessage { field, code, message });
    }
}
