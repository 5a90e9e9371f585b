//! `purlin seed`: rows for development, from `seeds/` or out of thin air.

use std::time::Instant;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use purlin_engine::seed::{Growth, SeedError};
use purlin_engine::{Actor, Engine};
use purlin_schema::FieldId;
use purlin_schema::load::seeds::{self, SeedValue};

use super::user::told;
use super::{SiteFolder, small_runtime};
use crate::error::{CommandError, Outcome};
use crate::terminal;

/// Load `seeds/`, or grow a site with plausible rows
///
/// Without --scale: loads the files of `seeds/` into the models that have no records yet.
/// With --scale N: adds N plausible rows to each model that refers to no other, ten times as many to
/// those that refer to these, and fifty times beyond; the same for the same --seed.
#[derive(Args)]
#[command(verbatim_doc_comment)]
#[command(after_help = "\
Examples:
  purlin seed
  purlin seed --scale 1000               1,000 users, 10,000 posts, 50,000 comments
  purlin seed examples/blog --scale 10 --seed 7")]
pub(super) struct Arguments {
    #[command(flatten)]
    site: SiteFolder,
    /// Grow the site by so many rows of each model that refers to no other
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    scale: Option<u32>,
    /// What the rows are drawn from
    #[arg(long, value_name = "NUMBER", default_value_t = 1, requires = "scale")]
    seed: u64,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let engine = arguments.site.engine()?;
    let runtime = small_runtime()?;
    match arguments.scale {
        Some(scale) => runtime.block_on(grow(&engine, Growth { scale, seed: arguments.seed })),
        None => runtime.block_on(load(&engine)),
    }
}

async fn load(engine: &Engine) -> Outcome {
    if seeds::list(&engine.site().root, &engine.site().models)?.is_empty() {
        return Err(CommandError::new("there is nothing in `seeds/`").hint(
            "a file `seeds/posts.toml` has rows as `[[posts]]`; or `purlin seed --scale 100` makes some up",
        ));
    }
    load_seeds(engine).await
}

/// Loads `seeds/` and says what that did.
pub(crate) async fn load_seeds(engine: &Engine) -> Outcome {
    let began = Instant::now();
    let seeded = engine.load_seeds(|_, _| {}).await.map_err(seed_error)?;
    let pen = terminal::err();
    if !seeded.filled.is_empty() {
        let counts: Vec<String> =
            seeded.filled.iter().map(|(model, count)| format!("{count} {model}")).collect();
        let time = pen.dim(format_args!("in {} ms", began.elapsed().as_millis()));
        pen.line(format_args!("{} {} {time}", pen.good("seeded"), counts.join(", ")));
    }
    if !seeded.left_alone.is_empty() {
        let models = seeded.left_alone.join(", ");
        pen.line(format_args!("{} {models}: there are records already", pen.dim("left alone")));
    }
    Ok(())
}

fn seed_error(error: SeedError) -> CommandError {
    match error {
        SeedError::Files(mistakes) => CommandError::Site(mistakes),
        SeedError::Rows { rows } => {
            let lines: Vec<String> = rows.iter().map(ToString::to_string).collect();
            CommandError::new(lines.join("\n       "))
        }
        SeedError::Failed(failure) => told(&failure),
    }
}

async fn grow(engine: &Engine, growth: Growth) -> Outcome {
    let began = Instant::now();
    let rows: usize = growth.plan(engine).iter().map(|(_, rows)| rows).sum();
    let pen = terminal::err();
    let bar = ProgressBar::new(u64::try_from(rows).unwrap_or(u64::MAX));
    let style = ProgressStyle::with_template("{msg:16} {wide_bar} {human_pos}/{human_len} rows, {eta} left");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let result = engine
        .grow(growth, |model, rows| {
            if bar.message() != model {
                bar.set_message(model.to_owned());
            }
            bar.inc(u64::try_from(rows).unwrap_or_default());
        })
        .await;
    bar.finish_and_clear();
    result.map_err(|error| {
        CommandError::new(error)
            .hint("rows that were written before this stay; a default or a wider limit may help")
    })?;
    let time = format!("{:.1} s", began.elapsed().as_secs_f64());
    for (model, rows) in growth.plan(engine) {
        pen.line(format_args!("  {rows} {}", engine.site().models.get(model).name));
    }
    pen.line(format_args!("{} {rows} rows {}", pen.good("Added"), pen.dim(format_args!("in {time}"))));
    Ok(())
}

/// The accounts of `seeds/users.*` that are in the database, one for each role: e-mail, password, role.
pub(crate) async fn demo_accounts(engine: &Engine) -> Vec<Vec<String>> {
    let models = &engine.site().models;
    let users = models.users();
    let Ok(files) = seeds::list(&engine.site().root, models) else { return Vec::new() };
    let mut accounts: Vec<Vec<String>> = Vec::new();
    let rows = files.iter().filter(|file| file.model == users.id).filter_map(|file| file.rows(models).ok());
    for row in rows.flatten().flatten() {
        let text = |name: &str| {
            let field = users.field_named(name).map_or(FieldId::ID, |field| field.id);
            row.values.iter().find(|(known, _)| *known == field).and_then(|(_, value)| match value {
                SeedValue::Value(value) => value.as_text().map(str::to_owned),
                _ => None,
            })
        };
        let (Some(email), Some(password)) = (text("email"), text("password")) else { continue };
        let role = text("role").unwrap_or_else(|| "user".to_owned());
        let is_known = accounts.iter().any(|account| account.last() == Some(&role));
        if !is_known && is_there(engine, &email).await {
            accounts.push(vec![email, password, role]);
        }
    }
    accounts
}

async fn is_there(engine: &Engine, email: &str) -> bool {
    let users = engine.site().models.users().id;
    let parameters = [("email".to_owned(), email.to_lowercase()), ("fields".to_owned(), "id".to_owned())];
    let found = engine.list(&Actor::Owner, users, &parameters).await;
    found.is_ok_and(|found| !found.set.rows.is_empty())
}
