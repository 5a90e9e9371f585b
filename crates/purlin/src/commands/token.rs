//! `purlin token`: personal access tokens, from the command line of whoever owns the site.

use clap::{Args, Subcommand};
use purlin_engine::Engine;
use purlin_engine::accounts::NewToken;
use purlin_schema::Id;
use purlin_schema::value::format_datetime;

use super::user::{find, told};
use super::{SiteFolder, small_runtime};
use crate::error::{Outcome, counted};
use crate::terminal;

/// Make, list and end personal access tokens, by which programs use the API
#[derive(Args)]
#[command(subcommand_required = true, arg_required_else_help = true, disable_help_subcommand = true)]
#[command(after_help = "\
Examples:
  purlin user create --email robot@example.com --role editor --no-password
  purlin token create --email robot@example.com --name deploy --scopes \"posts:read posts:create\"
  purlin token list --email robot@example.com
  purlin token end --email robot@example.com --id 7")]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make a token; it is printed once, alone on standard output
    Create {
        #[command(flatten)]
        site: SiteFolder,
        /// Whose account it acts for
        #[arg(long)]
        email: String,
        /// What it is for
        #[arg(long)]
        name: String,
        /// What it may do: models and verbs as `posts:read comments:write`, or `*:*`
        #[arg(long)]
        scopes: String,
        /// For how many days it lives
        #[arg(long, default_value_t = 90)]
        days: u32,
    },
    /// List an account's tokens
    List {
        #[command(flatten)]
        site: SiteFolder,
        /// Whose
        #[arg(long)]
        email: String,
    },
    /// End a token
    End {
        #[command(flatten)]
        site: SiteFolder,
        /// Whose
        #[arg(long)]
        email: String,
        /// Which, as `purlin token list` numbers them
        #[arg(long)]
        id: i64,
    },
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let runtime = small_runtime()?;
    match &arguments.command {
        Command::Create { site, email, name, scopes, days } => {
            let new = NewToken { name, scopes, days: Some(i64::from(*days)) };
            runtime.block_on(create(&site.engine()?, email, &new))
        }
        Command::List { site, email } => runtime.block_on(list(&site.engine()?, email)),
        Command::End { site, email, id } => runtime.block_on(end(&site.engine()?, email, *id)),
    }
}

async fn create(engine: &Engine, email: &str, new: &NewToken<'_>) -> Outcome {
    let account = find(engine, email).await?;
    let (secret, token) = engine.make_token(account.id, new).await.map_err(|failure| told(&failure))?;
    let (out, err) = (terminal::out(), terminal::err());
    let day = format_datetime(token.expires_at);
    err.line(format_args!(
        "{} `{}` for {email}: {}, until {}. It is shown once:",
        err.good("Created"),
        token.name,
        token.scopes,
        day.get(..10).unwrap_or(&day)
    ));
    out.line(secret);
    Ok(())
}

async fn list(engine: &Engine, email: &str) -> Outcome {
    let account = find(engine, email).await?;
    let tokens = engine.tokens_of(account.id).await.map_err(|failure| told(&failure))?;
    let day = |at: i64| format_datetime(at).get(..10).unwrap_or_default().to_owned();
    let heads = ["ID", "NAME", "SCOPES", "CREATED", "LAST USED", "ENDS"];
    let mut rows = vec![heads.map(str::to_owned).to_vec()];
    for token in &tokens {
        rows.push(vec![
            token.id.to_string(),
            token.name.clone(),
            token.scopes.clone(),
            day(token.created_at),
            token.seen_at.map_or_else(|| "never".to_owned(), day),
            day(token.expires_at),
        ]);
    }
    let pen = terminal::out();
    for (number, line) in terminal::table(&rows).into_iter().enumerate() {
        pen.line(if number == 0 { pen.dim(line) } else { line });
    }
    terminal::err().line(terminal::err().dim(counted(tokens.len(), "token")));
    Ok(())
}

async fn end(engine: &Engine, email: &str, id: i64) -> Outcome {
    let account = find(engine, email).await?;
    engine.end_token(account.id, Id::Int(id)).await.map_err(|failure| told(&failure))?;
    let pen = terminal::out();
    pen.line(format_args!("{} the token {id} of {email}", pen.good("Ended")));
    Ok(())
}
