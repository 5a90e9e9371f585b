//! `purlin secrets`: what nobody but the site's owner reads, kept encrypted beside the site.

use std::io::{IsTerminal, Read};
use std::path::Path;

use clap::{Args, Subcommand};

use super::SiteFolder;
use crate::error::{CommandError, Outcome};
use crate::vault::{FILE, Opener, Vault};
use crate::{secret, terminal};

/// Keep secrets encrypted beside the site, and replace keys
///
/// `site.toml` names them, as in `password = { secret = "smtp_password" }`. `secrets.toml` is encrypted and can be
/// committed; its key is made in `data/secrets.key`, which is not, or given in the variable PURLIN_SECRETS_KEY.
#[derive(Args)]
#[command(verbatim_doc_comment)]
#[command(subcommand_required = true, arg_required_else_help = true, disable_help_subcommand = true)]
#[command(after_help = "\
Examples:
  purlin secrets set smtp_password
  purlin secrets set smtp_password /srv/blog --stdin < password.txt
  purlin secrets list
  purlin secrets rotate          a new signing key; the old one is believed for 30 days")]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Keep a secret; it is asked for
    Set {
        /// What it is called in `site.toml`
        #[arg(value_name = "NAME", value_parser = name)]
        name: String,
        #[command(flatten)]
        site: SiteFolder,
        /// Read the secret from standard input, without the end of its last line
        #[arg(long)]
        stdin: bool,
    },
    /// List the names of the secrets
    List {
        #[command(flatten)]
        site: SiteFolder,
    },
    /// Forget a secret
    Remove {
        /// Which
        #[arg(value_name = "NAME")]
        name: String,
        #[command(flatten)]
        site: SiteFolder,
    },
    /// Encrypt the secrets with a new key
    Rekey {
        #[command(flatten)]
        site: SiteFolder,
    },
    /// Sign with a new key from the next start on; what the old one signed is believed for a time
    Rotate {
        #[command(flatten)]
        site: SiteFolder,
        /// For how many days
        #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(0..=3650))]
        days: u32,
    },
}

pub(super) fn run(arguments: &Arguments) -> Outcome {
    match &arguments.command {
        Command::Set { name, site, stdin } => set(&site.site, name, *stdin),
        Command::List { site } => {
            let vault = Vault::read(&site.site)?.unwrap_or_default();
            vault.names().for_each(|name| terminal::out().line(name));
            Ok(())
        }
        Command::Remove { name, site } => {
            let mut vault = Vault::read(&site.site)?.unwrap_or_default();
            if !vault.remove(name) {
                return Err(CommandError::new(format_args!("there is no secret `{name}`")));
            }
            vault.write(&site.site)
        }
        Command::Rekey { site } => rekey(&site.site),
        Command::Rotate { site, days } => rotate(&site.site, *days),
    }
}

fn set(root: &Path, name: &str, stdin: bool) -> Outcome {
    if !root.is_dir() {
        return Err(CommandError::new(format_args!("there is no folder {}", root.display())));
    }
    let mut vault = Vault::read(root)?.unwrap_or_default();
    let (opener, is_new) = match Opener::find(root)? {
        Some(opener) => (opener, false),
        None => (Opener::make()?, true),
    };
    let value = if stdin { from_stdin()? } else { asked(name)? };
    if value.is_empty() {
        return Err(CommandError::new("the secret is empty"));
    }
    vault.set(&opener, name, &value)?;
    let pen = terminal::out();
    if is_new {
        opener.keep(root)?;
        let path = Opener::path(root);
        pen.line(format_args!("Made the key {}: keep a copy of it, and commit it nowhere.", path.display()));
    }
    vault.write(root)?;
    pen.line(format_args!("Kept. `site.toml` names it as {{ secret = \"{name}\" }}."));
    Ok(())
}

fn rekey(root: &Path) -> Outcome {
    if Opener::is_variable() {
        return Err(CommandError::new("the key stands in PURLIN_SECRETS_KEY, where no other can be put")
            .hint("unset it and put the key into `data/secrets.key`, then try again"));
    }
    let nothing =
        || CommandError::new(format_args!("there is no {FILE}, so there is nothing to encrypt again"));
    let vault = Vault::read(root)?.ok_or_else(nothing)?;
    let opener = Opener::find(root)?.ok_or_else(|| CommandError::new("there is no key"))?;
    let other = Opener::make()?;
    let vault = vault.under(&opener, &other)?;
    // Where the process dies between the two, the old key is beside the new one.
    let old = Opener::path(root).with_extension("key.old");
    secret::write_for_owner(&old, &secret::read_if_there(&Opener::path(root))?.unwrap_or_default())?;
    other.keep(root)?;
    vault.write(root)?;
    let _ = std::fs::remove_file(&old);
    terminal::out().line("Encrypted with a new key.");
    Ok(())
}

fn rotate(root: &Path, days: u32) -> Outcome {
    secret::rotate(root, crate::site::now(), days)?;
    terminal::out().line(format_args!(
        "Made a new signing key; what the old one signed is believed for {days} days. Restart the server."
    ));
    Ok(())
}

fn asked(name: &str) -> Outcome<String> {
    if !std::io::stdin().is_terminal() {
        return Err(CommandError::new("there is no terminal to ask for the secret")
            .hint("`--stdin` reads it from standard input"));
    }
    rpassword::prompt_password(format!("{name}: ")).map_err(CommandError::new)
}

fn from_stdin() -> Outcome<String> {
    let mut text = String::new();
    std::io::stdin()
        .take(64 * 1024)
        .read_to_string(&mut text)
        .map_err(|error| CommandError::new(format_args!("the secret cannot be read: {error}")))?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}

fn name(text: &str) -> Result<String, String> {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
    match !text.is_empty() && text.chars().all(plain) {
        true => Ok(text.to_owned()),
        false => Err("letters, digits, `_` and `-` make a name".to_owned()),
    }
}
