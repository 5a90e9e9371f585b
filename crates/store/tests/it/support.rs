//! A store over the sample models of the schema, in a folder of its own.

use std::sync::Arc;
use std::time::Duration;

use purlin_schema::expr::{Expect, Scope, check, sample};
use purlin_schema::model::OnDelete;
use purlin_schema::query::{Include, Query, SortKey};
use purlin_schema::record::Related;
use purlin_schema::settings::DatabaseSettings;
use purlin_schema::{Expr, FieldId, Id, Input, Inputs, Model, ModelId, Models, Row, RowSet, Value};
use purlin_store::migrate::Migrator;
use purlin_store::mutation::Action;
use purlin_store::testing::Fresh;
use purlin_store::{Ask, Error, Mutation, Outcome, Plan, Prepared, Refusal, Step, StepArgs, Store};

/// A time for everything that is written.
pub(crate) const NOW: i64 = 1_800_000_000_000_000;

/// A store and where it lives.
pub(crate) struct Site {
    pub(crate) store: Store,
    pub(crate) models: Arc<Models>,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) fresh: Option<Fresh>,
}

/// Inputs from a list.
#[derive(Default, Clone)]
pub(crate) struct Given(pub(crate) Vec<(Input, Value)>);

impl Inputs for Given {
    fn input(&self, input: &Input) -> Option<Value> {
        self.0.iter().find(|(known, _)| known == input).map(|(_, value)| value.clone())
    }
}

impl Site {
    /// The sample models as they are.
    pub(crate) fn new() -> Site {
        Site::with(|_| {})
    }

    /// The sample models, changed.
    pub(crate) fn with(change: impl FnOnce(&mut Vec<Model>)) -> Site {
        let mut list: Vec<Model> = sample::models().iter().map(|model| (**model).clone()).collect();
        change(&mut list);
        let models = Arc::new(Models::new(list.into_iter().map(Arc::new).collect()));
        let fresh = Fresh::new();
        let settings = DatabaseSettings::of(url(fresh.as_ref()));
        Site::open(models, fresh, &settings.url, &settings)
    }

    /// The sample models on the database that settings name.
    pub(crate) fn on(fresh: Fresh, settings: &DatabaseSettings) -> Site {
        let url = fresh.url.clone();
        Site::open(Arc::new(sample::models()), Some(fresh), &url, settings)
    }

    /// The sample models on a database that goes by other ways.
    pub(crate) fn at(settings: &DatabaseSettings) -> Site {
        Site::open(Arc::new(sample::models()), None, &settings.url, settings)
    }

    /// Whether it is on MySQL or MariaDB.
    pub(crate) fn is_on_mysql(&self) -> bool {
        self.fresh.as_ref().is_some_and(|fresh| !fresh.is_postgres())
    }

    /// The same tables by another way.
    pub(crate) fn through(&self, settings: &DatabaseSettings) -> Site {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(folder.path(), settings, self.models.clone()).expect("a store");
        Site { store, models: self.models.clone(), folder, fresh: None }
    }

    fn open(models: Arc<Models>, fresh: Option<Fresh>, url: &str, settings: &DatabaseSettings) -> Site {
        let folder = tempfile::tempdir().expect("a folder");
        let mut migrator = Migrator::open(url, folder.path()).expect("a database");
        migrator.dev(&models, |_| false).expect("tables");
        drop(migrator);
        let store = Store::open(folder.path(), settings, models.clone()).expect("a store");
        Site { store, models, folder, fresh }
    }

    pub(crate) fn model(&self, name: &str) -> &Model {
        self.models.named(name).expect("a model of the sample")
    }

    pub(crate) fn field(&self, model: &str, name: &str) -> FieldId {
        self.model(model).field_named(name).expect("a field of the sample").id
    }

