//! `cargo xtask test`: all that must hold before a change lands, in the order of what fails fastest.
//!
//! Formatting, tidiness, lints, then every test (unit, integration, scenarios, documentation examples), the store's on
//! the database servers that there are too, then the documentation itself. Nothing is hidden elsewhere: continuous integration calls this and nothing more.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::{Outcome, databases, say, tidy};

/// Programs that some tests drive, and the Debian packages that bring them.
const PROGRAMS: &[(&str, &str)] = &[("chromium", "chromium"), ("chromedriver", "chromium-driver")];

/// Runs everything; `--fast` leaves out the documentation and the browser.
pub(crate) fn run(arguments: &[String]) -> Outcome {
    let fast = match arguments {
        [] => false,
        [only] if only == "--fast" => true,
        _ => return Err("usage: cargo xtask test [--fast]".into()),
    };
    let begun = Instant::now();
    step("formatting", cargo(&["fmt", "--all", "--check"]))?;
    tidy::run(&[])?;
    if !fast {
        install_programs();
    }
    step("lints", cargo(&["clippy", "--workspace", "--all-targets", "--quiet", "--", "--deny", "warnings"]))?;
    let mut tests = cargo(&["test", "--workspace"]);
    if fast {
        tests.env("PURLIN_TEST_BROWSER", "off");
    }
    step("tests", tests)?;
    databases::run(step, cargo)?;
    if !fast {
        let mut docs = cargo(&["doc", "--workspace", "--no-deps", "--quiet"]);
        docs.env("RUSTDOCFLAGS", "--deny warnings");
        step("documentation", docs)?;
    }
    say(&format!("all of it passed in {:.0} s", begun.elapsed().as_secs_f64()));
    Ok(())
}

fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments);
    command
}

fn step(name: &str, mut command: Command) -> Outcome {
    say(&format!("── {name}"));
    let begun = Instant::now();
    let status = command.stdin(Stdio::null()).status()?;
    if !status.success() {
        return Err(format!("{name} failed").into());
    }
    say(&format!("   {name}: {:.0} s", begun.elapsed().as_secs_f64()));
    Ok(())
}

/// Installs the programs that tests drive, where this machine has Debian's packages; tests say when one is missing.
fn install_programs() {
    let missing: Vec<&str> =
        PROGRAMS.iter().filter(|(program, _)| !on_path(program)).map(|(_, package)| *package).collect();
    if missing.is_empty() || !on_path("apt-get") {
        return;
    }
    say(&format!("── installing {}", missing.join(", ")));
    for arguments in [vec!["update", "-qq"], [vec!["install", "-y", "-qq"], missing].concat()] {
        let done = Command::new("apt-get")
            .args(&arguments)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status();
        if !done.is_ok_and(|status| status.success()) {
            say("   could not: the tests that need them will say that they were left out");
            return;
        }
    }
}

fn on_path(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| is_file(&folder, program)))
}

fn is_file(folder: &Path, program: &str) -> bool {
    folder.join(program).is_file()
}
