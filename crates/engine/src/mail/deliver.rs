//! Sending what is due: claimed by one process, tried once, and noted.
//!
//! A claim is an update that demands the version which was read, and moves the mail's next time to the end of a lease. So
//! of several processes on one database one has it; and where that one dies, another takes it when the lease is over.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use purlin_schema::{FieldId, Id, Row, Shape, Value};
use purlin_store::mutation::{Action, Refusal};
use purlin_store::{Error, Mutation};
use tokio::task::JoinSet;

use super::transport::NotSent;
use super::{Letter, MailFields};
use crate::{Engine, Failure};

/// How long a mail is its claimant's.
const LEASE_MICROS: i64 = 5 * 60 * 1_000_000;
/// How long after the first, the second … try the next one comes, in minutes.
const BACK_OFF_MINUTES: [i64; 8] = [1, 5, 15, 60, 180, 360, 720, 1_440];
const MINUTE_MICROS: i64 = 60 * 1_000_000;
/// How often the task looks by itself: for retries, and for mails of other processes.
const LOOK: Duration = Duration::from_secs(10);
/// How often what is over is cleared out, in looks.
const LOOKS_TO_CLEAR: u32 = 360;

/// Sends mails as they come, and clears out what is over; `engine` gives the engine in force.
pub async fn send_for_ever(engine: impl Fn() -> Engine + Send) -> Infallible {
    let mut looks = 0_u32;
    loop {
        let current = engine();
        match current.send_due().await {
            // There may be more.
            Ok(tried) if tried > 0 => continue,
            Ok(_) => {}
            Err(failure) => tracing::error!(%failure, "mails cannot be looked for"),
        }
        if looks.is_multiple_of(LOOKS_TO_CLEAR)
            && let Err(failure) = current.clear_out().await
        {
            tracing::error!(%failure, "what is over cannot be cleared out");
        }
        let rung = tokio::time::timeout(LOOK, current.inner.options.outbox.0.bell.notified()).await;
        looks = if rung.is_err() { looks.wrapping_add(1) } else { looks.max(1) };
    }
}

/// A mail that is ours for the time of a lease.
struct Claimed {
    id: Id,
    version: i64,
    attempts: i64,
    expires_at: i64,
    letter: Letter,
}

impl Engine {
    /// Tries each mail that is due, once; gives how many were tried.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn send_due(&self) -> Result<usize, Failure> {
        let room = &self.inner.mail_room;
        let params = [("state".to_owned(), Value::from("waiting"))];
        let set = self.rows(&room.due, &params).await?;
        let mut sending = JoinSet::new();
        for row in &set.rows {
            let Some(claimed) = self.claim(&set.shape, row).await? else { continue };
            let engine = self.clone();
            sending.spawn(async move {
                let room = &engine.inner.mail_room;
                let sent = match claimed.expires_at < engine.now() {
                    true => Err(NotSent { for_good: true, message: "it came too late".to_owned() }),
                    false => {
                        room.transport.send(&claimed.letter, &room.from, &engine.inner.options.outbox).await
                    }
                };
                engine.settle(&claimed, sent).await
            });
        }
        let mut tried = 0;
        while let Some(settled) = sending.join_next().await {
            settled.map_err(|error| Failure::Internal(error.to_string()))??;
            tried += 1;
        }
        Ok(tried)
    }

    async fn claim(&self, shape: &Shape, row: &Arc<Row>) -> Result<Option<Claimed>, Failure> {
        let room = &self.inner.mail_room;
        let int = |field: FieldId| shape.value(row, field).and_then(Value::as_int).unwrap_or_default();
        let Some(id) = shape.value(row, FieldId::ID).and_then(Value::as_id) else { return Ok(None) };
        let attempts = int(room.fields.attempts) + 1;
        let expires_at = match shape.value(row, room.fields.expires_at) {
            Some(Value::Datetime(at)) => *at,
            _ => 0,
        };
        let values = vec![
            (room.fields.attempts, Value::Int(attempts)),
            (room.fields.due_at, Value::Datetime(self.now() + LEASE_MICROS)),
        ];
        let version = self.note(id, int(FieldId::VERSION), values).await?;
        Ok(version.map(|version| Claimed {
            id,
            version,
            attempts,
            expires_at,
            letter: room.letter(shape, row),
        }))
    }

    /// Notes what came of a try.
    async fn settle(&self, mail: &Claimed, sent: Result<(), NotSent>) -> Result<(), Failure> {
        let fields = &self.inner.mail_room.fields;
        let now = self.now();
        let (id, template) = (Value::from(mail.id).to_text(), mail.letter.template.as_str());
        let attempt = mail.attempts;
        let values = match sent {
            Ok(()) => {
                tracing::info!(mail = %id, template, attempt, "mail sent");
                self.sent(fields, now)
            }
            Err(not) => {
                let delay = usize::try_from(attempt - 1).ok().and_then(|at| BACK_OFF_MINUTES.get(at));
                let next = delay.map(|minutes| now + minutes * MINUTE_MICROS);
                let next = next.filter(|next| !not.for_good && *next < mail.expires_at);
                let error = (fields.error, Value::from(not.message.as_str()));
                match next {
                    Some(next) => {
                        let minutes = (next - now) / MINUTE_MICROS;
                        tracing::warn!(mail = %id, template, attempt, error = %not.message, next_in_minutes = minutes, "mail not sent");
                        vec![error, (fields.due_at, Value::Datetime(next))]
                    }
                    None => {
                        tracing::error!(mail = %id, template, attempt, error = %not.message, "mail given up");
                        vec![error, (fields.state, Value::from("dead"))]
                    }
                }
            }
        };
        if self.note(mail.id, mail.version, values).await?.is_none() {
            tracing::warn!(mail = %id, template, "this mail's lease was over before it was noted");
        }
        Ok(())
    }

    /// The links in a mail open accounts: what was sent is kept without them, but where its author looks on.
    fn sent(&self, fields: &MailFields, now: i64) -> Vec<(FieldId, Value)> {
        let mut values = vec![
            (fields.state, Value::from("sent")),
            (fields.sent_at, Value::Datetime(now)),
            (fields.error, Value::Null),
        ];
        if !self.is_dev() {
            values.extend([(fields.text, Value::Null), (fields.html, Value::Null)]);
        }
        values
    }

    /// Changes a mail that still has this version; gives its new one, or nothing where another was faster.
    async fn note(
        &self,
        id: Id,
        version: i64,
        values: Vec<(FieldId, Value)>,
    ) -> Result<Option<i64>, Failure> {
        let action =
            Action::Update { id, if_version: Some(version), values, merges: Vec::new(), links: Vec::new() };
        let mutation = Mutation::new(self.inner.mail_room.model, action, self.now());
        match self.store().commit(vec![mutation]).await {
            Ok(outcomes) => Ok(outcomes.first().map(|outcome| outcome.version)),
            Err(Error::Refused { refusals, .. })
                if matches!(refusals.first(), Some(Refusal::VersionMismatch | Refusal::NotFound)) =>
            {
                Ok(None)
            }
            Err(error) => Err(crate::records::failed(error)),
        }
    }
}
