//! The two contestants: their data made, their servers started.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use super::load::Connection;
use super::process::{Process, complete};
use super::workloads::Ask;
use super::{Database, Places, report};
use crate::Outcome;
use crate::databases::{self, Running};

/// The token that the ceiling's data holds.
const CEILING_TOKEN: &str = "bench-token";

const EMAIL: &str = "bench@example.com";
const PASSWORD: &str = "correct horse battery staple";

/// For commands that write a few megabytes at most.
const COMMAND_LIMIT: Duration = Duration::from_secs(120);
const START_LIMIT: Duration = Duration::from_secs(30);

/// Where the data of both are made.
pub(super) enum Ground {
    /// Files in the work's folder.
    Files,
    /// Databases on a server, by its URL; what was started for it ends with this.
    Server { url: String, _running: Option<Running> },
}

impl Ground {
    pub(super) fn new(database: Database) -> Outcome<Ground> {
        match database {
            Database::Sqlite => Ok(Ground::Files),
            Database::Postgres => {
                let (url, running) = databases::postgres()?;
                Ok(Ground::Server { url, _running: running })
            }
        }
    }

    /// The URL of a database that only this run has.
    fn url(&self, name: &str) -> Option<String> {
        let Ground::Server { url, .. } = self else { return None };
        let (server, query) = url.split_once('?').unwrap_or((url, ""));
        let server = server.rsplit_once('/').map_or(server, |(server, _)| server);
        // To encrypt would cost both the same, and hide what they do.
        let query = if query.contains("sslmode=") { query } else { "sslmode=disable" };
        let name = name.to_lowercase().replace(' ', "_");
        Some(format!("{server}/purlin_bench_{}_{name}?{query}", std::process::id()))
    }
}

/// A server that can be started.
pub(super) struct Site {
    name: &'static str,
    kind: Kind,
    log: PathBuf,
    /// Ends with it.
    _database: Option<ServersDatabase>,
}

enum Kind {
    Ceiling { binary: PathBuf, place: String },
    Purlin { binary: PathBuf, folder: PathBuf },
}

/// A database on a server, which ends with this.
pub(super) struct ServersDatabase {
    /// The ceiling, which knows how to make and end one.
    binary: PathBuf,
    url: String,
}

impl Drop for ServersDatabase {
    fn drop(&mut self) {
        let _ = complete(Command::new(&self.binary).arg("drop").arg(&self.url), "", COMMAND_LIMIT);
    }
}

/// A server that runs.
pub(super) struct Target {
    pub(super) name: &'static str,
    pub(super) address: SocketAddr,
    pub(super) token: String,
    pub(super) process: Process,
}

/// Makes the data of both, anew: what an earlier run wrote would make this one's tables larger.
pub(super) fn make(places: &Places, ground: &Ground, self_check: bool) -> Outcome<Vec<Site>> {
    if places.work.exists() {
        std::fs::remove_dir_all(&places.work)?;
    }
    std::fs::create_dir_all(&places.work)?;
    report::progress("making the data");
    let measured = match self_check {
        true => make_ceiling(places, ground, "ceiling again")?,
        false => make_purlin(places, ground, "Purlin")?,
    };
    Ok(vec![measured, make_ceiling(places, ground, "ceiling")?])
}

fn make_ceiling(places: &Places, ground: &Ground, name: &'static str) -> Outcome<Site> {
    let binary = places.binary("purlin-bench-ceiling");
    let url = ground.url(name);
    let database = url.clone().map(|url| ServersDatabase { binary: binary.clone(), url });
    let file = places.work.join(format!("{}.db", name.replace(' ', "-")));
    let place = url.unwrap_or_else(|| file.display().to_string());
    complete(Command::new(&binary).arg("make").arg(&place), "", COMMAND_LIMIT)?;
    let log = places.work.join(format!("{name}.log"));
    Ok(Site { name, kind: Kind::Ceiling { binary, place }, log, _database: database })
}

/// Copies bench/site, migrates it, and fills its database behind Purlin's back: 61,000 rows through the API would
/// take longer than the measurement. Which columns a table demands is read from the database, by the ceiling's `fill`.
fn make_purlin(places: &Places, ground: &Ground, name: &'static str) -> Outcome<Site> {
    let (binary, filler) = (places.binary("purlin"), places.binary("purlin-bench-ceiling"));
    let folder = places.work.join("site");
    copy(&places.root.join("bench/site"), &folder)?;
    let url = ground.url(name);
    let database = url.clone().map(|url| ServersDatabase { binary: filler.clone(), url });
    if let Some(url) = &url {
        complete(Command::new(&filler).arg("empty").arg(url), "", COMMAND_LIMIT)?;
        std::fs::write(folder.join(".env"), format!("PURLIN_DATABASE_URL={url}\n"))?;
    }
    let purlin = |arguments: &[&str], input: &str| {
        let [command, action, rest @ ..] = arguments else { return Err("purlin wants a command".into()) };
        let mut purlin = Command::new(&binary);
        complete(purlin.args([command, action]).arg(&folder).args(rest), input, COMMAND_LIMIT)
    };
    purlin(&["migrate", "new", "--name", "bench"], "")?;
    purlin(&["migrate", "apply"], "")?;
    let place = url.unwrap_or_else(|| folder.join("data/site.db").display().to_string());
    complete(Command::new(filler).arg("fill").arg(place), "", COMMAND_LIMIT)?;
    let password = format!("{PASSWORD}\n");
    purlin(&["user", "create", "--email", EMAIL, "--role", "author", "--password-stdin"], &password)?;
    let log = places.work.join(format!("{name}.log"));
    Ok(Site { name, kind: Kind::Purlin { binary, folder }, log, _database: database })
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
            Kind::Ceiling { binary, place } => {
                let mut command = Command::new(binary);
                command.arg("serve").arg(place).arg(address.to_string());
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