    /// An expression about records of a model.
    pub(crate) fn expr(&self, model: &str, text: &str) -> Expr {
        let params = ["id".to_owned(), "slug".to_owned(), "text".to_owned()];
        let scope = Scope::of(&self.models).this(self.model(model).id).old().params(&params);
        check(text, &scope, Expect::Anything).unwrap_or_else(|mistakes| panic!("{text}: {mistakes:?}"))
    }

    pub(crate) fn query(&self, model: &str) -> Query {
        Query::of(self.model(model).id)
    }

    pub(crate) fn filtered(&self, model: &str, filter: &str) -> Query {
        Query { filter: Some(self.expr(model, filter)), ..self.query(model) }
    }

    /// Sort keys as the API writes them: `-published_at,author.name`.
    pub(crate) fn sort(&self, model: &str, keys: &str) -> Vec<SortKey> {
        let key = |key: &str| {
            let expr = self.expr(model, key.trim_start_matches('-'));
            SortKey::of(expr, key.starts_with('-')).expect("a field, or a place in one")
        };
        keys.split(',').filter(|key| !key.is_empty()).map(key).collect()
    }

    pub(crate) fn include(&self, model: &str, relation: &str) -> Include {
        let relation = self.model(model).relation_named(relation).expect("a relation of the sample");
        Include { relation: relation.id, query: Query::of(relation.to) }
    }

    pub(crate) fn prepare(&self, query: &Query) -> Arc<Prepared> {
        self.store.prepare(query).expect("a query that can be SQL")
    }

    pub(crate) async fn rows(&self, query: &Query) -> RowSet {
        self.ask(query, &Given::default(), StepArgs::default()).await.expect("rows")
    }

    pub(crate) async fn ask(&self, query: &Query, inputs: &Given, args: StepArgs) -> Result<RowSet, Error> {
        self.run(&self.prepare(query), inputs, args).await
    }

    pub(crate) async fn run(
        &self,
        query: &Arc<Prepared>,
        inputs: &Given,
        args: StepArgs,
    ) -> Result<RowSet, Error> {
        self.run_with(query, inputs, args).await
    }

    /// The same with inputs from wherever.
    pub(crate) async fn run_with(
        &self,
        query: &Arc<Prepared>,
        inputs: &(dyn Inputs + Sync),
        args: StepArgs,
    ) -> Result<RowSet, Error> {
        let step = Step { name: "rows".to_owned(), query: query.clone(), must_exist: false };
        let plan = Plan { steps: vec![step] };
        let answer = self.store.read(&plan, Ask { inputs, steps: &[args] }).await?;
        Ok(answer.sets.into_iter().next().expect("a set for the step"))
    }

    /// The ids that a filter finds, in order.
    pub(crate) async fn ids(&self, model: &str, filter: &str, inputs: &Given) -> Vec<i64> {
        let set = self.ask(&self.filtered(model, filter), inputs, StepArgs::default()).await.expect("rows");
        set.rows.iter().map(|row| row.values[0].as_int().expect("an id")).collect()
    }

    /// A mutation that makes a record.
    pub(crate) fn create(&self, model: &str, values: &[(&str, Value)]) -> Mutation {
        let values = values.iter().map(|(name, value)| (self.field(model, name), value.clone())).collect();
        self.mutation(model, Action::Create { id: None, values, links: Vec::new() })
    }

    pub(crate) fn update(&self, model: &str, id: i64, values: &[(&str, Value)]) -> Mutation {
        let values = values.iter().map(|(name, value)| (self.field(model, name), value.clone())).collect();
        let id = Id::Int(id);
        self.mutation(
            model,
            Action::Update { id, if_version: None, values, merges: Vec::new(), links: Vec::new() },
        )
    }

    pub(crate) fn delete(&self, model: &str, id: i64) -> Mutation {
        self.mutation(model, Action::Delete { id: Id::Int(id), if_version: None })
    }

    pub(crate) fn mutation(&self, model: &str, action: Action) -> Mutation {
        Mutation::new(self.model(model).id, action, NOW)
    }

