//! The command's options.

use super::workloads::WORKLOADS;
use crate::Outcome;

const USAGE: &str =
    "cargo xtask bench [--database NAME] [--only NAME]… [--seconds N] [--rounds N] [--self-check] [--write]
  --database NAME  on sqlite (a file of this process; what is measured where nothing is said) or postgres
  --only NAME      measure this workload alone; may be repeated
  --seconds N      load each server this long in each round (3)
  --rounds N       how many rounds (5)
  --self-check     the ceiling against itself: the ratios should be 1
  --write          put the table into docs/performance.md";

/// Where the data lie.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Database {
    Sqlite,
    Postgres,
}

/// What was asked for.
pub(super) struct Options {
    pub(super) database: Database,
    only: Vec<String>,
    pub(super) seconds: u64,
    pub(super) rounds: usize,
    pub(super) self_check: bool,
    pub(super) write: bool,
}

impl Options {
    pub(super) fn parse(arguments: &[String]) -> Outcome<Options> {
        let mut options = Options {
            database: Database::Sqlite,
            only: Vec::new(),
            seconds: 3,
            rounds: 5,
            self_check: false,
            write: false,
        };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("{argument} wants a value\n{USAGE}"));
            match argument.as_str() {
                "--database" => options.database = database(value()?)?,
                "--only" => options.only.push(known(value()?)?),
                "--seconds" => options.seconds = value()?.parse::<u64>()?.clamp(1, 60),
                "--rounds" => options.rounds = value()?.parse::<usize>()?.clamp(1, 100),
                "--self-check" => options.self_check = true,
                "--write" => options.write = true,
                other => return Err(format!("{other} is no option\n{USAGE}").into()),
            }
        }
        if options.write && (options.self_check || !options.only.is_empty()) {
            return Err("--write wants the whole table: no --self-check, no --only".into());
        }
        Ok(options)
    }

    /// A static file comes from no database: beside a server it is not measured again.
    pub(super) fn wants(&self, name: &str) -> bool {
        match self.only.is_empty() {
            true => name != "static" || self.database == Database::Sqlite,
            false => self.only.iter().any(|only| only == name),
        }
    }
}

fn database(name: &str) -> Outcome<Database> {
    match name {
        "sqlite" => Ok(Database::Sqlite),
        "postgres" => Ok(Database::Postgres),
        other => Err(format!("{other} is no database to measure on; there are sqlite and postgres").into()),
    }
}

fn known(name: &str) -> Outcome<String> {
    if WORKLOADS.iter().any(|workload| workload.name == name) {
        return Ok(name.to_owned());
    }
    let names: Vec<&str> = WORKLOADS.iter().map(|workload| workload.name).collect();
    Err(format!("{name} is no workload; there are {}", names.join(", ")).into())
}
