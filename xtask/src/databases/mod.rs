//! The servers that tests run on: one that answers is used; else one of the tests' own is started, on a port and in a folder
//! that nobody else has, and ended with the run; its program is installed before where it can be. What was exercised and what
//! was not is told, and why.

mod start;

use std::process::Command;

use crate::machine::{Machine, This};
use crate::{Outcome, say};
pub(crate) use start::Running;

/// A server that tests run on.
pub(crate) struct Server {
    /// What `PURLIN_TEST_DATABASE` calls it.
    name: &'static str,
    /// The variable that names one elsewhere, says `off`, or `own` for one of the tests' own.
    variable: &'static str,
    port: u16,
    /// The program by which it is started.
    program: &'static str,
    /// Debian's packages that bring it.
    packages: &'static [&'static str],
    start: fn(&This) -> Result<Running, String>,
    /// What runs on it.
    tests: &'static [(&'static str, &'static [&'static str])],
}

/// What runs again on each database: the store's own tests of reading, writing and paging, the corpus of scenarios, and
/// hostile documents.
const AGAIN: &[(&str, &[&str])] = &[
    (
        "the store",
        &["test", "-p", "purlin-store", "--test", "it", "--", "reading::", "writing::", "every_row"],
    ),
    (
        "the scenarios and hostile documents",
        &["test", "-p", "purlin-testkit", "--test", "it", "--", "scenarios::", "attacks::documents"],
    ),
];

const SERVERS: &[Server] = &[
    Server {
        name: "postgres",
        variable: "PURLIN_TEST_POSTGRES",
        port: 5432,
        program: "initdb",
        packages: &["postgresql"],
        start: start::postgres,
        tests: AGAIN,
    },
    Server {
        name: "mysql",
        variable: "PURLIN_TEST_MYSQL",
        port: 3306,
        program: "mariadbd",
        packages: &["mariadb-server"],
        start: start::mariadb,
        tests: AGAIN,
    },
    Server {
        name: "redis",
        variable: "PURLIN_TEST_REDIS",
        port: 6379,
        program: "redis-server",
        packages: &["redis-server"],
        start: start::redis,
        tests: &[],
    },
];

/// How a server comes to be there.
#[derive(Debug, PartialEq, Eq)]
enum Way {
    /// The variable names it.
    Named,
    /// It answers on its usual port.
    Answers,
    /// It is started.
    Start,
    /// It is installed, then started.
    Install,
    /// It is not there, and why.
    Missing(String),
}

impl Server {
    /// How it comes to be on a machine.
    fn way(&self, machine: &impl Machine) -> Way {
        let packages = self.packages.join(" ");
        match machine.variable(self.variable).as_deref() {
            Some("off") => return Way::Missing(format!("{} says so", self.variable)),
            Some("own") => {}
            Some(_) => return Way::Named,
            None if machine.answers(self.port) => return Way::Answers,
            None => {}
        }
        if machine.find(self.program, &start::folders()).is_some() {
            return Way::Start;
        }
        if machine.find("apt-get", &[]).is_none() {
            return Way::Missing(format!("none answers on port {}, and none is installed", self.port));
        }
        if !machine.is_root() {
            return Way::Missing(format!("none is installed, and only root may: apt-get install {packages}"));
        }
        Way::Install
    }

    /// Sees to it that it is there; what was started, if anything was.
    fn provide(&self, machine: &mut This) -> Result<Option<Running>, String> {
        match self.way(machine) {
            Way::Named | Way::Answers => return Ok(None),
            Way::Missing(why) => return Err(why),
            Way::Start => {}
            Way::Install => {
                say(&format!("── installing {}", self.packages.join(" ")));
                machine.install(self.packages)?;
            }
        }
        (self.start)(machine).map(Some)
    }
}

/// A PostgreSQL to measure on: its URL, and what was started for that. As for tests, one that answers is used first.
pub(crate) fn postgres() -> Outcome<(String, Option<Running>)> {
    let server = SERVERS.iter().find(|server| server.name == "postgres").ok_or("no PostgreSQL is known")?;
    let mut machine = This::default();
    let running = server.provide(&mut machine)?;
    let url = match (&running, machine.variable(server.variable)) {
        (Some(running), _) => running.url(),
        (None, Some(url)) => url,
        (None, None) => format!("postgres://postgres@127.0.0.1:{}/postgres", server.port),
    };
    Ok((url, running))
}

/// The servers of a run. Those that were started for it end with it.
pub(crate) struct Databases {
    ready: Vec<(&'static Server, Option<Running>)>,
    missing: Vec<(&'static str, String)>,
}

impl Databases {
    /// Sees to it that as many are there as can be.
    pub(crate) fn provide() -> Databases {
        let (mut machine, mut ready, mut missing) = (This::default(), Vec::new(), Vec::new());
        for server in SERVERS {
            match server.provide(&mut machine) {
                Ok(running) => ready.push((server, running)),
                Err(why) => missing.push((server.name, why)),
            }
        }
        Databases { ready, missing }
    }

    /// Tells a command's tests where they are.
    pub(crate) fn tell<'command>(&self, command: &'command mut Command) -> &'command mut Command {
        for (server, running) in &self.ready {
            if let Some(running) = running {
                command.env(server.variable, running.url());
            }
        }
        for (name, _) in &self.missing {
            if let Some(server) = SERVERS.iter().find(|server| server.name == *name) {
                command.env(server.variable, "off");
            }
        }
        command
    }

