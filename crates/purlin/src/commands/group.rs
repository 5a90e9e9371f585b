//! `purlin group`: who is in which group, from the command line of whoever owns the site.

use clap::{Args, Subcommand};
use purlin_engine::Engine;

use super::user::{all, find, told};
use super::{SiteFolder, as_argument, small_runtime};
use crate::error::{Outcome, counted};
use crate::{site, terminal};

/// Put accounts into groups and take them out; a group carries roles, as `[groups]` in site.toml says
#[derive(Args)]
#[command(subcommand_required = true, arg_required_else_help = true, disable_help_subcommand = true)]
#[command(after_help = "\
Examples:
  purlin group list
  purlin group add --group desk --email ada@example.com
  purlin group remove --group desk --email ada@example.com")]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// List the groups, the roles that they carry and who is in them
    List {
        #[command(flatten)]
        site: SiteFolder,
    },
    /// Put an account into a group; it has the group's roles from its next request on
    Add(Membership),
    /// Take an account out of a group
    Remove(Membership),
}

#[derive(Args)]
struct Membership {
    #[command(flatten)]
    site: SiteFolder,
    /// Which group
    #[arg(long)]
    group: String,
    /// Whose account
    #[arg(long)]
    email: String,
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    let runtime = small_runtime()?;
    match &arguments.command {
        Command::List { site } => runtime.block_on(list(&open(site)?)),
        Command::Add(membership) => runtime.block_on(change(membership, true)),
        Command::Remove(membership) => runtime.block_on(change(membership, false)),
    }
}

fn open(site: &SiteFolder) -> Outcome<Engine> {
    site::engine_for_command(&site.site, &as_argument(&site.site))
}

async fn list(engine: &Engine) -> Outcome {
    let groups = engine.site().settings.roles.groups().clone();
    let mut rows = vec![["GROUP", "ROLES", "MEMBERS"].map(str::to_owned).to_vec()];
    let accounts = if groups.is_empty() { Vec::new() } else { all(engine).await? };
    for (group, roles) in &groups {
        let members = engine.group_members(group).await.map_err(|failure| told(&failure))?;
        let names = accounts.iter().filter(|account| members.contains(&account.id));
        let names: Vec<&str> = names.map(|account| account.email.as_str()).collect();
        rows.push(vec![group.clone(), roles.join(", "), names.join(", ")]);
    }
    let pen = terminal::out();
    for (number, line) in terminal::table(&rows).into_iter().enumerate() {
        pen.line(if number == 0 { pen.dim(line) } else { line });
    }
    terminal::err().line(terminal::err().dim(counted(groups.len(), "group")));
    Ok(())
}

async fn change(membership: &Membership, joins: bool) -> Outcome {
    let Membership { site, group, email } = membership;
    let engine = open(site)?;
    let account = find(&engine, email).await?;
    let changed = match joins {
        true => engine.join_group(account.id, group).await,
        false => engine.leave_group(account.id, group).await,
    };
    let pen = terminal::out();
    match changed {
        Ok(()) if joins => pen.line(format_args!("{} {email} is in {group}", pen.good("Changed"))),
        Ok(()) => pen.line(format_args!("{} {email} is not in {group} any more", pen.good("Changed"))),
        Err(purlin_engine::Failure::NotFound) => {
            return Err(crate::error::CommandError::new(format_args!("{email} is not in {group}")));
        }
        Err(failure) => return Err(told(&failure)),
    }
    Ok(())
}
