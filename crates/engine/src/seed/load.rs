//! The rows of `seeds/`, written with what they refer to.
//!
//! A model that has records already is left alone, so loading twice changes nothing. The rows of a model are
//! written in one transaction: a file with a mistake in its last row leaves nothing behind. Where models refer
//! to each other in a circle, or a model to itself, those refs are set in a second pass.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use purlin_schema::load::seeds::{self, Natural, SeedFile, SeedRow, SeedValue};
use purlin_schema::{Diagnostics, Field, FieldId, Id, Model, ModelId, Value};
use purlin_store::Mutation;
use purlin_store::mutation::{Action, Links};
use serde_json::{Map, Value as Json};

use super::batch::{BatchFailure, Draft, Hashes};
use super::order::by_dependency;
use crate::natural::{self, Named, Naturals};
use crate::{Actor, Engine, Failure, FieldMessage};

/// So many rows are written in one transaction; files beyond that are cut.
const ROWS_A_COMMIT: usize = 10_000;
/// So many mistakes are told at once.
const MOST_MISTAKES: usize = 20;

/// What loading the seeds did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seeded {
    /// Models that got rows, with how many.
    pub filled: Vec<(String, usize)>,
    /// Models with seeds that have records already, and were left alone.
    pub left_alone: Vec<String>,
}

/// Why seeds were not loaded.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// A file cannot be read.
    #[error("the seeds have mistakes")]
    Files(Box<Diagnostics>),
    /// Rows are refused.
    #[error("{}", rows.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Rows {
        /// What is wrong with which, the first of them.
        rows: Vec<RowMistake>,
    },
    /// Anything else.
    #[error(transparent)]
    Failed(#[from] Failure),
}

/// What is wrong with a row.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}:{line}: {message}", file.display())]
pub struct RowMistake {
    /// The file, relative to the site.
    pub file: PathBuf,
    /// The line where the row begins, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub message: String,
}

impl From<Diagnostics> for SeedError {
    fn from(diagnostics: Diagnostics) -> SeedError {
        SeedError::Files(Box::new(diagnostics))
    }
}

impl Engine {
    /// Loads `seeds/` into the models that have no records; `progress` is told the model and how many rows more it has.
    ///
    /// # Errors
    /// Where a file or row has a mistake, with its line. Models before it in the order are filled then.
    pub async fn load_seeds(&self, mut progress: impl FnMut(&str, usize)) -> Result<Seeded, SeedError> {
        let site = self.site().clone();
        let files = seeds::list(&site.root, &site.models)?;
        let mut loader =
            Loader { engine: self, ready: HashSet::new(), naturals: Naturals::default(), later: Vec::new() };
        let mut hashes = Hashes::default();
        let mut seeded = Seeded::default();
        for (model, _) in by_dependency(&site.models) {
            let of_model: Vec<&SeedFile> = files.iter().filter(|file| file.model == model).collect();
            let model = site.models.get(model).clone();
            if of_model.is_empty() {
                loader.ready.insert(model.id);
            } else if !self.has_none(model.id).await? {
                seeded.left_alone.push(model.name.clone());
                loader.ready.insert(model.id);
            } else {
                let rows = loader.fill(&model, &of_model, &mut hashes, &mut progress).await?;
                seeded.filled.push((model.name.clone(), rows));
            }
        }
        loader.link().await?;
        Ok(seeded)
    }
}

struct Loader<'engine> {
    engine: &'engine Engine,
    /// Models whose records are all there.
    ready: HashSet<ModelId>,
    naturals: Naturals,
    /// Refs that wait for records of a later model, or of their own.
    later: Vec<Late>,
}

/// A ref to be set once what it refers to is there.
struct Late {
    place: Place,
    model: ModelId,
    id: Id,
    field: FieldId,
    value: SeedValue,
}

/// Where a row is.
#[derive(Clone)]
struct Place {
    file: PathBuf,
    line: usize,
}

/// Rows on their way into one transaction.
#[derive(Default)]
struct Waiting {
    places: Vec<Place>,
    drafts: Vec<Draft>,
    late: Vec<Vec<(FieldId, SeedValue)>>,
}

