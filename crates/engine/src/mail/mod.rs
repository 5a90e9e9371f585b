//! The mail room: mails are written into the database by what causes them, in its transaction, and sent by a task.
//!
//! Nothing waits for a mail server in a request, and no mail is lost with a process: each is a row of `_mails`
//! until it is sent or given up. The guarantee is *at least once*: a process that dies between handing a mail over and
//! noting so leaves one that is sent again, with the same `Message-ID`, which receivers know it by.

mod clean;
mod deliver;
mod transport;

pub use deliver::send_for_ever;

use std::sync::{Arc, OnceLock};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use purlin_pages::mails::{Mails, Words};
use purlin_pages::view::Record;
use purlin_schema::expr::Comparison;
use purlin_schema::query::{Limit, SortKey};
use purlin_schema::{Diagnostics, FieldId, Id, Input, ModelId, Row, Shape, Site, Value};
use purlin_store::mutation::Action;
use purlin_store::{Mutation, Prepared, Store};
use tokio::sync::Notify;

use crate::access::and;
use crate::expressions::{compared_to_now, field_is, whole_records};
use crate::{Actor, Engine, Failure, Options};
use transport::Transport;

/// So many mails are sent side by side.
const AT_ONCE: u32 = 8;
/// A mail about nothing that ends is tried for so long.
pub(crate) const NOTICE_MICROS: i64 = 3 * 86_400_000_000;
/// How many mails an address gets in an hour, whoever causes them.
const MOST_AN_HOUR: usize = 5;
const HOUR_MICROS: i64 = 3_600_000_000;
/// The sender under `dev` where none is set; under `serve` one must be.
const NOBODY: &str = "nobody@localhost";

/// A mail.
#[derive(Clone, Debug)]
pub struct Letter {
    /// The template that it was made of: `reset`.
    pub template: String,
    /// To whom.
    pub recipient: String,
    /// Its subject.
    pub subject: String,
    /// Its text; empty once it was sent, but under `dev`.
    pub text: String,
    /// Its HTML; likewise.
    pub html: String,
    /// Its name among all mails there are (RFC 5322 §3.6.4).
    pub message_id: String,
}

/// A mail as the page under `dev` lists it.
pub struct Posted {
    /// Its id.
    pub id: Id,
    /// When it was written, in microseconds UTC.
    pub at: i64,
    /// `waiting`, `sent`, `dead`.
    pub state: String,
    /// What was wrong at the last try.
    pub error: String,
    /// The mail.
    pub letter: Letter,
}

/// What the engines of one process share about mail: a bell for the task that sends, and a terminal.
#[derive(Clone, Default)]
pub struct Outbox(Arc<Shared>);

type Show = Box<dyn Fn(&Letter) + Send + Sync>;

#[derive(Default)]
struct Shared {
    bell: Notify,
    show: OnceLock<Show>,
}

impl Outbox {
    /// An outbox that shows mails by this where the site's way is the terminal.
    pub fn showing(show: impl Fn(&Letter) + Send + Sync + 'static) -> Outbox {
        let outbox = Outbox::default();
        let _ = outbox.0.show.set(Box::new(show));
        outbox
    }

    fn show(&self, letter: &Letter) {
        if let Some(show) = self.0.show.get() {
            show(letter);
        }
    }
}

/// The mail room of an engine.
pub(crate) struct MailRoom {
    mails: Mails,
    transport: Transport,
    from: String,
    model: ModelId,
    fields: MailFields,
    due: Arc<Prepared>,
    recent: Arc<Prepared>,
    /// Mails to the address `Param("recipient")` since `Param("since")`.
    counted: Arc<Prepared>,
    cleared: Vec<clean::Cleared>,
}

#[derive(Clone, Copy)]
struct MailFields {
    state: FieldId,
    template: FieldId,
    recipient: FieldId,
    subject: FieldId,
    text: FieldId,
    html: FieldId,
    message_id: FieldId,
    attempts: FieldId,
    due_at: FieldId,
    expires_at: FieldId,
    sent_at: FieldId,
    error: FieldId,
}

