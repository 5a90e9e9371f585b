//! Inputs: what the roots of an expression stand for in one request.

use purlin_pages::view::{CONTROL_TIME, Record};
use purlin_schema::expr::{Env, Evaluated, Path};
use purlin_schema::value::parse_datetime_or_local;
use purlin_schema::{FieldId, Input, Inputs, Value};

use crate::Actor;

/// The site's time zone.
#[derive(Clone)]
pub struct Zone(jiff::tz::TimeZone);

impl Zone {
    /// The zone of an IANA name; UTC where there is none, which the loader has refused already.
    #[must_use]
    pub fn named(name: &str) -> Zone {
        Zone(jiff::tz::TimeZone::get(name).unwrap_or(jiff::tz::TimeZone::UTC))
    }

    /// The day of an instant, in days since 1970-01-01.
    #[must_use]
    pub fn day_of(&self, micros: i64) -> i32 {
        let Ok(instant) = jiff::Timestamp::from_microsecond(micros) else { return 0 };
        let offset = i64::from(self.0.to_offset(instant).seconds()) * 1_000_000;
        i32::try_from((micros + offset).div_euclid(86_400_000_000)).unwrap_or_default()
    }

    /// What a control for an instant shows.
    #[must_use]
    pub fn wall_clock(&self, micros: i64) -> Option<String> {
        let instant = jiff::Timestamp::from_microsecond(micros).ok()?;
        Some(instant.to_zoned(self.0.clone()).strftime(CONTROL_TIME).to_string())
    }

    /// The instant of a wall clock, as such a control sends it: `2026-03-01T12:00`. A time that the clocks skip in
    /// spring is the one that they show instead; of one that they show twice in autumn it is the first.
    #[must_use]
    pub fn instant_of(&self, text: &str) -> Option<i64> {
        let wall = jiff::Timestamp::from_microsecond(parse_datetime_or_local(text)?).ok()?;
        let wall = jiff::tz::TimeZone::UTC.to_datetime(wall);
        Some(wall.to_zoned(self.0.clone()).ok()?.timestamp().as_microsecond())
    }
}

/// What `now`, `user`, `params`, `query`, `form` and `data` stand for while one request is answered.
pub struct Ask<'ask> {
    /// Microseconds UTC.
    pub now: i64,
    /// Days since 1970-01-01 in the site's time zone.
    pub today: i32,
    /// Who asks.
    pub actor: &'ask Actor,
    /// The route's parameters.
    pub params: &'ask [(String, Value)],
    /// Declared query values; one that was not given is null.
    pub query: &'ask [(String, Value)],
    /// The posted form.
    pub form: &'ask [(String, Value)],
    /// Records that the page's queries found.
    pub data: &'ask [(String, Record)],
}

impl<'ask> Ask<'ask> {
    /// The values of these inputs, as a mutation carries them along; those that are errors are left out.
    #[must_use]
    pub fn capture<'inputs>(&self, wanted: impl Iterator<Item = &'inputs Input>) -> Vec<(Input, Value)> {
        let mut captured: Vec<(Input, Value)> = Vec::new();
        for input in wanted {
            if matches!(input, Input::Old(_)) || captured.iter().any(|(known, _)| known == input) {
                continue;
            }
            if let Some(value) = Inputs::input(self, input) {
                captured.push((input.clone(), value));
            }
        }
        captured
    }
}

impl Ask<'_> {
    /// An input, as an expression in memory sees it.
    #[must_use]
    pub fn evaluated(&self, input: &Input) -> Evaluated {
        Inputs::input(self, input).map_or(Evaluated::Error, Evaluated::Value)
    }
}

/// An environment with inputs and no record: defaults, what forms set, what a page requires.
impl Env for Ask<'_> {
    fn input(&self, input: &Input) -> Evaluated {
        self.evaluated(input)
    }

    fn field(&self, _path: &Path) -> Evaluated {
        Evaluated::Unavailable
    }
}

impl Inputs for Ask<'_> {
    fn input(&self, input: &Input) -> Option<Value> {
        match input {
            Input::Now => Some(Value::Datetime(self.now)),
            Input::Today => Some(Value::Date(self.today)),
            Input::User(field) => user_value(self.actor, *field),
            Input::HasRole(role) => Some(Value::Bool(self.actor.user()?.granted.has_role(role))),
            Input::HasPermission(permission) => {
                Some(Value::Bool(self.actor.user()?.granted.has_permission(permission)))
            }
            Input::Param(name) => named(self.params, name),
            Input::Query(name) => Some(named(self.query, name).unwrap_or_default()),
            Input::Form(name) => Some(named(self.form, name).unwrap_or_default()),
            Input::Data(name, field) => {
                let (_, record) = self.data.iter().find(|(known, _)| known == name)?;
                record.shape.value(&record.row, *field).cloned()
            }
            Input::Old(_) => None,
        }
    }
}

fn user_value(actor: &Actor, field: FieldId) -> Option<Value> {
    actor.user()?.value(field).cloned()
}

fn named(values: &[(String, Value)], name: &str) -> Option<Value> {
    values.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
}
