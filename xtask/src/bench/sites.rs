//! The two contestants: their data made, their servers started.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use super::load::Connection;
use super::process::{Process, complete};
use super::workloads::Ask;
use super::{Places, report};
use crate::Outcome;

/// The token that the ceiling's data holds.
const CEILING_TOKEN: &str = "bench-token";

const EMAIL: &str = "bench@example.com";
const PASSWORD: &str = "correct horse battery staple";

/// For commands that write a few megabytes at most.
const COMMAND_LIMIT: Duration = Duration::from_secs(120);
const START_LIMIT: Duration = Duration::from_secs(30);

/// A server that can be started.
pub(super) struct Site {
    name: &'static str,
    kind: Kind,
    log: PathBuf,
}

enum Kind {
    Ceiling { binary: PathBuf, file: PathBuf },
    Purlin { binary: PathBuf, folder: PathBuf },
}

/// A server that runs.
pub(super) struct Target {
    pub(super) name: &'static str,
    pub(super) address: SocketAddr,
    pub(super) token: String,
    pub(super) process: Process,
}

/// Makes the data of both, anew: what an earlier run wrote would make this one's tables larger.
pub(super) fn make(places: &Places, self_check: bool) -> Outcome<Vec<Site>> {
    if places.work.exists() {
        std::fs::remove_dir_all(&places.work)?;
    }
    std::fs::create_dir_all(&places.work)?;
    report::progress("making the data");
    let measured =
        if self_check { make_ceiling(places, "ceiling again")? } else { make_purlin(places, "Purlin")? };
    Ok(vec![measured, make_ceiling(places, "ceiling")?])
}

fn make_ceiling(places: &Places, name: &'static str) -> Outcome<Site> {
    let binary = places.binary("purlin-bench-ceiling");
    let file = places.work.join(format!("{}.db", name.replace(' ', "-")));
    complete(Command::new(&binary).arg("make").arg(&file), "", COMMAND_LIMIT)?;
    Ok(Site { name, kind: Kind::Ceiling { binary, file }, log: places.work.join(format!("{name}.log")) })
}

/// Copies bench/site, migrates it, and fills its database behind Purlin's back: 61,000 rows through the API would
/// take longer than the measurement. Which columns a table demands is read from the database, by the ceiling's `fill`.
fn make_purlin(places: &Places, name: &'static str) -> Outcome<Site> {
    let binary = places.binary("purlin");
    let folder = places.work.join("site");
    copy(&places.root.join("bench/site"), &folder)?;
    let purlin = |arguments: &[&str], input: &str| {
        let [command, action, rest @ ..] = arguments else { return Err("purlin wants a command".into()) };
        let mut purlin = Command::new(&binary);
        complete(purlin.args([command, action]).arg(&folder).args(rest), input, COMMAND_LIMIT)
    };
    purlin(&["migrate", "new", "--name", "bench"], "")?;
    purlin(&["migrate", "apply"], "")?;
    let filler = places.binary("purlin-bench-ceiling");
    complete(Command::new(filler).arg("fill").arg(folder.join("data/site.db")), "", COMMAND_LIMIT)?;
    let password = format!("{PASSWORD}\n");
    purlin(&["user", "create", "--email", EMAIL, "--role", "author", "--password-stdin"], &password)?;
    Ok(Site { name, kind: Kind::Purlin { binary, folder }, log: places.work.join(format!("{name}.log")) })
}

fn copy(from: &Path, to: &Path) -> Outcome {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        // A site that was tried out by hand has a database of its own.
        if name == "data" || name == "migrations" {
            continue;
        }
        let to = to.join(&name);
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to)?;
        } else {
            std::fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}

impl Site {
    /// Starts the server so many times and leaves the last one running. Gives the median of the times from
    /// the process's start to its first answer, in milliseconds.
    pub(super) fn start(&self, times: usize) -> Outcome<(Target, f64)> {
        let mut millis = Vec::new();
        let mut running = None;
        for _ in 0..times {
            // The one before ends here.
            drop(running.take());
            let (target, took) = self.start_once().map_err(|error| {
                let said = std::fs::read_to_string(&self.log).unwrap_or_default();
                format!("{} does not start: {error}\n{said}", self.name)
            })?;
            millis.push(took.as_secs_f64() * 1000.0);
            running = Some(target);
        }
        let mut target = running.ok_or("a server is started once at least")?;
        target.token = self.sign_in(target.address)?;
        Ok((target, report::median(&millis)))
    }

    fn start_once(&self) -> Outcome<(Target, Duration)> {
        // Nobody else takes the port between here and the server: the kernel gives free ones out in turn.
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let mut command = match &self.kind {
            Kind::Ceiling { binary, file } => {
                let mut command = Command::new(binary);
                command.arg("serve").arg(file).arg(address.to_string());
                command
            }
            Kind::Purlin { binary, folder } => {
                let mut command = Command::new(binary);
                command.arg("serve").arg(folder).env("PURLIN_SERVER_LISTEN", address.to_string());
                command
            }
        };
        let start = Instant::now();
        let mut process = Process::start(&mut command, &self.log)?;
        process.wait_until(START_LIMIT, || answers(address))?;
        let took = start.elapsed();
        Ok((Target { name: self.name, address, token: String::new(), process }, took))
    }

    fn sign_in(&self, address: SocketAddr) -> Outcome<String> {
        if let Kind::Ceiling { .. } = self.kind {
            return Ok(CEILING_TOKEN.to_owned());
        }
        let body = serde_json::json!({ "email": EMAIL, "password": PASSWORD }).to_string();
        let login = Ask { method: "POST", path: "/api/auth/login".to_owned(), body, expect: String::new() };
        let mut connection = Connection::open(address)?;
        let answer = connection.ask(&login, "")?;
        let parsed: serde_json::Value = serde_json::from_str(answer.body)?;
        let token = parsed["token"].as_str();
        Ok(token.ok_or_else(|| format!("no token: {} {}", answer.status, answer.body))?.to_owned())
    }
}

/// Whether the index page is there.
fn answers(address: SocketAddr) -> bool {
    let index = Ask { method: "GET", path: "/".to_owned(), body: String::new(), expect: String::new() };
    let Ok(mut connection) = Connection::open(address) else { return false };
    connection.ask(&index, "").is_ok_and(|answer| answer.status == "200")
}
