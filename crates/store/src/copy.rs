//! Copying a whole site's data from one database to another: below the rules, for whoever owns both.
//!
//! Rows go over page by page in the order of their ids, models after those that they refer to. A ref that leads the
//! other way round (to a record of its own model, or in a circle) is left out at first and set when all records are
//! there. A record is written over what has its id, so a copy that was interrupted is begun again from the start and
//! comes to the same. In the end both databases are read once more, and their digests compared.

use std::collections::HashSet;

use purlin_schema::expr::Path;
use purlin_schema::query::{Include, Limit, Query, Select, Selected, SortKey};
use purlin_schema::record::{Related, RowSet};
use purlin_schema::{FieldId, Id, Input, Inputs, Model, ModelId, Value};
use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::mutation::Action;
use crate::{Ask, Mutation, Plan, Step, StepArgs, Store, Window};

/// Records that are read and written at once.
const ROWS_A_PAGE: u32 = 500;

/// What became of one model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// Its name.
    pub model: String,
    /// Its records.
    pub rows: u64,
    /// SHA-256 over all that they have.
    pub digest: [u8; 32],
}

/// Why two databases do not hold the same.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// A database failed.
    #[error(transparent)]
    Store(#[from] Error),
    /// What was written is not what was read.
    #[error(
        "{model} differs: {here} records here, {there} there, or not the same in them; was the site written to meanwhile?"
    )]
    Differs {
        /// The model.
        model: String,
        /// Records in the database that was copied.
        here: u64,
        /// Records in the copy.
        there: u64,
    },
}

