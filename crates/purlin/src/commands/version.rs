//! `purlin version`.

use clap::Args;

use crate::error::Outcome;
use crate::terminal;

/// Print the version
#[derive(Args)]
#[command(after_help = "\
Examples:
  purlin version")]
pub(super) struct Arguments {}

pub(super) fn run(_: &Arguments) -> Outcome {
    terminal::out().line(format_args!("purlin {}", env!("CARGO_PKG_VERSION")));
    Ok(())
}
