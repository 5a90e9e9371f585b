//! Connections that are kept, lent and given back.
//!
//! Whoever needs a connection waits for one of so many, for so long at most; the one that was used last is lent first,
//! so that the others may grow cold and go. A connection is given back by hand, after what was done on it has come to
//! its end: one that is dropped half-way (a request that was given up, an error of the network) is closed. After an
//! outage the pool heals by itself: a connection that is known to be dead is not lent, one that was idle for long, or
//! beside one that fell silent, is asked first, and when one turns out dead all others are thrown away with it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use purlin_schema::settings::DatabaseSettings;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};

use super::address::Unreachable;
use crate::error::Error;

/// A connection that was idle for so long is asked whether it is alive.
const DOUBTFUL: Duration = Duration::from_secs(30);
/// The same before a statement that commits by itself, which cannot be sent again: under load there is always one that came
/// back just now.
const FRESH: Duration = Duration::from_millis(1);
/// How long it may take to answer.
const CHECK: Duration = Duration::from_secs(1);
/// A connection that was idle for so long is closed.
const IDLE: Duration = Duration::from_secs(300);
/// A connection that is so old is closed: servers gather what they remember for one, and names get new addresses.
const AGE: Duration = Duration::from_secs(1_800);

/// How connections are made.
pub(crate) trait Connect: Send + Sync + 'static {
    type Connection: Send + 'static;

    fn connect(&self) -> impl Future<Output = Result<Self::Connection, Unreachable>> + Send;

    /// Whether nothing is known against it; without asking the server.
    fn is_open(connection: &Self::Connection) -> bool;

    /// Whether the server answers.
    fn answers(connection: &mut Self::Connection) -> impl Future<Output = bool> + Send;

    /// Closes one on which something may still be under way.
    fn abandon(&self, connection: Self::Connection);
}

/// How connections of one use are made; what each driver makes of it is its own.
pub(crate) struct Connector<Target> {
    pub(crate) target: Target,
    /// What a statement may take, by the server's own clock: it stops what nobody waits for any more.
    pub(crate) limit: Duration,
    /// Whether a connection keeps statements prepared.
    pub(crate) statement_cache: bool,
    /// Whether they write.
    pub(crate) writes: bool,
}

impl<Target> Connector<Target> {
    pub(crate) fn new(target: Target, settings: &DatabaseSettings, writes: bool) -> Connector<Target> {
        let limit = settings.read_timeout.max(settings.write_timeout) + Duration::from_secs(1);
        Connector { target, limit, statement_cache: settings.statement_cache, writes }
    }
}

/// Connections to one server.
pub(crate) struct Pool<C: Connect> {
    connect: C,
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<Idle<C::Connection>>>,
    timeout: Duration,
}

struct Idle<T> {
    connection: T,
    since: Instant,
    born: Instant,
    /// Whether another one of the pool fell silent meanwhile.
    doubtful: bool,
}

/// A connection that is lent.
pub(crate) struct Lease<C: Connect> {
    connection: Option<C::Connection>,
    pool: Arc<Pool<C>>,
    born: Instant,
    /// Whether it was used before.
    pub(crate) used: bool,
    _permit: OwnedSemaphorePermit,
}

impl<C: Connect> Pool<C> {
    pub(crate) fn new(connect: C, size: usize, timeout: Duration) -> Arc<Pool<C>> {
        let permits = Arc::new(Semaphore::new(size));
        Arc::new(Pool { connect, permits, idle: Mutex::default(), timeout })
    }

    /// Lends a connection: within the pool's own time, and before `deadline`.
    ///
    /// # Errors
    /// [`Error::Busy`] where none comes back in time, [`Error::Unavailable`] where none can be made.
    pub(crate) async fn lend(self: &Arc<Self>, deadline: Instant) -> Result<Lease<C>, Error> {
        self.lend_after(DOUBTFUL, deadline).await
    }

    /// As [`Pool::lend`], a connection that was alive just now.
    ///
    /// # Errors
    /// As [`Pool::lend`].
    pub(crate) async fn lend_alive(self: &Arc<Self>, deadline: Instant) -> Result<Lease<C>, Error> {
        self.lend_after(FRESH, deadline).await
    }

    /// Lends a connection, asked before where it was idle for longer than this.
    async fn lend_after(self: &Arc<Self>, idle_for: Duration, deadline: Instant) -> Result<Lease<C>, Error> {
        let deadline = deadline.min(Instant::now() + self.timeout);
        let permit = match self.permits.clone().try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => match timeout_at(deadline, self.permits.clone().acquire_owned()).await {
                Ok(Ok(permit)) => permit,
                _ => return Err(Error::Busy),
            },
        };
        let lease = |connection, born, used, permit| Lease {
            connection: Some(connection),
            pool: self.clone(),
            born,
            used,
            _permit: permit,
        };
        while let Some(mut idle) = self.take_idle() {
            let doubtful = idle.doubtful || idle.since.elapsed() > idle_for;
            if !doubtful || timeout(CHECK, C::answers(&mut idle.connection)).await.unwrap_or(false) {
                return Ok(lease(idle.connection, idle.born, true, permit));
            }
            self.connect.abandon(idle.connection);
            self.clear();
        }
        match timeout_at(deadline, self.connect.connect()).await {
            Ok(Ok(connection)) => Ok(lease(connection, Instant::now(), false, permit)),
            Ok(Err(unreachable)) => Err(Error::Unavailable(unreachable.message().to_owned())),
            Err(_) => Err(Error::Unavailable("the database server does not answer".to_owned())),
        }
    }

    /// Throws away what is idle: one of them turned out dead, or all know what is no longer so.
    pub(crate) fn clear(&self) {
        self.idle().clear();
    }

    /// Has what is idle asked before it is lent: one of them does not answer, and that may be the way to all.
    pub(crate) fn doubt(&self) {
        self.idle().iter_mut().for_each(|idle| idle.doubtful = true);
    }

    fn take_idle(&self) -> Option<Idle<C::Connection>> {
        let mut idle = self.idle();
        while let Some(last) = idle.pop() {
            if C::is_open(&last.connection) && last.born.elapsed() < AGE && last.since.elapsed() < IDLE {
                return Some(last);
            }
        }
        None
    }

    fn put(&self, connection: C::Connection, born: Instant) {
        let mut idle = self.idle();
        // The first one has been idle the longest.
        if idle.first().is_some_and(|first| first.since.elapsed() > IDLE) {
            idle.remove(0);
        }
        idle.push(Idle { connection, since: Instant::now(), born, doubtful: false });
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle<C::Connection>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C: Connect> Lease<C> {
    /// The connection.
    pub(crate) fn get(&self) -> &C::Connection {
        self.connection.as_ref().expect("a lease has its connection until it ends")
    }

    /// Gives it back, to be lent again.
    pub(crate) fn give_back(mut self) {
        if let Some(connection) = self.connection.take().filter(C::is_open) {
            self.pool.put(connection, self.born);
        }
    }
}

impl<C: Connect> Drop for Lease<C> {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.pool.connect.abandon(connection);
        }
    }
}