/// How far a copy got.
#[derive(Clone, Copy, Debug)]
pub enum Stage<'model> {
    /// So many more records of a model were written.
    Written(&'model str, u64),
    /// So many more of it were compared.
    Compared(&'model str, u64),
}

impl Store {
    /// Whether no model has a record.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn is_empty(&self) -> Result<bool, Error> {
        for model in self.models().iter().filter(|model| model.origin.is_none()) {
            if !self.page(model, &[], Window::First, 1).await?.rows.is_empty() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Copies every record of every model, Purlin's own among them, into another database of the same models, then
    /// compares the two.
    ///
    /// # Errors
    /// Where a database fails, or they differ in the end.
    pub async fn copy_into(
        &self,
        to: &Store,
        mut progress: impl FnMut(Stage<'_>) + Send,
    ) -> Result<Vec<Copied>, CopyError> {
        let order = self.models().referred_first();
        let mut there: HashSet<ModelId> = HashSet::new();
        let mut again = Vec::new();
        for id in &order {
            let model = self.models().get(*id).clone();
            let late = |field: &&purlin_schema::Field| {
                let reference = field.reference.as_ref();
                reference.is_some_and(|reference| !there.contains(&reference.to)) && field.computed.is_none()
            };
            let late: Vec<FieldId> = model.fields.iter().filter(late).map(|field| field.id).collect();
            self.copy_model(to, &model, &late, &mut |rows| progress(Stage::Written(&model.name, rows)))
                .await?;
            there.insert(*id);
            if !late.is_empty() {
                again.push(model);
            }
        }
        for model in again {
            self.copy_model(to, &model, &[], &mut |_| {}).await?;
        }
        let mut copied = Vec::new();
        for id in order {
            let model = self.models().get(id).clone();
            if !model.uuid_ids {
                to.raise_last_id(id, self.last_id(id).await?).await?;
            }
            let here = self.digest(&model, &mut |rows| progress(Stage::Compared(&model.name, rows))).await?;
            let found = to.digest(&model, &mut |_| {}).await?;
            if here != found {
                return Err(CopyError::Differs { model: model.name.clone(), here: here.0, there: found.0 });
            }
            copied.push(Copied { model: model.name.clone(), rows: here.0, digest: here.1 });
        }
        Ok(copied)
    }

    async fn copy_model(
        &self,
        to: &Store,
        model: &Model,
        late: &[FieldId],
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<(), Error> {
        let lists: Vec<FieldId> = lists_of(model).filter(|field| !late.contains(field)).collect();
        let mut pages = Pages::default();
        while let Some(set) = pages.next(self, model, &lists).await? {
            let rows = (0..set.rows.len()).map(|at| mutation(model, &set, at, late, &lists)).collect();
            to.commit(rows).await?;
            progress(u64::try_from(set.rows.len()).unwrap_or_default());
        }
        Ok(())
    }

    /// The number of a model's records, and a digest of all that they have.
    async fn digest(
        &self,
        model: &Model,
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<(u64, [u8; 32]), Error> {
        let lists: Vec<FieldId> = lists_of(model).collect();
        let (mut pages, mut hash, mut count) = (Pages::default(), Sha256::new(), 0);
        while let Some(set) = pages.next(self, model, &lists).await? {
            for at in 0..set.rows.len() {
                let Action::Copy { values, links } = mutation(model, &set, at, &[], &lists).action else {
                    continue;
                };
                for (_, value) in values {
                    hash.update(canonical(&value).as_bytes());
                    hash.update([0]);
                }
                for (_, mut ids) in links {
                    ids.sort_unstable();
                    hash.update(format!("{ids:?}").as_bytes());
                }
                count += 1;
            }
            progress(u64::try_from(set.rows.len()).unwrap_or_default());
        }
        Ok((count, hash.finalize().into()))
    }

    /// Records with every column, hidden ones among them, and the ids of some lists.
    async fn page(
        &self,
        model: &Model,
        lists: &[FieldId],
        window: Window,
        most: u32,
    ) -> Result<RowSet, Error> {
        let path = Path { scope: 0, model: model.id, hops: Vec::new(), end: model.id, field: FieldId::ID };
        let chosen = |field: FieldId| Selected { field, guard: None };
        let columns = model.fields.iter().filter(|field| field.has_column()).map(|field| chosen(field.id));
        let ids = |field: &FieldId| {
            let reference = model.field(*field).reference.as_ref()?;
            let query = Query { select: Select::Fields(Vec::new()), ..Query::of(reference.to) };
            Some(Include { relation: reference.relation, query })
        };
        let query = Query {
            select: Select::Fields(columns.collect()),
            sort: vec![SortKey::by(path, false)],
            include: lists.iter().filter_map(ids).collect(),
            limit: Limit::Page(ROWS_A_PAGE),
            ..Query::of(model.id)
        };
        let prepared = self.prepare(&query).map_err(|error| Error::Database(error.to_string()))?;
        let step = Step { name: String::new(), query: prepared, must_exist: false };
        let steps = [StepArgs { window, per_page: Some(most) }];
        let answer = self.read(&Plan { steps: vec![step] }, Ask { inputs: &Nothing, steps: &steps }).await?;
        answer.sets.into_iter().next().ok_or_else(|| Error::Database("a read without an answer".to_owned()))
    }
}

/// The records of a model, page by page.
struct Pages {
    window: Option<Window>,
    most: u32,
}

impl Default for Pages {
    fn default() -> Pages {
        Pages { window: Some(Window::First), most: ROWS_A_PAGE }
    }
}

impl Pages {
    async fn next(
        &mut self,
        store: &Store,
        model: &Model,
        lists: &[FieldId],
    ) -> Result<Option<RowSet>, Error> {
        let Some(window) = self.window.take() else { return Ok(None) };
        loop {
            match store.page(model, lists, window.clone(), self.most).await {
                // Records with many links: fewer of them at once.
                Err(Error::TooManyRows(_)) if self.most > 1 => self.most /= 2,
                Err(error) => return Err(error),
                Ok(set) => {
                    self.window = set.more.then(|| Window::After(set.last_key.clone()));
                    return Ok((!set.rows.is_empty()).then_some(set));
                }
            }
        }
    }
}

/// Copies ask for nothing.
struct Nothing;

impl Inputs for Nothing {
    fn input(&self, _: &Input) -> Option<Value> {
        None
    }
}

fn lists_of(model: &Model) -> impl Iterator<Item = FieldId> + '_ {
    model.fields.iter().filter(|field| field.is_many()).map(|field| field.id)
}

/// What writes a row of a page; refs that have to wait are null.
fn mutation(model: &Model, set: &RowSet, at: usize, late: &[FieldId], lists: &[FieldId]) -> Mutation {
    let row = &set.rows[at];
    let columns = model.fields.iter().filter(|field| field.has_column());
    let values = columns.map(|field| {
        let value = set.shape.value(row, field.id).cloned().unwrap_or_default();
        let waits = late.contains(&field.id) && !field.required;
        (field.id, if waits { Value::Null } else { value })
    });
    let links = lists.iter().enumerate().map(|(place, field)| {
        let ids: Vec<Id> = match &row.related[place] {
            Related::Many(rows) => rows.iter().filter_map(|row| row.values[0].as_id()).collect(),
            Related::One(_) => Vec::new(),
        };
        (*field, ids)
    });
    Mutation::new(model.id, Action::Copy { values: values.collect(), links: links.collect() }, 0)
}

/// A value as a text that is the same in every database: some keep the members of JSON in an order of their own.
fn canonical(value: &Value) -> String {
    match value {
        Value::Json(json) => sorted(json).to_string(),
        value => format!("{value:?}"),
    }
}

fn sorted(json: &serde_json::Value) -> serde_json::Value {
    match json {
        serde_json::Value::Object(map) => {
            let mut members: Vec<_> = map.iter().map(|(name, value)| (name.clone(), sorted(value))).collect();
            members.sort_by(|a, b| a.0.cmp(&b.0));
            serde_json::Value::Object(members.into_iter().collect())
        }
        serde_json::Value::Array(items) => items.iter().map(sorted).collect(),
        other => other.clone(),
    }
}
