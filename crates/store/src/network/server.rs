//! A database on a server: reads on connections of one pool, writes on those of another, so that neither waits for the
//! other.
//!
//! Each request writes in a transaction of its own, all of them as if one after the other: rules may look at any record,
//! and what they looked at must still be so when the request is committed. Where two could not have run one after the
//! other the database ends one of them, and it is performed again, as is one that lost the race for a unique key: then
//! the key is found taken, and that is what is said. A commit is data, so performing it again is sound while nothing of
//! it was committed. Where the connection is lost between `COMMIT` and its answer nobody knows, and that is what is said.

use std::sync::Arc;
use std::time::Duration;

use purlin_schema::Kind;
use purlin_schema::settings::DatabaseSettings;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::pool::{Connect, Lease, Pool};
use super::replicas::Replicas;
use super::{read, retry};
use crate::catalog::Catalog;
use crate::error::Error;
use crate::feed::Feed;
use crate::mutation::{Action, Change, Mutation, Outcome};
use crate::network::read::Run;
use crate::plan::{Answer, Ask, Plan};
use crate::read::{Source, is_one_statement};
use crate::sql::{Args, Statement};
use crate::write::alone::Alone;
use crate::write::session::Session;
use crate::write::{self, Failure, Trust};

/// How long a `COMMIT` may go unanswered after the request's time is up; no longer than that time.
const GRACE: Duration = Duration::from_secs(5);

/// What each mutation of a commit beyond the first adds to the time that a commit may take: each is a few questions,
/// and whoever writes many at once (an import, a seed) is no visitor who waits.
const EACH_MORE: Duration = Duration::from_millis(100);

/// How a database's transactions begin and end.
pub(crate) trait Transactions: Connect<Connection: Session + Run> {
    /// Runs a plan in a transaction that sees one state of the database.
    fn snapshot(
        connection: &Self::Connection,
        plan: &Plan,
        ask: Ask<'_>,
    ) -> impl Future<Output = Result<Answer, Error>> + Send;

    /// Begins to write. With a name, when no other transaction of that name is under way any more.
    fn begin(
        connection: &Self::Connection,
        name: Option<&str>,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Makes what was written last. [`Error::Unknown`] where the answer did not come.
    fn commit(connection: &Self::Connection) -> impl Future<Output = Result<(), Error>> + Send;

    /// Undoes what was written.
    fn roll_back(connection: &Self::Connection) -> impl Future<Output = Result<(), Error>> + Send;

    /// Whether a statement outside of a transaction is one by itself, as strict as those that are begun.
    fn commits_by_itself(connection: &Self::Connection) -> bool;

    /// Lets others of that name begin, where the end of the transaction does not.
    fn release(connection: &Self::Connection, name: &str) -> impl Future<Output = Result<(), Error>> + Send;
}

/// A database on a server.
pub(crate) struct Server<T: Transactions> {
    pub(crate) readers: Arc<Pool<T>>,
    pub(crate) writers: Arc<Pool<T>>,
    pool_timeout: Duration,
    pub(crate) read_timeout: Duration,
    write_timeout: Duration,
    pub(crate) replicas: Replicas<T>,
    feed: Feed,
}

type Performed = (Vec<Outcome>, Vec<Change>);

impl<T: Transactions> Server<T> {
    /// With connections for reading and for writing, which are made when there is something to ask.
    pub(crate) fn new(readers: T, writers: T, settings: &DatabaseSettings, feed: Feed) -> Server<T> {
        let pool = |connect| Pool::new(connect, settings.pool, settings.pool_timeout);
        Server {
            readers: pool(readers),
            writers: pool(writers),
            pool_timeout: settings.pool_timeout,
            read_timeout: settings.read_timeout,
            write_timeout: settings.write_timeout,
            replicas: Replicas::new(Vec::new(), Duration::ZERO),
            feed,
        }
    }

    /// The same, with servers that follow it, by their places.
    pub(crate) fn with_replicas(self, replicas: Vec<(String, T)>, settings: &DatabaseSettings) -> Server<T> {
        let pool = |(place, connect)| (place, Pool::new(connect, settings.pool, settings.pool_timeout));
        let pools = replicas.into_iter().map(pool).collect();
        Server { replicas: Replicas::new(pools, settings.replica_lag), ..self }
    }

