//! Servers that follow the database: what only looks is read there.
//!
//! How far each has come is asked for every second, beside the requests. Of the database itself it is remembered when
//! it stood where, so that a follower that has come so far is known to be no older than that moment, by one clock. One
//! that is too far behind, away, or no follower of this database is left out; what it fails to answer the database
//! answers. Whoever has just written says where the database stood then, and reads only where that has arrived.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, timeout};

use super::pool::{Connect, Pool};
use super::server::{Server, Transactions};
use crate::error::Error;
use crate::plan::{Answer, Ask, Plan};

tokio::task_local! {
    /// Where the database stood when those who ask last wrote.
    static SEEN: Mark;
}

/// How often followers are asked how far they have come, where somebody reads.
const EVERY: Duration = Duration::from_secs(1);
/// The same while none can be read from.
const EVERY_IN_VAIN: Duration = Duration::from_millis(100);
/// How long such a question may take.
const QUESTION: Duration = Duration::from_secs(2);

/// A place in the sequence of all that is ever written to a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark(pub u64);

impl Mark {
    /// Before everything.
    pub const FIRST: Mark = Mark(0);
    /// After everything: no follower has come so far.
    pub const LAST: Mark = Mark(u64::MAX);
}

/// Runs what only looks. Its reads may be answered by a replica that has all that was written up to `seen` and is no
/// older than the settings allow; outside of this, and in tasks that it spawns, all is read from the database itself.
pub async fn looking<T>(seen: Mark, looks: impl Future<Output = T>) -> T {
    SEEN.scope(seen, looks).await
}

/// Of what one looks within [`looking`].
pub(crate) fn seen() -> Option<Mark> {
    SEEN.try_with(|seen| *seen).ok()
}

/// What a server says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Which database it is, whatever its address.
    pub(crate) system: String,
    /// Whether it follows another.
    pub(crate) follows: bool,
    /// How far it has come.
    pub(crate) mark: Mark,
}

/// A database whose followers can be asked how far they have come.
pub(crate) trait Follows: Transactions {
    fn standing(connection: &Self::Connection) -> impl Future<Output = Result<Standing, Error>> + Send;
}

/// The followers of a database.
pub(crate) struct Replicas<C: Connect> {
    list: Vec<Replica<C>>,
    /// How old what is read there may be.
    lag: Duration,
    turn: AtomicUsize,
    /// When the database itself stood where, the latest last.
    past: Mutex<VecDeque<(Instant, Mark)>>,
    asked: Mutex<Option<Instant>>,
    asking: AtomicBool,
    /// Reads that they answered.
    served: AtomicU64,
}

struct Replica<C: Connect> {
    place: String,
    pool: Arc<Pool<C>>,
    state: Mutex<State>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// It has come so far, and so is no older than that moment.
    Has(Mark, Instant),
    Out,
}

impl<C: Connect> Replicas<C> {
    /// With the places of servers and how they are connected to; nothing of them is known yet.
    pub(crate) fn new(pools: Vec<(String, Arc<Pool<C>>)>, lag: Duration) -> Replicas<C> {
        let of = |(place, pool)| Replica { place, pool, state: Mutex::new(State::Out) };
        Replicas {
            list: pools.into_iter().map(of).collect(),
            lag,
            turn: AtomicUsize::new(0),
            past: Mutex::default(),
            asked: Mutex::default(),
            asking: AtomicBool::new(false),
            served: AtomicU64::new(0),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// How many have come so far.
    pub(crate) fn count(&self, seen: Mark) -> usize {
        self.list.iter().filter(|replica| self.can(replica, seen)).count()
    }

    pub(crate) fn served(&self) -> u64 {
        self.served.load(Ordering::Relaxed)
    }

    /// One that has come so far, in turn.
    fn choose(&self, seen: Mark) -> Option<&Replica<C>> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let in_turn = (0..self.list.len()).map(|at| &self.list[(turn + at) % self.list.len()]);
        in_turn.into_iter().find(|replica| self.can(replica, seen))
    }

    fn can(&self, replica: &Replica<C>, seen: Mark) -> bool {
        match *lock(&replica.state) {
            State::Has(mark, at) => mark >= seen && at.elapsed() <= self.lag,
            State::Out => false,
        }
    }

    /// Whether it is time to ask again; then whoever is told so does.
    fn is_due(&self) -> bool {
        let every = if self.count(Mark::FIRST) > 0 { EVERY } else { EVERY_IN_VAIN };
        let asked = lock(&self.asked).is_none_or(|asked| asked.elapsed() >= every);
        asked && !self.asking.swap(true, Ordering::AcqRel)
    }

    /// The moment at which the database itself stood no further than this.
    fn moment(&self, mark: Mark) -> Option<Instant> {
        lock(&self.past).iter().rev().find(|(_, stood)| *stood <= mark).map(|(at, _)| *at)
    }

    fn remember(&self, at: Instant, mark: Mark) {
        let mut past = lock(&self.past);
        while past.front().is_some_and(|(at, _)| at.elapsed() > self.lag) {
            past.pop_front();
        }
        past.push_back((at, mark));
    }
}

impl<C: Connect> Replica<C> {
    fn leave_out(&self, why: &str) {
        let was = std::mem::replace(&mut *lock(&self.state), State::Out);
        if was != State::Out {
            tracing::warn!(replica = self.place, "a replica is left out: {why}");
        }
    }