    pub(crate) async fn commit(&self, mutation: Mutation) -> Result<Outcome, Error> {
        let mut outcomes = self.store.commit(vec![mutation]).await?;
        Ok(outcomes.pop().expect("an outcome for the mutation"))
    }

    /// Makes a record; its id.
    pub(crate) async fn add(&self, model: &str, values: &[(&str, Value)]) -> i64 {
        let outcome = self.commit(self.create(model, values)).await.expect("a record");
        let Id::Int(id) = outcome.id else { panic!("an integer for an id") };
        id
    }

    /// Makes a record with lists of refs.
    pub(crate) async fn add_linked(
        &self,
        model: &str,
        values: &[(&str, Value)],
        lists: &[(&str, &[i64])],
    ) -> i64 {
        let mut mutation = self.create(model, values);
        let Action::Create { links, .. } = &mut mutation.action else { unreachable!("it creates") };
        for (name, ids) in lists {
            links.push((self.field(model, name), ids.iter().map(|id| Id::Int(*id)).collect()));
        }
        let Id::Int(id) = self.commit(mutation).await.expect("a record").id else { panic!("an integer") };
        id
    }

    /// The value of a field of a record, as it is stored.
    pub(crate) async fn stored(&self, model: &str, id: i64, field: &str) -> Option<Value> {
        let set = self.rows(&self.filtered(model, &format!("id == {id}"))).await;
        let row = set.rows.first()?;
        Some(set.shape.value(row, self.field(model, field)).expect("a chosen field").clone())
    }
}

fn url(fresh: Option<&Fresh>) -> &str {
    fresh.map_or("sqlite:data/site.db", |fresh| &fresh.url)
}

/// Opens the store of a folder.
pub(crate) fn open(folder: &std::path::Path, models: &Arc<Models>) -> Store {
    open_with(folder, models, Duration::from_secs(5))
}

/// The same, with a time that reads may take.
pub(crate) fn open_with(folder: &std::path::Path, models: &Arc<Models>, read_timeout: Duration) -> Store {
    let settings = DatabaseSettings { read_timeout, ..DatabaseSettings::of("sqlite:data/site.db") };
    Store::open(folder, &settings, models.clone()).expect("a store")
}

/// Sets what a ref does when what it refers to is deleted.
pub(crate) fn on_delete(models: &mut [Model], model: &str, field: &str, does: OnDelete) {
    let model = named(models, model);
    let at = model.fields.iter().position(|known| known.name == field).expect("a field");
    model.fields[at].reference.as_mut().expect("a ref").on_delete = does;
}

/// A model to change.
pub(crate) fn named<'list>(models: &'list mut [Model], name: &str) -> &'list mut Model {
    models.iter_mut().find(|model| model.name == name).expect("a model of the sample")
}

/// The refusals of a mutation that must be refused.
pub(crate) fn refused<T: std::fmt::Debug>(result: Result<T, Error>) -> Vec<Refusal> {
    match result {
        Err(Error::Refused { refusals, .. }) => refusals,
        other => panic!("this should have been refused: {other:?}"),
    }
}

/// The ids of rows.
pub(crate) fn ids(rows: &[Arc<Row>]) -> Vec<i64> {
    rows.iter().map(|row| row.values[0].as_int().expect("an integer for an id")).collect()
}

/// The rows of an included list.
pub(crate) fn many(related: &Related) -> &[Arc<Row>] {
    match related {
        Related::Many(rows) => rows,
        Related::One(_) => panic!("a list was expected"),
    }
}

/// The row of an included ref.
pub(crate) fn one(related: &Related) -> Option<&Arc<Row>> {
    match related {
        Related::One(row) => row.as_ref(),
        Related::Many(_) => panic!("a single record was expected"),
    }
}

/// The model's number.
pub(crate) fn id_of(site: &Site, model: &str) -> ModelId {
    site.model(model).id
}
