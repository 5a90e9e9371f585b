//! `cargo xtask test`: all that must hold before a change lands, in the order of what fails fastest.
//!
//! Formatting, tidiness, lints, then every test (unit, integration, scenarios, documentation examples), the store's on
//! the database servers, too, then the documentation itself. Servers and browsers that are not there are installed where that
//! can be done. Nothing is hidden elsewhere: continuous integration calls this and nothing more.

use std::process::{Command, Stdio};
use std::time::Instant;

use crate::databases::Databases;
use crate::machine::{Machine, This};
use crate::{Outcome, say, tidy};

/// Programs that some tests drive, and the Debian packages that bring them.
const PROGRAMS: &[(&str, &str)] =
    &[("chromium", "chromium"), ("chromedriver", "chromium-driver"), ("oathtool", "oathtool")];

/// Runs everything; `--fast` leaves out the documentation and the browser, `--databases` all but what runs on each
/// database.
pub(crate) fn run(arguments: &[String]) -> Outcome {
    let fast = match arguments {
        [] => false,
        [only] if only == "--fast" => true,
        [only] if only == "--databases" => {
            let databases = Databases::provide();
            databases.run(step, cargo)?;
            databases.report();
            return Ok(());
        }
        _ => return Err("usage: cargo xtask test [--fast | --databases]".into()),
    };
    let begun = Instant::now();
    step("formatting", cargo(&["fmt", "--all", "--check"]))?;
    tidy::run(&[])?;
    if !fast {
        install_programs();
    }
    step("lints", cargo(&["clippy", "--workspace", "--all-targets", "--quiet", "--", "--deny", "warnings"]))?;
    let databases = Databases::provide();
    let mut tests = cargo(&["test", "--workspace"]);
    databases.tell(&mut tests);
    if fast {
        tests.env("PURLIN_TEST_BROWSER", "off");
    }
    step("tests", tests)?;
    databases.run(step, cargo)?;
    databases.report();
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
    let mut machine = This::default();
    let is_missing = |program: &str| machine.find(program, &[]).is_none();
    let missing: Vec<&str> =
        PROGRAMS.iter().filter(|(program, _)| is_missing(program)).map(|(_, package)| *package).collect();
    if missing.is_empty() || is_missing("apt-get") || !machine.is_root() {
        return;
    }
    say(&format!("── installing {}", missing.join(" ")));
    if let Err(why) = machine.install(&missing) {
        say(&format!("   could not, so that the tests that need them are left out: {why}"));
    }
}