/// A mail that is to be written.
pub(crate) struct Draft<'draft> {
    /// The template.
    pub(crate) template: &'static str,
    /// To whom.
    pub(crate) to: &'draft str,
    /// What the template sees.
    pub(crate) words: Words,
    /// The account, where its owner is signed in.
    pub(crate) user: Option<&'draft Record>,
    /// After which time it is of no use, in microseconds UTC.
    pub(crate) until: i64,
    /// Whether it is sent; where not, it is written all the same, so that nobody can tell by the time it takes.
    pub(crate) real: bool,
}

impl MailRoom {
    pub(crate) fn compile(
        site: &Arc<Site>,
        store: &Store,
        options: &Options,
    ) -> Result<MailRoom, Diagnostics> {
        let mails = Mails::load(site, options.assets.clone())?;
        let told = |message: String| {
            let mut mistakes = Diagnostics::default();
            mistakes.push(purlin_schema::Diagnostic::error("bad-setting", "site.toml", 0..0, message));
            mistakes
        };
        let transport = Transport::of(site).map_err(|message| told(format!("`mail.url` {message}")))?;
        let of_model = |error: purlin_store::CompileError| told(error.message);
        let models = &site.models;
        let model = models.named("_mails").ok_or_else(|| told("there is no outbox".to_owned()))?;
        let field = |name: &str| crate::accounts::field(model, name);
        let fields = || -> Result<MailFields, purlin_store::CompileError> {
            Ok(MailFields {
                state: field("state")?,
                template: field("template")?,
                recipient: field("recipient")?,
                subject: field("subject")?,
                text: field("text")?,
                html: field("html")?,
                message_id: field("message_id")?,
                attempts: field("attempts")?,
                due_at: field("due_at")?,
                expires_at: field("expires_at")?,
                sent_at: field("sent_at")?,
                error: field("error")?,
            })
        };
        let fields = fields().map_err(of_model)?;
        let is =
            |field: FieldId, name: &str| field_is(model, model.field(field), Input::Param(name.to_owned()));
        let waiting = and(
            Some(is(fields.state, "state")),
            Some(compared_to_now(model, fields.due_at, Comparison::LessOrEqual)),
        );
        let everything = compared_to_now(model, FieldId::CREATED_AT, Comparison::LessOrEqual);
        let path = |field: FieldId| purlin_schema::expr::Path {
            scope: 0,
            model: model.id,
            hops: Vec::new(),
            end: model.id,
            field,
        };
        let mut due = whole_records(model, everything.clone(), Limit::AtMost(AT_ONCE));
        due.filter = waiting;
        due.sort = vec![SortKey::by(path(fields.due_at), false)];
        let mut recent = whole_records(model, everything, Limit::AtMost(100));
        recent.sort = vec![SortKey::by(path(FieldId::ID), true)];
        let since = purlin_schema::Expr {
            kind: purlin_schema::expr::ExprKind::Input(Input::Param("since".to_owned())),
            ..field_is(model, model.field(FieldId::CREATED_AT), Input::Now)
        };
        let mut since_then = compared_to_now(model, FieldId::CREATED_AT, Comparison::Greater);
        if let purlin_schema::expr::ExprKind::Compare(_, _, right) = &mut since_then.kind {
            right.kind = since.kind;
        }
        let mut counted = whole_records(model, is(fields.recipient, "recipient"), Limit::AtMost(20));
        counted.filter = and(counted.filter.take(), Some(since_then));
        Ok(MailRoom {
            mails,
            transport,
            from: site.settings.mail.from.clone().unwrap_or_else(|| NOBODY.to_owned()),
            model: model.id,
            due: store.prepare(&due).map_err(of_model)?,
            recent: store.prepare(&recent).map_err(of_model)?,
            counted: store.prepare(&counted).map_err(of_model)?,
            cleared: clean::plans(models, store).map_err(of_model)?,
            fields,
        })
    }

    /// A mail as a row has it.
    fn letter(&self, shape: &Shape, row: &Row) -> Letter {
        let text =
            |field: FieldId| shape.value(row, field).and_then(Value::as_text).unwrap_or_default().to_owned();
        Letter {
            template: text(self.fields.template),
            recipient: text(self.fields.recipient),
            subject: text(self.fields.subject),
            text: text(self.fields.text),
            html: text(self.fields.html),
            message_id: text(self.fields.message_id),
        }
    }
}

