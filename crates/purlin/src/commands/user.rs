//! `purlin user`: accounts, from the command line of whoever owns the site.

use std::io::{IsTerminal, Read};

use clap::{Args, Subcommand};
use purlin_engine::records::Fields;
use purlin_engine::{Actor, Engine, Failure};
use purlin_schema::{Field, FieldId, Id, Value};
use serde_json::{Map, json};

use super::{SiteFolder, small_runtime};
use crate::error::{CommandError, Outcome, counted};
use crate::terminal;

/// Create accounts, list them, and change passwords and roles
#[derive(Args)]
#[command(subcommand_required = true, arg_required_else_help = true, disable_help_subcommand = true)]
#[command(after_help = "\
Examples:
  purlin user create --email ada@example.com --role admin
  purlin user create /srv/blog --email bo@example.com --set name=Bo --password-stdin < password.txt
  purlin user role --email ada@example.com --role editor
  purlin user list")]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make an account; the password is asked for
    Create {
        #[command(flatten)]
        site: SiteFolder,
        /// The address to sign in with
        #[arg(long)]
        email: String,
        /// `user`, `admin`, or one of the site's own roles
        #[arg(long, default_value = "user")]
        role: String,
        /// Set a field of the site's own on the account; may be given several times
        #[arg(long = "set", value_name = "FIELD=VALUE", value_parser = super::key_and_value)]
        fields: Vec<(String, String)>,
        #[command(flatten)]
        password: MaybePassword,
    },
    /// List the accounts
    List {
        #[command(flatten)]
        site: SiteFolder,
        /// Only those with this role
        #[arg(long)]
        role: Option<String>,
    },
    /// Set a new password and end the account's sessions
    Password {
        #[command(flatten)]
        site: SiteFolder,
        /// Whose
        #[arg(long)]
        email: String,
        #[command(flatten)]
        password: PasswordSource,
    },
    /// Invite somebody: a link for an account with a role; printed where no mail can be sent
    Invite {
        #[command(flatten)]
        site: SiteFolder,
        /// The address that the link is for
        #[arg(long)]
        email: String,
        /// `user`, `admin`, or one of the site's own roles
        #[arg(long, default_value = "user")]
        role: String,
    },
    /// Suspend an account: it is signed out everywhere, its tokens end, and nobody signs in to it
    Suspend {
        #[command(flatten)]
        site: SiteFolder,
        /// Whose
        #[arg(long)]
        email: String,
        /// Lift it
        #[arg(long)]
        lift: bool,
    },
    /// Say what second factors an account has, or take them off
    SecondStep {
        #[command(flatten)]
        site: SiteFolder,
        /// Whose
        #[arg(long)]
        email: String,
        /// Take off the authenticator app and the recovery codes: for whoever lost them
        #[arg(long)]
        remove: bool,
    },
    /// Give an account another role
    Role {
        #[command(flatten)]
        site: SiteFolder,
        /// Whose
        #[arg(long)]
        email: String,
        /// `user`, `admin`, or one of the site's own roles
        #[arg(long)]
        role: String,
    },
}

#[derive(Args)]
struct PasswordSource {
    /// Read the password from standard input, its first line
    #[arg(long)]
    password_stdin: bool,
}

/// A password, or none.
#[derive(Args)]
struct MaybePassword {
    #[command(flatten)]
    source: PasswordSource,
    /// Make an account that nobody signs in to: programs use it by `purlin token`
    #[arg(long, conflicts_with = "password_stdin")]
    no_password: bool,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let runtime = small_runtime()?;
    match &arguments.command {
        Command::Create { site, email, role, fields, password } => {
            let engine = site.engine()?;
            // What is wrong besides is told before anybody types a password twice.
            let account = runtime.block_on(proposed(&engine, email, role, fields))?;
            let password = if password.no_password { None } else { Some(password.source.read(&engine)?) };
            runtime.block_on(create(&engine, account, password.as_deref()))
        }
        Command::List { site, role } => runtime.block_on(list(&site.engine()?, role.as_deref())),
        Command::Password { site, email, password } => {
            let engine = site.engine()?;
            let account = runtime.block_on(find(&engine, email))?;
            let password = password.read(&engine)?;
            runtime.block_on(set_password(&engine, &account, &password))
        }
        Command::SecondStep { site, email, remove } => {
            runtime.block_on(second_step(&site.engine()?, email, *remove))
        }
        Command::Invite { site, email, role } => runtime.block_on(invite(&site.engine()?, email, role)),
        Command::Suspend { site, email, lift } => runtime.block_on(suspend(&site.engine()?, email, !lift)),
        Command::Role { site, email, role } => runtime.block_on(set_role(&site.engine()?, email, role)),
    }
}

