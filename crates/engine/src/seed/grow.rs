//! Growing: plausible related rows, as many as one likes, the same for the same seed.
//!
//! How many rows a model gets follows from where it stands: `scale` where it refers to nothing, ten times as
//! many where it refers to those, fifty times beyond. A thousand users then have ten thousand posts and fifty
//! thousand comments. Values come from the field's type, its limits and its name; a row that the model's
//! checks refuse is drawn again.

use std::collections::{HashMap, HashSet};

use purlin_schema::expr::{self, Evaluated, Path};
use purlin_schema::types::Control;
use purlin_schema::{Field, Id, Input, Kind, Model, ModelId, Uuid, Value};
use serde_json::{Map, Value as Json, json};

use super::batch::{Draft, Hashes};
use super::order::by_dependency;
use super::words::{self, Random};
use crate::{Engine, Failure};

/// Rows that are written in one transaction.
const ROWS_A_COMMIT: usize = 500;
/// How often a row is drawn again before we give up.
const MOST_DRAWS: usize = 60;
/// How often the database may refuse a row of one model.
const MOST_REFUSALS: usize = 1_000;
/// The times of grown rows lie between 2024-01-01 and 2025-12-31, so that they do not depend on the day.
const FROM_SECONDS: i64 = 1_704_067_200;
const TO_SECONDS: i64 = 1_767_139_200;
const DAY_SECONDS: i64 = 86_400;

/// What growing is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Growth {
    /// Rows of a model that refers to no other.
    pub scale: u32,
    /// What the rows are drawn from.
    pub seed: u64,
}

/// Why growing stopped.
#[derive(Debug, thiserror::Error)]
pub enum GrowError {
    /// No row could be made that the model accepts.
    #[error("no plausible record of {model} could be made: {reason}")]
    Refused {
        /// The model.
        model: String,
        /// What it said of the last one.
        reason: String,
    },
    /// Anything else.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl Growth {
    /// The models that will get rows, in order, with how many.
    #[must_use]
    pub fn plan(&self, engine: &Engine) -> Vec<(ModelId, usize)> {
        let scale = usize::try_from(self.scale).unwrap_or(usize::MAX);
        let times = |depth| match depth {
            0 => scale,
            1 => scale.saturating_mul(10),
            _ => scale.saturating_mul(50),
        };
        by_dependency(&engine.site().models).into_iter().map(|(model, depth)| (model, times(depth))).collect()
    }
}

impl Engine {
    /// Adds plausible rows to every model; `progress` is told the model and how many rows more it has.
    ///
    /// # Errors
    /// Where no row can be made that a model accepts, or the database fails. What was written stays.
    pub async fn grow(&self, growth: Growth, mut progress: impl FnMut(&str, usize)) -> Result<(), GrowError> {
        let mut ids: HashMap<ModelId, Vec<Id>> = HashMap::new();
        for (model, _) in growth.plan(self) {
            ids.insert(model, self.all_ids(model).await?);
        }
        let mut hashes = Hashes::default();
        for (model, count) in growth.plan(self) {
            let model = self.model_of(model);
            let there = ids.get(&model.id).map(Vec::len).unwrap_or_default();
            let mut source = Source::new(self, &model, growth.seed, there);
            let mut left = count;
            while left > 0 {
                let rows = left.min(ROWS_A_COMMIT);
                let made = source.write(rows, &ids, &mut hashes).await?;
                ids.entry(model.id).or_default().extend(made);
                left -= rows;
                progress(&model.name, rows);
            }
        }
        Ok(())
    }
}

/// Where the rows of one model come from.
struct Source<'engine> {
    engine: &'engine Engine,
    model: &'engine Model,
    random: Random,
    /// Numbers texts that must differ; begins after the rows that are there.
    serial: usize,
    refusals: usize,
    /// The unique keys that were drawn, by their place in the model.
    drawn: HashSet<(usize, String)>,
}