impl Engine {
    /// A mail as a mutation, to be committed with what causes it.
    pub(crate) fn write_mail(&self, draft: &Draft<'_>, now: i64) -> Result<Mutation, Failure> {
        let room = &self.inner.mail_room;
        let rendered = room
            .mails
            .render(draft.template, &draft.words, draft.user, now)
            .map_err(|error| Failure::Template(Box::new(error)))?;
        let mut id = [0; 16];
        getrandom::fill(&mut id).map_err(|error| Failure::Internal(error.to_string()))?;
        let links = &self.site().settings.mail.links;
        let host = links.split_once("//").map_or("localhost", |(_, host)| host);
        let host = host.rsplit_once(':').map_or(host, |(host, _)| host).trim_matches(['[', ']']);
        let fields = &room.fields;
        let values = vec![
            (fields.state, Value::from(if draft.real { "waiting" } else { "void" })),
            (fields.template, Value::from(draft.template)),
            (fields.recipient, Value::from(draft.to)),
            (fields.subject, Value::from(rendered.subject)),
            (fields.text, Value::from(rendered.text)),
            (fields.html, Value::from(rendered.html)),
            (fields.message_id, Value::from(format!("<{}@{host}>", URL_SAFE_NO_PAD.encode(id)))),
            (fields.attempts, Value::Int(0)),
            (fields.due_at, Value::Datetime(now)),
            (fields.expires_at, Value::Datetime(draft.until)),
        ];
        Ok(Mutation::new(room.model, Action::Create { id: None, values, links: Vec::new() }, now))
    }

    /// Rings for the task that sends mails: some were committed.
    pub(crate) fn ring(&self) {
        self.inner.options.outbox.0.bell.notify_one();
    }

    /// Whether an address had as many mails within the hour as one gets.
    pub(crate) async fn has_mails_enough(&self, address: &str) -> Result<bool, Failure> {
        let params = [
            ("recipient".to_owned(), Value::from(address)),
            ("since".to_owned(), Value::Datetime(self.now() - HOUR_MICROS)),
        ];
        let room = &self.inner.mail_room;
        let set = self.rows(&room.counted, &params).await?;
        let real = |row: &&Arc<Row>| {
            set.shape.value(row, room.fields.state).and_then(Value::as_text) != Some("void")
        };
        Ok(set.rows.iter().filter(real).count() >= MOST_AN_HOUR)
    }

    /// The last mails, the newest first.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn posted(&self) -> Result<Vec<Posted>, Failure> {
        let room = &self.inner.mail_room;
        let set = self.rows(&room.recent, &[]).await?;
        let posted = set.rows.iter().filter_map(|row| {
            let text = |field: FieldId| {
                set.shape.value(row, field).and_then(Value::as_text).unwrap_or_default().to_owned()
            };
            let at = match set.shape.value(row, FieldId::CREATED_AT) {
                Some(Value::Datetime(at)) => *at,
                _ => 0,
            };
            Some(Posted {
                id: set.shape.value(row, FieldId::ID).and_then(Value::as_id)?,
                at,
                state: text(room.fields.state),
                error: text(room.fields.error),
                letter: room.letter(&set.shape, row),
            })
        });
        Ok(posted.filter(|posted| posted.state != "void").collect())
    }

    /// The rows of one of the engine's own queries.
    pub(crate) async fn rows(
        &self,
        prepared: &Arc<Prepared>,
        params: &[(String, Value)],
    ) -> Result<purlin_schema::RowSet, Failure> {
        let ask = crate::inputs::Ask { params, ..self.ask(&Actor::Owner) };
        let step = purlin_store::Step { name: "rows".to_owned(), query: prepared.clone(), must_exist: false };
        let plan = purlin_store::Plan { steps: vec![step] };
        let asked = purlin_store::Ask { inputs: &ask, steps: &[] };
        let mut answer = self.store().read(&plan, asked).await.map_err(crate::records::failed)?;
        answer.sets.pop().ok_or_else(|| Failure::Internal("a plan without an answer".to_owned()))
    }
}