impl Loader<'_> {
    async fn fill(
        &mut self,
        model: &Arc<Model>,
        files: &[&SeedFile],
        hashes: &mut Hashes,
        progress: &mut impl FnMut(&str, usize),
    ) -> Result<usize, SeedError> {
        let models = self.engine.site().models.clone();
        let mut waiting = Waiting::default();
        let mut mistakes = Vec::new();
        let mut files_wrong = Diagnostics::default();
        let mut written = 0;
        for file in files {
            for row in file.rows(&models)? {
                let row = match row {
                    Ok(row) => row,
                    Err(wrong) => {
                        files_wrong.extend(wrong);
                        continue;
                    }
                };
                let place = Place { file: file.file.clone(), line: row.line };
                match self.draft(model, row).await {
                    Ok((draft, late)) => waiting.push(place, draft, late),
                    Err(failure) => mistakes.push(place.mistake(&failure)),
                }
                if mistakes.len() >= MOST_MISTAKES {
                    return Err(SeedError::Rows { rows: mistakes });
                }
                if waiting.drafts.len() >= ROWS_A_COMMIT && mistakes.is_empty() && files_wrong.list.is_empty()
                {
                    written += self.write(model, std::mem::take(&mut waiting), hashes, progress).await?;
                }
            }
        }
        if !files_wrong.list.is_empty() {
            return Err(files_wrong.into());
        }
        if !mistakes.is_empty() {
            return Err(SeedError::Rows { rows: mistakes });
        }
        written += self.write(model, waiting, hashes, progress).await?;
        self.ready.insert(model.id);
        Ok(written)
    }

    async fn write(
        &mut self,
        model: &Arc<Model>,
        waiting: Waiting,
        hashes: &mut Hashes,
        progress: &mut impl FnMut(&str, usize),
    ) -> Result<usize, SeedError> {
        let Waiting { places, drafts, late } = waiting;
        let ids = self
            .engine
            .create_batch_with(model, drafts, hashes)
            .await
            .map_err(|refused| refused_row(&places, &refused))?;
        self.naturals.forget(model.id);
        for ((place, id), late) in places.into_iter().zip(&ids).zip(late) {
            self.later.extend(late.into_iter().map(|(field, value)| Late {
                place: place.clone(),
                model: model.id,
                id: *id,
                field,
                value,
            }));
        }
        progress(&model.name, ids.len());
        Ok(ids.len())
    }

    /// Validates a row, with its refs resolved as far as they can be now.
    async fn draft(
        &mut self,
        model: &Model,
        row: SeedRow,
    ) -> Result<(Draft, Vec<(FieldId, SeedValue)>), Failure> {
        let mut map = Map::new();
        let mut late = Vec::new();
        let mut messages = Vec::new();
        for (id, value) in row.values {
            let field = model.field(id);
            let to = field.reference.as_ref().map(|reference| reference.to);
            if to.is_some_and(|to| !self.ready.contains(&to)) {
                if field.required {
                    let text = "is required and refers to a record that is not there yet; where models need each other, one of the two refs must not be required";
                    messages.push(FieldMessage::new(&field.name, "circular", text));
                }
                late.push((id, value));
                continue;
            }
            if let (true, SeedValue::Value(Value::Json(free))) = (model.free == Some(id), &value) {
                map.extend(
                    free.as_object().into_iter().flatten().map(|(name, json)| (name.clone(), json.clone())),
                );
                continue;
            }
            match self.json(field, &value).await? {
                Ok(json) => drop(map.insert(field.name.clone(), json)),
                Err(message) => messages.push(FieldMessage::new(&field.name, "not_found", message)),
            }
        }
        if !messages.is_empty() {
            return Err(Failure::Invalid(messages));
        }
        Ok((self.engine.draft(model, &map)?, late))
    }

    /// A value of a row as an API would send it.
    async fn json(&mut self, field: &Field, value: &SeedValue) -> Result<Result<Json, String>, Failure> {
        match value {
            SeedValue::Value(value) => Ok(Ok(json_of(value, field.big))),
            SeedValue::Link(_) | SeedValue::Links(_) => {
                let ids = match self.ids(field, value).await? {
                    Ok(ids) => ids,
                    Err(message) => return Ok(Err(message)),
                };
                let mut list = ids.into_iter().map(|id| json_of(&Value::from(id), false));
                Ok(Ok(match value {
                    SeedValue::Links(_) => Json::Array(list.collect()),
                    _ => list.next().unwrap_or_default(),
                }))
            }
        }
    }

    /// The records that a value names.
    async fn ids(&mut self, field: &Field, value: &SeedValue) -> Result<Result<Vec<Id>, String>, Failure> {
        let naturals = match value {
            SeedValue::Value(value) => return Ok(Ok(value.as_id().into_iter().collect())),
            SeedValue::Link(natural) => std::slice::from_ref(natural),
            SeedValue::Links(naturals) => naturals,
        };
        let Some(reference) = &field.reference else { return Ok(Err("refers to nothing".to_owned())) };
        let target = self.engine.site().models.get(reference.to).clone();
        let mut ids = Vec::new();
        for natural in naturals {
            match self.find(&target, natural).await? {
                Ok(id) => ids.push(id),
                Err(message) => return Ok(Err(message)),
            }
        }
        Ok(Ok(ids))
    }

    async fn find(&mut self, target: &Model, natural: &Natural) -> Result<Result<Id, String>, Failure> {
        let told = || natural::told(target, natural);
        Ok(match self.naturals.find(self.engine, target, natural).await? {
            Named::One(id) => Ok(id),
            Named::Several => Err(format!("names several records of {}: those with {}", target.name, told())),
            Named::Nobody => {
                Err(format!("names no record of {}: there is none with {}", target.name, told()))
            }
        })
    }

    /// The second pass: refs in circles, in one transaction a model.
    async fn link(mut self) -> Result<(), SeedError> {
        let mut by_model: HashMap<ModelId, Vec<Late>> = HashMap::new();
        for late in std::mem::take(&mut self.later) {
            by_model.entry(late.model).or_default().push(late);
        }
        for (model, list) in by_model {
            let model = self.engine.site().models.get(model).clone();
            let mut mutations = Vec::new();
            let mut places = Vec::new();
            for late in list {
                let field = model.field(late.field);
                let ids = self.ids(field, &late.value).await?.map_err(|message| {
                    let failure =
                        Failure::Invalid(vec![FieldMessage::new(&field.name, "not_found", message)]);
                    SeedError::Rows { rows: vec![late.place.mistake(&failure)] }
                })?;
                mutations.push(self.engine.linking(&model, field, late.id, ids));
                places.push(late.place);
            }
            let result = self.engine.commit_batch(&model, mutations).await;
            result.map_err(|refused| refused_row(&places, &refused))?;
        }
        Ok(())
    }
}