impl<'engine> Source<'engine> {
    fn new(engine: &'engine Engine, model: &'engine Model, seed: u64, there: usize) -> Self {
        let random = Random::new(seed.wrapping_add(there as u64), &model.name);
        Source { engine, model, random, serial: there, refusals: 0, drawn: HashSet::new() }
    }

    /// Writes so many rows in one transaction.
    async fn write(
        &mut self,
        rows: usize,
        ids: &HashMap<ModelId, Vec<Id>>,
        hashes: &mut Hashes,
    ) -> Result<Vec<Id>, GrowError> {
        let mut maps = Vec::with_capacity(rows);
        for _ in 0..rows {
            maps.push(self.row(ids)?);
        }
        loop {
            let drafts = maps.iter().map(|map| self.engine.draft(self.model, map));
            let drafts = drafts.collect::<Result<Vec<_>, _>>()?;
            match self.engine.create_batch_with(self.model, drafts, hashes).await {
                Ok(made) => return Ok(made),
                Err(refused) => {
                    self.refusals += 1;
                    let is_refusal = matches!(refused.failure, Failure::Invalid(_) | Failure::Conflict(_));
                    if !is_refusal || self.refusals > MOST_REFUSALS {
                        return Err(self.give_up(refused.failure));
                    }
                    let another = self.row(ids)?;
                    if let Some(place) = maps.get_mut(refused.row) {
                        *place = another;
                    }
                }
            }
        }
    }

    /// A row that passes everything that can be known without the database.
    fn row(&mut self, ids: &HashMap<ModelId, Vec<Id>>) -> Result<Map<String, Json>, GrowError> {
        let mut last = None;
        for draw in 0..MOST_DRAWS {
            self.serial += 1;
            // After some tries everything that may be given is given: checks mostly ask for more, seldom for less.
            let fill = if draw < 5 { 85 } else { 100 };
            let map = self.draw(ids, fill);
            match self.engine.draft(self.model, &map) {
                Ok(draft) if !self.passes(&draft) => last = Some("a check says no".to_owned()),
                Ok(draft) if !self.is_new(&draft) => last = Some("a unique key is taken".to_owned()),
                Ok(_) => return Ok(map),
                Err(failure) => last = Some(reason(&failure)),
            }
        }
        let reason = last.unwrap_or_default();
        Err(GrowError::Refused { model: self.model.name.clone(), reason })
    }

    fn give_up(&self, failure: Failure) -> GrowError {
        match failure {
            Failure::Invalid(_) | Failure::Conflict(_) => {
                GrowError::Refused { model: self.model.name.clone(), reason: reason(&failure) }
            }
            failure => GrowError::Failed(failure),
        }
    }

    /// Whether no check is known to be false; what looks at other records is left to the database.
    fn passes(&self, draft: &Draft) -> bool {
        let drawn = Drawn { draft, now: self.engine.now() };
        !self.model.checks.iter().any(|check| expr::eval(&check.rule, &drawn).fails())
    }

    /// Whether its unique keys were not drawn before; one with a null is no key.
    fn is_new(&mut self, draft: &Draft) -> bool {
        let mut keys = Vec::new();
        for (at, unique) in self.model.uniques.iter().enumerate() {
            let values: Option<Vec<&Value>> = unique.fields.iter().map(|field| draft.value(*field)).collect();
            let Some(values) = values.filter(|values| !values.iter().any(|value| value.is_null())) else {
                continue;
            };
            keys.push((at, format!("{values:?}")));
        }
        if keys.iter().any(|key| self.drawn.contains(key)) {
            return false;
        }
        self.drawn.extend(keys);
        true
    }

    fn draw(&mut self, ids: &HashMap<ModelId, Vec<Id>>, fill: usize) -> Map<String, Json> {
        let mut map = Map::new();
        let person = words::person(&mut self.random);
        for field in &self.model.fields {
            // Nobody knows what nobody declared.
            let is_free = self.model.free == Some(field.id);
            let is_made = field.is_system() || field.computed.is_some() || field.from.is_some() || is_free;
            if is_made || !(field.required || self.random.percent(fill)) {
                continue;
            }
            if let Some(value) = self.value(field, &person, ids) {
                map.insert(field.name.clone(), value);
            }
        }
        map
    }

