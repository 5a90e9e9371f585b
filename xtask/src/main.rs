//! What people and CI call: `cargo xtask COMMAND`.
//!
//! Each command is a module with a `run` that takes the arguments after its name, and a line in [`COMMANDS`].

mod audit;
mod bench;
mod databases;
mod machine;
mod test;
mod tidy;

use std::error::Error;
use std::process::ExitCode;

/// What a command ends with: an error is printed, and the process fails.
type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

struct Command {
    name: &'static str,
    about: &'static str,
    run: fn(&[String]) -> Outcome,
}

const COMMANDS: &[Command] = &[
    Command {
        name: "test",
        about: "everything that must hold: formatting, lints, tests, documentation",
        run: test::run,
    },
    Command { name: "tidy", about: "the rules of the house that a machine can hold", run: tidy::run },
    Command {
        name: "audit",
        about: "licences, bans and unused dependencies, by cargo-deny and cargo-machete",
        run: audit::audit,
    },
    Command { name: "bench", about: "measure Purlin against a hand-written server", run: bench::run },
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let command = arguments.first().and_then(|name| COMMANDS.iter().find(|command| command.name == name));
    let Some(command) = command else {
        let lines = COMMANDS.iter().map(|command| format!("  {:8} {}\n", command.name, command.about));
        complain(&format!("usage: cargo xtask COMMAND\n{}", lines.collect::<String>()));
        return ExitCode::FAILURE;
    };
    match (command.run)(&arguments[1..]) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("{}: {error}", command.name));
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stderr, reason = "a command speaks to its terminal")]
fn complain(message: &str) {
    eprintln!("{message}");
}

/// Tells how far a command has come.
#[expect(clippy::print_stdout, reason = "a command speaks to its terminal")]
fn say(message: &str) {
    println!("{message}");
}