/// An account as it is listed.
pub(super) struct Account {
    pub(super) id: Id,
    pub(super) email: String,
    role: String,
    created: String,
}

/// An account as it is to be made, but for its password.
async fn proposed(
    engine: &Engine,
    email: &str,
    role: &str,
    fields: &[(String, String)],
) -> Outcome<Map<String, serde_json::Value>> {
    let users = engine.site().models.users().clone();
    let mut map = Map::new();
    for (name, text) in fields {
        let field = users
            .field_named(name)
            .ok_or_else(|| CommandError::new(format_args!("`users` has no field `{name}`")))?;
        let value = field
            .ty
            .from_text(field, text)
            .map_err(|problem| CommandError::new(format_args!("`{name}` {}", problem.message)))?;
        let mut bytes = Vec::new();
        purlin_schema::value::write_json(&value, field.big, &mut bytes);
        map.insert(name.clone(), serde_json::from_slice(&bytes).map_err(CommandError::new)?);
    }
    map.insert("email".to_owned(), json!(email));
    map.insert("role".to_owned(), json!(role));
    let missing = |field: &&Field| {
        let is_needed = field.required && field.default.is_none() && field.from.is_none();
        is_needed && !field.is_system() && field.name != "password" && !map.contains_key(&field.name)
    };
    if let Some(field) = users.fields.iter().find(missing) {
        return Err(CommandError::new(format_args!("`{}` is required", field.name))
            .hint(format_args!("`--set {}=…` sets it", field.name)));
    }
    if let Some(field) =
        users.field_named("role").filter(|field| !field.choices.iter().any(|known| known == role))
    {
        return Err(CommandError::new(format_args!("`role` is none of {}", field.choices.join(", "))));
    }
    if !accounts(engine, Some(("email", &email.trim().to_lowercase()))).await?.is_empty() {
        return Err(CommandError::new(format_args!("there is an account with the email {email} already")));
    }
    Ok(map)
}

async fn create(
    engine: &Engine,
    mut account: Map<String, serde_json::Value>,
    password: Option<&str>,
) -> Outcome {
    if let Some(password) = password {
        account.insert("password".to_owned(), json!(password));
    }
    let users = engine.site().models.users().id;
    engine.create(&Actor::Owner, users, Fields::Json(&account)).await.map_err(|failure| told(&failure))?;
    let pen = terminal::out();
    let text = |name: &str| account.get(name).and_then(serde_json::Value::as_str).unwrap_or_default();
    pen.line(format_args!("{} {} with the role {}", pen.good("Created"), text("email"), text("role")));
    Ok(())
}

async fn list(engine: &Engine, role: Option<&str>) -> Outcome {
    let pen = terminal::out();
    let mut rows = vec![vec!["EMAIL".to_owned(), "ROLE".to_owned(), "CREATED".to_owned()]];
    let accounts = accounts(engine, role.map(|role| ("role", role))).await?;
    let count = accounts.len();
    for account in accounts {
        rows.push(vec![account.email, account.role, account.created]);
    }
    for (number, line) in terminal::table(&rows).into_iter().enumerate() {
        pen.line(if number == 0 { pen.dim(line) } else { line });
    }
    terminal::err().line(terminal::err().dim(counted(count, "account")));
    Ok(())
}

async fn set_password(engine: &Engine, account: &Account, password: &str) -> Outcome {
    let ended = sessions(engine, account.id).await?;
    change(engine, account, "password", password).await?;
    let pen = terminal::out();
    let sessions =
        if ended > 0 { format!(", and ended {}", counted(ended, "session")) } else { String::new() };
    pen.line(format_args!("{} the password of {}{sessions}", pen.good("Changed"), account.email));
    Ok(())
}