    fn value(&mut self, field: &Field, person: &str, ids: &HashMap<ModelId, Vec<Id>>) -> Option<Json> {
        if let Some(reference) = &field.reference {
            let there = ids.get(&reference.to).map(Vec::as_slice).unwrap_or_default();
            return self.reference(field, there);
        }
        let is_unique = self.model.uniques.iter().any(|unique| unique.fields == [field.id]);
        Some(match field.kind {
            Kind::Bool => Json::from(self.boolean(field)),
            Kind::Int => Json::from(self.integer(field, is_unique)),
            Kind::Float => json!(self.float(field)),
            Kind::Decimal(scale) => Json::from(self.decimal(field, scale)),
            Kind::Date => Json::from(Value::Date(self.day(field)).to_text()),
            Kind::Datetime => Json::from(Value::Datetime(self.instant(field)).to_text()),
            Kind::Duration => Json::from(Value::Duration(self.duration(field)).to_text()),
            Kind::Uuid => Json::from(Value::Uuid(self.uuid()).to_text()),
            Kind::Json => json!({}),
            Kind::Text => Json::from(self.text(field, person, is_unique)),
        })
    }

    fn reference(&mut self, field: &Field, there: &[Id]) -> Option<Json> {
        let as_json = |id: &Id| match id {
            Id::Int(number) => Json::from(*number),
            Id::Uuid(_) => Json::from(id.to_string()),
        };
        if !field.is_many() {
            return self.random.pick_early(there).map(as_json);
        }
        let count = usize::from(field.required) + self.random.below(4);
        let mut list: Vec<Json> = Vec::new();
        for _ in 0..count {
            let one = self.random.pick_early(there).map(as_json)?;
            if !list.contains(&one) {
                list.push(one);
            }
        }
        Some(Json::Array(list))
    }

    fn boolean(&mut self, field: &Field) -> bool {
        use purlin_schema::model::Source::Literal;
        match field.default {
            Some(Literal(Value::Bool(usual))) => usual ^ self.random.percent(10),
            _ => self.random.percent(50),
        }
    }

    fn integer(&mut self, field: &Field, is_unique: bool) -> i64 {
        let name = field.name.as_str();
        let (least, greatest) = match name {
            _ if is_unique => return i64::try_from(self.serial).unwrap_or(i64::MAX),
            _ if name.contains("year") => (1990, 2025),
            _ if name.contains("age") => (18, 80),
            _ if name.contains("rating") || name.contains("stars") => (1, 5),
            _ => (0, 1_000),
        };
        let (least, greatest) = within(least, greatest, bound(field.min.as_ref()), bound(field.max.as_ref()));
        self.random.between(least, greatest)
    }

    fn float(&mut self, field: &Field) -> f64 {
        let of = |value: &Option<Value>| match value {
            Some(Value::Float(number)) => Some(*number),
            _ => None,
        };
        let least = of(&field.min).unwrap_or(0.0);
        let greatest = of(&field.max).unwrap_or(least + 1_000.0);
        let drawn = least + self.random.fraction() * (greatest - least);
        ((drawn * 100.0).round() / 100.0).clamp(least, greatest)
    }

    fn decimal(&mut self, field: &Field, scale: u8) -> String {
        let of = |value: &Option<Value>| match value {
            Some(Value::Decimal(decimal)) => Some(decimal.units),
            _ => None,
        };
        let unit = 10_i64.saturating_pow(u32::from(scale));
        let (least, greatest) = within(unit, unit.saturating_mul(500), of(&field.min), of(&field.max));
        let units = self.random.between(least, greatest);
        Value::Decimal(purlin_schema::value::Decimal { units, scale }).to_text()
    }

    fn day(&mut self, field: &Field) -> i32 {
        let of = |value: &Option<Value>| match value {
            Some(Value::Date(day)) => Some(i64::from(*day)),
            _ => None,
        };
        let (from, to) = (FROM_SECONDS / DAY_SECONDS, TO_SECONDS / DAY_SECONDS);
        let (least, greatest) = within(from, to, of(&field.min), of(&field.max));
        i32::try_from(self.random.between(least, greatest)).unwrap_or_default()
    }

