//! `cargo xtask audit`: what the dependencies drag in, by cargo-deny and cargo-machete.
//!
//! Apart from the tests because the two take minutes to install. Advisories are checked only where their
//! database can be reached; where it cannot, that is said and the rest is checked.

use std::process::{Command, Stdio};

use crate::{Outcome, say};

/// Installs what is missing, then checks licences, bans, sources and unused dependencies.
pub(crate) fn audit(arguments: &[String]) -> Outcome {
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
    run_cargo(&["deny", "check", "--hide-inclusion-graph", "licenses", "bans", "sources"])?;
    if run_cargo(&["deny", "fetch", "db"]).is_ok() {
        run_cargo(&["deny", "--offline", "check", "--hide-inclusion-graph", "advisories"])?;
    } else {
        say("   advisories: NOT checked, their database cannot be reached from here");
    }
    // By its own name: as `cargo machete` it takes that word for a folder while another cargo's variables are set.
    run(Command::new("cargo-machete").arg("."))
}

fn run_cargo(arguments: &[&str]) -> Outcome {
    run(Command::new("cargo").args(arguments))
}

fn run(command: &mut Command) -> Outcome {
    let status = command.stdin(Stdio::null()).status()?;
    if status.success() { Ok(()) } else { Err(format!("{command:?} failed").into()) }
}
