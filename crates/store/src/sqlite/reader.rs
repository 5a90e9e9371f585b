//! Reading: short reads on the thread that asks, long ones on the pool.
//!
//! Each thread keeps a session of its own for each database that it reads. A read runs there under a small
//! budget of time; what goes beyond is interrupted, and run again by the [pool](super::pool), which keeps the
//! runtime's threads free. A query that was too long once goes to the pool at once, until it is short again.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use purlin_schema::Inputs;

use super::open::Files;
use super::pool::Pool;
use super::run::{self, Stopped};
use super::session::Session;
use crate::error::Error;
use crate::plan::{Answer, Ask, Plan, StepArgs};
use crate::read::Captured;

/// How long a read may keep a thread of the runtime.
const BUDGET: Duration = Duration::from_millis(5);

thread_local! {
    static SESSIONS: RefCell<Vec<(Weak<Reader>, Session)>> = const { RefCell::new(Vec::new()) };
}

/// Reads one database.
pub(crate) struct Reader {
    files: Files,
    timeout: Duration,
    pool: Pool,
}

impl Reader {
    pub(crate) fn new(files: Files, timeout: Duration) -> Arc<Reader> {
        let pool = Pool::new(files.clone());
        Arc::new(Reader { files, timeout, pool })
    }

    /// Runs a plan.
    pub(crate) async fn read(self: &Arc<Reader>, plan: &Plan, ask: Ask<'_>) -> Result<Answer, Error> {
        let slow = plan.steps.iter().any(|step| step.query.slow.load(Ordering::Relaxed));
        if !slow {
            match self.inline(plan, ask.inputs, ask.steps) {
                Ok(answer) => return Ok(answer),
                Err(Stopped::Failed(error)) => return Err(error),
                Err(Stopped::Interrupted) => {}
            }
        }
        self.pooled(plan, ask).await
    }

    fn inline(
        self: &Arc<Reader>,
        plan: &Plan,
        inputs: &(dyn Inputs + Sync),
        steps: &[StepArgs],
    ) -> Result<Answer, Stopped> {
        let session = match self.take() {
            Some(session) => session,
            None => Session::reader(&self.files)?,
        };
        let (answer, session) = guarded(session, plan, inputs, steps, BUDGET);
        if let Some(session) = session {
            self.put(session);
        }
        answer
    }

    async fn pooled(self: &Arc<Reader>, plan: &Plan, ask: Ask<'_>) -> Result<Answer, Error> {
        let inputs = Captured::of(plan, ask.inputs);
        let (plan, steps, timeout) = (plan.clone(), ask.steps.to_vec(), self.timeout);
        let asked = std::time::Instant::now();
        let answer = self.pool.run(move |session| {
            let left = timeout.saturating_sub(asked.elapsed());
            if left.is_zero() {
                return (Err(Error::TimedOut(timeout)), Some(session));
            }
            let begun = std::time::Instant::now();
            let (answer, session) = guarded(session, &plan, &inputs, &steps, left);
            let slow = begun.elapsed() > BUDGET;
            for step in &plan.steps {
                step.query.slow.store(slow, Ordering::Relaxed);
            }
            let answer = answer.map_err(|stopped| match stopped {
                Stopped::Interrupted => Error::TimedOut(timeout),
                Stopped::Failed(error) => error,
            });
            (answer, session)
        });
        answer.await?
    }

    /// This thread's session, out of its place, so that a panic cannot leave a broken one there.
    fn take(self: &Arc<Reader>) -> Option<Session> {
        SESSIONS.with_borrow_mut(|sessions| {
            let at = sessions.iter().position(|(of, _)| std::ptr::eq(of.as_ptr(), Arc::as_ptr(self)))?;
            Some(sessions.swap_remove(at).1)
        })
    }

    fn put(self: &Arc<Reader>, session: Session) {
        SESSIONS.with_borrow_mut(|sessions| {
            if sessions.iter().any(|(of, _)| of.strong_count() == 0) {
                sessions.retain(|(of, _)| of.strong_count() > 0);
            }
            sessions.push((Arc::downgrade(self), session));
        });
    }
}

/// Runs a plan under a budget. A session in which something panicked is not given back.
fn guarded(
    session: Session,
    plan: &Plan,
    inputs: &(dyn Inputs + Sync),
    steps: &[StepArgs],
    budget: Duration,
) -> (Result<Answer, Stopped>, Option<Session>) {
    session.allow(budget);
    let run = catch_unwind(AssertUnwindSafe(|| run::plan(&session, plan, inputs, steps)));
    match run {
        Ok(answer) => {
            let sound = answer.is_ok() || session.abandon().is_ok();
            (answer, sound.then_some(session))
        }
        Err(_) => (Err(Stopped::Failed(Error::Database("a read panicked".to_owned()))), None),
    }
}