async fn set_role(engine: &Engine, email: &str, role: &str) -> Outcome {
    let account = find(engine, email).await?;
    change(engine, &account, "role", role).await?;
    let pen = terminal::out();
    pen.line(format_args!("{} {}: {} is now {role}", pen.good("Changed"), account.email, account.role));
    Ok(())
}

async fn second_step(engine: &Engine, email: &str, remove: bool) -> Outcome {
    let account = find(engine, email).await?;
    let pen = terminal::out();
    if remove {
        let had = engine.remove_factors(account.id).await.map_err(|failure| told(&failure))?;
        match had {
            true => pen.line(format_args!("{} the second step of {}", pen.good("Removed"), account.email)),
            false => pen.line(format_args!("{} has no second step", account.email)),
        }
        return Ok(());
    }
    let factors = engine.factors_of(account.id).await.map_err(|failure| told(&failure))?;
    let app = if factors.app { "an authenticator app" } else { "no authenticator app" };
    let codes = counted(factors.recovery_codes, "recovery code");
    pen.line(format_args!("{}: {app}, {codes}", account.email));
    Ok(())
}

async fn invite(engine: &Engine, email: &str, role: &str) -> Outcome {
    let invited = engine.invite(&Actor::Owner, email, role, "").await.map_err(|failure| told(&failure))?;
    let (out, err) = (terminal::out(), terminal::err());
    let invitation = invited.invitation;
    match invited.link {
        None => out.line(format_args!("{} {} as {}", out.good("Invited"), invitation.email, invitation.role)),
        Some(link) => {
            err.line(format_args!(
                "{} {} as {}; no mail can be sent, so give this link on. It works once, for a week:",
                err.good("Invited"),
                invitation.email,
                invitation.role
            ));
            out.line(link);
        }
    }
    Ok(())
}

async fn suspend(engine: &Engine, email: &str, suspended: bool) -> Outcome {
    let account = find(engine, email).await?;
    let users = engine.site().models.users().id;
    let mut map = Map::new();
    map.insert("suspended".to_owned(), json!(suspended));
    let changed = engine.update(&Actor::Owner, users, account.id, None, Fields::Json(&map)).await;
    changed.map_err(|failure| told(&failure))?;
    let pen = terminal::out();
    match suspended {
        true => {
            pen.line(format_args!("{} {email}, and ended all sessions and tokens", pen.good("Suspended")));
        }
        false => pen.line(format_args!("{} {email}", pen.good("Lifted the suspension of"))),
    }
    Ok(())
}

async fn change(engine: &Engine, account: &Account, field: &str, value: &str) -> Outcome {
    let users = engine.site().models.users().id;
    let mut map = Map::new();
    map.insert(field.to_owned(), json!(value));
    let changed = engine.update(&Actor::Owner, users, account.id, None, Fields::Json(&map)).await;
    changed.map_err(|failure| told(&failure))?;
    Ok(())
}

/// How many sessions and tokens a user has: those that a new password ends.
async fn sessions(engine: &Engine, user: Id) -> Outcome<usize> {
    let Some(sessions) = engine.site().models.named("_sessions").map(|model| model.id) else { return Ok(0) };
    let parameters = [("user", user.to_string()), ("per_page", "1".to_owned()), ("total", "true".to_owned())]
        .map(|(name, value)| (name.to_owned(), value));
    let page = engine.list(&Actor::Owner, sessions, &parameters).await.map_err(|failure| told(&failure))?;
    Ok(page.set.total.and_then(|total| usize::try_from(total).ok()).unwrap_or_default())
}

pub(super) async fn find(engine: &Engine, email: &str) -> Outcome<Account> {
    let address = email.trim().to_lowercase();
    accounts(engine, Some(("email", &address))).await?.pop().ok_or_else(|| {
        CommandError::new(format_args!("there is no account with the address {email}"))
            .hint("`purlin user list` shows them")
    })
}

