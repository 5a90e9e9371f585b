//! The database servers that tests run on: started where they are installed and not running, and told of either way.

use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::{Outcome, say};

/// A server that the same tests run on as on files.
struct Server {
    /// What `PURLIN_TEST_DATABASE` calls it.
    name: &'static str,
    /// The variable that names one elsewhere, or says `off`.
    variable: &'static str,
    port: u16,
    /// How Debian starts it.
    start: &'static str,
}

const SERVERS: &[Server] = &[
    Server {
        name: "postgres",
        variable: "PURLIN_TEST_POSTGRES",
        port: 5432,
        start: "pg_lsclusters -h | head -n 1 | while read -r version name rest; do \
                pg_ctlcluster --skip-systemctl-redirect \"$version\" \"$name\" start; done",
    },
    Server {
        name: "mysql",
        variable: "PURLIN_TEST_MYSQL",
        port: 3306,
        start: "start-stop-daemon --start --oknodo --background --exec /usr/sbin/mariadbd",
    },
];

/// What runs again on each server: the store's own tests of reading, writing and paging, and the corpus of scenarios, and
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

/// Runs the tests on every server that there is, and says which there are.
pub(crate) fn run(step: impl Fn(&str, Command) -> Outcome, cargo: impl Fn(&[&str]) -> Command) -> Outcome {
    let (mut exercised, mut left_out) = (vec!["sqlite"], Vec::new());
    for server in SERVERS {
        if !server.is_there() {
            left_out.push(server.name);
            continue;
        }
        for (what, args) in AGAIN {
            let mut tests = cargo(args);
            tests.env("PURLIN_TEST_DATABASE", server.name);
            step(&format!("{what} on {}", server.name), tests)?;
        }
        exercised.push(server.name);
    }
    say(&format!("── databases: exercised {}", exercised.join(", ")));
    if !left_out.is_empty() {
        say(&format!("   not exercised, for no server answers here: {}", left_out.join(", ")));
    }
    Ok(())
}

impl Server {
    /// Whether it answers, after it was started where that can be done.
    fn is_there(&self) -> bool {
        match std::env::var_os(self.variable) {
            Some(value) if value == "off" => return false,
            Some(_) => return true,
            None => {}
        }
        if self.answers() {
            return true;
        }
        let started =
            Command::new("sh").args(["-c", self.start]).stdin(Stdio::null()).stderr(Stdio::null()).status();
        // It answers a moment after it was started; each look waits for as long as the system does.
        started.is_ok_and(|status| status.success()) && (0..2_000).any(|_| self.answers())
    }

    fn answers(&self) -> bool {
        let address = SocketAddr::from(([127, 0, 0, 1], self.port));
        TcpStream::connect_timeout(&address, Duration::from_millis(500)).is_ok()
    }
}
