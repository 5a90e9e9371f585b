//! Rows of every model in memory, and an expression's way among them: the naive interpreter.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::{Tape, value};
use crate::expr::{Env, Evaluated, Input, Inputs, Path, Walk};
use crate::model::{FieldId, ModelId, Models, RelationBy};
use crate::value::{Kind, Uuid, Value};

/// Rows of every model, with links between them, and inputs.
#[derive(Clone)]
pub struct World {
    /// The models.
    pub models: Arc<Models>,
    /// For each model, by its number, its rows; for each row the values of its fields, by their numbers. A list of
    /// refs and a computed field hold null here.
    pub rows: Vec<Vec<Vec<Value>>>,
    /// For each list of refs, pairs of the numbers of rows: of its model, of the model it refers to.
    pub links: BTreeMap<(ModelId, FieldId), BTreeSet<(usize, usize)>>,
    /// Inputs; what is not here is an error.
    pub inputs: HashMap<Input, Value>,
}

/// One row of a world.
#[derive(Clone, Copy)]
pub struct Place<'world> {
    /// The world.
    pub world: &'world World,
    /// The model.
    pub model: ModelId,
    /// The number of the row.
    pub row: usize,
}

impl World {
    pub(super) fn new(models: &Arc<Models>, numbers: Vec<u16>) -> World {
        let mut tape = Tape::new(numbers);
        let counts: Vec<usize> = models.iter().map(|_| 1 + tape.pick(4)).collect();
        let id = |model: ModelId, row: usize| match models.get(model).uuid_ids {
            true => Value::Uuid(Uuid::from_u128(row as u128 + 1)),
            false => Value::Int(i64::try_from(row).unwrap_or(0) + 1),
        };
        let mut world = World {
            models: Arc::clone(models),
            rows: Vec::new(),
            links: BTreeMap::new(),
            inputs: HashMap::new(),
        };
        for model in models.iter() {
            let mut rows = Vec::new();
            for row in 0..counts[usize::from(model.id.0)] {
                let mut values = Vec::new();
                for field in &model.fields {
                    let many = counts.len();
                    values.push(match &field.reference {
                        _ if field.id == FieldId::ID => id(model.id, row),
                        _ if field.id == FieldId::VERSION => Value::Int(1),
                        Some(reference) if reference.many => {
                            let other = counts[usize::from(reference.to.0)];
                            let links = world.links.entry((model.id, field.id)).or_default();
                            for to in 0..other {
                                if tape.chance(3) {
                                    links.insert((row, to));
                                }
                            }
                            Value::Null
                        }
                        _ if !field.has_column() => Value::Null,
                        _ if !field.required && !field.is_system() && tape.chance(4) => Value::Null,
                        Some(reference) => {
                            id(reference.to, tape.pick(counts[usize::from(reference.to.0)].max(many.min(1))))
                        }
                        None if !field.choices.is_empty() => Value::from(tape.one(&field.choices).as_str()),
                        None => value(field.kind, &mut tape),
                    });
                }
                rows.push(values);
            }
            world.rows.push(rows);
        }
        world.add_inputs(&mut tape);
        world
    }

    fn add_inputs(&mut self, tape: &mut Tape) {
        self.inputs.insert(Input::Now, Value::Datetime(20_454 * 86_400_000_000));
        self.inputs.insert(Input::Today, Value::Date(20_454));
        let users = self.models.users().id;
        let user = tape.pick(self.rows[usize::from(users.0)].len());
        for (at, value) in self.rows[usize::from(users.0)][user].iter().enumerate() {
            let field = FieldId(u16::try_from(at).unwrap_or(0));
            self.inputs.insert(Input::User(field), value.clone());
        }
        for (name, kind) in QUERY {
            let value = if tape.chance(4) { Value::Null } else { value(kind, tape) };
            self.inputs.insert(Input::Query(name.to_owned()), value);
        }
    }

    /// The same world as somebody sees it who is not signed in.
    #[must_use]
    pub fn as_visitor(&self) -> World {
        let mut world = self.clone();
        world.inputs.retain(|input, _| !matches!(input, Input::User(_)));
        world
    }