    /// Runs a plan in one snapshot.
    pub(crate) async fn read(&self, plan: &Plan, ask: Ask<'_>) -> Result<Answer, Error> {
        let deadline = Instant::now() + self.pool_timeout + self.read_timeout;
        self.read_from(&self.readers, plan, ask, deadline).await
    }

    pub(crate) async fn read_from(
        &self,
        pool: &Arc<Pool<T>>,
        plan: &Plan,
        ask: Ask<'_>,
        deadline: Instant,
    ) -> Result<Answer, Error> {
        let lease = pool.lend(deadline).await?;
        let used = lease.used;
        match self.read_on(pool, lease, plan, ask, deadline).await {
            // A connection that was idle may have died unseen, as all do when the server is started again; and tables may
            // have changed under what it has prepared. Nothing was written: once more, on a new one.
            Err(Error::Unavailable(_)) if used => {
                pool.clear();
                self.read_on(pool, pool.lend(deadline).await?, plan, ask, deadline).await
            }
            other => other,
        }
    }

    async fn read_on(
        &self,
        pool: &Pool<T>,
        lease: Lease<T>,
        plan: &Plan,
        ask: Ask<'_>,
        deadline: Instant,
    ) -> Result<Answer, Error> {
        let deadline = deadline.min(Instant::now() + self.read_timeout);
        let run = async {
            let connection = lease.get();
            if is_one_statement(plan, ask.steps) {
                return read::plan(connection, plan, ask).await;
            }
            T::snapshot(connection, plan, ask).await
        };
        match timeout_at(deadline, run).await {
            // What takes too long is stopped, and what broke is dropped.
            Err(_) => {
                pool.doubt();
                Err(Error::TimedOut(self.read_timeout))
            }
            Ok(Err(error @ Error::Unavailable(_))) => Err(error),
            Ok(answer) => {
                lease.give_back();
                answer
            }
        }
    }

    /// The one number that a statement gives.
    pub(crate) async fn number(&self, statement: &Statement) -> Result<i64, Error> {
        let mut number = 0;
        let row = |row: &<T::Connection as Run>::Row| {
            number = row.value(0, Kind::Int).as_int().unwrap_or_default();
            true
        };
        self.each(&self.readers, statement, row).await?;
        Ok(number)
    }

    /// Runs a statement of the owner's.
    pub(crate) async fn run(&self, statement: &Statement) -> Result<(), Error> {
        self.each(&self.writers, statement, |_| true).await
    }

    async fn each(
        &self,
        pool: &Arc<Pool<T>>,
        statement: &Statement,
        row: impl FnMut(&<T::Connection as Run>::Row) -> bool + Send,
    ) -> Result<(), Error> {
        let deadline = Instant::now() + self.write_timeout;
        let lease = pool.lend(deadline).await?;
        let args = Args::values(&[]);
        let run = Run::each(lease.get(), statement, &args, row);
        timeout_at(deadline, run).await.unwrap_or(Err(Error::TimedOut(self.write_timeout)))?;
        lease.give_back();
        Ok(())
    }

