//! Rows on their way into the database, many at a time.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use purlin_schema::load::seeds::{Natural, SeedValue};
use purlin_schema::query::{Limit, Query, Select};
use purlin_schema::{FieldId, Id, Input, Model, ModelId, Value};
use purlin_store::mutation::Action;
use purlin_store::{Error, Mutation, Outcome, Plan, Step};

use super::columns::{Columns, Values};
use super::journal::{Journal, Pending};
use super::links::{Links, Unmade, without_unmade};
use super::source::{Place, RawRow, Source};
use super::{ImportError, Options, Refused, Summary, Watcher};
use crate::inputs::Ask;
use crate::natural::{self, Named, Naturals};
use crate::records::{Fields, failed};
use crate::seed::batch::Hashes;
use crate::{Actor, Engine, Failure, FieldMessage, expressions};

/// Rows in one transaction: how many at first, and at most.
const ROWS_AT_FIRST: usize = 100;
const MOST_ROWS: usize = 1_000;
/// How long a transaction should take: others may wait for what it holds. A server far away takes fewer rows at once.
const TIME_A_BATCH: Duration = Duration::from_secs(1);
/// Bytes of the file after which a batch is written.
const BYTES_A_BATCH: usize = 8 << 20;
/// Refusals of the database after which a transaction of all rows is given up.
const MOST_REFUSALS: u64 = 20;

/// An import under way.
pub(super) struct Importer<'run> {
    engine: &'run Engine,
    model: Arc<Model>,
    columns: Columns,
    links: Links,
    key: Vec<FieldId>,
    keys: Naturals,
    hashes: Hashes,
    journal: Option<Journal>,
    watcher: &'run mut dyn Watcher,
    summary: Summary,
    /// Rows of the file that were seen, those of earlier runs among them.
    seen: u64,
    waiting: Vec<(Place, u64, Values)>,
    waiting_bytes: usize,
    /// Rows in the next transaction.
    batch: usize,
    /// Keys of the rows that wait: a second row of a key must find what the first has made.
    waiting_keys: HashSet<String>,
    /// A record of this model may be named by another row of it.
    itself: bool,
    atomic: bool,
    dry_run: bool,
}

/// A row that may be written.
struct Ready {
    place: Place,
    /// Its number in the file, from 1.
    number: u64,
    values: Values,
    mutation: Mutation,
    unmade: Vec<(FieldId, Unmade)>,
    /// It was looked at again already after somebody else was faster.
    again: bool,
}

/// What mutations of a commit are for.
enum Part {
    Link(Unmade),
    Row(usize),
}