/// Which of these addresses have an account in the database that the site names; none where it cannot be looked at.
pub(super) fn known_addresses(
    site: &std::sync::Arc<purlin_schema::Site>,
    emails: &[String],
) -> Option<Vec<String>> {
    let store = crate::site::open_store(site).ok()?;
    let options = crate::site::options(false, [0; 32].into(), std::sync::Arc::new(crate::site::AnyAsset));
    let engine = Engine::open(site.clone(), store, options).ok()?;
    let runtime = small_runtime().ok()?;
    let known = |email: &&String| {
        let found = runtime.block_on(accounts(&engine, Some(("email", email.as_str()))));
        found.is_ok_and(|found| !found.is_empty())
    };
    Some(emails.iter().filter(known).cloned().collect())
}

/// Every account.
pub(super) async fn all(engine: &Engine) -> Outcome<Vec<Account>> {
    accounts(engine, None).await
}

async fn accounts(engine: &Engine, only: Option<(&str, &str)>) -> Outcome<Vec<Account>> {
    let users = engine.site().models.users().clone();
    let value = |name: &str| users.field_named(name).map(|field| field.id);
    let mut all = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let mut parameters = vec![
            ("fields".to_owned(), "id,email,role,created_at".to_owned()),
            ("per_page".to_owned(), "100".to_owned()),
        ];
        parameters.extend(only.map(|(name, value)| (name.to_owned(), value.to_owned())));
        parameters.extend(cursor.take().map(|cursor| ("cursor".to_owned(), cursor)));
        let page =
            engine.list(&Actor::Owner, users.id, &parameters).await.map_err(|failure| told(&failure))?;
        for row in &page.set.rows {
            let text = |field: Option<FieldId>| {
                field
                    .and_then(|field| page.set.shape.value(row, field))
                    .map(Value::to_text)
                    .unwrap_or_default()
            };
            let Some(id) = page.set.shape.value(row, FieldId::ID).and_then(Value::as_id) else { continue };
            let created = text(Some(FieldId::CREATED_AT));
            let created = created.get(..16).unwrap_or(&created).replace('T', " ");
            all.push(Account { id, email: text(value("email")), role: text(value("role")), created });
        }
        match page.next {
            Some(next) => cursor = Some(next),
            None => return Ok(all),
        }
    }
}

impl PasswordSource {
    /// The password: asked for twice on a terminal, else the first line of standard input where that was said.
    fn read(&self, engine: &Engine) -> Outcome<String> {
        if self.password_stdin {
            return from_standard_input();
        }
        if !std::io::stdin().is_terminal() {
            return Err(CommandError::new("there is no terminal to ask for the password on")
                .hint("`--password-stdin` reads it from standard input"));
        }
        let ask = |question: &str| rpassword::prompt_password(question).map_err(CommandError::new);
        let password = ask("Password (nothing is shown): ")?;
        let field = engine.site().models.users().field_named("password");
        let least = field.and_then(|field| field.min.as_ref()).and_then(Value::as_int).unwrap_or_default();
        if i64::try_from(password.chars().count()).is_ok_and(|length| length < least) {
            return Err(CommandError::new(format_args!("the password is shorter than {least} characters")));
        }
        if ask("The same again: ")? != password {
            return Err(CommandError::new("the two passwords differ; nothing was changed"));
        }
        Ok(password)
    }
}

fn from_standard_input() -> Outcome<String> {
    let mut text = String::new();
    std::io::stdin()
        .lock()
        .take(64 * 1024)
        .read_to_string(&mut text)
        .map_err(|error| CommandError::new(format_args!("the password cannot be read: {error}")))?;
    match text.lines().next() {
        Some(line) if !line.is_empty() => Ok(line.to_owned()),
        _ => Err(CommandError::new("standard input is empty; its first line is the password")),
    }
}

/// A failure of the engine as its owner reads it.
pub(super) fn told(failure: &Failure) -> CommandError {
    match failure {
        Failure::Invalid(messages) => {
            let lines = messages.iter().map(|message| match message.field.as_str() {
                "" => message.message.clone(),
                field => format!("`{field}` {}", message.message),
            });
            let required =
                messages.iter().find(|message| message.code == "required" && !message.field.is_empty());
            let error = CommandError::new(lines.collect::<Vec<_>>().join("\n       "));
            match required {
                Some(message) => error.hint(format_args!("`--set {}=…` sets it", message.field)),
                None => error,
            }
        }
        failure => CommandError::new(failure),
    }
}
