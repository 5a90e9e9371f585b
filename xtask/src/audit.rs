//! `cargo xtask audit`: what the dependencies drag in, by cargo-deny and cargo-machete.
//!
//! Apart from the tests because the two take minutes to install. Advisories are checked only where their
//! database can be reached; where it cannot, that is said and the rest is checked.

use std::process::{Command, Stdio};

use crate::{Outcome, say};

/// Installs what is missing, then checks licences, bans, sources and unused dependencies.
pub(crate) fn run(arguments: &[String]) -> Outcome {
    if !arguments.is_empty() {
        return Err("usage: cargo xtask audit".into());
    }
    for tool in ["cargo-deny", "cargo-machete"] {
        let known = Command::new(tool).arg("--version").stdout(Stdio::null()).status();
        if !known.is_ok_and(|status| status.success()) {
            say(&format!("── installing {tool}"));
            run_cargo(&["install", "--locked", tool])?;
        }
    }
    run_cargo(&["deny", "check", "licenses", "bans", "sources"])?;
    if run_cargo(&["deny", "check", "advisories"]).is_err() {
        say("   advisories: either there are some (above), or their database cannot be reached from here");
    }
    run_cargo(&["machete"])
}

fn run_cargo(arguments: &[&str]) -> Outcome {
    let status = Command::new("cargo").args(arguments).stdin(Stdio::null()).status()?;
    if status.success() { Ok(()) } else { Err(format!("cargo {} failed", arguments.join(" ")).into()) }
}