    fn instant(&mut self, field: &Field) -> i64 {
        let of = |value: &Option<Value>| match value {
            Some(Value::Datetime(micros)) => Some(micros.div_euclid(1_000_000)),
            _ => None,
        };
        let (least, greatest) = within(FROM_SECONDS, TO_SECONDS, of(&field.min), of(&field.max));
        self.random.between(least, greatest).saturating_mul(1_000_000)
    }

    fn duration(&mut self, field: &Field) -> i64 {
        let of = |value: &Option<Value>| match value {
            Some(Value::Duration(micros)) => Some(*micros / 60_000_000),
            _ => None,
        };
        let (least, greatest) = within(1, 240, of(&field.min), of(&field.max));
        self.random.between(least, greatest).saturating_mul(60_000_000)
    }

    fn uuid(&mut self) -> Uuid {
        Uuid::from_u64_pair(self.random.next(), self.random.next())
    }

    fn text(&mut self, field: &Field, person: &str, is_unique: bool) -> String {
        let serial = self.serial;
        match field.ty.control() {
            Control::Select => return self.choice(field),
            Control::Email => return format!("{}.{serial}@example.com", slug(person).replace('-', ".")),
            Control::Url => return format!("https://example.com/{}/{serial}", words::noun(&mut self.random)),
            // Nobody knows it, so nobody signs in as a grown user.
            Control::Password => {
                return format!("{:032x}", 0x7075_726c_696e_u128.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            }
            _ => {}
        }
        let kind = field.ty.name();
        let mut text = match (kind, field.name.as_str()) {
            ("slug", _) => slug(&words::title(&mut self.random)),
            ("markdown" | "html", name) if !is_long(name) => words::sentences(&mut self.random, 2),
            ("markdown", _) => {
                let paragraphs = 3 + self.random.below(5);
                words::markdown(&mut self.random, paragraphs)
            }
            ("html", _) => format!("<p>{}</p>", words::sentences(&mut self.random, 4)),
            (_, name) => self.plain_text(name, person),
        };
        if is_unique {
            let parted = if kind == "slug" { format!("-{serial}") } else { format!(" {serial}") };
            text = shortened(&text, length(field.max.as_ref()).saturating_sub(parted.len())) + &parted;
        }
        self.fitted(text, field)
    }

    fn plain_text(&mut self, name: &str, person: &str) -> String {
        let is_person = name == "name" && self.is_about_people();
        let random = &mut self.random;
        let is = |words: &[&str]| words.iter().any(|word| name.contains(word));
        if is(&["first_name", "given"]) {
            words::given_name(random).to_owned()
        } else if is(&["last_name", "family", "surname"]) {
            words::family_name(random).to_owned()
        } else if is(&["author", "person", "contact"]) || is_person {
            person.to_owned()
        } else if is(&["phone", "mobile"]) {
            format!("+44 1632 {}", random.between(960_000, 960_999))
        } else if is(&["city", "town", "place"]) {
            words::city(random).to_owned()
        } else if is(&["street", "address"]) {
            format!("{} {} Street", random.between(1, 200), words::family_name(random))
        } else if is(&["title", "subject", "headline"]) {
            words::title(random)
        } else if is(&[
            "summary",
            "about",
            "description",
            "bio",
            "note",
            "message",
            "body",
            "text",
            "comment",
            "content",
        ]) {
            words::sentences(random, 2)
        } else {
            words::thing(random)
        }
    }

    /// Whether the model's records are people: they have an e-mail address.
    fn is_about_people(&self) -> bool {
        self.model.fields.iter().any(|field| field.ty.name() == "email")
    }

    fn choice(&mut self, field: &Field) -> String {
        // A grown site has no further administrators.
        let choices: Vec<&String> = field.choices.iter().filter(|choice| *choice != "admin").collect();
        let usual = match &field.default {
            Some(purlin_schema::model::Source::Literal(Value::Text(text))) => Some(text.to_string()),
            _ => None,
        };
        // Most accounts are plain ones; most other things were moved on from their first state: published, approved, done.
        let keep_percent = if field.name == "role" { 80 } else { 20 };
        if let Some(usual) = &usual
            && self.random.percent(keep_percent)
        {
            return usual.clone();
        }
        let others: Vec<&String> =
            choices.iter().copied().filter(|choice| Some(*choice) != usual.as_ref()).collect();
        let list = if others.is_empty() { &choices } else { &others };
        self.random.pick(list).map(|choice| (*choice).clone()).unwrap_or_default()
    }

    /// The text within the field's limits of length.
    fn fitted(&mut self, mut text: String, field: &Field) -> String {
        let least = match &field.min {
            Some(Value::Int(least)) => usize::try_from(*least).unwrap_or_default(),
            _ => 0,
        };
        while text.chars().count() < least {
            let more = words::sentence(&mut self.random);
            text = if field.ty.name() == "slug" {
                format!("{text}-{}", slug(&more))
            } else {
                format!("{text} {more}")
            };
        }
        shortened(&text, length(field.max.as_ref()))
    }
}

/// A drawn row as its checks see it.
struct Drawn<'draft> {
    draft: &'draft Draft,
    now: i64,
}

