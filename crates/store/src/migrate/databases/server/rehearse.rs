//! Trying a plan and taking it back: for how long it keeps others waiting, on these rows.
//!
//! A lock is held from the step that takes it to the end of the transaction, so that is what is measured. A step
//! that waits for others is given up at once, and the whole after a second: whoever looks at a plan must not stop a
//! site. MySQL takes no change of a table back, so nothing is tried there.

use std::time::Instant;

use super::super::TRIAL;
use super::Server;
use super::steps::{Size, Step, steps};
use super::words::Lock;
use crate::migrate::diff::MigrationPlan;
use crate::migrate::error::MigrateError;
use crate::migrate::report::{Held, HeldTime};

const LIMITS: &str = "SET LOCAL lock_timeout = '200ms'; SET LOCAL statement_timeout = '1s'";

impl Server {
    pub(super) fn rehearse_steps(&self, plan: &MigrationPlan) -> Result<Vec<Held>, MigrateError> {
        let sizes = self.sizes()?;
        let made = steps(&*self.words, &plan.from, &plan.operations, &sizes, self.limits.large);
        let (steps, _) = made.map_err(MigrateError::Plan)?;
        let times = if self.words.is_transactional() { self.try_steps(&steps)? } else { Vec::new() };
        let mut list: Vec<Held> = Vec::new();
        for (at, step) in steps.iter().enumerate() {
            let size = sizes.get(&step.table).copied();
            // A table that comes with the migration has no users yet.
            let (Some(size), true) = (size, step.lock() != Lock::Nobody || step.beside) else { continue };
            let time = times.get(at).copied().flatten().unwrap_or_else(|| untried(size));
            let whom = step.whom();
            let same = |held: &&mut Held| {
                held.operation == step.text && held.table == step.table && held.whom == whom
            };
            match list.iter_mut().find(same) {
                Some(held) => held.time = longer(held.time, time),
                None => {
                    list.push(Held { operation: step.text.clone(), table: step.table.clone(), whom, time });
                }
            }
        }
        Ok(list)
    }

    /// For how long each step's lock would be held; nothing where it was not tried.
    fn try_steps(&self, steps: &[Step]) -> Result<Vec<Option<HeldTime>>, MigrateError> {
        self.link.run("BEGIN")?;
        let began = Instant::now();
        let mut taken = vec![None; steps.len()];
        let mut whole = true;
        let tried = self.link.run(LIMITS);
        for (at, step) in steps.iter().enumerate().filter(|(_, step)| !step.beside) {
            if tried.is_err() || began.elapsed() > TRIAL {
                break;
            }
            taken[at] = Some(Instant::now());
            // Who or what is in the way now says nothing of how long it takes; that is told by applying it.
            if self.perform(step).is_err() {
                whole = false;
                break;
            }
        }
        let ended = Instant::now();
        self.link.run("ROLLBACK")?;
        let given_up = ended - began >= TRIAL;
        let held = |taken: Option<Instant>| match (taken, given_up, whole) {
            (Some(taken), true, _) => Some(HeldTime::Longer(ended - taken)),
            (Some(taken), false, true) => Some(HeldTime::Measured(ended - taken)),
            _ => None,
        };
        Ok(taken.into_iter().map(held).collect())
    }
}

impl Step {
    fn whom(&self) -> String {
        match self.lock() {
            _ if self.beside => "done beside its users".to_owned(),
            lock => lock.to_string(),
        }
    }
}

fn untried(size: Size) -> HeldTime {
    HeldTime::Untried { rows: size.rows, megabytes: size.bytes >> 20 }
}

fn longer(one: HeldTime, other: HeldTime) -> HeldTime {
    match (one, other) {
        (HeldTime::Measured(one), HeldTime::Measured(other)) => HeldTime::Measured(one.max(other)),
        (HeldTime::Longer(one), HeldTime::Longer(other)) => HeldTime::Longer(one.max(other)),
        (HeldTime::Measured(_), other) => other,
        (one, _) => one,
    }
}