    /// A row, to evaluate an expression on.
    #[must_use]
    pub fn at(&self, model: ModelId, row: usize) -> Place<'_> {
        Place { world: self, model, row }
    }

    /// The values of a model's rows.
    #[must_use]
    pub fn rows(&self, model: ModelId) -> &[Vec<Value>] {
        &self.rows[usize::from(model.0)]
    }
}

/// Inputs of every kind that random expressions speak of, as values of the query string.
pub const QUERY: [(&str, Kind); 7] = [
    ("bool", Kind::Bool),
    ("int", Kind::Int),
    ("float", Kind::Float),
    ("text", Kind::Text),
    ("date", Kind::Date),
    ("datetime", Kind::Datetime),
    ("duration", Kind::Duration),
];

/// Rows and links alone: the models are always the same.
impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for model in self.models.iter() {
            writeln!(f, "{}:", model.name)?;
            for row in self.rows(model.id) {
                let named = model.fields.iter().zip(row).filter(|(_, value)| !value.is_null());
                let values: Vec<String> =
                    named.map(|(field, value)| format!("{}={value:?}", field.name)).collect();
                writeln!(f, "  {}", values.join(" "))?;
            }
        }
        writeln!(f, "links: {:?}", self.links)?;
        write!(f, "inputs: {:?}", self.inputs)
    }
}

impl Inputs for World {
    fn input(&self, input: &Input) -> Option<Value> {
        self.inputs.get(input).cloned()
    }
}

impl<'world> Place<'world> {
    /// A field of this row.
    #[must_use]
    pub fn value(&self, field: FieldId) -> &'world Value {
        &self.world.rows(self.model)[self.row][usize::from(field.0)]
    }

    /// Follows refs; nothing where one is null.
    fn follow(&self, hops: &[FieldId]) -> Option<Place<'world>> {
        let mut at = *self;
        for hop in hops {
            let to = at.world.models.get(at.model).field(*hop).reference.as_ref()?.to;
            let id = at.value(*hop);
            let row = at.world.rows(to).iter().position(|row| !id.is_null() && row[0] == *id)?;
            at = Place { world: at.world, model: to, row };
        }
        Some(at)
    }
}

impl Env for Place<'_> {
    fn input(&self, input: &Input) -> Evaluated {
        self.world.inputs.get(input).cloned().map_or(Evaluated::Error, Evaluated::Value)
    }

    fn field(&self, path: &Path) -> Evaluated {
        assert_eq!(self.model, path.model, "{path:?}");
        self.follow(&path.hops)
            .map_or(Evaluated::Error, |place| Evaluated::Value(place.value(path.field).clone()))
    }

    fn record(&self, model: ModelId, id: &Value) -> Result<Box<dyn Env + '_>, Evaluated> {
        let row = self.world.rows(model).iter().position(|row| row[0] == *id).ok_or(Evaluated::Error)?;
        Ok(Box::new(Place { world: self.world, model, row }))
    }

    fn related(&self, walk: &Walk) -> Result<Vec<Box<dyn Env + '_>>, Evaluated> {
        assert_eq!(self.model, walk.model, "{walk:?}");
        let from = self.follow(&walk.hops).ok_or(Evaluated::Error)?;
        let relation = self.world.models.get(walk.end).relation(walk.relation);
        let place = |row| Box::new(Place { world: self.world, model: walk.to, row }) as Box<dyn Env>;
        let links = |model, field| self.world.links.get(&(model, field)).into_iter().flatten();
        Ok(match relation.by {
            RelationBy::Refs(field) => links(walk.end, field)
                .filter(|(own, _)| *own == from.row)
                .map(|(_, other)| place(*other))
                .collect(),
            RelationBy::InverseRefs(field) => links(walk.to, field)
                .filter(|(_, own)| *own == from.row)
                .map(|(other, _)| place(*other))
                .collect(),
            RelationBy::Inverse(field) | RelationBy::Ref(field) => {
                let id = from.value(FieldId::ID);
                let rows = self.world.rows(walk.to).iter().enumerate();
                rows.filter(|(_, row)| row[usize::from(field.0)] == *id).map(|(row, _)| place(row)).collect()
            }
        })
    }
}