    /// Performs mutations, all or nothing. To be run to its end, whoever waits for it.
    pub(crate) async fn commit(
        &self,
        catalog: &Catalog,
        mutations: &[Mutation],
        name: Option<&str>,
    ) -> Result<Vec<Outcome>, Error> {
        let more = u32::try_from(mutations.len().saturating_sub(1)).unwrap_or(u32::MAX);
        let limit = self.write_timeout.saturating_add(EACH_MORE.saturating_mul(more));
        let deadline = Instant::now() + limit;
        let mut tries = 0;
        loop {
            let may_commit_itself = tries == 0 && name.is_none() && is_one_create(mutations);
            let lease = match may_commit_itself {
                true => self.writers.lend_alive(deadline).await?,
                false => self.writers.lend(deadline).await?,
            };
            let used = lease.used;
            // What was refused the first time is told the second.
            let mut trust = if tries == 0 { Trust::Refs } else { Trust::Nothing };
            if let [mutation] = mutations
                && may_commit_itself
                && T::commits_by_itself(lease.get())
            {
                match Box::pin(self.alone(&lease, catalog, mutation, deadline)).await? {
                    Alone::Made(made) => {
                        lease.give_back();
                        let (outcome, change) = *made;
                        self.feed.tell_next(vec![change]);
                        return Ok(vec![outcome]);
                    }
                    Alone::TakesMore => {}
                    Alone::Taken => trust = Trust::Nothing,
                }
            }
            // All that a write may come to is large, and would be moved with the task.
            match Box::pin(self.once(lease, catalog, (mutations, name, trust), deadline)).await {
                Ok((outcomes, changes)) => {
                    self.feed.tell_next(changes);
                    return Ok(outcomes);
                }
                Err(error @ Error::Conflict(_)) => {
                    let Some(pause) = retry::pause(tries) else { return Err(error) };
                    if Instant::now() + pause >= deadline {
                        return Err(error);
                    }
                    sleep(pause).await;
                }
                // An idle connection may have died unseen; nothing was committed on it.
                Err(Error::Unavailable(_)) if used && tries == 0 && Instant::now() < deadline => {
                    self.writers.clear();
                }
                Err(error) => return Err(error),
            }
            tries += 1;
        }
    }

    /// Makes the one record of a commit by a statement that commits by itself, where that is all it takes. Where the
    /// connection is lost meanwhile it is not known what became of it.
    async fn alone(
        &self,
        lease: &Lease<T>,
        catalog: &Catalog,
        mutation: &Mutation,
        deadline: Instant,
    ) -> Result<Alone, Error> {
        let made = timeout_at(deadline, write::alone::create(lease.get(), catalog, mutation)).await;
        match made {
            Err(_) => {
                self.writers.doubt();
                Err(Error::Unknown)
            }
            Ok(Ok(alone)) => Ok(alone),
            Ok(Err(Failure::Failed(Error::Unavailable(_)))) if !T::is_open(lease.get()) => {
                Err(Error::Unknown)
            }
            Ok(Err(Failure::Failed(error @ (Error::Unavailable(_) | Error::Unknown)))) => Err(error),
            // What the database refuses is found out by asking before.
            Ok(Err(_)) => Ok(Alone::Taken),
        }
    }

    async fn once(
        &self,
        lease: Lease<T>,
        catalog: &Catalog,
        (mutations, name, trust): (&[Mutation], Option<&str>, Trust),
        deadline: Instant,
    ) -> Result<Performed, Error> {
        let connection = lease.get();
        let grace = GRACE.min(self.write_timeout);
        let perform = async {
            T::begin(connection, name).await?;
            let performed = write::perform(connection, catalog, mutations, trust).await;
            performed.map_err(|(at, failure)| failure.into_error(at))
        };
        match timeout_at(deadline, perform).await {
            Err(_) => {
                self.writers.doubt();
                Err(Error::Unavailable("the write took too long, and was undone".to_owned()))
            }
            Ok(Ok(performed)) => match timeout_at(deadline + grace, T::commit(connection)).await {
                Ok(Ok(())) => {
                    give_back(lease, name, grace).await;
                    Ok(performed)
                }
                Ok(Err(error)) => Err(error),
                Err(_) => Err(Error::Unknown),
            },
            Ok(Err(error @ Error::Unavailable(_))) => Err(error),
            Ok(Err(error)) => {
                if timeout(grace, T::roll_back(connection)).await.is_ok_and(|done| done.is_ok()) {
                    give_back(lease, name, grace).await;
                }
                Err(error)
            }
        }
    }
}

/// Gives a connection back on which a transaction has come to its end, unless it keeps others from beginning.
async fn give_back<T: Transactions>(lease: Lease<T>, name: Option<&str>, grace: Duration) {
    let released = match name {
        Some(name) => timeout(grace, T::release(lease.get(), name)).await.is_ok_and(|done| done.is_ok()),
        None => true,
    };
    if released {
        lease.give_back();
    }
}

/// Whether a commit makes one record and does nothing else.
fn is_one_create(mutations: &[Mutation]) -> bool {
    matches!(mutations, [Mutation { action: Action::Create { .. }, .. }])
}