impl Engine {
    /// The mutation that sets a ref of a record that is there.
    fn linking(&self, model: &Model, field: &Field, id: Id, ids: Vec<Id>) -> Mutation {
        let (values, links) = if field.is_many() {
            (Vec::new(), vec![(field.id, Links::Replace(ids))])
        } else {
            let value = ids.first().map_or(Value::Null, |id| Value::from(*id));
            (vec![(field.id, value)], Vec::new())
        };
        let action = Action::Update { id, if_version: None, values, merges: Vec::new(), links };
        let guards = self.checks(model);
        let ask = self.ask(&Actor::Owner);
        let conditions = guards.iter().filter_map(crate::records::condition_of);
        let inputs = ask.capture(conditions.flat_map(|condition| &condition.inputs));
        Mutation { guards, inputs, ..Mutation::new(model.id, action, ask.now) }
    }
}

impl Waiting {
    fn push(&mut self, place: Place, draft: Draft, late: Vec<(FieldId, SeedValue)>) {
        self.places.push(place);
        self.drafts.push(draft);
        self.late.push(late);
    }
}

impl Place {
    fn mistake(&self, failure: &Failure) -> RowMistake {
        RowMistake { file: self.file.clone(), line: self.line, message: failure.told() }
    }
}

fn refused_row(places: &[Place], refused: &BatchFailure) -> SeedError {
    match places.get(refused.row) {
        Some(place) => SeedError::Rows { rows: vec![place.mistake(&refused.failure)] },
        None => SeedError::Failed(Failure::Internal(refused.to_string())),
    }
}

fn json_of(value: &Value, big: bool) -> Json {
    let mut bytes = Vec::new();
    purlin_schema::value::write_json(value, big, &mut bytes);
    serde_json::from_slice(&bytes).unwrap_or_default()
}