impl expr::Env for Drawn<'_> {
    fn input(&self, input: &Input) -> Evaluated {
        match input {
            Input::Now => Evaluated::Value(Value::Datetime(self.now)),
            _ => Evaluated::Unavailable,
        }
    }

    fn field(&self, path: &Path) -> Evaluated {
        if !path.hops.is_empty() {
            return Evaluated::Unavailable;
        }
        Evaluated::Value(self.draft.value(path.field).cloned().unwrap_or_default())
    }
}

fn reason(failure: &Failure) -> String {
    match failure {
        Failure::Invalid(messages) => {
            let told = messages.iter().map(|message| format!("{} {}", message.field, message.message));
            told.map(|text| text.trim().to_owned()).collect::<Vec<_>>().join("; ")
        }
        failure => failure.to_string(),
    }
}

/// A range within the limits of a field; where it lies outside of them, one of the same size at the nearest end.
fn within(least: i64, greatest: i64, min: Option<i64>, max: Option<i64>) -> (i64, i64) {
    let size = greatest.saturating_sub(least);
    let (mut least, mut greatest) = (least, greatest);
    if let Some(min) = min.filter(|min| *min > least) {
        (least, greatest) = (min, greatest.max(min.saturating_add(size)));
    }
    if let Some(max) = max.filter(|max| *max < greatest) {
        greatest = max;
        least = least.min(max.saturating_sub(size)).max(min.unwrap_or(i64::MIN)).min(max);
    }
    (least, greatest)
}

fn bound(value: Option<&Value>) -> Option<i64> {
    value.and_then(Value::as_int)
}

/// The most characters that a field takes.
fn length(max: Option<&Value>) -> usize {
    max.and_then(Value::as_int).and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX)
}

fn shortened(text: &str, most: usize) -> String {
    text.chars().take(most).collect::<String>().trim_end().to_owned()
}

fn slug(text: &str) -> String {
    purlin_schema::types::slugify(text)
}

/// Whether a field of this name holds the text of a record, rather than a remark.
fn is_long(name: &str) -> bool {
    ["body", "content", "text", "article"].iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_stay_within_limits() {
        assert_eq!(within(0, 1_000, None, None), (0, 1_000));
        assert_eq!(within(0, 1_000, Some(5), Some(10)), (5, 10));
        assert_eq!(within(0, 10, Some(100), None), (100, 110));
        assert_eq!(within(0, 10, None, Some(-5)), (-15, -5));
        assert_eq!(within(0, 10, Some(3), Some(3)), (3, 3));
    }

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(shortened("größer", 4), "größ");
        assert_eq!(shortened("a b", 2), "a");
    }
}