impl<'run> Importer<'run> {
    pub(super) fn new(
        engine: &'run Engine,
        model: ModelId,
        options: &Options,
        journal: Option<Journal>,
        watcher: &'run mut dyn Watcher,
    ) -> Result<Importer<'run>, ImportError> {
        let model = engine.model_of(model);
        let columns = Columns::new(engine.site().models.clone(), model.clone(), options)?;
        let key = options.key.iter().map(|name| options.field(&model, name).map(|field| field.id));
        let key = key.collect::<Result<Vec<_>, _>>()?;
        if !key.is_empty() && !natural::is_unique(&model, &key) {
            let names = options.key.join(", ");
            return Err(ImportError::Options(format!(
                "{names} is no unique key of {}: several records may have the same; declare it with `unique = true` or `[[unique]]`",
                model.name
            )));
        }
        let of_itself = |field: &FieldId| {
            model.field(*field).reference.as_ref().is_some_and(|reference| reference.to == model.id)
        };
        let made_by: Vec<FieldId> = columns.links().iter().map(|(field, _)| *field).collect();
        let itself = made_by.iter().any(of_itself);
        if itself && options.atomic {
            let message = "records that name others of their own model by --link cannot come in one transaction; leave --atomic out";
            return Err(ImportError::Options(message.to_owned()));
        }
        Ok(Importer {
            engine,
            model,
            columns,
            links: Links::new(made_by),
            key,
            keys: Naturals::default(),
            hashes: Hashes::new(options.password_hashes),
            journal,
            watcher,
            summary: Summary::default(),
            seen: 0,
            waiting: Vec::new(),
            waiting_bytes: 0,
            batch: ROWS_AT_FIRST,
            waiting_keys: HashSet::new(),
            itself,
            atomic: options.atomic,
            dry_run: options.dry_run,
        })
    }

    /// Finds out whether the last batch of a run that was stopped is in the database.
    pub(super) async fn settle_journal(&mut self) -> Result<(), ImportError> {
        let Some(journal) = &self.journal else { return Ok(()) };
        let Some(pending) = journal.pending().cloned() else { return Ok(()) };
        if self.model.origin.is_some() && pending.id.is_none() {
            return self.settle_beside(&pending);
        }
        // Its process is dead, but what it sent last may still be on its way: only when that has ended can one look.
        self.engine.store().commit_alone(journal.name(), Vec::new()).await.map_err(failed)?;
        let (field, value) = match &pending.id {
            Some(id) => (FieldId::ID, self.model.field(FieldId::ID).kind.parse(id).unwrap_or_default()),
            None => (FieldId::UPDATED_AT, Value::Datetime(pending.now)),
        };
        let is_there = self.any_with(field, value).await?;
        if let Some(journal) = &mut self.journal {
            let done = if is_there { pending.done } else { journal.done() };
            journal.after(done)?;
        }
        Ok(())
    }

    /// The same of a table of others, in which no time says by whom a row was written: with a key the batch may be written
    /// once more; without one nothing is guessed.
    fn settle_beside(&mut self, pending: &Pending) -> Result<(), ImportError> {
        let Some(journal) = &mut self.journal else { return Ok(()) };
        let done = journal.done();
        if self.key.is_empty() {
            return Err(ImportError::Options(format!(
                "whether the rows {} to {} were written is not known: the import was stopped between, and nothing in {} says it; \
                 look for them there, then import a file of those that are missing, or all with --restart --key",
                done + 1,
                pending.done,
                self.model.name
            )));
        }
        Ok(journal.after(done)?)
    }

    async fn any_with(&self, field: FieldId, value: Value) -> Result<bool, Failure> {
        let input = Input::Param("value".to_owned());
        let query = Query {
            filter: Some(expressions::field_is(&self.model, self.model.field(field), input)),
            select: Select::Fields(Vec::new()),
            limit: Limit::AtMost(1),
            ..Query::of(self.model.id)
        };
        let params = [("value".to_owned(), value)];
        let ask = Ask { params: &params, ..self.engine.ask(&Actor::Owner) };
        let step = Step { name: String::new(), query: self.engine.prepare(&query)?, must_exist: false };
        let plan = Plan { steps: vec![step] };
        let asked = purlin_store::Ask { inputs: &ask, steps: &[] };
        let answer = self.engine.store().read(&plan, asked).await.map_err(failed)?;
        Ok(answer.sets.first().is_some_and(|set| !set.rows.is_empty()))
    }

    /// Ends where the columns of a table have names that are no fields.
    pub(super) fn check_names(&mut self, row: &RawRow) -> Result<(), ImportError> {
        self.columns.unknown(row).map_or(Ok(()), |message| Err(ImportError::Options(message)))
    }

    /// Takes a row; writes what waits where that is enough.
    pub(super) async fn row(&mut self, row: RawRow, source: &Source) -> Result<(), ImportError> {
        self.seen += 1;
        if self.seen <= self.journal.as_ref().map_or(0, Journal::done) {
            return Ok(());
        }
        self.summary.rows += 1;
        let (place, size) = (row.place.clone(), row.size_bytes);
        let values = match self.columns.read(row) {
            Ok(values) => values,
            Err(messages) => {
                self.refuse(place, messages);
                return Ok(());
            }
        };
        if !self.key.is_empty() {
            let key = match self.key_of(&values) {
                Ok(key) => format!("{key:?}"),
                Err(message) => {
                    self.refuse(place, vec![message]);
                    return Ok(());
                }
            };
            if self.waiting_keys.contains(&key) {
                if self.atomic {
                    let message = "another row has this key already; in one transaction each may come once";
                    let name = &self.model.field(self.key[0]).name;
                    self.refuse(place, vec![FieldMessage::new(name, "unique", message)]);
                    return Ok(());
                }
                self.flush(source).await?;
            }
            self.waiting_keys.insert(key);
        }
        self.waiting.push((place, self.seen, values));
        self.waiting_bytes += size;
        let full = self.waiting.len() >= self.batch || self.waiting_bytes >= BYTES_A_BATCH || self.itself;
        if full && !self.atomic { self.flush(source).await } else { Ok(()) }
    }

    pub(super) fn refused_text(&mut self, place: Place, message: String) {
        self.seen += 1;
        if self.seen > self.journal.as_ref().map_or(0, Journal::done) {
            self.summary.rows += 1;
            self.refuse(place, vec![FieldMessage::new("", "syntax", message)]);
        }
    }

    /// Writes what still waits. Of one transaction nothing is written where its file broke off.
    pub(super) async fn finish(&mut self, source: &Source, broken: bool) -> Result<Summary, ImportError> {
        if broken && self.atomic {
            self.waiting.clear();
            return Ok(self.summary.clone());
        }
        self.flush(source).await?;
        if let Some(journal) = &mut self.journal
            && !broken
        {
            journal.finish(self.seen)?;
        }
        Ok(self.summary.clone())
    }

    fn refuse(&mut self, place: Place, messages: Vec<FieldMessage>) {
        self.summary.refused += 1;
        self.watcher.refused(&Refused { place, messages });
    }

    /// The key of a row.
    fn key_of(&self, values: &Values) -> Result<Natural, FieldMessage> {
        let part = |field: &FieldId| {
            let lacks = |text: &str| FieldMessage::new(&self.model.field(*field).name, "required", text);
            match values.iter().find(|(known, _)| known == field) {
                Some((_, SeedValue::Value(Value::Null))) | None => {
                    Err(lacks("is part of the key and has no value"))
                }
                Some((_, SeedValue::Value(value))) => Ok((*field, value.clone())),
                Some(_) => Err(lacks("is part of the key and must be an id")),
            }
        };
        self.key.iter().map(part).collect()
    }

    async fn flush(&mut self, source: &Source) -> Result<(), ImportError> {
        let waiting = std::mem::take(&mut self.waiting);
        self.waiting_bytes = 0;
        self.waiting_keys.clear();
        if waiting.is_empty() {
            return Ok(());
        }
        self.links.look_up(self.engine, &self.model, waiting.iter().map(|(.., values)| values)).await?;
        if !self.key.is_empty() {
            let keys: Vec<Natural> =
                waiting.iter().filter_map(|(.., values)| self.key_of(values).ok()).collect();
            self.keys.forget(self.model.id);
            self.keys.look_up(self.engine, &self.model, &keys.iter().collect::<Vec<_>>()).await?;
        }
        let last = waiting.last().map_or(self.seen, |(_, number, _)| *number);
        let mut rows = Vec::with_capacity(waiting.len());
        for (place, number, values) in waiting {
            match self.ready(&values).await? {
                Ok((mutation, unmade)) => {
                    rows.push(Ready { place, number, values, mutation, unmade, again: false });
                }
                Err(messages) => self.refuse(place, messages),
            }
        }
        let began = Instant::now();
        self.write(rows).await?;
        self.batch = match began.elapsed() {
            time if time > TIME_A_BATCH => (self.batch / 2).max(1),
            time if time < TIME_A_BATCH / 3 => (self.batch * 2).min(MOST_ROWS),
            _ => self.batch,
        };
        self.note(last)?;
        self.watcher.written(&self.summary, source);
        Ok(())
    }

    /// Notes that so many rows are done.
    fn note(&mut self, done: u64) -> Result<(), ImportError> {
        match &mut self.journal {
            Some(journal) if !self.dry_run => Ok(journal.after(done)?),
            _ => Ok(()),
        }
    }

    /// What writes a row.
    async fn ready(&mut self, values: &Values) -> Result<Result<Written, Vec<FieldMessage>>, Failure> {
        let engine = self.engine;
        let resolved = self.links.resolve(engine, &self.model, values, &mut self.hashes).await?;
        let resolved = match resolved {
            Ok(resolved) => resolved,
            Err(messages) => return Ok(Err(messages)),
        };
        let fields = Fields::Values(&resolved.values);
        let stored = match self.key_of(values) {
            Ok(key) if !key.is_empty() => self.stored(&key).await?,
            _ => None,
        };
        let draft = match stored {
            Some(id) => engine.draft_change(&self.model, id, fields).await,
            None => engine.draft_of(&self.model, fields),
        };
        let written = match draft {
            Ok(draft) => engine.mutation(&self.model, draft, &mut self.hashes).await,
            Err(failure) => Err(failure),
        };
        match written {
            Ok(mut mutation) => {
                without_unmade(&mut mutation);
                Ok(Ok((mutation, resolved.unmade)))
            }
            Err(Failure::Invalid(messages)) => Ok(Err(messages)),
            Err(Failure::NotFound) => Ok(Err(vec![gone()])),
            Err(failure) => Err(failure),
        }
    }

    /// The record with a key. An id is asked for too: whether there is a record with it.
    async fn stored(&mut self, key: &Natural) -> Result<Option<Id>, Failure> {
        if let [(FieldId::ID, value)] = key.as_slice() {
            let is_there = self.any_with(FieldId::ID, value.clone()).await?;
            return Ok(value.as_id().filter(|_| is_there));
        }
        Ok(match self.keys.find(self.engine, &self.model, key).await? {
            Named::One(id) => Some(id),
            Named::Several | Named::Nobody => None,
        })
    }

    /// Commits rows; those that are refused are told of, the others are written.
    async fn write(&mut self, mut rows: Vec<Ready>) -> Result<(), ImportError> {
        let mut dry = self.dry_run || (self.atomic && self.summary.refused > 0);
        self.summary.nothing_written = self.atomic && self.summary.refused > 0;
        while !rows.is_empty() {
            let now = self.engine.now();
            let (mutations, parts) = self.mutations(&rows, rows.len(), now, dry);
            let at = match self.commit(mutations, &rows, now, dry).await {
                Ok(outcomes) => {
                    self.settle(&rows, &parts, &outcomes);
                    // Those of this batch that come after a refused row are another transaction.
                    return self.note(rows.last().map_or(0, |row| row.number));
                }
                Err(Error::Refused { at, .. }) if at == parts.len() => {
                    self.count(&rows);
                    return Ok(());
                }
                Err(Error::Refused { at, refusals }) => (at, refusals),
                Err(error) => return Err(failed(error).into()),
            };
            let (at, refusals) = at;
            let row = parts[at..].iter().find_map(|part| match part {
                Part::Row(row) => Some(*row),
                Part::Link(_) => None,
            });
            let row = row.unwrap_or_default();
            if self.another_was_faster(&mut rows[row], &parts[at], &refusals).await? {
                continue;
            }
            let messages = self.told(&parts[at], &refusals);
            let mut rest = rows.split_off(row);
            let refused = rest.remove(0);
            if self.atomic {
                rows.extend(rest);
                (dry, self.summary.nothing_written) = (true, true);
            } else {
                let before = std::mem::replace(&mut rows, rest);
                Box::pin(self.write_known(before, dry)).await?;
            }
            self.refuse(refused.place, messages);
            if self.atomic && self.summary.refused >= MOST_REFUSALS {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Commits rows that were fine beside one that was not.
    async fn write_known(&mut self, rows: Vec<Ready>, dry: bool) -> Result<(), ImportError> {
        if rows.is_empty() {
            return Ok(());
        }
        if dry {
            self.count(&rows);
            return Ok(());
        }
        self.write(rows).await
    }

    async fn commit(
        &mut self,
        mutations: Vec<Mutation>,
        rows: &[Ready],
        now: i64,
        dry: bool,
    ) -> Result<Vec<Outcome>, Error> {
        if let (Some(journal), Some(last), false) = (&mut self.journal, rows.last(), dry) {
            let id = match rows.first().map(|row| &row.mutation.action) {
                Some(Action::Create { id: Some(id), .. }) => Some(id.to_string()),
                _ => None,
            };
            let noted = journal.before(Pending { done: last.number, id, now });
            noted.map_err(|error| Error::Unavailable(error.to_string()))?;
        }
        let store = self.engine.store();
        match &self.journal {
            Some(journal) if !dry => store.commit_alone(journal.name(), mutations).await,
            _ => store.commit(mutations).await,
        }
    }

    /// The mutations that write rows, each after those that make what it refers to.
    fn mutations(&self, rows: &[Ready], most: usize, now: i64, dry: bool) -> (Vec<Mutation>, Vec<Part>) {
        let mut mutations = Vec::with_capacity(rows.len());
        let mut parts = Vec::with_capacity(rows.len());
        let mut made: Vec<(Unmade, usize)> = Vec::new();
        for (number, row) in rows.iter().take(most).enumerate() {
            let mut refers = Vec::new();
            let mut mutation = row.mutation.clone();
            for (field, unmade) in &row.unmade {
                let known = made.iter().find(|(known, _)| known == unmade).map(|(_, at)| *at);
                let at = match (known, self.links.fresh(*unmade)) {
                    (Some(at), _) => at,
                    (None, Err(making)) => {
                        mutations.push(Mutation { now, ..making.clone() });
                        parts.push(Part::Link(*unmade));
                        made.push((*unmade, parts.len() - 1));
                        parts.len() - 1
                    }
                    (None, Ok(id)) => {
                        refer(&mut mutation, self.model.field(*field).is_many(), *field, id);
                        continue;
                    }
                };
                refers.push((*field, at));
            }
            mutations.push(Mutation { refers, now, ..mutation });
            parts.push(Part::Row(number));
        }
        if dry {
            mutations.push(self.engine.always_refused(&self.model));
        }
        (mutations, parts)
    }

    fn settle(&mut self, rows: &[Ready], parts: &[Part], outcomes: &[Outcome]) {
        for (part, outcome) in parts.iter().zip(outcomes) {
            if let Part::Link(unmade) = part {
                self.links.made(*unmade, outcome.id);
                let name = &self.engine.model_of(unmade.0).name;
                match self.summary.linked.iter_mut().find(|(known, _)| known == name) {
                    Some((_, count)) => *count += 1,
                    None => self.summary.linked.push((name.clone(), 1)),
                }
            }
        }
        self.count(rows);
    }

    fn count(&mut self, rows: &[Ready]) {
        for row in rows {
            match row.mutation.action {
                Action::Update { .. } => self.summary.updated += 1,
                _ => self.summary.created += 1,
            }
        }
    }

    /// Whether a row was refused because somebody else wrote meanwhile: then it is looked at again, once.
    async fn another_was_faster(
        &mut self,
        row: &mut Ready,
        part: &Part,
        refusals: &[purlin_store::Refusal],
    ) -> Result<bool, ImportError> {
        use purlin_store::Refusal;
        let taken = refusals.iter().any(|refusal| matches!(refusal, Refusal::Field { code: "unique", .. }));
        let gone =
            refusals.iter().any(|refusal| matches!(refusal, Refusal::NotFound | Refusal::VersionMismatch));
        let worth = match part {
            Part::Link(unmade) => {
                self.links.forget(unmade.0);
                taken
            }
            Part::Row(_) => !self.key.is_empty() && (taken || gone),
        };
        if row.again || !worth {
            return Ok(false);
        }
        row.again = true;
        self.keys.forget(self.model.id);
        let values = row.values.clone();
        let Ok((mutation, unmade)) = self.ready(&values).await? else { return Ok(false) };
        (row.mutation, row.unmade) = (mutation, unmade);
        Ok(true)
    }

    fn told(&self, part: &Part, refusals: &[purlin_store::Refusal]) -> Vec<FieldMessage> {
        let model = match part {
            Part::Link((model, _)) => *model,
            Part::Row(_) => self.model.id,
        };
        match self.engine.refused(&Actor::Owner, model, refusals) {
            Failure::Invalid(messages) => match part {
                Part::Row(_) => messages,
                Part::Link(_) => {
                    let name = &self.engine.model_of(model).name;
                    let told = Failure::Invalid(messages).told();
                    vec![FieldMessage::new(
                        "",
                        "not_found",
                        format!("no record of {name} can be made: {told}"),
                    )]
                }
            },
            Failure::NotFound => vec![gone()],
            failure => vec![FieldMessage::new("", "refused", failure.to_string())],
        }
    }
}

/// A mutation of a row, and what has to be made for it.
type Written = (Mutation, Vec<(FieldId, Unmade)>);

fn gone() -> FieldMessage {
    FieldMessage::new("", "not_found", "the record with this key was deleted meanwhile")
}

/// Puts the id of a record that was made meanwhile into a mutation.
fn refer(mutation: &mut Mutation, is_many: bool, field: FieldId, id: Id) {
    use purlin_store::mutation::Links;
    match &mut mutation.action {
        Action::Create { links, .. } if is_many => {
            links.iter_mut().filter(|(known, _)| *known == field).for_each(|(_, ids)| ids.push(id));
        }
        Action::Update { links, .. } if is_many => {
            for (_, links) in links.iter_mut().filter(|(known, _)| *known == field) {
                if let Links::Replace(ids) = links {
                    ids.push(id);
                }
            }
        }
        Action::Create { values, .. } | Action::Update { values, .. } => {
            values.iter_mut().filter(|(known, _)| *known == field).for_each(|(_, value)| *value = id.into());
        }
        Action::Copy { .. } | Action::Delete { .. } => {}
    }
}