    fn take_in(&self, mark: Mark, at: Instant) {
        let was = std::mem::replace(&mut *lock(&self.state), State::Has(mark, at));
        if was == State::Out {
            tracing::info!(replica = self.place, "a replica is read from");
        }
    }
}

impl<T: Follows> Server<T> {
    /// Runs a plan in one snapshot of a follower that has come as far as `seen`, or else of the database itself.
    pub(crate) async fn look(
        self: &Arc<Self>,
        plan: &Plan,
        ask: Ask<'_>,
        seen: Mark,
    ) -> Result<Answer, Error> {
        if self.replicas.is_due() {
            let server = self.clone();
            tokio::spawn(async move { server.ask_replicas().await });
        }
        if let Some(replica) = self.replicas.choose(seen) {
            // The other half of the time is the database's own.
            let deadline = Instant::now() + self.read_timeout / 2;
            match self.read_from(&replica.pool, plan, ask, deadline).await {
                Ok(answer) => {
                    self.replicas.served.fetch_add(1, Ordering::Relaxed);
                    return Ok(answer);
                }
                Err(error @ Error::TooManyRows(_)) => return Err(error),
                Err(error @ (Error::Unavailable(_) | Error::TimedOut(_))) => {
                    replica.leave_out(&error.to_string());
                }
                // It has too much to do, removed rows that were being read, or does not have the tables of today.
                Err(error) => tracing::debug!(replica = replica.place, "a replica did not answer: {error}"),
            }
        }
        self.read(plan, ask).await
    }

    /// Where the database stands now.
    pub(crate) async fn mark(&self) -> Result<Mark, Error> {
        let own = standing::<T>(&self.writers).await?;
        // Of one that follows another itself it is not known what of its place is its own.
        Ok(if own.follows { Mark::LAST } else { own.mark })
    }

    /// Asks the database and all its followers how far they have come.
    pub(crate) async fn ask_replicas(&self) {
        let at = Instant::now();
        // A follower can be known to be young enough for a while after the database was last heard of.
        let own = standing::<T>(&self.readers).await.ok().filter(|own| !own.follows);
        if let Some(own) = &own {
            self.replicas.remember(at, own.mark);
        }
        join_all(self.replicas.list.iter().map(async |replica| match standing::<T>(&replica.pool).await {
            Err(error) => replica.leave_out(&error.to_string()),
            Ok(found) if !found.follows => replica.leave_out("it follows nobody"),
            Ok(found) if own.as_ref().is_some_and(|own| own.system != found.system) => {
                replica.leave_out("it follows another database");
            }
            Ok(found) => match self.replicas.moment(found.mark) {
                Some(at) => replica.take_in(found.mark, at),
                None => replica.leave_out("it is too far behind"),
            },
        }))
        .await;
        *lock(&self.replicas.asked) = Some(Instant::now());
        self.replicas.asking.store(false, Ordering::Release);
    }
}

async fn standing<T: Follows>(pool: &Arc<Pool<T>>) -> Result<Standing, Error> {
    let lease = pool.lend(Instant::now() + QUESTION).await?;
    let asked = timeout(QUESTION, T::standing(lease.get())).await;
    let standing = asked.unwrap_or(Err(Error::TimedOut(QUESTION)))?;
    lease.give_back();
    Ok(standing)
}

fn lock<V>(mutex: &Mutex<V>) -> MutexGuard<'_, V> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
