//! `purlin audit`: what the audit log keeps, the latest first.

use clap::Args;
use purlin_engine::{Actor, Engine};
use purlin_schema::Value;
use serde_json::json;

use super::user::{all, told};
use super::{SiteFolder, as_argument, small_runtime};
use crate::error::{CommandError, Outcome, counted};
use crate::{site, terminal};

/// List who did what to which record when, the latest first
///
/// `[audit] log` in site.toml says what is kept: "security" (what happens to accounts), "all" (every write
/// besides) or "off".
#[derive(Args)]
#[command(verbatim_doc_comment)]
#[command(after_help = "\
Examples:
  purlin audit
  purlin audit --user ada@example.com --since 2026-01-01
  purlin audit --model posts --record 7 --json
  purlin audit --event sign_in_failed --limit 100")]
pub(super) struct Arguments {
    #[command(flatten)]
    site: SiteFolder,
    /// Only what this account did, or an administrator who acted as it; an address or an id
    #[arg(long)]
    user: Option<String>,
    /// Only this event: sign_in, sign_in_failed, role_changed, create, update, delete …
    #[arg(long)]
    event: Option<String>,
    /// Only what was done to records of this model
    #[arg(long)]
    model: Option<String>,
    /// Only what was done to the record with this id
    #[arg(long)]
    record: Option<String>,
    /// Only from this day or time on, in UTC
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only before this day or time, in UTC
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// How many at most
    #[arg(long, default_value_t = 50)]
    limit: usize,
    /// Print a JSON object a line
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let runtime = small_runtime()?;
    let engine = site::engine_for_command(&arguments.site.site, &as_argument(&arguments.site.site))?;
    runtime.block_on(list(&engine, arguments))
}

/// What is shown of an entry, in this order.
const COLUMNS: [&str; 10] =
    ["created_at", "event", "model", "record", "user", "acting", "way", "address", "request", "changes"];

async fn list(engine: &Engine, arguments: &Arguments) -> Outcome {
    let accounts: Vec<(String, String)> = all(engine)
        .await?
        .into_iter()
        .map(|account| (Value::from(account.id).to_text(), account.email))
        .collect();
    let rows = entries(engine, arguments, &accounts).await?;
    let pen = terminal::out();
    if arguments.json {
        for row in &rows {
            let mut object = serde_json::Map::new();
            for (name, text) in COLUMNS.iter().zip(row) {
                let value = match *name {
                    "changes" => serde_json::from_str(text).unwrap_or(json!(null)),
                    _ if text.is_empty() => json!(null),
                    _ => json!(text),
                };
                object.insert((*name).to_owned(), value);
            }
            pen.line(serde_json::Value::Object(object));
        }
        return Ok(());
    }
    let named = |id: &str| {
        let known = accounts.iter().find(|(known, _)| known == id);
        known.map_or_else(|| id.to_owned(), |(_, email)| email.clone())
    };
    let mut table = vec![["TIME", "EVENT", "WHAT", "BY", "FROM", "CHANGES"].map(str::to_owned).to_vec()];
    for row in &rows {
        let [at, event, model, record, user, acting, way, address, _, changes] = row;
        let by = match (user.as_str(), acting.as_str()) {
            ("", "") => format!("({way})"),
            (user, "") => named(user),
            (user, acting) => format!("{} as {}", named(acting), named(user)),
        };
        let what = if record.is_empty() { model.clone() } else { format!("{model}/{record}") };
        let at = at.get(..19).unwrap_or(at).replace('T', " ");
        table.push(vec![at, event.clone(), what, by, address.clone(), summary(changes)]);
    }
    for (number, line) in terminal::table(&table).into_iter().enumerate() {
        pen.line(if number == 0 { pen.dim(line) } else { line });
    }
    terminal::err().line(terminal::err().dim(counted(rows.len(), "entry")));
    Ok(())
}

/// The changes in a line: `title: "Old" → "New"`.
fn summary(changes: &str) -> String {
    let Ok(serde_json::Value::Object(changes)) = serde_json::from_str(changes) else { return String::new() };
    let short = |value: &serde_json::Value| {
        let text = match value {
            serde_json::Value::Null => "–".to_owned(),
            serde_json::Value::String(text) => text.escape_debug().to_string(),
            other => other.to_string(),
        };
        match text.char_indices().nth(40) {
            Some((at, _)) => format!("{}…", &text[..at]),
            None => text,
        }
    };
    let parts = changes.iter().map(|(name, pair)| {
        let [old, new] = [0, 1].map(|at| short(pair.get(at).unwrap_or(&serde_json::Value::Null)));
        if old == "–" { format!("{name}: {new}") } else { format!("{name}: {old} → {new}") }
    });
    parts.collect::<Vec<_>>().join(", ")
}

async fn entries(
    engine: &Engine,
    arguments: &Arguments,
    accounts: &[(String, String)],
) -> Outcome<Vec<[String; 10]>> {
    let log = engine
        .site()
        .models
        .named("_audit")
        .ok_or_else(|| CommandError::new("the site has no audit log"))?
        .clone();
    let mut common = vec![("sort".to_owned(), "-id".to_owned())];
    let mut filters = Vec::new();
    if let Some(user) = &arguments.user {
        let address = user.trim().to_lowercase();
        let id = accounts.iter().find(|(id, email)| *email == address || *id == address);
        let (id, _) = id.ok_or_else(|| {
            CommandError::new(format_args!("there is no account {user}"))
                .hint("`purlin user list` shows them")
        })?;
        filters.push(format!("(this.user == \"{id}\" || acting == \"{id}\")"));
    }
    for (name, value) in
        [("event", &arguments.event), ("model", &arguments.model), ("record", &arguments.record)]
    {
        if let Some(value) = value {
            common.push((name.to_owned(), value.clone()));
        }
    }
    for (operator, time) in [(">=", &arguments.since), ("<", &arguments.until)] {
        if let Some(time) = time {
            let time = purlin_schema::value::parse_datetime_or_local(time)
                .or_else(|| purlin_schema::value::parse_datetime_or_local(&format!("{time}T00:00:00")))
                .ok_or_else(|| {
                    CommandError::new(format_args!("`{time}` is no day or time"))
                        .hint("write 2026-01-31 or 2026-01-31T12:00")
                })?;
            let time = purlin_schema::value::format_datetime(time);
            filters.push(format!("created_at {operator} timestamp(\"{time}\")"));
        }
    }
    if !filters.is_empty() {
        common.push(("filter".to_owned(), filters.join(" && ")));
    }
    let mut rows = Vec::new();
    let mut cursor: Option<String> = None;
    while rows.len() < arguments.limit {
        let mut parameters = common.clone();
        let page = (arguments.limit - rows.len()).min(100);
        parameters.push(("per_page".to_owned(), page.to_string()));
        parameters.extend(cursor.take().map(|cursor| ("cursor".to_owned(), cursor)));
        let found =
            engine.list(&Actor::Owner, log.id, &parameters).await.map_err(|failure| told(&failure))?;
        for row in &found.set.rows {
            rows.push(COLUMNS.map(|name| {
                let field = log.field_named(name).map(|field| field.id);
                field
                    .and_then(|field| found.set.shape.value(row, field))
                    .map(Value::to_text)
                    .unwrap_or_default()
            }));
        }
        match found.next {
            Some(next) => cursor = Some(next),
            None => break,
        }
    }
    Ok(rows)
}