    /// Runs on each database what was run on files.
    pub(crate) fn run(
        &self,
        step: impl Fn(&str, Command) -> Outcome,
        cargo: impl Fn(&[&str]) -> Command,
    ) -> Outcome {
        for (server, _) in &self.ready {
            for (what, arguments) in server.tests {
                let mut tests = cargo(arguments);
                self.tell(&mut tests).env("PURLIN_TEST_DATABASE", server.name);
                step(&format!("{what} on {}", server.name), tests)?;
            }
        }
        Ok(())
    }

    /// Says which were exercised, and which not and why.
    pub(crate) fn report(&self) {
        say(&self.told());
    }

    fn told(&self) -> String {
        let (used, unused): (Vec<_>, Vec<_>) =
            self.ready.iter().partition(|(server, _)| !server.tests.is_empty());
        let of = |(server, running): &&(&'static Server, Option<Running>)| match running {
            Some(_) => format!("{} (started for it)", server.name),
            None => server.name.to_owned(),
        };
        let names: Vec<String> = std::iter::once("sqlite".to_owned()).chain(used.iter().map(of)).collect();
        let mut told = format!("── databases: exercised {}", names.join(", "));
        for (server, _) in unused {
            told.push_str(&format!("\n   not exercised: {}, which no test asks for yet", server.name));
        }
        for (name, why) in &self.missing {
            told.push_str(&format!("\n   not exercised: {name}: {why}"));
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::path::{Path, PathBuf};

    use super::*;

    /// A machine that a test thinks up.
    #[derive(Default)]
    struct Thought {
        variables: HashMap<&'static str, &'static str>,
        ports: Vec<u16>,
        programs: Vec<&'static str>,
        root: bool,
    }

    impl Machine for Thought {
        fn variable(&self, name: &str) -> Option<String> {
            self.variables.get(name).map(|value| (*value).to_owned())
        }

        fn answers(&self, port: u16) -> bool {
            self.ports.contains(&port)
        }

        fn find(&self, program: &str, _: &[PathBuf]) -> Option<PathBuf> {
            self.programs.contains(&program).then(|| Path::new("/usr/bin").join(program))
        }

        fn is_root(&self) -> bool {
            self.root
        }

        fn install(&mut self, _: &[&str]) -> Result<(), String> {
            Err("nothing is installed in a test".to_owned())
        }
    }

    #[test]
    fn a_server_is_used_started_or_installed_as_the_machine_has_it() {
        let missing = |way: &Way, why: &str| matches!(way, Way::Missing(told) if told.contains(why));
        for server in SERVERS {
            let mut machine = Thought::default();
            assert!(missing(&server.way(&machine), "none is installed"), "{}", server.name);
            machine.programs.push("apt-get");
            let told = format!("only root may: apt-get install {}", server.packages.join(" "));
            assert!(missing(&server.way(&machine), &told), "{}", server.name);
            machine.root = true;
            assert_eq!(server.way(&machine), Way::Install);
            machine.programs.push(server.program);
            assert_eq!(server.way(&machine), Way::Start);
            machine.ports.push(server.port);
            assert_eq!(server.way(&machine), Way::Answers);
            machine.variables.insert(server.variable, "own");
            assert_eq!(server.way(&machine), Way::Start, "although another answers");
            machine.variables.insert(server.variable, "postgres://db.example.org/test");
            assert_eq!(server.way(&machine), Way::Named);
            machine.variables.insert(server.variable, "off");
            assert!(missing(&server.way(&machine), server.variable));
        }
    }

    /// Where the programs are installed: each is started beside whatever runs here already, answers, and is gone.
    #[test]
    fn servers_of_the_tests_own_are_started_and_end() {
        let machine = This::default();
        for server in SERVERS {
            if machine.find(server.program, &start::folders()).is_none() {
                say(&format!("left out: no {} is installed here", server.program));
                continue;
            }
            let running = (server.start)(&machine).unwrap_or_else(|why| panic!("{}: {why}", server.name));
            let (port, folder) = (running.port, running.folder.clone());
            assert!(machine.answers(port) && port != server.port, "{} on {port}", server.name);
            assert!(running.url().contains(&format!("127.0.0.1:{port}")), "{}", running.url());
            drop(running);
            assert!(!machine.answers(port), "{} still answers", server.name);
            assert!(!folder.exists(), "{} left {}", server.name, folder.display());
        }
    }

    #[test]
    fn what_was_exercised_is_told_and_why_the_rest_was_not() {
        let of = |name| SERVERS.iter().find(|server| server.name == name).expect("a server");
        let databases = Databases {
            ready: vec![(of("postgres"), None), (of("redis"), None)],
            missing: vec![("mysql", "none is installed".to_owned())],
        };
        assert_eq!(
            databases.told(),
            "── databases: exercised sqlite, postgres\n   not exercised: redis, which no test asks for yet\n   \
             not exercised: mysql: none is installed"
        );
        let mut command = Command::new("true");
        databases.tell(&mut command);
        let envs: Vec<_> = command.get_envs().collect();
        assert_eq!(
            envs,
            [("PURLIN_TEST_MYSQL".as_ref(), Some("off".as_ref()))],
            "what is missing is not looked for"
        );
    }
}
